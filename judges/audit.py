"""The audit of a file of votes: which of the known ways to fool oneself are in it, and what they do to the headline.

`audit` runs every check; each finding names its rows and says what the headline becomes without the fault. What the
codes mean stands in `CODES`. Checks of the raw text are in `_audit_text` and `_audit_labels`, checks of the design in
`_audit_design` and `_audit_copies`.
"""

from pathlib import Path

import polars as pl

from venire.judges._audit_design import design_findings
from venire.judges._audit_finding import Finding, with_rows
from venire.judges._audit_text import text_findings
from venire.judges.vote_files import read_table
from venire.judges.votes import validate

__all__ = ["CODES", "SEVERITIES", "Finding", "audit", "audit_file", "has_errors"]

CODES = {
    "winner_mismatch": "raw text and recorded verdict disagree, given the labels, or it was recorded as invalid",
    "label_mapping": "labels are not recorded: which mapping the verdicts obey, fixed or following the order",
    "fixed_labels": "a label always stands for the same contender, so a judge's taste for it counts as a win",
    "single_order": "votes in one order only: position bias is inside the headline",
    "error_as_verdict": "a provider's error is recorded as a verdict",
    "unparseable": "a verdict is recorded where the raw text holds none",
    "repeated_rows": "the same vote stands in the file more than once",
    "few_prompts": "rows are far more than distinct prompts or answer pairs",
    "judge_identity": "several models under one name, one under several, or a name that text or equal votes contradict",
    "identical_outputs": "two contenders gave the same text, byte for byte",
    "constant_output": "a contender gives one answer to many prompts",
    "longer_wins": "the longer answer wins more often than chance and quality explain",
    "position_bias": "a judge prefers a place",
    "missing_votes": "judges have no valid vote on everything",
}

SEVERITIES = ("error", "warning", "note")  # the gravest first


def audit(votes: pl.DataFrame) -> list[Finding]:
    """All findings on a valid vote table, the gravest first. Columns that are not ours are looked at, too.

    A row's number is its place in the table, counted from 1.
    """
    numbered = with_rows(votes)
    found = [*text_findings(numbered), *design_findings(numbered)]
    codes = list(CODES)
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), codes.index(finding.code)))


def audit_file(path: Path) -> list[Finding]:
    """`audit` of a parquet, CSV or JSONL file. A vote that stands there twice is a finding here, no refusal."""
    table = read_table(path)
    votes = validate(table.drop("repeat", strict=False), str(path), "keep", extras=True)
    # What the file calls a repeat is one; equal rows that it does not number stay unnumbered, to be found.
    marked = table["repeat"].cast(pl.Int64, strict=False).fill_null(0) if "repeat" in table.columns else pl.lit(0)
    votes = votes.with_columns(marked.cast(pl.Int64).alias("repeat"))
    return audit(votes)


def has_errors(findings: list[Finding]) -> bool:
    """Is any of them of severity `error`?"""
    return any(finding.severity == "error" for finding in findings)
