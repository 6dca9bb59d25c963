"""A run folder becomes report.html, report.md and report.json in it, and the finalist's folder gets its papers."""

from pathlib import Path

from venire._common.errors import InputError
from venire._common.files import write_atomic, write_json

from .card import folder_of, write_papers
from .files import read_run
from .model import make_report, to_json
from .render import render_html, render_markdown


def build_report(run: Path) -> Path:
    """Write report.html, report.md and report.json into the run folder; gives the path of the page.

    The decision's candidate, if this run made it, gets its card and promotion record beside its weights. Only the
    run's own files are read, and of weights from elsewhere what stands beside them. Raises InputError if the folder is
    no run, or a file in it is broken; what is missing is named on the page.
    """
    files = read_run(run)
    report = make_report(files)
    write_json(run / "report.json", to_json(report))
    write_atomic(run / "report.md", render_markdown(report))
    write_atomic(run / "report.html", render_html(report))
    if folder := folder_of(files):
        write_papers(report, files, folder)
    return run / "report.html"


def build_papers(run: Path, out: Path | None = None) -> list[Path]:
    """The card and the promotion record of the decision's candidate, in `out` or beside its weights; gives their paths.

    Raises InputError where nothing was decided, or where the run did not make the weights and `out` is not given.
    """
    files = read_run(run)
    folder = out or folder_of(files)
    if folder is None and files.decision.get("candidate"):
        raise InputError(f"{run}: the candidate's weights were not made in this run; say where to write with --out")
    return write_papers(make_report(files), files, folder or run)
