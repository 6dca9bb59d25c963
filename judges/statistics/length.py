"""The win rate at equal length: a sensitivity analysis that refuses where the lengths do not overlap.

Δ_i = ln(len_candidate/len_incumbent), x_i = tanh(Δ_i/sd); regress Y_i on x_i; the intercept is the win rate of an
answer as long as the other's. Variance: Σ_g (β₍₋g₎ − β̂)² over left-out clusters, which is HC3 where each prompt
is its own cluster (MacKinnon and White 1985) and CR3 else. Interval: Wilson at n_eff, df = G − 2.
Not identifiable: fewer than 15 prompts, or 0 outside the central 90% of Δ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .clusters import ROUNDING, cluster_codes
from .winrate import MIN_PROMPTS, rate_interval


@dataclass(frozen=True)
class LengthControlled:
    """estimate: intercept (may leave [0, 1] a little); low, high: in [0, 1]; nan all three if not identifiable.

    slope: change of the rate from x = 0 to x = 1. n: prompts with known lengths. identifiable: see above.
    """

    estimate: float
    low: float
    high: float
    slope: float
    n: int
    identifiable: bool


def length_controlled(
    values: ArrayLike, log_ratio: ArrayLike, clusters: ArrayLike | None = None, level: float = 0.95
) -> LengthControlled:
    """From Y (n,) in [0, 1] and Δ (n,); rows with a nan in either are left out."""
    y, delta = np.asarray(values, float), np.asarray(log_ratio, float)
    kept = np.isfinite(y) & np.isfinite(delta)
    y, delta = y[kept], delta[kept]
    codes, groups = cluster_codes(None if clusters is None else np.asarray(clusters)[kept], y.size)
    nothing = LengthControlled(float("nan"), float("nan"), float("nan"), float("nan"), y.size, False)
    if y.size < MIN_PROMPTS:
        return nothing
    low, high = np.quantile(delta, [0.05, 0.95])
    if not low <= 0 <= high:
        return nothing
    spread = float(delta.std(ddof=1))
    x = np.tanh(delta / spread) if spread > ROUNDING else np.zeros(y.size)
    if np.ptp(x) < ROUNDING or groups < 3:
        # Every pair has the same lengths: there is nothing to control for.
        return _constant(y, codes, groups, level) if groups >= 3 else nothing
    return _regress(y, x, codes, groups, level)


def _constant(y: Floats, codes: np.ndarray, groups: int, level: float) -> LengthControlled:
    estimate = float(y.mean())
    sums = np.bincount(codes, weights=y - estimate, minlength=groups)
    se = float(np.sqrt(groups / (groups - 1) * np.sum(sums**2))) / y.size
    bounds = rate_interval(estimate, se, groups - 2, groups, level)
    return LengthControlled(estimate, bounds[0], bounds[1], 0.0, y.size, True)


def _regress(y: Floats, x: Floats, codes: np.ndarray, groups: int, level: float) -> LengthControlled:
    terms = np.stack([np.ones_like(x), x, x * x, y, x * y])
    sums = np.stack([np.bincount(codes, weights=term, minlength=groups) for term in terms])
    total = sums.sum(axis=1)
    intercept, slope = _solve(total)
    left_out, _ = _solve(total[:, None] - sums)
    with np.errstate(invalid="ignore"):
        squares = (left_out - intercept) ** 2
    se = float(np.sqrt(np.sum(squares)))
    se = 0.0 if se < ROUNDING else se
    low, high, _ = rate_interval(float(intercept), se, groups - 2, groups, level)
    return LengthControlled(float(intercept), low, high, float(slope), y.size, True)


def _solve(sums: Floats) -> tuple[Floats, Floats]:
    """Intercept and slope from Σ1, Σx, Σx², Σy, Σxy on the first axis."""
    n, sx, sxx, sy, sxy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = n * sxx - sx**2
        return (sxx * sy - sx * sxy) / determinant, (n * sxy - sx * sy) / determinant
