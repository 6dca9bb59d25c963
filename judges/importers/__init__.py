"""Votes from anywhere: other tools' judgement files as our vote table.

    import_votes(path)      any known file; its format is seen from its contents
    import_files(paths)     several, as one table
    FORMATS                 the names of the formats
    detect_format(path)     the format of a file

To add a format: a module here with `read(records, source, pick) -> rows`, and its line in `_READERS`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from venire._common.errors import InputError
from venire.judges.importers import alpaca_eval, arena_hard, fastchat
from venire.judges.importers.records import Pick, Rows, read_records
from venire.judges.vote_files import read_table, spelled
from venire.judges.votes import SCHEMA, Repeats, validate

__all__ = ["FORMATS", "detect_format", "import_files", "import_votes"]

_READERS: dict[str, Callable[[list[dict[str, Any]], str, Pick], Rows]] = {
    "alpaca_eval": alpaca_eval.read,
    "fastchat": fastchat.read,
    "arena_hard": arena_hard.read,
}
FORMATS = ("venire", *_READERS)

# What the first record must have to be of a format.
_MARKS: list[tuple[str, set[str]]] = [
    ("venire", {"prompt_id", "candidate", "incumbent", "judge"}),
    ("arena_hard", {"model", "judge", "games"}),
    ("alpaca_eval", {"instruction", "generator_1", "generator_2", "preference"}),
    ("fastchat", {"question_id", "model_1", "model_2", "g1_winner", "g2_winner"}),
    ("fastchat", {"question_id", "model_a", "model_b", "winner"}),
    ("fastchat", {"question_id", "model", "judge", "score"}),
]


def import_votes(
    path: Path,
    format: str | None = None,
    *,
    candidate: str | None = None,
    incumbent: str | None = None,
    repeats: Repeats = "refuse",
) -> pl.DataFrame:
    """The votes in a file of a known format. Raises InputError with the row of what is wrong.

    `incumbent` (and `candidate`) pick the comparisons of that contender out of a file with many, and say which side it
    is on; without it, of two names the one that sorts first is the candidate.
    """
    return _import(path, format, Pick(candidate, incumbent), repeats)[0]


def import_files(
    paths: Sequence[Path],
    format: str | None = None,
    *,
    candidate: str | None = None,
    incumbent: str | None = None,
    repeats: Repeats = "refuse",
) -> pl.DataFrame:
    """The votes of several files as one table; `repeats` holds across them unless one of them numbers its own."""
    parts = [_import(path, format, Pick(candidate, incumbent), repeats) for path in paths]
    if len(parts) == 1:
        return parts[0][0]
    table = pl.concat([votes for votes, _ in parts])
    if not any(numbered for _, numbered in parts):
        table = table.drop("repeat")
    return validate(table, " + ".join(map(str, paths)), repeats)


def _import(path: Path, format: str | None, pick: Pick, repeats: Repeats) -> tuple[pl.DataFrame, bool]:
    """The votes in a file, and whether it has a column `repeat` itself."""
    format = format or detect_format(path)
    if format not in FORMATS:
        raise InputError(f"format {format!r} is none of {', '.join(FORMATS)}")
    if format == "venire":
        pick = Pick(*(contender and spelled(contender) for contender in (pick.candidate, pick.incumbent)))
        table = read_table(path)
        votes = validate(table, str(path), repeats)
        chosen = votes.filter(pick.keeps(pl.col("candidate"), pl.col("incumbent")))
        if chosen.height == 0:
            raise InputError(f"{path}: no votes on {pick}")
        return chosen, "repeat" in table.columns
    rows = _READERS[format](read_records(path), str(path), pick)
    if not rows:
        raise InputError(f"{path}: no votes {'on ' + str(pick) if pick else 'in it'}")
    table = _table(rows)
    return validate(table, str(path), repeats), "repeat" in table.columns


def detect_format(path: Path) -> str:
    """The format of a file, from its ending and its first record's keys."""
    if path.suffix.lower() in (".parquet", ".csv"):
        return "venire"
    records = read_records(path, limit=1)
    keys = set(records[0]) if records else set()
    for name, marks in _MARKS:
        if marks <= keys:
            return name
    if "prompt_id" in keys or not keys:
        return "venire"  # whose reader says what is missing
    raise InputError(
        f"{path}: its first record, with the keys {', '.join(sorted(keys)[:8])}, is of no known format; "
        f"name one with --format ({', '.join(FORMATS)})"
    )


def _table(rows: Rows) -> pl.DataFrame:
    given = [name for name in SCHEMA if any(name in row for row in rows)]
    return pl.DataFrame([pl.Series(n, [row.get(n) for row in rows], SCHEMA[n], strict=False) for n in given])
