"""Candidates as contenders: those added by hand, those that recipes trained, and bare bases."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from venire._common.errors import InputError
from venire._common.files import read_json, write_json

from .run import RUNS, Contender

_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Stored:
    """Weights that can be run: their name, kind (`adapter`, `full`, `base`), base, identity and Inspect model name."""

    name: str
    kind: str
    base: str
    sha256: str
    family: str
    model: str
    origin: str
    path: str | None = None
    step: int = 0
    teachers: tuple[str, ...] = ()

    def contender(self, treatment: str) -> Contender:
        """These weights under a treatment."""
        candidate = None if self.kind == "base" else self.name
        return Contender(
            f"{self.name}/{treatment}",
            self.model,
            treatment,
            self.base,
            self.kind,
            self.sha256,
            self.family,
            self.path,
            candidate,
            self.step,
            self.teachers,
        )


def bare(base_name: str) -> Stored:
    """An untrained base."""
    from venire.engine import resolve_base

    base = resolve_base(base_name)
    return Stored(base_name, "base", base_name, base.identity, base.family, f"venire/{base_name}", "a base")


def add(path: Path, base_name: str | None, name: str | None, teachers: Collection[str] | None = None) -> Stored:
    """Take in an adapter or full weights from elsewhere, under a name; the weights stay where they are.

    `teachers` are the families that wrote or rewarded its training data; None keeps what was said of these weights
    before. Those of a lineage.json beside the weights are its teachers in any case.

    Raises InputError if the folder is missing or no model, if it does not fit the base, or if an adapter comes
    without one.
    """
    if not path.is_dir():
        raise InputError(f"candidate {str(path)!r}: no such folder; give one that holds the weights and their config")
    name = name or path.resolve().name
    if not (path / "adapter_config.json").is_file():
        return _taught(_add_full(path, name), None, path, teachers)
    base_name = base_name or _base_in_config(path)
    return _taught(_adapter(name, path, base_name, "added by hand", {}), base_name, path, teachers)


def check_family(text: str) -> str:
    """A family as one writes it for a teacher: `anthropic`, `qwen2.5`. Raises InputError for a model's whole name."""
    if not _FAMILY.fullmatch(text):
        raise InputError(
            f"teacher {text!r}: give the vendor or the model family that wrote or rewarded training data, as in "
            "anthropic, openai, google, qwen2.5, llama"
        )
    return text.lower()


def find(name: str, bases: Collection[str] = ()) -> Stored:
    """A candidate added before, by `<name>` or, where several have that name, `<name>@<hash8>`.

    `bases`, as an experiment writes them: its base is called as there where it is among them.
    Raises InputError if there is none, if they are several, or if its folder or its base is gone or another by now.
    """
    found, gone = _added(name, bases)
    if len(found) > 1:
        names = ", ".join(f"{c.name}@{c.sha256[:8]}" for c in found)
        raise InputError(f"candidate {name!r} is more than one; write one of: {names}")
    if not found and gone:
        raise gone[-1]
    if not found:
        raise InputError(f"candidate {name!r} is not known here; make it so with: venire candidates add PATH")
    return found[0]


def refuse_changed(name: str) -> None:
    """Raises InputError if a candidate of that name was added, and its folder no longer holds it."""
    found, gone = _added(name)
    if gone and not found:
        raise gone[-1]


def trained(folder: Path, recipe: str, base: str | None = None) -> list[Stored]:
    """The checkpoints that a recipe has made (on `base`) under a run's `candidates/`, by step; none before training."""
    from venire.training.candidates import lineage_files

    stem = Path(recipe).stem
    found = []
    for lineage_file in lineage_files(folder):
        lineage = read_json(lineage_file)
        if lineage["recipe"]["name"] == stem and base in (None, lineage["base"]["name"]):
            found.append(from_lineage(lineage_file.parent, lineage))
    return sorted(found, key=lambda c: (c.step, c.name))


def from_lineage(folder: Path, lineage: dict[str, Any]) -> Stored:
    """A candidate that Venire trained, from its folder. Raises InputError if its weights have changed since."""
    from venire.engine import adapter_sha256

    if adapter_sha256(folder) != lineage["sha256"]:
        raise InputError(f"{folder}: the weights are not those of its lineage.json; train again or add them by hand")
    if lineage["kind"] == "full":
        return replace(_add_full(folder, lineage["name"]), origin=str(folder), **_from(lineage))
    return _adapter(lineage["name"], folder, lineage["base"]["name"], str(folder), _from(lineage))


def everything() -> list[Stored]:
    """All candidates: added by hand, and still as they were then; then trained under `runs/`."""
    from venire.training.candidates import lineage_files

    found, _ = _added()
    for folder in sorted(RUNS.glob("*/candidates")):
        found += [from_lineage(file.parent, read_json(file)) for file in lineage_files(folder)]
    return found


def not_as_added() -> list[str]:
    """What is wrong with each candidate added by hand that is not as it was then."""
    return [str(error) for error in _added()[1]]


