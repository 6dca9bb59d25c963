"""Agreement coefficients against published values, oracles, and panels that must not pass."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire.judges.statistics.a_flip import a_flip
from venire.judges.statistics.agreement import agreement
from venire.judges.statistics.categories import category_counts
from venire.judges.statistics.gwet import ac1_of_tables, brennan_prediger, gwet_ac
from venire.judges.statistics.kappa import (
    cohen_kappa,
    cohen_kappa_se,
    fleiss_kappa,
    raw_agreement,
    raw_of_sums,
    unit_features,
)
from venire.judges.statistics.krippendorff_alpha import Metric, krippendorff_alpha
from venire.judges.statistics.panel import order_mean

METRICS: list[Metric] = ["nominal", "ordinal", "interval", "ratio"]


def numbers(rows: list) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], float)


def ratings_of(table: list[list[int]], values: tuple[float, float] = (1.0, -1.0)) -> np.ndarray:
    rows = [[values[i], values[j]] for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return np.array(rows)


@pytest.mark.parametrize("metric", METRICS)
def test_krippendorff_2011(reference: dict, metric: Metric) -> None:
    case = reference["krippendorff2011"]
    assert krippendorff_alpha(numbers(case["data"]).T, metric) == pytest.approx(case[metric][0], abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_krippendorff_agrees_with_the_library(metric: Metric, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 5, (12, 4)).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    expected = krippendorff.alpha(ratings.T, level_of_measurement=metric)
    assert krippendorff_alpha(ratings, metric) == pytest.approx(expected, abs=1e-9)


def raw(counts: np.ndarray) -> float:
    return float(raw_of_sums(unit_features(counts).sum(axis=0)))


def test_gwet_four_raters(reference: dict) -> None:
    case = reference["gwet4raters"]
    counts = category_counts(numbers(case["data"]))
    assert raw(counts) == pytest.approx(case["pa"], abs=6e-6)
    assert gwet_ac(counts) == pytest.approx((case["ac1"], case["ac1_se"]), abs=6e-6)
    linear = gwet_ac(counts, "linear")
    assert linear == pytest.approx((case["ac2_linear"], case["ac2_linear_se"]), abs=6e-6)
    assert gwet_ac(counts, "quadratic")[0] == pytest.approx(case["ac2_quadratic"], abs=6e-6)
    assert fleiss_kappa(counts) == pytest.approx(case["fleiss"], abs=6e-6)
    assert krippendorff_alpha(numbers(case["data"])) == pytest.approx(case["alpha"], abs=6e-6)
    assert brennan_prediger(counts) == pytest.approx(case["bp"], abs=6e-6)


def test_fleiss_1971_and_the_14_raters(reference: dict) -> None:
    case = reference["fleiss1971"]
    counts = category_counts(case["data"])
    assert raw(counts) == pytest.approx(case["pa"], abs=6e-5)
    assert fleiss_kappa(counts) == pytest.approx(case["kappa"], abs=6e-4)
    assert gwet_ac(counts) == pytest.approx((case["ac1"], case["ac1_se"]), abs=6e-5)
    assert krippendorff_alpha(case["data"]) == pytest.approx(case["alpha"], abs=6e-5)
    table = reference["fleiss_wiki"]
    assert fleiss_kappa(table["table"]) == pytest.approx(table["kappa"], abs=6e-6)


def test_cohen(reference: dict) -> None:
    for case in reference["cohen"]:
        assert float(cohen_kappa(case["table"])) == pytest.approx(case["kappa"], abs=6e-5)
        if "se" in case:
            assert cohen_kappa_se(case["table"]) == pytest.approx(case["se"], abs=6e-4)


def test_kappa_is_undefined_with_one_category() -> None:
    assert np.isnan(cohen_kappa([[5, 0], [0, 0]]))
    assert np.isnan(krippendorff_alpha(np.ones((5, 3))))
    assert np.isnan(krippendorff_alpha(np.ones((5, 3)), "interval"))


def test_paradox(reference: dict) -> None:
    for case in reference["paradox"]:
        assert float(raw_agreement(case["table"])) == pytest.approx(case["pa"])
        assert float(cohen_kappa(case["table"])) == pytest.approx(case["kappa"], abs=6e-4)
        assert float(ac1_of_tables(case["table"])) == pytest.approx(case["ac1"], abs=6e-4)
        assert a_flip(ratings_of(case["table"])).estimate == pytest.approx(case["a_flip"])


def test_a_flip_is_alpha_on_the_mirrored_data(reference: dict) -> None:
    case = reference["a_flip"][0]
    signs = np.array(case["signs"], float)
    assert a_flip(signs).estimate == pytest.approx(case["a_flip"])
    mirrored = krippendorff_alpha(np.vstack([signs, -signs]), "interval")
    assert mirrored == pytest.approx(case["kripp_interval_mirrored"])
    assert krippendorff_alpha(signs, "interval") == pytest.approx(case["kripp_interval"])
    # Without gaps α of the mirrored data is A_flip after the N/(N−1) factor, N = 2·12 votes.
    assert 1 - (1 - mirrored) * 24 / 23 == pytest.approx(case["a_flip"])


def test_a_flip_of_two_judges_is_twice_raw_agreement_minus_one() -> None:
    rng = np.random.default_rng(3)
    signs = rng.choice([-1.0, 1.0], (40, 2))
    assert a_flip(signs).estimate == pytest.approx(2 * np.mean(signs[:, 0] == signs[:, 1]) - 1)


def test_a_flip_is_undefined_when_all_verdicts_are_ties() -> None:
    result = a_flip(np.zeros((30, 3)))
    assert np.isnan(result.estimate) and not result.low >= 0.2
    assert np.isnan(a_flip(np.ones((30, 1))).estimate)


def test_panels_without_signal_do_not_pass() -> None:
    """A panel that always prefers the first answer, and one that tosses coins, in many draws."""
    first = np.stack([np.ones((60, 4)), np.zeros((60, 4))], axis=2)
    assert not a_flip(2 * order_mean(first) - 1).low >= 0.2
    rng = np.random.default_rng(5)
    for _ in range(200):
        coins = rng.integers(0, 2, (60, 4, 2)).astype(float)
        assert not a_flip(2 * order_mean(coins) - 1).low >= 0.2
        near = np.where(rng.random((60, 4, 2)) < 0.9, first, 1 - first)
        assert not a_flip(2 * order_mean(near) - 1).low >= 0.2


def test_golden_table_of_the_seed_project() -> None:
    """57 items, two judges: raw .912, κ .258, AC1 .907."""
    rows = [[1, 1]] * 51 + [[0, 1]] * 3 + [[1, -1]] * 2 + [[-1, -1]]
    block = agreement(np.array(rows, float), ["gpt", "gemini"])
    assert block.raw.value == pytest.approx(0.912, abs=5e-4)
    assert block.cohen_kappa["gemini|gpt"] == pytest.approx(0.258, abs=5e-4)
    assert block.gwet_ac1.value == pytest.approx(0.907, abs=5e-4)
    assert block.gwet_ac1_pairs["gemini|gpt"] == pytest.approx(block.gwet_ac1.value)


def test_block_agrees_with_its_parts(panel: np.ndarray) -> None:
    verdicts = 2 * order_mean(panel) - 1
    block = agreement(verdicts, ["a", "b", "c", "d"])
    units = (~np.isnan(verdicts)).sum(axis=1) >= 2
    signs = np.sign(verdicts[units])
    assert block.n_units == units.sum()
    assert block.krippendorff_alpha_nominal.value == pytest.approx(krippendorff_alpha(signs))
    assert block.krippendorff_alpha_interval.value == pytest.approx(krippendorff_alpha(verdicts[units], "interval"))
    counts = category_counts(signs, (-1.0, 0.0, 1.0))
    assert block.fleiss_kappa.value == pytest.approx(fleiss_kappa(counts))
    assert block.gwet_ac1.value == pytest.approx(gwet_ac(counts)[0])
    assert block.gwet_ac2.value == pytest.approx(gwet_ac(counts, "linear")[0])
    both = ~np.isnan(verdicts[:, :2]).any(axis=1)
    assert block.raw_pairs["a|b"] == pytest.approx(np.mean(np.sign(verdicts[both, 0]) == np.sign(verdicts[both, 1])))
    assert set(block.cohen_kappa) == {"a|b", "a|c", "a|d", "b|c", "b|d", "c|d"}


def test_jackknife_is_leave_one_prompt_out(panel: np.ndarray) -> None:
    verdicts = 2 * order_mean(panel) - 1
    verdicts = verdicts[(~np.isnan(verdicts)).sum(axis=1) >= 2]
    block = agreement(verdicts, ["a", "b", "c", "d"])
    n = len(verdicts)
    left_out = np.array([krippendorff_alpha(np.delete(verdicts, i, axis=0), "interval") for i in range(n)])
    se = np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
    assert block.krippendorff_alpha_interval.se == pytest.approx(se)


def test_intervals_are_not_estimable_near_unanimity() -> None:
    verdicts = np.ones((57, 3))
    verdicts[:4, 0] = -1
    block = agreement(verdicts, ["a", "b", "c"])
    assert block.non_majority == 4
    assert np.isnan(block.fleiss_kappa.low) and np.isfinite(block.fleiss_kappa.value)
    assert np.isfinite(block.gwet_ac1.low)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_relabelling_leaves_agreement_unchanged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    verdicts = rng.choice([-1, -0.5, 0, 0.5, 1], (25, 3))
    verdicts[rng.random(verdicts.shape) < 0.15] = np.nan
    one, other = (agreement(sign * verdicts, ["a", "b", "c"]) for sign in (1, -1))
    assert one.a_flip.estimate == pytest.approx(other.a_flip.estimate, nan_ok=True)
    assert one.a_flip.low == pytest.approx(other.a_flip.low, nan_ok=True)
    for name in ("raw", "fleiss_kappa", "krippendorff_alpha_nominal", "gwet_ac1", "gwet_ac2"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, nan_ok=True)
