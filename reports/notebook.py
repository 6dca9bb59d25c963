"""Results in a notebook: a run, an analysis or a decision as a small page in its own frame, and as text elsewhere.

from venire.reports import show
show("runs/quickstart")            # the decision, the gate, win rates
show(analyze(read_votes(path)))    # an analysis, whoever's votes they are
show(compare_runs([one, other]))   # runs side by side
"""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venire._common.errors import InputError

from .charts import value_words
from .compare import Comparison
from .escape import markdown
from .files import RunFiles, read_run
from .model import Report, make_report
from .render import render_compared, render_markdown, render_notebook

_HEIGHT = 620  # pixels; the frame scrolls


@dataclass(frozen=True, repr=False)
class Shown:
    """Something to look at: a page, and the same in words. `data` is what both are made of."""

    data: Report | Comparison
    page: str
    text: str

    def _repr_html_(self) -> str:
        # A frame of its own: the notebook's style does not reach in, and nothing in it reaches out.
        style = f"width:100%;height:{_HEIGHT}px;border:0"
        page = html.escape(self.page, quote=True)
        return f'<iframe title="Venire" sandbox="" style="{style}" srcdoc="{page}"></iframe>'

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def show(what: str | Path | dict[str, Any] | Comparison) -> Shown:
    """A run folder, what `analyze` or `compare_runs` gave, or a decision. Raises InputError for anything else."""
    if isinstance(what, Comparison):
        return Shown(what, render_compared(what, html=True), render_compared(what, html=False))
    if isinstance(what, str | Path):
        report = make_report(read_run(Path(what)))
    elif "comparisons" in what:
        report = make_report(RunFiles(Path("analysis"), analysis=what))
    elif "outcome" in what:
        report = make_report(RunFiles(Path("decision"), decision=what))
    else:
        raise InputError(
            "show: a run folder, an analysis (with `comparisons`) or a decision (with `outcome`) is wanted"
        )
    decided = report.verdict.outcome != "NONE"
    return Shown(report, render_notebook(report), render_markdown(report) if decided else _rates(report))


def _rates(report: Report) -> str:
    """Without a decision: every candidate's win rate."""
    rows = [f"- {markdown(row.label)}: {value_words(row)}" for row in report.compared]
    return "\n".join(["Win rates against the incumbent, 95% intervals:", "", *rows, ""])
