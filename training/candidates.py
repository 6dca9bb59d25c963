"""Candidates: one checkpoint in one folder, safetensors only, with the lineage that says where it came from.

<folder>/adapter_model.safetensors   the weights
<folder>/adapter_config.json
<folder>/lineage.json                base, recipe, data, step, metrics, versions; never part of the identity

Full weights are a model of their own: model*.safetensors, config.json, and the tokenizer with its chat template.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError
from venire._common.files import read_json, write_json

if TYPE_CHECKING:
    from venire.engine import Base

LINEAGE = "lineage.json"
_TRAINERS_OWN = ("trainer_state.json", "venire.json", LINEAGE)


@dataclass(frozen=True)
class Candidate:
    """A checkpoint: `base` is what its adapter sits on as the user wrote it, `sha256` the identity of the weights."""

    name: str
    path: Path
    base: str
    sha256: str
    kind: Literal["adapter", "full"]
    lineage: dict[str, Any]

    @property
    def step(self) -> int:
        """The training step it was saved at; 0 if unknown."""
        return int(self.lineage.get("step") or 0)


def read_candidate(path: Path) -> Candidate:
    """The candidate in a folder. Raises InputError if it has no lineage, or its weights are not those of it."""
    from venire.engine import adapter_sha256

    if not path.is_dir():
        raise InputError(f"candidate {str(path)!r}: no such folder")
    if not (path / LINEAGE).is_file():
        raise InputError(
            f"candidate {str(path)!r}: no {LINEAGE}; weights from elsewhere are added with: "
            f"venire candidates add {path}"
        )
    lineage = read_json(path / LINEAGE)
    if adapter_sha256(path) != lineage["sha256"]:
        raise InputError(f"candidate {str(path)!r}: the weights are not those that its {LINEAGE} describes")
    return Candidate(lineage["name"], path, lineage["base"]["name"], lineage["sha256"], lineage["kind"], lineage)


def lineage_files(folder: Path) -> list[Path]:
    """The lineages of the candidates below `folder`; what a killed write left half done, in hidden folders, is none."""
    return [file for file in sorted(folder.glob(f"*/{LINEAGE}")) if not file.parent.name.startswith(".")]


def remove_half_written(folder: Path, run_name: str) -> None:
    """Remove what a kill left of candidates of this training; those of others may be in the middle of a write."""
    for stale in folder.glob(".*"):
        if re.fullmatch(rf"\.{re.escape(run_name)}-step\d+\.\w+", stale.name):
            shutil.rmtree(stale)


def list_candidates(folder: Path, recipe: str | None = None) -> list[Candidate]:
    """The candidates below `folder` (of one recipe), by recipe and step."""
    found = [read_candidate(file.parent) for file in lineage_files(folder)]
    if recipe is not None:
        found = [c for c in found if (c.lineage.get("recipe") or {}).get("name") == recipe]
    return sorted(found, key=lambda c: ((c.lineage.get("recipe") or {}).get("name", ""), c.step, c.name))


def write_candidate(weights: Path, folder: Path, lineage: dict[str, Any]) -> Candidate:
    """Make the candidate `folder` out of the weights in `weights`: all of it, or nothing.

    The config is written anew, in one order and with the base's hub id in place of a path of this machine: the same
    training gives the same bytes. `lineage` is completed by identity, size and time. A folder that is there is
    replaced.
    """
    from venire.engine import adapter_sha256

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        files = sorted(weights.glob("*.safetensors"))
        for file in files:
            shutil.copyfile(file, made / file.name)
        if lineage["kind"] == "full":
            _copy_model_files(weights, made)
        else:
            _copy_config(weights, made, lineage)
        lineage = lineage | {
            "sha256": adapter_sha256(made),
            "adapter_bytes": sum(file.stat().st_size for file in files),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(made / LINEAGE, lineage)
        _sync(made.iterdir())
        made.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return read_candidate(folder)


def name_roles(candidates: list[Candidate], best: int, by: str, value: float) -> list[Candidate]:
    """Write into the lineages which candidate is `best` (lowest `by`) and which is `final`; gives them as they are."""
    final = max(candidate.step for candidate in candidates)
    named = []
    for candidate in candidates:
        roles: dict[str, Any] = {}
        if candidate.step == best:
            roles["best"] = {"by": by, "value": value}
        if candidate.step == final:
            roles["final"] = True
        lineage = {**candidate.lineage, "roles": roles}
        if lineage != candidate.lineage:
            write_json(candidate.path / LINEAGE, lineage)
        named.append(replace(candidate, lineage=lineage))
    return named


def describe_base(base: "Base") -> dict[str, str]:
    """A base as a lineage names it."""
    return {"name": base.name, "model_id": base.model_id, "revision": base.revision, "family": base.family}


def _copy_config(weights: Path, made: Path, lineage: dict[str, Any]) -> None:
    config = weights / "adapter_config.json"
    values = read_json(config)
    for key in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(values.get(key), list):
            values[key] = sorted(values[key])  # PEFT writes a set, in an order that changes from process to process
    values["base_model_name_or_path"] = lineage["base"]["model_id"]
    write_json(made / config.name, dict(sorted(values.items())))


def _copy_model_files(weights: Path, made: Path) -> None:
    """What loads and serves full weights beside the tensors: configurations, tokenizer, chat template."""
    for file in sorted(weights.iterdir()):
        if file.name not in _TRAINERS_OWN and file.suffix in (".json", ".jinja", ".model", ".txt"):
            shutil.copyfile(file, made / file.name)


def _sync(files: Iterable[Path]) -> None:
    """Bytes on the disk before the folder gets its name: a folder with a lineage is whole."""
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
