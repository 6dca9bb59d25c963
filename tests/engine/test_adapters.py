"""Adapters are known by content, fit their base, and are refused in one sentence where they do not."""

import shutil
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire.engine import Base, adapter_sha256, find_adapter, register_adapter, register_full, resolve_base


def test_the_name_is_base_name_and_content(tiny_base: Base, tiny_adapters: list[Path]) -> None:
    ref = register_adapter("stance", tiny_adapters[0], tiny_base)
    assert ref.model == f"venire/{tiny_base.name}:stance@{adapter_sha256(tiny_adapters[0])[:8]}"
    assert find_adapter(f"stance@{ref.sha256[:8]}").path == tiny_adapters[0].resolve()


def test_equal_content_is_one_identity_and_other_content_another(tiny_adapters: list[Path], tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_adapters[0], tmp_path / "elsewhere")
    assert adapter_sha256(copy) == adapter_sha256(tiny_adapters[0])
    (copy / "optimizer.pt").write_bytes(b"not weights")
    assert adapter_sha256(copy) == adapter_sha256(tiny_adapters[0])
    assert adapter_sha256(tiny_adapters[1]) != adapter_sha256(tiny_adapters[0])


def test_an_adapter_retrained_in_place_does_not_answer_to_its_old_name(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    place = shutil.copytree(tiny_adapters[0], tmp_path / "stance")
    ref = register_adapter("stance", place, tiny_base)
    shutil.copy(tiny_adapters[1] / "adapter_model.safetensors", place)
    with pytest.raises(InputError, match="now holds other weights"):
        find_adapter(f"stance@{ref.sha256[:8]}")


def test_an_adapter_for_another_base_is_refused(tiny_adapters: list[Path]) -> None:
    with pytest.raises(InputError, match="is for another base"):
        register_adapter("stance", tiny_adapters[0], resolve_base("smollm2-135m"))


def test_an_adapter_that_names_another_base_of_the_same_shape_is_refused(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_adapters[0], tmp_path / "adapter")
    config = read_json(folder / "adapter_config.json")
    same = ("unsloth/{}", "mirror/{}-bnb-4bit", "{}", "/data/any/folder", "./mine", None)
    for named in (name and name.format(tiny_base.model_id) for name in same):
        write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": named})
        register_adapter("x", folder, tiny_base)
    for other in ("Qwen/Qwen2.5-0.5B", f"org/{tiny_base.model_id}-Instruct"):
        write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": other})
        with pytest.raises(InputError, match=f"is for another base: it was trained on '{other}'"):
            register_adapter("x", folder, tiny_base)


def test_what_is_no_adapter_is_refused(tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        register_adapter("x", tmp_path / "nowhere", tiny_base)
    pickled = shutil.copytree(tiny_adapters[0], tmp_path / "pickled")
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(InputError, match="pickled weights"):
        register_adapter("x", pickled, tiny_base)
    dora = shutil.copytree(tiny_adapters[0], tmp_path / "dora")
    write_json(dora / "adapter_config.json", read_json(dora / "adapter_config.json") | {"use_dora": True})
    with pytest.raises(InputError, match="DoRA"):
        register_adapter("x", dora, tiny_base)
    with pytest.raises(InputError, match="not known here"):
        find_adapter("x@00000000")
    for name in ("a,b", "../x", "", "a..b", "a/b"):
        with pytest.raises(InputError, match="use letters"):
            register_adapter(name, tiny_adapters[0], tiny_base)


def test_full_weights_are_a_base_of_their_own(tiny_base: Base) -> None:
    ref = register_full("mine", tiny_base.path)
    found = resolve_base(ref.model.removeprefix("venire/"))
    assert found.path == tiny_base.path
    assert found.identity == tiny_base.identity


def test_full_weights_retrained_in_place_do_not_answer_to_their_old_name(tiny_base: Base, tmp_path: Path) -> None:
    place = shutil.copytree(tiny_base.path, tmp_path / "mine")
    spec = register_full("mine", place).model.removeprefix("venire/")
    write_json(place / "config.json", read_json(place / "config.json") | {"rope_theta": 20000.0})
    with pytest.raises(InputError, match=f"'{spec}': .*mine now holds other weights"):
        resolve_base(spec)
    assert resolve_base(register_full("mine", place).model.removeprefix("venire/")).path == place
    shutil.rmtree(place)
    with pytest.raises(InputError, match="no such folder"):
        resolve_base(spec)


def test_full_weights_are_of_the_family_they_were_trained_from(tiny_base: Base, tmp_path: Path) -> None:
    place = shutil.copytree(tiny_base.path, tmp_path / "Qwen2.5-7B")
    assert resolve_base(f"{place}/").family == "qwen2.5"
    spec = register_full("mine", place).model.removeprefix("venire/")
    assert resolve_base(spec).family == "qwen2.5"
    write_json(place / "lineage.json", {"base": {"family": "smollm2"}})
    assert resolve_base(spec).family == resolve_base(str(place)).family == "smollm2"
