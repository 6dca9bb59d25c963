"""What stands beside a decision: what the audit of its votes found, and what the frozen plan had decided."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from venire._common.files import read_json
from venire.reports import build_report
from venire.reports.numbers import interval, percent

RunMaker = Callable[..., Path]
HOSTILE = "<script>alert(1)</script> [x](http://tracker.example)"


def told(run: Path, **changed: Any) -> tuple[str, str, dict[str, Any]]:
    """The report in its three forms, of a decision in which something is `changed`."""
    decision = read_json(run / "decision.json") | changed
    (run / "decision.json").write_text(json.dumps(decision), "utf-8")
    html = build_report(run).read_text("utf-8")
    return html, (run / "report.md").read_text("utf-8"), read_json(run / "report.json")


def test_what_the_audit_found_stands_under_the_warnings(make_run: RunMaker) -> None:
    finding = {"code": "longer_wins", "severity": "warning", "rows": 12, "message": "the longer answer wins"}
    found = [
        finding | {"effect": "the win rate goes from 0.700 to 0.610"},
        finding | {"code": "unparseable", "severity": "error", "message": HOSTILE, "effect": ""},
    ]
    html, markdown, data = told(make_run(), audit=found)
    assert [(row["code"], row["severity"], row["rows"]) for row in data["audit"]] == [
        ("longer_wins", "warning", 12),
        ("unparseable", "error", 12),
    ]
    section = html[html.index('id="warnings"') : html.index('id="win-rates"')]
    assert "the longer answer wins (12 rows, <code>longer_wins</code>)." in section
    assert "Effect: the win rate goes from 0.700 to 0.610." in section
    assert "Effect: the win rate goes from 0.700 to 0.610." in markdown.replace("\\", "")
    assert "<script>alert(1)" not in html and "](http" not in markdown.replace("\\](http", "")


def test_an_audit_that_found_nothing_says_so(make_run: RunMaker) -> None:
    html, _, data = told(make_run(), audit=[])
    assert data["audit"] == [] and 'id="audit"' in html and "<p>Nothing.</p>" in html


def test_a_decision_without_findings_on_record_says_nothing_of_them(make_run: RunMaker) -> None:
    html, _, data = told(make_run(), audit=None)
    assert data["audit"] is None and 'id="audit"' not in html


def test_the_frozen_plans_decision_is_set_beside_the_one_made_afterwards(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    before = decision | {"outcome": "PROMOTE", "counted": ["embedding:all-minilm"]}
    rate = before["win_rate"] = decision["win_rate"] | {"estimate": 0.71, "low": 0.61, "high": 0.79}
    (run / "decision.frozen.json").write_text(json.dumps(before), "utf-8")
    html, _, data = told(run)
    assert data["verdict"]["frozen"] == "" and "By the frozen plan" not in html
    changed = {"changed": ["panel (judges added afterwards: x/y)"], "reason": "a reader asked"}
    html, markdown, data = told(run, post_hoc=changed, outcome="HOLD")
    sentence = data["verdict"]["frozen"]
    assert sentence.startswith("By the frozen plan the decision was PROMOTE for stance_") and sentence in html
    assert f"win rate 71.0%, 95% interval {interval(rate['low'], rate['high'])}; 32 prompts" in sentence
    assert "judges counted: embedding:all-minilm). What was added afterwards makes it HOLD for" in sentence
    assert percent(decision["win_rate"]["estimate"]) in sentence
    assert "By the frozen plan the decision was PROMOTE" in markdown
    _, _, data = told(run, outcome="PROMOTE")
    assert "leaves it at PROMOTE" in data["verdict"]["frozen"]
