"""A run folder becomes report.html, report.md and report.json in it."""

from pathlib import Path

from venire._common.files import write_atomic, write_json

from .files import read_run
from .model import make_report, to_json
from .render import render_html, render_markdown


def build_report(run: Path) -> Path:
    """Write report.html, report.md and report.json into the run folder; gives the path of the page.

    Only the run's own files are read. Raises InputError if the folder is no run, or a file in it is broken; what is
    missing is named on the page.
    """
    report = make_report(read_run(run))
    write_json(run / "report.json", to_json(report))
    write_atomic(run / "report.md", render_markdown(report))
    write_atomic(run / "report.html", render_html(report))
    return run / "report.html"
