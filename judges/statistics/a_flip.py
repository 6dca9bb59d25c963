"""Signed agreement A_flip: agreement beyond what a blind flip of the labels would give. The gate's statistic.

A_flip = Σ_i mean_{j≠k} s_ij s_ik / Σ_i mean_j s_ij², over prompts with at least two judges: Krippendorff's
interval α on the data stacked with its mirror image (up to N/(N−1) and weights), and Bennett's S = 2p_o − 1 for
two judges without ties. Blinding makes the labels exchangeable, so chance agreement is agreement under a flip.
The bound is the linearised ratio: u_g = (num_g − A·den_g)/Σden, SE² = G/(G−1)·Σu_g², lower = A − t_{G−1,.95}·SE.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clusters import cluster_codes


@dataclass(frozen=True)
class AFlip:
    """estimate ≤ 1, nan when all verdicts are ties or no prompt has two judges (undefined: fails a gate).

    low: one-sided lower bound at 1−alpha, nan when undefined. se: of the linearised ratio. n: prompts used.
    """

    estimate: float
    low: float
    se: float
    n: int


def flip_sums(verdicts: Floats) -> tuple[Floats, Floats]:
    """Per prompt (n,): mean_{j≠k} s_ij s_ik and mean_j s_ij²; nan where fewer than two judges are there."""
    present = ~np.isnan(verdicts)
    s = np.where(present, verdicts, 0)
    judges = present.sum(axis=1)
    usable = judges >= 2
    pairs = np.where(usable, judges * (judges - 1), 1)
    squares = (s**2).sum(axis=1)
    agreement = np.where(usable, (s.sum(axis=1) ** 2 - squares) / pairs, np.nan)
    return agreement, np.where(usable, squares / np.maximum(judges, 1), np.nan)


def a_flip(verdicts: ArrayLike, clusters: ArrayLike | None = None, alpha: float = 0.05) -> AFlip:
    """A_flip of verdicts (n, J) in [−1, 1], nan where missing, with its one-sided lower bound at 1−alpha."""
    s = np.asarray(verdicts, float)
    agreement, squares = flip_sums(s)
    used = ~np.isnan(agreement)
    codes, groups = cluster_codes(None if clusters is None else np.asarray(clusters)[used], int(used.sum()))
    total = float(squares[used].sum())
    if total <= 0:
        return AFlip(float("nan"), float("nan"), float("nan"), int(used.sum()))
    estimate = float(agreement[used].sum()) / total
    if groups < 2:
        return AFlip(estimate, float("nan"), float("nan"), int(used.sum()))
    influence = np.bincount(codes, weights=agreement[used] - estimate * squares[used], minlength=groups) / total
    se = float(np.sqrt(groups / (groups - 1) * np.sum(influence**2)))
    return AFlip(estimate, estimate - float(t_quantile(1 - alpha, groups - 1)) * se, se, int(used.sum()))
