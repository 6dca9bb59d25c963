"""What the importers share: records from JSON or JSONL, the choice of comparison, and one side's view of a pair."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from venire._common.errors import InputError
from venire.judges.verdict_text import parse_verdict
from venire.judges.vote_files import read_jsonl, whole

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Pick:
    """Which comparisons are wanted, and which side of them a contender is on."""

    candidate: str | None = None
    incumbent: str | None = None

    def __bool__(self) -> bool:
        return bool(self.candidate or self.incumbent)

    def __str__(self) -> str:
        return f"{self.candidate or 'any candidate'} against {self.incumbent or 'any incumbent'}"

    def sides(self, one: str, two: str) -> tuple[str, str] | None:
        """(candidate, incumbent) of the two names; None if this comparison is not wanted."""
        pairs = [(one, two), (two, one)] if one < two else [(two, one), (one, two)]
        for candidate, incumbent in pairs:
            if self.candidate in (None, candidate) and self.incumbent in (None, incumbent):
                return candidate, incumbent
        return None

    def keeps(self, candidate: pl.Expr, incumbent: pl.Expr) -> pl.Expr:
        """Is a row of our own format wanted? Its sides are already named."""
        wanted = pl.lit(True)
        if self.candidate:
            wanted &= candidate == self.candidate
        if self.incumbent:
            wanted &= incumbent == self.incumbent
        return wanted


def read_records(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The objects in a JSON array or a JSONL file (whichever it is; `.json` files of both kinds are about)."""
    if not path.is_file():
        raise InputError(f"{str(path)!r}: no such file")
    try:
        with path.open(encoding="utf-8-sig") as handle:
            opening = handle.read(1024).lstrip()
            handle.seek(0)
            if not opening.startswith("["):
                return _first_line(handle.readline(), path) if limit == 1 else read_jsonl(path)
            records = whole(json.load(handle))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error}") from error
    for i, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}, row {i}: an object is wanted, not {type(record).__name__}")
    return records[:limit]


def _first_line(line: str, path: Path) -> list[dict[str, Any]]:
    try:
        record = whole(json.loads(line)) if line.strip() else {}
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, row 1: not valid JSON: {error.msg}") from error
    return [record] if isinstance(record, dict) and record else read_jsonl(path)[:1]


def field(record: dict[str, Any], key: str, source: str, row: int) -> Any:
    """A key that the format promises; InputError with the row where it is missing."""
    if record.get(key) is None:
        raise InputError(f"{source}, row {row}: {key!r} is missing")
    return record[key]


def side(winner: str, pair: tuple[str, str], source: str, row: int) -> str:
    """Which side of (candidate, incumbent) a winner's name is."""
    if winner not in pair:
        raise InputError(f"{source}, row {row}: winner {winner!r} is neither {pair[0]!r} nor {pair[1]!r}")
    return "candidate" if winner == pair[0] else "incumbent"


def why_invalid(judgment: str | None) -> str:
    """The reason that a judgement without a verdict is invalid, from its text."""
    return parse_verdict(judgment).reason or "parse"


def mapping_of(first: str, labels: tuple[str, str] = ("A", "B")) -> str:
    """The label mapping where the first label is on the side `first` (candidate or incumbent)."""
    second = "incumbent" if first == "candidate" else "candidate"
    return f"{labels[0]}={first};{labels[1]}={second}"
