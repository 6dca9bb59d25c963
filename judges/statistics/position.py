"""What a judge does with the order: position bias, verdicts that stay, and verdicts that flip with the place.

PB_j = mean_i (y_ij,first − y_ij,second)/2: half of what being shown first adds to the candidate's score; t interval
over clusters. A hard flip is a verdict for the same *place* in both orders; the exact McNemar test compares flips to
the first place with flips to the second. Only prompts with a valid vote in both orders count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clopper_pearson import exact_upper
from .clusters import cluster_mean
from .mcnemar import mcnemar

WARN_BIAS = 0.05
FLAG_BIAS = 0.15
FLAG_SAME_VERDICT = 0.6
MIN_PAIRS = 6  # the fewest whose sign test can reach .05


@dataclass(frozen=True)
class Position:
    """One judge. bias, low, high: PB in [−½, ½], two-sided at level; nan without prompts in both orders.

    pairs: prompts with both orders. same_verdict: share of them whose verdict did not change with the order.
    candidate_both, first_slot_both, second_slot_both: prompts whose verdict stayed with the candidate, the first, the
    second place. flip_p: exact McNemar of the last two. warned: the interval excludes 0 and |PB| > .05.
    flagged: |PB|'s lower bound > .15, or the exact one-sided 95% upper bound of same_verdict < .6. Of fewer than six
    pairs nothing is said about bias: even a judge of places alone could be chance.
    """

    bias: float
    low: float
    high: float
    pairs: int
    same_verdict: float
    candidate_both: int
    first_slot_both: int
    second_slot_both: int
    flip_p: float
    warned: bool
    flagged: bool


def position(votes: Floats, clusters: ArrayLike | None = None, level: float = 0.95) -> Position:
    """Position figures of one judge from votes (n, 2) in [0, 1]: candidate shown first, second; nan where missing."""
    both = ~np.isnan(votes).any(axis=1)
    pairs = int(both.sum())
    if pairs == 0:
        nan = float("nan")
        return Position(nan, nan, nan, 0, nan, 0, 0, 0, 1.0, False, False)
    first, second = np.sign(votes[both] - 0.5).T
    mean = cluster_mean((votes[both, 0] - votes[both, 1]) / 2, None if clusters is None else np.asarray(clusters)[both])
    low, high = float("nan"), float("nan")
    if mean.df > 0:
        half = float(t_quantile((1 + level) / 2, mean.df)) * mean.se
        low, high = mean.estimate - half, mean.estimate + half
    to_first = int(np.sum((first > 0) & (second < 0)))
    to_second = int(np.sum((first < 0) & (second > 0)))
    same = float(np.mean(first == second))
    least = max(low, -high, 0.0) if pairs >= MIN_PAIRS and mean.df > 0 else 0.0  # lower bound of |PB|
    upper_same = exact_upper(int(np.sum(first == second)), pairs)
    return Position(
        bias=mean.estimate,
        low=low,
        high=high,
        pairs=pairs,
        same_verdict=same,
        candidate_both=int(np.sum((first > 0) & (second > 0))),
        first_slot_both=to_first,
        second_slot_both=to_second,
        flip_p=mcnemar(to_first, to_second).exact,
        warned=bool(least > 0 and abs(mean.estimate) > WARN_BIAS),
        flagged=bool(least > FLAG_BIAS or upper_same < FLAG_SAME_VERDICT),
    )
