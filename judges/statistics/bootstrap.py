"""Bootstrap intervals of an analysis in one go: panel, each judge and A_flip from the same resampled clusters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .a_flip import flip_sums
from .jackknife import cluster_totals
from .panel import prompt_means
from .patterns import bca_interval, bootstrap_sums, collapse, percentile_interval


@dataclass(frozen=True)
class Bootstrap:
    """draws and patterns D. win_rate: BCa interval; se: sd of the draws. judges: (J, 2) percentile intervals.

    a_flip: percentile interval. All two-sided at the level asked; nan where a draw is undefined.
    """

    draws: int
    patterns: int
    win_rate: tuple[float, float]
    se: float
    judges: Floats
    a_flip: tuple[float, float]


def bootstrap(cells: Floats, clusters: ArrayLike | None, draws: int, seed: int = 0, level: float = 0.95) -> Bootstrap:
    """Resample clusters of (n, J) verdict means in [0, 1], nan where missing."""
    judges = cells.shape[1]
    means = prompt_means(cells)
    agreement, squares = flip_sums(2 * cells - 1)
    columns = [means, *cells.T, agreement, squares]
    features = np.column_stack(
        [np.nan_to_num(column) for column in columns] + [~np.isnan(column) for column in columns[:-2]]
    )
    patterns = collapse(cluster_totals(features, clusters))
    sums = bootstrap_sums(patterns, draws, seed)
    total = patterns.counts @ patterns.features
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = sums[:, : judges + 1] / sums[:, judges + 3 :]
        flips = sums[:, judges + 1] / sums[:, judges + 2]
        left_out = (total[0] - patterns.features[:, 0]) / (total[judges + 3] - patterns.features[:, judges + 3])
    estimate = float(total[0] / total[judges + 3])
    return Bootstrap(
        draws=draws,
        patterns=len(patterns.counts),
        win_rate=bca_interval(estimate, rates[:, 0], left_out, patterns.counts, level),
        se=float(rates[:, 0].std(ddof=1)),
        judges=np.array([percentile_interval(rates[:, 1 + j], level) for j in range(judges)]),
        a_flip=percentile_interval(flips, level),
    )
