"""The mean of values that come in clusters (prompts, or families of paraphrases) and its robust standard error.

CR1: SE² = G/(G−1) · Σ_g S_g² / n², S_g the sum of a cluster's residuals (Miller 2024, arXiv 2411.00640, eq. 4;
Cameron and Miller 2015, §II). Where sizes differ much, max/mean > 2, CR2: SE² = Σ_g S_g²/(1 − n_g/n) / n² with
the Bell-McCaffrey degrees of freedom tr(M)²/tr(M²), M_gh = p_g'p_h, p_g = (I−H)1_g/√(1−n_g/n)
(Bell and McCaffrey 2002; Imbens and Kolesár 2016, §III); for a mean both have closed forms.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, Ints

UNEQUAL = 2.0  # max/mean cluster size beyond which CR2 is used
ROUNDING = 1e-12  # a standard error below this is rounding of a constant


@dataclass(frozen=True)
class ClusterMean:
    """A mean over n values in G clusters.

    estimate: mean. se: robust standard error ≥ 0, nan when G < 2. df: degrees of freedom > 0 (0 when G < 2).
    n: values. clusters: G. method: "CR1" or "CR2+BM".
    """

    estimate: float
    se: float
    df: float
    n: int
    clusters: int
    method: Literal["CR1", "CR2+BM"]


def cluster_codes(clusters: ArrayLike | None, n: int) -> tuple[Ints, int]:
    """Codes 0…G−1 for n labels of any type, and G. None: each value is its own cluster."""
    if clusters is None:
        return np.arange(n), n
    labels, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if codes.shape != (n,):
        raise ValueError(f"{codes.size} cluster labels for {n} values: one label a value is needed")
    return codes, len(labels)


def cluster_mean(values: ArrayLike, clusters: ArrayLike | None = None) -> ClusterMean:
    """Mean of `values` (n,) with the CR1 or CR2 standard error over `clusters` (n,)."""
    y = np.asarray(values, dtype=float)
    if y.ndim != 1 or y.size == 0:
        raise ValueError("a mean needs a non-empty, one-dimensional array")
    codes, groups = cluster_codes(clusters, y.size)
    sizes = np.bincount(codes, minlength=groups).astype(float)
    estimate = float(y.mean())
    sums = np.bincount(codes, weights=y - estimate, minlength=groups).astype(float)
    return mean_of_sums(estimate, sums, sizes)


def mean_of_sums(estimate: float, sums: Floats, sizes: Floats) -> ClusterMean:
    """`ClusterMean` from residual sums S_g (G,) and cluster sizes n_g (G,)."""
    groups, n = len(sizes), int(sizes.sum())
    unequal = sizes.max() > UNEQUAL * sizes.mean()
    method: Literal["CR1", "CR2+BM"] = "CR2+BM" if unequal else "CR1"
    if groups < 2:
        return ClusterMean(estimate, float("nan"), 0.0, n, groups, method)
    if unequal:
        variance = float(np.sum(sums**2 / (1 - sizes / n))) / n**2
        df = bell_mccaffrey_df(sizes)
    else:
        variance = groups / (groups - 1) * float(np.sum(sums**2)) / n**2
        df = float(groups - 1)
    se = float(np.sqrt(variance))
    return ClusterMean(estimate, 0.0 if se < ROUNDING else se, df, n, groups, method)


def bell_mccaffrey_df(sizes: Floats) -> float:
    """Satterthwaite df of the CR2 variance of a mean, working model iid; G−1 when the sizes (G,) are equal."""
    n = sizes.sum()
    leverage = sizes**2 / (1 - sizes / n)
    trace_of_square = np.sum(sizes**2) + (np.sum(leverage) ** 2 - np.sum(leverage**2)) / n**2
    return float(n**2 / trace_of_square)
