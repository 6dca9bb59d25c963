"""Non-inferiority of paired proportions: Tango's score statistic (Tango 1998, Statistics in Medicine 17:891).

Of n items, `gains` are right under the candidate alone and `losses` under the incumbent alone. With Δ the true
difference candidate − incumbent, Z(Δ) = (gains − losses − nΔ)/√(n(2q̂ + Δ(1−Δ))), q̂ the maximum-likelihood
probability of a loss under Δ: q̂ = (√(B²−4AC) − B)/(2A), A = 2n, B = −gains − losses + (2n − gains + losses)Δ,
C = −losses·Δ(1−Δ). Counts need not be whole (Rao-Scott divides them by a design effect).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._special import normal_quantile, normal_tail


@dataclass(frozen=True)
class NonInferiority:
    """Difference candidate − incumbent in [−1, 1] with its two-sided 1−2α score interval, and both verdicts.

    shown: the one-sided test at α rejects a loss of δ or more. violated: the one-sided test at α rejects a loss of
    at most δ. p_shown, p_violated: their p-values. Neither: not shown. n, gains, losses: as tested (after any
    design effect), deff: what they were divided by.
    """

    estimate: float
    low: float
    high: float
    delta: float
    shown: bool
    violated: bool
    p_shown: float
    p_violated: float
    n: float
    gains: float
    losses: float
    deff: float


def tango_z(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, delta: ArrayLike) -> Any:
    """Z(Δ) above; arrays broadcast. 0 where it is 0/0 (no discordance and Δ = 0)."""
    b, c, n, d = (np.asarray(value, float) for value in (gains, losses, n, delta))
    second = -b - c + (2 * n - b + c) * d
    q = (np.sqrt(np.maximum(second**2 + 8 * n * c * d * (1 - d), 0)) - second) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    top = b - c - n * d
    with np.errstate(divide="ignore", invalid="ignore"):
        z = top / np.sqrt(np.maximum(variance, 0))
    return np.where(np.abs(top) < 1e-12, 0.0, z)[()]


def tango_interval(gains: float, losses: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Score interval of the difference: where |Z(Δ)| ≤ z, by bisection (Z falls in Δ)."""
    z = float(normal_quantile((1 + level) / 2))
    estimate = (gains - losses) / n

    def root(target: float, low: float, high: float) -> float:
        for _ in range(60):
            middle = (low + high) / 2
            if float(tango_z(gains, losses, n, middle)) > target:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    return root(z, -1.0, estimate), root(-z, estimate, 1.0)


def non_inferiority(
    gains: float, losses: float, n: float, delta: float, alpha: float = 0.05, deff: float = 1.0
) -> NonInferiority:
    """Was a loss of δ or more excluded (shown), or was a loss greater than δ shown (violated)? δ in (0, 1)."""
    if not 0 < delta < 1:
        raise ValueError(f"the margin delta is between 0 and 1, not {delta}")
    if n <= 0 or gains < 0 or losses < 0 or gains + losses > n:
        raise ValueError(f"{gains} gains and {losses} losses do not fit into {n} items")
    b, c, m = gains / deff, losses / deff, n / deff
    z = float(tango_z(b, c, m, -delta))
    p_shown, p_violated = float(normal_tail(z)), float(normal_tail(-z))
    low, high = tango_interval(b, c, m, 1 - 2 * alpha)
    critical = float(normal_quantile(1 - alpha))
    return NonInferiority(
        (gains - losses) / n, low, high, delta, z > critical, z < -critical, p_shown, p_violated, m, b, c, deff
    )


def most_losses(n: int, delta: float, alpha: float = 0.05, gains: int = 0) -> int | None:
    """The most losses of n items, with `gains`, that still show non-inferiority; None where even none does not."""
    losses = np.arange(n - gains + 1)
    passing = np.flatnonzero(tango_z(gains, losses, n, -delta) > normal_quantile(1 - alpha))
    return int(passing[-1]) if passing.size else None
