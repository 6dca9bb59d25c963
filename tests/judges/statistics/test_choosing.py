"""Choosing 1 of K, looking early, using a confirm set again, ranking more than two."""

import itertools

import numpy as np
import pytest

from venire.judges.statistics.davidson import bradley_terry, davidson, davidson_intervals
from venire.judges.statistics.e_process import LAMBDAS, confidence_sequence, log_e
from venire.judges.statistics.group_sequential import obrien_fleming
from venire.judges.statistics.halving import finalist, halving_plan, keep_half, stratified_order
from venire.judges.statistics.maxt import max_t, max_t_leave_one_out
from venire.judges.statistics.rao_kupper import rao_kupper
from venire.judges.statistics.spending import alpha_of_use
from venire.judges.statistics.stopping import boundaries, family_means, hybrid_look


@pytest.mark.parametrize("null", [0.1, 0.5, 0.7, 0.9])
def test_bets_stay_positive_whatever_the_null_and_lose_nothing_on_average(null: float) -> None:
    """Every factor is above 0 in the worst case; and E[E] = 1 under the null, over both outcomes of one vote."""
    assert np.isfinite(log_e(np.zeros(50), null=null)).all()
    one = np.exp([log_e([y], null=null)[-1] for y in (0.0, 1.0)])
    assert (1 - null) * one[0] + null * one[1] == pytest.approx(1)


def test_max_t_restudentises_each_flip() -> None:
    rng = np.random.default_rng(0)
    means, clusters = rng.random((12, 3)), np.repeat(np.arange(6), 2)
    result = max_t(means, clusters, draws=300, seed=5)
    signs = np.random.default_rng(5).integers(0, 2, (300, 6)) * 2 - 1
    maxima = []
    for row in signs:
        flipped = (means - 0.5) * row[clusters][:, None]
        residual = (flipped - flipped.mean(axis=0)).reshape(6, 2, 3).sum(axis=1)
        se = np.sqrt(6 / 5 * np.sum(residual**2, axis=0)) / 12
        maxima.append(np.max(flipped.mean(axis=0) / se))
    assert result.quantile == pytest.approx(np.sort(maxima)[int(np.ceil(0.975 * 301)) - 1])


def test_max_t_bound_and_decision_agree() -> None:
    rng = np.random.default_rng(1)
    means = np.clip(rng.normal(0.5, 0.3, (57, 20)), 0, 1)
    means[:, 7] = np.clip(rng.normal(0.72, 0.3, 57), 0, 1)
    result = max_t(means, seed=2)
    assert result.chosen == 7 and result.rejected
    assert ((result.low > 0.5) == (result.t > result.quantile)).all()
    assert result.low[7] < result.estimate[7] - 1.9 * result.se[7]  # simultaneous, not the raw best mean
    assert result.p_value[7] < 0.025
    unanimous = max_t(np.ones((40, 2)), draws=999)
    assert unanimous.rejected and 0.5 < unanimous.low[0] < 0.95


def test_max_t_without_a_judge() -> None:
    rng = np.random.default_rng(2)
    left_out = np.clip(rng.normal(0.7, 0.2, (3, 57, 4)), 0, 1)
    rows = max_t_leave_one_out(left_out, ("a", "b", "c"), 1, draws=500)
    alone = max_t(left_out[1], alpha=0.05, draws=500)
    assert rows[1].t == pytest.approx(float(alone.t[1])) and rows[1].quantile == alone.quantile
    assert all(row.passed for row in rows)
    bad = left_out.copy()
    bad[2] = rng.random((57, 4))
    assert not max_t_leave_one_out(bad, ("a", "b", "c"), 1, draws=500)[2].passed


