"""One-sided p-value for H0: win rate ≤ ½, by flipping the sign of each cluster's total of Y − ½.

Exact where candidate and incumbent are exchangeable under H0. All 2^G flips when G ≤ 16; else seeded draws, the
data counted among them: p = (1 + #{T* ≥ T})/(draws + 1). Clusters with the same |total| are drawn together as one
binomial, which is the same distribution. Beyond 2,000 different totals the normal limit of T* is used.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._special import Floats, normal_tail
from .clusters import cluster_codes

EXACT_CLUSTERS = 16
MOST_DISTINCT = 2000
GRID = 1e-9  # totals closer than this are one; T* this close to T counts as reaching it


def sign_flip_p(values: ArrayLike, clusters: ArrayLike | None = None, *, draws: int = 9999, seed: int = 0) -> float:
    """p-value in (0, 1] of values (n,) in [0, 1] against ½, clusters (n,) flipped whole."""
    y = np.asarray(values, float) - 0.5
    codes, groups = cluster_codes(clusters, y.size)
    totals = np.bincount(codes, weights=y, minlength=groups)
    observed = float(totals.sum())
    sizes = np.abs(totals[np.abs(totals) > GRID])
    if groups <= EXACT_CLUSTERS:
        return float(np.mean(_all_flips(sizes) >= observed - GRID * groups))
    steps, counts = np.unique(np.round(sizes / GRID).astype(np.int64), return_counts=True)
    if len(steps) > MOST_DISTINCT:
        return float(normal_tail(observed / np.sqrt(np.sum(sizes**2))))
    flipped = _drawn_flips(steps * GRID, counts, draws, np.random.default_rng(seed))
    return float((1 + np.sum(flipped >= observed - GRID * groups)) / (draws + 1))


def _all_flips(sizes: Floats) -> Floats:
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def _drawn_flips(sizes: NDArray[Any], counts: np.ndarray, draws: int, rng: np.random.Generator) -> Floats:
    sums = np.zeros(draws)
    block = max(1, int(4e6) // max(len(sizes), 1))
    for start in range(0, draws, block):
        stop = min(draws, start + block)
        plus = rng.binomial(counts, 0.5, (stop - start, len(sizes)))
        sums[start:stop] = (2 * plus - counts) @ sizes
    return sums
