"""How many independent judges a panel is worth: Kish's J/(1 + (J−1)r̄) (Kish 1965, §5.4)."""

import numpy as np

from ._special import Floats

MIN_SHARED = 3


def pairwise_correlation(verdicts: Floats) -> Floats:
    """(J, J) Pearson correlations of s (n, J) over shared prompts; nan below three of them or without spread."""
    present = (~np.isnan(verdicts)).astype(float)
    s = np.where(present > 0, verdicts, 0)
    shared = present.T @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (s.T @ present) / shared  # [j, k]: mean of j over prompts shared with k
        variance = (s**2).T @ present / shared - mean**2
        covariance = s.T @ s / shared - mean * mean.T
        correlation = covariance / np.sqrt(variance * variance.T)
    spread = (variance > 1e-12) & (variance.T > 1e-12)
    return np.where((shared >= MIN_SHARED) & spread, correlation, np.nan)


def effective_judges(verdicts: Floats) -> float:
    """J/(1 + (J−1)r̄), r̄ the mean correlation over pairs where it is defined; nan where none is, or it is ≤ −1/(J−1)."""
    judges = verdicts.shape[1]
    correlation = pairwise_correlation(verdicts)[np.triu_indices(judges, 1)]
    if judges < 2 or np.isnan(correlation).all():
        return float("nan")
    denominator = 1 + (judges - 1) * float(np.nanmean(correlation))
    return judges / denominator if denominator > 1e-12 else float("nan")
