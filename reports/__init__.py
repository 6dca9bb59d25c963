"""The page on which a person reads a decision: why, how sure, and down to the text of every vote.

`build_report(run)` writes report.html, report.md and report.json from the files of a run folder.
"""

from .build import build_report

__all__ = ["build_report"]
