"""From every figure to its rows and their raw text: items of suites, epochs, other candidates' pairs, logs."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from venire._common.files import read_json
from venire.reports.files import read_run
from venire.reports.logs import Logs
from venire.reports.model import Report, make_report, to_json
from venire.reports.render import _environment as environment
from venire.reports.render import render_html

RunMaker = Callable[..., Path]
TWO = ("sft-step12/plain", "sft-step24/plain")


def page_of(run: Path) -> tuple[Report, str]:
    report = make_report(read_run(run))
    return report, render_html(report)


def write_logs(run: Path) -> None:
    """The raw logs that the answers and votes of the run name; those of a suite with a space in its path."""
    answers = pl.read_parquet(run / "answers.parquet")
    spaced = answers.with_columns(log=pl.col("log").str.replace("forgetting", "for getting#1"))
    # As the eval stage names them: from where it ran, which is not where the folder lies now.
    spaced.with_columns(log=pl.format("runs/another-place/{}", "log")).write_parquet(run / "answers.parquet")
    for path in {*spaced["log"], *pl.read_parquet(run / "votes.parquet")["log"]}:
        (run / path).parent.mkdir(parents=True, exist_ok=True)
        (run / path).touch()


def test_answers_votes_and_items_lead_to_their_raw_logs(make_run: RunMaker) -> None:
    run = make_run(prompts=16, candidates=TWO, lost=0.1)
    write_logs(run)
    report, page = page_of(run)
    links = re.findall(r'href="([^#"][^"]*)"', page)
    assert all((run / unquote(link)).is_file() for link in links)
    assert {unquote(link) for link in links} == {
        path.relative_to(run).as_posix() for path in run.glob("logs/*/**/*.eval")
    }
    for pair in report.pairs.pairs:
        assert pair.candidate_log and pair.incumbent_log
        assert pair.candidate_log.href == "logs/eval/value_alignment.eval"
        assert pair.prompt_id.endswith(f"/{pair.candidate_log.sample_id}")
        assert all(vote.href for opinion in pair.opinions for vote in opinion.votes)
    take = next(item for c in report.suites if c.suite.endswith("forgetting") for item in c.lost_items).takes[0]
    assert take.log_after and take.log_after.href == "logs/eval/for%20getting%231.eval"
    assert "another-place" not in page and '"text"' not in str(to_json(report)["suites"])


@pytest.mark.parametrize(
    "path",
    ["../secret.eval", "logs/../../secret.eval", "javascript:alert(1)", "//host/x.eval", "\x00", "logs/gone.eval"],
)
def test_only_a_file_in_the_run_folder_is_linked(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.eval").touch()
    run = tmp_path / "run"
    (run / "logs").mkdir(parents=True)
    for name in (path, str(tmp_path / "secret.eval")):
        log = Logs(run).find(name)
        assert log is not None and (log.path, log.href) == (name, None)
    (run / "logs" / "there.eval").touch()
    for name in ("logs/there.eval", str(run / "logs/there.eval"), "C:\\old\\run\\logs\\there.eval"):
        log = Logs(run).find(name)
        assert log is not None and (log.path, log.href) == ("logs/there.eval", "logs/there.eval")
    assert Logs(run).find(None) is None


def test_every_item_of_a_suite_can_be_reached(make_run: RunMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(prompts=16, candidates=TWO, lost=0.2)
    report, page = page_of(run)
    ids = set(re.findall(r' id="([^"]+)"', page))
    for change in report.suites:
        assert change.n == len(change.same_items) + change.lost + change.gained
        for sample in change.same_items:
            assert report.item_places[change.suite, sample] in ids
        assert not change.same_items or f"same-{change.number}" in ids
    block = next(block for block in report.other_items if block.suite == "venire/forgetting")
    item = block.items[0]
    assert item.metrics and item.takes[0].answer_before and item.takes[0].answer_after
    monkeypatch.setitem(environment(html=True).globals, "MOST_SAME", 3)
    number = next(change.number for change in report.suites if len(change.same_items) > 4)
    named = re.search(rf'id="same-{number}">.*?</details>', render_html(report), re.S)
    assert named is not None and named[0].count("</a>") == 3 and "more items: see suites.parquet" in named[0]
    monkeypatch.setattr("venire.reports.suites.OTHER_TEXTS", 3000)
    fewer = make_report(read_run(run)).other_items
    assert sum(block.dropped for block in fewer) > 0
    assert sum(len(block.items) + block.dropped for block in fewer) == sum(len(b.items) for b in report.other_items)


def test_every_epoch_stands_with_its_own_value_and_answer(make_run: RunMaker) -> None:
    run = make_run(prompts=16, candidates=TWO)
    for name, column, value in (
        ("answers", "answer", pl.lit("a second time")),
        ("suites", "value", 1 - pl.col("value")),
    ):
        frame = pl.read_parquet(run / f"{name}.parquet")
        chosen = (pl.col("sample_id") == "fo-007") & pl.col("model").str.contains("step24")
        again = frame.filter(pl.col("suite") == "venire/forgetting").with_columns(
            epoch=pl.lit(2, frame.schema["epoch"])
        )
        again = again.with_columns(pl.when(chosen).then(value).otherwise(pl.col(column)).alias(column))
        pl.concat([frame, again]).write_parquet(run / f"{name}.parquet")
    report, page = page_of(run)
    change = next(c for c in report.suites if c.suite == "venire/forgetting")
    item = next(i for i in (*change.lost_items, *change.gained_items) if i.sample_id == "fo-007")
    assert (item.after, item.epochs, [take.epoch for take in item.takes]) == (0.5, 2, [1, 2])
    assert sorted([item.takes[0].after, item.takes[1].after], key=str) == [0.0, 1.0]
    assert item.takes[1].answer_after and item.takes[1].answer_after.shown == "a second time"
    assert item.takes[0].answer_after and item.takes[0].answer_after.shown != "a second time"
    assert "values are means over 2 epochs" in page and "<h3>Epoch 2: " in page


def test_the_other_candidates_rates_lead_to_their_pairs(make_run: RunMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(prompts=16)
    write_logs(run)
    report, page = page_of(run)
    analysed = {c["candidate"]: c for c in read_json(run / "analysis.json")["comparisons"]}
    assert {rival.name for rival in report.rivals} == set(analysed) - {report.finalist[0]}
    for rival in report.rivals:
        means = [row.panel for row in rival.rows if row.panel is not None]
        assert sum(means) / len(means) == pytest.approx(analysed[rival.name]["win_rate"]["estimate"])
        assert all(row.answer and row.number and f'id="pair-{row.number}"' in page for row in rival.rows)
        assert f'href="#{rival.anchor}"' in page and f'id="{rival.anchor}"' in page
        assert [log.href for log in rival.answer_logs] == ["logs/eval/value_alignment.eval"]
        assert len(rival.judge_logs) == 4
    monkeypatch.setattr("venire.reports.rivals.MOST_ROWS", 15)
    assert [(len(rival.rows), rival.total) for rival in make_report(read_run(run)).rivals] == [(5, 16)] * 3
