"""Scenario files: read, checked, hashed; and the texts that training must not hold."""

import os
from pathlib import Path

import pytest
from inspect_ai import Task
from inspect_ai.dataset import Sample

from venire._common.errors import InputError
from venire.evals import load_scenarios, load_task, make_suite, scenario_texts, suite_hash
from venire.evals.forgetting import exact
from venire.evals.scenarios import interleave

GOOD = "- {id: a, domain: d, prompt: 'Why?'}\n- {id: b, domain: d, prompt: 'How?', family: f, weight: 3}\n"


def _file(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_rows_are_read_in_order_with_defaults(tmp_path: Path) -> None:
    first, second = load_scenarios(_file(tmp_path, GOOD))
    assert (first.id, first.weight, first.target) == ("a", 1.0, [])
    assert first.sample().metadata == {"family": "a", "domain": "d", "weight": 1.0}
    assert second.sample(split="novel").metadata == {"family": "f", "domain": "d", "weight": 3.0, "split": "novel"}


def test_jsonl_is_the_same(tmp_path: Path) -> None:
    lines = '{"id": "a", "domain": "d", "prompt": "Why?"}\n\n{"id": "b", "domain": "d", "prompt": "How?"}\n'
    assert [row.id for row in load_scenarios(_file(tmp_path, lines, "mine.jsonl"))] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "an empty suite"),
        ("[]", "an empty suite"),
        ("id: a", "a list of rows"),
        ("- [", "not valid YAML"),
        ("- {id: a, domain: d}", "row 1, key 'prompt'"),
        ("- {id: a, domain: d, prompt: x}\n- {id: a, domain: d, prompt: y}", "row 2: id 'a' is already that of row 1"),
        ("- {id: a, domain: d, prompt: x, promt: y}", "row 1, key 'promt'"),
        ("- {id: 'A b', domain: d, prompt: x}", "row 1, key 'id'"),
        ("- {id: a, domain: d, prompt: x, weight: 0}", "row 1, key 'weight'"),
        ("- just text", "row 1"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_row(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenarios(_file(tmp_path, text))
    assert "mine.yaml" in str(caught.value) and complaint in str(caught.value)


def test_a_string_in_jsonl_may_hold_separators_of_lines(tmp_path: Path) -> None:
    row = '{"id": "a", "domain": "d", "prompt": "One\u2028two\x85three?"}\r\n'
    assert load_scenarios(_file(tmp_path, row, "mine.jsonl"))[0].prompt == "One\u2028two\x85three?"


def test_a_missing_file_and_a_broken_line_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_scenarios(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="line 2: not valid JSON"):
        load_scenarios(_file(tmp_path, '{"id": "a", "domain": "d", "prompt": "Why?"}\n{', "mine.jsonl"))


def test_interleaving_takes_turns_and_loses_nothing() -> None:
    assert interleave([[1, 2, 3], ["a"], ["x", None]]) == [1, "a", "x", 2, None, 3]


def test_a_suite_is_known_by_what_it_asks(tmp_path: Path) -> None:
    path = _file(tmp_path, "- {id: a, domain: d, prompt: 'Why?', reference: R, contrast: C}\n")
    args = {"scenarios": str(path)}
    before = suite_hash("venire/value_alignment", args)
    assert before == suite_hash("venire/value_alignment", {**args, "treatment": '{"kind":"system","text":"S"}'})
    assert before != suite_hash("venire/value_alignment")
    path.write_text(path.read_text().replace("Why?", "Why not?"))
    assert before != suite_hash("venire/value_alignment", args)
    assert suite_hash("venire/forgetting", {"limit": 5}) != suite_hash("venire/forgetting", {"limit": 6})


def test_a_scoring_revision_changes_the_version() -> None:
    samples = [Sample(id="a", input="Why?", metadata={"family": "a", "domain": "d"})]
    first, second = (make_suite("s", samples, exact(), revision=revision) for revision in (1, 2))
    assert str(first.version).startswith("1-") and first.version != second.version


def test_prompts_references_and_contrasts_are_kept_from_training() -> None:
    texts = dict(scenario_texts(load_task("venire/value_alignment", {"limit": 1})))
    (scenario,) = (key for key in texts if "#" not in key)
    assert set(texts) == {scenario, f"{scenario}#reference", f"{scenario}#contrast"}
    assert all(len(text) > 20 for text in texts.values())
    task = Task(dataset=[Sample(id=1, input="Q?")])
    assert scenario_texts(task) == [("1", "Q?")]


@pytest.mark.parametrize(
    ("name", "args", "complaint"),
    [
        ("venire/no_such", {}, "has no task 'no_such'"),
        ("venire/results", {}, "has no task 'results'"),
        ("venire/read_results", {"logs": []}, "is no Inspect task"),
        ("no_such_package/x", {}, "no installed package"),
        ("forgetting", {}, "no installed package"),
        ("venire/forgetting", {"limt": 5}, "limt"),
    ],
)
def test_an_unknown_suite_is_refused(name: str, args: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_task(name, args)


def test_nothing_is_read_when_the_suites_are_imported(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = """
import sys
def refuse(event, args):
    if event == "open" and str(args[0]).endswith((".yaml", ".yml", ".jsonl", ".md")):
        raise SystemExit(f"{args[0]} was read")
sys.addaudithook(refuse)
import venire.evals
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ})
