"""The judge stage: nobody is paid for votes that cannot count, or for more than the question and the budget want."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire._common.errors import InputError, VenireError
from venire._common.files import write_json
from venire._common.hashing import sha256_json
from venire.judges.judging import open_judging
from venire.judges.pairs import make_pairs
from venire.registry import Registry
from venire.stages import flow
from venire.stages.design import confirm_families, open_stage

from .helpers import INCUMBENT
from .staging import Stage, mock_judges_of, sensible

Make = Callable[..., Stage]
FIRST_PLACE = '{"winner": "A"}'


def test_a_paid_judge_that_fails_its_exam_is_not_paid_for_more(stage: Make, models) -> None:
    asked = models(two=lambda prompt: FIRST_PLACE)
    it = stage()
    flow.planning.tell(flow.planning.freeze(it.run), it.said.append, it.run.experiment.budget)
    assert any(line.startswith("design: 1 candidate, 16 judged prompts, 4 votes a prompt") for line in it.said)
    said = it.judge()
    assert asked == {"one": 80 + 32, "two": 80}
    assert "mockllm/two: 0 of 40 anchors right, 80 calls: failed: not asked further" in said
    assert "mockllm/one: 40 of 40 anchors right, 80 calls: passed" in said
    decision = it.gate()
    assert decision["counted"] == ["mockllm/one"]
    judges = json.loads((it.run.folder / "ledger.json").read_text())["judges"]
    paid = json.loads((it.run.folder / "ledger.json").read_text())["paid"]
    assert paid == {"calls": 192, "cost_usd": 0.0, "unpriced": 192}
    assert judges["mockllm/two"]["exam"]["calls"] == 80 and judges["mockllm/two"]["qualified"] is False
    assert set(judges["mockllm/one"]["exam"]["kinds"]) >= {"truncate", "shuffle", "gibberish"}


def test_the_price_of_the_exam_is_recorded(stage: Make, models) -> None:
    models()
    it = stage(panel={"judges": mock_judges_of("one", "two", price={"input": 100.0, "output": 1000.0})})
    said = it.judge()
    assert "mockllm/one: 40 of 40 anchors right, 80 calls for $0.48: passed" in said
    assert "paid, $100 in and $1000 out per million tokens" in said
    it.gate()
    exams = json.loads((it.run.folder / "qualification.json").read_text())
    assert exams["mockllm/one"]["cost_usd"] == pytest.approx(0.48)


def test_where_nobody_passes_the_gate_holds(stage: Make, models) -> None:
    asked = models(one=lambda prompt: FIRST_PLACE, two=lambda prompt: "")
    it = stage()
    assert "no judge's votes count" in it.judge()
    assert asked == {"one": 80, "two": 80}
    decision = it.gate()
    assert decision["outcome"] == "HOLD"
    assert decision["counted"] == []


def test_a_budget_that_ends_in_the_exam_ends_the_stage_and_more_of_it_goes_on(stage: Make, models) -> None:
    asked = models()
    it = stage(budget={"calls": 100})
    said = it.judge()
    assert asked.total() == 100
    assert "60 judgements left unasked" in said and "100 of 100 paid calls" in said
    assert "the budget ended first. Raise `budget`" in said
    assert "passed" not in said and "failed" not in said  # nobody fails for what nobody asked
    it.judge()
    assert asked.total() == 100
    it.change(budget={"calls": 1000})  # no part of what is frozen
    assert "budget, before this: 100 of 1000 paid calls" in it.judge()
    assert asked == {"one": 112, "two": 112}


def test_dollars_without_a_price_are_refused_before_anybody_is_asked(stage: Make, models) -> None:
    asked = models()
    with pytest.raises(InputError, match="price of judge 'mockllm/one' is not known"):
        stage(budget={"usd": 5}).judge()
    assert not asked


def test_no_call_is_paid_for_after_the_question_is_settled(stage: Make, models) -> None:
    asked = models()
    it = stage(prompts=60)
    said = it.judge()
    assert "settled after 30 of 60 prompts" in said
    assert asked == {"one": 80 + 60, "two": 80 + 60}
    decision = it.gate()
    parts = {part["name"]: part for part in decision["components"]}
    assert parts["superiority"]["passed"] and "shown early, after" in parts["superiority"]["detail"]
    it.judge()
    assert asked.total() == 280


def test_an_open_question_is_judged_to_the_end(stage: Make, models) -> None:
    asked = models(
        one=divided,
        two=divided,
    )
    it = stage(prompts=60)
    assert "settled" not in it.judge()
    assert asked == {"one": 80 + 120, "two": 80 + 120}


def divided(prompt: str) -> str:
    """Sensible, but on every second question of the opposite opinion: the win rate is one half."""
    said = json.loads(sensible(prompt))
    if "It depends on" in prompt and int(re.findall(r"case (\d+)\?", prompt)[0]) % 2:
        said["winner"] = {"A": "B", "B": "A", "tie": "tie"}[said["winner"]]
    return json.dumps(said)


def unreachable_after(calls: int) -> Callable[[str], str]:
    left = {"n": calls}

    def reply(prompt: str) -> str:
        left["n"] -= 1
        if left["n"] < 0:
            raise ConnectionError("the line is down")
        return sensible(prompt)

    return reply


def test_a_judge_that_fails_too_often_is_withdrawn_and_not_paid_for_more(stage: Make, models) -> None:
    asked = models(one=divided, two=divided, three=unreachable_after(80 + 40))
    it = stage(prompts=60, panel={"judges": mock_judges_of("one", "two", "three")})
    said = it.judge()
    assert asked["one"] == asked["two"] == 200
    assert asked["three"] == 80 + 60  # of the first 30 prompts, 20 calls failed
    assert "mockllm/three: withdrawn, 33% of its 60 votes are invalid" in said and "--retry-invalid" in said
    decision = it.gate()
    assert list(decision["withdrawn"]) == ["mockllm/three"]
    assert decision["counted"] == ["mockllm/one", "mockllm/two"]


def test_failed_calls_are_asked_again_on_request(stage: Make, models) -> None:
    models(two=unreachable_after(80 + 20))
    it = stage()
    it.judge()
    assert it.votes().filter(pl.col("reason") == "error").height == 12
    again = models()
    said = it.judge(retry=True)
    assert again == {"two": 12}
    assert "failed calls again: mockllm/two" in said or "12 new judgements" in said
    assert it.votes().filter(pl.col("verdict") == "invalid").is_empty()


def test_a_judge_in_conflict_is_named_and_not_counted(stage: Make, models, monkeypatch: pytest.MonkeyPatch) -> None:
    """End to end: the judge's house wrote the training data of the candidate."""
    from dataclasses import replace

    from venire.run import Run

    models()
    it = stage(panel={"judges": [*mock_judges_of("one", "two"), *mock_judges_of("three", family="claude")]})
    plain = Run.candidate_contenders
    monkeypatch.setattr(
        Run, "candidate_contenders", lambda run: [replace(c, teachers=("anthropic",)) for c in plain(run)]
    )
    said = it.judge()
    assert "shown, not counted: anthropic wrote or rewarded the training data of smollm2-135m/warm" in said
    votes = it.votes()
    assert set(votes.filter(pl.col("judge") == "mockllm/three")["use"]) == {"anchor", "display"}
    decision = it.gate()
    assert decision["counted"] == ["mockllm/one", "mockllm/two"]
    conflict = next(part for part in decision["components"] if part["name"] == "conflict_of_interest")
    assert conflict["passed"] and "mockllm/three is shown, not counted" in conflict["detail"]


