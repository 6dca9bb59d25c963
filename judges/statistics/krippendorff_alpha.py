"""Krippendorff's α for nominal, ordinal, interval and ratio ratings, with missing ones.

α = 1 − D_o/D_e over coincidences o_ck, each unit with m ≥ 2 ratings adding n_c(n_k − 1{c=k})/(m−1) (Krippendorff 2011,
"Computing Krippendorff's alpha-reliability", §E-F). Interval ratings need no categories: with
D_u = (mΣx² − (Σx)²)/(m−1) per unit, α = 1 − ΣD_u·(N−1)/(NΣx² − (Σx)²).
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .categories import category_counts, observed_categories

Metric = Literal["nominal", "ordinal", "interval", "ratio"]


def coincidence_features(counts: Floats) -> Floats:
    """(n, C·C) coincidences of each unit from counts (n, C)."""
    ratings = counts.sum(axis=1)
    scale = np.where(ratings >= 2, 1 / np.maximum(ratings - 1, 1), 0)
    categories = counts.shape[1]
    products = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(categories)
    return (products * scale[:, None, None]).reshape(len(counts), categories**2)


def _squared_distance(margins: Floats, values: Floats, metric: Metric) -> Floats:
    """(..., C, C) δ² between categories; ordinal distances depend on the margins (..., C)."""
    if metric == "nominal":
        return np.broadcast_to(1 - np.eye(len(values)), (*margins.shape, len(values)))
    if metric == "ordinal":
        position = np.cumsum(margins, axis=-1) - margins / 2
        return (position[..., :, None] - position[..., None, :]) ** 2
    difference = values[:, None] - values[None, :]
    if metric == "ratio":
        total = values[:, None] + values[None, :]
        difference = np.divide(difference, total, out=np.zeros_like(difference), where=total != 0)
    return np.broadcast_to(difference**2, (*margins.shape, len(values)))


def alpha_of_sums(sums: Floats, values: Floats, metric: Metric = "nominal") -> Floats:
    """α from summed coincidences (..., C·C) of categories with `values` (C,); nan where all ratings are equal."""
    table = sums.reshape(*sums.shape[:-1], len(values), len(values))
    margins = table.sum(axis=-1)
    distance = _squared_distance(margins, values, metric)
    observed = (table * distance).sum(axis=(-2, -1))
    expected = np.einsum("...c,...k,...ck->...", margins, margins, distance)
    total = margins.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed * (total - 1) / expected, np.nan)


def interval_features(ratings: Floats) -> Floats:
    """(n, 4) per unit with two ratings or more: D_u, m, Σx, Σx²; zeros for other units."""
    present = ~np.isnan(ratings)
    x = np.where(present, ratings, 0)
    m = present.sum(axis=1)
    total, squares = x.sum(axis=1), (x**2).sum(axis=1)
    spread = (m * squares - total**2) / np.maximum(m - 1, 1)
    return np.where((m >= 2)[:, None], np.column_stack([spread, m, total, squares]), 0)


def interval_alpha_of_sums(sums: Floats) -> Floats:
    """α for interval ratings from sums (..., 4) of `interval_features`."""
    spread, n, total, squares = np.moveaxis(sums, -1, 0)
    expected = n * squares - total**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 1e-12 * n**2, 1 - spread * (n - 1) / expected, np.nan)


def krippendorff_alpha(ratings: ArrayLike, metric: Metric = "nominal") -> float:
    """α of ratings (n units, J raters), nan where missing; nan where it is undefined (no spread)."""
    x = np.asarray(ratings, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        if metric == "interval":
            return float(interval_alpha_of_sums(interval_features(x).sum(axis=0)))
        values = observed_categories(x)
        features = coincidence_features(category_counts(x, values))
        return float(alpha_of_sums(features.sum(axis=0), values, metric))
