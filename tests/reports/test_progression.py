"""Checkpoints of many recipes, and of nobody's: what stands in one series, what is drawn, and what is said instead."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from venire.reports.card import model_card
from venire.reports.compare import compare_runs
from venire.reports.curves import MOST_PANELS, phrasing_chart, progression_chart, progression_note
from venire.reports.figures import Estimate
from venire.reports.files import read_run
from venire.reports.model import Report, make_report
from venire.reports.progression import Checkpoint, PhrasingPoint
from venire.reports.render import render_html
from venire.reports.suites import Rate

RunMaker = Callable[..., Path]
RATE = Rate(0.6, 0.4, 0.8, 40)


def brought(run: Path, folder: Path, *, kind: str = "adapter", states: bool = True) -> Report:
    """The run as if its candidates were checkpoints 100, 200, … that a trainer has saved in `folder`."""
    for file in run.glob("candidates/*/lineage.json"):
        file.unlink()
    contenders = json.loads((run / "contenders.json").read_text())
    for number, contender in enumerate(c for c in contenders if c["candidate"]):
        step = 100 * (number + 1)
        contender |= {"path": str(folder / f"checkpoint-{step}"), "kind": kind, "teachers": ["qwen"]}
        Path(contender["path"]).mkdir(parents=True)
        if states:
            state = Path(contender["path"]) / "trainer_state.json"
            state.write_text(json.dumps({"global_step": step, "epoch": 1.5}))
    (run / "contenders.json").write_text(json.dumps(contenders))
    return make_report(read_run(run))


def with_lineages(run: Path, change: Callable[[str], dict[str, Any]]) -> Report:
    for file in run.glob("candidates/*/lineage.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | change(file.parent.name)))
    return make_report(read_run(run))


def test_checkpoints_from_elsewhere_are_a_series_with_their_trainers_steps(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run(prompts=16)
    report = brought(run, tmp_path / "outputs")
    assert [(c.series, c.step) for c in report.checkpoints] == [("outputs", step) for step in (100, 200, 300, 400)]
    assert report.progression_plot is not None and not report.progression_note
    rows = [row for row in report.candidates if row.role != "incumbent"]
    assert {(row.kind, row.teachers[0], row.epoch) for row in rows} == {("adapter", "qwen", 1.5)}
    assert all(row.base.startswith("HuggingFaceTB/SmolLM2-135M-Instruct @") for row in rows)
    assert "candidates/" not in {entry.file for entry in report.missing}
    card = model_card(report, read_run(run))
    assert "base_model: HuggingFaceTB/SmolLM2-135M-Instruct\n" in card and "library_name: peft\n" in card
    assert "Not trained by Venire, step 400" in card and "- Kind: adapter\n" in card and str(tmp_path) not in card
    assert "of: qwen (judges" in card and "`HuggingFaceTB/SmolLM2-135M-Instruct` @ `7e27bd9f95`" in card


def test_without_a_step_there_is_no_progression_and_it_is_said(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run(prompts=16)
    report = brought(run, tmp_path / "outputs", kind="full", states=False)
    assert [c.step for c in report.checkpoints] == [None] * 4 and report.progression_plot is None
    assert len({c.series for c in report.checkpoints}) == 4
    assert "training step is not on record" in report.progression_note
    assert "There is no progression to draw" in render_html(report)
    card = model_card(report, read_run(run))
    assert "library_name: transformers\n" in card and "PeftModel" not in card


@pytest.mark.parametrize(("sha256", "steps"), [("d" * 64, [7]), ("0" * 64, [None])])
def test_a_lineage_beside_the_weights_counts_only_if_it_is_theirs(
    make_run: RunMaker, tmp_path: Path, sha256: str, steps: list[int | None]
) -> None:
    run = make_run(prompts=16, candidates=("mine-step7/plain",))
    lineage = json.loads((run / "candidates/mine-step7/lineage.json").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lineage.json").write_text(json.dumps(lineage | {"name": "another", "sha256": sha256, "step": 7}))
    (run / "candidates/mine-step7/lineage.json").unlink()
    contenders = json.loads((run / "contenders.json").read_text())
    contenders[1]["path"] = str(elsewhere)
    (run / "contenders.json").write_text(json.dumps(contenders))
    assert [c.step for c in make_report(read_run(run)).checkpoints] == steps


def test_points_of_a_grid_are_series_apart_and_its_seeds_lines_apart(make_run: RunMaker) -> None:
    names = tuple(f"g{number}-step{step}/plain" for number in range(3) for step in (6, 12))
    variants = {"g0": "lr1e-05-seed1", "g1": "lr1e-05-seed2", "g2": "lr2e-05-seed1"}

    def grid(name: str) -> dict[str, Any]:
        return {"recipe": {"name": "sft", "variant": variants[name[:2]]}}

    report = with_lineages(make_run(prompts=16, candidates=names), grid)
    places = [(f"sft-{v.rpartition('-')[0]}", f"sft-{v}", step) for v in variants.values() for step in (6, 12)]
    assert [(c.series, c.training, c.step) for c in report.checkpoints] == places


def test_one_recipe_on_two_bases_is_two_series(make_run: RunMaker) -> None:
    names = ("one-step6/plain", "two-step6/plain")
    report = with_lineages(
        make_run(prompts=16, candidates=names),
        lambda name: {"recipe": {"name": "sft"}, "base": {"name": name[:3], "model_id": "a/b", "revision": "c"}},
    )
    assert [c.series for c in report.checkpoints] == ["sft on one", "sft on two"]


def test_more_series_than_can_be_told_apart_get_panels_of_their_own() -> None:
    gain = Estimate("candidate", "x", 0.6, 0.5, 0.7, 40)
    one = Checkpoint("c", "s", "s", 1, False, gain, [])
    for series in (5, 6, MOST_PANELS):
        many = [
            replace(one, name=f"r{i}-{step}", series=f"r{i}", training=f"r{i}", step=step)
            for i in range(series)
            for step in (1, 2)
        ]
        chart = progression_chart(many)
        assert chart is not None and not progression_note(many)
        assert all(f">r{i}<" in str(chart.wide) and f">r{i}<" in str(chart.narrow) for i in range(series))
    too_many = [replace(c, series=f"{c.series}-{c.step}", training=c.name) for c in many]
    assert progression_chart(too_many) is None
    assert "32 series of checkpoints, too many to draw" in progression_note(too_many)
    unknown = [*many[:2], replace(one, name="foreign", step=None)]
    assert progression_chart(unknown) is not None and "Not drawn: foreign" in progression_note(unknown)


def test_facts_in_other_words_of_many_recipes_are_drawn_too() -> None:
    start = PhrasingPoint("base", "", 0, RATE, RATE)
    found = [start, *(PhrasingPoint(f"c{i}", f"r{i}", 6, RATE, RATE, f"r{i}") for i in range(6))]
    chart = phrasing_chart(found, "training step")
    assert chart is not None and all(f">r{i}<" in str(chart.wide) for i in range(6))


def test_step_20_stands_before_step_100(make_run: RunMaker) -> None:
    names = tuple(f"sft-step{step}/plain" for step in (100, 20, 3))
    run = make_run(prompts=16, candidates=names)
    expected = ["sft-step3/plain", "sft-step20/plain", "sft-step100/plain"]
    assert [row.label for row in make_report(read_run(run)).compared] == expected
    compared = compare_runs([run])
    assert [entry.candidate for entry in compared.entries] == expected
    assert {d.other for d in compared.differences} == {expected[0]}
