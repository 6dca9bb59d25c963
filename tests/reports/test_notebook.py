"""Results in a notebook: the same figures, in a frame that nothing gets out of, and as text where there is none."""

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire._common.files import read_json
from venire.reports import compare_runs, show
from venire.reports.numbers import percent

RunMaker = Callable[..., Path]


def page(shown: object) -> str:
    found = re.fullmatch(r'<iframe [^>]*sandbox=""[^>]* srcdoc="([^"]*)"></iframe>', shown._repr_html_())  # type: ignore[attr-defined]
    assert found, "one frame, and nothing beside it"
    return html.unescape(found[1])


def test_a_run_shows_its_decision_and_its_gate(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    shown = show(run)
    inside = page(shown)
    for text in (inside, repr(shown), shown._repr_markdown_()):
        assert decision["outcome"] in text and percent(decision["win_rate"]["estimate"]) in text
    assert inside.count("<tr role") == len(decision["components"]) + 1 and "<svg" in inside


def test_an_analysis_and_a_decision_alone_are_shown(make_run: RunMaker) -> None:
    run = make_run()
    analysis = read_json(run / "analysis.json")
    shown = show(analysis)
    for c in analysis["comparisons"]:
        rate = percent(c["win_rate"]["estimate"])
        assert rate in page(shown) and rate in repr(shown)
    decision = read_json(run / "decision.json")
    alone = show(decision)
    assert decision["outcome"] in page(alone)
    bound = next(part["observed"] for part in decision["components"] if part["name"] == "superiority")
    for text in (page(alone), repr(alone)):  # the best of several: its own mean was raised by the choice
        assert f"at least {percent(bound)}: the bound that holds for whichever of several candidates is best" in text
    assert "whole interval lies above" not in repr(alone)
    with pytest.raises(InputError, match="is wanted"):
        show({})


def test_runs_side_by_side_are_shown(make_run: RunMaker) -> None:
    found = compare_runs([make_run()])
    assert all(percent(e.win_rate.estimate) in page(show(found)) for e in found.entries)


def test_nothing_gets_out_of_the_frame(make_run: RunMaker) -> None:
    analysis = read_json(make_run() / "analysis.json")
    hostile = '"></iframe><script>alert(1)</script>\u202e'
    analysis["comparisons"][0]["candidate"] = hostile
    shown = show(analysis)
    outside = re.sub(r'srcdoc="[^"]*"', "", shown._repr_html_())
    assert "script" not in outside and outside.count("<") == 2
    assert "<script" not in page(shown) and "\u202e" not in shown._repr_html_() + repr(shown)
