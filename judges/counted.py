"""Which votes count: for the gate, of judges that passed their exam, have no conflict, and answered well enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from venire.judges.policy import GatePolicy
from venire.judges.statistics import frames
from venire.judges.statistics.frames import Comparison
from venire.judges.statistics.panel import leave_one_out_means, order_mean, prompt_means

Floats = NDArray[np.float64]
# (candidate, judge) to the reason why the judge may not count in that candidate's comparison.
Conflicts = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Counted:
    """The votes that count, and what was left out and why (judge to reason)."""

    votes: pl.DataFrame
    judges: tuple[str, ...]
    withdrawn: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)


def counted_votes(
    votes: pl.DataFrame,
    policy: GatePolicy,
    exams: Mapping[str, bool] | None = None,
    conflicts: Conflicts | None = None,
) -> Counted:
    """Votes of use gate without judges that failed their exam, are in conflict, or are withdrawn."""
    rows = votes.filter(pl.col("use") == "gate")
    failed = {name: "failed its exam" for name, passed in (exams or {}).items() if not passed}
    partial = {judge: why for (_, judge), why in (conflicts or {}).items()}
    if conflicts:
        barred = pl.DataFrame(
            [{"candidate": candidate, "judge": judge} for candidate, judge in conflicts],
            schema={"candidate": pl.String, "judge": pl.String},
        )
        rows = rows.join(barred, on=["candidate", "judge"], how="anti", maintain_order="left")
    rows = rows.filter(~pl.col("judge").is_in(list(failed)))
    shares = rows.group_by("judge").agg(invalid=(pl.col("verdict") == "invalid").mean())
    withdrawn = {
        name: f"{share:.0%} of its votes are invalid (more than {policy.max_invalid:.0%})"
        for name, share in shares.sort("judge").iter_rows()
        if share > policy.max_invalid + 1e-12
    }
    rows = rows.filter(~pl.col("judge").is_in(list(withdrawn)))
    judges = tuple(rows["judge"].unique().sort().to_list())
    return Counted(rows, judges, withdrawn, failed, partial)


@dataclass(frozen=True)
class Contest:
    """One comparison's counted votes as arrays: n prompts, J judges; nan where missing. Both orders are required.

    means (n,): Y_i. against (n,): the same with every invalid vote counted as a loss. cells (n, J): verdict means.
    left_out (n, J): Y_i without judge j. families, prompts (n,): names. log_ratio (n,): of lengths.
    cast, failed (n,): a prompt's votes, and how many of them are invalid.
    """

    candidate: str
    judges: tuple[str, ...]
    prompts: np.ndarray
    families: np.ndarray
    domains: np.ndarray | None
    cells: Floats
    means: Floats
    against: Floats
    left_out: Floats
    log_ratio: Floats
    cast: NDArray[np.int64]
    failed: NDArray[np.int64]

    @property
    def invalid(self) -> int:
        """How many votes on these prompts are invalid."""
        return int(self.failed.sum())

    @property
    def coverage(self) -> float:
        """The share of valid votes on these prompts; nan without any vote."""
        cast = int(self.cast.sum())
        return 1 - self.invalid / cast if cast else float("nan")

    def take(self, prompts: list[str]) -> "Contest":
        """Only these prompts, in this order; those without a vote are left out."""
        place = {name: i for i, name in enumerate(self.prompts.tolist())}
        rows = np.array([place[name] for name in prompts if name in place], dtype=np.int64)
        parts = ("prompts", "families", "cells", "means", "against", "left_out", "log_ratio", "cast", "failed")
        picked = {name: getattr(self, name)[rows] for name in parts}
        domains = None if self.domains is None else self.domains[rows]
        return Contest(**{**self.__dict__, **picked, "domains": domains})


def contests(votes: pl.DataFrame, incumbent: str) -> dict[str, Contest]:
    """The contests of every candidate with `incumbent` in some counted votes, by candidate."""
    rows = votes.filter(pl.col("incumbent") == incumbent)
    found = frames.comparisons(rows, "keep") if rows.height else []
    tallies = rows.group_by("candidate", "prompt_id").agg(pl.len(), (pl.col("verdict") == "invalid").sum())
    tally = {(name, prompt): numbers for name, prompt, *numbers in tallies.iter_rows()}
    return {comparison.candidate: _contest(comparison, tally) for comparison in found}


def _contest(comparison: Comparison, tally: Mapping[tuple[str, str], list[int]]) -> Contest:
    cells = comparison.panel.cells("both")
    votes = np.array([tally[comparison.candidate, prompt] for prompt in comparison.prompts.tolist()], dtype=np.int64)
    return Contest(
        candidate=comparison.candidate,
        judges=comparison.panel.judges,
        prompts=comparison.prompts,
        families=comparison.families,
        domains=comparison.domains,
        cells=cells,
        means=prompt_means(cells),
        against=prompt_means(order_mean(comparison.against, "both")),
        left_out=leave_one_out_means(cells),
        log_ratio=comparison.log_ratio,
        cast=votes[:, 0],
        failed=votes[:, 1],
    )
