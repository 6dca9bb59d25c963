"""What the report says of the judges: what each is, its exam and its price, a second pass, and who is only shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire._common.files import read_json
from venire.reports import build_report

RunMaker = Callable[..., Path]
PAID = "anthropic/claude-sonnet-4-5-20250929"
LOCAL = "embedding:all-minilm"
HOSTILE = "<img src=x onerror=alert(1)>"


def told(run: Path) -> tuple[str, str, dict[str, Any]]:
    html = build_report(run).read_text("utf-8")
    return html, (run / "report.md").read_text("utf-8"), read_json(run / "report.json")


def with_ledger(run: Path) -> Path:
    """The run with a ledger, and exams that know their price."""
    exams = read_json(run / "qualification.json")
    exams[PAID] |= {"calls": 80, "cost_usd": 0.168}
    exams[LOCAL] |= {"calls": 80, "cost_usd": None}
    retest = {"n": 32, "same": 28, "prompts": 16, "share": 0.875, "low": 0.71, "high": 0.96, "invalid": 1}
    none_valid = {"n": 0, "same": 0, "prompts": 0, "share": None, "low": 0.0, "high": 1.0, "invalid": 4}
    failed = {"judge": PAID, "sample_id": "a-1", "repeat": 0, "reason": "timeout", "log": "1.eval"}
    ledger = {
        "judges": {
            PAID: {"what": f"a reader {HOSTILE}", "added": True, "exam": exams[PAID], "retest": retest},
            LOCAL: {"what": "no reader: nearness", "added": False, "exam": exams[LOCAL], "retest": none_valid},
        },
        "retried": [
            failed | {"verdict_now": "tie", "reason_now": None, "log_now": "2.eval"},
            failed | {"sample_id": "a-2", "verdict_now": "invalid", "reason_now": "parse", "log_now": "2.eval"},
        ],
        "paid": {"calls": 590, "cost_usd": 1.239, "unpriced": 3},
        "attempts_to_sway": {"smollm2-135m/plain": 1, "stance_dpo-step12/plain": 4},
    }
    (run / "qualification.json").write_text(json.dumps(exams), "utf-8")
    (run / "ledger.json").write_text(json.dumps(ledger), "utf-8")
    return run


def judge(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in data["judges"] if row["name"] == name)


def test_each_judge_says_what_it_is_and_what_its_exam_cost(make_run: RunMaker) -> None:
    html, markdown, data = told(with_ledger(make_run()))
    row = judge(data, PAID)
    assert (row["exam_calls"], row["exam_cost"], row["exam_kinds"]["shuffled"]) == (80, 0.168, [12, 14])
    for text in (html, markdown):
        assert "80 calls, $0.17" in text and "80 calls, no price" in text and "no reader: nearness" in text
    assert "shuffled 12 of 14, truncated 22 of 26" in html
    assert "$1.24 for 587 calls, and 3 calls more whose price is not known" in html
    assert {"what": "Of this, for exams", "value": "$0.17 for 80 calls", "exact": False} in data["costs"]
    assert HOSTILE not in html + markdown and "&lt;img src=x" in html


def test_a_judge_that_joined_later_is_called_post_hoc(make_run: RunMaker) -> None:
    html, markdown, data = told(with_ledger(make_run()))
    assert judge(data, PAID)["added"] and not judge(data, LOCAL)["added"]
    assert html.count("added after the panel was sealed: its votes are post hoc") == 1
    assert markdown.count("added post hoc") == 1


def test_answers_that_speak_to_the_judge_are_counted_by_contender(make_run: RunMaker) -> None:
    run = with_ledger(make_run())
    html, markdown, data = told(run)
    sentence = "Answers that speak to the judge: 1 of smollm2-135m and 4 of stance_dpo-step12"
    assert sentence in html and sentence in markdown.replace("\\", "")
    assert "attempts_to_sway" in {caution["code"] for caution in data["cautions"]}
    ledger = read_json(run / "ledger.json") | {"attempts_to_sway": {}}
    (run / "ledger.json").write_text(json.dumps(ledger), "utf-8")
    html, _, data = told(run)
    assert "No answer was found that speaks to the judge." in html
    assert "attempts_to_sway" not in {caution["code"] for caution in data["cautions"]}


def test_what_failed_and_was_asked_again_is_told(make_run: RunMaker) -> None:
    html, _, data = told(with_ledger(make_run()))
    assert "2 failed calls (an error or a timeout; exams and other candidates included) were asked again" in html
    assert "and 1 then gave a valid vote" in html and judge(data, PAID)["retried"] == 2


def test_a_second_pass_is_told_with_its_interval_and_counts_nowhere(make_run: RunMaker) -> None:
    run = with_ledger(make_run())
    _, _, before = told(run)
    votes = pl.read_parquet(run / "votes.parquet").with_columns(repeat=pl.lit(0))
    other = {"candidate": "incumbent", "incumbent": "candidate", "tie": "candidate"}
    again = votes.filter(pl.col("judge") == PAID).with_columns(
        repeat=pl.lit(1), use=pl.lit("display"), verdict=pl.col("verdict").replace(other)
    )
    pl.concat([votes, again]).write_parquet(run / "votes.parquet")
    html, markdown, data = told(run)
    said = "the same verdict 28 of 32 times, 87.5% (95% interval 71.0% to 96.0%; 16 prompts); 1 not valid in both"
    assert said in html and said in markdown
    assert "no vote is valid in both passes (4 prompts" not in html and "no vote is valid in both passes" in html
    for key in ("votes", "wins", "losses", "ties", "invalid", "status"):
        assert judge(data, PAID)[key] == judge(before, PAID)[key]
    assert data["pairs"] == before["pairs"]


def test_an_imported_judge_is_shown_only(make_run: RunMaker) -> None:
    run = make_run()
    votes = pl.read_parquet(run / "votes.parquet")
    theirs = votes.filter(pl.col("judge") == PAID).with_columns(
        judge=pl.lit("imported:openai/gpt-9"), use=pl.lit("display"), cost_usd=pl.lit(1000.0)
    )
    _, _, before = told(run)
    pl.concat([votes, theirs]).write_parquet(run / "votes.parquet")
    html, _, data = told(run)
    row = judge(data, "imported:openai/gpt-9")
    assert row["status"] == "shown" and row["imported"] and "a log made elsewhere" in row["why"]
    assert "imported:openai/gpt-9 is shown, not counted" in html
    paid = {"Paid to vendors, as far as recorded"}
    costs = [[fact for fact in found["costs"] if fact["what"] in paid] for found in (before, data)]
    assert costs[0] == costs[1] and costs[0]


@pytest.mark.parametrize("lacking", [{}, {"judges": {PAID: {"kind": "model", "votes": 3}}}])
def test_an_older_ledger_breaks_nothing(make_run: RunMaker, lacking: dict[str, Any]) -> None:
    run = make_run()
    (run / "ledger.json").write_text(json.dumps(lacking), "utf-8")
    html, _, data = told(run)
    assert "speaks to the judge" not in html and judge(data, PAID)["exam_calls"] is None
    assert "Asked a second time" not in html and "not recorded" in html
