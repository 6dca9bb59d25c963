"""How many prompts, judges and orders a question needs, and what a given number can show.

n = [(t_{n−1,1−α}·σ/(2√(θ(1−θ))) + z_{1−β}·σ)/(θ−½)]², σ² = (θ(1−θ) − τ/4)(1 + (m−1)ρ)/m for m votes a prompt
(judges × orders) with correlation ρ and tie rate τ; families of f multiply it by 1 + (f−1)ρ_family.
The first term carries Wilson's variance at ½, as the interval of the gate does. Suites: exact, by enumeration.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from ._special import binomial_at_least, binomial_at_most, normal_quantile, t_quantile
from .tango import most_losses, tango_z
from .thresholds import certifying_hits


def prompt_sd(theta: float, votes: float, icc: float, tie_rate: float = 0.09) -> float:
    """σ: sd of a prompt's mean of `votes` votes with intraclass correlation `icc` and `tie_rate`."""
    if not (0 < theta < 1 and votes >= 1 and 0 <= icc <= 1 and 0 <= tie_rate <= 4 * theta * (1 - theta)):
        raise ValueError("need 0 < theta < 1, votes ≥ 1, 0 ≤ icc ≤ 1 and a tie rate that theta allows")
    return float(np.sqrt((theta * (1 - theta) - tie_rate / 4) * (1 + (votes - 1) * icc) / votes))


def n_required(
    theta: float,
    votes: float = 8,
    icc: float = 0.45,
    *,
    tie_rate: float = 0.09,
    alpha: float = 0.025,
    power: float = 0.80,
    family_size: float = 1,
    family_icc: float = 0.40,
) -> int:
    """Prompts needed so that the lower bound at 1−alpha exceeds ½ with probability `power` when the rate is theta."""
    if not 0.5 < theta < 1:
        raise ValueError(f"the win rate to detect is between 0.5 and 1, not {theta}")
    sd = prompt_sd(theta, votes, icc, tie_rate)
    scale, z = 1 / (2 * np.sqrt(theta * (1 - theta))), float(normal_quantile(power))
    n = 30.0
    for _ in range(100):
        t = float(t_quantile(1 - alpha, max(n - 1, 1)))
        step = ((t * sd * scale + z * sd) / (theta - 0.5)) ** 2
        if abs(step - n) < 1e-9:
            break
        n = step
    return int(np.ceil(n * (1 + (family_size - 1) * family_icc) - 1e-9))


def power_at(
    n: float,
    theta: float,
    votes: float = 8,
    icc: float = 0.45,
    *,
    tie_rate: float = 0.09,
    alpha: float = 0.025,
    family_size: float = 1,
    family_icc: float = 0.40,
) -> float:
    """The inverse of `n_required`: the chance of showing superiority with n prompts when the rate is theta."""
    n = n / (1 + (family_size - 1) * family_icc)
    if n < 2:
        return 0.0
    sd = prompt_sd(theta, votes, icc, tie_rate)
    margin = (theta - 0.5) * np.sqrt(n) / sd
    return float(special.ndtr(margin - t_quantile(1 - alpha, n - 1) / (2 * np.sqrt(theta * (1 - theta)))))


@dataclass(frozen=True)
class SuiteSize:
    """n items reach `power` to pass; None where no n up to the limit does. limit_count: most losses or hits allowed."""

    n: int | None
    power: float
    limit_count: int | None


def non_inferiority_power(
    n: int, delta: float, discordance: float = 0.05, change: float = 0.0, alpha: float = 0.05
) -> float:
    """Exact chance that Tango's test shows non-inferiority; true gains − losses = `change`, sum = `discordance`."""
    gain, loss = (discordance + change) / 2, (discordance - change) / 2
    if gain < 0 or loss < 0 or discordance > 1:
        raise ValueError("the change cannot exceed the discordance")
    limit = min(n, int(np.ceil(n * discordance + 12 * np.sqrt(n * discordance * (1 - discordance)) + 10)))
    changed = np.arange(limit + 1)[:, None]
    gains = np.arange(limit + 1)[None, :]
    losses = changed - gains
    with np.errstate(divide="ignore", invalid="ignore"):
        log_p = (
            _log_binomial(n, changed, discordance) + _log_binomial(changed, gains, gain / discordance)
            if discordance > 0
            else np.where((changed == 0) & (gains == 0), 0.0, -np.inf)
        )
    valid = losses >= 0
    passes = tango_z(gains, np.maximum(losses, 0), n, -delta) > normal_quantile(1 - alpha)
    return float(np.exp(log_p[valid & passes]).sum())


def _log_binomial(n: np.ndarray | int, k: np.ndarray, p: float) -> np.ndarray:
    n = np.asarray(n)
    coefficient = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(np.maximum(n - k, 0) + 1)
    return coefficient + special.xlogy(k, p) + special.xlog1py(np.maximum(n - k, 0), -p)


def threshold_power(
    n: int, rate: float, *, at_most: float | None = None, at_least: float | None = None, alpha: float = 0.05
) -> float:
    """Exact chance that n items certify the threshold when the true rate is `rate`."""
    hits = certifying_hits(n, at_most=at_most, at_least=at_least, alpha=alpha)
    if hits is None:
        return 0.0
    tail = binomial_at_most if at_most is not None else binomial_at_least
    return float(tail(hits, n, rate))


def threshold_size(
    rate: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    power: float = 0.80,
    alpha: float = 0.05,
    largest: int = 5000,
) -> SuiteSize:
    """The smallest n from which certification has `power` when the true rate is `rate` (at n; sawtooth beyond)."""
    return _smallest(
        lambda n: threshold_power(n, rate, at_most=at_most, at_least=at_least, alpha=alpha),
        lambda n: certifying_hits(n, at_most=at_most, at_least=at_least, alpha=alpha),
        power,
        largest,
    )


def non_inferiority_size(
    delta: float,
    discordance: float = 0.05,
    change: float = 0.0,
    *,
    power: float = 0.80,
    alpha: float = 0.05,
    largest: int = 5000,
) -> SuiteSize:
    """The smallest n at which Tango's test passes with `power` at the given discordance and true change."""
    return _smallest(
        lambda n: non_inferiority_power(n, delta, discordance, change, alpha),
        lambda n: most_losses(n, delta, alpha),
        power,
        largest,
    )


def _smallest(
    power_of: Callable[[int], float], limit_of: Callable[[int], int | None], power: float, largest: int
) -> SuiteSize:
    """Doubling, then a scan of the last octaves: power is a sawtooth in n, so bisection alone would overshoot."""
    high = 8
    while high < largest and power_of(high) < power:
        high *= 2
    for n in range(max(1, high // 4), min(2 * high, largest) + 1):
        reached = power_of(n)
        if reached >= power:
            return SuiteSize(n, reached, limit_of(n))
    return SuiteSize(None, power_of(largest), limit_of(largest))
