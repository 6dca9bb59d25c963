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
    return float(_passes(np.array([n]), delta, discordance, _share_of_gains(discordance, change), alpha)[0])


def _share_of_gains(discordance: float, change: float) -> float:
    if abs(change) > discordance or discordance > 1:
        raise ValueError("the change cannot exceed the discordance")
    return (discordance + change) / 2 / discordance if discordance else 0.0


def _passes(
    ns: np.ndarray, delta: float, discordance: float, share: float, alpha: float, *, bound: bool = False
) -> np.ndarray:
    """The chance above for many n at once, summed over the changed items; of them `share` are gains.

    The test passes from some number of gains among them on, so one binomial tail a number suffices. `bound` takes that
    number as real, where Tango's Z crosses its critical value: never less than the chance, and without its sawtooth.
    """
    n, most = ns[:, None], int(ns.max())
    spread = 12 * np.sqrt(most * discordance * (1 - discordance)) + 10  # no double holds what lies beyond
    low, high = max(0, int(ns.min() * discordance - spread)), min(most, int(np.ceil(most * discordance + spread)))
    changed = np.minimum(np.arange(low, high + 1), n)
    real = np.arange(low, high + 1) <= n
    critical = normal_quantile(1 - alpha)

    def shown(gains: np.ndarray) -> np.ndarray:
        return tango_z(gains, changed - gains, n, -delta) > critical

    fails, least = np.full(changed.shape, -1), changed + 1
    while (least - fails).max() > 1:
        middle = (fails + least) // 2
        passing = shown(np.clip(middle, 0, changed)) & (middle >= 0)
        fails, least = np.where(passing, fails, middle), np.where(passing, middle, least)
    never, start = least > changed, least
    if bound:
        fails = np.maximum(fails, 0)
        for _ in range(14):
            middle = (fails + start) / 2
            passing = shown(middle)
            fails, start = np.where(passing, fails, middle), np.where(passing, middle, start)
        start = np.where(least > 0, fails, 0)
    tail = np.where(never | ~real, 0.0, binomial_at_least(start, changed, share))
    return (np.exp(_log_binomial(n, changed, discordance)) * tail).sum(axis=1)


def _log_binomial(n: np.ndarray | int, k: np.ndarray, p: float) -> np.ndarray:
    n = np.asarray(n)
    coefficient = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(np.maximum(n - k, 0) + 1)
    return coefficient + special.xlogy(k, p) + special.xlog1py(np.maximum(n - k, 0), -p)


def threshold_power(
    n: int, rate: float, *, at_most: float | None = None, at_least: float | None = None, alpha: float = 0.05
) -> float:
    """Exact chance that n items certify the threshold when the true rate is `rate`."""
    return float(_threshold_powers(np.array([n]), rate, at_most, at_least, alpha)[0])


def _threshold_powers(
    n: np.ndarray, rate: float, at_most: float | None, at_least: float | None, alpha: float
) -> np.ndarray:
    """The chance above for many n at once. Tails are monotone: the hits that just certify are found by halving."""
    if at_most is not None:
        certifies, other, tail, limit = np.full(n.shape, -1), n, binomial_at_most, at_most
    elif at_least is not None:
        certifies, other, tail, limit = n + 1, np.zeros_like(n), binomial_at_least, at_least
    else:
        raise ValueError("give exactly one of at_most and at_least")
    while np.abs(other - certifies).max() > 1:
        middle = (certifies + other) // 2
        inside = tail(middle, n, limit) <= alpha
        apart = np.abs(other - certifies) > 1
        certifies, other = np.where(apart & inside, middle, certifies), np.where(apart & ~inside, middle, other)
    return tail(certifies, n, rate)


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
        lambda ns: _threshold_powers(ns, rate, at_most, at_least, alpha),
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
    share = _share_of_gains(discordance, change)
    return _smallest(
        lambda ns: _passes(ns, delta, discordance, share, alpha),
        lambda n: most_losses(n, delta, alpha),
        power,
        largest,
        lambda n: float(_passes(np.array([n]), delta, discordance, share, alpha, bound=True)[0]),
    )


_SCANNED = 512  # sizes up to which the search tries every one
_BLOCK = 64


def _smallest(
    powers_of: Callable[[np.ndarray], np.ndarray],
    limit_of: Callable[[int], int | None],
    power: float,
    largest: int,
    bound_of: Callable[[int], float] | None = None,
) -> SuiteSize:
    """Doubling, then a scan of the last octaves: power is a sawtooth in n, so bisection alone would overshoot.

    `bound_of` is no less than the power and rises in n; where it is below the power asked for, nothing is scanned.
    """
    high = 8
    while high < largest and powers_of(np.array([high]))[0] < power:
        high *= 2
    first, last = max(1, high // 4), min(2 * high, largest)
    if bound_of is not None and last > _SCANNED:
        first = _reaches(bound_of, power, first, last)
    for start in range(first, last + 1, _BLOCK):
        ns = np.arange(start, min(start + _BLOCK, last + 1))
        for n in ns[powers_of(ns) >= power][:1]:
            return SuiteSize(int(n), float(powers_of(np.array([n]))[0]), limit_of(int(n)))
    return SuiteSize(None, float(powers_of(np.array([largest]))[0]), limit_of(largest))


def _reaches(bound_of: Callable[[int], float], power: float, first: int, last: int) -> int:
    """The first n from `first` to `last` at which a rising bound is at least `power`; last + 1 if none."""
    below, above = first - 1, last + 1
    while above - below > 1:
        middle = (below + above) // 2
        if bound_of(middle) < power - 1e-9:
            below = middle
        else:
            above = middle
    return above
