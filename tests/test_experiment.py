"""The experiment file: what is wrong is said in one sentence with file and key."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from venire._common.errors import InputError
from venire.evals.treatments import Treatment
from venire.experiment import Generation, SuiteSpec, load_experiment, schema

GOOD: dict[str, Any] = {
    "name": "e",
    "bases": ["smollm2-135m"],
    "incumbent": "smollm2-135m/plain",
    "candidates": [{"recipe": "r.yaml"}],
    "suites": [{"task": "venire/forgetting", "non_inferiority": {"delta": 0.1}}],
}


def load(tmp_path: Path, **changes: Any) -> Any:
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return load_experiment(path)


def test_a_good_one_is_read_with_its_policy(tmp_path: Path) -> None:
    experiment = load(tmp_path, gate={"alpha": 0.01})
    assert experiment.policy.alpha == 0.01
    assert experiment.policy.suites["forgetting"].non_inferiority.delta == 0.1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"name": "a/b"}, "name: use letters"),
        ({"incumbent": "other/plain"}, "incumbent 'other/plain' is none of"),
        ({"candidates": [{"recipe": "r", "path": "p"}]}, r"candidates\[0\]: give one of"),
        ({"candidates": [{"recipe": "r", "treatment": "x"}]}, "treatment 'x' is not one of"),
        ({"candidates": [{"recipe": "r", "teachers": ["openai"]}]}, "`teachers` goes with `path`"),
        (
            {"candidates": [{"path": "p", "teachers": ["openai/gpt-x"]}]},
            r"\[0\].teachers: teacher",
        ),
        ({"suites": []}, "suites"),
        ({"suites": [{"task": "a/x"}, {"task": "b/x"}]}, "'x' is named twice"),
        ({"suites": [{"task": "a/x", "thresholds": {"m": {}}}]}, "exactly one of at_most, at_least"),
        ({"bases": []}, "bases"),
        (
            {"suites": [{"task": "a/x", "generation": {"max_token": 5}}]},
            r"suites\[0\].generation: max_token: .*there is e.g. max_tokens",
        ),
        (
            {"suites": [{"task": "a/x", "generation": {"temperature": "hot"}}]},
            r"suites\[0\].generation: temperature: .*valid number",
        ),
        ({"generation": {"max_token": 5}}, "unknown key 'generation.max_token'"),
        ({"generation": {"temperature": "hot"}}, "generation.temperature: "),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load(tmp_path, **changes)
    assert "\n" not in str(caught.value)
    assert "e.yaml" in str(caught.value)


def test_settings_of_inspect_are_kept_as_they_are_written(tmp_path: Path) -> None:
    suites = [{"task": "a/x", "generation": {"max_tokens": 64, "stop_seqs": ["."]}}]
    assert load(tmp_path, suites=suites).suites[0].generation == suites[0]["generation"]


def test_the_schema_holds_every_key_of_a_treatment() -> None:
    whole = schema()
    assert whole["properties"]["treatments"]["additionalProperties"] == {"$ref": "#/$defs/Treatment"}
    keys = set(Treatment.model_fields) - {"name"}  # a treatment is named by its key
    assert set(whole["$defs"]["Treatment"]["properties"]) == keys
    assert "sandwich" in json.dumps(whole) and "retrieval" in json.dumps(whole)


def test_a_file_that_is_missing_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_experiment(tmp_path / "nowhere.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(InputError, match="line 1: not valid YAML"):
        load_experiment(tmp_path / "bad.yaml")


@pytest.mark.parametrize(("given", "asked"), [({}, 3), ({"epochs": 2}, 2)])
def test_a_suite_keeps_its_own_epochs_unless_the_experiment_gives_others(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, int], asked: int
) -> None:
    from venire.stages.evaluate import contender_task

    monkeypatch.setattr("venire.engine.open_model", lambda name: None, raising=False)
    run: Any = SimpleNamespace(experiment=SimpleNamespace(generation=Generation(), seed=1))
    contender: Any = SimpleNamespace(model="mockllm/m")
    args = {"suite": "venire/forgetting", "repeats": 3, "limit": 2}
    spec = SuiteSpec.model_validate({"task": "venire/robustness", "args": args} | given)
    assert contender_task(run, spec, contender, None).epochs == asked
