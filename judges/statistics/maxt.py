"""Choosing one of K candidates judged on the same prompts: the restudentised maximum of sign-flipped t statistics.

One random sign per cluster is flipped for all K at once (the incumbent and the candidates are exchangeable under
H0), every flip is studentised anew, and max_k T_k is compared with its 1−α quantile (Westfall and Young 1993;
Romano and Wolf 2005 for the step). The published bound is simultaneous: θ̂_k − q·SE_k. It holds strong control of
one false promotion among K without splitting the prompts; used where n < 150. No stopping goes with it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._special import Floats, Ints, normal_quantile
from .clusters import ROUNDING, cluster_codes
from .winrate import effective_n, is_sparse, wilson


@dataclass(frozen=True)
class MaxT:
    """K candidates: estimate (K,), t (K,), low (K,) simultaneous lower bounds in [0, 1], p_value (K,) adjusted.

    One without any verdict has estimate nan, t −∞, low 0, p_value 1, and no part in the maximum.
    quantile: the 1−alpha quantile of max_k T under flips. chosen: index of the largest T (ties: the earlier).
    rejected: chosen has T above the quantile and a bound above ½.
    """

    estimate: Floats
    se: Floats
    t: Floats
    low: Floats
    p_value: Floats
    quantile: float
    chosen: int
    rejected: bool


@dataclass(frozen=True)
class ClusterSums:
    """Σ over a cluster's prompts of Y − ½, and its prompt counts, both (G, K)."""

    sums: Floats
    sizes: Floats


def candidate_sums(means: ArrayLike, clusters: ArrayLike | None = None) -> ClusterSums:
    """Cluster sums of prompt means (n, K) in [0, 1], nan where a candidate has no verdict on a prompt."""
    y = np.asarray(means, float)
    codes, groups = cluster_codes(clusters, len(y))
    present = ~np.isnan(y)
    sums, sizes = np.zeros((groups, y.shape[1])), np.zeros((groups, y.shape[1]))
    np.add.at(sums, codes, np.where(present, y - 0.5, 0))
    np.add.at(sizes, codes, present)
    return ClusterSums(sums, sizes)


def studentise(data: ClusterSums, signs: Floats) -> tuple[Floats, Floats]:
    """(B, K) means − ½ and CR1 standard errors after multiplying cluster g by signs[b, g]."""
    n = data.sizes.sum(axis=0)
    groups = (data.sizes > 0).sum(axis=0)
    mean = signs @ data.sums / n
    cross = signs @ (data.sums * data.sizes)
    squares = (data.sums**2).sum(axis=0) - 2 * mean * cross + mean**2 * (data.sizes**2).sum(axis=0)
    variance = groups / np.maximum(groups - 1, 1) * np.maximum(squares, 0) / n**2
    return mean, np.sqrt(variance)


def _t(mean: Floats, se: Floats) -> Floats:
    """mean / se; without any spread ±∞, and 0 where the mean is ½ too (a candidate that answers as the incumbent)."""
    spread = mean / np.maximum(se, ROUNDING)
    constant = np.where(np.abs(mean) < ROUNDING, 0.0, np.copysign(np.inf, mean))
    return np.where(se < ROUNDING, constant, spread)


def random_signs(groups: int, draws: int, seed: int) -> Floats:
    """(draws, groups) of ±1; shared by the maximum and by every leave-one-judge-out maximum."""
    return np.random.default_rng(seed).integers(0, 2, (draws, groups)).astype(np.float64) * 2 - 1


def flip_quantile(data: ClusterSums, signs: Floats, alpha: float) -> tuple[float, Floats]:
    """The 1−alpha quantile of max_k T_k over flips (an order statistic that counts the data too), and the maxima."""
    maxima = np.concatenate([_t(*studentise(data, block)).max(axis=1) for block in _blocks(signs)])
    rank = int(np.ceil((1 - alpha) * (len(maxima) + 1)))
    return (float(np.sort(maxima)[rank - 1]) if rank <= len(maxima) else float("inf")), maxima


