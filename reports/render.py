"""The report as HTML and Markdown. What a model wrote is hostile: all is escaped, and no script but ours runs."""

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from . import bench, charts, numbers, origin, words
from .compare import Comparison
from .differences import Run, differences, too_much
from .escape import code, markdown, visible
from .model import Report
from .pairs import Text

TEMPLATES = Path(__file__).parent / "templates"
WRITTEN_OUT = 400  # pairs on a page before they are packed
WRITTEN_CHARACTERS = 2_000_000  # of their texts
MOST_SAME = 500  # unchanged items that are named for one metric
CHUNK = 100  # pairs packed together; page.js knows it too


def render_html(report: Report) -> str:
    """The page: one file that asks nothing of anywhere."""
    return page_of("page.html", "page.css", "page.js", r=report, policy=_policy("page.js"), packed=_packed(report))


def render_compared(comparison: Comparison, *, html: bool) -> str:
    """Runs side by side, as a page or as Markdown."""
    if html:
        return page_of("compare.html", "page.css", None, c=comparison, policy=_policy(None))
    return render_text("compare.md", c=comparison)


def render_notebook(report: Report) -> str:
    """The first screen and its figures alone, for a cell of a notebook."""
    return page_of("notebook.html", "page.css", None, r=report, policy=_policy(None))


def _policy(script: str | None) -> str:
    """A content security policy under which our style and script may run, and nothing may be fetched."""
    runs = f"script-src '{digest(source(script))}'; " if script else ""
    style = digest(source("page.css"))
    return f"default-src 'none'; style-src '{style}'; {runs}base-uri 'none'; form-action 'none'"


def page_of(template: str, style: str, script: str | None, **values: Any) -> str:
    """A template of ours with its style and script in it; every value is escaped."""
    page = _environment(html=True).get_template(template)
    return page.render(style=Markup(source(style)), script=Markup(source(script)) if script else "", **values)


def _packed(report: Report) -> list[str]:
    """The pairs' bodies, compressed, where there is too much to write them out; the page unpacks what is opened."""
    if len(report.pairs.pairs) <= WRITTEN_OUT and report.pairs.characters <= WRITTEN_CHARACTERS:
        return []
    body = getattr(_environment(html=True).get_template("pairs.html").module, "pair_body")  # noqa: B009
    bodies = [str(body(pair, report)) for pair in report.pairs.pairs]
    parts = [json.dumps(bodies[i : i + CHUNK]) for i in range(0, len(bodies), CHUNK)]
    return [base64.b64encode(zlib.compress(part.encode("utf-8"), 6)).decode("ascii") for part in parts]


def prose(text: str) -> Markup:
    """What we say, with what stands between backticks in the face of code; escaped like everything else."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def _marked(one: Text | None, other: Text | None) -> tuple[list[Run] | None, list[Run] | None]:
    """Both answers with their differences; None where there is nothing to mark."""
    if one is None or other is None:
        return None, None
    left, right = differences(one.shown, other.shown)
    return (left, right) if any(not run.same for run in [*left, *right]) else (None, None)


def _not_marked(one: Text | None, other: Text | None) -> str:
    """Why the differences of two answers are not marked, where that is not because they have little in common."""
    return "" if one is None or other is None else too_much(one.shown, other.shown)


def render_markdown(report: Report) -> str:
    """A few lines for a pull request."""
    return render_text("report.md", r=report)


def render_text(template: str, **values: Any) -> str:
    """A Markdown template of ours; its filters `md` and `code` make harmless what it is given."""
    text = _environment(html=False).get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def source(name: str) -> str:
    """A file of ours, as it is."""
    return (TEMPLATES / name).read_text("utf-8")


def digest(text: str) -> str:
    """How a content security policy names a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(numbers, name)
        for name in ("percent", "points", "decimal", "duration", "count", "money", "moment", "loose")
    }
    environment.filters |= {"visible": visible, "md": markdown, "code": code, "prose": prose}
    environment.globals |= {
        "interval": numbers.interval,
        "value_words": charts.value_words,
        "exam_words": origin.exam_words,
        "exam_price": bench.exam_price,
        "retest_words": bench.retest_words,
        "agreement_words": words.AGREEMENT,
        "MOST_SAME": MOST_SAME,
        "marked": _marked,
        "not_marked": _not_marked,
    }
    return environment
