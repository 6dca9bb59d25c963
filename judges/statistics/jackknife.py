"""Leave one cluster out, for every statistic that is a function of cluster sums: standard error and interval.

θ̂ = f(Σ_g F_g); θ̂₍₋g₎ = f(ΣF − F_g) for all g in one call; SE² = (G−1)/G·Σ(θ̂₍₋g₎ − mean)². Intervals of
agreement coefficients are taken on Fisher's z scale with t_{G−1} (docs/statistics.md, "Agreement").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clusters import cluster_codes

Estimator: TypeAlias = Callable[[Floats], Floats]  # sums (..., q) -> values (...)


@dataclass(frozen=True)
class Estimate:
    """value (nan: undefined), its jackknife se, a two-sided interval (nan where not estimable), and G clusters."""

    value: float
    se: float
    low: float
    high: float
    clusters: int


def cluster_totals(features: Floats, clusters: ArrayLike | None) -> Floats:
    """(G, q) sums of features (n, q) over clusters (n,); the features themselves without clusters."""
    if clusters is None:
        return features
    codes, groups = cluster_codes(clusters, len(features))
    sums = [np.bincount(codes, weights=column, minlength=groups) for column in features.T]
    return np.stack(sums, axis=1).astype(np.float64)


def jackknife(
    estimator: Estimator,
    features: Floats,
    clusters: ArrayLike | None = None,
    *,
    level: float = 0.95,
    scale: Literal["fisher", "identity"] = "fisher",
    estimable: bool = True,
) -> Estimate:
    """`estimator` of the column sums of features (n, q), with its jackknife interval over clusters (n,)."""
    sums = cluster_totals(features, clusters)
    groups, total = len(sums), sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(estimator(total))
        left_out = estimator(total - sums)
    if groups < 2 or not np.isfinite(value) or not np.isfinite(left_out).all():
        return Estimate(value, float("nan"), float("nan"), float("nan"), groups)
    se = float(np.sqrt((groups - 1) / groups * np.sum((left_out - left_out.mean()) ** 2)))
    if not estimable:
        return Estimate(value, se, float("nan"), float("nan"), groups)
    t = float(t_quantile((1 + level) / 2, groups - 1))
    if scale == "identity":
        return Estimate(value, se, value - t * se, value + t * se, groups)
    if abs(value) >= 1:
        return Estimate(value, se, value, value, groups)
    z = np.arctanh(np.clip(left_out, -1 + 1e-12, 1 - 1e-12))
    se_z = float(np.sqrt((groups - 1) / groups * np.sum((z - z.mean()) ** 2)))
    centre = float(np.arctanh(value))
    return Estimate(value, se, float(np.tanh(centre - t * se_z)), float(np.tanh(centre + t * se_z)), groups)
