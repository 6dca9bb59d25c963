"""Wilson at effective sample size: worked examples, the sparse rule, clusters, mirrors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire.judges.statistics.clopper_pearson import clopper_pearson
from venire.judges.statistics.clusters import bell_mccaffrey_df, cluster_mean
from venire.judges.statistics.winrate import lower_bound, wilson, winrate_ci

VALUES = st.lists(st.sampled_from([0, 0.125, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=60)


def test_wilson_and_clopper_pearson_match_newcombe(reference: dict) -> None:
    for case in reference["wilson"]:
        low, high = wilson(case["x"] / case["n"], case["n"], 1.959963984540054)
        assert [float(low), float(high)] == pytest.approx(case["ci"], abs=1e-6)
        assert clopper_pearson(case["x"], case["n"]) == pytest.approx(case["cp"], abs=1e-6)


def test_nothing_and_everything_end_at_0_and_1_without_rounding() -> None:
    for n in range(1, 60):
        assert wilson(0.0, n, 1.96)[0] == 0 and wilson(1.0, n, 1.96)[1] == 1


def test_default_interval_matches_reference(reference: dict) -> None:
    for case in reference["winrate_ci"]:
        values = np.ones(57) if case["Y"] == "ones(57)" else case["Y"]
        rate = winrate_ci(values)
        assert [rate.low, rate.high] == pytest.approx(case["ci"], abs=1e-6)


def test_clustered_standard_error_is_the_formula() -> None:
    values, clusters = np.array([1, 0.5, 0, 1, 1, 0.25]), ["a", "a", "b", "b", "c", "c"]
    residuals = values - values.mean()
    sums = np.array([residuals[:2].sum(), residuals[2:4].sum(), residuals[4:].sum()])
    assert cluster_mean(values, clusters).se == pytest.approx(np.sqrt(3 / 2 * np.sum(sums**2)) / 6)


def test_families_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(19), 3)
    values = np.repeat(rng.random(19), 3)
    alone, grouped = winrate_ci(values), winrate_ci(values, family)
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
    assert (grouped.clusters, grouped.df) == (19, 18)


def test_unequal_families_use_cr2_with_bell_mccaffrey() -> None:
    """Against the matrix definitions: A_g = (I − H_gg)^(−½), df = tr(M)²/tr(M²)."""
    sizes = np.array([1, 1, 2, 3, 12])
    labels = np.repeat(np.arange(5), sizes)
    n = sizes.sum()
    values = np.random.default_rng(1).random(n)
    result = cluster_mean(values, labels)
    hat = np.full((n, n), 1 / n)
    residual = values - values.mean()
    variance, vectors = 0.0, []
    for g in range(5):
        rows = np.flatnonzero(labels == g)
        block = np.eye(len(rows)) - hat[np.ix_(rows, rows)]
        eigenvalues, eigenvectors = np.linalg.eigh(block)
        root = eigenvectors @ np.diag(eigenvalues**-0.5) @ eigenvectors.T
        variance += (np.ones(len(rows)) @ root @ residual[rows] / n) ** 2
        vectors.append((np.eye(n) - hat)[:, rows] @ root @ np.ones(len(rows)) / n)
    gram = np.array(vectors) @ np.array(vectors).T
    assert result.method == "CR2+BM"
    assert result.se == pytest.approx(np.sqrt(variance))
    assert result.df == pytest.approx(np.trace(gram) ** 2 / np.trace(gram @ gram))
    assert bell_mccaffrey_df(np.full(7, 3.0)) == pytest.approx(6)


def test_sparse_rule_caps_the_information_at_one_trial_a_cluster() -> None:
    values = np.ones(57)
    values[0] = 0.999  # a tiny SE would claim thousands of trials
    assert winrate_ci(values).n_eff <= 57
    assert winrate_ci(values).low < 0.94


def test_few_prompts_are_inconclusive_and_still_have_an_interval() -> None:
    few = winrate_ci([1, 1, 0, 1])
    assert few.inconclusive and 0 < few.low < few.high <= 1
    assert not winrate_ci(np.arange(15) / 15).inconclusive
    alone = winrate_ci([0.7])
    assert (alone.low, alone.high) == (0, 1)


@pytest.mark.parametrize("values", [[], [1.2, 0.3], [0.5, float("nan")], [-0.1, 0.2]])
def test_unfit_values_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError):
        winrate_ci(values)


@given(VALUES, st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_mirror_order_and_bounds(values: list[float], size: int) -> None:
    y = np.array(values)
    clusters = np.arange(len(y)) // size
    rate, mirrored = winrate_ci(y, clusters), winrate_ci(1 - y, clusters)
    assert rate.low == pytest.approx(1 - mirrored.high, abs=1e-9)
    assert rate.high == pytest.approx(1 - mirrored.low, abs=1e-9)
    assert 0 <= rate.low <= rate.estimate + 1e-12 and rate.estimate <= rate.high + 1e-12 <= 1 + 2e-12
    order = np.random.default_rng(len(y)).permutation(len(y))
    again = winrate_ci(y[order], clusters[order])
    assert (again.low, again.high) == pytest.approx((rate.low, rate.high), abs=1e-9)
    assert lower_bound(y, clusters, 0.05) == pytest.approx(rate.low_one_sided_95)
    assert rate.low <= rate.low_one_sided_95 + 1e-12
