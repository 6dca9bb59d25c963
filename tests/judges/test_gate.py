"""The gate: what promotes, what holds, what refuses, and that no panel without judgement gets through."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire._common.errors import InputError
from venire.judges._gate_component import Component, outcome_of
from venire.judges.audit import Finding, audit
from venire.judges.counted import contests, counted_votes
from venire.judges.gate import Decision, GateInputs, Hashes, PostHoc, decide, plan_feasibility
from venire.judges.planning import outlook
from venire.judges.policy import GatePolicy, NonInferiority, SuitePolicy, Threshold, parse_policy
from venire.judges.statistics.power import power_at
from venire.judges.stopping import look, look_at
from venire.judges.votes import mirrored

from .panels import INCUMBENT, JUDGES, always_first, coins, simulate, with_lengths

CANDIDATE = "step-1/plain"
POLICY = GatePolicy()


def inputs(votes: pl.DataFrame, **changes: Any) -> GateInputs:
    base = GateInputs(votes=votes, policy=POLICY, candidates=(CANDIDATE,), incumbent=INCUMBENT)
    return replace(base, **changes)


def component(decision: Decision, name: str):
    return next(part for part in decision.components if part.name == name)


def names(decision: Decision, passed: bool | None) -> set[str]:
    return {part.name for part in decision.components if part.passed is passed}


def results(
    suite: str, metric: str, own: Sequence[float | None], other: Sequence[float | None], family: int = 1
) -> pl.DataFrame:
    rows = [
        {"suite": f"venire/{suite}", "contender": who, "sample_id": f"s{i}", "epoch": 1, "metric": metric}
        | {"value": value, "family": f"f{i // family}"}
        for who, values in ((CANDIDATE, own), (INCUMBENT, other))
        for i, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema_overrides={"value": pl.Float64})


def suite(name: str, **asked: Any) -> GatePolicy:
    return GatePolicy(suites={name: SuitePolicy(**asked)})


GOOD = with_lengths(simulate(100, 0.7, seed=1))
EXAMS = dict.fromkeys(GOOD["judge"].unique().sort().to_list(), True)


# Promote


def test_a_good_candidate_is_promoted():
    decision = decide(inputs(GOOD))
    assert decision.outcome == "PROMOTE", [c for c in decision.components if not c.passed]
    assert names(decision, True) == {
        *("superiority", "leave_one_judge_out", "agreement", "coverage", "invalid_against_candidate"),
        *("length", "panel_size"),
    }
    assert decision.win_rate and decision.win_rate["n"] == 100


def test_the_decision_file_has_its_keys_and_is_plain_json():
    hashes = Hashes("l", "m", "v", {CANDIDATE: "c"})
    found = decide(
        inputs(GOOD, hashes=hashes, integrity=[], leaks=[], audit=[], exams=EXAMS, conflicts={}, post_hoc=PostHoc())
    )
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {"outcome", "candidate", "incumbent", "components", "lock_sha256", "manifest_sha256"} <= set(data)
    assert (data["votes_sha256"], data["candidate_sha256"]) == ("v", "c") and data["venire_version"]
    wanted = {"name", "passed", "observed", "required", "detail", "outcome_if_failed"}
    assert all(set(part) == wanted for part in data["components"])
    assert data["not_examined"] == [] and data["post_hoc"] is None


def test_what_nobody_said_is_listed():
    assert "leaks between training and evaluation" in decide(inputs(GOOD)).not_examined
    without = GOOD.with_columns(len_candidate=None, len_incumbent=None)
    decision = decide(inputs(without))
    assert "length (no lengths are known)" in decision.not_examined and decision.outcome == "PROMOTE"


def test_a_judge_whose_exam_nobody_has_seen_is_named():
    unseen, *seen = EXAMS
    assert f"qualification of {unseen}" in decide(inputs(GOOD, exams=dict.fromkeys(seen, True))).not_examined
    assert "qualification of the judges" in decide(inputs(GOOD, exams={})).not_examined


def test_a_second_judge_on_a_few_prompts_makes_no_panel():
    one, two, *_ = EXAMS
    few = GOOD["prompt_id"].unique().sort()[:14].to_list()
    votes = GOOD.filter((pl.col("judge") == one) | ((pl.col("judge") == two) & pl.col("prompt_id").is_in(few)))
    decision = decide(inputs(votes))
    assert decision.outcome == "HOLD"
    assert f"without {one} only 14 prompts are judged" in component(decision, "leave_one_judge_out").detail
    assert "14 prompts have two judges" in component(decision, "agreement").detail


def test_a_budget_that_ended_does_not_choose_the_panel():
    """A judge that was to be asked and was not is a missed requirement; one that failed its exam is not waited for."""
    last, sealed = [*EXAMS][-1], {(CANDIDATE, prompt, 0) for prompt in GOOD["prompt_id"].unique()}
    whole = inputs(GOOD, panel=tuple(EXAMS), sealed=sealed, exams=EXAMS)
    assert decide(whole).outcome == "PROMOTE" and component(decide(whole), "judging_finished").passed
    unasked = decide(replace(whole, votes=GOOD.filter(pl.col("judge") != last)))
    part = component(unasked, "judging_finished")
    assert (unasked.outcome, part.passed, part.observed) == ("HOLD", False, 100)
    assert f"{last} was not asked about 100 pairs of 100" in part.detail
    half = (pl.col("judge") == last) & pl.col("candidate_first") & (pl.col("prompt_id") == GOOD["prompt_id"][0])
    assert component(decide(replace(whole, votes=GOOD.filter(~half))), "judging_finished").observed == 1
    failed = replace(whole, votes=GOOD.filter(pl.col("judge") != last), exams=EXAMS | {last: False})
    assert decide(failed).outcome == "PROMOTE"


def test_where_every_judge_is_withdrawn_the_decision_says_so():
    decision = decide(inputs(GOOD.with_columns(verdict=pl.lit("invalid"), reason=pl.lit("error"))))
    assert decision.outcome != "PROMOTE" and set(decision.withdrawn) == set(EXAMS)
    assert "100% of its votes are invalid" in component(decision, "superiority").detail


# Panels without judgement


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(15, 120), ties=st.sampled_from([0.0, 0.3, 0.6]))
def test_coins_do_not_pass_agreement(seed: int, n: int, ties: float):
    decision = decide(inputs(coins(simulate(n, 0.0, seed), seed, ties)))
    assert decision.outcome != "PROMOTE"
    assert component(decision, "agreement").passed is not True


@settings(max_examples=10, deadline=None)
@given(n=st.integers(15, 120), judges=st.integers(2, 4))
def test_always_the_first_does_not_pass_agreement(n: int, judges: int):
    decision = decide(inputs(always_first(simulate(n, 1.0, judges=JUDGES[:judges]))))
    assert component(decision, "agreement").passed is None  # every verdict is a tie over both orders
    assert decision.win_rate and decision.win_rate["estimate"] == 0.5
    assert decision.outcome == "HOLD"


def test_agreement_must_be_shown_not_seen():
    """Two coins agree by more than .20 now and then, but hardly ever so that a bound says so."""
    parts = []
    for seed in range(40):
        tossed = coins(simulate(24, 0.6, seed, judges=JUDGES[:2]), seed)
        parts.append(component(decide(inputs(tossed)), "agreement"))
    seen = [float(part.detail.split("A_flip ")[1].split()[0]) for part in parts]
    assert max(seen) > 0.25  # by luck
    assert all(part.observed < estimate for part, estimate in zip(parts, seen, strict=True))
    assert sum(part.passed is True for part in parts) <= 2 < sum(estimate >= 0.20 for estimate in seen)


def test_what_is_undefined_never_refuses():
    assert outcome_of([Component("x", None, None, 0, "", "REFUSE")]) == "HOLD"
    assert outcome_of([Component("x", False, 1, 0, "", "REFUSE")]) == "REFUSE"
    assert outcome_of([Component("x", False, 1, 0, "", "HOLD"), Component("y", True, 1, 0, "")]) == "HOLD"
    assert outcome_of([Component("x", True, 1, 0, "", "REFUSE")]) == "PROMOTE"


def test_no_difference_is_held():
    outcomes = [decide(inputs(simulate(57, 0.0, seed))).outcome for seed in range(40)]
    assert outcomes.count("PROMOTE") <= 3 and set(outcomes) <= {"HOLD", "PROMOTE"}


def test_one_corrupted_judge_does_not_carry_it():
    votes = simulate(100, 0.0, seed=5)
    bought = votes.with_columns(
        verdict=pl.when(pl.col("judge") == JUDGES[3]).then(pl.lit("candidate")).otherwise("verdict")
    )
    decision = decide(inputs(bought))
    assert decision.outcome == "HOLD"
    assert component(decision, "leave_one_judge_out").passed is False
    assert JUDGES[3] in component(decision, "leave_one_judge_out").detail


# Symmetry


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-0.8, 0.8), n=st.integers(15, 60))
def test_relabelling_mirrors_the_decision(seed: int, shift: float, n: int):
    votes = with_lengths(simulate(n, shift, seed))
    one = decide(inputs(votes))
    other = decide(inputs(mirrored(votes), candidates=(INCUMBENT,), incumbent=CANDIDATE))
    assert one.win_rate and other.win_rate
    assert other.win_rate["estimate"] == pytest.approx(1 - one.win_rate["estimate"], abs=1e-12)
    assert other.win_rate["low"] == pytest.approx(1 - one.win_rate["high"], abs=1e-9)
    for name in ("agreement", "coverage", "panel_size"):
        assert component(one, name).observed == pytest.approx(component(other, name).observed, abs=1e-9)
        assert component(one, name).passed == component(other, name).passed
    assert component(other, "length").observed == pytest.approx(1 - component(one, "length").observed, abs=1e-9)
    assert not (one.outcome == "PROMOTE" and other.outcome == "PROMOTE")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_changes_nothing(seed: int):
    assert (
        decide(inputs(GOOD.sample(fraction=1.0, shuffle=True, seed=seed))).to_dict() == decide(inputs(GOOD)).to_dict()
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, 10**6))
def test_turning_a_vote_invalid(seed: int, row: int):
    votes = simulate(20, 0.3, seed)
    row %= votes.height
    index = pl.int_range(pl.len()) == row
    invalid = votes.with_columns(verdict=pl.when(index).then(pl.lit("invalid")).otherwise("verdict"))
    before, after = (contests(counted_votes(v, POLICY).votes, INCUMBENT)[CANDIDATE] for v in (votes, invalid))
    assert np.nanmean(after.against) <= np.nanmean(before.against) + 1e-12
    if votes["verdict"][row] == "incumbent":
        assert np.nanmean(after.against) == pytest.approx(np.nanmean(before.against), abs=1e-12)
    assert after.coverage < before.coverage


# Refuse


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"integrity": ["votes.parquet is not what was recorded"]}, "integrity"),
        ({"leaks": ["row 3 of train.jsonl stands in forgetting/s1"]}, "leaks"),
        ({"audit": [Finding("winner_mismatch", "error", [1], "wrong", "x")]}, "audit"),
    ],
)
def test_a_broken_premise_refuses(changes: dict[str, Any], name: str):
    decision = decide(inputs(GOOD, **changes))
    assert decision.outcome == "REFUSE" and names(decision, False) == {name}


def test_refuse_outranks_hold_and_warnings_do_not_refuse():
    weak = simulate(20, 0.0, seed=3)
    assert decide(inputs(weak, leaks=["x"])).outcome == "REFUSE"


def test_what_the_audit_found_stands_in_the_decision():
    found = [
        Finding("longer_wins", "warning", [1, 5], "the longer answer wins 60 of 80", "at equal length .51"),
        Finding("missing_votes", "note", [2], "two gaps", "none"),
    ]
    decision = decide(inputs(GOOD, audit=found))
    assert decision.outcome == "PROMOTE"
    detail = component(decision, "audit").detail
    assert (
        detail == "no error. 1 warning: longer_wins (the longer answer wins 60 of 80). 1 note: missing_votes (two gaps)"
    )
    assert decision.to_dict()["audit"][0] == {
        "code": "longer_wins",
        "severity": "warning",
        "rows": 2,
        "message": "the longer answer wins 60 of 80",
        "effect": "at equal length .51",
    }
    assert component(decide(inputs(GOOD, audit=[])), "audit").detail == "no error"
    assert decide(inputs(GOOD)).to_dict()["audit"] is None
    two = [Finding("fixed_labels", "error", [1], "labels", "x"), Finding("single_order", "error", [1], "order", "y")]
    broken = decide(inputs(GOOD, audit=two))
    assert component(broken, "audit").detail == "2 errors: fixed_labels (labels); single_order (order)"
    assert component(broken, "audit").observed == 2 and broken.outcome == "REFUSE"


def invalid_share(votes: pl.DataFrame, share: float, judge: str | None = None) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    hit = pl.Series(rng.random(votes.height) < share)
    mine = votes["judge"] == judge if judge else pl.Series([True] * votes.height)
    return votes.with_columns(
        verdict=pl.when(hit & mine).then(pl.lit("invalid")).otherwise("verdict"),
        reason=pl.when(hit & mine).then(pl.lit("parse")),
    )


def test_low_coverage_refuses_and_a_judge_that_fails_often_is_withdrawn():
    decision = decide(inputs(invalid_share(GOOD, 0.15)))
    assert decision.outcome == "REFUSE" and component(decision, "coverage").passed is False
    decision = decide(inputs(invalid_share(GOOD, 0.5, JUDGES[0])))
    assert decision.withdrawn.keys() == {JUDGES[0]} and JUDGES[0] not in decision.counted
    assert component(decision, "coverage").observed == 1.0 and decision.outcome == "PROMOTE"
    two = GOOD.filter(pl.col("judge").is_in(JUDGES[:2]))
    decision = decide(inputs(invalid_share(two, 0.5, JUDGES[0])))
    assert decision.outcome == "HOLD" and component(decision, "panel_size").passed is False
    assert component(decision, "leave_one_judge_out").passed is None


def test_invalid_votes_count_against_the_candidate():
    votes = with_lengths(simulate(60, 0.36, seed=5))
    assert component(decide(inputs(votes)), "superiority").passed
    decision = decide(inputs(invalid_share(votes, 0.08)))
    parts = {name: component(decision, name) for name in ("superiority", "invalid_against_candidate")}
    assert parts["invalid_against_candidate"].observed < parts["superiority"].observed
    assert decision.outcome == "HOLD" and parts["invalid_against_candidate"].passed is False


# Hold


@pytest.mark.parametrize("n, judges, name", [(14, 4, "superiority"), (60, 1, "panel_size"), (60, 1, "agreement")])
def test_too_little_to_decide_is_held(n: int, judges: int, name: str):
    decision = decide(inputs(simulate(n, 1.5, judges=JUDGES[:judges])))
    assert decision.outcome == "HOLD" and component(decision, name).passed is not True


def test_no_counted_votes():
    decision = decide(inputs(GOOD.with_columns(use=pl.lit("display"))))
    assert decision.outcome == "HOLD" and decision.win_rate is None
    assert "no vote" in component(decision, "superiority").detail


def test_exams_and_conflicts_take_votes_out():
    decision = decide(
        inputs(GOOD, exams={JUDGES[0]: False, JUDGES[1]: True}, conflicts={(CANDIDATE, JUDGES[1]): "own family"})
    )
    assert decision.counted == tuple(sorted(JUDGES[2:]))
    assert component(decision, "conflict_of_interest").passed
    detail = component(decision, "panel_size").detail
    assert "failed its exam" in detail and "own family" in detail


def test_a_win_by_length_is_held():
    rng = np.random.default_rng(2)
    votes = simulate(120, 0.0, seed=2)
    score = votes.group_by("prompt_id").agg(s=(pl.col("verdict") == "candidate").mean())
    longer = {p: 1.6 + rng.normal() * 0.1 if s > 0.5 or rng.random() < 0.4 else 0.8 for p, s in score.iter_rows()}
    ratio = pl.col("prompt_id").replace_strict(longer, return_dtype=pl.Float64)
    votes = votes.with_columns(len_incumbent=pl.lit(200), len_candidate=(ratio * 200).cast(pl.Int64))
    decision = decide(inputs(votes))
    assert component(decision, "length").passed is False and component(decision, "length").observed < 0.5
    far = decide(inputs(GOOD.with_columns(len_candidate=pl.lit(900), len_incumbent=pl.lit(100))))
    assert component(far, "length").passed is None and far.outcome == "HOLD"
    free = replace(
        inputs(GOOD.with_columns(len_candidate=pl.lit(900), len_incumbent=pl.lit(100))), policy=GatePolicy(length=False)
    )
    assert decide(free).outcome == "PROMOTE"


# Suites


@pytest.mark.parametrize(
    "losses, outcome, passed",
    [(4, "PROMOTE", True), (5, "HOLD", False), (15, "HOLD", False), (30, "REFUSE", False)],
)
def test_non_inferiority(losses: int, outcome: str, passed: bool):
    """With 200 items and δ = .05, 4 losses without gains pass and 5 do not (docs/statistics.md, "Suites")."""
    own = [0.0] * losses + [1.0] * (200 - losses)
    policy = suite("forgetting", non_inferiority=NonInferiority(delta=0.05))
    decision = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", own, [1.0] * 200)))
    part = component(decision, "non_inferiority:forgetting")
    assert (decision.outcome, part.passed) == (outcome, passed)
    assert part.required == -0.05 and part.outcome_if_failed == ("REFUSE" if outcome == "REFUSE" else "HOLD")


@pytest.mark.parametrize(
    "own, other, said",
    [
        ([1.0] * 57, [1.0] * 57, "excluded"),
        ([], [1.0] * 57, "no results of step-1/plain"),
        ([0.5] * 57, [1.0] * 57, "values between"),
        ([None] * 20 + [1.0] * 37, [1.0] * 57, "20 of 57 items lack a score"),
    ],
)
def test_suites_that_say_nothing_are_held(own: list, other: list, said: str):
    policy = suite("forgetting", non_inferiority=NonInferiority(delta=0.02))
    decision = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", own, other)))
    assert decision.outcome == "HOLD" and said in component(decision, "non_inferiority:forgetting").detail


@pytest.mark.parametrize("lacking, passed", [(4, True), (5, False)])
def test_items_without_a_score_must_not_be_what_passes_non_inferiority(lacking: int, passed: bool):
    """With 200 items and δ = .05, 4 losses pass and 5 do not: so many answers may be missing, too."""
    own = [None] * lacking + [1.0] * (200 - lacking)
    policy = suite("forgetting", non_inferiority=NonInferiority(delta=0.05))
    decision = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", own, [1.0] * 200)))
    part = component(decision, "non_inferiority:forgetting")
    assert part.passed is passed and decision.outcome == ("PROMOTE" if passed else "HOLD")
    assert f"{lacking} of 200 items lack a score: with all of them against the candidate" in part.detail


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("lacking, passed", [(2, True), (3, False)])
def test_items_without_a_score_must_not_be_what_passes_a_threshold(lacking: int, passed: bool, whole: bool):
    """Two hits of 200 are there, and at most 4 certify 5%. `whole`: the missing items have rows without a value."""
    own = [1.0, 1.0, *[0.0] * (198 - lacking), *([None] * lacking if whole else [])]
    policy = suite("stance", thresholds={"rate": Threshold(at_most=0.05)})
    found = decide(inputs(GOOD, policy=policy, suites=results("stance", "rate", own, [0.0] * 200)))
    part = component(found, "threshold:stance.rate")
    assert part.passed is passed and f"{lacking} of 200 items lack a score" in part.detail
    assert part.outcome_if_failed == "HOLD"
    assert part.bound is not None and (part.bound <= 0.05) is passed, "of what it rests on: with the missing items"


def test_a_zero_failure_suite_with_a_missing_answer_is_not_passed():
    policy = suite("stance", thresholds={"right": Threshold(at_least=1)})
    found = decide(inputs(GOOD, policy=policy, suites=results("stance", "right", [None] + [1.0] * 58, [1.0] * 59)))
    part = component(found, "threshold:stance.right")
    assert part.passed is False and found.outcome == "HOLD" and "1 of 59 items lack a score" in part.detail


def test_a_metric_that_the_suite_does_not_give_is_named_beside_those_that_it_gives():
    own = results("stance", "rate", [1.0] * 60, [1.0] * 60)
    policy = suite(
        "stance", metric="rat", non_inferiority=NonInferiority(delta=0.1), thresholds={"rte": Threshold(at_least=1)}
    )
    decision = decide(inputs(GOOD, policy=policy, suites=own))
    for name, wrong in (("non_inferiority:stance", "rat"), ("threshold:stance.rte", "rte")):
        assert f"hold no metric '{wrong}'; they hold rate" in component(decision, name).detail


def test_votes_without_suites_leave_what_the_policy_asks_of_them_undefined():
    policy = GatePolicy(
        suites={
            "f": SuitePolicy(non_inferiority=NonInferiority(delta=0.05)),
            "s": SuitePolicy(thresholds={"m": Threshold(at_most=0.05), "z": Threshold(at_least=1.0)}),
        }
    )
    decision = decide(inputs(GOOD, policy=policy))
    assert decision.outcome == "HOLD" and "suites" in decision.not_examined
    assert names(decision, None) == {"non_inferiority:f", "threshold:s.m", "threshold:s.z"}


def test_a_margin_that_no_result_could_show_is_said():
    policy = suite("forgetting", non_inferiority=NonInferiority(delta=0.05))
    decision = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", [1.0] * 50, [1.0] * 50)))
    assert "whatever the model does" in component(decision, "non_inferiority:forgetting").detail


def test_families_of_paraphrases_lower_what_a_suite_shows():
    own = ([0.0] * 4 + [1.0] * 196) * 1
    policy = suite("forgetting", non_inferiority=NonInferiority(delta=0.05))
    plain = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", own, [1.0] * 200)))
    families = decide(inputs(GOOD, policy=policy, suites=results("forgetting", "correct", own, [1.0] * 200, family=4)))
    assert plain.outcome == "PROMOTE" and families.outcome == "HOLD"
    assert "design effect" in component(families, "non_inferiority:forgetting").detail


@pytest.mark.parametrize(
    "hits, n, asked, outcome, said",
    [
        (4, 200, {"at_most": 0.05}, "PROMOTE", "certified"),
        (5, 200, {"at_most": 0.05}, "HOLD", "inconclusive"),
        (20, 200, {"at_most": 0.05}, "REFUSE", "violated"),
        (72, 200, {"at_least": 0.30}, "PROMOTE", "certified"),
        (71, 200, {"at_least": 0.30}, "HOLD", "inconclusive"),
        (2, 57, {"at_most": 0.05}, "PROMOTE", "uncertified"),
        (3, 57, {"at_most": 0.05}, "HOLD", "uncertified"),
        (12, 57, {"at_most": 0.05}, "REFUSE", "violated"),
        (0, 57, {"at_most": 0.05, "mode": "certify"}, "HOLD", "no result of 57 items could certify it"),
        (59, 59, {"at_least": 1.0}, "PROMOTE", "certifies 95.0%"),
        (58, 59, {"at_least": 1.0}, "HOLD", "none allowed"),
        (40, 59, {"at_least": 1.0}, "REFUSE", "violated"),
    ],
)
def test_thresholds(hits: int, n: int, asked: dict[str, Any], outcome: str, said: str):
    policy = suite("stance", thresholds={"rate": Threshold(**asked)})
    own = [1.0] * hits + [0.0] * (n - hits)
    decision = decide(inputs(GOOD, policy=policy, suites=results("stance", "rate", own, own)))
    part = component(decision, "threshold:stance.rate")
    assert decision.outcome == outcome and said in part.detail, part
    if part.bound is not None:  # a certificate is asked for: the bound keeps to the limit just where it passes
        assert (part.bound <= part.required if "at_most" in asked else part.bound >= part.required) is part.passed
    certified = "at_least" not in asked or asked["at_least"] < 1
    assert (part.bound is not None) is (certified and (n >= 200 or asked.get("mode") == "certify"))
    assert ("bound" in part.to_dict()) is (part.bound is not None)


def test_a_thresholds_mode_goes_by_items_not_by_what_families_leave_of_them():
    """240 items in families of two are fewer than 200 to the exact test; the certificate is asked for all the same."""
    own = [1.0] * 6 + [0.0] * 234
    policy = suite("stance", thresholds={"rate": Threshold(at_most=0.05)})
    alone = decide(inputs(GOOD, policy=policy, suites=results("stance", "rate", own, own)))
    assert component(alone, "threshold:stance.rate").passed
    pairs = results("stance", "rate", own, own, family=2)
    part = component(decide(inputs(GOOD, policy=policy, suites=pairs)), "threshold:stance.rate")
    assert "counted as" in part.detail and "uncertified" not in part.detail
    assert part.passed is False and part.outcome_if_failed == "HOLD"


def asked_again(scores: pl.DataFrame, epochs: int) -> pl.DataFrame:
    return pl.concat([scores.with_columns(epoch=pl.lit(epoch, pl.Int64)) for epoch in range(1, epochs + 1)])


def test_an_item_asked_again_is_no_further_item():
    policy = suite("stance", thresholds={"rate": Threshold(at_least=1.0)})
    named = "threshold:stance.rate"
    six = asked_again(results("stance", "rate", [1.0] * 6, [1.0] * 6), 10)
    part = component(decide(inputs(GOOD, policy=policy, suites=six)), named)
    assert part.passed and "0 failures in 6 items (60 answers), none allowed: certifies 60.7%" in part.detail
    full = component(
        decide(inputs(GOOD, policy=policy, suites=asked_again(results("stance", "rate", [1.0] * 59, []), 2))), named
    )
    assert "0 failures in 59 items (118 answers), none allowed: certifies 95.0%" in full.detail
    one = results("stance", "rate", [0.0] + [1.0] * 5, [])
    missed = decide(inputs(GOOD, policy=policy, suites=asked_again(one, 10)))
    assert component(missed, named).passed is False and missed.outcome == "HOLD"  # 1 of 6, not 10 of 60
    point = suite("stance", thresholds={"rate": Threshold(at_most=0.05)})
    few = asked_again(results("stance", "rate", [1.0] + [0.0] * 56, []), 4)
    assert "uncertified" in component(decide(inputs(GOOD, policy=point, suites=few)), named).detail


# One of several


def several(k: int, n: int, shifts: list[float], seed: int = 0) -> tuple[pl.DataFrame, tuple[str, ...]]:
    steps = tuple(f"step-{i}/plain" for i in range(k))
    return pl.concat(
        [simulate(n, s, seed + i, candidate=c) for i, (c, s) in enumerate(zip(steps, shifts, strict=True))]
    ), steps


def test_below_150_prompts_the_best_is_judged_by_max_t():
    votes, steps = several(5, 60, [0.0, 0.1, 1.0, 0.2, 0.0])
    decision = decide(inputs(votes, candidates=steps))
    assert (decision.design, decision.candidate, decision.outcome) == ("max_t", "step-2/plain", "PROMOTE")
    rate, bound = decision.win_rate, component(decision, "superiority").observed
    assert rate and rate["simultaneous_low"] == bound < rate["low"], "the best's own bound was raised by the choice"
    assert "best of 5 candidates" in component(decision, "superiority").detail
    single = decide(inputs(votes, candidates=("step-2/plain",)))
    assert component(decision, "superiority").observed < component(single, "superiority").observed


def test_a_loser_that_always_answers_the_same_refuses_nobody_else():
    votes, steps = several(3, 60, [0.0, 1.0, -2.0])
    own = {"sha_incumbent": "i" + pl.col("prompt_id"), "sha_candidate": pl.col("candidate") + pl.col("prompt_id")}
    votes = votes.with_columns(**own)
    same = pl.lit("always this")

    def decided(name: str, side: str = "candidate") -> Decision:
        shas = pl.when(pl.col(side) == name).then(same).otherwise(f"sha_{side}").alias(f"sha_{side}")
        degenerate = votes.with_columns(shas)
        return decide(inputs(degenerate, candidates=steps, audit=audit(degenerate)))

    loser, winner, base = decided("step-2/plain"), decided("step-1/plain"), decided(INCUMBENT, "incumbent")
    assert (loser.candidate, loser.outcome) == ("step-1/plain", "PROMOTE")
    assert loser.audit and [(f.code, f.severity) for f in loser.audit if f.code == "constant_output"] == [
        ("constant_output", "warning")
    ]
    assert "step-2/plain gives one and the same answer to 60 of 60 prompts" in component(loser, "audit").detail
    for refused in (winner, base):
        assert refused.outcome == "REFUSE" and "1 error: constant_output" in component(refused, "audit").detail
    wrong = Finding("winner_mismatch", "error", [1], "wrong", "x", ("step-2/plain",))
    assert decide(inputs(votes, candidates=steps, audit=[wrong])).outcome == "REFUSE"


def test_twenty_candidates_that_are_no_better_are_seldom_promoted():
    promoted = 0
    for seed in range(10):
        votes, steps = several(20, 40, [0.0] * 20, 1000 * seed)
        promoted += decide(inputs(votes, candidates=steps)).outcome == "PROMOTE"
    assert promoted <= 1


def test_from_150_prompts_on_a_third_screens_and_the_rest_decides():
    votes, steps = several(4, 150, [0.0, 0.3, 0.9, 0.2])
    decision = decide(inputs(votes, candidates=steps))
    assert (decision.design, decision.candidate, decision.outcome) == ("halving", "step-2/plain", "PROMOTE")
    assert decision.win_rate and decision.win_rate["n"] == 100
    given_finalist = decide(inputs(votes, candidates=steps, finalist="step-1/plain"))
    assert given_finalist.candidate == "step-1/plain"


def test_a_candidate_without_votes_does_not_disturb_the_others():
    votes, steps = several(3, 60, [0.0, 1.0, 0.0])
    decision = decide(inputs(votes.filter(pl.col("candidate") != "step-0/plain"), candidates=steps))
    assert decision.candidate == "step-1/plain" and decision.outcome == "PROMOTE"


@pytest.mark.parametrize("also", [0, 1])
def test_another_candidate_with_one_judge_does_not_undo_leave_one_out(also: int):
    votes, steps = several(2, 60, [1.0, 0.0])
    more = pl.col("prompt_id").is_in([f"p{i:04}" for i in range(also)])
    lonely = (pl.col("candidate") == steps[0]) | (pl.col("judge") == JUDGES[0]) | more
    part = component(decide(inputs(votes.filter(lonely), candidates=steps)), "leave_one_judge_out")
    assert part.passed and part.observed > 0.5


def test_who_was_hardly_judged_cannot_be_the_best():
    votes, steps = several(3, 60, [0.0, 1.0, 3.0])
    few = votes.filter((pl.col("candidate") != "step-2/plain") | (pl.col("prompt_id") < "p0005"))
    decision = decide(inputs(few, candidates=steps))
    assert decision.candidate == "step-1/plain" and decision.outcome == "PROMOTE"
    assert "hardly judged, so not among them: step-2/plain" in component(decision, "superiority").detail
    nobody = decide(inputs(votes.filter(pl.col("prompt_id") < "p0005"), candidates=steps))
    assert nobody.outcome == "HOLD" and "inconclusive" in component(nobody, "superiority").detail


# Stopping, reuse, post hoc


def test_a_strong_candidate_stops_early_and_not_before_thirty_prompts():
    votes = with_lengths(simulate(94, 1.6, seed=4))
    order = votes["prompt_id"].unique().sort().to_list()
    assert look(votes.filter(pl.col("prompt_id").is_in(order[:29])), CANDIDATE, order[:29], 1, POLICY).stop is False
    stop = look(votes, CANDIDATE, order, 1, POLICY)
    assert stop.stop and 30 <= stop.prompts < 60 and stop.low > 0.5
    decision = decide(inputs(votes, order=order))
    assert decision.outcome == "PROMOTE" and "shown early" in component(decision, "superiority").detail
    assert decision.win_rate and decision.win_rate["low"] == stop.low
    assert component(decision, "leave_one_judge_out").passed
    judged = votes.filter(pl.col("prompt_id").is_in(order[: stop.prompts]))
    same = decide(inputs(judged, order=order))  # what comes after the stop changes nothing
    assert same.win_rate == decision.win_rate and decision.win_rate["n"] == stop.prompts
    assert component(same, "agreement") == component(decision, "agreement")


def test_coverage_is_that_of_the_votes_at_the_stop():
    votes = with_lengths(simulate(94, 1.6, seed=4))
    order = votes["prompt_id"].unique().sort().to_list()
    stop = look(votes, CANDIDATE, order, 1, POLICY)
    late = pl.col("prompt_id").is_in(order[stop.prompts :]) & (pl.col("prompt_id").rank("dense") % 4 == 0)
    failed = votes.with_columns(verdict=pl.when(late).then(pl.lit("invalid")).otherwise("verdict"))
    decision = decide(inputs(failed, order=order))
    assert component(decision, "coverage").observed == 1.0 and "(0 are not)" in component(decision, "coverage").detail
    assert "with 0 invalid votes" in component(decision, "invalid_against_candidate").detail
    early = pl.col("prompt_id").is_in(order[:4])
    failed = votes.with_columns(verdict=pl.when(early).then(pl.lit("invalid")).otherwise("verdict"))
    again = look(failed, CANDIDATE, order, 1, POLICY)
    share = component(decide(inputs(failed, order=order)), "coverage").observed
    assert again.stop and share == pytest.approx(1 - 4 / again.prompts)
    elsewhere = decide(inputs(votes, order=["another"]))
    assert elsewhere.outcome == "HOLD" and component(elsewhere, "coverage").passed is None
    json.dumps(elsewhere.to_dict(), allow_nan=False)


def test_without_a_stop_the_final_bound_uses_what_is_left_of_alpha():
    votes = simulate(60, 0.35, seed=9)
    order = votes["prompt_id"].unique().sort().to_list()
    with_looks, without = decide(inputs(votes, order=order)), decide(inputs(votes))
    assert "one-sided 0.02, of 0.025" in component(with_looks, "superiority").detail
    assert component(with_looks, "superiority").observed < component(without, "superiority").observed
    off = decide(inputs(votes, order=order, policy=GatePolicy(stopping=False)))
    assert component(off, "superiority").observed == component(without, "superiority").observed


def test_invalid_votes_that_might_be_losses_keep_judging_from_stopping():
    votes = with_lengths(simulate(94, 0.9, seed=4))
    order = votes["prompt_id"].unique().sort().to_list()
    early = look(votes, CANDIDATE, order, 1, POLICY)
    hidden = invalid_share(votes, 0.15)
    late = look(hidden, CANDIDATE, order, 1, POLICY)
    assert early.stop and (not late.stop or late.prompts > early.prompts)
    seen = look_at(contests(counted_votes(hidden, POLICY).votes, INCUMBENT)[CANDIDATE].take(order), 1, POLICY, 0.025)
    assert seen.stopped == late.stop
    if seen.stopped:  # then the bound that counts them as losses has passed, too
        decision = decide(inputs(hidden.filter(pl.col("prompt_id").is_in(order[: late.prompts])), order=order))
        assert component(decision, "invalid_against_candidate").passed


def test_one_judge_never_stops():
    votes = simulate(94, 2.0, judges=JUDGES[:1])
    order = votes["prompt_id"].unique().sort().to_list()
    assert look(votes, CANDIDATE, order, 1, POLICY).stop is False


def test_a_confirm_set_that_is_used_again():
    again = decide(inputs(GOOD, earlier_uses=1, post_hoc=PostHoc()))
    assert again.outcome == "HOLD" and "used once before" in component(again, "post_hoc").detail
    admitted = decide(inputs(GOOD, earlier_uses=1, post_hoc=PostHoc(reason="a bug in the first run")))
    assert admitted.outcome == "PROMOTE" and "a bug in the first run" in component(admitted, "post_hoc").detail
    spend = GatePolicy(reuse="spend")
    assert [decide(inputs(GOOD, policy=spend, earlier_uses=t)).alpha for t in (0, 1)] == [0.0125, 0.025 / 6]


def test_post_hoc_needs_a_reason():
    changed = decide(inputs(GOOD, post_hoc=PostHoc(("gate",))))
    assert changed.outcome == "HOLD" and changed.to_dict()["post_hoc"] == {"changed": ["gate"], "reason": None}
    assert decide(inputs(GOOD, post_hoc=PostHoc(("gate",), "why"))).outcome == "PROMOTE"
    assert decide(inputs(GOOD, post_hoc=PostHoc())).outcome == "PROMOTE"


# Before anything is trained


@pytest.mark.parametrize(
    "policy, prompts, judges, sizes, component_name, said",
    [
        (POLICY, 14, 3, {}, "superiority", "below 15"),
        (POLICY, 57, 1, {}, "panel_size", "needs 2"),
        (suite("f", non_inferiority={"delta": 0.05}), 57, 3, {"f": 51}, "non_inferiority:f", "it takes 52"),
        (
            suite("s", thresholds={"m": {"at_most": 0.05, "mode": "certify"}}),
            57,
            3,
            {"s": 57},
            "threshold:s.m",
            "it takes 59",
        ),
        (suite("s", thresholds={"m": {"at_least": 0.3}}), 57, 3, {}, "s", "does not run"),
    ],
)
def test_what_cannot_pass_is_said_before_training(
    policy: GatePolicy, prompts: int, judges: int, sizes: dict[str, int], component_name: str, said: str
):
    found = [f for f in plan_feasibility(policy, prompts, judges, sizes) if f.component == component_name]
    assert [f.severity for f in found] == ["error"] and said in found[0].message


def test_a_screen_leaves_fewer_prompts_to_decide():
    policy = GatePolicy(halving_from=15)
    (found,) = plan_feasibility(policy, 20, 3, {}, n_candidates=4)
    assert found.severity == "error" and found.message.startswith("14 deciding prompts")
    assert plan_feasibility(policy, 20, 3, {}, n_candidates=1) == []


def test_an_earlier_use_of_the_prompts_is_said():
    (once,) = plan_feasibility(GatePolicy(), 57, 3, {}, earlier_uses=1)
    assert (once.component, once.severity) == ("post_hoc", "warning")
    assert "have decided one run already" in once.message and "`reuse: spend`" in once.message
    (spent,) = plan_feasibility(GatePolicy(reuse="spend"), 57, 3, {}, earlier_uses=2)
    assert (spent.component, spent.severity) == ("superiority", "note")
    assert "2 runs" in spent.message and "level 0.0021" in spent.message


def test_what_is_possible_is_no_error():
    policy = GatePolicy(
        suites={
            "f": SuitePolicy(non_inferiority=NonInferiority(delta=0.05)),
            "s": SuitePolicy(thresholds={"m": Threshold(at_most=0.05), "z": Threshold(at_least=1.0)}),
        }
    )
    assert not any(f.severity == "error" for f in plan_feasibility(policy, 57, 3, {"f": 200, "s": 200}))
    assert all(f.severity == "note" for f in plan_feasibility(policy, 57, 3, {"f": 200, "s": 59}))
    weak = plan_feasibility(policy, 57, 3, {"f": 57, "s": 59})
    assert [f.severity for f in weak if f.component == "non_inferiority:f"] == ["warning"]
    tiny = [f.component for f in plan_feasibility(GatePolicy(alpha=5e-5), 20, 3, {}, n_candidates=4)]
    assert "superiority" in tiny


@pytest.mark.parametrize(
    "policy, prompts, candidates, deciding, alpha",
    [
        (GatePolicy(), 57, 1, 57, 0.020),  # a fifth of α goes to early looks
        (GatePolicy(stopping=False), 57, 1, 57, 0.025),
        (GatePolicy(), 57, 20, 57, 0.025 / 20),  # maxT: no looks; Bonferroni is a little stricter
        (GatePolicy(), 200, 20, 134, 0.020),  # a third screens
        (GatePolicy(reuse="spend"), 57, 1, 57, 0.010),
    ],
)
def test_the_outlook_is_that_of_the_prompts_and_the_level_that_decide(
    policy: GatePolicy, prompts: int, candidates: int, deciding: int, alpha: float
):
    seen = outlook(policy, prompts, 8, candidates, (0.6, 0.7))
    assert (seen.deciding, seen.alpha) == (deciding, pytest.approx(alpha))
    assert seen.power == pytest.approx([power_at(deciding, rate, 8, alpha=alpha) for rate in (0.6, 0.7)])
    assert all(n > 0 for n in seen.needed) and seen.needed[0] > seen.needed[1]


def test_spending_asks_for_more_prompts_and_so_does_a_screen():
    need = {
        name: outlook(policy, 57, 8, k, (0.6,)).needed[0]
        for name, policy, k in (
            ("plain", GatePolicy(), 1),
            ("spend", GatePolicy(reuse="spend"), 1),
            ("twenty", GatePolicy(), 20),
            ("no looks", GatePolicy(stopping=False), 1),
        )
    }
    assert need["no looks"] == 93 < need["plain"] < need["spend"]
    assert need["twenty"] == max(150, -(-3 * need["plain"] // 2))


# The policy


def test_a_policy_from_yaml():
    policy = parse_policy(
        {"gate": {"alpha": 0.01}, "suites": [{"task": "venire/f", "non_inferiority": {"delta": 0.1}}]}, "x"
    )
    assert policy.alpha == 0.01 and policy.suites["f"].non_inferiority == NonInferiority(delta=0.1)
    assert parse_policy(None, "x") == GatePolicy() and parse_policy({"agreement": 0.3}, "x").agreement == 0.3


def test_what_suites_ask_counts_below_gate_as_beside_it():
    asked = {"forgetting": {"non_inferiority": {"delta": 0.05}}}
    below = parse_policy({"gate": {"alpha": 0.01, "suites": asked}, "suites": [{"task": "venire/style"}]}, "x")
    assert below == parse_policy({"gate": {"alpha": 0.01}, "suites": asked}, "x")
    assert below.suites["forgetting"].non_inferiority == NonInferiority(delta=0.05)
    listed = [{"task": "venire/forgetting", **asked["forgetting"]}]
    assert parse_policy({"name": "x", "bases": ["b"], "suites": listed}, "x") == parse_policy({"suites": asked}, "x")


_RULE = {"non_inferiority": {"delta": 0.1}}


@pytest.mark.parametrize(
    "data, said",
    [
        ({"gate": {}, "agreement": 0.9}, "'agreement' stands beside `gate:`; write it below"),
        ({"gate": 5}, "gate: 5 is no mapping"),
        (
            {"gate": {"suites": {"f": _RULE}}, "suites": [{"task": "venire/f"} | _RULE]},
            "'f' has rules below `gate:` and",
        ),
        ({"gate": {}, "suites": [{"task": "a/f"} | _RULE, {"task": "b/f"} | _RULE]}, "two tasks named 'f' have rules"),
        ({"alfa": 1}, "unknown key 'alfa'"),
        ({"alpha": 2}, "alpha"),
        ({"suites": {"s": {"thresholds": {"m": {}}}}}, "exactly one of at_most, at_least"),
        ([1], "mapping"),
    ],
)
def test_policies_that_are_refused(data: Any, said: str):
    with pytest.raises(InputError, match=said):
        parse_policy(data, "policy.yaml")