def _blocks(signs: Floats, size: int = 2000) -> list[Floats]:
    return [signs[start : start + size] for start in range(0, len(signs), size)]


def simultaneous_low(data: ClusterSums, estimate: Floats, se: Floats, quantile: float) -> Floats:
    """θ̂ − q·SE, and where nearly all verdicts agree (the sparse rule) not above Wilson's bound at that q."""
    if not np.isfinite(quantile):
        return np.zeros_like(estimate)
    groups = (data.sizes > 0).sum(axis=0)
    low = np.clip(estimate - quantile * se, 0, 1)
    sparse = is_sparse(estimate, groups)
    z = float(normal_quantile(0.975))
    n_eff = effective_n(estimate, se, groups, z / max(quantile, z))
    return np.where(sparse, np.minimum(low, wilson(estimate, n_eff, z)[0]), low)


def max_t(
    means: ArrayLike,
    clusters: ArrayLike | None = None,
    alpha: float = 0.025,
    draws: int = 9999,
    seed: int = 0,
) -> MaxT:
    """Test K candidates at once from prompt means (n, K) in [0, 1]; the order of columns is the order of steps."""
    every = candidate_sums(means, clusters)
    judged: NDArray[np.bool_] = np.asarray(every.sizes > 0).max(axis=0)  # who has no verdict at all is not in the field
    if not judged.any():
        return _nobody(len(judged))
    data = ClusterSums(every.sums[:, judged], every.sizes[:, judged])
    signs = random_signs(len(data.sums), draws, seed)
    mean, se = (row[0] for row in studentise(data, np.ones((1, len(data.sums)))))
    t = _t(mean, se)
    quantile, maxima = flip_quantile(data, signs, alpha)
    p_value = (1 + (maxima[:, None] >= t[None, :] - 1e-12).sum(axis=0)) / (draws + 1)
    low = simultaneous_low(data, mean + 0.5, se, quantile)
    found = _nobody(len(judged))
    for whole, part in zip(
        (found.estimate, found.se, found.t, found.low, found.p_value), (mean + 0.5, se, t, low, p_value), strict=True
    ):
        whole[judged] = part
    chosen = int(np.argmax(found.t))
    rejected = bool(found.t[chosen] > quantile and found.low[chosen] > 0.5)
    return replace(found, quantile=quantile, chosen=chosen, rejected=rejected)


def _nobody(k: int) -> MaxT:
    """k candidates without a verdict: estimates unknown, T below any other's, nothing shown."""
    unknown = np.full(k, np.nan)
    return MaxT(unknown, unknown.copy(), np.full(k, -np.inf), np.zeros(k), np.ones(k), float("inf"), 0, False)


@dataclass(frozen=True)
class LeftOutMaxT:
    """Without judge `without`: the chosen candidate's T, the 1−alpha quantile of max_k T, its bound, the verdict."""

    without: str
    estimate: float
    t: float
    quantile: float
    low: float
    passed: bool


def max_t_leave_one_out(
    left_out: Floats,
    judges: tuple[str, ...],
    chosen: int,
    clusters: Ints | None = None,
    alpha: float = 0.05,
    draws: int = 9999,
    seed: int = 0,
) -> list[LeftOutMaxT]:
    """The chosen T₋ⱼ against the 1−alpha quantile of max_k T₋ⱼ, from prompt means (J, n, K) without judge j."""
    rows = []
    for name, means in zip(judges, left_out, strict=True):
        result = max_t(means, clusters, alpha, draws, seed)
        t, low = float(result.t[chosen]), float(result.low[chosen])
        rows.append(
            LeftOutMaxT(
                name,
                float(result.estimate[chosen]),
                t,
                result.quantile,
                low,
                bool(t > result.quantile and low > 0.5),
            )
        )
    return rows
