"""Paired suite results in families of paraphrases: counts divided by a design effect, then Tango's test.

deff = Var_CR1(mean d)/Var_iid(mean d) of d = candidate − incumbent ∈ {−1, 0, 1}, at least 1 (Rao and Scott 1992). With
fewer than two families that changed, no variance between families can be estimated: then a family counts as one
item, deff = Σn_g²/n.
"""

import numpy as np
from numpy.typing import ArrayLike

from .clusters import ROUNDING, cluster_codes
from .tango import NonInferiority, non_inferiority


def design_effect(differences: ArrayLike, clusters: ArrayLike | None = None) -> float:
    """deff ≥ 1 of paired differences (n,) over clusters (n,); exactly 1 where every item is its own cluster."""
    d = np.asarray(differences, float)
    codes, groups = cluster_codes(clusters, d.size)
    if groups == d.size or groups < 2:
        return 1.0 if groups == d.size else float(d.size)
    sizes = np.bincount(codes, minlength=groups)
    changed = np.bincount(codes, weights=d != 0, minlength=groups) > 0
    iid = float(d.var(ddof=1)) / d.size
    if changed.sum() < 2 or iid < ROUNDING**2:
        return float(np.sum(sizes.astype(float) ** 2)) / d.size
    sums = np.bincount(codes, weights=d - d.mean(), minlength=groups)
    robust = groups / (groups - 1) * float(np.sum(sums**2)) / d.size**2
    return max(1.0, robust / iid)


def paired_non_inferiority(
    candidate: ArrayLike,
    incumbent: ArrayLike,
    delta: float,
    clusters: ArrayLike | None = None,
    alpha: float = 0.05,
) -> NonInferiority:
    """Tango's test of item results 0/1 (n,) of both contenders on the same items, families in `clusters` (n,)."""
    own, other = np.asarray(candidate, float), np.asarray(incumbent, float)
    if own.shape != other.shape or own.ndim != 1 or own.size == 0:
        raise ValueError("paired results need two arrays of the same, non-zero length")
    if not (np.isin(own, (0, 1)).all() and np.isin(other, (0, 1)).all()):
        raise ValueError("paired results are 0 or 1; repeat an item once an epoch and give the item as its cluster")
    d = own - other
    deff = design_effect(d, clusters)
    return non_inferiority(float((d > 0).sum()), float((d < 0).sum()), d.size, delta, alpha, deff)