def _from(lineage: dict[str, Any]) -> dict[str, Any]:
    return {"step": int(lineage.get("step") or 0), "teachers": tuple(lineage.get("teacher_families") or ())}


def _adapter(name: str, path: Path, base_name: str, origin: str, more: dict[str, Any]) -> Stored:
    from venire.engine import register_adapter, resolve_base

    base = resolve_base(base_name)
    ref = register_adapter(name, path, base)
    return Stored(name, "adapter", base_name, ref.sha256, base.family, ref.model, origin, str(ref.path), **more)


def _add_full(path: Path, name: str) -> Stored:
    from venire.engine import register_full
    from venire.engine.bases import family_in

    ref = register_full(name, path)
    own = ref.model.removeprefix("venire/")
    return Stored(name, "full", own, ref.sha256, family_in(path), ref.model, "added by hand", str(ref.path))


def _taught(stored: Stored, base_name: str | None, path: Path, teachers: Collection[str] | None) -> Stored:
    """The same with its teachers, kept for when it is asked for by name."""
    file = _record(stored.name, stored.sha256)
    before = read_json(file).get("teachers", []) if file.is_file() else []
    lineage = read_json(path / "lineage.json") if (path / "lineage.json").is_file() else {}
    known = sorted({*(before if teachers is None else teachers), *(lineage.get("teacher_families") or ())})
    record = {"name": stored.name, "path": stored.path, "base": base_name, "teachers": known, "sha256": stored.sha256}
    if base_name:
        record |= _where(base_name)
    write_json(file, record)
    return replace(stored, teachers=tuple(known))


def _where(base_name: str) -> dict[str, str]:
    """A base as it can be found again from any folder, and what it is then to be."""
    from venire.engine import ALIASES, resolve_base

    base = resolve_base(base_name)
    is_folder = base_name not in ALIASES and Path(base_name).expanduser().is_dir()
    return {"base": str(base.path) if is_folder else base_name, "base_identity": base.identity}


def _base_in_config(path: Path) -> str:
    named = read_json(path / "adapter_config.json").get("base_model_name_or_path")
    if not named:
        raise InputError(f"adapter {str(path)!r} names no base; say which with --base")
    return str(named)


def _record(name: str, sha256: str) -> Path:
    from venire.engine.bases import home

    return home() / "candidates" / f"{name}@{sha256[:8]}.json"


def _added(name: str | None = None, bases: Collection[str] = ()) -> tuple[list[Stored], list[InputError]]:
    """The candidates added by hand (of that name) that are as they were then, and what is wrong with each other one."""
    from venire.engine.bases import home

    found: list[Stored] = []
    gone: list[InputError] = []
    for file in sorted((home() / "candidates").glob("*.json")):
        record = read_json(file)
        if name in (None, record["name"], file.stem):
            try:
                _check_unchanged(file.stem, record)
                base_name = _base_of(file.stem, record, bases)
                found.append(add(Path(record["path"]), base_name, record["name"]))
            except InputError as error:
                gone.append(error)
    return found, gone


def _check_unchanged(spec: str, record: dict[str, Any]) -> None:
    """Raises InputError unless the weights are those that were added; files of old say so by their name alone."""
    from venire.engine import adapter_sha256

    path = Path(record["path"])
    again = f"add it again: venire candidates add PATH --name {record['name']}"
    if not path.is_dir():
        raise InputError(f"candidate {spec!r}: {path} is no folder any more; {again}")
    found = adapter_sha256(path)
    if not found.startswith(record.get("sha256") or spec.rpartition("@")[2]):
        raise InputError(
            f"candidate {spec!r}: {path} now holds other weights ({found[:8]}), of teachers unknown; {again}"
        )


def _base_of(spec: str, record: dict[str, Any], bases: Collection[str]) -> str | None:
    """The base that a candidate was added on, as one of `bases` if it is among them; None for full weights.

    Raises InputError if it is gone, or another by now.
    """
    from venire.engine import resolve_base

    if record["base"] is None:
        return None
    known, again = _identity(spec, record), f"add it again: venire candidates add {record['path']} --base BASE"
    for name in bases:
        if resolve_base(name).identity == known:
            return name
    try:
        found = resolve_base(record["base"])
    except InputError as error:
        raise InputError(f"candidate {spec!r}: its base {record['base']!r} is not here ({error}); {again}") from error
    if known and found.identity != known:
        raise InputError(
            f"candidate {spec!r}: {record['base']!r} is now {found.identity}, and it sits on {known}; {again}"
        )
    return _where(record["base"])["base"]


def _identity(spec: str, record: dict[str, Any]) -> str | None:
    """Of the base of an added candidate; records of old leave it to what the engine knows of the adapter."""
    from venire.engine.bases import home

    entry = home() / "adapters" / f"{spec}.json"
    return record.get("base_identity") or (read_json(entry).get("base") if entry.is_file() else None)
