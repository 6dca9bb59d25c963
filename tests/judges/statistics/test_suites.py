"""Tests of suites: Tango, McNemar, Newcombe, Rao-Scott, exact thresholds, phrasing."""

import numpy as np
import pytest
from scipy import stats

from venire.judges.statistics.clopper_pearson import exact_lower, minimum_right, qualification
from venire.judges.statistics.mcnemar import mcnemar
from venire.judges.statistics.newcombe import newcombe_independent, newcombe_paired
from venire.judges.statistics.phrasing import consistency, phrasing_accuracy, phrasing_gap
from venire.judges.statistics.rao_scott import design_effect, paired_non_inferiority
from venire.judges.statistics.red_flags import identical_seeds_p, phrasing_flags, seed_flags
from venire.judges.statistics.tango import most_losses, non_inferiority, tango_interval, tango_z
from venire.judges.statistics.thresholds import certifying_hits, threshold_test, zero_failure_bound


def test_tango_intervals(reference: dict) -> None:
    for case in reference["paired"]:
        a, b, c, d = case["abcd"]
        level, expected = (0.95, case["tango"]) if "tango" in case else (0.90, case["tango90"])
        assert tango_interval(b, c, a + b + c + d, level) == pytest.approx(expected, abs=1e-6)


def test_newcombe(reference: dict) -> None:
    for case in reference["newcombe_independent"]:
        assert newcombe_independent(*case["args"])[1:] == pytest.approx(case["ci"], abs=1e-6)
    for case in reference["paired"]:
        if "newcombe" in case:
            assert newcombe_paired(*case["abcd"])[1:] == pytest.approx(case["newcombe"], abs=1e-6)
    assert newcombe_paired(1, 0, 0, 1)[1:] == pytest.approx((-0.5734, 0.5734), abs=5e-5)


def test_mcnemar(reference: dict) -> None:
    for case in reference["paired"]:
        if "mcnemar" not in case:
            continue
        expected, result = case["mcnemar"], mcnemar(case["abcd"][1], case["abcd"][2])
        assert result.exact == pytest.approx(expected["exact"], abs=1e-6)
        assert result.mid_p == pytest.approx(expected["midp"], abs=1e-6)
        assert result.chi2 == pytest.approx(expected["chi2"], abs=1e-6)
        assert result.p == pytest.approx(expected["p"], abs=1e-6)
        assert result.chi2_corrected == pytest.approx(expected["chi2cc"], abs=1e-6)
        assert result.p_corrected == pytest.approx(expected["pcc"], abs=1e-6)
    assert mcnemar(0, 0).exact == 1
    assert mcnemar(5, 5).mid_p == pytest.approx(1 - stats.binom.pmf(5, 10, 0.5) / 2)


def test_tango_gate_of_the_specification() -> None:
    assert [most_losses(n, 0.05) for n in (51, 57, 100, 200, 400)] == [None, 0, 1, 4, 12]
    assert non_inferiority(0, 4, 200, 0.05).shown
    assert not non_inferiority(0, 5, 200, 0.05).shown


def test_violated_is_a_test_of_its_own() -> None:
    assert non_inferiority(0, 30, 100, 0.05).violated
    neither = non_inferiority(2, 8, 60, 0.05)
    assert not neither.shown and not neither.violated
    for losses in range(0, 60):
        result = non_inferiority(3, losses, 100, 0.05)
        assert not (result.shown and result.violated)
        assert result.shown == (result.low > -0.05)
        assert result.violated == (result.high < -0.05)


def test_tango_violated_keeps_its_size() -> None:
    """Exact chance of a false "violated" at a true loss of exactly δ, discordance .05 to .30, n = 57 to 400."""
    worst = 0.0
    for n in (57, 100, 200, 400):
        gains, losses = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        inside = gains + losses <= n
        violated = inside & (tango_z(gains, losses, n, -0.05) < -1.6448536269514722)
        for discordance in (0.05, 0.10, 0.20, 0.30):
            p_gain, p_loss = (discordance - 0.05) / 2, (discordance + 0.05) / 2
            pmf = stats.multinomial.pmf(
                np.stack([gains, losses, n - gains - losses], -1)[violated], n, [p_gain, p_loss, 1 - discordance]
            )
            worst = max(worst, float(pmf.sum()))
    assert worst < 0.08


def test_direction_and_mirror_of_paired_results() -> None:
    own, other = np.array([1, 1, 0, 1, 0]), np.array([1, 0, 0, 0, 1])
    result = paired_non_inferiority(own, other, 0.1)
    assert (result.gains, result.losses, result.estimate) == (2, 1, pytest.approx(0.2))
    with pytest.raises(ValueError, match="0 or 1"):
        paired_non_inferiority([0.5, 1], [1, 0], 0.1)


def test_design_effect() -> None:
    rng = np.random.default_rng(0)
    d = rng.choice([-1.0, 0, 0, 0, 1], 60)
    assert design_effect(d) == 1
    tripled, families = np.repeat(d, 3), np.repeat(np.arange(60), 3)
    assert design_effect(tripled, families) == pytest.approx(3, rel=0.02)
    assert design_effect(np.zeros(60), np.repeat(np.arange(20), 3)) == 3  # nothing changed: a family is one item
    result = paired_non_inferiority((tripled > 0).astype(int), (tripled < 0).astype(int), 0.1, families)
    assert result.n == pytest.approx(180 / result.deff)


