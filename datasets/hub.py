"""Datasets of Hugging Face's library: of its hub by name, configuration and commit, of a folder, of a parquet file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from venire._common.errors import InputError, ServiceError

_READERS = {".parquet": "parquet", ".arrow": "arrow"}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+|[A-Za-z0-9][\w-]*")
_FILES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", *_READERS)


def is_hub_name(name: str) -> bool:
    """May this be a dataset of the hub, such as org/name, rather than a file?"""
    return bool(_NAME.fullmatch(name)) and not name.endswith(_FILES)


def commit_of(name: str, config: str = "", revision: str = "") -> str:
    """The commit that a dataset of the hub stands at, or that its revision means; empty where it is not known.

    Raises InputError where there is no such dataset, configuration or revision, ServiceError where the hub does not
    answer, or what is kept here from an earlier time is of another commit.
    """
    import datasets

    builder = _told(name, lambda: datasets.load_dataset_builder(name, config or None, revision=revision or None))
    commit = str(builder.hash)
    if not _COMMIT.fullmatch(commit):
        return ""
    if _COMMIT.fullmatch(revision) and revision != commit:
        raise ServiceError(f"dataset {name!r}: the hub did not answer, and what is kept here is of the commit {commit}")
    return commit


def dataset_rows(
    path: Path, split: str, config: str = "", revision: str = ""
) -> tuple[Iterator[tuple[int, dict[str, Any]]], str]:
    """(row from 1, values) of every row, and what to call the place. Raises as `commit_of` does, and for no split."""
    import datasets

    name = str(path)
    datasets.disable_progress_bars()
    saved = any((path / file).is_file() for file in ("dataset_info.json", "dataset_dict.json"))
    check_local(path, config and (saved or path.is_file()) and "config", revision and "revision")
    if path.is_file() and path.suffix not in _READERS:
        raise InputError(f"{name}: known files end in .json, .jsonl, .csv, {', '.join(_READERS)}")

    def load() -> Any:
        if path.is_file():
            return datasets.load_dataset(_READERS[path.suffix], data_files=name, split="train")
        if saved:
            return datasets.load_from_disk(name)
        return datasets.load_dataset(name, config or None, split=split, revision=revision or None)

    data = _told(name, load)
    if isinstance(data, datasets.DatasetDict):
        if split not in data:
            raise InputError(f"dataset {name!r}: no split {split!r}; there are {', '.join(map(str, data))}")
        data = data[split]
    return ((i, dict(row)) for i, row in enumerate(data, start=1)), f"dataset {name!r}"


def check_local(path: Path, *named: str | bool) -> None:
    """Raises InputError where one of the keys in `named`, which only a dataset of the hub has, is given for a path."""
    keys = [key for key in named if key]
    if keys and path.exists():
        raise InputError(f"{path}: {keys[0]!r} is of a dataset of the hub, and this is on your disk; leave it out")


def _told(name: str, load: Any) -> Any:
    """What `load` gives; what it raises in a sentence."""
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    try:
        return load()
    except (FileNotFoundError, ValueError, DatasetNotFoundError) as error:
        raise InputError(f"dataset {name!r}: not found, or not readable: {_short(error)}") from error
    except (OSError, DatasetsError) as error:
        raise ServiceError(f"dataset {name!r}: the hub did not answer: {_short(error)}") from error


def _short(error: BaseException) -> str:
    """Its first line, and where that asks for a configuration the second, which lists them."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].startswith("Config name") else 1])
