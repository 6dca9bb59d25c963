"""A test that may be looked at after every prompt: the mixture e-process, and the confidence sequence it inverts to.

E_n(m) = mean_λ Π_i (1 + λ·w_i·(Y_i − m)), λ ∈ linspace(.05, 1.9, 24), a non-negative supermartingale under θ ≤ m, so
P(ever E ≥ 1/α) ≤ α (Waudby-Smith and Ramdas 2024, §4; Ville 1939). The unit is a family's mean with weight
w = n_f/n_max fixed beforehand; order random and fixed beforehand. For m > ½, λ·½/m keeps every factor positive.
"""

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats

LAMBDAS = np.linspace(0.05, 1.9, 24)


def log_e(values: ArrayLike, weights: ArrayLike = 1.0, null: float = 0.5) -> Floats:
    """log E_n along the last axis of values (..., n) in [0, 1], for H0: mean ≤ null; weights (n,) in (0, 1]."""
    y, w = np.asarray(values, float), np.asarray(weights, float)
    if y.size and (np.min(y) < 0 or np.max(y) > 1):
        raise ValueError("the e-process takes values between 0 and 1")
    if np.min(w, initial=1.0) <= 0 or np.max(w, initial=0.0) > 1:
        raise ValueError("weights are above 0 and at most 1: a family's size over the largest size in the lock")
    lambdas = LAMBDAS * min(1.0, 0.5 / null) if null > 0 else LAMBDAS
    paths = np.cumsum(np.log1p(lambdas[:, *(None,) * y.ndim] * (w * (y - null))), axis=-1)
    top = paths.max(axis=0)
    return top + np.log(np.mean(np.exp(paths - top), axis=0))


def confidence_sequence(values: ArrayLike, weights: ArrayLike = 1.0, alpha: float = 0.05) -> tuple[float, float]:
    """(low, high) that covers the mean at all n at once with probability 1−alpha, from values (n,) seen so far."""
    y = np.asarray(values, float)
    return _lower(y, weights, alpha / 2), 1 - _lower(1 - y, weights, alpha / 2)


def _lower(y: Floats, weights: ArrayLike, alpha: float) -> float:
    """The largest m that the running maximum of E(m) has rejected; E falls in m, so bisection finds it."""
    if y.size == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(np.max(log_e(y, weights, middle))) >= -np.log(alpha):
            low = middle
        else:
            high = middle
    return low
