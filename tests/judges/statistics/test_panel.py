"""Frames to arrays, prompt means, leave-one-out, sign flips, patterns, two-way intervals, length, people."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire.judges.statistics.bootstrap import bootstrap
from venire.judges.statistics.complete_case import complete_case
from venire.judges.statistics.frames import comparisons
from venire.judges.statistics.human_calibration import ppi, rogan_gladen
from venire.judges.statistics.leave_one_out import leave_one_family_out, leave_one_judge_out
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.panel import leave_one_out_means, order_mean, panel_majority, prompt_means
from venire.judges.statistics.patterns import bootstrap_sums, collapse
from venire.judges.statistics.sign_flip import sign_flip_p
from venire.judges.statistics.two_way import judges_like_these, two_way_variance
from venire.judges.statistics.winrate import winrate_ci


def frame(**columns: list) -> pl.DataFrame:
    n = len(columns["prompt_id"])
    return pl.DataFrame({"candidate": ["new"] * n, "incumbent": ["old"] * n, **columns})


def test_frame_becomes_votes_by_order() -> None:
    votes = frame(
        prompt_id=["q", "q", "p", "p", "p"],
        judge=["b", "b", "a", "a", "b"],
        candidate_first=[False, True, True, False, True],
        verdict=["candidate", "tie", "incumbent", "invalid", "candidate"],
    )
    (only,) = comparisons(votes)
    assert only.prompts.tolist() == ["p", "q"] and only.panel.judges == ("a", "b")
    nan = np.nan
    expected = [[[0, nan], [1, nan]], [[nan, nan], [0.5, 1]]]
    np.testing.assert_array_equal(only.panel.y, expected)
    np.testing.assert_array_equal(only.against[0, 0], [0, 0])
    assert only.verdicts.tolist() == [[1, 0, 0, 1], [0, 1, 2, 0]]
    np.testing.assert_array_equal(only.panel.cells("both"), [[nan, nan], [nan, 0.75]])
    np.testing.assert_array_equal(only.panel.cells("any"), [[0, 1], [nan, 0.75]])


def test_second_votes_are_refused_with_their_row_or_averaged() -> None:
    columns = {
        "prompt_id": ["p", "p", "p"],
        "judge": ["a", "a", "a"],
        "candidate_first": [True, True, False],
        "verdict": ["candidate", "incumbent", "candidate"],
    }
    with pytest.raises(ValueError, match="row 2: a second vote"):
        comparisons(frame(**columns))
    assert comparisons(frame(**columns), "keep")[0].panel.y[0, 0, 0] == 0.5
    assert comparisons(frame(**columns), "first")[0].panel.y[0, 0, 0] == 1
    numbered = frame(**columns, repeat=[0, 1, 0])
    assert comparisons(numbered)[0].panel.y[0, 0, 0] == 0.5
    assert comparisons(numbered)[0].repeated == 1


@pytest.mark.parametrize("verdict", ["A", None, ""])
def test_unknown_verdicts_are_refused_with_their_row(verdict: str | None) -> None:
    with pytest.raises(ValueError, match="row 2"):
        comparisons(frame(prompt_id=["p", "q"], judge=["a"] * 2, candidate_first=[True] * 2, verdict=["tie", verdict]))


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_prompt_first_means(panel: np.ndarray) -> None:
    cells = order_mean(panel)
    np.testing.assert_allclose(prompt_means(cells), np.nanmean(cells, axis=1))
    without = leave_one_out_means(cells)
    for j in range(4):
        np.testing.assert_allclose(without[:, j], np.nanmean(np.delete(cells, j, axis=1), axis=1))
    assert np.isnan(leave_one_out_means(cells[:, :1])).all()


def test_majority() -> None:
    verdicts = np.array([[1, 0.5, -1], [1, -1, np.nan], [-0.5, -0.5, 1], [np.nan] * 3])
    np.testing.assert_array_equal(panel_majority(verdicts), [1, 0.5, 0, np.nan])


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_leave_one_out_rows(panel: np.ndarray) -> None:
    cells = order_mean(panel)
    rows = leave_one_judge_out(cells, ["a", "b", "c", "d"])
    rate = winrate_ci(np.nanmean(cells[:, 1:], axis=1), level=0.90)
    assert (rows[0].without, rows[0].estimate, rows[0].low) == ("a", rate.estimate, pytest.approx(rate.low))
    families = leave_one_family_out(cells, ["x", "y", "x", "y"])
    assert [row.without for row in families] == ["x", "y"]
    assert families[0].estimate == pytest.approx(np.nanmean(np.nanmean(cells[:, [1, 3]], axis=1)))
    assert leave_one_judge_out(cells[:, :1], ["a"]) == [] == leave_one_family_out(cells, ["x"] * 4)


def test_complete_case(panel: np.ndarray) -> None:
    cells = order_mean(panel)
    full = cells[~np.isnan(cells).any(axis=1)]
    result = complete_case(cells)
    assert result is not None and result.estimate == pytest.approx(full.mean())
    assert complete_case(np.full((3, 2), np.nan)) is None


def test_sign_flip_is_exact_for_few_clusters() -> None:
    values = np.array([1, 1, 0.75, 0, 1, 0.5, 1, 0.625])
    flips = np.array(list(itertools.product([-1, 1], repeat=8))) @ (values - 0.5)
    assert sign_flip_p(values) == pytest.approx(np.mean(flips >= (values - 0.5).sum() - 1e-9))
    assert sign_flip_p(np.ones(10)) == 2**-10
    assert sign_flip_p(np.full(40, 0.5)) == 1


def test_sign_flip_turns_whole_clusters() -> None:
    values = np.array([1, 1, 0.75, 0.5, 1, 0.5, 1, 0.25])
    clusters = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    totals = np.bincount(clusters, values - 0.5)
    flips = np.array(list(itertools.product([-1, 1], repeat=3))) @ totals
    assert sign_flip_p(values, clusters) == pytest.approx(np.mean(flips >= totals.sum() - 1e-9)) == 1 / 8
    many = np.repeat(values, 3)  # 24 copies in 8 clusters know no more than 8 values
    assert sign_flip_p(many, np.repeat(np.arange(8), 3)) == sign_flip_p(values)


def test_sign_flip_draws_agree_with_enumeration_and_the_normal_limit() -> None:
    rng = np.random.default_rng(4)
    values = np.clip(0.58 + 0.3 * rng.normal(size=16), 0, 1)
    exact = sign_flip_p(values)
    drawn = sign_flip_p(np.append(values, 0.5), draws=40_000)  # a 17th cluster that cannot move T
    assert drawn == pytest.approx(exact, abs=0.01)
    many = np.clip(0.502 + 0.2 * rng.normal(size=4000), 0, 1)
    assert sign_flip_p(many) == pytest.approx(sign_flip_p(np.round(many, 2)), abs=0.03)
    assert sign_flip_p(values, seed=1) == sign_flip_p(values, seed=1)


def test_patterns_count_equal_rows() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, (500, 4)).astype(float)
    patterns = collapse(rows)
    expected, counts = np.unique(rows, axis=0, return_counts=True)
    order = np.lexsort(patterns.features.T[::-1])
    np.testing.assert_array_equal(patterns.features[order], expected)
    np.testing.assert_array_equal(patterns.counts[order], counts)


def test_pattern_bootstrap_has_the_clustered_standard_error(panel: np.ndarray, monkeypatch) -> None:
    cells = order_mean(panel)
    analytic = winrate_ci(prompt_means(cells)).se
    monkeypatch.setattr("venire.judges.statistics.patterns.CHEAPER", 0)
    result = bootstrap(cells, None, 8000, seed=3)
    assert result.se == pytest.approx(analytic, rel=0.04)
    monkeypatch.setattr("venire.judges.statistics.patterns.CHEAPER", 1000)
    by_index = bootstrap(cells, None, 8000, seed=3)
    assert by_index.se == pytest.approx(analytic, rel=0.04)
    assert by_index.win_rate == pytest.approx(result.win_rate, abs=0.01)
    monkeypatch.setattr("venire.judges.statistics.patterns.MOST_PATTERNS", 10)
    by_poisson = bootstrap(cells, None, 8000, seed=3)
    assert by_poisson.se == pytest.approx(analytic, rel=0.04)
    assert by_poisson.win_rate == pytest.approx(result.win_rate, abs=0.01)


def test_bootstrap_is_seeded() -> None:
    patterns = collapse(np.arange(6.0)[:, None])
    np.testing.assert_array_equal(bootstrap_sums(patterns, 50, 7), bootstrap_sums(patterns, 50, 7))


def test_judges_like_these_is_wider_when_judges_differ() -> None:
    rng = np.random.default_rng(1)
    bias = np.array([-0.25, 0.25, -0.15, 0.15])
    cells = np.clip(0.6 + bias + 0.1 * rng.normal(size=(200, 4)), 0, 1)
    wide, narrow = judges_like_these(cells), winrate_ci(cells.mean(axis=1))
    assert wide.estimate == pytest.approx(narrow.estimate)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert np.isnan(judges_like_these(cells[:, :1]).low)


def test_two_way_variance_is_rows_and_columns_less_cells_and_never_below_either() -> None:
    rng = np.random.default_rng(12)
    rows, columns = np.repeat(np.arange(12), 5), np.tile(np.arange(5), 12)
    x = rng.normal(size=12)[rows] + rng.normal(size=5)[columns] + rng.normal(size=60)
    influence = (x - x.mean()) / 60
    parts = [np.bincount(codes, influence) for codes in (rows, columns, np.arange(60))]
    v_row, v_column, v_cell = (len(p) / (len(p) - 1) * float(p @ p) for p in parts)
    variance, df, n_rows, n_columns = two_way_variance(influence, rows, columns)
    assert (n_rows, n_columns) == (12, 5)
    assert variance == pytest.approx(v_row + v_column - v_cell) and variance > max(v_row, v_column)
    assert df == pytest.approx(variance**2 / (v_row**2 / 11 + v_column**2 / 4))
    noise = rng.normal(size=60)
    flat = (noise - noise.reshape(12, 5).mean(axis=1)[rows]) / 60  # rows add nothing
    by_column = 5 / 4 * float(np.sum(np.bincount(columns, flat) ** 2))
    assert two_way_variance(flat, rows, columns)[0] == pytest.approx(by_column)


def test_length_control_removes_a_planted_preference_for_length() -> None:
    rng = np.random.default_rng(8)
    gap = rng.normal(0.4, 0.5, 400)
    values = np.clip(0.5 + 0.3 * np.tanh(gap / gap.std(ddof=1)) + 0.1 * rng.normal(size=400), 0, 1)
    result = length_controlled(values, gap)
    assert result.identifiable and values.mean() > 0.6
    assert result.low < 0.5 < result.high and abs(result.estimate - 0.5) < 0.02


def test_length_variance_is_hc3() -> None:
    rng = np.random.default_rng(9)
    gap, values = rng.normal(size=40), rng.random(40)
    result = length_controlled(values, gap)
    design = np.column_stack([np.ones(40), np.tanh(gap / gap.std(ddof=1))])
    inverse = np.linalg.inv(design.T @ design)
    residual = values - design @ (inverse @ design.T @ values)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    meat = design.T * (residual / (1 - leverage)) ** 2 @ design
    se = np.sqrt((inverse @ meat @ inverse)[0, 0])
    from venire.judges.statistics.winrate import wilson_n_eff

    low, high, _ = wilson_n_eff(result.estimate, se, 38, 40)
    assert (result.low, result.high) == pytest.approx((float(low), float(high)))


def test_length_refuses_without_overlap_or_prompts() -> None:
    rng = np.random.default_rng(2)
    assert not length_controlled(rng.random(50), rng.normal(2.5, 1, 50)).identifiable
    assert not length_controlled(rng.random(14), rng.normal(0, 1, 14)).identifiable
    equal = length_controlled(rng.random(50), np.zeros(50))
    assert equal.identifiable and equal.slope == 0
    assert not length_controlled(rng.random(50), np.full(50, 0.3)).identifiable


def test_people_and_panel() -> None:
    rng = np.random.default_rng(6)
    truth = (rng.random(4000) < 0.7).astype(float)
    panel = np.where(rng.random(4000) < 0.9, truth, 1 - truth) * 0.8 + 0.1
    human = np.where(np.arange(4000) < 300, truth, np.nan)
    result = ppi(panel, human)
    assert result.low < 0.7 < result.high and result.weight > 0.5
    alone = winrate_ci(truth[:300])
    assert result.high - result.low < alone.high - alone.low
    everybody = ppi(panel[:300], truth[:300])
    assert everybody.estimate == pytest.approx(truth[:300].mean()) and everybody.weight == 0


def test_people_on_families_of_paraphrases_know_less() -> None:
    """Three copies of each prompt: errors go together, and only families count."""
    rng = np.random.default_rng(16)
    truth = (rng.random(300) < 0.7).astype(float)
    panel = np.where(rng.random(300) < 0.85, truth, 1 - truth)
    human = np.where(np.arange(300) < 60, truth, np.nan)
    alone = ppi(panel, human)
    f, h, families = (np.repeat(x, 3) for x in (panel, human, np.arange(300.0)))
    together, ignored = ppi(f, h, families), ppi(f, h)
    assert together.estimate == pytest.approx(alone.estimate, abs=5e-3)
    assert together.se == pytest.approx(alone.se, rel=0.02) and ignored.se < 0.65 * alone.se
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=0.01)
    with pytest.raises(ValueError, match="one family"):
        ppi(panel[:10], np.where(np.arange(10) < 3, truth[:10], np.nan), np.arange(10) < 3)


def test_people_ppi_by_hand() -> None:
    """λ, estimate and variance from the formula; with families that hold both kinds of prompts, their covariance."""
    rng = np.random.default_rng(21)
    f, h = rng.random(40), np.full(40, np.nan)
    h[:12] = np.round(0.6 * f[:12] + 0.3 * rng.random(12))
    m, rest = 12, 28
    weight = np.clip(np.cov(h[:m], f[:m])[0, 1] / (f.var(ddof=1) * (1 + m / rest)), 0, 1)
    result = ppi(f, h)
    assert 0.05 < weight < 0.95 and result.weight == pytest.approx(weight)
    residual = h[:m] - weight * f[:m]
    assert result.estimate == pytest.approx(weight * f[m:].mean() + residual.mean())
    alone = residual.var(ddof=1) / m + weight**2 * f[m:].var(ddof=1) / rest
    assert result.se == pytest.approx(np.sqrt(alone))
    families = np.arange(40) % 14
    left = np.bincount(families[:m], (residual - residual.mean()) / m, 14)
    right = np.bincount(families[m:], weight * (f[m:] - f[m:].mean()) / rest, 14)
    together = 12 / 11 * left @ left + 14 / 13 * right @ right + 2 * left @ right
    assert ppi(f, h, families).se == pytest.approx(np.sqrt(together))


def test_rogan_gladen_may_leave_the_unit_interval(reference: dict) -> None:
    case = reference["rogan_gladen"]
    assert rogan_gladen(case["t"], case["sens"], case["spec"]) == pytest.approx(case["raw"], abs=1e-6)
    assert min(1.0, rogan_gladen(case["t"], case["sens"], case["spec"])) == case["clipped"]
    assert np.isnan(rogan_gladen(0.5, 0.5, 0.5))


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_length_and_two_way_mirror(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells, gap = rng.choice([0, 0.25, 0.5, 1], (30, 3)), rng.normal(size=30)
    one, other = length_controlled(cells.mean(axis=1), gap), length_controlled(1 - cells.mean(axis=1), -gap)
    assert one.identifiable == other.identifiable
    if one.identifiable:
        assert one.estimate == pytest.approx(1 - other.estimate)
        assert one.low == pytest.approx(1 - other.high)
    here, there = judges_like_these(cells), judges_like_these(1 - cells)
    assert here.low == pytest.approx(1 - there.high)
