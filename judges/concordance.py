"""Do two groups of judges say the same? Counting pairs of votes on the same pair of answers.

The panel's own agreement is `statistics.agreement`: one verdict a judge and prompt, few judges who all see everything.
This is for groups: a judge against many people of whom each saw a little, or people among themselves. An *item* is a
prompt (and epoch) of one comparison, whichever of the two was called the candidate.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from venire._common.errors import InputError
from venire.judges.statistics.kappa import cohen_kappa
from venire.judges.votes import value

ITEM = ["prompt_id", "epoch", "candidate", "incumbent"]
_SIGNS = (-1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Concordance:
    """`agree` of `n` pairs of verdicts; Cohen's κ of the first against the second, nan where undefined."""

    agree: int
    n: int
    kappa: float

    @property
    def rate(self) -> float:
        """agree / n, nan for no pairs."""
        return self.agree / self.n if self.n else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """agree, n, rate and kappa; None for nan."""
        rate, kappa = (None if math.isnan(x) else x for x in (self.rate, self.kappa))
        return {"agree": self.agree, "n": self.n, "rate": rate, "kappa": kappa}


def item_verdicts(votes: pl.DataFrame) -> pl.DataFrame:
    """One row a (item, judge, repeat): `sign` is 1, 0 or −1, of the mean over orders (0: a tie, or orders that differ).

    A pair's names come out in alphabetical order, 1 for the first. People see a pair once: each vote of theirs is a
    verdict of its own. Invalid votes are left out.
    """
    turned = pl.col("candidate") > pl.col("incumbent")
    once = pl.when(pl.col("judge_family") == "human").then(pl.col("candidate_first") != turned)
    return (
        votes.with_columns(
            candidate=pl.min_horizontal("candidate", "incumbent"),
            incumbent=pl.max_horizontal("candidate", "incumbent"),
            share=pl.when(turned).then(1 - value()).otherwise(value()),
            order=once,
        )
        .filter(pl.col("share").is_not_null())
        .group_by([*ITEM, "judge", "repeat", "order"], maintain_order=True)
        .agg(sign=(2 * pl.col("share").mean() - 1).round(12).sign())
    )


def majority(verdicts: pl.DataFrame) -> pl.DataFrame:
    """One row an item: the verdict that most gave; 0 (a tie) where the most frequent are several."""
    counts = verdicts.group_by([*ITEM, "sign"]).len()
    top = counts.filter(pl.col("len") == pl.col("len").max().over(ITEM))
    sign = pl.when(pl.len() == 1).then(pl.col("sign").first()).otherwise(0.0)
    return top.group_by(ITEM).agg(sign=sign).sort(ITEM)


def between(left: pl.DataFrame, right: pl.DataFrame, *, ties: bool = True) -> Concordance:
    """Every verdict of `left` with every one of `right` on the same item; without `ties`, only where neither is one."""
    both = left.select(*ITEM, "sign").join(right.select(*ITEM, "sign"), on=ITEM, suffix="_right")
    return _count(both["sign"].to_numpy(), both["sign_right"].to_numpy(), ties)


def within(verdicts: pl.DataFrame, *, ties: bool = True) -> Concordance:
    """Every unordered pair of verdicts on the same item."""
    numbered = verdicts.select(*ITEM, "sign").with_row_index("row")
    pairs = numbered.join(numbered, on=ITEM, suffix="_right").filter(pl.col("row") < pl.col("row_right"))
    return _count(pairs["sign"].to_numpy(), pairs["sign_right"].to_numpy(), ties)


def agreement_table(votes: pl.DataFrame) -> list[dict[str, Any]]:
    """Each judge with people, and people with people: rows of judge, with, ties, agree, n, rate and kappa.

    `ties` says whether verdicts of a tie are counted. A rate or κ that is undefined is None. Raises InputError where
    nobody but machines, or nobody but one person, has voted on anything twice.
    """
    verdicts = item_verdicts(votes)
    human = verdicts["judge"].is_in(votes.filter(judge_family="human")["judge"].unique().to_list())
    people = verdicts.filter(human)
    judges = verdicts.filter(~human)["judge"].unique().sort().to_list()
    found = []
    for ties in (True, False):
        for judge in judges:
            counted = between(verdicts.filter(judge=judge), people, ties=ties)
            found.append({"judge": judge, "with": "people", "ties": ties, **counted.to_dict()})
        found.append({"judge": "people", "with": "people", "ties": ties, **within(people, ties=ties).to_dict()})
    found = [row for row in found if row["n"]]
    if not found:
        raise InputError(
            "no two verdicts to compare: this needs votes of people (judge_family `human`, or a judge named `human:…`) "
            "on pairs that a judge, or somebody else, has judged too"
        )
    return found


def _count(left: np.ndarray, right: np.ndarray, ties: bool) -> Concordance:
    signs = _SIGNS if ties else (-1.0, 1.0)
    table = np.array([[np.sum((left == a) & (right == b)) for b in signs] for a in signs])
    n = int(table.sum())
    return Concordance(int(np.trace(table)), n, float(cohen_kappa(table)) if n else float("nan"))
