"""Which judge agrees with the rest of the panel clearly less than the others do.

A_j = Σ_i s_ij·sign(mean_{k≠j} s_ik) / Σ_i |s_ij|. Judge j is flagged if the one-sided (1 − α/J) upper bound of
A_j − mean_{k≠j} A_k is below 0, by linearisation over clusters with t_{G−1}, G the clusters that judge j saw beside
others. It needs six of these, and three judges: of two that differ, nothing says which one is wrong.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clusters import cluster_codes
from .panel import leave_one_out_means

MIN_JUDGES = 3
MIN_CLUSTERS = 6


@dataclass(frozen=True)
class Reliability:
    """Per judge (J,): agreement A_j in [−1, 1], its difference from the mean of the others, the bound, the flag.

    nan (and never flagged) for a judge without verdicts beside others', and for panels of fewer than three.
    """

    agreement: Floats
    difference: Floats
    upper: Floats
    flagged: np.ndarray


def reliability(verdicts: Floats, clusters: ArrayLike | None = None, alpha: float = 0.05) -> Reliability:
    """A_j and flags from verdicts s (n, J) in [−1, 1], nan where missing. O(n·J)."""
    n, judges = verdicts.shape
    present = ~np.isnan(verdicts)
    s = np.where(present, verdicts, 0)
    # Rounding of a mean of halves must not give a tie a sign.
    others = np.sign(np.round(np.nan_to_num(leave_one_out_means(verdicts)), 12))
    seen = present & ~np.isnan(leave_one_out_means(verdicts))
    total = np.where(seen, np.abs(s), 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreement = np.where(total > 0, (s * others).sum(axis=0) / total, np.nan)
        influence = np.where(seen, s * others - agreement * np.abs(s), 0) / total
    codes, groups = cluster_codes(clusters, n)
    known = ~np.isnan(agreement)
    upper = np.full(judges, np.nan)
    difference = np.full(judges, np.nan)
    if known.sum() >= MIN_JUDGES and groups >= MIN_CLUSTERS:
        count = known.sum() - 1
        sums = np.zeros((groups, judges))
        np.add.at(sums, codes, np.where(known, influence, 0))
        of_others = (sums.sum(axis=1, keepdims=True) - sums) / count
        difference = agreement - (np.nansum(agreement) - agreement) / count
        se = np.sqrt(groups / (groups - 1) * ((sums - of_others) ** 2).sum(axis=0))
        own = np.array([np.unique(codes[column]).size for column in seen.T])
        quantile = t_quantile(1 - alpha / judges, np.maximum(own - 1, 1))
        upper = np.where(own >= MIN_CLUSTERS, difference + quantile * se, np.nan)
    return Reliability(agreement, difference, upper, np.nan_to_num(upper, nan=1.0) < 0)
