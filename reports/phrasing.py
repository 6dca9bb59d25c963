"""Facts or phrasings: what phrasings.json says of each contender, with intervals over facts and templates."""

from dataclasses import dataclass
from typing import Any

from .cautions import Caution
from .files import RunFiles
from .numbers import is_number


@dataclass(frozen=True)
class Figure:
    """A rate (or a difference of two) with its 95% interval; `n` answers; over what the interval is (`method`)."""

    estimate: float | None
    low: float | None
    high: float | None
    n: int | None
    method: str


@dataclass(frozen=True)
class Flag:
    """Something that looks too good or too alike; an `alarm` is strong enough to stop for."""

    code: str
    alarm: bool
    message: str


@dataclass(frozen=True)
class PhrasingRow:
    """One contender on one metric: trained and novel phrasings, their gap by fact, and all phrasings of a fact right.

    `consistency` is beyond chance: 1 where a fact is right, or wrong, in all its phrasings.
    """

    suite: str
    metric: str
    contender: str
    facts: int
    trained: Figure | None
    novel: Figure | None
    gap: Figure | None
    all_phrasings: Figure | None
    consistency: float | None
    flags: list[Flag]


def phrasing_rows(files: RunFiles) -> list[PhrasingRow]:
    """Every contender's row, suite by suite: the finalist, the incumbent, then the others."""
    rows = [_row(row) for row in files.phrasings]
    first = [name for name in files.finalist if name]

    def place(row: PhrasingRow) -> tuple[str, str, int, str]:
        rank = first.index(row.contender) if row.contender in first else len(first)
        return row.suite, row.metric, rank, row.contender

    return sorted(rows, key=place)


def phrasing_cautions(rows: list[PhrasingRow]) -> list[Caution]:
    """The alarms as warnings, each said once with all whom it is about."""
    about: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        for flag in row.flags:
            if flag.alarm:
                about.setdefault((row.suite, flag.code, flag.message), []).append(row.contender)
    advice = "find out why before the figures are believed; look for the items in the training data"
    return [
        Caution(code, f"{suite}, {', '.join(dict.fromkeys(names))}: {message}", advice, "suites")
        for (suite, code, message), names in about.items()
    ]


def _row(row: dict[str, Any]) -> PhrasingRow:
    alike = row.get("consistency") or {}
    return PhrasingRow(
        suite=str(row.get("suite") or ""),
        metric=str(row.get("metric") or ""),
        contender=str(row.get("contender") or ""),
        facts=row.get("facts") or 0,
        trained=_figure(row.get("trained")),
        novel=_figure(row.get("novel")),
        gap=_figure(row.get("gap")),
        all_phrasings=_figure(alike.get("all_phrasings"), n=row.get("facts")),
        consistency=_number(alike.get("corrected")),
        flags=[
            Flag(str(flag.get("code") or ""), bool(flag.get("alarm")), str(flag.get("message") or ""))
            for flag in row.get("flags") or []
        ],
    )


def _figure(found: dict[str, Any] | None, n: int | None = None) -> Figure | None:
    if not found:
        return None
    estimate, low, high = (_number(found.get(key)) for key in ("estimate", "low", "high"))
    return Figure(estimate, low, high, found.get("n", n), str(found.get("method") or ""))


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None
