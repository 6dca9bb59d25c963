"""Weights trained elsewhere: who taught them is declared and frozen, and those judges do not count."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from venire import store
from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json
from venire.cli import cli
from venire.engine import Base, adapter_sha256
from venire.evals.treatments import Treatment
from venire.judges.panel import judgeship, resolve_panel
from venire.run import Run
from venire.stages import plan
from venire.voices import find_voice

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


def retrain(folder: Path) -> None:
    """Other weights in the same place."""
    config = read_json(folder / "adapter_config.json")
    write_json(folder / "adapter_config.json", config | {"lora_alpha": config["lora_alpha"] * 2})


def test_an_added_candidate_retrained_in_place_is_refused_until_it_is_added_again(
    adapter: Path, tiny_base: Base, own_home: Path
) -> None:
    first = store.add(adapter, str(tiny_base.path), "mine", ["openai"])
    (record,) = (own_home / "candidates").glob("mine@*.json")
    assert read_json(record)["sha256"] == first.sha256
    old = {key: value for key, value in read_json(record).items() if key != "sha256"}
    for content in (read_json(record), old):  # an older Venire wrote no sha256
        write_json(record, content)
        assert store.find("mine") == store.find(f"mine@{first.sha256[:8]}") == first
    retrain(adapter)
    for _ in range(2):
        with pytest.raises(InputError, match=f"'mine@{first.sha256[:8]}': .*elsewhere now holds other weights"):
            store.find("mine")
    assert store.everything() == []
    with pytest.raises(InputError, match="now holds other weights"):
        find_voice("mine", {"plain": Treatment()}, {})
    done = CliRunner().invoke(cli, ["export", "mine", "--to", "there"])
    assert "now holds other weights" in str(done.exception)
    again = store.add(adapter, str(tiny_base.path), "mine", ["openai"])
    assert store.find("mine") == again and again.sha256 != first.sha256
    with pytest.raises(InputError, match="now holds other weights"):
        store.find(f"mine@{first.sha256[:8]}")


def test_a_candidate_that_is_gone_stops_only_those_who_ask_for_it(
    adapter: Path, tiny_base: Base, tmp_path: Path
) -> None:
    other = shutil.copytree(adapter, tmp_path / "other")
    for folder in (adapter, other):
        store.add(folder, str(tiny_base.path), None)
    (other / "adapter_model.safetensors").unlink()
    assert store.find("elsewhere").name == "elsewhere"
    assert [c.name for c in store.everything()] == ["elsewhere"]
    with pytest.raises(InputError, match=r"no \*\.safetensors"):
        store.find("other")
    shutil.rmtree(other)
    with pytest.raises(InputError, match=r"'other@.*is no folder any more; add it again"):
        store.find("other")


def test_full_weights_of_ours_are_of_their_base_s_family(tiny_base: Base, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_base.path, tmp_path / "epistemic_stance-step200")
    lineage = {"name": folder.name, "kind": "full", "base": {"name": "smollm2-135m", "family": "smollm2"}}
    write_json(folder / "lineage.json", lineage | {"sha256": adapter_sha256(folder)})
    trained = store.from_lineage(folder, read_json(folder / "lineage.json"))
    assert trained.family == store.add(folder, None, "mine").family == store.find("mine").family == "smollm2"


def test_a_candidate_knows_its_base_from_any_folder_and_is_refused_on_another(
    adapter: Path, tiny_base: Base, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = shutil.copytree(tiny_base.path, tmp_path / "tiny")
    (tmp_path / "away" / "tiny").mkdir(parents=True)
    store.add(adapter, "tiny", "mine")
    (file,) = (own_home / "candidates").glob("mine@*.json")
    record = read_json(file)
    assert store.find("mine", ["tiny"]).model.startswith("venire/tiny:mine@")  # as the experiment calls it
    monkeypatch.chdir(tmp_path / "away")
    assert store.find("mine").base == str(base) and read_json(file) == record
    old = {key: value for key, value in record.items() if key != "base_identity"} | {"base": "tiny"}
    shutil.copytree(base, tmp_path / "away" / "tiny", dirs_exist_ok=True)
    write_json(file, old)  # as it was written before: it still is read where the base is the one that it was
    assert store.find("mine").base == str(tmp_path / "away" / "tiny")
    write_json(file, record)
    write_json(base / "config.json", read_json(base / "config.json") | {"rope_theta": 5.0})
    with pytest.raises(InputError, match=r"tiny' is now tiny@local-.*, and it sits on tiny@local-.*; add it again"):
        store.find("mine")
    shutil.rmtree(base)
    listed = CliRunner().invoke(cli, ["candidates", "list", "--json"])
    assert json.loads(listed.stdout) == []
    assert "not listed: candidate 'mine@" in listed.stderr and "is not here" in listed.stderr
