"""Quantiles and tails as plain functions over arrays: `scipy.special` without the weight of `scipy.stats`."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def normal_quantile(p: ArrayLike) -> Any:
    """z with Φ(z) = p."""
    return special.ndtri(p)


def normal_tail(z: ArrayLike) -> Any:
    """P(Z ≥ z)."""
    return special.ndtr(-np.asarray(z, dtype=float))


def t_quantile(p: ArrayLike, df: ArrayLike) -> Any:
    """Student's t quantile; `df` need not be whole."""
    return special.stdtrit(df, p)


def chi2_tail(x: ArrayLike, df: float) -> Any:
    """P(χ²_df ≥ x)."""
    return special.chdtrc(df, x)


def binomial_at_most(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Any:
    """P(X ≤ x), X ~ Bin(n, p), whole x and n; 0 where x < 0."""
    x, n, p = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, float), np.asarray(p, float))
    inside = special.betainc(np.maximum(n - x, 1e-300), np.maximum(x, 0) + 1, 1 - p)
    return np.where(x < 0, 0.0, np.where(x >= n, 1.0, inside))[()]


def binomial_at_least(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Any:
    """P(X ≥ x), X ~ Bin(n, p), whole x and n; computed as its own tail, so small values keep their digits."""
    x, n, p = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, float), np.asarray(p, float))
    inside = special.betainc(np.maximum(x, 1e-300), np.maximum(n - x, 0) + 1, p)
    return np.where(x <= 0, 1.0, np.where(x > n, 0.0, inside))[()]


def check_level(level: float) -> None:
    """Refuse a confidence level that is not strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"a confidence level is between 0 and 1, not {level}")
