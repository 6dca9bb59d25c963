"""Results too good or too alike to be true, in a suite of phrasings or over seeds.

Identical item vectors across S seeds are judged by a beta-binomial plug-in: items differ in difficulty with
intraclass correlation ρ between seeds, so P(all alike) = E[p^S + (1−p)^S]^n with p ~ Beta(μ(1−ρ)/ρ, (1−μ)(1−ρ)/ρ). The
default ρ = .77 gives the false-alarm figures of docs/statistics.md, "Phrasings" (n = 57, S = 3: .15 at accuracy .95,
.67 at .99).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .phrasing import PhrasingRate

ITEM_ICC = 0.77
ALARM = 0.001
PERFECT_FROM = 50


@dataclass(frozen=True)
class RedFlag:
    """code: identical_seeds, equal_accuracies, novel_above_trained or both_perfect. alarm: strong enough to stop for.

    value: a probability, or the lower bound of novel − trained. message: one sentence.
    """

    code: str
    alarm: bool
    value: float
    message: str


def identical_seeds_p(n: int, accuracy: float, seeds: int, item_icc: float = ITEM_ICC) -> float:
    """Chance that `seeds` runs give the same n item results by themselves."""
    if not 0 < accuracy < 1:
        return 1.0
    a, b = accuracy * (1 - item_icc) / item_icc, (1 - accuracy) * (1 - item_icc) / item_icc
    moments = [float(special.betaln(x + seeds, y) - special.betaln(x, y)) for x, y in ((a, b), (b, a))]
    return float(np.exp(np.logaddexp(moments[0], moments[1]) * n))


def equal_accuracies_p(n: int, accuracy: float, seeds: int, item_icc: float = ITEM_ICC) -> float:
    """Chance that `seeds` runs have the same accuracy, by the local normal limit (2πv)^(−(S−1)/2)·S^(−½), at most 1."""
    spread = n * accuracy * (1 - accuracy) * (1 - item_icc)
    if spread <= 0:
        return 1.0
    return float(min(1.0, (2 * np.pi * spread) ** (-(seeds - 1) / 2) / np.sqrt(seeds)))


def seed_flags(results: ArrayLike, item_icc: float = ITEM_ICC) -> list[RedFlag]:
    """Flags over item results (S, n) in 0/1 of S seeds: identical vectors (may alarm), equal accuracies (weak)."""
    x = np.asarray(results, float)
    seeds, n = x.shape
    if seeds < 2:
        return []
    accuracy = float(x.mean())
    if (x == x[0]).all():
        p = identical_seeds_p(n, accuracy, seeds, item_icc)
        text = f"{seeds} seeds gave identical results on all {n} items (chance about {p:.2g})"
        return [RedFlag("identical_seeds", p < ALARM, p, text)]
    if np.ptp(x.mean(axis=1)) < 1e-12:
        p = equal_accuracies_p(n, accuracy, seeds, item_icc)
        return [RedFlag("equal_accuracies", False, p, f"{seeds} seeds have the same accuracy: weak evidence by itself")]
    return []


def phrasing_flags(trained: PhrasingRate, novel: PhrasingRate, gap: PhrasingRate, n: int) -> list[RedFlag]:
    """Flags of one suite: novel above trained with an interval above 0, and both at 100% over n ≥ 50 answers."""
    flags = []
    if gap.high < 0:
        text = "novel phrasings are answered better than trained ones: is the split what it says?"
        flags.append(RedFlag("novel_above_trained", True, -gap.high, text))
    if trained.estimate == novel.estimate == 1 and n >= PERFECT_FROM:
        text = f"all {n} answers are right, trained and novel: the items cannot tell models apart, or have leaked"
        flags.append(RedFlag("both_perfect", True, 1.0, text))
    return flags
