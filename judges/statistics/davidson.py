"""More than two contenders: Davidson's model of wins and ties, and Bradley-Terry without ties, fitted in batches.

P(i≻j) ∝ π_i, P(tie) ∝ ν√(π_iπ_j) (Davidson 1970, eq. 2.1), β = ln π, η = ln ν: an exponential family whose sufficient
statistics are linear in votes, so that Newton's method runs on any number of resamples at once. A ridge keeps a
contender that never lost finite. Intervals are jackknife-t over prompts; the Hessian's would cover about half.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clusters import cluster_codes

RIDGE = 1e-3
STEP = 3.0  # a Newton step's largest change of a parameter
MOST_CLUSTERS = 1000  # that are left out one by one


@dataclass(frozen=True)
class Davidson:
    """beta (K,): log worths, mean 0. worth (K,): Σ = 1. nu ≥ 0. log_likelihood: without the ridge.

    hessian_cov (K, K): of beta if all votes were independent; far too small for votes on shared prompts.
    """

    beta: Floats
    worth: Floats
    nu: float
    log_likelihood: float
    hessian_cov: Floats


@dataclass(frozen=True)
class DavidsonIntervals:
    """fit: of all prompts. low, high (K,): two-sided jackknife-t of beta. cov (K, K): jackknife. df: G − 1."""

    fit: Davidson
    low: Floats
    high: Floats
    cov: Floats
    df: int

    def contrast(self, i: int, j: int, level: float = 0.95) -> tuple[float, float, float]:
        """(beta_i − beta_j, low, high)."""
        gap = float(self.fit.beta[i] - self.fit.beta[j])
        variance = float(self.cov[i, i] + self.cov[j, j] - 2 * self.cov[i, j])
        half = float(t_quantile((1 + level) / 2, self.df)) * np.sqrt(max(variance, 0.0))
        return gap, gap - half, gap + half


def _design(contenders: int) -> tuple[np.ndarray, np.ndarray, Floats]:
    first, second = np.triu_indices(contenders, 1)
    design = np.zeros((first.size, contenders))
    design[np.arange(first.size), first] = 1
    design[np.arange(first.size), second] = -1
    return first, second, design


def _newton(
    won: Floats, lost: Floats, tied: Floats, design: Floats, ridge: float, ties: bool, start: Floats, steps: int
) -> tuple[Floats, Floats]:
    """Parameters (..., K+1) [β, η] and Hessian (..., K+1, K+1) for pair counts (..., P); start (K+1,) is broadcast."""
    k = design.shape[1]
    theta = np.broadcast_to(start, (*won.shape[:-1], k + 1)).copy()
    total = won + lost + tied
    hessian = np.zeros((*won.shape[:-1], k + 1, k + 1))
    for _ in range(steps):
        p_win, p_loss, p_tie = _probabilities(theta, design, ties)
        tilt = p_win - p_loss
        slope = ((won - lost) - total * tilt) / 2
        gradient = np.concatenate([slope @ design, (tied - total * p_tie).sum(-1, keepdims=True)], axis=-1)
        gradient = gradient - ridge * theta
        by_beta = total * (p_win + p_loss - tilt**2) / 4
        cross = -total * tilt * p_tie / 2
        hessian[..., :k, :k] = np.einsum("...p,pi,pj->...ij", by_beta, design, design) + 1.0
        hessian[..., :k, k] = hessian[..., k, :k] = cross @ design
        hessian[..., k, k] = (total * p_tie * (1 - p_tie)).sum(-1)
        if not ties:
            hessian[..., :k, k] = hessian[..., k, :k] = 0.0
            gradient[..., k] = 0.0
            hessian[..., k, k] = 1.0
        step = np.linalg.solve(hessian + ridge * np.eye(k + 1), gradient[..., None])[..., 0]
        largest = np.abs(step).max(axis=-1, keepdims=True)
        theta = theta + step * np.minimum(1, STEP / np.maximum(largest, 1e-300))
        if float(largest.max(initial=0)) < 1e-11:
            break
    return theta, hessian


def _probabilities(theta: Floats, design: Floats, ties: bool) -> tuple[Floats, Floats, Floats]:
    half = theta[..., :-1] @ design.T / 2
    logs = np.stack([half, -half, np.broadcast_to(theta[..., -1:] if ties else -np.inf, half.shape)])
    weights = np.exp(logs - logs.max(axis=0))
    return tuple(weights / weights.sum(axis=0))


def _pairs(wins: Floats, ties: Floats, first: np.ndarray, second: np.ndarray) -> tuple[Floats, Floats, Floats]:
    return wins[..., first, second], wins[..., second, first], ties[..., first, second]


def _fit(wins: Floats, ties: Floats, ridge: float, with_ties: bool) -> tuple[Davidson, Floats]:
    k = wins.shape[-1]
    first, second, design = _design(k)
    won, lost, tied = _pairs(wins, ties, first, second)
    theta, hessian = _newton(won, lost, tied, design, ridge, with_ties, np.zeros(k + 1), 200)
    logs = [np.log(np.maximum(p, 1e-300)) for p in _probabilities(theta, design, with_ties)]
    value = float(sum((count * log).sum() for count, log in zip((won, lost, tied), logs, strict=True)))
    beta = theta[:k] - theta[:k].mean()
    centre = np.eye(k) - 1 / k
    cov = centre @ np.linalg.inv(hessian)[:k, :k] @ centre
    worth = np.exp(beta - beta.max())
    nu = float(np.exp(theta[k])) if with_ties else 0.0
    return Davidson(beta, worth / worth.sum(), nu, value, cov), theta


def davidson(wins: ArrayLike, ties: ArrayLike, ridge: float = RIDGE) -> Davidson:
    """Fit to wins (K, K), [i, j] how often i beat j, and ties (K, K), symmetric; counts may be fractional."""
    return _fit(np.asarray(wins, float), np.asarray(ties, float), ridge, True)[0]


def bradley_terry(wins: ArrayLike, ridge: float = RIDGE) -> Davidson:
    """The model without ties, nu = 0."""
    w = np.asarray(wins, float)
    return _fit(w, np.zeros_like(w), ridge, False)[0]


def davidson_intervals(
    wins: ArrayLike,
    ties: ArrayLike,
    clusters: ArrayLike | None = None,
    ridge: float = RIDGE,
    level: float = 0.95,
) -> DavidsonIntervals:
    """Fit with jackknife-t intervals over prompts (or clusters (n,) of them) from counts a prompt (n, K, K)."""
    w, t = np.asarray(wins, float), np.asarray(ties, float)
    codes, groups = cluster_codes(clusters, len(w))
    first, second, _ = _design(w.shape[-1])
    counts = np.stack(_pairs(w, t, first, second))
    sums = np.zeros((3, groups, first.size))
    for total, rows in zip(sums, counts, strict=True):
        np.add.at(total, codes, rows)
    return davidson_of_sums(sums, w.shape[-1], ridge, level)


def davidson_of_sums(sums: Floats, contenders: int, ridge: float = RIDGE, level: float = 0.95) -> DavidsonIntervals:
    """The same from cluster sums (3, G, P) of wins, losses and ties of the first of each pair i < j, in that order.

    More than `MOST_CLUSTERS` are dealt out to so many groups, each left out whole: a jackknife as valid, and cheaper.
    """
    if sums.shape[1] < 2:
        raise ValueError("a jackknife over prompts needs at least two of them")
    if sums.shape[1] > MOST_CLUSTERS:
        starts = [sums[:, start::MOST_CLUSTERS].sum(axis=1) for start in range(MOST_CLUSTERS)]
        sums = np.stack(starts, axis=1)
    groups, k = sums.shape[1], contenders
    first, second, design = _design(k)
    won, lost, tied = sums.sum(axis=1)
    wins, ties = np.zeros((k, k)), np.zeros((k, k))
    wins[first, second], wins[second, first] = won, lost
    ties[first, second] = ties[second, first] = tied
    fit, theta = _fit(wins, ties, ridge, True)
    left = sums.sum(axis=1, keepdims=True) - sums
    fits, _ = _newton(left[0], left[1], left[2], design, ridge, True, theta, 8)
    betas = fits[:, :k] - fits[:, :k].mean(axis=1, keepdims=True)
    spread = betas - betas.mean(axis=0)
    cov = (groups - 1) / groups * spread.T @ spread
    half = float(t_quantile((1 + level) / 2, groups - 1)) * np.sqrt(np.diag(cov))
    return DavidsonIntervals(fit, fit.beta - half, fit.beta + half, cov, groups - 1)
