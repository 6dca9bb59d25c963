"""Rao and Kupper's model of wins and ties, to check that Davidson's fits no worse (1967, eqs. 2.4-2.6).

P(i≻j) = π_i/(π_i + θπ_j), P(tie) = π_iπ_j(θ² − 1)/((π_i + θπ_j)(θπ_i + π_j)), θ ≥ 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from ._special import Floats


@dataclass(frozen=True)
class RaoKupper:
    """beta (K,): log worths, the first 0. theta ≥ 1: threshold of a tie. log_likelihood of the votes."""

    beta: Floats
    theta: float
    log_likelihood: float


def rao_kupper(wins: ArrayLike, ties: ArrayLike) -> RaoKupper:
    """Maximum likelihood for wins (K, K), [i, j] how often i beat j, and symmetric ties (K, K); needs some ties."""
    w, t = np.asarray(wins, float), np.asarray(ties, float)
    k = len(w)
    first, second = np.triu_indices(k, 1)
    won, lost, tied = w[first, second], w[second, first], t[first, second]
    if tied.sum() == 0:
        raise ValueError("without ties theta is 1 and the model is Bradley-Terry's")

    def loss(x: Floats) -> tuple[float, Floats]:
        beta, width = np.append(0.0, x[:-1]), float(np.exp(x[-1]))  # θ = e^width, so θ > 1
        gap = beta[first] - beta[second]
        # ln P(i≻j) = −ln(1 + e^(width − gap)), and the tie is the product of both "not beaten" terms.
        up, down = width - gap, width + gap
        ln_up, ln_down = np.logaddexp(0, up), np.logaddexp(0, down)
        q_up, q_down = np.exp(up - ln_up), np.exp(down - ln_down)
        value = -(won + tied) @ -ln_up - (lost + tied) @ -ln_down - tied.sum() * np.log(np.expm1(2 * width))
        by_gap = -(won + tied) * q_up + (lost + tied) * q_down
        gradient = np.bincount(first, by_gap, k) - np.bincount(second, by_gap, k)
        gradient = gradient.astype(float)
        by_width = ((won + tied) * q_up + (lost + tied) * q_down).sum()
        by_width -= tied.sum() * 2 * np.exp(2 * width) / np.expm1(2 * width)
        return float(value), np.append(gradient[1:], by_width * width)

    fit = optimize.minimize(loss, np.append(np.zeros(k - 1), -1.0), jac=True, method="BFGS", options={"gtol": 1e-9})
    return RaoKupper(np.append(0.0, fit.x[:-1]), float(np.exp(np.exp(fit.x[-1]))), -float(fit.fun))