def test_who_has_no_verdict_is_not_in_the_field() -> None:
    means = np.clip(np.random.default_rng(2).normal(0.65, 0.2, (57, 3)), 0, 1)
    means[:, 1] = np.nan
    result, without = max_t(means, draws=500), max_t(means[:, [0, 2]], draws=500)
    assert result.quantile == without.quantile and result.rejected and result.chosen in (0, 2)
    np.testing.assert_array_equal(result.low[[0, 2]], without.low)
    assert np.isnan(result.estimate[1]) and (result.t[1], result.low[1], result.p_value[1]) == (-np.inf, 0, 1)
    (row,) = max_t_leave_one_out(means[None], ("a",), 1, draws=500)
    assert not row.passed and row.low == 0
    nobody = max_t(np.full((20, 2), np.nan), draws=500)
    assert not nobody.rejected and nobody.low.tolist() == [0, 0]


def test_e_mixture(reference: dict) -> None:
    for case in reference["e_mixture"]["cases"]:
        assert log_e(case["y"])[-1] == pytest.approx(case["logE"], abs=1e-6)
    wins = np.exp(log_e(np.ones(15)))
    for threshold, prompts in reference["e_mixture"]["wins_to"].items():
        assert int(np.argmax(wins >= int(threshold))) + 1 == prompts


def test_e_process_batches_and_weights() -> None:
    y = np.random.default_rng(0).random((5, 3, 40))
    np.testing.assert_allclose(log_e(y)[2, 1], log_e(y[2, 1]))
    family, weight = np.array([0.9, 0.2]), np.array([1.0, 0.5])
    increments = 0.5 + weight * (family - 0.5)
    np.testing.assert_allclose(log_e(family, weight), log_e(increments))
    by_hand = np.log(np.mean((1 + LAMBDAS * 0.4) * (1 - LAMBDAS * 0.15)))
    assert log_e(family, weight)[-1] == pytest.approx(by_hand)
    with pytest.raises(ValueError):
        log_e([1.2])
    with pytest.raises(ValueError):
        log_e([0.5], [1.5])


def test_e_process_is_a_test_martingale() -> None:
    """E of fair coins has mean 1 over all sequences, and ever reaches 20 in less than 1 in 20."""
    everything = np.array(list(itertools.product([0.0, 1.0], repeat=10)))
    assert np.exp(log_e(everything)).mean(axis=0) == pytest.approx(np.ones(10))
    paths = log_e(np.random.default_rng(3).integers(0, 2, (20_000, 60)).astype(float))
    assert np.mean(paths.max(axis=1) >= np.log(20)) < 0.05


def test_confidence_sequence_inverts_the_e_process() -> None:
    rng = np.random.default_rng(4)
    y = rng.choice([0.25, 0.5, 1.0], 80, p=[0.2, 0.3, 0.5])
    low, high = confidence_sequence(y)
    assert low < y.mean() < high
    assert log_e(y, null=low - 1e-6).max() >= -np.log(0.025) > log_e(y, null=low + 1e-6).max()
    mirrored = confidence_sequence(1 - y)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)
    assert (log_e(y).max() >= np.log(40)) == (low > 0.5)


def test_hybrid_stop_needs_the_panel_and_every_panel_without_a_judge() -> None:
    bounds = boundaries()
    assert np.exp([bounds.stop, bounds.stop_left_out]) == pytest.approx([200, 100])
    assert (bounds.final, bounds.final_left_out) == pytest.approx((0.02, 0.04))
    good, ones = np.full(60, 0.9), np.ones(60)
    look = hybrid_look(good, np.stack([good] * 3), ones, 1)
    assert look.stopped and look.prompts == 30 and look.low > 0.5
    one_bad = np.stack([good, good, np.full(60, 0.5)])
    assert not hybrid_look(good, one_bad, ones, 1).stopped
    assert not hybrid_look(good, np.zeros((0, 60)), ones, 1).stopped  # one judge
    assert hybrid_look(np.full(60, 0.3), np.full((2, 60), 0.3), ones, 1).futile
    with pytest.raises(ValueError, match="exceeds the largest"):
        hybrid_look(good, one_bad, 3 * ones, 2)


