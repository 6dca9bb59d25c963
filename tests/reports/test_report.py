"""What the report says: the decision in words, every component, numbers that are those of decision and analysis."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire._common.files import read_json
from venire.judges.analysis import analyze
from venire.judges.statistics.tango import tango_interval
from venire.reports import build_report
from venire.reports.components import components
from venire.reports.files import read_run
from venire.reports.model import make_report
from venire.reports.numbers import decimal, duration, interval, percent, plain_json, points
from venire.reports.pairs import reading
from venire.reports.suites import changes
from venire.reports.words import agreement_sentence

RunMaker = Callable[..., Path]
OUTCOMES: dict[str, dict[str, Any]] = {
    "PROMOTE": {"strength": 1.6, "lost": 0.0, "prompts": 60},
    "HOLD": {"strength": 0.15, "seed": 3},
    "REFUSE": {"lost": 0.5},
}


def files_of(run: Path) -> tuple[str, str, dict[str, Any]]:
    html = build_report(run).read_text("utf-8")
    return html, (run / "report.md").read_text("utf-8"), read_json(run / "report.json")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_in_a_sentence(make_run: RunMaker, outcome: str) -> None:
    run = make_run(**OUTCOMES[outcome])
    decision = read_json(run / "decision.json")
    assert decision["outcome"] == outcome
    html, markdown, data = files_of(run)
    name = decision["candidate"].removesuffix("/plain")
    sentence = data["verdict"]["sentence"]
    assert name in sentence and "smollm2-135m" in sentence and sentence in html
    start = {"PROMOTE": "Promote", "HOLD": "Hold", "REFUSE": "Refuse"}[outcome]
    assert sentence.startswith(start) and markdown.startswith(f"## {outcome}: quickstart")
    rate = decision["win_rate"]
    assert f"{percent(rate['estimate'])} (95% interval {interval(rate['low'], rate['high'])}" in html
    failed = [c for c in decision["components"] if c["passed"] is not True]
    assert len(data["verdict"]["reasons"]) == len(failed)
    assert ("What stood in the way" in html) == bool(failed) == ("What would change it" in markdown)


def test_harm_is_told_from_a_broken_premise(make_run: RunMaker, tmp_path: Path) -> None:
    _, _, data = files_of(make_run(lost=0.5))
    assert "harm was shown" in data["verdict"]["sentence"]
    assert "It was shown that forgetting lost more" in data["verdict"]["why"]


def test_a_leak_is_a_broken_premise(make_run: RunMaker) -> None:
    html, _, data = files_of(make_run(leak=True))
    assert data["verdict"]["outcome"] == "REFUSE" and "a premise is broken" in data["verdict"]["sentence"]
    assert "stance.jsonl:17" in html


def test_post_hoc_is_said_on_the_first_screen(make_run: RunMaker) -> None:
    html, markdown, _ = files_of(make_run(changed=("panel",)))
    assert "Post hoc." in html and "what differs from the lock: panel" in html
    assert "**Post hoc**: what differs from the lock: panel" in markdown


def test_without_a_decision_the_page_says_so(make_run: RunMaker) -> None:
    run = make_run()
    (run / "decision.json").unlink()
    html, markdown, _ = files_of(run)
    assert "No decision yet" in html and markdown.startswith("## NO DECISION")


@pytest.mark.parametrize(
    "change, said",
    [
        ({}, "the policy asks for a bound of 0.20, so the panel passes."),
        (
            {"passed": False, "observed": 0.1},
            "the bound is 0.100; the policy asks for a bound of 0.20, so the panel does",
        ),
        (
            {"passed": None, "observed": None},
            "it is not defined; the policy asks for a bound of 0.20, so the panel does",
        ),
        ({"passed": True, "observed": 0.9}, "counts the bound is 0.900; the policy asks for a bound of 0.20, so the"),
        (None, "; the policy asks for a bound of 0.20. Together"),
    ],
)
def test_whether_the_judges_agree_enough_is_what_the_gate_says(
    make_run: RunMaker, change: dict | None, said: str
) -> None:
    run = make_run()
    decision = json.loads((run / "decision.json").read_text())
    rows = [row for row in decision["components"] if row["name"] != "agreement" or change is not None]
    decision["components"] = [row | (change or {}) if row["name"] == "agreement" else row for row in rows]
    (run / "decision.json").write_text(json.dumps(decision))
    assert said in agreement_sentence(read_run(run))


def test_advice_on_invalid_votes_names_the_command_that_asks_again(make_run: RunMaker) -> None:
    files = read_run(make_run())
    report, words = make_report(files), {c.name: c.change for c in components(files)}
    advice = {c.code: c.advice for c in report.cautions}
    for said in (words["coverage"], words["invalid_against_candidate"], advice["unpaired_votes"]):
        assert "--retry-invalid" in said and "(error, timeout)" in said


def test_undefined_components_are_not_called_failed(make_run: RunMaker) -> None:
    run = make_run(prompts=10)
    html, _, data = files_of(run)
    states = {c["name"]: c["state"] for c in data["gate"]}
    assert states["superiority"] == "undefined" and "? not defined" in html
    assert "It could not be examined: inconclusive: 10 judged prompts" in html


def test_every_component_is_shown_as_it_was_decided(make_run: RunMaker) -> None:
    run = make_run()
    html, markdown, data = files_of(run)
    decision = read_json(run / "decision.json")
    assert [(c["name"], c["observed"], c["required"], c["detail"]) for c in data["gate"]] == [
        (c["name"], c["observed"], c["required"], c["detail"]) for c in decision["components"]
    ]
    for component in data["gate"]:
        assert component["title"].replace("'", "&#39;") in html
        assert component["asks"], f"{component['name']} has no words"
        assert component["observed_words"] in markdown
    assert markdown.count("| passed |") + markdown.count("**failed**") + markdown.count("**undefined**") == len(
        data["gate"]
    )


def test_numbers_are_those_of_the_analysis(make_run: RunMaker) -> None:
    run = make_run()
    html, markdown, data = files_of(run)
    decision = read_json(run / "decision.json")
    analysis = read_json(run / "analysis.json")
    c = next(c for c in analysis["comparisons"] if c["candidate"] == decision["candidate"])
    rows = {(row["kind"], row["label"]): row for row in data["win_rates"]}
    for name, judge in c["judges"].items():
        row = rows["judge", name]
        assert (row["estimate"], row["low"], row["high"]) == (judge["win_rate"], judge["low"], judge["high"])
        assert percent(judge["win_rate"]) in html and percent(judge["win_rate"]) in markdown
    assert rows["panel", "Panel"]["estimate"] == c["win_rate"]["estimate"]
    for name, domain in c["domains"].items():
        assert rows["domain", name]["low"] == domain["low"]
    assert data["agreement"][0]["value"] == c["agreement"]["a_flip"]["estimate"]
    assert [row["low"] for row in data["left_out"]] == [row["low"] for row in c["leave_one_judge_out"]]
    assert decimal(c["agreement"]["fleiss_kappa"]) in html
    assert percent(c["length"]["controlled_win_rate"]) in html


def test_the_pairs_add_up_to_the_win_rate(make_run: RunMaker) -> None:
    run = make_run()
    files = read_run(run)
    report = make_report(files)
    panel = [pair.panel for pair in report.pairs.pairs if pair.panel is not None]
    assert math.isclose(sum(panel) / len(panel), files.comparison["win_rate"]["estimate"], abs_tol=1e-12)
    for name, row in files.comparison["judges"].items():
        twice = sum(
            {vote.verdict for vote in opinion.votes} == {"candidate"}
            for pair in report.pairs.pairs
            for opinion in pair.opinions
            if opinion.judge == name
        )
        assert twice == row["both_orders_candidate"]


def test_a_judge_that_failed_its_exam_is_shown_not_counted(make_run: RunMaker) -> None:
    run = make_run()
    html, _, data = files_of(run)
    failed = next(judge for judge in data["judges"] if judge["name"] == "venire/smollm2-135m")
    assert failed["status"] == "shown" and "failed its exam: 21 of 40" in failed["why"]
    assert failed["name"] not in {row["label"] for row in data["win_rates"]}
    assert all(
        not opinion["counted"]
        for pair in data["pairs"]["pairs"]
        for opinion in pair["opinions"]
        if opinion["judge"] == failed["name"]
    )
    assert "shown, not counted" in html


def test_suites_are_paired_and_tell_lost_from_gained(make_run: RunMaker) -> None:
    run = make_run(lost=0.2)
    files = read_run(run)
    candidate = files.decision["candidate"].partition("/")[0]
    found = {(change.suite, change.metric): change for change in changes(files)}
    forgetting = found["venire/forgetting", "match"]
    frame = pl.read_parquet(run / "suites.parquet").filter(pl.col("suite") == "venire/forgetting")
    before = frame.filter(pl.col("model") == "venire/smollm2-135m")
    after = frame.filter(pl.col("model").str.contains(f":{candidate}@", literal=True))
    both = before.join(after, on="sample_id", suffix="_after")
    lost = both.filter(pl.col("value") > pl.col("value_after"))
    assert (forgetting.n, forgetting.lost) == (60, lost.height) and forgetting.lost > 0
    assert {item.sample_id for item in forgetting.lost_items} == set(lost["sample_id"])
    low, high = tango_interval(forgetting.gained, forgetting.lost, 60)
    assert (forgetting.low, forgetting.high) == (low, high) and forgetting.method == "Tango"
    assert forgetting.role == "may not lose 10% or more"
    disclaimer = found["venire/epistemic_stance", "ai_disclaimer"]
    assert disclaimer.better == "lower" and disclaimer.gained > disclaimer.lost
    assert found["venire/value_alignment", "closeness"].method == "paired t"
    families = found["venire/phrasing_robustness", "match"]
    assert families.families == 10 and families.n == 20


def test_a_suite_metric_of_nobody_we_know_has_no_direction(make_run: RunMaker) -> None:
    run = make_run()
    frame = pl.read_parquet(run / "suites.parquet")
    frame.with_columns(suite=pl.lit("inspect_evals/gsm8k")).write_parquet(run / "suites.parquet")
    found = changes(read_run(run))
    assert found and all(change.better is None for change in found)
    assert "fell" in build_report(run).read_text("utf-8")


def test_candidates_carry_their_lineage(make_run: RunMaker) -> None:
    html, _, data = files_of(make_run())
    roles = [row["role"] for row in data["candidates"]]
    assert roles == ["incumbent", "finalist", "candidate", "candidate", "candidate"]
    assert "datasets/quickstart/stance.jsonl, 96 rows" in html and "460,800 trainable parameters" in html


def test_costs_and_hashes_are_there(make_run: RunMaker) -> None:
    html, markdown, _ = files_of(make_run())
    assert duration(380.5) in html and "a" * 64 in html and "inspect-ai 0.3.285" in html
    assert "Lock `aaaaaaaaaaaaaaaa`" in markdown


def test_what_training_cost_is_on_the_page_once_a_training(make_run: RunMaker) -> None:
    run = make_run()
    assert not [fact for fact in files_of(run)[2]["costs"] if fact["what"].startswith("Training")]
    for file in run.glob("candidates/*/lineage.json"):  # two trainings, of 24 and 12 steps
        lineage = read_json(file)
        spent = {"seconds": lineage["step"] * 60.0, "cost_usd": lineage["step"] * 0.5, "usd_per_hour": 30.0}
        file.write_text(json.dumps(lineage | spent), "utf-8")
    html, _, data = files_of(run)
    value = "$18.00 for 2 trainings of 36 min 0 s"
    assert {"what": "Training at $30.00 an hour of one device", "value": value, "exact": False} in data["costs"]
    assert value in html and "trained in 24 min 0 s for $12.00" in html


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_claim_of_significance_and_no_bare_rate(make_run: RunMaker, outcome: str) -> None:
    html, markdown, data = files_of(make_run(**OUTCOMES[outcome]))
    assert "significan" not in html.lower() and "significan" not in markdown.lower()
    for row in data["win_rates"]:
        assert row["n"] is not None
        assert row["low"] is not None or "no interval" in row["note"]


def test_json_is_strict_and_holds_no_texts(make_run: RunMaker) -> None:
    run = make_run()
    build_report(run)
    text = (run / "report.json").read_text("utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert "I would not lie for him" not in text


def test_a_judges_json_is_read_with_its_labels_undone() -> None:
    raw = '{"winner": "A", "measured": {"A": 0.25, "B": 0.5}, "reason": "closer"}'
    assert reading(raw, "A=incumbent;B=candidate") == "incumbent 0.25; candidate 0.5; closer"
    scored = '{"scores_A": {"depth": 4}, "scores_B": {"depth": 2}, "winner": "A", "reason": "deeper"}'
    assert reading(scored, "A=candidate;B=incumbent") == "candidate: depth 4; incumbent: depth 2; deeper"
    assert [reading("B, clearly.", "A=candidate;B=incumbent"), reading("[1]", ""), reading("", "")] == ["", "", ""]


def test_metrics_on_few_items_are_folded_away(make_run: RunMaker) -> None:
    html, _, data = files_of(make_run())
    few = [change for change in data["suites"] if change["n"] < 15 and not change["role"]]
    assert [change["metric"] for change in few] == ["makes_observations"]
    assert "1 more metric, each on fewer than 15 items" in html


def test_cut_answers_are_warned_of(make_run: RunMaker) -> None:
    run = make_run()
    answers = pl.read_parquet(run / "answers.parquet")
    answers.with_columns(stop_reason=pl.lit("max_tokens")).write_parquet(run / "answers.parquet")
    assert "64 of 64 judged answers were cut at the limit on length" in build_report(run).read_text("utf-8")


def test_how_numbers_read() -> None:
    assert [percent(0.6249), percent(None), percent(float("nan"))] == ["62.5%", "not estimable", "not estimable"]
    assert [points(0.031), points(-0.1)] == ["+3.1 points", "−10.0 points"]
    assert [interval(0.5, 0.7), interval(0.5, None), interval(None, None)] == [
        "50.0% to 70.0%",
        "at least 50.0%",
        "no interval",
    ]
    assert [duration(8.24), duration(725), duration(12000), duration(None)] == [
        "8.2 s",
        "12 min 5 s",
        "3 h 20 min",
        "not known",
    ]
    assert plain_json({"a": (float("nan"), 1)}) == {"a": [None, 1]}


def test_the_terminal_is_not_moved_by_a_title(make_run: RunMaker) -> None:
    run = make_run()
    lock = read_json(run / "experiment.lock")
    lock["frozen"]["name"] = "x\x1b[2Jy\u202ez"
    (run / "experiment.lock").write_text(json.dumps(lock), "utf-8")
    html, markdown, _ = files_of(run)
    assert not re.search("[\x1b\u202e]", html + markdown)


def test_people_stand_beside_the_panel_and_do_not_decide(make_run: RunMaker) -> None:
    run = make_run()
    before = read_json(run / "decision.json")
    assert 'id="people"' not in files_of(run)[0]
    votes = pl.read_parquet(run / "votes.parquet")
    one = votes.filter(pl.col("candidate") == before["candidate"], pl.col("judge") == votes["judge"][0])
    once = one.unique("prompt_id", keep="first", maintain_order=True).head(20)
    people = once.with_columns(judge=pl.lit("human:ana"), judge_family=pl.lit("human"), use=pl.lit("human"))
    ben = people.head(10).with_columns(judge=pl.lit("human:ben"), candidate_first=~pl.col("candidate_first"))
    other = {"candidate": "incumbent", "incumbent": "candidate", "tie": "candidate"}
    first = pl.int_range(pl.len()) < 3
    ben = ben.with_columns(verdict=pl.when(first).then(pl.col("verdict").replace(other)).otherwise("verdict"))
    both = pl.concat([votes, people, ben])
    both.write_parquet(run / "votes.parquet")
    html, _, data = files_of(run)  # before the gate: said to be waiting, and no judges that failed
    assert (
        "2 people judged pairs here" in data["people_sentence"] and "venire gate EXPERIMENT" in data["people_sentence"]
    )
    assert not any("human:" in caution["message"] for caution in data["cautions"])
    panel = [judge for judge in data["judges"] if not judge["person"]]
    counted = sum(judge["status"] == "counted" for judge in panel)
    assert f"{counted} of {len(panel)}</a>" in html and len(panel) == len(data["judges"]) - 2
    (run / "analysis.json").write_text(json.dumps(analyze(both)), "utf-8")
    html, _, data = files_of(run)
    found = next(c for c in analyze(both)["comparisons"] if c["candidate"] == before["candidate"])["people"]
    assert f"2 people judged 20 of these {found['n']} prompts" in html
    assert "Two people who judged the same pair gave the same verdict 70.0% of the time (10 prompts)" in html
    assert percent(found["estimate"]) in data["people_sentence"]
    assert percent(found["panel_agrees"]) in data["people_sentence"]
    rows = {row["label"]: row for row in data["win_rates"]}
    assert rows["People, calibrated"]["low"] == found["low"] and not rows["People, calibrated"]["solid"]
    panel = rows["Panel"]["estimate"]
    assert panel == before["win_rate"]["estimate"] or panel == pytest.approx(before["win_rate"]["estimate"], abs=0.05)
    ana = next(judge for judge in data["judges"] if judge["name"] == "human:ana")
    assert ana["status"] == "shown" and ana["votes"] == 20