HALVING = {"prompts": 48, "treated": 2, "gate": {"halving_from": 45}}


def test_judges_take_turns_on_the_screen_and_all_confirm(stage: Make, models) -> None:
    asked = models()
    it = stage(**HALVING, panel={"judges": mock_judges_of("one", "two", "three")})
    it.judge()
    votes = it.votes()
    screened = votes.filter(pl.col("use") == "screen")
    judges = screened.group_by("prompt_id", "candidate").agg(pl.col("judge").unique().sort())
    assert screened["prompt_id"].n_unique() == 16
    assert set(judges["judge"].list.len()) == {2}
    assert judges["judge"].n_unique() == 3  # every two of the three, in turn
    by_prompt = judges.group_by("prompt_id").agg(pl.col("judge").n_unique())
    assert set(by_prompt["judge"]) == {1}  # both candidates meet the same judges
    confirmed = votes.filter(pl.col("use") == "gate")
    assert set(confirmed.group_by("prompt_id").agg(pl.col("judge").n_unique())["judge"]) == {3}
    assert asked.total() < 3 * (80 + 2 * (2 * 16 + 32))
    assert it.gate()["design"] == "halving"


def test_the_whole_panel_can_screen(stage: Make, models) -> None:
    models()
    it = stage(**HALVING, panel={"judges": mock_judges_of("one", "two", "three"), "screen": "full"})
    it.judge()
    screened = it.votes().filter(pl.col("use") == "screen")
    assert set(screened.group_by("prompt_id").agg(pl.col("judge").n_unique())["judge"]) == {3}


