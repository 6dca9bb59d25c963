"""Choosing 1 of K by sequential halving on a third of the prompts; the rest, untouched, confirms the one finalist.

Screen: m = ⌊n/3⌋ prompts in R = ⌈log₂K⌉ rounds; round r judges the survivors on prompts ⌊m(r−1)/R⌋ … ⌊mr/R⌋ and ranks
by the mean over all screen prompts so far; ⌊k/2⌋ are kept, at least 1; ties go to the earlier step. The order is
seeded and stratified by domain, families stay whole (Karnin, Koren and Somekh 2013, for the halving).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, Ints
from .clusters import cluster_codes

SPLIT_FROM = 150  # prompts; below this maxT judges all K on all prompts
SCREEN_SHARE = 3


@dataclass(frozen=True)
class HalvingPlan:
    """rounds: prompt indices of each screen round. screen: all of them. confirm: the held-out rest, in frozen order.

    survivors: how many candidates are judged in each round (a round with one left has nothing to rank and judges
    none). judged_pairs: prompts × candidates over screen and confirm.
    """

    rounds: tuple[Ints, ...]
    screen: Ints
    confirm: Ints
    survivors: tuple[int, ...]
    judged_pairs: int


def stratified_order(families: ArrayLike, domains: ArrayLike | None = None, seed: int = 0) -> Ints:
    """A seeded order of n prompts in which families are contiguous and every stretch has the domains' proportions.

    Each domain's families are shuffled and spread evenly over (0, 1) with jitter; a family has the domain of its
    first prompt. The order depends on names and the seed, not on the order of rows.
    """
    labels = np.asarray(families)
    codes, groups = cluster_codes(labels, labels.size)
    first = np.full(groups, labels.size)
    np.minimum.at(first, codes, np.arange(labels.size))
    rng = np.random.default_rng(seed)
    place = np.empty(groups)
    strata = np.zeros(groups, dtype=np.int64)
    if domains is not None:
        strata = np.unique(np.asarray(domains), return_inverse=True)[1][first]
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        place[rng.permutation(members)] = (np.arange(members.size) + rng.random(members.size)) / members.size
    return np.lexsort((np.arange(labels.size), place[codes]))


def halving_plan(
    families: Sequence[str] | ArrayLike,
    candidates: int,
    domains: Sequence[str] | ArrayLike | None = None,
    seed: int = 0,
) -> HalvingPlan:
    """Split n prompts (their family names) into screen rounds and a confirm set for K candidates; K = 1: no screen."""
    if candidates < 1:
        raise ValueError("there is no candidate to choose")
    order = stratified_order(np.asarray(families), None if domains is None else np.asarray(domains), seed)
    n = len(order)
    if candidates == 1:
        return HalvingPlan((), order[:0], order, (), n)
    size = _whole_families(np.asarray(families)[order], n // SCREEN_SHARE)
    count = int(np.ceil(np.log2(candidates)))
    edges = [size * r // count for r in range(count + 1)]
    rounds = tuple(order[start:stop] for start, stop in pairwise(edges))
    alive, survivors = candidates, []
    for _ in rounds:
        survivors.append(alive if alive > 1 else 0)
        alive = max(alive // 2, 1)
    judged = sum(len(part) * k for part, k in zip(rounds, survivors, strict=True)) + n - size
    return HalvingPlan(rounds, order[:size], order[size:], tuple(survivors), judged)


def _whole_families(ordered: np.ndarray, size: int) -> int:
    """The largest screen of at most `size` prompts that ends at the end of a family; the first family at least."""
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) + 1
    fitting = ends[ends <= size]
    return int(fitting[-1] if fitting.size else ends[0])


def keep_half(means: ArrayLike, steps: ArrayLike) -> Ints:
    """Indices of the ⌊k/2⌋ (at least 1) highest means (k,), ties to the smaller step (k,), sorted by step."""
    rank = np.lexsort((np.asarray(steps), -np.round(np.asarray(means, float), 12)))
    kept = rank[: max(len(rank) // 2, 1)]
    return kept[np.argsort(np.asarray(steps)[kept])]


def finalist(means: ArrayLike, plan: HalvingPlan) -> int:
    """The column that survives the screen, from prompt means (n, K) in the order of steps; reads judged cells only."""
    y = np.asarray(means, float)
    alive, seen = np.arange(y.shape[1]), np.zeros(0, dtype=np.int64)
    for prompts in plan.rounds:
        seen = np.concatenate([seen, prompts])
        if len(alive) > 1:
            alive = alive[keep_half(screened_means(y[np.ix_(seen, alive)]), alive)]
    return int(alive[0])


def screened_means(means: ArrayLike) -> Floats:
    """Means (n, k) over prompts, of the candidates that can be ranked; −inf for whom fewer than half as many judged.

    Three prompts, all won, would have the highest mean of all.
    """
    y = np.asarray(means, float)
    judged = np.isfinite(y).sum(axis=0)
    total = np.where(np.isfinite(y), y, 0).sum(axis=0)
    return np.where((judged > 0) & (2 * judged >= judged.max(initial=0)), total / np.maximum(judged, 1), -np.inf)
