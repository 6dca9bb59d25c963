"""The exact binomial interval (Clopper and Pearson 1934), and the exam of a judge on anchor pairs that uses it."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ._special import check_level


def _check(hits: int, n: int) -> None:
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"{hits} of {n} is not a count of at least one trial")


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval (low, high) of a proportion; low is 0 at no hits, high 1 at all."""
    check_level(level)
    return exact_lower(hits, n, (1 - level) / 2), exact_upper(hits, n, (1 - level) / 2)


def exact_lower(hits: int, n: int, alpha: float = 0.05) -> float:
    """One-sided lower bound at 1−alpha: the p with P(X ≥ hits | n, p) = alpha. At hits = n it is alpha^(1/n)."""
    _check(hits, n)
    return 0.0 if hits == 0 else float(special.betaincinv(hits, n - hits + 1, alpha))


def exact_upper(hits: int, n: int, alpha: float = 0.05) -> float:
    """One-sided upper bound at 1−alpha: the p with P(X ≤ hits | n, p) = alpha."""
    _check(hits, n)
    return 1.0 if hits == n else float(special.betaincinv(hits + 1, n - hits, 1 - alpha))


@dataclass(frozen=True)
class Qualification:
    """right of n anchors, their rate, its exact one-sided 95% lower bound, and whether it is above ½."""

    right: int
    n: int
    accuracy: float
    low: float
    passed: bool


def qualification(right: int, n: int, alpha: float = 0.05) -> Qualification:
    """The exam: an anchor is right if the verdict over both orders favours the known winner; 26 of 40 pass."""
    if n == 0:
        return Qualification(0, 0, float("nan"), 0.0, False)
    low = exact_lower(right, n, alpha)
    return Qualification(right, n, right / n, low, bool(low > 0.5))


def minimum_right(n: int, alpha: float = 0.05) -> int | None:
    """The fewest right anchors of n that pass the exam; None where even n of n does not."""
    passing = np.flatnonzero([qualification(k, n, alpha).passed for k in range(n + 1)])
    return int(passing[0]) if passing.size else None
