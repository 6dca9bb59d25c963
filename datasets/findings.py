"""What a check found: findings with their rows, how they are worded, and when they make it fail.

A finding is an `error` (do not train on it), a `warning` (look at it) or a `note` (know it).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
CODES = {
    "schema": "a row that training cannot read",
    "duplicate": "a row that stands twice, word for word",
    "near_duplicate": "a question that another family asks too, nearly word for word",
    "reworded_copy": "a question that another family asks too, in other words and with the same answer",
    "same_answer": "one long answer to questions of many families",
    "other_answer": "one question with several answers, in different families",
    "straddle": "a family that stands in more than one part",
    "leak": "text of an evaluation in training: equal, quoted or nearly equal",
    "reworded": "a question of an evaluation in other words",
    "resembles": "a question that comes near to one of an evaluation, and may be another",
    "truncated": "an answer that seems to be cut, or a stand-in for one",
    "same_sides": "a pair whose two answers are the same",
    "length_tells": "pairs of which length gives away the wanted answer",
    "imbalance": "categories of very different sizes",
    "key": "a password or a key",
    "email": "an e-mail address",
    "phone": "a phone number",
    "account": "the number of an account, a card or a person",
    "address": "a house with its street",
    "name": "what looks like a person's name",
    "licence": "a source whose licence is not known",
    "stale_card": "a card that names another hash",
}
_ROWS_SHOWN = 10_000  # places a finding lists at most; `count` has them all


@dataclass(frozen=True)
class Place:
    """A row of a file."""

    file: str
    row: int

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}"


@dataclass
class Finding:
    """One thing that is wrong, in one or many rows."""

    code: str
    severity: Severity
    message: str
    rows: list[Place] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.count = self.count or len(self.rows)
        self.rows = self.rows[:_ROWS_SHOWN]


@dataclass(frozen=True)
class Report:
    """What a check found, and what it looked at."""

    files: dict[str, int]
    findings: list[Finding]
    compared: dict[str, int]

    def wrong(self, allowed: Sequence[str] = ()) -> bool:
        """Is there an error or a warning that is not allowed?"""
        return any(f.severity != "note" and f.code not in allowed for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        findings = [asdict(finding) for finding in self.findings]
        return {"files": self.files, "findings": findings, "compared": self.compared}


def short(text: str) -> str:
    """A text in quotes, on one line, cut where it is long."""
    one = " ".join(text.split())
    return f'"{one[:90]}…"' if len(one) > 90 else f'"{one}"'


def some(places: Sequence[Place]) -> str:
    """The first three rows, by file, and how many more there are."""
    first = places[0].file
    numbers = ", ".join(str(p.row) for p in places[:3] if p.file == first)
    shown = sum(p.file == first for p in places[:3])
    more = f" and {len(places) - shown} more" if len(places) > shown else ""
    return f"{first}, row{'s' if shown > 1 else ''} {numbers}{more}"
