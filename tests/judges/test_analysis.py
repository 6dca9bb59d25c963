"""The Analysis object: its keys, its handling of orders, invalid votes and repeats, and what must hold of it."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire._common.errors import InputError
from venire.judges.analysis import analyze
from venire.judges.statistics.panel import prompt_means
from venire.judges.statistics.winrate import winrate_ci

JUDGES = ["anthropic/a", "openai/b", "openai/c"]
COMPARISON_KEYS = {
    "candidate",
    "incumbent",
    "totals",
    "win_rate",
    "invalid_against_candidate",
    "coverage",
    "panel_majority",
    "judges_like_these",
    "judges",
    "domains",
    "agreement",
    "effective_judges",
    "leave_one_judge_out",
    "leave_one_family_out",
    "length",
}
RATE_KEYS = {
    "estimate",
    "low",
    "high",
    "level",
    "method",
    "p_value",
    "n_eff",
    "se",
    "df",
    "n",
    "clusters",
    "low_one_sided_95",
    "inconclusive",
}


def simulate(seed: int, prompts: int = 30, invalid: float = 0.05, drop: float = 0.05) -> pl.DataFrame:
    """Votes of three judges in both orders on `prompts` prompts in families of two and two domains."""
    rng = np.random.default_rng(seed)
    prompt, judge, second = (
        axis.ravel() for axis in np.meshgrid(np.arange(prompts), np.arange(3), [0, 1], indexing="ij")
    )
    quality = rng.normal(0.3, 1, prompts)[prompt] + rng.normal(0, 1, prompt.size)
    verdict = np.where(quality > 0.2, "candidate", np.where(quality < -0.2, "incumbent", "tie"))
    verdict = np.where(rng.random(prompt.size) < invalid, "invalid", verdict)
    lengths = rng.integers(80, 300, (2, prompts))
    votes = pl.DataFrame(
        {
            "prompt_id": [f"p{i:02d}" for i in prompt],
            "family": [f"f{i // 2:02d}" for i in prompt],
            "domain": ["math" if i % 3 else "prose" for i in prompt],
            "candidate": "new/plain",
            "incumbent": "old/plain",
            "judge": [JUDGES[j] for j in judge],
            "candidate_first": second == 0,
            "verdict": verdict,
            "len_candidate": lengths[0][prompt],
            "len_incumbent": lengths[1][prompt],
        }
    )
    return votes.filter(pl.Series(rng.random(prompt.size) >= drop))


def test_rows_without_a_domain_have_their_prompts():
    """One judge's rows that lack it erased all domains of the comparison, without a word."""
    votes = simulate(1)
    unknown = pl.col("judge") == JUDGES[0]
    patchy = votes.with_columns(domain=pl.when(~unknown).then("domain"))
    whole, mended = (analyze(frame)["comparisons"][0]["domains"] for frame in (votes, patchy))
    assert set(whole) == {"math", "prose"} and mended == whole
    some = votes.with_columns(domain=pl.when(pl.col("prompt_id") != "p01").then("domain"))
    counted = analyze(some)["comparisons"][0]["domains"]
    assert counted["math"]["n"] == whole["math"]["n"] - 1 and counted["prose"] == whole["prose"]


