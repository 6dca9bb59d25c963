"""Intervals that hold over two crossed samples at once: prompts and judges, or facts and templates.

V = V_rows + V_columns − V_cells (Cameron, Gelbach and Miller 2011, eq. 2.11; Owen 2007), not below
max(V_rows, V_columns); Satterthwaite df = V²/(V_rows²/(R−1) + V_columns²/(C−1)). Each V is the CR1 variance of
the same influence values, summed over rows, columns or cells.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .clusters import cluster_codes
from .winrate import rate_interval


@dataclass(frozen=True)
class TwoWay:
    """estimate with two-way standard error se and df; low, high: two-sided at level.

    rows, columns: how many of each. nan bounds where either is below 2.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    rows: int
    columns: int


def clustered_variance(influence: Floats, codes: np.ndarray, groups: int) -> float:
    """G/(G−1)·Σ_g (Σ influence)²; influence sums to 0 and already carries the estimator's weights."""
    sums = np.bincount(codes, weights=influence, minlength=groups)
    return groups / (groups - 1) * float(np.sum(sums**2))


def two_way_variance(influence: Floats, rows: ArrayLike, columns: ArrayLike) -> tuple[float, float, int, int]:
    """(V, df, R, C) of influence values (N,) with row and column labels (N,); (nan, 0, …) below two of either."""
    row, n_rows = cluster_codes(rows, influence.size)
    column, n_columns = cluster_codes(columns, influence.size)
    if n_rows < 2 or n_columns < 2:
        return float("nan"), 0.0, n_rows, n_columns
    cell, n_cells = cluster_codes(row * n_columns + column, influence.size)
    by_row = clustered_variance(influence, row, n_rows)
    by_column = clustered_variance(influence, column, n_columns)
    by_cell = clustered_variance(influence, cell, n_cells)
    variance = max(by_row + by_column - by_cell, by_row, by_column)
    if variance == 0:
        return 0.0, float(min(n_rows, n_columns) - 1), n_rows, n_columns
    df = variance**2 / (by_row**2 / (n_rows - 1) + by_column**2 / (n_columns - 1))
    return variance, df, n_rows, n_columns


def judges_like_these(cells: Floats, clusters: ArrayLike | None = None, level: float = 0.95) -> TwoWay:
    """The win rate over prompts *and* judges like these, from (n, J) verdict means in [0, 1], nan where missing.

    The estimate is the panel's, prompt first. Informative, never gating: with few judges it is wide.
    """
    present = ~np.isnan(cells)
    judges_per_prompt = present.sum(axis=1)
    used = judges_per_prompt > 0
    labels = np.arange(len(cells)) if clusters is None else np.asarray(clusters)
    prompt, judge = np.nonzero(present)
    n, nan = int(used.sum()), float("nan")
    if n == 0:
        return TwoWay(nan, nan, 0.0, nan, nan, 0, 0)
    weights = 1 / (n * judges_per_prompt[prompt])
    values = cells[prompt, judge]
    estimate = float(np.sum(weights * values))
    variance, df, rows, columns = two_way_variance(weights * (values - estimate), labels[prompt], judge)
    if df <= 0:
        return TwoWay(estimate, nan, 0.0, nan, nan, rows, columns)
    se = float(np.sqrt(variance))
    low, high, _ = rate_interval(estimate, se, df, rows, level)
    return TwoWay(estimate, se, df, low, high, rows, columns)
