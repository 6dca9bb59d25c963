"""Sensitivity of a win rate to judges that skip prompts: the rate over prompts that every judge has judged."""

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .winrate import WinRate, winrate_ci


def complete_case(cells: Floats, clusters: ArrayLike | None = None, level: float = 0.95) -> WinRate | None:
    """`winrate_ci` over the prompts of (n, J) verdict means where no judge is missing; None where there is none."""
    full = ~np.isnan(cells).any(axis=1)
    if not full.any():
        return None
    return winrate_ci(cells[full].mean(axis=1), None if clusters is None else np.asarray(clusters)[full], level)
