"""The exam: a judge's votes count only once it has told intact answers from degraded ones.

An anchor is right if the judge favours the known winner over both orders together; a tie or an invalid vote is wrong.
How many must be right: docs/statistics.md, "Judges".
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from venire._common.errors import InputError
from venire.judges.statistics.clopper_pearson import qualification

from .anchors import INTACT, PREFIX
from .votes import value


@dataclass(frozen=True)
class Exam:
    """One judge's exam: `right` of `n` anchors, the exact one-sided 95% lower bound, and right of n by degradation.

    `ties` and `invalid` say how the wrong ones came about; the rest of them preferred the degraded answer. `calls` and
    `cost_usd` are the exam's price; null where no call's price is known.
    """

    judge: str
    n: int
    right: int
    ties: int
    invalid: int
    low: float
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)
    calls: int = 0
    cost_usd: float | None = None

    @property
    def passed(self) -> bool:
        """Is the bound above chance? 26 of 40 are needed."""
        return qualification(self.right, self.n).passed

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"passed": self.passed, "kinds": {k: list(v) for k, v in self.kinds.items()}}


def examine(votes: pl.DataFrame, expected: int = 0) -> dict[str, Exam]:
    """Every judge's exam, from its anchor votes.

    With `expected` anchors, those that a judge was not asked, or in one order only, are wrong like invalid votes; with
    none expected, a judge without anchor votes has no exam. Raises InputError where the known winner is not named.
    """
    anchors = votes.filter(pl.col("use") == "anchor")
    unknown = anchors.filter((pl.col("candidate") != INTACT) & (pl.col("incumbent") != INTACT))
    if unknown.height:
        row = unknown.row(0, named=True)
        raise InputError(
            f"anchor votes: of {row['candidate']!r} and {row['incumbent']!r} (prompt {row['prompt_id']!r}) neither is "
            f"{INTACT!r}, so the winner is not known; name the better answer of an anchor {INTACT!r}"
        )
    priced = "cost_usd" in votes.columns
    prices = {
        judge: (n, cost)
        for judge, n, cost in anchors.group_by("judge")
        .agg(
            pl.len(), pl.when(pl.col("cost_usd").is_not_null().any()).then(pl.col("cost_usd").sum()) if priced else None
        )
        .iter_rows()
    }
    unit = ["judge", "prompt_id", "candidate", "incumbent"]
    graded = (
        anchors.with_columns(value=value())
        .group_by(unit, maintain_order=True)
        .agg(
            share=pl.col("value").mean(),
            valid=pl.col("value").is_not_null().all() & (pl.col("candidate_first").n_unique() == 2),
        )
    )
    outcomes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    if expected:
        outcomes |= {judge: [] for judge in votes["judge"].unique()}
    for row in graded.iter_rows(named=True):
        intact_is_candidate = row["candidate"] == INTACT
        kind = (row["incumbent"] if intact_is_candidate else row["candidate"]).removeprefix(PREFIX)
        outcomes[row["judge"]].append((kind, _outcome(row["share"], row["valid"], intact_is_candidate)))
    return {
        judge: _exam(judge, found, expected, *prices.get(judge, (0, None))) for judge, found in sorted(outcomes.items())
    }


def _outcome(share: float | None, valid: bool, intact_is_candidate: bool) -> str:
    if not valid or share is None:
        return "invalid"
    if share == 0.5:
        return "tie"
    return "right" if (share > 0.5) == intact_is_candidate else "wrong"


def _exam(
    judge: str, outcomes: list[tuple[str, str]], expected: int, calls: int = 0, cost_usd: float | None = None
) -> Exam:
    counts = {name: sum(outcome == name for _, outcome in outcomes) for name in ("right", "tie", "invalid")}
    kinds = {
        kind: (sum(o == "right" for k, o in outcomes if k == kind), sum(k == kind for k, _ in outcomes))
        for kind in sorted({kind for kind, _ in outcomes})
    }
    n = max(len(outcomes), expected)
    invalid = counts["invalid"] + n - len(outcomes)
    low = qualification(counts["right"], n).low
    return Exam(judge, n, counts["right"], counts["tie"], invalid, low, kinds, calls, cost_usd)
