"""Simulated panels, as bench/statistics has them: correlated judges, both orders, tastes and place biases."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from venire.judges.votes import validate

JUDGES = ("openai/one", "anthropic/two", "google/three", "mistral/four")
INCUMBENT = "base/plain"
_PLACE = (0.2, 0.0, -0.1, 0.3)  # latent sd, added when the candidate is first
_TASTE = (0.15, -0.15, 0.15, -0.15)
_SHARED, _OWN = 0.67, 0.74  # loadings of the prompt's quality and of the vote's own noise: vote ICC about .45


def simulate(
    n: int,
    shift: float,
    seed: int = 0,
    judges: Sequence[str] = JUDGES,
    candidate: str = "step-1/plain",
    family_size: int = 1,
    tie: float = 0.13,
) -> pl.DataFrame:
    """Votes of `judges` on n prompts; `shift` (latent sd) makes the candidate better: 0 is a win rate of one half."""
    rng = np.random.default_rng(seed)
    quality = _SHARED * rng.standard_normal(n)
    rows = []
    for j, judge in enumerate(judges):
        for first in (True, False):
            latent = shift + quality + _TASTE[j % 4] + (1 if first else -1) * _PLACE[j % 4] / 2
            latent = latent + _OWN * rng.standard_normal(n)
            rows += [(f"p{i:04}", f"f{i // family_size:04}", judge, first, v) for i, v in enumerate(latent)]
    frame = pl.DataFrame(rows, schema=["prompt_id", "family", "judge", "candidate_first", "latent"], orient="row")
    verdict = (
        pl.when(pl.col("latent").abs() < tie / 2)
        .then(pl.lit("tie"))
        .when(pl.col("latent") > 0)
        .then(pl.lit("candidate"))
        .otherwise(pl.lit("incumbent"))
    )
    named = frame.with_columns(verdict=verdict, candidate=pl.lit(candidate), incumbent=pl.lit(INCUMBENT))
    return validate(named.drop("latent"), "simulated")


def with_lengths(votes: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Lengths that have nothing to do with the verdicts."""
    rng = np.random.default_rng(seed)
    prompts = votes["prompt_id"].unique().sort()
    table = pl.DataFrame(
        {
            "prompt_id": prompts,
            "own": rng.integers(200, 400, len(prompts)),
            "other": rng.integers(200, 400, len(prompts)),
        }
    )
    joined = votes.join(table, on="prompt_id", maintain_order="left")
    return joined.with_columns(len_candidate="own", len_incumbent="other").drop("own", "other")


def always_first(votes: pl.DataFrame) -> pl.DataFrame:
    """The same votes of judges who prefer whatever they see first."""
    first = pl.when("candidate_first").then(pl.lit("candidate")).otherwise(pl.lit("incumbent"))
    return votes.with_columns(verdict=first)


def coins(votes: pl.DataFrame, seed: int = 0, ties: float = 0.0) -> pl.DataFrame:
    """The same votes of judges who toss coins."""
    rng = np.random.default_rng(seed)
    sides = [(1 - ties) / 2, (1 - ties) / 2, ties]
    drawn = rng.choice(["candidate", "incumbent", "tie"], votes.height, p=sides)
    return votes.with_columns(verdict=pl.Series(drawn))
