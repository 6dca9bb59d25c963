"""Weights trained elsewhere: who taught them is declared and frozen, and those judges do not count."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from venire import store
from venire._common.errors import InputError, VenireError
from venire.cli import cli
from venire.engine import Base
from venire.judges.panel import judgeship, resolve_panel
from venire.run import Run
from venire.stages import plan

PANEL = {"judges": [{"model": "mockllm/one", "family": "claude"}, {"model": "openai-api/mine/judge-1"}]}


@pytest.fixture
def adapter(tiny_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter that was trained elsewhere, and a working folder of the test's own."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    monkeypatch.chdir(tmp_path)
    model: Any = AutoModelForCausalLM.from_pretrained(str(tiny_base.path))
    folder = tmp_path / "elsewhere"
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(str(folder))
    return folder


@pytest.fixture
def experiment(tiny_base: Base, tmp_path: Path) -> Callable[..., Run]:
    """An experiment with one candidate, written as the test says."""

    def write(**candidate: Any) -> Run:
        name = str(tiny_base.path)
        data = {
            "name": "taught",
            "bases": [name],
            "incumbent": f"{name}/plain",
            "candidates": [candidate],
            "suites": [{"task": "venire/value_alignment", "limit": 8, "judge": True}],
            "panel": PANEL,
        }
        (tmp_path / "taught.yaml").write_text(yaml.safe_dump(data))
        return Run(tmp_path / "taught.yaml", tmp_path / "runs")

    return write


def standings(run: Run) -> list[str]:
    """How each judge of the panel stands to the candidate."""
    (candidate,) = run.candidate_contenders()
    return [judgeship(j, candidate, run.incumbent()).standing for j in resolve_panel(PANEL).judges]


def test_declared_teachers_keep_their_judges_from_counting(adapter: Path, experiment: Callable[..., Run]) -> None:
    assert standings(experiment(path=str(adapter))) == ["counted", "counted"]
    assert standings(experiment(path=str(adapter), teachers=["Anthropic"])) == ["conflict", "counted"]
    assert standings(experiment(path=str(adapter), teachers=["mine", "claude"])) == ["conflict", "conflict"]


def test_declared_teachers_are_frozen(adapter: Path, experiment: Callable[..., Run]) -> None:
    bare = plan.describe(experiment(path=str(adapter)))
    assert "teachers" not in bare
    run = experiment(path=str(adapter), teachers=["qwen2.5", "anthropic"])
    assert plan.freeze(run)["frozen"] == bare | {"teachers": {"elsewhere": ["anthropic", "qwen2.5"]}}
    plan.require_lock(run)
    with pytest.raises(VenireError, match=r"differs from .* in teachers"):
        plan.require_lock(experiment(path=str(adapter), teachers=["qwen2.5"]))


def test_teachers_of_an_added_candidate_are_kept(
    adapter: Path, tiny_base: Base, experiment: Callable[..., Run]
) -> None:
    words = ["candidates", "add", str(adapter), "--base", str(tiny_base.path), "--json"]
    told = CliRunner().invoke(cli, [*words, "--teacher", "anthropic", "--teacher", "qwen2.5"])
    assert json.loads(told.stdout)["teachers"] == ["anthropic", "qwen2.5"]
    assert standings(experiment(name="elsewhere")) == ["conflict", "counted"]
    assert plan.describe(experiment(name="elsewhere"))["teachers"] == {"elsewhere": ["anthropic", "qwen2.5"]}
    # Named by its path, or added again without a word about them, it has the same teachers; a new word replaces them.
    assert standings(experiment(path=str(adapter), teachers=["mine"])) == ["conflict", "conflict"]
    assert json.loads(CliRunner().invoke(cli, words).stdout)["teachers"] == ["anthropic", "qwen2.5"]
    assert json.loads(CliRunner().invoke(cli, [*words, "--teacher", "mine"]).stdout)["teachers"] == ["mine"]
    assert store.find("elsewhere").teachers == ("mine",)


def test_weights_of_ours_keep_the_teachers_of_their_lineage(adapter: Path, experiment: Callable[..., Run]) -> None:
    (adapter / "lineage.json").write_text(json.dumps({"teacher_families": ["claude"]}))
    assert standings(experiment(path=str(adapter))) == ["conflict", "counted"]


@pytest.mark.parametrize("wrong", ["openai/gpt-x", "", "two words", "7b"])
def test_a_teacher_is_a_family(adapter: Path, wrong: str) -> None:
    with pytest.raises(InputError, match="give the vendor or the model family"):
        store.check_family(wrong)
    done = CliRunner().invoke(cli, ["candidates", "add", str(adapter), "--teacher", wrong])
    assert isinstance(done.exception, InputError)
