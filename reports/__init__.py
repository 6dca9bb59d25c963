"""What people see of a run: why it was decided, how sure, and down to the text of every vote.

build_report(run)          report.html, report.md, report.json, and the candidate's papers beside its weights
build_papers(run, folder)  the model card and the promotion record, anywhere
"""

from .build import build_papers, build_report

__all__ = ["build_papers", "build_report"]
