"""Tables as spreadsheets write them: commas, semicolons or tabs, a line `sep=;`, empty rows at the end."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from venire._common.errors import InputError

DELIMITERS = (",", ";", "\t")


def read_table(path: Path, text: str) -> tuple[list[str], Iterator[tuple[int, dict[Any, Any]]]]:
    """The columns of a table, and (row of the file, values by column) of every row that is not empty.

    Values are as they are written: `007` stays `007`. Raises InputError naming the row where quotes are not closed.
    """
    first, _, rest = text.partition("\n")
    said = first.strip().strip('"').lower()
    skipped = said.startswith("sep=")
    head = rest.partition("\n")[0] if skipped else first
    delimiter = first.strip().strip('"')[4:5] if skipped else max(DELIMITERS, key=head.count)
    table = csv.DictReader(io.StringIO(rest if skipped else text), delimiter=delimiter or "\t", strict=True)
    try:
        rows = [(table.line_num + skipped, row) for row in table]
    except csv.Error as error:
        line = table.reader.line_num + skipped
        raise InputError(f"{path}, row {line}: not valid CSV, torn perhaps: {error}") from error
    return list(table.fieldnames or []), ((number, row) for number, row in rows if any(map(_filled, row.values())))


def _filled(value: Any) -> bool:
    return any(map(str.strip, value)) if isinstance(value, list) else bool((value or "").strip())
