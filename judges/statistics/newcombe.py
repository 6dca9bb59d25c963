"""Newcombe's hybrid score intervals of a difference of proportions, for reporting.

Independent (Newcombe 1998b, method 10): δ − √((p₁−l₁)² + (u₂−p₂)²) to δ + √((u₁−p₁)² + (p₂−l₂)²) with Wilson bounds.
Paired (Newcombe 1998c, method 10): the same with −2φ(p₁−l₁)(u₂−p₂) under the root, φ the correlation of the table, its
numerator ad − bc moved by n/2 towards 0 (not past it) where it is positive.
"""

import numpy as np

from ._special import normal_quantile
from .winrate import wilson


def newcombe_independent(
    hits_1: int, n_1: int, hits_2: int, n_2: int, level: float = 0.95
) -> tuple[float, float, float]:
    """(difference, low, high) of hits_1/n_1 − hits_2/n_2."""
    return _hybrid(hits_1 / n_1, n_1, hits_2 / n_2, n_2, 0.0, level)


def newcombe_paired(
    both: float, first_only: float, second_only: float, neither: float, level: float = 0.95
) -> tuple[float, float, float]:
    """(difference, low, high) of two proportions on the same items, from the four cells of their table."""
    a, b, c, d = both, first_only, second_only, neither
    n = a + b + c + d
    margins = float(a + b) * (c + d) * (a + c) * (b + d)
    determinant = float(a * d - b * c)
    if determinant > 0:
        determinant = max(determinant - n / 2, 0.0)
    phi = determinant / np.sqrt(margins) if margins > 0 else 0.0
    return _hybrid((a + b) / n, n, (a + c) / n, n, float(phi), level)


def _hybrid(p_1: float, n_1: float, p_2: float, n_2: float, phi: float, level: float) -> tuple[float, float, float]:
    z = normal_quantile((1 + level) / 2)
    (low_1, high_1), (low_2, high_2) = wilson(p_1, n_1, z), wilson(p_2, n_2, z)

    def reach(one: float, two: float) -> float:
        return float(np.sqrt(max(one**2 - 2 * phi * one * two + two**2, 0.0)))

    difference = p_1 - p_2
    low = difference - reach(p_1 - float(low_1), float(high_2) - p_2)
    high = difference + reach(float(high_1) - p_1, p_2 - float(low_2))
    return difference, max(low, -1.0), min(high, 1.0)
