"""Candidates are whole or absent, hold no pickle, and are known by their content."""

import shutil
from pathlib import Path

import pytest

from venire import store
from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire.engine import Base, adapter_sha256
from venire.training.candidates import (
    describe_base,
    list_candidates,
    name_roles,
    read_candidate,
    remove_half_written,
    write_candidate,
)


def lineage(base: Base, name: str = "stance-step2", step: int = 2) -> dict[str, object]:
    return {
        "name": name,
        "kind": "adapter",
        "base": describe_base(base),
        "recipe": {"name": "stance", "sha256": "0" * 64},
        "step": step,
    }


def test_what_is_written_is_read_and_known_by_content(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    weights = shutil.copytree(tiny_adapters[0], tmp_path / "weights", dirs_exist_ok=True)
    (weights / "optimizer.pt").write_bytes(b"state")
    made = write_candidate(weights, tmp_path / "candidates" / "stance-step2", lineage(tiny_base))
    assert made == read_candidate(made.path)
    assert made.sha256 == adapter_sha256(made.path)
    assert sorted(file.name for file in made.path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "lineage.json",
    ]
    assert read_json(made.path / "adapter_config.json")["base_model_name_or_path"] == tiny_base.model_id
    assert made.lineage["adapter_bytes"] == (made.path / "adapter_model.safetensors").stat().st_size


def test_the_order_of_module_names_does_not_reach_the_identity(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    found = []
    for names in (["v_proj", "q_proj"], ["q_proj", "v_proj"]):
        weights = shutil.copytree(tiny_adapters[0], tmp_path / names[0])
        config = read_json(weights / "adapter_config.json")
        write_json(weights / "adapter_config.json", config | {"target_modules": names})
        found.append(write_candidate(weights, tmp_path / f"{names[0]}-made", lineage(tiny_base)).sha256)
    assert found[0] == found[1]


def test_a_write_that_breaks_off_leaves_nothing(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training import candidates

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(candidates, "write_json", broken)
    with pytest.raises(OSError, match="No space"):
        write_candidate(tiny_adapters[0], tmp_path / "candidates" / "x", lineage(tiny_base))
    assert list((tmp_path / "candidates").iterdir()) == []


def test_candidates_are_listed_by_step_and_recipe(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path) -> None:
    for step in (10, 2):
        write_candidate(tiny_adapters[0], tmp_path / f"stance-step{step}", lineage(tiny_base, f"s{step}", step))
    assert [c.step for c in list_candidates(tmp_path, "stance")] == [2, 10]
    assert list_candidates(tmp_path, "style") == []


def test_weights_that_are_not_those_of_the_lineage_are_refused(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    made = write_candidate(tiny_adapters[0], tmp_path / "x", lineage(tiny_base))
    shutil.copy(tiny_adapters[1] / "adapter_model.safetensors", made.path)
    with pytest.raises(InputError, match=r"not those that its lineage\.json describes"):
        read_candidate(made.path)
    with pytest.raises(InputError, match=r"no lineage\.json; weights from elsewhere are added with"):
        read_candidate(tiny_adapters[0])


def test_best_and_final_are_named_in_the_lineage_and_the_weights_stay(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    made = [write_candidate(tiny_adapters[i], tmp_path / f"s{i}", lineage(tiny_base, f"s{i}", i)) for i in (1, 2)]
    name_roles(made, 1, "eval_loss", 0.5)
    first, second = list_candidates(tmp_path)
    assert first.lineage["roles"] == {"best": {"by": "eval_loss", "value": 0.5}}
    assert second.lineage["roles"] == {"final": True}
    assert [first.sha256, second.sha256] == [c.sha256 for c in made]


def test_what_a_kill_left_half_written_is_no_candidate_and_goes_when_that_training_does(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    made = write_candidate(tiny_adapters[0], tmp_path / "stance-step2", lineage(tiny_base))
    left = [shutil.copytree(made.path, tmp_path / f".{name}.k2_x9z0a") for name in ("stance-step2", "stance-a-step2")]
    assert list_candidates(tmp_path) == [made]
    assert [c.name for c in store.trained(tmp_path, "recipes/stance.yaml")] == ["stance-step2"]
    remove_half_written(tmp_path, "stance")
    assert [folder.is_dir() for folder in left] == [False, True]  # another training may be writing that one now
