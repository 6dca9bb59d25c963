"""A finding of the audit, and the headline before and after a fault is taken out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl

from venire.judges.statistics import frames
from venire.judges.statistics.panel import prompt_means
from venire.judges.statistics.winrate import winrate_ci

ROW = "__row"
PAIR = ["candidate", "incumbent"]
# One judge's view of one pair of answers in one order; more than one row of it is a repeat or a copy.
CELL = ["prompt_id", "epoch", *PAIR, "judge", "candidate_first"]
COPIED = 80  # characters from which two equal judgements are no coincidence
MEASURED = '"measured": {'  # in the text of a judge that measures: numbers in set words
_NAMED = 3  # comparisons that a message names before it counts the rest


@dataclass(frozen=True)
class Finding:
    """`rows` count from 1. `effect` says what the headline becomes without the fault.

    candidates: whose comparisons alone it touches; empty: the file as a whole. It is not part of the format.
    """

    code: str
    severity: Literal["error", "warning", "note"]
    rows: list[int]
    message: str
    effect: str
    candidates: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in `venire votes audit --json`."""
        return {name: value for name, value in asdict(self).items() if name != "candidates"}


@dataclass(frozen=True)
class _Headline:
    estimate: float
    low: float
    high: float
    n: int
    orders: str

    def __str__(self) -> str:
        if self.n == 0 or math.isnan(self.estimate):
            return "nothing (no valid votes remain)"
        interval = "no interval" if math.isnan(self.low) else f"95% {self.low:.3f} to {self.high:.3f}"
        single = ", single orders admitted" if self.orders == "any" else ""
        return f"{self.estimate:.3f} ({interval}, n = {self.n} prompts{single})"


def with_rows(votes: pl.DataFrame) -> pl.DataFrame:
    """The votes with their row numbers, counted from 1."""
    return votes.with_row_index(ROW, offset=1)


def row_list(votes: pl.DataFrame) -> list[int]:
    """The row numbers of some of the votes, ascending."""
    return votes[ROW].sort().to_list()


def without(votes: pl.DataFrame, rows: Iterable[int]) -> pl.DataFrame:
    """The votes that are not in `rows`."""
    return votes.filter(~pl.col(ROW).is_in(list(rows)))


def decisive(votes: pl.DataFrame) -> pl.DataFrame:
    """The votes that a headline is made of: for the gate, else (a file without any) all but anchors."""
    gate = votes.filter(pl.col("use") == "gate")
    return gate if gate.height else votes.filter(pl.col("use") != "anchor")


def headlines(votes: pl.DataFrame, clusters: str = "family") -> dict[tuple[str, str], _Headline]:
    """The panel's win rate of each comparison, as `venire votes analyze` has it: both orders, else any."""
    result = {}
    counted = decisive(votes).with_columns(family=pl.col(clusters)) if clusters != "family" else decisive(votes)
    for comparison in frames.comparisons(counted, "keep") if counted.height else []:
        key, panel = (comparison.candidate, comparison.incumbent), comparison.panel
        result[key] = _Headline(float("nan"), float("nan"), float("nan"), 0, "both")
        for orders in ("both", "any"):
            means = prompt_means(panel.cells(orders))
            kept = ~pl.Series(means).is_nan().to_numpy()
            if kept.any():
                rate = winrate_ci(means[kept], panel.clusters[kept])
                result[key] = _Headline(rate.estimate, rate.low, rate.high, rate.n, orders)
                break
    return result


def effect(before: pl.DataFrame, after: pl.DataFrame, clusters: str = "family") -> str:
    """How the headline of each comparison changes when `before` becomes `after`."""
    old, new = headlines(before), headlines(after, clusters)
    nothing = _Headline(float("nan"), 0, 0, 0, "both")
    moved = [
        f"the win rate of {key[0]} against {key[1]} goes from {headline} to {new.get(key, nothing)}"
        for key, headline in old.items()
        if str(headline) != str(new.get(key, nothing))
    ]
    return several(moved) if moved else "the headline stays as it is"


def replaced(votes: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """The votes with other verdicts on some rows; a soft vote there becomes a hard one."""
    new = votes.join(verdicts, on=ROW, how="left", suffix="_new", maintain_order="left")
    changed = pl.col("verdict_new").is_not_null()
    return new.with_columns(
        verdict=pl.coalesce("verdict_new", "verdict"),
        preference=pl.when(~changed).then("preference"),
        reason=pl.when(~changed).then("reason"),
    ).drop("verdict_new")


def several(sentences: Sequence[str]) -> str:
    """The first few sentences, and how many more there are."""
    rest = len(sentences) - _NAMED
    return "; ".join(sentences[:_NAMED]) + (f"; and {rest} comparisons more" if rest > 0 else "")


def count(number: int, word: str) -> str:
    """`1 row`, `2 rows`, `3 families`."""
    if number == 1:
        return f"1 {word}"
    return f"{number} {word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeo" else f"{number} {word}s"
