"""The cluster bootstrap of sums, made cheap: equal clusters collapse to patterns, and patterns are drawn.

Every statistic here is a function of linear cluster sums, and votes are discrete, so G clusters collapse to D
distinct rows with counts c; resampling G clusters with replacement is then *exactly* Multinomial(G, c/G) over rows,
and all resampled sums are one product W (B×D) @ F (D×q). Beyond 20,000 patterns clusters get independent Poisson(1)
weights instead (Hanley and MacGibbon 2006), from a 16-bit table in blocks.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from ._special import Floats, Ints, normal_quantile

MOST_PATTERNS = 20_000
CHEAPER = 12  # a multinomial cell costs about as much as drawing this many clusters
BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class Patterns:
    """Distinct rows of cluster sums, features (D, q), and how many clusters have each, counts (D,)."""

    features: Floats
    counts: Ints

    @property
    def clusters(self) -> int:
        """G = Σ counts."""
        return int(self.counts.sum())


def collapse(features: Floats) -> Patterns:
    """Distinct rows of features (G, q) and their counts; exact, one integer code a row built column by column."""
    codes = np.zeros(len(features), dtype=np.int64)
    for column in features.T:
        levels, inverse = np.unique(column, return_inverse=True)
        if len(levels) > 1:
            codes = np.unique(codes * len(levels) + inverse, return_inverse=True)[1]
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return Patterns(features[first], counts)


def bootstrap_sums(patterns: Patterns, draws: int, seed: int = 0) -> Floats:
    """(draws, q) sums over resampled clusters, seeded."""
    rng = np.random.default_rng(seed)
    kinds, clusters = len(patterns.counts), patterns.clusters
    draw, rows = _by_multinomial, patterns.features
    if kinds > MOST_PATTERNS:
        draw, rows = _by_poisson, np.repeat(patterns.features, patterns.counts, axis=0)
    elif kinds * CHEAPER > clusters:
        draw = _by_index
    block = max(1, BLOCK_CELLS // len(rows))
    sums = np.empty((draws, rows.shape[1]))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        sums[start : start + size] = draw(rng, patterns.counts, size) @ rows
    return sums


def _by_multinomial(rng: np.random.Generator, counts: Ints, draws: int) -> Floats:
    total = int(counts.sum())
    return rng.multinomial(total, counts / total, draws).astype(float)


def _by_index(rng: np.random.Generator, counts: Ints, draws: int) -> Floats:
    """The same distribution, drawn cluster by cluster: cheaper where there are few clusters a pattern."""
    owner = np.repeat(np.arange(len(counts)), counts)
    total = len(owner)
    weights = np.empty((draws, len(counts)))
    for row in weights:
        picked = owner[rng.integers(0, total, total, dtype=np.uint32)]
        row[:] = np.bincount(picked, minlength=len(counts))
    return weights


def _by_poisson(rng: np.random.Generator, counts: Ints, draws: int) -> Floats:
    return _poisson_table()[rng.integers(0, 1 << 16, (draws, int(counts.sum())), dtype=np.uint16)]


@lru_cache
def _poisson_table() -> np.ndarray:
    """65,536 values whose uniform choice is Poisson(1) to 16 bits."""
    edges = np.round(special.pdtr(np.arange(12), 1.0) * (1 << 16)).astype(int)
    return np.searchsorted(edges, np.arange(1 << 16), side="right").astype(float)


def percentile_interval(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """Two-sided percentile interval of bootstrap values (B,); nan where a draw is undefined."""
    if np.isnan(draws).any():
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bca_interval(
    estimate: float, draws: Floats, left_out: Floats, counts: Ints | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Bias-corrected and accelerated interval (Efron 1987, eq. 2.3), acceleration from leave-one-cluster-out values.

    left_out (D,) with counts (D,): the value without one cluster of each pattern. (estimate, estimate) if constant.
    """
    if np.isnan(draws).any() or np.isnan(left_out).any():
        return float("nan"), float("nan")
    weights = np.ones(len(left_out)) if counts is None else counts
    centred = np.average(left_out, weights=weights) - left_out
    spread = float(np.sum(weights * centred**2))
    if spread < 1e-24 or np.ptp(draws) == 0:
        return estimate, estimate
    acceleration = float(np.sum(weights * centred**3)) / (6 * spread**1.5)
    below = (np.sum(draws < estimate - 1e-12) + np.sum(draws <= estimate + 1e-12)) / (2 * len(draws))
    bias = float(normal_quantile(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws))))
    z = bias + np.asarray(normal_quantile([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(draws, special.ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)
