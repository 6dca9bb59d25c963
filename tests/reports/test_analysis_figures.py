"""What an analysis adds where the votes allow it, and a run of which no vote counts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire._common.files import read_json
from venire.judges.analysis import analyze
from venire.reports import build_report
from venire.reports.numbers import decimal, interval, percent

RunMaker = Callable[..., Path]


def told(run: Path) -> tuple[str, str, dict[str, Any]]:
    html = build_report(run).read_text("utf-8")
    return html, (run / "report.md").read_text("utf-8"), read_json(run / "report.json")


def rewritten(run: Path, name: str, change: Callable[[Any], object]) -> None:
    value = read_json(run / name)
    change(value)
    (run / name).write_text(json.dumps(value), "utf-8")


def test_many_contenders_stand_on_one_scale(make_run: RunMaker) -> None:
    run = make_run()
    ranked = read_json(run / "analysis.json")["ranking"]
    html, markdown, data = told(run)
    assert data["ranking"]["contenders"] == ranked["contenders"] and len(ranked["contenders"]) == 5
    best = ranked["contenders"][0]
    assert (
        f"1. {best['name']}" in html and decimal(best["log_worth"]) in html and decimal(best["log_worth"]) in markdown
    )
    assert f"{decimal(best['low'])} to {decimal(best['high'])}" in html
    rewritten(run, "analysis.json", lambda a: a["ranking"]["contenders"][0].update(low=None, high=None))
    assert "not estimable" in told(run)[1]
    rewritten(run, "analysis.json", lambda a: a.pop("ranking"))
    html, _, data = told(run)
    assert data["ranking"] is None and 'id="ranking"' not in html


def test_agreement_has_intervals_and_an_older_analysis_has_none(make_run: RunMaker) -> None:
    run = make_run()
    html, _, data = told(run)
    c = next(c for c in read_json(run / "analysis.json")["comparisons"] if c["candidate"].startswith(data["candidate"]))
    within = c["agreement"]["intervals"]["fleiss_kappa"]
    row = next(row for row in data["agreement"] if row["name"] == "Fleiss' κ")
    assert (row["low"], row["high"]) == (within["low"], within["high"])
    assert f"{decimal(within['low'])} to {decimal(within['high'])}" in html
    assert f"at least {decimal(c['agreement']['a_flip']['low'])}<small>one-sided" in html
    rewritten(run, "analysis.json", lambda a: [c["agreement"].pop("intervals") for c in a["comparisons"]])
    row = next(row for row in told(run)[2]["agreement"] if row["name"] == "Fleiss' κ")
    assert row["value"] == c["agreement"]["fleiss_kappa"] and row["low"] is None


def test_where_judges_skipped_prompts_the_complete_ones_stand_beside(make_run: RunMaker) -> None:
    run = make_run()
    votes = pl.read_parquet(run / "votes.parquet")
    skipped = (pl.col("judge") == "embedding:all-minilm") & pl.col("prompt_id").str.ends_with("7")
    (run / "analysis.json").write_text(json.dumps(analyze(votes.filter(~skipped))), "utf-8")
    html, _, data = told(run)
    finalist = read_json(run / "decision.json")["candidate"]
    c = next(c for c in read_json(run / "analysis.json")["comparisons"] if c["candidate"] == finalist)
    row = next(row for row in data["win_rates"] if row["label"] == "Judged by every judge")
    full = c["complete_case"]
    assert (row["estimate"], row["low"], row["n"]) == (full["estimate"], full["low"], full["n"]) and not row["solid"]
    assert percent(full["estimate"]) in html and interval(full["low"], full["high"]) in html


def test_what_people_said_is_in_all_three_forms(make_run: RunMaker) -> None:
    run = make_run()
    people = {"estimate": 0.64, "low": 0.52, "high": 0.76, "level": 0.95, "method": "ppi++", "people_alone": 0.6}
    people |= {"weight": 0.4, "labelled": 20, "n": 32, "people": 2, "panel_agrees": 0.7, "kappa": 0.41}
    people |= {"inconclusive": False}
    rewritten(run, "analysis.json", lambda a: [c.update(people=people) for c in a["comparisons"]])
    html, markdown, data = told(run)
    assert data["people"] == people
    for text in (html, markdown):
        assert "at a rate of 64.0% (95% interval 52.0% to 76.0%)" in text.replace("\\", "")


@pytest.mark.parametrize("with_analysis", [True, False])
def test_a_run_of_which_no_vote_counts(make_run: RunMaker, with_analysis: bool) -> None:
    run = make_run()
    pl.read_parquet(run / "votes.parquet").with_columns(use=pl.lit("display")).write_parquet(run / "votes.parquet")
    if not with_analysis:
        (run / "analysis.json").unlink()
    rewritten(
        run, "decision.json", lambda d: d.update(candidate=None, win_rate=None, counted=[], candidate_sha256=None)
    )
    html, markdown, data = told(run)
    assert "there is no candidate that could replace" in html and markdown.startswith("## ")
    assert all(judge["status"] != "counted" for judge in data["judges"])
    assert with_analysis or "no vote counts" in html
