"""The candidate's papers: results that the Hub reads, a record that stands alone, no praise for what was held."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import ModelCard

from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_file
from venire.cli import cli
from venire.reports import build_papers, build_report
from venire.reports.card import note_promotion

RunMaker = Callable[..., Path]
POST_HOC = {"changed": ["panel (judges added afterwards: mockllm/three)"], "reason": "a judge joined"}


def papers(run: Path) -> tuple[ModelCard, str, dict]:
    decision = read_json(run / "decision.json")
    build_report(run)
    folder = run / "candidates" / decision["candidate"].partition("/")[0]
    text = (folder / "promotion.md").read_text("utf-8")
    return ModelCard((folder / "README.md").read_text("utf-8")), text, read_json(folder / "promotion.json")


def test_the_hub_reads_the_results(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    card, _, _ = papers(run)
    data = card.data.to_dict()
    assert data["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert data["library_name"] == "peft" and data["pipeline_tag"] == "text-generation"
    results = {result.metric_type: result for result in vars(card.data)["eval_results"]}
    win = results["win_rate"]
    bound = next(c["observed"] for c in decision["components"] if c["name"] == "superiority")
    assert win.metric_value == pytest.approx(bound, abs=1e-4) and "best of 4 candidates" in win.metric_name
    assert win.metric_args["low"] == win.metric_value, "the interval holds the bound that it is published with"
    assert win.metric_args["uncorrected"] == decision["win_rate"]["estimate"]  # raised by the choice: not the headline
    assert win.metric_args["n"] == decision["win_rate"]["n"]
    assert results["match"].metric_args["incumbent"] > 0


@pytest.mark.parametrize(
    ("options", "promoted"), [({"strength": 1.6, "lost": 0.0, "prompts": 60}, True), ({"lost": 0.5}, False)]
)
def test_what_was_not_promoted_is_not_praised(make_run: RunMaker, options: dict, promoted: bool) -> None:
    card, text, record = papers(make_run(**options))
    assert ("**This model was not promoted.**" in card.text) == (not promoted)
    assert (record["outcome"] == "PROMOTE") == promoted
    assert text.startswith(f"# {record['outcome']}: ")


def test_the_record_stands_alone(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    _, text, record = papers(run)
    assert record["components"] == decision["components"]
    assert record["sha256"] == {name: decision[f"{name}_sha256"] for name in ("candidate", "lock", "manifest", "votes")}
    for value in record["sha256"].values():
        assert value in text
    for key in ("base", "recipe", "data", "seed", "judges_counted", "venire_version", "sentence", "decided"):
        assert record[key], key
    assert record["decision"] == sha256_file(run / "decision.json")
    assert record["files"]["experiment.lock"] == sha256_file(run / "experiment.lock")
    assert record["files"]["votes.parquet"] == sha256_file(run / "votes.parquet")
    assert {judge["name"]: judge["status"] == "counted" for judge in record["panel"]} == {
        name: name in decision["counted"] for name in [*decision["counted"], "venire/smollm2-135m"]
    }
    assert json.dumps(record, allow_nan=False)
    assert str(run) not in text + json.dumps(record), "no path of this machine"


def test_the_record_holds_the_audit_and_what_the_frozen_plan_decided(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    found = {"code": "longer_wins", "severity": "warning", "rows": 9, "message": "longer wins", "effect": "none"}
    write_json(run / "decision.json", decision | {"audit": [found], "post_hoc": POST_HOC})
    write_json(run / "decision.frozen.json", decision)
    _, text, record = papers(run)
    assert record["audit"] == [found] and "longer wins" in text
    assert record["frozen_decision"] == decision and "By the frozen plan the decision was" in text
    assert record["post_hoc"] == POST_HOC and "a judge joined" in text


def test_a_promotion_is_noted_and_a_new_report_keeps_it(make_run: RunMaker) -> None:
    run = make_run()
    _, _, record = papers(run)
    assert record["promoted"] is None
    entry = {"when": "2026-11-21T10:00:00+00:00", "previous": None, "reason": "as frozen", "champion": {}}
    noted = note_promotion(run, entry)
    assert noted is not None
    assert papers(run)[2]["promoted"] == {"when": entry["when"], "previous": None, "reason": "as frozen"}
    decision = read_json(run / "decision.json")
    write_json(run / "decision.json", decision | {"alpha": 0.01})
    assert papers(run)[2]["promoted"] is None  # another decision was not promoted


def test_papers_go_where_they_are_asked_to(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run()
    done = CliRunner().invoke(cli, ["card", str(run), "--out", str(tmp_path / "merged")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "merged").iterdir()} == {"README.md", "promotion.md", "promotion.json"}


def test_weights_that_somebody_brought_are_left_alone(make_run: RunMaker) -> None:
    run = make_run()
    for file in run.glob("candidates/*/lineage.json"):
        file.unlink()
    build_report(run)
    assert not list(run.glob("candidates/*/README.md"))
    with pytest.raises(InputError, match="--out"):
        build_papers(run)


def test_without_a_decision_there_are_no_papers(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run()
    (run / "decision.json").unlink()
    with pytest.raises(InputError, match="no candidate was decided on"):
        build_papers(run, tmp_path)


def test_hostile_names_do_no_harm(make_run: RunMaker) -> None:
    run = make_run()
    lineages = {path: read_json(path) for path in run.glob("candidates/*/lineage.json")}
    for path, lineage in lineages.items():
        lineage["data"]["path"] = "x` ![t](http://tracker.example/p.png) <script>\u202e"
        lineage["teacher_families"] = ["a](http://tracker.example) <img src=x>"]
        path.write_text(json.dumps(lineage), "utf-8")
    card, _, _ = papers(run)
    assert "\u202e" not in card.text and "`x` !" not in card.text
    assert "<img" not in card.text.replace("\\<img", "") and "](http" not in card.text.replace("\\](http", "").replace(
        "![t](http", ""
    )
