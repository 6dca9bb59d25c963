"""Tables on a terminal: whole where they fit, else a block of lines for each row; a pipe gets every one whole."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE = 160  # columns at least, where the output is not a terminal


def console() -> "Console":
    """Of the terminal, or of a pipe: a table cut to 80 columns cannot be searched. What is printed is no markup."""
    import sys

    from rich.console import Console

    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else PIPE)


def show(table: "Table", on: "Console") -> None:
    """Print the table. Names folded into slivers cannot be read: a terminal too narrow gets each row as lines."""
    from rich.measure import Measurement

    wanted = Measurement.get(on, on.options.update(width=100_000), table).maximum
    if wanted > on.width and on.is_terminal:
        _lines(table, on)
        return
    on.width = max(on.width, wanted)
    on.print(table)


def _lines(table: "Table", on: "Console") -> None:
    if table.title:
        on.print(table.title)
    others = table.columns[1:]
    side = max((len(str(column.header)) for column in others), default=0)
    cells = [list(column.cells) for column in table.columns]
    for row in zip(*cells, strict=True):
        on.print(row[0], style="bold", soft_wrap=True)
        for column, cell in zip(others, row[1:], strict=True):
            on.print(f"  {column.header!s:<{side}}  {cell}", soft_wrap=True)
