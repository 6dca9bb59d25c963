"""The report as HTML and Markdown. What a model wrote is hostile: all is escaped, and no script but ours runs."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import charts, numbers, origin, words
from .model import Report

TEMPLATES = Path(__file__).parent / "templates"

# Controls and marks that could turn, hide or reorder the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~<>])")


def render_html(report: Report) -> str:
    """The page: one file that asks nothing of anywhere."""
    policy = (
        f"default-src 'none'; style-src '{digest(source('page.css'))}'; script-src '{digest(source('page.js'))}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return page_of("page.html", "page.css", "page.js", r=report, policy=policy)


def page_of(template: str, style: str, script: str, **values: Any) -> str:
    """A template of ours with its style and script in it; every value is escaped."""
    page = _environment(html=True).get_template(template)
    return page.render(style=Markup(source(style)), script=Markup(source(script)), **values)


def render_markdown(report: Report) -> str:
    """A few lines for a pull request."""
    text = _environment(html=False).get_template("report.md").render(r=report)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def visible(text: Any) -> str:
    """Text whose invisible and direction-turning characters are written out, as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda m: f"⟨U+{ord(m[0]):04X}⟩", str(text).replace("\r\n", "\n"))


def markdown(text: Any) -> str:
    """Text as Markdown that renders as that text: on one line, no link, image, table cell or mention in it."""
    line = " ".join(visible(text).split())
    return _MARKDOWN.sub(r"\\\1", line).replace("@", "@\u2060").replace("://", ":\u2060//")


def code(text: Any) -> str:
    """Text as a Markdown code span: a name, a hash."""
    return f"`{' '.join(visible(text).split()).replace('`', 'ˋ').replace('|', '¦')}`"


@cache
def source(name: str) -> str:
    """A file of ours, as it is."""
    return (TEMPLATES / name).read_text("utf-8")


def digest(text: str) -> str:
    """How a content security policy names a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


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
    environment.filters |= {"visible": visible, "md": markdown, "code": code}
    environment.globals |= {
        "interval": numbers.interval,
        "value_words": charts.value_words,
        "exam_words": origin.exam_words,
        "agreement_words": words.AGREEMENT,
    }
    return environment
