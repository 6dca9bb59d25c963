"""The win rate of a panel and its interval: Wilson at the effective sample size of clustered votes.

θ̂ = mean of Y_i, Y_i ∈ [0, 1] the mean over judges of the mean over orders. With SE robust to clusters and df,
n_eff = θ̂(1−θ̂)/SE² · (z/t_df)²; then the Wilson score interval of (θ̂, n_eff). (Wilson 1927; the correction for
degrees of freedom after Korn and Graubard 1998.) Sparse rule: with SE = 0, n_eff = G·(z/t_df)²; else with
G·min(θ̂, 1−θ̂) < 3, n_eff ≤ G: a cluster is at most one Bernoulli trial.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, check_level, normal_quantile, t_quantile
from .clusters import cluster_mean

MIN_PROMPTS = 15  # below this an interval is printed, but decides nothing
SPARSE = 3.0


@dataclass(frozen=True)
class WinRate:
    """A rate in [0, 1] with its interval.

    estimate, low, high: in [0, 1], two-sided at `level`. low_one_sided_95: its lower bound alone at 95%.
    n_eff: effective sample size at `level` (nan when G < 2). se, df: see `ClusterMean`. n: prompts. clusters: G.
    inconclusive: n < 15, so that no decision may rest on it. method: which interval and standard error.
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n_eff: float
    se: float
    df: float
    n: int
    clusters: int
    low_one_sided_95: float
    inconclusive: bool


def wilson(estimate: ArrayLike, n: ArrayLike, z: ArrayLike) -> tuple[Floats, Floats]:
    """Wilson score interval of a rate in [0, 1] from n trials (any real n > 0), at normal quantile z ≥ 0."""
    p, n, z2 = np.asarray(estimate, float), np.asarray(n, float), np.asarray(z, float) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # Rounding leaves 1e-17 where the bound is 0 or 1.
    low, high = np.where(p <= 0, 0.0, centre - half), np.where(p >= 1, 1.0, centre + half)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def is_sparse(estimate: ArrayLike, groups: ArrayLike) -> Any:
    """G·min(θ̂, 1−θ̂) < 3, with room for rounding, so that a rate and its mirror image are treated alike."""
    p = np.asarray(estimate, float)
    return np.asarray(groups, float) * np.minimum(p, 1 - p) < SPARSE - 1e-9


def effective_n(estimate: ArrayLike, se: ArrayLike, groups: ArrayLike, ratio: ArrayLike) -> Floats:
    """n_eff with the sparse rule; `ratio` is z/t. Arrays broadcast."""
    p, se, g = np.asarray(estimate, float), np.asarray(se, float), np.asarray(groups, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = p * (1 - p) / se**2 * np.asarray(ratio) ** 2
    n = np.where(is_sparse(p, g), np.minimum(n, g), n)
    # A degenerate rate with se > 0 (an estimate clipped to 0 or 1) has the information of its clusters at most.
    return np.where((se == 0) | (n == 0), g * np.asarray(ratio) ** 2, n)


def wilson_n_eff(
    estimate: ArrayLike, se: ArrayLike, df: ArrayLike, groups: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """(low, high, n_eff) of the default interval, from an estimate, its robust SE, df and G. Arrays broadcast."""
    check_level(level)
    upper = (1 + level) / 2
    z = normal_quantile(upper)
    p = np.clip(np.asarray(estimate, float), 0, 1)
    n_eff = effective_n(p, se, groups, z / t_quantile(upper, df))
    low, high = wilson(p, n_eff, z)
    return low, high, n_eff


def rate_interval(
    estimate: float, se: float, df: float, groups: int, level: float = 0.95
) -> tuple[float, float, float]:
    """`wilson_n_eff` for one rate; (0, 1, nan) where the standard error is not estimable."""
    if not (groups >= 2 and df > 0 and np.isfinite(se)):
        return 0.0, 1.0, float("nan")
    low, high, n_eff = wilson_n_eff(estimate, se, df, groups, level)
    return float(low), float(high), float(n_eff)


def winrate_ci(values: ArrayLike, clusters: ArrayLike | None = None, level: float = 0.95) -> WinRate:
    """The default interval of the mean of `values` (n,) in [0, 1], over `clusters` (n,) (default: each its own)."""
    y = np.asarray(values, float)
    if y.size and not (np.nanmin(y) >= 0 and np.nanmax(y) <= 1 and not np.isnan(y).any()):
        raise ValueError("win-rate values are between 0 and 1, without gaps")
    mean = cluster_mean(y, clusters)
    low, high, n_eff = rate_interval(mean.estimate, mean.se, mean.df, mean.clusters, level)
    return WinRate(
        estimate=mean.estimate,
        low=low,
        high=high,
        level=level,
        method=f"wilson-n_eff/{mean.method}",
        n_eff=n_eff,
        se=mean.se,
        df=mean.df,
        n=mean.n,
        clusters=mean.clusters,
        low_one_sided_95=rate_interval(mean.estimate, mean.se, mean.df, mean.clusters, 0.90)[0],
        inconclusive=mean.n < MIN_PROMPTS,
    )


def lower_bound(values: ArrayLike, clusters: ArrayLike | None = None, alpha: float = 0.025) -> float:
    """One-sided lower bound at 1−α of the win rate: what the gate compares with ½."""
    return winrate_ci(values, clusters, level=1 - 2 * alpha).low
