"""Runs side by side: the figures of each, differences prompt by prompt, and what is not the same said first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire._common.files import read_json
from venire.cli import cli
from venire.judges.analysis import analyze
from venire.reports.compare import Comparison, compare_runs
from venire.reports.escape import markdown
from venire.reports.render import render_compared

from .browser import CHROMIUM, chromium
from .conftest import build_run

Two = tuple[Path, Path]


@pytest.fixture
def two(tmp_path: Path) -> Two:
    """The same experiment on two bases: the second candidate is better."""
    one = build_run(tmp_path / "qwen", strength=0.3, candidates=("a_sft-step12/plain",))
    other = build_run(tmp_path / "llama", strength=1.6, candidates=("b_sft-step12/plain",))
    return one, other


def change_lock(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    lock = read_json(run / "experiment.lock")
    change(lock["frozen"])
    (run / "experiment.lock").write_text(json.dumps(lock), "utf-8")


def test_the_best_of_several_is_compared_by_the_bound_that_allows_for_the_choice(make_run) -> None:
    run = make_run()
    rate = read_json(run / "decision.json")["win_rate"]
    entry = next(entry for entry in compare_runs([run]).entries if entry.outcome != "not decided")
    assert entry.win_rate.low == rate["simultaneous_low"] < rate["low"]


def test_the_figures_are_those_of_each_run(two: Two) -> None:
    found = compare_runs(two)
    assert [e.run for e in found.entries] == ["qwen", "llama"], "one experiment's runs go by their folders"
    for entry, run in zip(found.entries, two, strict=True):
        decision, analysis = read_json(run / "decision.json"), read_json(run / "analysis.json")
        assert entry.outcome == decision["outcome"]
        assert (entry.win_rate.estimate, entry.win_rate.low) == (
            decision["win_rate"]["estimate"],
            decision["win_rate"]["low"],
        )
        judges = analysis["comparisons"][0]["judges"]
        assert {name: e.estimate for name, e in entry.judges.items()} == {n: j["win_rate"] for n, j in judges.items()}
        assert entry.agreement_low == analysis["comparisons"][0]["agreement"]["a_flip"]["low"]
        assert entry.trainable == 460_800 and entry.seconds == 95.0


def test_a_difference_is_prompt_by_prompt_and_has_its_sign(two: Two) -> None:
    (found,) = compare_runs(two).differences
    means = []
    for run in two:
        votes = pl.read_parquet(run / "votes.parquet").filter(pl.col("use") == "gate")
        means.append(analyze(votes)["comparisons"][0]["win_rate"]["estimate"])
    assert found.one.startswith("llama") and found.estimate == pytest.approx(means[1] - means[0], abs=0.02)
    assert found.low is not None and found.high is not None
    assert 0 < found.low < found.estimate < found.high and found.p_value < 0.01
    (back,) = compare_runs((two[1], two[0])).differences
    assert (back.estimate, back.low) == (pytest.approx(-found.estimate), pytest.approx(-found.high))
    assert back.p_value == pytest.approx(found.p_value, abs=0.02)


def test_a_run_against_its_copy_differs_by_nothing(two: Two, tmp_path: Path) -> None:
    copy = build_run(tmp_path / "copy", strength=0.3, candidates=("a_sft-step12/plain",))
    found = compare_runs((two[0], copy))
    assert found.differences[0].estimate == 0 and found.differences[0].p_value == 1
    assert found.unlike == []


def test_what_is_not_the_same_is_said(two: Two) -> None:
    def change(frozen: dict[str, Any]) -> None:
        frozen["generation"]["max_tokens"] = 512
        frozen["suites"][1]["sha256"] = "1" * 64

    change_lock(two[1], change)
    unlike = {row.what: row.values for row in compare_runs(two).unlike}
    assert unlike.keys() == {"generation", "suite forgetting"}
    assert unlike["suite forgetting"]["llama"] == "60 items, 111111111111"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda frozen: frozen["suites"][0].update(sha256="2" * 64), "other scenarios under the same name"),
        (lambda frozen: frozen["panel"][0].update(rubric_sha256="3" * 64), "not the same judge in both"),
    ],
)
def test_what_cannot_be_compared_is_not(two: Two, change: Any, why: str) -> None:
    change_lock(two[1], change)
    found = compare_runs(two)
    assert found.differences == [] and why in found.not_compared[0]


def test_other_prompts_are_not_compared(two: Two) -> None:
    votes = pl.read_parquet(two[1] / "votes.parquet")
    votes.with_columns(prompt_id=pl.lit("x/") + pl.col("prompt_id")).write_parquet(two[1] / "votes.parquet")
    assert "not judged on the same prompts" in compare_runs(two).not_compared[0]


def test_one_run_alone_shows_all_its_candidates(tmp_path: Path) -> None:
    run = build_run(tmp_path / "run")
    found = compare_runs([run])
    assert len(found.entries) == 4 and len(found.differences) == 3 and found.unlike == []
    assert sum(e.outcome != "not decided" for e in found.entries) == 1


def test_mistakes_are_named(two: Two, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="named twice"):
        compare_runs((two[0], two[0]))
    with pytest.raises(InputError, match="no such folder"):
        compare_runs((two[0], tmp_path / "nowhere"))
    (two[1] / "analysis.json").unlink()
    with pytest.raises(InputError, match="nothing was judged"):
        compare_runs(two)
    done = CliRunner().invoke(cli, ["compare", *map(str, two), "--out", "x.pdf"])
    assert isinstance(done.exception, InputError)


def numbers_in(found: Comparison) -> list[str]:
    return [f"{100 * (e.win_rate.estimate or 0):.1f}%" for e in found.entries]


def test_the_command_prints_tables_json_and_writes_both_forms(two: Two, tmp_path: Path) -> None:
    found = compare_runs(two)
    done = CliRunner().invoke(cli, ["compare", *map(str, two), "--out", str(tmp_path / "c.html")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "c.html").read_text("utf-8")
    for number in numbers_in(found):
        assert number in done.output and number in page and number in render_compared(found, html=False)
    done = CliRunner().invoke(cli, ["compare", *map(str, two), "--json"])
    data = json.loads(done.output)
    assert data["format"] == "venire.compare/1"
    assert data["differences"][0]["estimate"] == found.differences[0].estimate


def test_a_decision_made_after_the_fact_is_told_apart_everywhere(two: Two, tmp_path: Path) -> None:
    decision = read_json(two[0] / "decision.json")
    decision["post_hoc"] = {"changed": ["suites"], "reason": "a suite was mended"}
    (two[0] / "decision.json").write_text(json.dumps(decision), "utf-8")
    said = f"{decision['outcome']}, post hoc"
    for suffix in (".md", ".html"):
        done = CliRunner().invoke(cli, ["compare", *map(str, two), "-o", str(tmp_path / f"c{suffix}")])
        assert done.output.count(said) == 1 and "a suite was mended" in done.output
        text = (tmp_path / f"c{suffix}").read_text("utf-8")
        assert text.count(said) == 1 and "a suite was mended" in text
    data = json.loads(CliRunner().invoke(cli, ["compare", *map(str, two), "--json"]).output)
    assert [bool(entry["post_hoc"]) for entry in data["entries"]] == [True, False]


def test_markdown_tables_are_whole(two: Two) -> None:
    text = render_compared(compare_runs(two), html=False)
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, block
        assert not rows or rows[1].startswith("|---")
    assert markdown("a_sft-step12/plain") in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on PATH")
def test_the_page_fits_and_asks_for_nothing(two: Two, tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    page.write_text(render_compared(compare_runs(two), html=True), "utf-8")
    with chromium(tmp_path / "profile") as browser:
        tab = browser.tab()
        for width in (390, 1440):
            tab.size(width)
            tab.open(page.as_uri())
            assert tab.run("document.documentElement.scrollWidth") <= width
        assert tab.console == [] and all(address.startswith("file:") for address in tab.requests)
