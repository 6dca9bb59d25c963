"""Intraclass correlations: of votes inside a prompt (what the power calculation needs) and Shrout-Fleiss' three.

ICC(1,1) = (MSB − MSW)/(MSB + (n₀−1)MSW), n₀ = (N − Σm_i²/N)/(n−1) with unequal m_i; ICC(2,1), ICC(3,1): two-way random
and mixed (Shrout and Fleiss 1979, Table 4).
"""

import numpy as np
from numpy.typing import ArrayLike


def vote_icc(votes: ArrayLike) -> float:
    """ICC(1,1) of votes (n, m) inside prompts, nan where missing; nan where no prompt has two votes or no spread."""
    y = np.asarray(votes, float)
    present = ~np.isnan(y)
    sizes = present.sum(axis=1)
    y, present, sizes = y[sizes > 0], present[sizes > 0], sizes[sizes > 0].astype(float)
    n, total = len(sizes), sizes.sum()
    if n < 2 or total == n:
        return float("nan")
    filled = np.where(present, y, 0)
    means = filled.sum(axis=1) / sizes
    grand = filled.sum() / total
    between = float(np.sum(sizes * (means - grand) ** 2)) / (n - 1)
    within = float(np.sum(np.where(present, (y - means[:, None]) ** 2, 0))) / (total - n)
    typical = (total - np.sum(sizes**2) / total) / (n - 1)
    spread = between + (typical - 1) * within
    return (between - within) / spread if spread > 0 else float("nan")


def shrout_fleiss(ratings: ArrayLike) -> tuple[float, float, float]:
    """(ICC(1,1), ICC(2,1), ICC(3,1)) of complete ratings (n, k)."""
    x = np.asarray(ratings, float)
    n, k = x.shape
    grand, rows, columns = x.mean(), x.mean(axis=1), x.mean(axis=0)
    between = k * float(np.sum((rows - grand) ** 2)) / (n - 1)
    raters = n * float(np.sum((columns - grand) ** 2)) / (k - 1)
    within = float(np.sum((x - rows[:, None]) ** 2)) / (n * (k - 1))
    error = float(np.sum((x - rows[:, None] - columns[None, :] + grand) ** 2)) / ((n - 1) * (k - 1))
    return (
        (between - within) / (between + (k - 1) * within),
        (between - error) / (between + (k - 1) * error + k * (raters - error) / n),
        (between - error) / (between + (k - 1) * error),
    )
