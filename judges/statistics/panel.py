"""The votes of one comparison as one array, and what is read off it: verdicts and prompt means.

Notation of the whole folder: vote y_ijo ∈ [0, 1] (candidate loses 0, ties ½, wins 1) for prompt i, judge j, order
o (0: the candidate's answer was shown first, 1: second). Verdict s_ij = 2·mean_o y_ijo − 1 ∈ [−1, 1].
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._special import Floats, Ints

Orders = Literal["both", "any"]


@dataclass(frozen=True)
class Panel:
    """Votes of J judges on n prompts in two orders.

    y: (n, J, 2) in [0, 1], nan where there is no valid vote; repeats and epochs are averaged into it.
    judges: J names. clusters: (n,) family code of each prompt.
    """

    y: Floats
    judges: tuple[str, ...]
    clusters: Ints

    def cells(self, orders: Orders = "both") -> Floats:
        """(n, J) mean over orders; nan unless both orders are there ("both"), or at least one ("any")."""
        return order_mean(self.y, orders)

    def verdicts(self, orders: Orders = "both") -> Floats:
        """(n, J) s_ij = 2·mean_o y_ijo − 1 in [−1, 1], nan where missing."""
        return 2 * self.cells(orders) - 1


def order_mean(y: Floats, orders: Orders = "both") -> Floats:
    """Mean over the last axis (order): nan unless both are there ("both") or any is ("any")."""
    first, second = y[..., 0], y[..., 1]
    if orders == "both":
        return (first + second) / 2
    mean = (first + second) / 2
    return np.where(np.isnan(first), second, np.where(np.isnan(second), first, mean))


def prompt_means(cells: Floats) -> Floats:
    """(n,) Y_i = mean over the judges that are there of (n, J) cells; nan where none is."""
    present = ~np.isnan(cells)
    total = np.where(present, cells, 0).sum(axis=1)
    count = present.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def leave_one_out_means(cells: Floats) -> Floats:
    """(n, J) prompt means without judge j; nan where no other judge is there. O(n·J)."""
    present = ~np.isnan(cells)
    filled = np.where(present, cells, 0)
    total = filled.sum(axis=1, keepdims=True) - filled
    count = present.sum(axis=1, keepdims=True) - present
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def panel_majority(verdicts: Floats) -> Floats:
    """(n,) 1, ½ or 0: the sign of Σ_j sign s_ij (½ for a tie); nan where no judge is there."""
    signs = np.where(np.isnan(verdicts), 0, np.sign(verdicts)).sum(axis=1)
    majority = (np.sign(signs) + 1) / 2
    return np.where(np.isnan(verdicts).all(axis=1), np.nan, majority)
