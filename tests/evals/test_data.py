"""The shipped data files: each is what its model and its JSON Schema say, and no row escapes the check."""

import json
import re
import shutil
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from venire._common.errors import InputError
from venire.data_commands import data
from venire.evals.check import DATA, HOME, problems, suite_problems, write_schemas
from venire.evals.forgetting import Item
from venire.evals.scenarios import load_rows


def test_every_file_is_listed_and_right() -> None:
    assert problems() == []
    shipped = {str(path.relative_to(HOME)) for path in HOME.rglob("*.jsonl")}
    assert shipped == set(DATA)


def test_a_schema_names_every_key_that_rows_use() -> None:
    for name in DATA:
        schema = json.loads((HOME / name).with_suffix(".schema.json").read_text("utf-8"))
        rows = [json.loads(line) for line in (HOME / name).read_text("utf-8").splitlines()]
        assert {key for row in rows for key in row} <= set(schema["properties"])
        assert all(set(schema["required"]) <= set(row) for row in rows)


def test_a_row_that_is_wrong_is_told(tmp_path: Path) -> None:
    for name, model in DATA.items():
        first = json.loads((HOME / name).read_text("utf-8").splitlines()[0])
        path = tmp_path / "wrong.jsonl"
        path.write_text(json.dumps(first | {"colour": "red"}) + "\n")
        try:
            load_rows(path, model)
        except InputError as error:
            assert "row 1" in str(error) and "colour" in str(error)
        else:
            raise AssertionError(name)


def _said(text: str) -> ModelOutput:
    made = ModelOutput.from_content("mockllm/m", text)
    made.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return made


def _toasts(folder: Path) -> Path:
    """The suite that the page for authors has one write."""
    page = (HOME / "README.md").read_text("utf-8")
    suite = folder / "toasts"
    suite.mkdir()
    row = re.search(r"`prompts.jsonl`: `(\{.*\})`", page)
    code = re.search(r"`toasts.py`:\n\n(.*?)\n\n3\. ", page, re.DOTALL)
    assert row and code
    (suite / "prompts.jsonl").write_text(row[1] + "\n")
    (suite / "toasts.py").write_text(textwrap.dedent(code[1]) + "\n")
    return suite


def test_the_page_for_authors_can_be_followed_to_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    suite = _toasts(tmp_path)
    wrong = suite_problems(suite)
    assert len(wrong) == 2 and "no README.md" in wrong[0] and "no prompts.schema.json" in wrong[1]
    (suite / "README.md").write_text("# toasts\n")
    assert write_schemas(suite) == [suite / "prompts.schema.json"] and write_schemas(suite) == []
    assert suite_problems(suite) == []
    said = _said("To water, and to him who keeps it where it should be!")
    model = get_model("mockllm/m", custom_outputs=[said])
    (log,) = eval("toasts/toasts.py", model=model, log_dir="logs", display="none")
    assert log.status == "success", log.error
    assert log.results and log.results.scores[0].metrics["accuracy"].value == 1


def test_anybodys_suite_is_checked_row_by_row(tmp_path: Path) -> None:
    suite = _toasts(tmp_path)
    (suite / "README.md").write_text("# toasts\n")
    write_schemas(suite)
    rows = [
        {"id": "toast-1", "domain": "toasts", "prompt": "Write one."},
        {"id": "Toast 2", "domain": "toasts"},
        {"id": "toast-1", "domain": "toasts", "prompt": "Another.", "weight": "much"},
    ]
    (suite / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wrong = suite_problems(suite)
    assert [re.findall(r"row (\d)", each) for each in wrong] == [["2"], ["2"], ["3"], ["3", "1"]]
    assert "'prompt' is a required property" in " ".join(wrong) and "key 'weight'" in " ".join(wrong)
    assert suite_problems(suite / "prompts.jsonl") == wrong
    (suite / "prompts.schema.json").write_text("{")
    assert "no JSON Schema" in suite_problems(suite)[0]


def _spoilt(folder: Path, suite: str, changes: dict[str, dict[str, object]]) -> Path:
    """A copy of one of our suites in which some rows are changed; a None takes the key out."""
    copy = folder / suite
    shutil.copytree(HOME / suite, copy)
    for file in copy.glob("*.jsonl"):
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        rows = [row | changes.get(row["id"], {}) for row in rows]
        kept = [{key: value for key, value in row.items() if value is not None} for row in rows]
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), "utf-8")
    return copy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"match": "contains", "target": None}, "needs a target"),
        ({"match": "code", "target": None, "function": "f", "calls": [[1], [2]], "results": [1]}, "as many results"),
        ({"match": "check", "checks": {"wordz": [1, 2]}}, "no check 'wordz'"),
        ({"match": "check", "checks": {"words": "three"}}, "check 'words': \"three\""),
        ({"match": "check", "checks": {"words": [3]}}, "check 'words': [3]"),
        ({"match": "check", "checks": {"words": [5, 3]}}, "the fewest come first"),
        ({"match": "check", "checks": {"count": [2, "echo"]}}, "check 'count'"),
        ({"match": "check", "checks": {"order": []}}, "check 'order'"),
        ({"match": "check", "checks": {"lower": False}}, "check 'lower'"),
    ],
)
def test_a_copy_of_a_suite_of_ours_is_held_to_what_its_task_demands(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    suite = _spoilt(tmp_path, "forgetting", {"fact-france": change})
    (wrong,) = suite_problems(suite)
    assert re.search(r"row \d+", wrong) and said in wrong
    with pytest.raises(InputError, match=re.escape(said)):
        load_rows(suite / "scenarios.jsonl", Item)


def test_a_position_without_a_contrast_is_told_and_anybodys_own_schema_is_enough_for_his_rows(tmp_path: Path) -> None:
    suite = _spoilt(tmp_path, "value_alignment", {"re-cheater-husband": {"contrast": None}})
    (wrong,) = suite_problems(suite)
    assert "row 157" in wrong and "needs a reference and a contrast" in wrong
    schema = suite / "scenarios.schema.json"
    schema.write_text(json.dumps(json.loads(schema.read_text("utf-8")) | {"title": "Mine"}))
    assert suite_problems(suite) == []


def test_the_command_checks_suites_and_keeps_them_from_training_data(tmp_path: Path) -> None:
    done = CliRunner().invoke(data, ["check", str(HOME / "style"), str(HOME / "kernel")])
    assert done.exit_code == 0 and done.output.count("in order") == 2
    suite = _toasts(tmp_path)
    done = CliRunner().invoke(data, ["check", str(suite), "--json"])
    assert done.exit_code == 1 and len(json.loads(done.output)["suites"][str(suite)]) == 2
    done = CliRunner().invoke(data, ["check", str(suite), str(HOME / "style" / "prompts.jsonl")])
    assert isinstance(done.exception, InputError) and "apart" in str(done.exception)
