"""McNemar's tests of paired proportions, for reporting: never "not significant, hence unchanged".

Of the discordant pairs b and c: exact (binomial, two-sided), mid-p, χ² = (b−c)²/(b+c), and with the continuity
correction (|b−c|−1)²/(b+c) (McNemar 1947; Edwards 1948; Fagerland, Lydersen and Laake 2013, §2).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ._special import binomial_at_most, chi2_tail


@dataclass(frozen=True)
class McNemar:
    """Two-sided p-values of the exact, mid-p, asymptotic and continuity-corrected tests; 1 (and χ² 0) if b + c = 0."""

    exact: float
    mid_p: float
    chi2: float
    p: float
    chi2_corrected: float
    p_corrected: float


def mcnemar(b: int, c: int) -> McNemar:
    """Tests of equal probability of the two kinds of discordant pair, counted b and c."""
    if b < 0 or c < 0:
        raise ValueError(f"discordant counts are not negative: {b}, {c}")
    n = b + c
    if n == 0:
        return McNemar(1.0, 1.0, 0.0, 1.0, 0.0, 1.0)
    exact = min(1.0, 2 * float(binomial_at_most(min(b, c), n, 0.5)))
    point = float(np.exp(special.gammaln(n + 1) - special.gammaln(b + 1) - special.gammaln(c + 1) - n * np.log(2)))
    mid_p = 1 - point / 2 if b == c else exact - point  # at b = c the doubled tail is cut at 1
    chi2 = (b - c) ** 2 / n
    corrected = max(abs(b - c) - 1, 0) ** 2 / n
    return McNemar(exact, mid_p, chi2, float(chi2_tail(chi2, 1)), corrected, float(chi2_tail(corrected, 1)))