def test_looks_wait_for_whole_families() -> None:
    means, sizes = family_means([1, 1, 0.5, 0, 1], ["b", "b", "a", "c", "c"])
    assert means.tolist() == [1, 0.5, 0.5] and sizes.tolist() == [2, 1, 2]
    many = np.full(30, 0.95)
    look = hybrid_look(many, np.stack([many] * 2), np.full(30, 4.0), 4)
    assert look.stopped and look.prompts % 4 == 0 and look.prompts >= 30


def test_alpha_spending_sums_to_alpha() -> None:
    assert alpha_of_use(0.025, 1) == 0.025 and alpha_of_use(0.025, 2) is None
    assert alpha_of_use(0.025, 1, "spend") == 0.0125
    spent = [alpha_of_use(0.025, t, "spend") for t in range(1, 2000)]
    assert sum(level for level in spent if level) == pytest.approx(0.025, rel=1e-3)
    with pytest.raises(ValueError):
        alpha_of_use(0.025, 0)


def test_obrien_fleming(reference: dict) -> None:
    assert obrien_fleming(4) == pytest.approx(reference["obf4"]["z"], abs=6e-4)
    assert obrien_fleming(1) == pytest.approx([1.959964], abs=1e-5)


def test_halving_plan_of_the_specification() -> None:
    families = [f"p{i:03d}" for i in range(200)]
    plan = halving_plan(families, 20, seed=1)
    assert [len(part) for part in plan.rounds] == [13, 13, 13, 13, 14]
    assert (len(plan.screen), len(plan.confirm)) == (66, 134)
    assert sorted([*plan.screen, *plan.confirm]) == list(range(200))
    assert plan.survivors == (20, 10, 5, 2, 0)
    alone = halving_plan(families, 1)
    assert alone.rounds == () and len(alone.confirm) == 200


def test_halving_keeps_families_whole_and_domains_balanced() -> None:
    families = np.repeat([f"f{i:02d}" for i in range(60)], 3)
    domains = np.where(np.arange(180) < 60, "a", "b")
    plan = halving_plan(families, 8, domains, seed=3)
    assert not set(families[plan.screen]) & set(families[plan.confirm])
    assert len(plan.screen) == 60 and abs(int(np.sum(domains[plan.screen] == "a")) - 20) <= 3
    order = stratified_order(families, domains, 3)
    ordered = families[order]
    assert np.sum(ordered[1:] != ordered[:-1]) == 59
    assert (stratified_order(families, domains, 4) != order).any()


def test_survivors() -> None:
    assert keep_half([0.5, 0.7, 0.6, 0.7, 0.1], [0, 1, 2, 3, 4]).tolist() == [1, 3]
    assert keep_half([0.5, 0.5, 0.5], [9, 4, 7]).tolist() == [1]
    assert keep_half([0.4], [0]).tolist() == [0]
    rng = np.random.default_rng(0)
    means = rng.normal(0.5, 0.05, (200, 20))
    means[:, 13] += 0.4
    plan = halving_plan([str(i) for i in range(200)], 20)
    assert finalist(means, plan) == 13
    means[plan.confirm] = np.nan  # the held-out prompts are never read
    assert finalist(means, plan) == 13


def pudding(reference: dict) -> tuple[np.ndarray, np.ndarray]:
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for i, j, total, won, lost, tied in reference["davidson_pudding"]["rows_i_j_r_wij_wji_tij"]:
        assert total == won + lost + tied
        wins[i - 1, j - 1], wins[j - 1, i - 1] = won, lost
        ties[i - 1, j - 1] = ties[j - 1, i - 1] = tied
    return wins, ties


def test_bradley_terry_citations(reference: dict) -> None:
    case = reference["bt_citations"]
    fit = bradley_terry(case["wins"], ridge=0)
    assert fit.beta - fit.beta[0] == pytest.approx(case["beta"], abs=6e-5)
    cov = fit.hessian_cov
    se = np.sqrt(cov[0, 0] + np.diag(cov) - 2 * cov[0])
    assert se == pytest.approx(case["se"], abs=6e-5)


