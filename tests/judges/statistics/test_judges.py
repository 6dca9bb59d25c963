"""Judge quality: place, reliability, the effective number, correlation, latent classes."""

import numpy as np
import pytest

from venire.judges.statistics.dawid_skene import dawid_skene
from venire.judges.statistics.effective_judges import effective_judges, pairwise_correlation
from venire.judges.statistics.icc import shrout_fleiss, vote_icc
from venire.judges.statistics.position import position
from venire.judges.statistics.unreliable import reliability


def test_position_counts_and_bias() -> None:
    votes = np.array([[1, 1], [1, 0], [1, 0], [0, 1], [0.5, 0.5], [0, 0], [1, np.nan]])
    result = position(votes)
    assert (result.pairs, result.candidate_both, result.first_slot_both, result.second_slot_both) == (6, 1, 2, 1)
    assert result.same_verdict == pytest.approx(0.5)
    assert result.bias == pytest.approx((0.5 + 0.5 - 0.5) / 6)
    assert result.flip_p == 1


def test_a_judge_of_places_is_flagged_and_a_sound_one_is_not() -> None:
    rng = np.random.default_rng(0)
    first = np.tile([1.0, 0.0], (60, 1))
    assert position(first).flagged and position(first).bias == 0.5
    assert position(1 - first).flagged
    sound = np.repeat(rng.choice([0.0, 1.0], (60, 1)), 2, axis=1)
    assert not position(sound).flagged and not position(sound).warned
    nothing = position(np.full((5, 2), np.nan))
    assert nothing.pairs == 0 and not nothing.flagged


def test_relabelling_mirrors_places() -> None:
    """Renaming the sides swaps first and second for the candidate, so the pull of a place is unchanged."""
    rng = np.random.default_rng(1)
    votes = rng.choice([0, 0.5, 1], (50, 2), p=[0.2, 0.2, 0.6])
    one, other = position(votes), position(1 - votes[:, ::-1])
    assert (one.bias, one.low, one.same_verdict) == pytest.approx((other.bias, other.low, other.same_verdict))
    assert one.first_slot_both == other.first_slot_both


def test_coin_and_reversed_judges_are_caught() -> None:
    rng = np.random.default_rng(2)
    coins, reversals, false = 0, 0, 0
    for _ in range(100):
        latent = 0.3 + rng.normal(size=(57, 1))
        verdicts = np.clip(np.round(latent + 0.7 * rng.normal(size=(57, 4))), -1, 1)
        false += reliability(verdicts).flagged.any()
        verdicts[:, 3] *= -1
        reversals += reliability(verdicts).flagged[3]
        verdicts[:, 3] = rng.choice([-1, 1], 57)
        coins += reliability(verdicts).flagged[3]
    assert reversals == 100 and coins >= 90 and false <= 8


def test_reliability_needs_three_judges_and_others_verdicts() -> None:
    rng = np.random.default_rng(3)
    assert not reliability(rng.choice([-1.0, 1.0], (40, 2))).flagged.any()
    verdicts = rng.choice([-1.0, 1.0], (40, 4))
    verdicts[:, 3] = np.nan
    result = reliability(verdicts)
    assert np.isnan(result.agreement[3]) and not result.flagged[3] and np.isfinite(result.upper[:3]).all()


def test_reliability_by_hand() -> None:
    verdicts = np.array([[1, 1, 0.5], [-1, 0.5, 1], [0.5, -1, -1], [1, 1, -1]])
    others = np.sign([[1.5, 1.5, 2], [1.5, 0, -0.5], [-2, -0.5, -0.5], [0, 0, 2]])
    expected = (verdicts * others).sum(axis=0) / np.abs(verdicts).sum(axis=0)
    np.testing.assert_allclose(reliability(verdicts).agreement, expected)


def test_correlation_is_pearson_over_shared_prompts(panel: np.ndarray) -> None:
    verdicts = 2 * panel.mean(axis=2) - 1
    both = ~np.isnan(verdicts[:, 0]) & ~np.isnan(verdicts[:, 3])
    expected = np.corrcoef(verdicts[both, 0], verdicts[both, 3])[0, 1]
    matrix = pairwise_correlation(verdicts)
    assert matrix[0, 3] == pytest.approx(expected)
    mean = np.mean(matrix[np.triu_indices(4, 1)])
    assert effective_judges(verdicts) == pytest.approx(4 / (1 + 3 * mean))


def test_effective_judges_at_the_ends() -> None:
    rng = np.random.default_rng(4)
    same = np.repeat(rng.choice([-1.0, 1.0], (50, 1)), 3, axis=1)
    assert effective_judges(same) == pytest.approx(1)
    assert np.isnan(effective_judges(same[:, :1])) and np.isnan(effective_judges(np.ones((50, 3))))


def test_shrout_fleiss(reference: dict) -> None:
    case = reference["shrout_fleiss1979"]
    expected = [case["icc11"], case["icc21"], case["icc31"]]
    assert shrout_fleiss(case["data"]) == pytest.approx(expected, abs=6e-5)
    assert vote_icc(case["data"]) == pytest.approx(case["icc11"], abs=6e-5)
    gaps = np.array(case["data"], float)
    gaps[0, 0] = np.nan
    assert 0 < vote_icc(gaps) < 1
    assert np.isnan(vote_icc([[1.0], [0.0]]))


def test_dawid_skene_1979(reference: dict) -> None:
    case = reference["dawid_skene1979"]
    fit = dawid_skene(case["counts"])
    assert fit.marginals == pytest.approx(case["class_marginals"], abs=6e-5)
    assert fit.log_likelihood == pytest.approx(case["loglik"], abs=6e-5)
    np.testing.assert_allclose(fit.posterior.sum(axis=1), 1)


def test_one_coin_finds_the_accuracy_of_judges() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 2000)
    right = np.array([0.9, 0.8, 0.7])
    votes = np.where(rng.random((2000, 3)) < right, truth[:, None], 1 - truth[:, None])
    fit = dawid_skene(np.eye(2)[votes], one_coin=True)
    assert fit.errors[:, 0, 0] == pytest.approx(right, abs=0.04)
    assert fit.errors[:, 1, 1] == pytest.approx(fit.errors[:, 0, 0])


def test_a_handful_of_prompts_flags_nobody() -> None:
    """A person who judged three prompts against the panel, and one who chose the first place twice, are not accused."""
    rng = np.random.default_rng(6)
    verdicts = np.repeat(rng.choice([-1.0, 1.0], (60, 1)), 4, axis=1)
    verdicts[3:, 3] = np.nan
    verdicts[:3, 3] *= -1
    result = reliability(verdicts)
    assert result.agreement[3] == -1 and not result.flagged.any()
    assert not position(np.array([[1.0, 0.0]] * 2)).flagged
    assert position(np.array([[1.0, 0.0]] * 8)).flagged


def test_collapsed_rows_count_as_often_as_they_stand_for() -> None:
    rng = np.random.default_rng(5)
    counts = np.eye(3)[rng.integers(0, 3, (40, 3))]
    times = rng.integers(1, 4, 40)
    whole = dawid_skene(np.repeat(counts, times, axis=0), one_coin=True)
    short = dawid_skene(counts, one_coin=True, times=times)
    assert short.marginals == pytest.approx(whole.marginals)
    assert short.log_likelihood == pytest.approx(whole.log_likelihood)