def test_a_budget_that_ends_in_the_screen_chooses_nobody(stage: Make, models) -> None:
    asked = models()
    it = stage(**HALVING, panel={"judges": mock_judges_of("one", "two", "three")}, budget={"calls": 270})
    said = it.judge()
    assert asked.total() == 270
    assert "finalist" not in said and "the budget ended first" in said
    assert it.votes().filter(pl.col("use") == "gate").is_empty()
    assert it.gate()["outcome"] == "HOLD"
    it.change(budget={"calls": 2000})
    assert "finalist: smollm2-135m/" in it.judge()
    assert not it.votes().filter(pl.col("use") == "gate").is_empty()


def test_the_plan_says_what_judging_costs_and_whether_the_budget_covers_it(stage: Make) -> None:
    from venire.stages import plan

    panel = {"judges": [*mock_judges_of("one", price={"input": 2.0, "output": 10.0}), *mock_judges_of("two")]}
    it = stage(panel=panel, budget={"calls": 100, "usd": 0.5})
    said: list[str] = []
    plan.tell(it.run.require_lock(), said.append, it.run.experiment.budget)
    words = "\n".join(said)
    # 16 pairs and 40 anchors in both orders are 112 calls a judge, at $0.006 each for the one with a price.
    assert "paid judgements: at most 224, about $0.67 at 1500 tokens in and 300 out each (1 judge at a price" in words
    assert "the budget of 100 calls may end before judging does" in words
    assert "the budget of $0.5 may end before judging does" in words


