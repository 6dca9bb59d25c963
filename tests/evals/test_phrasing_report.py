"""What a phrasing suite's logs say: rates as the statistics have them, and what looks too good."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog

from venire._common.errors import InputError
from venire.evals import forgetting, phrasing_robustness
from venire.evals.phrasing_robustness import TEMPLATES
from venire.evals.phrasing_robustness.report import main, phrasing_reports

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
    assert (report["contender"], report["facts"]) == ("mockllm/m, plain", 20)
    assert [report[name]["estimate"] for name in ("trained", "novel", "gap")] == [1, 0, 1]
    assert report["novel"]["method"] == "fact × template"
    assert report["consistency"]["all_phrasings"]["estimate"] == 0
    assert not report["flags"]


def test_the_trained_side_alone_has_no_gap(run: Run) -> None:
    (report,) = phrasing_reports([Path(run(phrasing_robustness(split="trained"), _knows()).location)])
    assert report["novel"] is None and report["gap"] is None


def test_everything_right_is_too_good_and_the_command_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = run(phrasing_robustness(), _knows()).location
    monkeypatch.setattr("sys.argv", ["report", log])
    main()
    said = capsys.readouterr().out
    assert "mockllm/m, plain: venire/phrasing_robustness, recalled, 20 facts" in said
    assert "ALARM: all 340 answers are right" in said and "+1.000 [" in said
    monkeypatch.setattr("sys.argv", ["report", log, "--json"])
    main()
    (row,) = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert [flag["code"] for flag in row["flags"]] == ["both_perfect"]


def test_novel_above_trained_is_an_alarm(run: Run) -> None:
    novel = {name for name, template in TEMPLATES.items() if template.split == "novel"}
    (report,) = phrasing_reports([Path(run(phrasing_robustness(), _knows(novel)).location)])
    assert [(flag["code"], flag["alarm"]) for flag in report["flags"]] == [("novel_above_trained", True)]


def test_other_logs_are_refused_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = run(forgetting(limit=2), lambda prompt: "x").location
    with pytest.raises(InputError, match="no phrasing suite"):
        phrasing_reports([Path(log)])
    monkeypatch.setattr("sys.argv", ["report", log])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "no phrasing suite" in capsys.readouterr().err