def close(one: object, other: object) -> None:
    """Equal JSON up to rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            close(a, b)
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, abs=1e-9)
    else:
        assert one == other


def test_the_object_has_the_documented_keys_and_is_json() -> None:
    result = analyze(simulate(1), bootstrap=50)
    assert set(result) == {
        "n_votes",
        "n_invalid",
        "n_prompts",
        "n_families",
        "orders",
        "warnings",
        "comparisons",
    }
    (one,) = result["comparisons"]
    assert set(one) == COMPARISON_KEYS | {"bootstrap", "vote_icc", "complete_case"}
    assert set(one["win_rate"]) == RATE_KEYS
    assert set(one["invalid_against_candidate"]) == {"estimate", "low", "low_one_sided_95"}
    assert set(one["judges"][JUDGES[0]]) == {
        "wins",
        "losses",
        "ties",
        "invalid",
        "win_rate",
        "low",
        "high",
        "pairs_both_orders",
        "both_orders_candidate",
        "first_slot_both",
        "second_slot_both",
        "swap_consistency",
        "position_bias",
        "flagged",
    }
    assert set(one["agreement"]) == {
        "n_units",
        "raw",
        "fleiss_kappa",
        "krippendorff_alpha_nominal",
        "krippendorff_alpha_interval",
        "gwet_ac1",
        "gwet_ac2",
        "intervals",
        "a_flip",
        "raw_pairs",
        "cohen_kappa",
        "gwet_ac1_pairs",
    }
    assert set(one["length"]) == {"controlled_win_rate", "low", "high", "identifiable"}
    assert set(one["domains"]) == {"math", "prose"}
    assert {row["without"] for row in one["leave_one_family_out"]} == {"anthropic", "openai"}
    assert result["n_families"] == 15 and one["win_rate"]["clusters"] == 15
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert all(set(warning) == {"code", "message"} for warning in result["warnings"])


def test_a_hand_made_panel() -> None:
    """Two prompts, two judges; judge b's second order on q is invalid."""
    rows = [
        ("p", "a", True, "candidate"),
        ("p", "a", False, "candidate"),
        ("p", "b", True, "candidate"),
        ("p", "b", False, "incumbent"),
        ("q", "a", True, "tie"),
        ("q", "a", False, "incumbent"),
        ("q", "b", True, "candidate"),
        ("q", "b", False, "invalid"),
    ]
    votes = pl.DataFrame(rows, ["prompt_id", "judge", "candidate_first", "verdict"], orient="row").with_columns(
        candidate=pl.lit("new"), incumbent=pl.lit("old")
    )
    one = analyze(votes)["comparisons"][0]
    assert one["totals"] == {"wins": 4, "losses": 2, "ties": 1, "invalid": 1}
    assert one["win_rate"]["estimate"] == pytest.approx((0.75 + 0.25) / 2)
    # b on q: the valid order is kept, the invalid one counts 0: (.25 + .5)/2.
    assert one["invalid_against_candidate"]["estimate"] == pytest.approx((0.75 + 0.375) / 2)
    assert one["coverage"] == 7 / 8
    assert one["panel_majority"] == 0.5  # p: win and tie; q: loss
    assert one["judges"]["b"] == {
        "wins": 2,
        "losses": 1,
        "ties": 0,
        "invalid": 1,
        "win_rate": 0.5,
        "low": 0,
        "high": 1,
        "pairs_both_orders": 1,
        "both_orders_candidate": 0,
        "first_slot_both": 1,
        "second_slot_both": 0,
        "swap_consistency": 0,
        "position_bias": {"estimate": 0.5, "low": None, "high": None},
        "flagged": False,
    }
    assert one["win_rate"]["inconclusive"]
    single = analyze(votes, orders="any")
    assert single["comparisons"][0]["win_rate"]["estimate"] == pytest.approx((0.75 + 0.625) / 2)
    assert "single_order" in {warning["code"] for warning in single["warnings"]}


