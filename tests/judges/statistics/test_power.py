"""Planning: prompts, suites, prices."""

import math

import pytest

from venire.judges.statistics._special import binomial_at_least, binomial_at_most, normal_quantile
from venire.judges.statistics.power import (
    n_required,
    non_inferiority_power,
    non_inferiority_size,
    power_at,
    prompt_sd,
    threshold_power,
    threshold_size,
)
from venire.judges.statistics.price import JudgePrice, price
from venire.judges.statistics.tango import tango_z
from venire.judges.statistics.thresholds import certifying_hits


def test_n_required(reference: dict) -> None:
    for key, expected in reference["n_required"].items():
        theta, icc, votes = (float(part) for part in key.split(","))
        assert n_required(theta, votes, icc) == expected, key


def test_families_and_alpha_raise_n() -> None:
    assert n_required(0.60) == 93
    assert n_required(0.60, family_size=3) == pytest.approx(1.8 * 93, abs=2)
    assert n_required(0.60, alpha=0.0125) > 105
    with pytest.raises(ValueError):
        n_required(0.5)


def test_power_inverts_n() -> None:
    for theta in (0.55, 0.6, 0.7):
        n = n_required(theta)
        assert power_at(n, theta) >= 0.8 > power_at(n - 1, theta)
    assert power_at(1, 0.9) == 0


def test_miller_2024(reference: dict) -> None:
    """His paired sample-size formula, at ω² = 1/9 and no sampling variance: n = (z_.975 + z_.80)²·ω²/δ²."""
    case = reference["miller2024"]
    from venire.judges.statistics._special import normal_quantile

    n = (normal_quantile(0.975) + normal_quantile(0.80)) ** 2 * (1 / 9) / case["delta"] ** 2
    assert round(float(n)) == case["n"]


def test_prompt_variance_of_thinned_panels() -> None:
    """§3: variance a prompt .1075 with 8 votes; votes inside a prompt are correlated .45."""
    assert prompt_sd(0.5, 8, 0.45, 0.0) ** 2 == pytest.approx(0.25 * (1 + 7 * 0.45) / 8)
    assert prompt_sd(0.6, 2, 0.45) > prompt_sd(0.6, 8, 0.45)
    with pytest.raises(ValueError):
        prompt_sd(0.99, 8, 0.45, tie_rate=0.5)


def test_non_inferiority_power_is_exact() -> None:
    found = [non_inferiority_power(n, 0.05, 0.05) for n in (57, 100, 200, 400)]
    assert found == pytest.approx([0.395, 0.584, 0.885, 0.994], abs=6e-4)
    assert non_inferiority_power(57, 0.05, 0.0) == 1
    assert non_inferiority_power(51, 0.05, 0.0) == 0  # cannot pass even with no change
    assert non_inferiority_power(200, 0.05, 0.06, change=-0.05) < 0.06


def enumerated(n: int, delta: float, discordance: float, change: float, alpha: float = 0.05) -> float:
    """The definition: every table of gains and losses, by its multinomial chance."""
    shares = ((discordance + change) / 2, (discordance - change) / 2, 1 - discordance)
    chance = 0.0
    for gains, losses in ((b, c) for b in range(n + 1) for c in range(n + 1 - b)):
        if tango_z(gains, losses, n, -delta) > normal_quantile(1 - alpha):
            ways = math.comb(n, gains) * math.comb(n - gains, losses)
            chance += ways * math.prod(p**k for p, k in zip(shares, (gains, losses, n - gains - losses), strict=True))
    return chance


@pytest.mark.parametrize("n", [1, 20, 60])
@pytest.mark.parametrize(
    "delta, discordance, change", [(0.05, 0.4, 0.0), (0.2, 1.0, 0.0), (0.5, 0.3, -0.2), (0.1, 0.1, 0.1)]
)
def test_the_sum_over_tails_is_the_enumeration(n: int, delta: float, discordance: float, change: float) -> None:
    expected = enumerated(n, delta, discordance, change)
    assert non_inferiority_power(n, delta, discordance, change) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "delta, discordance, n",
    [(0.05, 1.0, 2445), (0.05, 0.4, 989), (0.05, 0.3, 745), (0.02, 1.0, 15406), (0.001, 0.05, None)],
)
def test_a_large_suite_is_sized_in_a_moment_and_exactly(delta: float, discordance: float, n: int | None) -> None:
    """Each took minutes; nothing smaller reaches the power."""
    size = non_inferiority_size(delta, discordance, largest=20_000)
    assert size.n == n
    if n is not None:
        assert non_inferiority_power(n, delta, discordance) == size.power >= 0.8
        assert all(non_inferiority_power(m, delta, discordance) < 0.8 for m in range(n - 60, n))


def test_suite_sizes() -> None:
    size = non_inferiority_size(0.05, 0.05)
    assert size.n is not None and size.power >= 0.8 and non_inferiority_power(size.n, 0.05, 0.05) == size.power
    threshold = threshold_size(0.02, at_most=0.05)
    assert threshold.n is not None and threshold_power(threshold.n, 0.02, at_most=0.05) >= 0.8
    assert all(threshold_power(n, 0.02, at_most=0.05) < 0.8 for n in range(max(1, threshold.n - 60), threshold.n))
    assert threshold_size(0.05, at_most=0.05, largest=300).n is None
    assert threshold_power(57, 0.0, at_most=0.05) == 0  # impossible at this n
    assert threshold_size(0.045, at_most=0.05, largest=20_000).n == 11_266
    for n in (57, 58, 200):
        assert threshold_power(n, 0.2, at_most=0.25) == binomial_at_most(certifying_hits(n, at_most=0.25) or -1, n, 0.2)
        fewest = certifying_hits(n, at_least=0.25)
        assert fewest is not None and threshold_power(n, 0.4, at_least=0.25) == binomial_at_least(fewest, n, 0.4)


def test_price() -> None:
    judges = [JudgePrice("a", 3.0, 15.0, 1000, 100), JudgePrice("b", 0.0, 0.0, 500, 5)]
    total = price(57, judges)
    assert (total.calls, total.input_tokens, total.output_tokens) == (228, 57 * 2 * 1500, 57 * 2 * 105)
    assert total.usd == pytest.approx(57 * 2 * (3.0 * 1000 + 15.0 * 100) / 1e6)
