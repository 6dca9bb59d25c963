"""Retest: how often a judge says the same of the same pair, in the same order, when it is asked a second time."""

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from .statistics.winrate import winrate_ci


@dataclass(frozen=True)
class Retest:
    """Of n (prompt, order) judged validly in the first and in a later pass: `same` verdicts, their share and its 95%.

    The interval is over prompts (or families). `invalid`: judged in both passes, but not validly in both.
    """

    n: int
    same: int
    prompts: int
    share: float | None
    low: float
    high: float
    invalid: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def compare_passes(votes: pl.DataFrame) -> Retest | None:
    """One judge's later passes against its first; None if it was asked only once. Anchors are not compared."""
    unit = ["prompt_id", "family", "epoch", "candidate", "incumbent", "candidate_first"]
    asked = votes.filter(pl.col("use") != "anchor").select(*unit, "repeat", "verdict")
    both = asked.filter(pl.col("repeat") > 0).join(asked.filter(pl.col("repeat") == 0), on=unit, suffix="_first")
    if both.height == 0:
        return None
    valid = both.filter((pl.col("verdict") != "invalid") & (pl.col("verdict_first") != "invalid"))
    invalid = both.height - valid.height
    if valid.height == 0:
        return Retest(0, 0, 0, None, 0.0, 1.0, invalid)
    same = valid.with_columns(same=(pl.col("verdict") == pl.col("verdict_first")).cast(pl.Float64))
    by_prompt = same.group_by("prompt_id", "family", maintain_order=True).agg(pl.col("same").mean())
    rate = winrate_ci(by_prompt["same"].to_numpy(), by_prompt["family"].to_numpy())
    return Retest(
        n=valid.height,
        same=int(same["same"].sum()),
        prompts=by_prompt.height,
        share=rate.estimate,
        low=rate.low,
        high=rate.high,
        invalid=invalid,
    )