def test_davidson_and_rao_kupper_pudding(reference: dict) -> None:
    wins, ties = pudding(reference)
    case = reference["davidson_pudding"]
    fit = davidson(wins, ties, ridge=0)
    assert fit.worth == pytest.approx(case["worth"], abs=1e-6)
    assert fit.nu == pytest.approx(case["nu"], abs=6e-6)
    other, expected = rao_kupper(wins, ties), reference["rao_kupper_pudding"]
    assert other.beta == pytest.approx(expected["beta"], abs=2e-6)
    assert other.theta == pytest.approx(expected["theta"], abs=6e-6)
    assert -other.log_likelihood == pytest.approx(expected["neg_loglik"], abs=6e-5)
    assert -fit.log_likelihood == pytest.approx(expected["davidson_neg_loglik"], abs=6e-5)
    assert davidson(wins, ties).worth == pytest.approx(case["worth"], abs=1e-5)


def test_jackknife_over_prompts_is_wider_than_the_hessian() -> None:
    """Eight votes a prompt that agree: the Hessian counts them as eight, the jackknife as one."""
    rng = np.random.default_rng(5)
    wins, ties = np.zeros((60, 3, 3)), np.zeros((60, 3, 3))
    for i, j, p in ((0, 1, 0.6), (0, 2, 0.7), (1, 2, 0.55)):
        won = rng.random(60) < p
        wins[:, i, j], wins[:, j, i] = 8 * won, 8 * ~won
    ties[:, 0, 1] = ties[:, 1, 0] = 1
    result = davidson_intervals(wins, ties)
    ratio = np.sqrt(np.diag(result.cov) / np.diag(result.fit.hessian_cov))
    assert ((ratio > 2) & (ratio < 4)).all()
    brute = [davidson(np.delete(wins, g, 0).sum(0), np.delete(ties, g, 0).sum(0)).beta for g in range(60)]
    spread = np.array(brute) - np.mean(brute, axis=0)
    assert result.cov == pytest.approx(59 / 60 * spread.T @ spread, rel=1e-6, abs=1e-12)
    gap, low, high = result.contrast(0, 2)
    assert low < gap < high and gap == pytest.approx(result.fit.beta[0] - result.fit.beta[2])


def test_a_contender_that_never_lost_stays_finite() -> None:
    fit = davidson([[0, 9], [0, 0]], np.zeros((2, 2)))
    assert np.isfinite(fit.beta).all() and fit.beta[0] > fit.beta[1]


def test_more_clusters_than_are_left_out_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    strengths = np.array([0.5, 0.0, -0.5])
    wins, ties = np.zeros((600, 3, 3)), np.zeros((600, 3, 3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        lean = strengths[i] - strengths[j] + rng.normal(0, 1, 600) + rng.logistic(size=600)
        wins[:, i, j], wins[:, j, i] = lean > 0.3, lean < -0.3
        ties[:, i, j] = ties[:, j, i] = np.abs(lean) <= 0.3
    alone = davidson_intervals(wins, ties)
    monkeypatch.setattr("venire.judges.statistics.davidson.MOST_CLUSTERS", 100)
    grouped = davidson_intervals(wins, ties)
    assert grouped.fit.beta == pytest.approx(alone.fit.beta) and grouped.df == 99
    assert np.sqrt(np.diag(grouped.cov)) == pytest.approx(np.sqrt(np.diag(alone.cov)), rel=0.25)


def test_who_was_hardly_judged_does_not_win_the_screen() -> None:
    plan = halving_plan([f"f{i}" for i in range(150)], 3, seed=1)
    means = np.tile([0.5, 0.7, np.nan], (150, 1))
    few = plan.screen[:8]
    means[few, 2] = 1.0  # eight prompts, all won
    assert finalist(means, plan) == 1
    means[plan.screen, 2] = 1.0
    assert finalist(means, plan) == 2
    means[plan.rounds[0], 1] = np.nan  # not judged at all in the first round
    assert finalist(np.where(np.arange(3) == 2, np.nan, means), plan) == 0
