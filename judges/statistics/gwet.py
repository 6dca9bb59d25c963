"""Gwet's AC1 and AC2, and Brennan-Prediger: diagnostics that look good for blind judges once ties exist.

AC = (p_a − p_e)/(1 − p_e), p_e = T_w/(q(q−1))·Σ π_k(1−π_k), T_w the sum of the weights (Gwet 2008; Gwet 2014, §4.4 and
the standard error of §5.3 for a sample of units). Weights: identity (AC1), linear or quadratic (AC2).
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .kappa import raw_of_sums, unit_features

Weights = Literal["identity", "linear", "quadratic"]


def agreement_weights(categories: int, kind: Weights = "identity") -> Floats:
    """(q, q) weights 1 − (|k−l|/(q−1))^p with p = 1 or 2; the identity for AC1."""
    if kind == "identity":
        return np.eye(categories)
    distance = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories))) / max(categories - 1, 1)
    return 1 - distance ** (1 if kind == "linear" else 2)


def gwet_of_sums(sums: Floats, weights: Floats) -> Floats:
    """AC from sums (..., q+3) of `unit_features(counts, weights)`."""
    q = len(weights)
    shares = sums[..., 2:-1] / sums[..., -1:]
    chance = weights.sum() / (q * (q - 1)) * (shares * (1 - shares)).sum(axis=-1)
    return (raw_of_sums(sums) - chance) / (1 - chance)


def gwet_ac(counts: ArrayLike, kind: Weights = "identity") -> tuple[float, float]:
    """(coefficient, standard error over units) from counts (n, q) of raters per unit and category.

    nan where no unit has two ratings or there is only one category.
    """
    r = np.asarray(counts, float)
    n, q = r.shape
    weights = agreement_weights(q, kind)
    if q < 2:
        return float("nan"), float("nan")
    features = unit_features(r, weights)
    sums = features.sum(axis=0)
    if sums[1] == 0:
        return float("nan"), float("nan")
    coefficient = float(gwet_of_sums(sums, weights))
    if n < 2:
        return coefficient, float("nan")
    shares = sums[2:-1] / sums[-1]
    scale = weights.sum() / (q * (q - 1))
    chance = scale * float(np.sum(shares * (1 - shares)))
    observed = (n / sums[1]) * (features[:, 0] - chance * features[:, 1]) / (1 - chance)
    by_unit = scale * (features[:, 2:-1] @ (1 - shares))
    influence = observed - 2 * (1 - coefficient) * (by_unit - chance) / (1 - chance)
    return coefficient, float(np.sqrt(np.sum((influence - coefficient) ** 2) / (n * (n - 1))))


def brennan_prediger(counts: ArrayLike) -> float:
    """(p_a − 1/q)/(1 − 1/q) (Brennan and Prediger 1981)."""
    r = np.asarray(counts, float)
    raw = float(raw_of_sums(unit_features(r).sum(axis=0)))
    return (raw - 1 / r.shape[1]) / (1 - 1 / r.shape[1])


def ac1_of_tables(tables: ArrayLike) -> Floats:
    """AC1 of two raters from tables (..., q, q); nan for an empty table."""
    t = np.asarray(tables, float)
    q = t.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = t / t.sum(axis=(-2, -1), keepdims=True)
        shares = (p.sum(axis=-1) + p.sum(axis=-2)) / 2
        chance = (shares * (1 - shares)).sum(axis=-1) / (q - 1)
        return (np.trace(p, axis1=-2, axis2=-1) - chance) / (1 - chance)