def test_standard_output_holds_the_decision_and_nothing_else(
    stage: Make, models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner
    from inspect_ai.hooks import _startup

    from venire.cli import cli

    monkeypatch.setattr(_startup, "_registry_hooks_loaded", False)  # as in a process of its own
    models()
    path = str(stage().path)
    assert json.loads(CliRunner().invoke(cli, ["plan", path, "--json"]).stdout)["frozen"]["name"] == "staged"
    judged = CliRunner().invoke(cli, ["judge", path])
    assert judged.exit_code == 0 and judged.stdout == "" and "votes in all" in judged.stderr
    assert json.loads(CliRunner().invoke(cli, ["gate", path, "--json"]).stdout)["candidate"] == "smollm2-135m/warm"
    retest = CliRunner().invoke(cli, ["judge", path, "--retest", "mockllm/one", "--json"])
    assert json.loads(retest.stdout)


def test_a_judge_of_the_house_of_both_sides_is_counted_and_tagged(stage: Make, models) -> None:
    models()
    it = stage(panel={"judges": [*mock_judges_of("one"), *mock_judges_of("two", family="smollm2")]})
    assert "counted, and tagged: smollm2 judges two contenders of its own family" in it.judge()
    judges = json.loads((it.run.folder / "ledger.json").read_text())["judges"]
    assert [row["standing"] for row in judges["mockllm/two"]["standing"]] == ["shared"]
    assert it.gate()["counted"] == ["mockllm/one", "mockllm/two"]


def test_how_the_screen_is_judged_is_frozen(stage: Make, models) -> None:
    models()
    panel = {"judges": mock_judges_of("one", "two", "three")}
    it = stage(**HALVING, panel=panel)
    assert it.run.require_lock()["frozen"]["judging"] == {"screen": "rotate", "anchors": 40, "preferences": None}
    it.change(panel=panel | {"screen": "full"})
    with pytest.raises(VenireError, match=r"differs from .* in judging"):
        it.judge()


def test_a_finished_comparison_needs_no_key(stage: Make, models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settled early, so that not everything was asked; the key is gone, and nothing is to be asked."""
    models()
    it = stage(prompts=60)
    it.judge()
    before = it.gate()
    for place in ("judging", "keys"):
        monkeypatch.setattr(f"venire.judges.{place}.missing_key", lambda judge: f"{judge.name}: no key")
    assert "settled after 30 of 60 prompts" in it.judge()
    with pytest.raises(InputError, match="mockllm/three: no key"):
        it.add("mockllm/three")
    assert it.gate() == before  # who could not join changes nothing


def test_suites_with_the_same_ids_are_judged_as_families_apart_and_an_older_seal_holds(stage: Make, models) -> None:
    models()
    suites = [{"task": f"venire/{name}", "limit": 8, "judge": True} for name in ("value_alignment", "style")]
    it = stage(prompts=4, suites=suites)
    first = it.answers.with_columns(family=pl.col("sample_id"))
    it.answers = pl.concat([first, first.with_columns(suite=pl.lit("venire/style"))])
    everyone = flow.contenders(it.run)
    for merged, families in ((False, 8), (True, 4)):
        judging, design, _ = open_stage(it.run, everyone)
        assert len(set(design.families)) == families
        assert confirm_families(it.run, design) == {f"{s['task'][7:]}/s{i}" for s in suites for i in range(4)}
        if not merged:  # seal what an earlier version would have sealed
            names = [[c.name for c in found] for found in (it.run.candidate_contenders(), [it.run.incumbent()])]
            old = make_pairs(it.answers, names[0], names[1][0], seed=7, merged=True)
            (it.run.folder / "manifest.json").unlink()
            open_judging(old, judging.panel, it.run.folder, seed=7, origins=everyone, anchors=judging.panel.anchors.n)


def crown(name: str) -> dict[str, Any]:
    """Make a contender of the staged experiment champion, as `registry promote` does; gives its entry."""
    champion = {
        "name": name, "model": "venire/smollm2-135m", "treatment": name.split("/")[1], "base": "smollm2-135m",
        "kind": "base", "sha256": "0" * 64, "family": "smollm2", "path": None, "candidate": None, "step": 0,
        "teachers": [],
    }  # fmt: skip
    store = Registry()
    history = [*store.history, {"action": "promote", "champion": champion, "previous": store.champion}]
    write_json(store.path, {"history": history, "uses": store.uses})
    return champion


def test_the_champion_to_beat_stays_who_it_was_when_frozen(stage: Make, models, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    models()
    champion = crown(INCUMBENT)
    it = stage(incumbent="registry:champion")
    assert it.run.require_lock()["frozen"]["champion"] == champion
    it.judge()
    decision = it.gate()
    assert decision["incumbent"] == INCUMBENT
    it.run.eval_logs.mkdir(parents=True)
    crown(it.names[0])  # the run's own candidate was promoted
    assert it.run.incumbent().name == INCUMBENT
    assert it.gate() == decision
    assert "against itself" in it.retest("mockllm/one")
    flow.planning.freeze(it.run)
    assert it.run.require_lock()["frozen"]["champion"] == champion


def test_a_champion_is_frozen_anew_until_work_is_done_and_older_locks_still_ask_the_registry(
    stage: Make, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VenireError, match="nothing was promoted yet"):
        stage(incumbent="registry:champion")
    crown(INCUMBENT)
    it = stage(incumbent="registry:champion", treated=2)
    crown("smollm2-135m/warm")
    assert it.run.incumbent().name == INCUMBENT
    flow.planning.require_lock(it.run)
    flow.planning.freeze(it.run)
    assert it.run.incumbent().name == "smollm2-135m/warm"
    it.run.eval_logs.mkdir(parents=True)
    frozen = {key: value for key, value in it.run.require_lock()["frozen"].items() if key != "champion"}
    lock = it.run.require_lock() | {"frozen": frozen, "sha256": sha256_json(frozen)}
    write_json(it.run.lock_file, lock)  # as it was written before champions were frozen
    crown(INCUMBENT)
    flow.planning.require_lock(it.run)
    assert flow.planning.freeze(it.run)["sha256"] == lock["sha256"]
    assert it.run.incumbent().name == INCUMBENT


def test_where_no_suite_is_judged_the_whole_flow_begins_nothing(stage: Make) -> None:
    it = stage(suites=[{"task": "venire/forgetting", "limit": 16}])
    with pytest.raises(InputError, match=r"no suite is marked `judge: true`.*mark one, or use `venire plan`, `train`"):
        flow.run_all(it.run, it.said.append)
    assert it.said == [] and not it.run.folder.joinpath("logs").exists()
    flow.planning.tell(it.run.require_lock(), it.said.append, it.run.experiment.budget)
    assert len(it.said) == 2 and "no panel judges and no gate decides" in it.said[1]


@pytest.mark.parametrize("lacking", ["key", "price"])
def test_a_run_begins_nothing_where_a_judge_cannot_be_asked_and_a_plan_says_so(
    stage: Make, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    why, changes = "'openai/gpt-4o'", {"panel": {"judges": [{"model": "openai/gpt-4o"}]}}
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if lacking == "price":
        changes = {"panel": {"judges": mock_judges_of("one")}, "budget": {"usd": 5.0}}
        why = r"budget\.usd: the price of judge 'mockllm/one' is not known"
    it = stage(**changes)
    findings = flow.planning.freeze(it.run)["plan"]["findings"]
    (note,) = [finding for finding in findings if finding["component"] == "judges"]
    assert note["severity"] == "note" and re.search(why, note["message"])
    with pytest.raises(InputError, match=why):
        flow.run_all(it.run, it.said.append)
    assert it.said == [] and not it.run.eval_logs.exists()
    write_json(it.run.folder / "manifest.json", {})  # judging has begun: it knows what is left to ask
    flow.planning.check_panel(it.run)
