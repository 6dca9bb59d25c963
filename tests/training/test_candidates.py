"""Candidates are whole or absent, hold no pickle, and are known by their content."""

import shutil
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire.engine import Base, adapter_sha256
from venire.training.candidates import (
    check_added,
    describe_base,
    list_candidates,
    read_candidate,
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


def test_weights_from_elsewhere_are_checked(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path) -> None:
    check_added(tiny_adapters[0], tiny_base)
    check_added(tiny_base.path, None)  # full weights need no base
    with pytest.raises(InputError, match="no such folder"):
        check_added(tmp_path / "nowhere", tiny_base)
    with pytest.raises(InputError, match="say which base"):
        check_added(tiny_adapters[0], None)
    pickled = shutil.copytree(tiny_adapters[0], tmp_path / "pickled")
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(InputError, match=r"adapter_model\.bin is a pickle"):
        check_added(pickled, tiny_base)
    (pickled / "adapter_model.bin").unlink()
    with pytest.raises(InputError, match=r"no \*\.safetensors"):
        check_added(pickled, tiny_base)


def test_an_adapter_that_names_another_base_is_refused_and_a_mirror_is_not(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_adapters[0], tmp_path / "adapter")
    config = read_json(folder / "adapter_config.json")
    for named in (f"mirror/{tiny_base.model_id}", str(tiny_base.path), None):
        write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": named})
        check_added(folder, tiny_base)
    write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": "Qwen/Qwen2.5-0.5B"})
    with pytest.raises(InputError, match=r"is for another base: it was trained on 'Qwen/Qwen2\.5-0\.5B'"):
        check_added(folder, tiny_base)
