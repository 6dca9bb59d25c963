"""Ratings as categories: counts per unit, and the tables of all pairs of raters at once."""

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats

SIGNS = (-1.0, 0.0, 1.0)  # incumbent, tie, candidate


def one_hot(ratings: ArrayLike, categories: ArrayLike) -> Floats:
    """(n, J, C): 1 where rating (n, J) is category c; all 0 where it is nan. Refuses a rating outside."""
    x, c = np.asarray(ratings, float), np.asarray(categories, float)
    hot = (x[..., None] == c).astype(float)
    if int(hot.sum()) != int((~np.isnan(x)).sum()):
        raise ValueError(f"a rating is not among the categories {c.tolist()}")
    return hot


def observed_categories(ratings: ArrayLike) -> Floats:
    """Sorted distinct ratings, nan left out."""
    x = np.asarray(ratings, float)
    return np.unique(x[~np.isnan(x)])


def category_counts(ratings: ArrayLike, categories: ArrayLike | None = None) -> Floats:
    """(n, C): how many raters put each unit into each category."""
    return one_hot(ratings, observed_categories(ratings) if categories is None else categories).sum(axis=1)


def pair_tables(hot: Floats) -> Floats:
    """(J, J, C, C): table of judge j (rows) by judge k (columns) over the units that both rated."""
    n, judges, categories = hot.shape
    flat = hot.reshape(n, judges * categories)
    return (flat.T @ flat).reshape(judges, categories, judges, categories).transpose(0, 2, 1, 3)


def non_majority(counts: Floats) -> int:
    """Units with a rating outside the most frequent category: below five, κ and α have no interval."""
    modal = int(np.argmax(counts.sum(axis=0)))
    return int(np.sum(counts.sum(axis=1) > counts[:, modal]))
