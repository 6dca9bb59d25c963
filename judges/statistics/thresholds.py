"""Absolute thresholds on a suite's rate by exact binomial tests: certified, violated, or inconclusive.

`at_most` p0 is certified when P(X ≤ x | n, p0) ≤ α and violated when P(X ≥ x | n, p0) ≤ α; `at_least` is the
mirror. In mode "point" the rate itself is compared and labelled uncertified; a violation still counts.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._special import binomial_at_least, binomial_at_most
from .clopper_pearson import exact_lower, exact_upper

Verdict = Literal["certified", "violated", "inconclusive"]
Mode = Literal["certify", "point", "auto"]
CERTIFY_FROM = 200  # items from which "auto" asks for a certificate
ZERO_FAILURE_ITEMS = 59  # 59 of 59 certify 95%


@dataclass(frozen=True)
class Threshold:
    """hits of n, rate, the threshold and its direction; low, high: one-sided exact bounds at 1−alpha.

    p_certified, p_violated: the two exact one-sided p-values. passed: certified, or in mode "point" rate within
    the threshold and not violated; `certified` says which of the two it is.
    """

    hits: int
    n: int
    rate: float
    direction: Literal["at_most", "at_least"]
    threshold: float
    low: float
    high: float
    p_certified: float
    p_violated: float
    verdict: Verdict
    mode: Literal["certify", "point"]
    passed: bool


def threshold_test(
    hits: int,
    n: int,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    mode: Mode = "auto",
    alpha: float = 0.05,
) -> Threshold:
    """Test a rate of `hits` in `n` items against exactly one of `at_most` and `at_least`."""
    if (at_most is None) == (at_least is None):
        raise ValueError("give exactly one of at_most and at_least")
    limit = at_most if at_most is not None else at_least
    if limit is None or not 0 <= limit <= 1:
        raise ValueError(f"a threshold is a rate between 0 and 1, not {limit}")
    low, high = exact_lower(hits, n, alpha), exact_upper(hits, n, alpha)
    below, above = float(binomial_at_most(hits, n, limit)), float(binomial_at_least(hits, n, limit))
    good, bad = (below, above) if at_most is not None else (above, below)
    within = hits / n <= limit if at_most is not None else hits / n >= limit
    # At a limit of 0 or 1 every outcome on its right side is certain under it: no tail can certify or violate.
    verdict: Verdict = "inconclusive"
    if good <= alpha and within:
        verdict = "certified"
    elif bad <= alpha and not within:
        verdict = "violated"
    used = "certify" if mode == "certify" or (mode == "auto" and n >= CERTIFY_FROM) else "point"
    passed = verdict == "certified" if used == "certify" else within and verdict != "violated"
    return Threshold(
        hits,
        n,
        hits / n,
        "at_most" if at_most is not None else "at_least",
        limit,
        low,
        high,
        good,
        bad,
        verdict,
        used,
        passed,
    )


def certifying_hits(
    n: int, *, at_most: float | None = None, at_least: float | None = None, alpha: float = 0.05
) -> int | None:
    """The most hits (`at_most`) or fewest (`at_least`) of n that certify; None: n cannot certify whatever happens."""
    counts = np.arange(n + 1)
    if at_most is not None:
        passing = np.flatnonzero(binomial_at_most(counts, n, at_most) <= alpha)
        return int(passing[-1]) if passing.size else None
    if at_least is None:
        raise ValueError("give exactly one of at_most and at_least")
    passing = np.flatnonzero(binomial_at_least(counts, n, at_least) <= alpha)
    return int(passing[0]) if passing.size else None


def zero_failure_bound(n: int, alpha: float = 0.05) -> float:
    """The rate that n of n certify at 1−alpha: alpha^(1/n); .9488 for 57, .9505 for 59."""
    return exact_lower(n, n, alpha)
