"""Tables from files: parquet, CSV and JSONL as they stand, with the row of whatever cannot be read."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from venire._common.errors import InputError

# What these columns hold are names: a space round one or another way to compose `é` makes no other judge.
_NAMES = ("prompt_id", "family", "domain", "candidate", "incumbent", "judge", "judge_family")
_HALF = re.compile("[\ud800-\udfff]")  # of a character that UTF-16 writes as two, e.g. of a cut emoji


def read_table(path: Path) -> pl.DataFrame:
    """A parquet, CSV or JSONL file as it stands, but for names: see `spelled`.

    CSV cells stay text and empty ones null: ids such as `007` survive.
    """
    return _named(_read(path))


def spelled(text: str) -> str:
    """A name without spaces round it, composed as NFC says."""
    return unicodedata.normalize("NFC", text.strip())


def _named(table: pl.DataFrame) -> pl.DataFrame:
    for column in table.select(pl.col(pl.String, pl.Categorical, pl.Enum)).columns:
        if column in _NAMES:
            cells = table[column].cast(pl.String)
            changed = {text: spelled(text) for text in cells.unique().drop_nulls() if text != spelled(text)}
            table = table.with_columns(cells.replace(changed)) if changed else table
    return table


def whole(value: Any) -> Any:
    """What JSON gave, with U+FFFD for each half of a character: it is no text that could be written or counted."""
    if isinstance(value, dict):
        return {whole(key): whole(part) for key, part in value.items()}
    if isinstance(value, list):
        return [whole(part) for part in value]
    return _HALF.sub("\ufffd", value) if isinstance(value, str) else value


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputError(f"votes {str(path)!r}: no such file")
    kind = file_kind(path)
    try:
        if kind == "parquet":
            return pl.read_parquet(path)
        if kind == "jsonl":
            return _from_records(read_jsonl(path))
        text = _without_blank_end(path.read_bytes().decode("utf-8-sig"))
        _check_csv(text, path)
        return pl.read_csv(io.StringIO(text), infer_schema=False)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read as {kind}: {str(error).splitlines()[0]}") from error


def read_jsonl(path: Path) -> list[dict]:
    """The objects in a JSONL file, one a line; InputError with the row of a line that is none.

    Only `\\n` ends a line: JSON may hold U+2028, U+0085 and other separators of lines as they are.
    """
    records = []
    for i, line in enumerate(path.read_text("utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, row {i}: not valid JSON: {error.msg}") from error
        if not isinstance(record, dict):
            raise InputError(f"{path}, row {i}: one JSON object a line is wanted, not {type(record).__name__}")
        records.append(whole(record) if "\\u" in line else record)
    return records


def file_kind(path: Path) -> str:
    """`parquet`, `csv` or `jsonl`, by the file's ending. Raises InputError for another."""
    kinds = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if path.suffix.lower() not in kinds:
        raise InputError(f"{path}: votes are read and written as .parquet, .csv or .jsonl, by the file's ending")
    return kinds[path.suffix.lower()]


def _without_blank_end(text: str) -> str:
    """A CSV's text up to the end of its last line that is not blank: blank ones there are no rows."""
    end = len(text.rstrip(" \t\r\n"))
    newline = text.find("\n", end)
    return text if newline < 0 else text[: newline + 1]


def _check_csv(text: str, path: Path) -> None:
    """Polars pads short rows silently; a row with too few or too many cells is a broken file."""
    rows = csv.reader(io.StringIO(text))
    limit = csv.field_size_limit(max(len(text), 1))  # a judge's raw text may be longer than the module's default
    i = 0
    try:
        header = next(rows, [])
        if doubled := [column for column in header if column and header.count(column) > 1]:
            raise InputError(f"{path}: the header has the column {doubled[0]!r} twice; one of that name is wanted")
        for i, row in enumerate(rows, start=1):
            if row and len(row) != len(header):
                raise InputError(f"{path}, row {i}: {len(row)} cells where the header has {len(header)}")
    except csv.Error as error:
        raise InputError(f"{path}, row {i + 1}: not valid CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _from_records(records: list[dict]) -> pl.DataFrame:
    names = {name: None for record in records for name in record}  # a dict keeps the order of first sight
    columns = {name: _column(name, [record.get(name) for record in records]) for name in names}
    return pl.DataFrame(columns)


def _column(name: str, cells: Iterable) -> pl.Series:
    """A column of JSON values: nested ones as JSON text, mixed scalars as text."""
    cells = [json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else cell for cell in cells]
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) > 1 and kinds != {int, float}:
        cells = [None if cell is None else cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]
    return pl.Series(name, cells, strict=False)
