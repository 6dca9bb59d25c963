"""Latent verdicts by expectation-maximisation: a diagnostic for ≥ 200 prompts and independent families, never a gate.

Dawid and Skene (1979), eqs. 2.3-2.5: class marginals p_k, error rates π_j(l|k), posterior
T_ik ∝ p_k Π_j Π_l π_j(l|k)^n_ijl, started from each unit's share of ratings. `one_coin` replaces a judge's error
rates by a single accuracy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ._special import Floats


@dataclass(frozen=True)
class DawidSkene:
    """marginals (C,); errors (J, C, C): P(rating l | class k); posterior (n, C); log-likelihood without the multinomial
    constants; iterations used.
    """

    marginals: Floats
    errors: Floats
    posterior: Floats
    log_likelihood: float
    iterations: int


def dawid_skene(
    counts: ArrayLike,
    *,
    one_coin: bool = False,
    times: ArrayLike | None = None,
    tolerance: float = 1e-10,
    most: int = 2000,
) -> DawidSkene:
    """Fit to counts (n, J, C): how often judge j put unit i into category c; all 0 where it did not rate.

    times (n,): how many units each row stands for, where equal ones are collapsed.
    """
    ratings = np.asarray(counts, float)
    if ratings.ndim != 3 or ratings.sum() == 0:
        raise ValueError("ratings are counts (units, judges, categories) with at least one rating")
    posterior = ratings.sum(axis=1) / np.maximum(ratings.sum(axis=(1, 2)), 1)[:, None]
    units = np.ones(len(ratings)) if times is None else np.asarray(times, float)
    previous, value, steps = -np.inf, -np.inf, 0
    marginals, errors = posterior.mean(axis=0), np.zeros(0)
    while steps < most:
        steps += 1
        marginals = units @ posterior / units.sum()
        errors = _errors(np.einsum("i,ik,ijl->jkl", units, posterior, ratings), one_coin)
        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(errors, 1e-300))
            joint = np.log(np.maximum(marginals, 1e-300)) + np.einsum("ijl,jkl->ik", ratings, logs)
        value = float(units @ special.logsumexp(joint, axis=1))
        posterior = special.softmax(joint, axis=1)
        if value - previous < tolerance:
            break
        previous = value
    return DawidSkene(marginals, errors, posterior, value, steps)


def _errors(totals: Floats, one_coin: bool) -> Floats:
    judges, categories, _ = totals.shape
    if not one_coin:
        return totals / np.maximum(totals.sum(axis=2, keepdims=True), 1e-300)
    right = np.trace(totals, axis1=1, axis2=2) / np.maximum(totals.sum(axis=(1, 2)), 1e-300)
    wrong = (1 - right) / max(categories - 1, 1)
    errors = np.broadcast_to(wrong[:, None, None], (judges, categories, categories)).copy()
    errors[:, np.arange(categories), np.arange(categories)] = right[:, None]
    return errors
