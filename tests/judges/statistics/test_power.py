"""Planning: prompts, suites, prices."""

import pytest

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


def test_suite_sizes() -> None:
    size = non_inferiority_size(0.05, 0.05)
    assert size.n is not None and size.power >= 0.8 and non_inferiority_power(size.n, 0.05, 0.05) == size.power
    threshold = threshold_size(0.02, at_most=0.05)
    assert threshold.n is not None and threshold_power(threshold.n, 0.02, at_most=0.05) >= 0.8
    assert all(threshold_power(n, 0.02, at_most=0.05) < 0.8 for n in range(max(1, threshold.n - 60), threshold.n))
    assert threshold_size(0.05, at_most=0.05, largest=300).n is None
    assert threshold_power(57, 0.0, at_most=0.05) == 0  # impossible at this n


def test_price() -> None:
    judges = [JudgePrice("a", 3.0, 15.0, 1000, 100), JudgePrice("b", 0.0, 0.0, 500, 5)]
    total = price(57, judges)
    assert (total.calls, total.input_tokens, total.output_tokens) == (228, 57 * 2 * 1500, 57 * 2 * 105)
    assert total.usd == pytest.approx(57 * 2 * (3.0 * 1000 + 15.0 * 100) / 1e6)
