"""The win rate without one judge, or without one judge family: no promotion may rest on a single one of them.

Every panel of J−1 must have a one-sided 95% lower bound above ½. At most one judge being bad, the panel without
it is clean, so the chance of a false promotion is at most 5% whatever that judge does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .panel import leave_one_out_means, prompt_means
from .winrate import winrate_ci


@dataclass(frozen=True)
class LeftOut:
    """without: the judge or family left out. estimate: win rate of the rest (nan where nothing is left).

    low: its one-sided lower bound at 1−alpha, in [0, 1]; 0 where nothing is left. n: prompts that remain.
    """

    without: str
    estimate: float
    low: float
    n: int


def _bound(name: str, means: Floats, clusters: ArrayLike | None, alpha: float) -> LeftOut:
    kept = ~np.isnan(means)
    if not kept.any():
        return LeftOut(name, float("nan"), 0.0, 0)
    rate = winrate_ci(means[kept], None if clusters is None else np.asarray(clusters)[kept], level=1 - 2 * alpha)
    return LeftOut(name, rate.estimate, rate.low, rate.n)


def leave_one_judge_out(
    cells: Floats, judges: Sequence[str], clusters: ArrayLike | None = None, alpha: float = 0.05
) -> list[LeftOut]:
    """One row a judge, from (n, J) verdict means in [0, 1], nan where missing. Empty for a single judge."""
    if len(judges) < 2:
        return []
    means = leave_one_out_means(cells)
    return [_bound(name, means[:, j], clusters, alpha) for j, name in enumerate(judges)]


def leave_one_family_out(
    cells: Floats, families: Sequence[str], clusters: ArrayLike | None = None, alpha: float = 0.05
) -> list[LeftOut]:
    """One row a judge family; `families` (J,) names each judge's. Empty where there is only one family."""
    labels = np.asarray(families, dtype=object)
    names = sorted(set(families))
    if len(names) < 2:
        return []
    return [_bound(name, prompt_means(cells[:, labels != name]), clusters, alpha) for name in names]
