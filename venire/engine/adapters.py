"""Adapters and full weights known by content: `<base>:<name>@<hash8>`, never by path."""

import re
from dataclasses import dataclass
from pathlib import Path

from venire._common.errors import InputError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_files

from .bases import Base, home

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_QUANTISED = re.compile(r"(-unsloth)?-(bnb-4bit|[48]bit|awq|gptq|gptq-int[48]|fp8|mlx)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True)
class AdapterRef:
    """Weights under a name: `path` the folder, `sha256` of weights and config, `model` the Inspect model name."""

    name: str
    path: Path
    sha256: str
    model: str


def adapter_sha256(path: Path) -> str:
    """Identity of an adapter or full-weights folder: sha256 over its *.safetensors and its config.

    Raises InputError if the folder is missing, holds no safetensors, or holds only pickles.
    """
    if not path.is_dir():
        raise InputError(f"adapter {str(path)!r}: no such folder; give one that holds the weights and their config")
    config = next((c for c in ("adapter_config.json", "config.json") if (path / c).is_file()), None)
    if config is None:
        raise InputError(f"adapter {str(path)!r}: no adapter_config.json (an adapter) or config.json (full weights)")
    weights = {file.name: file for file in path.glob("*.safetensors")}
    if not weights:
        raise InputError(
            f"adapter {str(path)!r}: no *.safetensors; pickled weights (.bin, .pt) can run code and are not loaded"
        )
    return sha256_files(weights | {config: path / config})


def check_name(name: str) -> None:
    """Raises InputError unless `name` can stand in a model name, a folder and a cache path."""
    if not _NAME.fullmatch(name):
        raise InputError(f"name {name!r}: use letters, digits, '-', '_' and single dots between them")


def adapter_name(base: str, name: str, sha256: str) -> str:
    """The Inspect model name of an adapter: `venire/<base>:<name>@<hash8>`."""
    return f"venire/{base}:{name}@{sha256[:8]}"


def check_adapter(path: Path, base: Base) -> None:
    """Raises InputError unless the adapter is for `base`: named so, and every tensor fits (only shapes are read)."""
    from safetensors import safe_open

    config = _read_config(path)
    _check_named(path, str(config.get("base_model_name_or_path") or ""), base)
    if config.get("peft_type") != "LORA":
        raise InputError(f"adapter {str(path)!r}: peft_type is {config.get('peft_type')!r}; only LORA is served")
    if config.get("use_dora"):
        raise InputError(f"adapter {str(path)!r}: DoRA cannot be mixed in a batch; merge it and add the full weights")
    shapes = _base_shapes(base)
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(str(file), framework="numpy") as tensors:
            for key in tensors.keys():  # noqa: SIM118 (not a dict)
                _check_tensor(path, base, key, tensors.get_slice(key).get_shape(), shapes)


def register_adapter(name: str, path: Path, base: Base) -> AdapterRef:
    """Make `venire/<base>:<name>@<hash8>` mean the adapter in `path`, after checking that it fits `base`."""
    check_name(name)
    sha = adapter_sha256(path)
    check_adapter(path, base)
    model = adapter_name(base.name, name, sha)
    record = {"name": name, "path": str(path.resolve()), "sha256": sha, "base": base.identity}
    write_json(_entry(name, sha), record)
    return AdapterRef(name, path.resolve(), sha, model)


def register_full(name: str, path: Path) -> AdapterRef:
    """Make `venire/<name>@<hash8>` mean the full weights in `path`: a base of its own."""
    check_name(name)
    sha = adapter_sha256(path)
    record = {"name": name, "path": str(path.resolve()), "sha256": sha}
    write_json(home() / "full" / f"{name}@{sha[:8]}.json", record)
    return AdapterRef(name, path.resolve(), sha, f"venire/{name}@{sha[:8]}")


def find_adapter(spec: str) -> AdapterRef:
    """The adapter `<name>@<hash8>`. Raises InputError if unknown, gone, or changed since it was named."""
    name, _, short = spec.partition("@")
    entry = _entry(name, short)
    if len(short) != 8 or not entry.is_file():
        raise InputError(f"adapter {spec!r} is not known here; make it so with: venire candidates add PATH")
    record = read_json(entry)
    path = Path(record["path"])
    found = adapter_sha256(path)
    if found != record["sha256"]:
        raise InputError(
            f"adapter {spec!r}: {path} now holds other weights ({found[:8]}); add it again by its new name"
        )
    return AdapterRef(name, path, found, spec)


def _entry(name: str, sha: str) -> Path:
    return home() / "adapters" / f"{name}@{sha[:8]}.json"


def _read_config(path: Path) -> dict[str, object]:
    file = path / "adapter_config.json"
    if not file.is_file():
        raise InputError(f"adapter {str(path)!r}: no adapter_config.json; is it an adapter?")
    return read_json(file)


def _check_named(path: Path, named: str, base: Base) -> None:
    """Two models of one shape differ only in their names; a folder's name says nothing."""
    if not _HUB_ID.fullmatch(named):
        return
    known = {_own_name(base.model_id), _own_name(base.name), _own_name(str(base.path))}
    if _own_name(named) not in known:
        raise InputError(
            f"adapter {str(path)!r} is for another base: it was trained on {named!r}, and the base is "
            f"{base.model_id!r}; if they are one model, correct base_model_name_or_path in its adapter_config.json"
        )


def _own_name(model: str) -> str:
    """A model's name without its organisation and its quantisation, which mirrors change."""
    return _QUANTISED.sub("", model.rstrip("/").rsplit("/", 1)[-1].lower())


def _base_shapes(base: Base) -> dict[str, list[int]]:
    from safetensors import safe_open

    shapes: dict[str, list[int]] = {}
    for file in sorted(base.path.glob("*.safetensors")):
        with safe_open(str(file), framework="numpy") as tensors:
            for key in tensors.keys():  # noqa: SIM118 (not a dict)
                shapes[key] = list(tensors.get_slice(key).get_shape())
    return shapes


def _check_tensor(path: Path, base: Base, key: str, shape: list[int], shapes: dict[str, list[int]]) -> None:
    """`lora_A` is (rank, in), `lora_B` is (out, rank); the base's weight is (out, in)."""
    module = re.match(r"base_model\.model\.(.+)\.lora_([AB])\.", key)
    if module is None:
        return
    weight = shapes.get(f"{module[1]}.weight")
    side = 1 if module[2] == "A" else 0
    if weight is None or weight[side] != shape[side]:
        found = "which has no such module" if weight is None else f"where that module is {weight}"
        raise InputError(
            f"adapter {str(path)!r} is for another base: {key} has shape {list(shape)}, "
            f"and it was asked to sit on {base.name!r}, {found}"
        )
