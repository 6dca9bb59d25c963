"""What people see of a run: why it was decided, how sure, and down to the text of every vote.

build_report(run)          report.html, report.md, report.json, and the candidate's papers beside its weights
build_papers(run, folder)  the model card and the promotion record, anywhere
compare_runs(runs)         runs side by side
show(anything of these)    in a notebook: a run, an analysis, a decision, runs side by side
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .build import build_papers, build_report
    from .compare import compare_runs
    from .notebook import show

_HOME = {"build_papers": "build", "build_report": "build", "compare_runs": "compare", "show": "notebook"}

__all__ = ["build_papers", "build_report", "compare_runs", "show"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