def test_thresholds_of_the_specification() -> None:
    sizes = (57, 100, 200, 400)
    assert [certifying_hits(n, at_least=0.30) for n in sizes] == [24, 39, 72, 136]
    assert [certifying_hits(n, at_most=0.10) for n in sizes] == [1, 4, 12, 29]
    assert [certifying_hits(n, at_most=0.05) for n in sizes] == [None, 1, 4, 12]
    assert zero_failure_bound(57) == pytest.approx(0.949, abs=5e-4)
    assert zero_failure_bound(59) > 0.95 > zero_failure_bound(58)


def test_three_verdicts_and_modes() -> None:
    assert threshold_test(4, 200, at_most=0.05).verdict == "certified"
    assert threshold_test(5, 200, at_most=0.05).verdict == "inconclusive"
    assert not threshold_test(5, 200, at_most=0.05).passed  # 200 items: a certificate is asked for
    assert threshold_test(25, 200, at_most=0.05).verdict == "violated"
    point = threshold_test(1, 20, at_most=0.05)
    assert (point.mode, point.passed, point.verdict) == ("point", True, "inconclusive")
    assert threshold_test(59, 59, at_least=0.95).verdict == "certified"
    assert threshold_test(0, 20, at_most=0.0, mode="point").passed
    assert threshold_test(1, 20, at_most=0.0).verdict == "violated"
    with pytest.raises(ValueError, match="exactly one"):
        threshold_test(1, 2)


def test_certified_is_the_clopper_pearson_bound() -> None:
    for hits in range(41):
        result = threshold_test(hits, 40, at_least=0.5, mode="certify")
        assert result.passed == (exact_lower(hits, 40) >= 0.5 and hits >= 20)


def test_qualification_needs_26_of_40() -> None:
    assert minimum_right(40) == 26
    assert qualification(26, 40).passed and not qualification(25, 40).passed
    assert not qualification(0, 0).passed
    assert minimum_right(3) is None


def test_phrasing_clusters_on_facts_and_templates() -> None:
    rng = np.random.default_rng(2)
    facts, templates = np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40)
    hard = np.array([0.95, 0.9, 0.5, 0.8, 0.3])[templates]
    x = (rng.random(200) < hard).astype(float)
    by_fact = phrasing_accuracy(x, facts, np.arange(200))
    two_way = phrasing_accuracy(x, facts, templates)
    assert by_fact.method == "fact" and two_way.method == "fact × template"
    assert two_way.high - two_way.low > 2 * (by_fact.high - by_fact.low)
    assert by_fact.estimate == two_way.estimate == pytest.approx(x.mean())


def test_phrasing_gap_is_paired_and_refuses_a_shared_template() -> None:
    facts = np.repeat(np.arange(20), 4)
    novel = np.tile([False, False, True, True], 20)
    x = np.where(novel, 0.0, 1.0)
    x[2] = 1.0
    gap = phrasing_gap(x, facts, novel)
    assert gap.estimate == pytest.approx(1 - 0.5 / 20)
    per_fact = 1 - x.reshape(20, 4)[:, 2:].mean(axis=1)
    assert gap.se == pytest.approx(per_fact.std(ddof=1) / np.sqrt(20))
    with pytest.raises(ValueError, match="both trained and novel"):
        phrasing_gap(x, facts, novel, np.tile(["a", "b", "b", "c"], 20))


def test_consistency() -> None:
    result = consistency([1, 1, 0, 0, 1, 0], ["a", "a", "b", "b", "c", "c"])
    assert result.mean == pytest.approx(2 / 3)
    assert result.corrected == pytest.approx((2 / 3 - 0.5) / 0.5)
    assert result.all_correct.estimate == pytest.approx(1 / 3)


def test_red_flags() -> None:
    assert identical_seeds_p(57, 0.95, 3) == pytest.approx(0.15, abs=0.01)
    assert identical_seeds_p(57, 0.99, 3) == pytest.approx(0.67, abs=0.01)
    rng = np.random.default_rng(0)
    same = np.tile(rng.random(57) < 0.74, (3, 1)).astype(float)
    assert [(flag.code, flag.alarm) for flag in seed_flags(same)] == [("identical_seeds", True)]
    ceiling = np.ones((3, 57))
    ceiling[:, 0] = 0
    assert not seed_flags(ceiling)[0].alarm
    assert seed_flags(rng.random((3, 57)) < [[0.1], [0.5], [0.9]]) == []
    perfect = phrasing_accuracy(np.ones(60), np.arange(60))
    gap = phrasing_gap(np.tile([0.0, 1.0], 30), np.repeat(np.arange(30), 2), np.tile([False, True], 30))
    assert [flag.code for flag in phrasing_flags(perfect, perfect, gap, 60)] == [
        "novel_above_trained",
        "both_perfect",
    ]
