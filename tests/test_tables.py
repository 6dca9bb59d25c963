"""Tables on a terminal: a name that is cut into slivers cannot be read, and in a pipe not be searched."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from venire.tables import show

LONG = "a-candidate-with-a-long-name-step100"
PATH = "/a/place/far/away/" + "folder/" * 30


def printed(width: int, *, terminal: bool) -> str:
    table = Table(title="Candidates", title_justify="left")
    for name in ("name", "kind", "from"):
        table.add_column(name, overflow="fold")
    table.add_row(LONG, "adapter", PATH)
    table.add_row("short", "[b]full", "")
    out = io.StringIO()
    show(table, Console(file=out, width=width, force_terminal=terminal, color_system=None, markup=False))
    return out.getvalue()


@pytest.mark.parametrize(("width", "terminal"), [(60, True), (160, False), (400, True)])
def test_every_cell_stands_whole_on_one_line(width: int, terminal: bool) -> None:
    lines = printed(width, terminal=terminal).splitlines()
    for cell in (LONG, "adapter", PATH, "short", "[b]full"):
        assert sum(cell in line for line in lines) == 1, cell


def test_a_terminal_too_narrow_gets_a_block_of_lines_for_each_row() -> None:
    assert printed(60, terminal=True).splitlines() == [
        "Candidates", LONG, "  kind  adapter", f"  from  {PATH}", "short", "  kind  [b]full", "  from  ",
    ]  # fmt: skip