def test_estimates_match_the_statistics_they_come_from() -> None:
    votes = simulate(3, invalid=0, drop=0)
    one = analyze(votes)["comparisons"][0]
    worth = {"candidate": 1.0, "tie": 0.5, "incumbent": 0.0}
    cells = (
        votes.with_columns(pl.col("verdict").replace_strict(worth, return_dtype=pl.Float64))
        .group_by("prompt_id", "judge")
        .agg(pl.col("verdict").mean())
        .pivot(on="judge", index="prompt_id", values="verdict")
        .sort("prompt_id")
    )
    matrix = cells.select(JUDGES).to_numpy()
    rate = winrate_ci(prompt_means(matrix), np.arange(30) // 2)
    assert one["win_rate"]["estimate"] == pytest.approx(rate.estimate)
    assert one["win_rate"]["low"] == pytest.approx(rate.low)
    assert one["leave_one_judge_out"][2]["low"] == pytest.approx(
        winrate_ci(matrix[:, :2].mean(axis=1), np.arange(30) // 2).low_one_sided_95
    )


def test_votes_for_other_uses_do_not_count() -> None:
    votes = simulate(2).with_columns(use=pl.lit(None, pl.String))
    shown = votes.with_columns(use=pl.lit("display"), verdict=pl.lit("candidate"), judge=pl.lit("human:x"))
    both = pl.concat([votes, shown])
    result = analyze(both)
    close(result["comparisons"], analyze(votes)["comparisons"])
    assert result["warnings"][0]["code"] == "votes_not_counted"
    with pytest.raises(InputError, match="use"):
        analyze(shown)


def test_single_order_files_are_refused_by_default_and_named() -> None:
    votes = simulate(4).filter(pl.col("candidate_first"))
    with pytest.raises(InputError, match="--orders any"):
        analyze(votes)
    assert analyze(votes, orders="any")["comparisons"][0]["win_rate"]["n"] > 0


def test_all_invalid_is_reported_not_invented() -> None:
    votes = simulate(5).with_columns(verdict=pl.lit("invalid"))
    one = analyze(votes)["comparisons"][0]
    assert one["win_rate"]["estimate"] is None and one["coverage"] == 0
    assert one["invalid_against_candidate"]["estimate"] == 0
    assert one["agreement"]["a_flip"] == {"estimate": None, "low": None}


def test_repeats_are_averaged_inside_their_order() -> None:
    votes = simulate(6, invalid=0, drop=0).with_columns(repeat=pl.lit(0))
    again = votes.with_columns(repeat=pl.lit(1))
    assert (
        analyze(pl.concat([votes, again]))["comparisons"][0]["win_rate"]
        == (analyze(votes)["comparisons"][0]["win_rate"])
    )
    with pytest.raises(InputError, match="second vote"):
        analyze(pl.concat([votes, votes]))


def test_soft_votes_have_a_rate_of_their_own() -> None:
    votes = simulate(7, invalid=0).with_columns(
        preference=pl.when(pl.col("verdict") == "candidate").then(0.7).otherwise(0.45)
    )
    one = analyze(votes)["comparisons"][0]
    assert set(one["win_rate_soft"]) == RATE_KEYS
    assert (
        0.45 < one["win_rate_soft"]["estimate"] < 0.7
        and one["win_rate"]["estimate"] != (one["win_rate_soft"]["estimate"])
    )


def test_pooled_figures_cover_all_comparisons() -> None:
    other = simulate(9).with_columns(candidate=pl.lit("newer/plain"))
    result = analyze(pl.concat([simulate(8), other]))
    assert [one["candidate"] for one in result["comparisons"]] == ["new/plain", "newer/plain"]
    assert set(result["pooled"]) == {"n_judges", "n_pairs", "agreement", "judges"}
    assert result["pooled"]["n_judges"] == 3 and result["pooled"]["n_pairs"] <= 60
    for key in ("wins", "pairs_both_orders", "first_slot_both"):
        parts = [one["judges"][JUDGES[0]][key] for one in result["comparisons"]]
        assert result["pooled"]["judges"][JUDGES[0]][key] == sum(parts)
    units = [one["agreement"]["n_units"] for one in result["comparisons"]]
    assert result["pooled"]["agreement"]["n_units"] == sum(units)
    close(result["comparisons"][0], analyze(simulate(8))["comparisons"][0])


@pytest.mark.parametrize("column", ["prompt_id", "verdict", "candidate_first"])
def test_missing_columns_and_values_are_refused(column: str) -> None:
    with pytest.raises(InputError, match=column):
        analyze(simulate(1).drop(column))
    with pytest.raises(InputError, match=f"row 3: {column}"):
        analyze(simulate(1).with_columns(pl.when(pl.int_range(pl.len()) != 2).then(pl.col(column)).alias(column)))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_order_of_rows_changes_nothing(seed: int) -> None:
    votes = simulate(seed)
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    assert analyze(votes, bootstrap=20) == analyze(shuffled, bootstrap=20)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_relabelling_candidate_and_incumbent_mirrors(seed: int) -> None:
    votes = simulate(seed)
    swapped = votes.with_columns(
        candidate=pl.col("incumbent"),
        incumbent=pl.col("candidate"),
        candidate_first=~pl.col("candidate_first"),
        verdict=pl.col("verdict").replace({"candidate": "incumbent", "incumbent": "candidate"}),
        len_candidate=pl.col("len_incumbent"),
        len_incumbent=pl.col("len_candidate"),
    )
    one, other = analyze(votes)["comparisons"][0], analyze(swapped)["comparisons"][0]

    def mirrored(pair: tuple[dict, dict], estimate: str = "estimate") -> None:
        here, there = pair
        assert here[estimate] == pytest.approx(1 - there[estimate], abs=1e-9)
        assert here["low"] == pytest.approx(1 - there["high"], abs=1e-9)
        assert here["high"] == pytest.approx(1 - there["low"], abs=1e-9)

    mirrored((one["win_rate"], other["win_rate"]))
    assert one["panel_majority"] == pytest.approx(1 - other["panel_majority"])
    assert one["judges_like_these"]["low"] == pytest.approx(1 - other["judges_like_these"]["high"])
    for name, judge in one["judges"].items():
        mirror = other["judges"][name]
        mirrored((judge, mirror), "win_rate")
        assert (judge["wins"], judge["losses"]) == (mirror["losses"], mirror["wins"])
        for key in ("swap_consistency", "position_bias", "flagged", "first_slot_both", "second_slot_both"):
            close(judge[key], mirror[key])
    for name, row in one["domains"].items():
        mirrored((row, other["domains"][name]), "win_rate")
    agreed, unchanged = one["agreement"], other["agreement"]
    close(agreed, unchanged)
    close(one["effective_judges"], other["effective_judges"])
    assert one["length"]["identifiable"] == other["length"]["identifiable"]
    if one["length"]["identifiable"]:
        mirrored((one["length"], other["length"]), "controlled_win_rate")
    for here, there in zip(one["leave_one_judge_out"], other["leave_one_judge_out"], strict=True):
        assert here["estimate"] == pytest.approx(1 - there["estimate"])


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=40, deadline=None)
def test_an_invalid_vote_never_helps(seed: int, data: st.DataObject) -> None:
    votes = simulate(seed, prompts=18)
    row = data.draw(st.integers(0, len(votes) - 1))
    verdict = votes["verdict"][row]
    broken = votes.with_columns(
        verdict=pl.when(pl.int_range(pl.len()) == row).then(pl.lit("invalid")).otherwise(pl.col("verdict"))
    )
    before, after = (analyze(frame)["comparisons"][0] for frame in (votes, broken))
    estimates = [one["invalid_against_candidate"]["estimate"] for one in (before, after)]
    assert estimates[1] <= estimates[0] + 1e-12
    if verdict == "incumbent":
        assert estimates[1] == estimates[0]
    assert after["coverage"] <= before["coverage"]


# Beyond the format


def test_coefficients_have_jackknife_intervals_or_none() -> None:
    agreed = analyze(simulate(3, prompts=60))["comparisons"][0]["agreement"]
    for name, bounds in agreed["intervals"].items():
        assert bounds["low"] < agreed[name] < bounds["high"], name
    sure = simulate(3, invalid=0, drop=0).with_columns(
        verdict=pl.when(pl.col("prompt_id") == "p00").then(pl.lit("incumbent")).otherwise(pl.lit("candidate"))
    )
    result = analyze(sure)
    none = result["comparisons"][0]["agreement"]["intervals"]
    assert none["fleiss_kappa"] == none["krippendorff_alpha_interval"] == {"low": None, "high": None}
    assert "agreement_not_estimable" in {warning["code"] for warning in result["warnings"]}


def test_judges_that_skip_prompts_have_a_complete_case() -> None:
    votes = simulate(3, prompts=40, invalid=0, drop=0)
    assert "complete_case" not in analyze(votes)["comparisons"][0]
    hard = votes.filter((pl.col("judge") != JUDGES[0]) | (pl.col("prompt_id") > "p09"))
    full = analyze(hard)["comparisons"][0]["complete_case"]
    assert full["n"] == 30
    kept = analyze(votes.filter(pl.col("prompt_id") > "p09"))["comparisons"][0]["win_rate"]
    assert (full["estimate"], full["low"]) == pytest.approx((kept["estimate"], kept["low"]))


def test_correlation_of_votes_is_what_the_power_calculation_asks_for() -> None:
    """Quality and noise of a vote have the same variance: votes of a prompt correlate by about a third (ties)."""
    found = [analyze(simulate(seed, 200, 0, 0))["comparisons"][0]["vote_icc"] for seed in range(3)]
    assert 0.25 < np.mean(found) < 0.5


def several(strengths: dict[str, float], seed: int, prompts: int = 60, judge: str = "j") -> pl.DataFrame:
    """One judge's votes on every pair of contenders."""
    rng = np.random.default_rng(seed)
    names = sorted(strengths)
    rows = []
    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            for p in range(prompts):
                gap = strengths[one] - strengths[two] + rng.normal(0, 0.5)
                for first in (True, False):
                    lean = gap + rng.logistic()
                    verdict = "candidate" if lean > 0.2 else "incumbent" if lean < -0.2 else "tie"
                    rows.append((f"p{p:02d}", one, two, judge, first, verdict))
    schema = ["prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict"]
    return pl.DataFrame(rows, schema, orient="row")


def test_three_contenders_are_ranked_by_davidson() -> None:
    truth = {"a": 0.0, "b": 1.2, "c": -0.8, "d": 0.3}
    votes = several(truth, seed=1)
    ranked = analyze(votes)["ranking"]
    assert [c["name"] for c in ranked["contenders"]] == ["b", "d", "a", "c"]
    assert ranked["families"] == 60 and ranked["ties"] > 0
    assert sum(c["worth"] for c in ranked["contenders"]) == pytest.approx(1)
    assert sum(c["log_worth"] for c in ranked["contenders"]) == pytest.approx(0, abs=1e-9)
    assert all(c["low"] < c["log_worth"] < c["high"] for c in ranked["contenders"])
    star = votes.filter(pl.col("candidate") == "a")  # everybody against one is enough
    assert [c["name"] for c in analyze(star)["ranking"]["contenders"]] == ["b", "d", "a", "c"]
    apart = votes.filter(pl.concat_str("candidate", "incumbent").is_in(["ab", "cd"]))
    assert "ranking" not in analyze(apart) and "ranking" not in analyze(simulate(1))


def test_names_do_not_move_a_ranking() -> None:
    votes = several({"a": 0.0, "b": 1.0, "c": 0.4}, seed=2)
    swap = {"a": "z", "b": "y", "c": "x"}
    other = votes.with_columns(pl.col("candidate", "incumbent").replace(swap))
    here = {swap[c["name"]]: c["log_worth"] for c in analyze(votes)["ranking"]["contenders"]}
    there = {c["name"]: c["log_worth"] for c in analyze(other)["ranking"]["contenders"]}
    assert here == pytest.approx(there)


def with_people(votes: pl.DataFrame, labelled: int) -> pl.DataFrame:
    """People who saw the first prompts once each, and always preferred the incumbent."""
    prompts = votes["prompt_id"].unique().sort()[:labelled]
    people = pl.DataFrame({"prompt_id": prompts}).with_columns(
        family=pl.col("prompt_id"),
        candidate=pl.lit("new/plain"),
        incumbent=pl.lit("old/plain"),
        judge=pl.lit("human:ann"),
        candidate_first=pl.int_range(pl.len()) % 2 == 0,
        verdict=pl.lit("incumbent"),
        use=pl.lit("human"),
    )
    return pl.concat([votes.drop("family").with_columns(use=pl.lit("gate")), people], how="diagonal")


def test_people_in_the_file_calibrate_the_panel() -> None:
    votes = simulate(4, prompts=80, invalid=0, drop=0)
    one = analyze(with_people(votes, 40))["comparisons"][0]
    said = one["people"]
    assert said["people_alone"] == 0 and (said["labelled"], said["n"], said["people"]) == (40, 80, 1)
    assert said["estimate"] < 0.2 < one["win_rate"]["estimate"] and said["low"] <= said["estimate"] <= said["high"]
    assert not said["inconclusive"] and said["panel_agrees"] < 0.5
    assert one["win_rate"] == analyze(votes.drop("family"))["comparisons"][0]["win_rate"]  # they enter no mean
    assert analyze(with_people(votes, 5))["comparisons"][0]["people"]["inconclusive"]
    assert "people" not in analyze(with_people(votes, 1))["comparisons"][0]


def test_a_file_of_people_alone_says_how_it_can_be_read() -> None:
    votes = simulate(4).with_columns(use=pl.lit("human"))
    with pytest.raises(InputError, match=r"\d+ are `human`.*--use human --orders any"):
        analyze(votes)
    assert analyze(votes, use="human")["n_votes"] == votes.height


def test_rows_that_stood_for_both_orders_say_nothing_of_places() -> None:
    votes = simulate(5, drop=0, invalid=0).with_columns(
        note=pl.when(pl.col("judge") == JUDGES[0]).then(pl.lit("merged"))
    )
    result = analyze(votes)
    judges = result["comparisons"][0]["judges"]
    assert judges[JUDGES[0]]["swap_consistency"] is None
    assert judges[JUDGES[0]]["position_bias"] == {"estimate": None, "low": None, "high": None}
    assert judges[JUDGES[1]]["swap_consistency"] is not None
    assert any(w["code"] == "orders_merged" and JUDGES[0] in w["message"] for w in result["warnings"])


def test_latent_verdicts_are_a_diagnostic_of_large_independent_panels() -> None:
    votes = simulate(6, prompts=220, invalid=0, drop=0)
    assert "latent" not in analyze(votes)["comparisons"][0]  # families of two
    alone = votes.drop("family")
    found = analyze(alone)["comparisons"][0]["latent"]
    assert set(found["accuracy"]) == set(JUDGES) and all(0.5 < a < 1 for a in found["accuracy"].values())
    assert 0.5 < found["win_rate"] < 1
    assert "latent" not in analyze(alone.filter(pl.col("judge") != JUDGES[0]))["comparisons"][0]


def test_two_that_win_nearly_always_are_to_be_compared_with_each_other() -> None:
    votes = pl.concat([several({"base": -4.0, "x": 0.0}, 1), several({"base": -4.0, "y": 0.3}, 2)])
    turned = votes.with_columns(
        candidate="incumbent",
        incumbent="candidate",
        candidate_first=~pl.col("candidate_first"),
        verdict=pl.col("verdict").replace({"candidate": "incumbent", "incumbent": "candidate"}),
    )
    (said,) = [w["message"] for w in analyze(turned)["warnings"] if w["code"] == "head_to_head"]
    assert said.startswith("x, y all beat base in more than 90%")
    one = turned.filter(pl.col("candidate") == "x")
    assert "head_to_head" not in {w["code"] for w in analyze(one)["warnings"]}
