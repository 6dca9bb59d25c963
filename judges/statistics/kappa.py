"""Cohen's κ of two judges and Fleiss' κ of many, with missing ratings.

Cohen (1960): κ = (p_o − p_e)/(1 − p_e), p_e = Σ_k p_k· p_·k; asymptotic SE of Fleiss, Cohen and Everitt (1969), eq. 13.
Fleiss (1971): p_e = Σ π_k², π_k the mean over units of the share of category k; p_a over units with two ratings or
more (Gwet 2014, §2.4, for missing ratings).
"""

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats


def raw_agreement(table: ArrayLike) -> Floats:
    """Share on the diagonal of tables (..., C, C); nan for an empty one."""
    t = np.asarray(table, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.trace(t, axis1=-2, axis2=-1) / t.sum(axis=(-2, -1))


def cohen_kappa(table: ArrayLike) -> Floats:
    """κ of tables (..., C, C); nan where empty or chance agreement is 1 (one category only)."""
    t = np.asarray(table, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = t / t.sum(axis=(-2, -1), keepdims=True)
        chance = (p.sum(axis=-1) * p.sum(axis=-2)).sum(axis=-1)
        kappa = (np.trace(p, axis1=-2, axis2=-1) - chance) / (1 - chance)
    return np.where(1 - chance > 1e-12, kappa, np.nan)


def cohen_kappa_se(table: ArrayLike) -> float:
    """Asymptotic standard error of κ of one table (C, C), not under independence."""
    p = np.asarray(table, float)
    n = p.sum()
    p = p / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = np.trace(p), float(rows @ columns)
    kappa = (observed - chance) / (1 - chance)
    diagonal = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    both = (columns[:, None] + rows[None, :]) ** 2
    off = (1 - kappa) ** 2 * float(np.sum(p * both) - np.diag(p) @ np.diag(both))
    last = (kappa - chance * (1 - kappa)) ** 2
    return float(np.sqrt((diagonal + off - last) / n) / (1 - chance))


def unit_features(counts: Floats, weights: Floats | None = None) -> Floats:
    """(n, C+3) per unit: weighted pair agreement, 1{≥2 ratings}, shares of the C categories, 1{≥1 rating}.

    Fleiss' κ, AC1, AC2, Brennan-Prediger and raw agreement are functions of the column sums of this.
    """
    ratings = counts.sum(axis=1)
    weighted = counts if weights is None else counts @ weights
    pairs = ratings * (ratings - 1)
    agreement = np.where(ratings >= 2, (counts * (weighted - 1)).sum(axis=1) / np.maximum(pairs, 1), 0)
    shares = counts / np.maximum(ratings, 1)[:, None]
    return np.column_stack([agreement, ratings >= 2, shares, ratings >= 1])


def raw_of_sums(sums: Floats) -> Floats:
    """Mean pair agreement from sums (..., C+3) of `unit_features`."""
    return sums[..., 0] / sums[..., 1]


def fleiss_of_sums(sums: Floats) -> Floats:
    """Fleiss' κ from sums (..., C+3) of `unit_features`; nan where only one category occurs."""
    shares = sums[..., 2:-1] / sums[..., -1:]
    chance = (shares**2).sum(axis=-1)
    return np.where(1 - chance > 1e-12, (raw_of_sums(sums) - chance) / (1 - chance), np.nan)


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' κ of counts (n, C): raters per unit and category."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(fleiss_of_sums(unit_features(np.asarray(counts, float)).sum(axis=0)))
