"""Hybrid early stopping of one finalist: an e-process may stop at any family, else the final bound decides.

Of α, .2α goes to the e-process (stop at E ≥ 1/(.2α), as high with invalid votes as losses, and every
leave-one-judge-out E₋ⱼ ≥ 1/(.2·.05) = 100) and .8α to the final bound (.04 for leave-one-out). Looks come after each
whole family, from 30 prompts on, in an order fixed beforehand. Only with one finalist (K = 1, or the confirm stage);
never under maxT.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .clusters import cluster_codes
from .e_process import confidence_sequence, log_e

SHARE = 0.2  # of α, spent on looking
FIRST_LOOK = 30  # prompts
LEAVE_ONE_OUT_ALPHA = 0.05
FUTILITY = 10.0


@dataclass(frozen=True)
class Boundaries:
    """stop, stop_left_out: natural logs of E that stop. final, final_left_out: one-sided levels of the last bounds."""

    stop: float
    stop_left_out: float
    final: float
    final_left_out: float


def boundaries(alpha: float = 0.025, left_out_alpha: float = LEAVE_ONE_OUT_ALPHA) -> Boundaries:
    """ln 200, ln 100, .02, .04 at the default levels."""
    return Boundaries(
        float(-np.log(SHARE * alpha)),
        float(-np.log(SHARE * left_out_alpha)),
        (1 - SHARE) * alpha,
        (1 - SHARE) * left_out_alpha,
    )


@dataclass(frozen=True)
class Look:
    """Where a sequence of families stands. stopped: superiority was shown at `families` families, `prompts` prompts.

    log_e (F,), log_e_left_out (J, F): the paths. means, weights: of the families up to the stop or the end.
    """

    stopped: bool
    families: int
    prompts: int
    log_e: Floats
    log_e_left_out: Floats
    means: Floats
    weights: Floats

    @property
    def low(self) -> float:
        """Lower end of the 95% confidence sequence at the stop or at the end."""
        return self._sequence[0]

    @property
    def high(self) -> float:
        """Its upper end."""
        return self._sequence[1]

    @cached_property
    def _sequence(self) -> tuple[float, float]:
        return confidence_sequence(self.means, self.weights)

    @cached_property
    def futile(self) -> bool:
        """The mixture against θ ≥ .6 reached E ≥ 10 (reported; stopping on it is the user's choice)."""
        against = log_e(1 - self.means, self.weights, 0.4)
        return bool(self.means.size and np.max(against) >= np.log(FUTILITY))


def family_means(values: ArrayLike, clusters: ArrayLike) -> tuple[Floats, Floats]:
    """(F,) means and sizes of values (n,) over clusters, in the order of each cluster's first appearance."""
    y = np.asarray(values, float)
    labels = np.asarray(clusters)
    _, first = np.unique(labels, return_index=True)
    codes, groups = cluster_codes(labels, y.size)
    sizes = np.bincount(codes, minlength=groups).astype(float)
    means = np.bincount(codes, weights=y, minlength=groups) / sizes
    order = np.argsort(first)
    return means[order], sizes[order]


def hybrid_look(
    means: ArrayLike,
    left_out: ArrayLike,
    sizes: ArrayLike,
    largest: int,
    alpha: float = 0.025,
    left_out_alpha: float = LEAVE_ONE_OUT_ALPHA,
    against: ArrayLike | None = None,
) -> Look:
    """Look at family means (F,) in [0, 1] and the same without each judge (J, F), in the frozen order.

    against (F,): the means with every invalid vote as a loss; their E must reach the bound of E, too: where valid votes
    alone stop, the final bound with losses is read at a time that they chose (.028 instead of .025 in simulation).
    sizes (F,): prompts of each family; largest: n_max of the lock. With one judge there is no leave-one-out panel
    (J = 0 rows), and nothing stops.
    """
    y, without, n = np.asarray(means, float), np.asarray(left_out, float), np.asarray(sizes, float)
    if np.max(n, initial=0) > largest:
        raise ValueError(f"a family of {int(n.max())} prompts exceeds the largest in the lock, {largest}")
    weights, prompts = n / largest, np.cumsum(n)
    path = log_e(y, weights)
    path_left_out = log_e(without, weights) if len(without) else np.zeros((0, y.size))
    bounds = boundaries(alpha, left_out_alpha)
    crossed = (prompts >= FIRST_LOOK) & (path >= bounds.stop)
    if against is not None:
        crossed &= log_e(against, weights) >= bounds.stop
    crossed &= (path_left_out >= bounds.stop_left_out).all(axis=0) if len(without) else False
    stopped = bool(crossed.any())
    last = int(np.argmax(crossed)) if stopped else y.size - 1
    total = int(prompts[last]) if y.size else 0
    return Look(stopped, last + 1, total, path, path_left_out, y[: last + 1], weights[: last + 1])
