"""What a phrasing suite's logs say: rates as the statistics have them, and what looks too good."""

from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog

from venire._common.errors import InputError
from venire.evals import forgetting, phrasing_robustness
from venire.evals.phrasing_robustness import TEMPLATES
from venire.evals.phrasing_robustness.report import phrasing_reports, seeds_alike

Run = Callable[..., EvalLog]


def _knows(only: set[str] | None = None) -> Callable[[str], str]:
    answers = {
        str(sample.input): sample.target[0] if only is None or sample.metadata["template"] in only else "no idea"
        for sample in phrasing_robustness().dataset
        if sample.metadata
    }
    return answers.__getitem__


def test_one_who_learned_the_wording_shows_a_gap(run: Run) -> None:
    trained = {name for name, template in TEMPLATES.items() if template.split == "trained"}
    (report,) = phrasing_reports([Path(run(phrasing_robustness(), _knows(trained)).location)])
    assert report.trained and report.novel and report.gap
    assert (report.trained.estimate, report.novel.estimate, report.gap.estimate) == (1, 0, 1)
    assert report.accuracy.method == "fact × template" and report.accuracy.facts == 20
    assert report.consistency.all_correct.estimate == 0
    assert not report.flags


def test_the_trained_side_alone_has_no_gap(run: Run) -> None:
    (report,) = phrasing_reports([Path(run(phrasing_robustness(split="trained"), _knows()).location)])
    assert report.novel is None and report.gap is None


def test_everything_right_is_too_good(run: Run) -> None:
    (report,) = phrasing_reports([Path(run(phrasing_robustness(), _knows()).location)])
    assert [flag.code for flag in report.flags] == ["both_perfect"]
    assert seeds_alike([Path(run(phrasing_robustness(limit=20), _knows()).location)], ["mockllm/m"]) == []


def test_novel_above_trained_is_an_alarm(run: Run) -> None:
    novel = {name for name, template in TEMPLATES.items() if template.split == "novel"}
    (report,) = phrasing_reports([Path(run(phrasing_robustness(), _knows(novel)).location)])
    assert [(flag.code, flag.alarm) for flag in report.flags] == [("novel_above_trained", True)]


def test_other_logs_are_refused_by_name(run: Run) -> None:
    with pytest.raises(InputError, match="no log of phrasing_robustness"):
        phrasing_reports([Path(run(forgetting(limit=2), lambda prompt: "x").location)])
