"""Facts in other words: every figure with its interval, red flags in sight, and nothing where nothing was asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire._common.files import read_json
from venire.reports import build_report

RunMaker = Callable[..., Path]
INCUMBENT = "smollm2-135m/plain"
HOSTILE = "<img src=x onerror=alert(1)>"


def row(contender: str, **changed: Any) -> dict[str, Any]:
    """A row as `venire.evals.phrasing_robustness.analysis` writes it."""
    method = "fact × template"
    return {
        "suite": "venire/phrasing_robustness",
        "contender": contender,
        "metric": "recalled",
        "facts": 40,
        "trained": {"estimate": 0.8125, "low": 0.7, "high": 0.89, "n": 80, "method": method},
        "novel": {"estimate": 0.5417, "low": 0.31, "high": 0.75, "n": 120, "method": method},
        "gap": {"estimate": 0.271, "low": 0.052, "high": 0.49, "n": 200, "method": method},
        "consistency": {
            "mean": 0.71,
            "corrected": 0.402,
            "all_phrasings": {"estimate": 0.225, "low": 0.12, "high": 0.377},
        },
        "flags": [],
    } | changed


def told(run: Path, rows: list[dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    (run / "phrasings.json").write_text(json.dumps(rows), "utf-8")
    html = build_report(run).read_text("utf-8")
    return html, (run / "report.md").read_text("utf-8"), read_json(run / "report.json")


def test_every_figure_has_its_interval_and_the_finalist_comes_first(make_run: RunMaker) -> None:
    run = make_run()
    finalist = read_json(run / "decision.json")["candidate"]
    html, markdown, data = told(run, [row("another/plain"), row(INCUMBENT), row(finalist)])
    assert [found["contender"] for found in data["phrasings"]] == [finalist, INCUMBENT, "another/plain"]
    assert data["phrasings"][0]["novel"] == row(finalist)["novel"]
    for said in ("81.2%<small>70.0% to 89.0%, n 80", "54.2%<small>31.0% to 75.0%, n 120", "22.5%<small>12.0% to 37.7%"):
        assert said in html
    assert "+27.1 points<small>+5.2 points to +49.0 points, n 200" in html and "0.402" in html
    assert "54.2% (31.0% to 75.0%)" in markdown and "+27.1 points (+5.2 points to +49.0 points)" in markdown


def test_red_flags_are_in_sight_and_alarms_are_warnings(make_run: RunMaker) -> None:
    alarm = {"code": "both_perfect", "alarm": True, "message": f"all answers are right {HOSTILE}"}
    note = {"code": "few_templates", "alarm": False, "message": "3 novel templates"}
    html, markdown, data = told(make_run(), [row(INCUMBENT, flags=[alarm, note]), row("another/plain", flags=[alarm])])
    codes = [caution["code"] for caution in data["cautions"]]
    assert codes.count("both_perfect") == 1 and "few_templates" not in codes
    assert "alarm: all answers are right" in html and "3 novel templates" in html and "3 novel templates" in markdown
    assert HOSTILE not in html and HOSTILE not in markdown


def test_what_is_undefined_is_said_to_be(make_run: RunMaker) -> None:
    nothing = {"estimate": None, "low": None, "high": None, "n": 4, "method": "fact"}
    alike = {"mean": None, "corrected": None, "all_phrasings": {"estimate": 0.5, "low": None, "high": None}}
    html, markdown, data = told(make_run(), [row(INCUMBENT, gap=None, novel=None, trained=nothing, consistency=alike)])
    assert data["phrasings"][0]["gap"] is None and data["phrasings"][0]["consistency"] is None
    assert "not estimable" in html and "no interval" in html and "not estimable" in markdown


def test_nothing_is_said_where_nothing_was_asked(make_run: RunMaker) -> None:
    html, _, data = told(make_run(), [])
    assert data["phrasings"] == [] and 'id="phrasings"' not in html


def test_a_broken_file_is_named(make_run: RunMaker) -> None:
    run = make_run()
    (run / "phrasings.json").write_text("[", "utf-8")
    with pytest.raises(InputError, match=r"phrasings\.json: not valid JSON"):
        build_report(run)
