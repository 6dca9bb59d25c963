"""Accuracy over phrasings of facts, the gap between trained and novel ones, and consistency within a fact.

x_fp ∈ {0, 1}: fact f answered right in phrasing p. Accuracy = mean_f mean_p x; gap = mean_f(acc_trained − acc_novel),
paired by fact. Where phrasings are unique to a fact, clusters are facts; as soon as a template id repeats, the
interval is two-way (fact and template, `two_way`). Consistency c_f = [x(x−1) + (m−x)(m−x−1)]/(m(m−1)) for x right of m,
chance-corrected (c̄ − E)/(1 − E) with E = p² + q².
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats, t_quantile
from .clusters import cluster_codes
from .two_way import clustered_variance, two_way_variance
from .winrate import WinRate, rate_interval, winrate_ci


@dataclass(frozen=True)
class PhrasingRate:
    """estimate with a two-sided interval; facts, templates: how many (templates 0 where phrasings are unique).

    method: "fact" or "fact × template".
    """

    estimate: float
    low: float
    high: float
    se: float
    df: float
    facts: int
    templates: int
    method: str


@dataclass(frozen=True)
class Consistency:
    """mean: c̄ in [0, 1] over facts with two phrasings or more. corrected: beyond chance, nan if all answers are alike.

    all_correct: share of facts right in all their phrasings, with its interval.
    """

    mean: float
    corrected: float
    all_correct: WinRate
    facts: int


def _repeats(templates: ArrayLike | None) -> bool:
    return templates is not None and len(np.unique(np.asarray(templates))) < np.asarray(templates).size


def _fact_means(x: Floats, codes: np.ndarray, facts: int) -> tuple[Floats, Floats]:
    sizes = np.bincount(codes, minlength=facts).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.bincount(codes, weights=x, minlength=facts) / sizes, sizes


def phrasing_accuracy(
    correct: ArrayLike, facts: ArrayLike, templates: ArrayLike | None = None, level: float = 0.95
) -> PhrasingRate:
    """Accuracy of answers (N,) in 0/1 with fact labels (N,) and, where phrasings come from them, template ids (N,)."""
    x = np.asarray(correct, float)
    codes, count = cluster_codes(facts, x.size)
    means, sizes = _fact_means(x, codes, count)
    estimate = float(means.mean())
    influence = (x - estimate) / (count * sizes[codes])
    if not _repeats(templates):
        rate = winrate_ci(means, level=level)
        return PhrasingRate(estimate, rate.low, rate.high, rate.se, rate.df, count, 0, "fact")
    assert templates is not None
    variance, df, _, shared = two_way_variance(influence, codes, templates)
    se = float(np.sqrt(variance))
    low, high, _ = rate_interval(estimate, se, df, count, level)
    return PhrasingRate(estimate, low, high, se, df, count, shared, "fact × template")


def phrasing_gap(
    correct: ArrayLike,
    facts: ArrayLike,
    novel: ArrayLike,
    templates: ArrayLike | None = None,
    level: float = 0.95,
) -> PhrasingRate:
    """Trained minus novel accuracy, over facts that have both; novel (N,) says which answers are to novel phrasings.

    Refuses a template id that stands on both sides: the phrasing would not be novel.
    """
    x, unseen = np.asarray(correct, float), np.asarray(novel, bool)
    if templates is not None:
        labels = np.asarray(templates)
        common = np.intersect1d(labels[unseen], labels[~unseen])
        if common.size:
            raise ValueError(f"template {common[0]!r} is both trained and novel")
    codes, count = cluster_codes(facts, x.size)
    both = np.isin(codes, np.intersect1d(codes[unseen], codes[~unseen]))
    if not both.any():
        raise ValueError("no fact has both trained and novel phrasings")
    x, unseen = x[both], unseen[both]
    codes, count = cluster_codes(codes[both], x.size)
    side = codes + count * unseen
    sizes = np.bincount(side, minlength=2 * count).astype(float)
    means = np.bincount(side, weights=x, minlength=2 * count) / sizes
    trained, new = means[:count].mean(), means[count:].mean()
    sign = np.where(unseen, -1.0, 1.0)
    influence = sign * (x - np.where(unseen, new, trained)) / (count * sizes[side])
    shared = 0
    if _repeats(templates):
        variance, df, _, shared = two_way_variance(influence, codes, np.asarray(templates)[both])
    else:
        variance = clustered_variance(influence, codes, count) if count > 1 else float("nan")
        df = float(count - 1)
    se, gap = float(np.sqrt(variance)), float(trained - new)
    half = float(t_quantile((1 + level) / 2, df)) * se if df > 0 else float("nan")
    return PhrasingRate(gap, gap - half, gap + half, se, df, count, shared, "fact × template" if shared else "fact")


def consistency(correct: ArrayLike, facts: ArrayLike, level: float = 0.95) -> Consistency:
    """How often two phrasings of a fact are answered alike, from answers (N,) in 0/1 and fact labels (N,)."""
    x = np.asarray(correct, float)
    codes, count = cluster_codes(facts, x.size)
    means, sizes = _fact_means(x, codes, count)
    right, wrong = means * sizes, sizes - means * sizes
    several = sizes >= 2
    pairs = (right * (right - 1) + wrong * (wrong - 1))[several] / (sizes * (sizes - 1))[several]
    mean = float(pairs.mean()) if pairs.size else float("nan")
    rate = float(means.mean())
    chance = rate**2 + (1 - rate) ** 2
    corrected = (mean - chance) / (1 - chance) if 1 - chance > 1e-12 else float("nan")
    return Consistency(mean, corrected, winrate_ci((wrong < 0.5).astype(float), level=level), count)
