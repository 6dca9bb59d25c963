"""The agreement block of an analysis: every coefficient side by side, and which one may gate (A_flip alone).

The unit is the prompt. Nominal coefficients and AC2 use the sign of a judge's verdict over orders (three categories,
whether or not all of them occur); A_flip and interval α use the graded verdict s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._special import Floats
from .a_flip import AFlip, a_flip
from .categories import SIGNS, non_majority, one_hot, pair_tables
from .gwet import ac1_of_tables, agreement_weights, gwet_of_sums
from .jackknife import Estimate, jackknife
from .kappa import cohen_kappa, fleiss_of_sums, raw_agreement, raw_of_sums, unit_features
from .krippendorff_alpha import alpha_of_sums, coincidence_features, interval_alpha_of_sums, interval_features

MIN_NON_MAJORITY = 5


@dataclass(frozen=True)
class Agreement:
    """n_units: prompts with two judges or more. Coefficients: `Estimate` with jackknife intervals on Fisher's z.

    non_majority: units with a verdict outside the most frequent one; below five, raw agreement, AC1 and AC2 keep
    their interval and κ and α have none ("not estimable"). Pairs: {"judge1|judge2": value}, nan where undefined.
    """

    n_units: int
    non_majority: int
    raw: Estimate
    fleiss_kappa: Estimate
    krippendorff_alpha_nominal: Estimate
    krippendorff_alpha_interval: Estimate
    gwet_ac1: Estimate
    gwet_ac2: Estimate
    a_flip: AFlip
    raw_pairs: dict[str, float]
    cohen_kappa: dict[str, float]
    gwet_ac1_pairs: dict[str, float]


def agreement(
    verdicts: Floats, judges: Sequence[str], clusters: ArrayLike | None = None, level: float = 0.95
) -> Agreement:
    """Agreement of verdicts s (n, J) in [−1, 1], nan where missing."""
    units = (~np.isnan(verdicts)).sum(axis=1) >= 2
    s = verdicts[units]
    labels = None if clusters is None else np.asarray(clusters)[units]
    hot = one_hot(np.sign(s), SIGNS)
    counts = hot.sum(axis=1)
    odd = non_majority(counts)
    enough = odd >= MIN_NON_MAJORITY
    linear = agreement_weights(len(SIGNS), "linear")
    features, weighted = unit_features(counts), unit_features(counts, linear)
    identity, values = np.eye(len(SIGNS)), np.asarray(SIGNS)
    pairs = _pairs(pair_tables(hot), judges)
    return Agreement(
        n_units=len(s),
        non_majority=odd,
        raw=jackknife(raw_of_sums, features, labels, level=level),
        fleiss_kappa=jackknife(fleiss_of_sums, features, labels, level=level, estimable=enough),
        krippendorff_alpha_nominal=jackknife(
            lambda sums: alpha_of_sums(sums, values),
            coincidence_features(counts),
            labels,
            level=level,
            estimable=enough,
        ),
        krippendorff_alpha_interval=jackknife(
            interval_alpha_of_sums, interval_features(s), labels, level=level, estimable=enough
        ),
        gwet_ac1=jackknife(lambda sums: gwet_of_sums(sums, identity), features, labels, level=level),
        gwet_ac2=jackknife(lambda sums: gwet_of_sums(sums, linear), weighted, labels, level=level),
        a_flip=a_flip(s, labels),
        raw_pairs=pairs[0],
        cohen_kappa=pairs[1],
        gwet_ac1_pairs=pairs[2],
    )


def _pairs(tables: Floats, judges: Sequence[str]) -> list[dict[str, float]]:
    """Raw agreement, Cohen's κ and AC1 of every pair of judges that share a unit, keyed by sorted names."""
    first, second = np.triu_indices(len(judges), 1)
    shared = tables[first, second].sum(axis=(1, 2)) > 0
    first, second = first[shared], second[shared]
    names = ["|".join(sorted([str(judges[j]), str(judges[k])])) for j, k in zip(first, second, strict=True)]
    picked = tables[first, second]
    return [
        dict(sorted(zip(names, of(picked).tolist(), strict=True))) for of in (raw_agreement, cohen_kappa, ac1_of_tables)
    ]
