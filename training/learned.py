"""What a candidate has learned, read again by its lineage: the files that it names, where they are as they were."""

from pathlib import Path
from typing import Any

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire.datasets.rows import method_of, read_rows

from .mixture import Rows, all_rows, mix
from .recipe import find


def learned(lineage: dict[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """(place, text) of all that was trained, and why files of it could not be read, one sentence each.

    What was held out is left out, where it can be told which rows that were.
    """
    told, seed = lineage.get("data") or {}, int(lineage.get("seed") or 0)
    if not told.get("path"):
        return [], ["its lineage names no training data"]
    file, missing = _as_it_was(told)
    replay = told.get("replay") or {}
    general, gone = _as_it_was(replay) if replay else (None, "")
    rows = _trained(file, told, (general, replay["share"]) if general else None, seed) if file else None
    if rows is None and general is not None:  # the general rows are known even where the others are not
        rows = _all(general)
    texts = [(rows.place(i), text) for i, row in enumerate(rows.rows) for text in row.texts] if rows else []
    return texts, [why for why in (missing, gone) if why]


def _as_it_was(told: dict[str, Any]) -> tuple[Path | None, str]:
    """The file that was trained on, or why it is not to be had."""
    name = str(told.get("path") or "the general rows")
    try:
        file = find(name, "training data")
    except InputError:
        return None, f"{name} is not here"
    return (file, "") if sha256_file(file) == told.get("sha256") else (None, f"{name} was changed since")


def _trained(file: Path, told: dict[str, Any], replay: tuple[Path, float] | None, seed: int) -> Rows:
    """The rows that were learned: all of the file, less those held out if a share of it makes the same ones again."""
    every = _all(file)
    if not every.rows:
        return every
    kind, held = method_of(every.rows[0]), told.get("held_out") or {}
    # The share that was asked for is not recorded; the one that came of it makes the same families again.
    apart = int(held.get("rows") or 0)
    for share in [apart / len(every.rows), None] if 0 < apart < len(every.rows) else [None]:
        try:
            again = mix(
                file,
                kind,
                written=str(file),
                held_out=share,
                replay=replay,
                phrasings=told.get("phrasings"),
                seed=seed,
            )
        except InputError:
            continue
        if share is None or again.described["held_out"] == held:
            return again.train
    return every


def _all(file: Path) -> Rows:
    return all_rows(read_rows(file)[0])
