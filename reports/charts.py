"""Where things stand in a forest plot; templates draw them. Positions are per cent of the width, so that it scales."""

from collections.abc import Sequence
from dataclasses import dataclass

from .figures import Estimate
from .numbers import interval, is_number, listing, percent

ROW = 40  # pixels a row
TOP = 8
AXIS = 34
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Room at the sides, so that a mark at 0 or 1 and the outer labels stay inside.
_LEFT, _RIGHT = 4.0, 96.0
_LABEL, _NARROW = 44, 24  # characters of a label before it is shortened, on a wide page and on a phone


@dataclass(frozen=True)
class Mark:
    """One row: its label, what its numbers say, and x of its mark and of the interval's ends (None: not there)."""

    kind: str
    label: str
    narrow: str
    full: str
    value: str
    top: int
    x: float | None
    low: float | None
    high: float | None
    one_sided: bool
    solid: bool
    clear: bool


@dataclass(frozen=True)
class Forest:
    """A forest plot: rows, ticks, the line of no preference, size in pixels, and what it shows in words."""

    identity: str
    title: str
    words: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    half: float
    height: int
    bottom: int


def forest(identity: str, title: str, rows: Sequence[Estimate]) -> Forest | None:
    """The plot of rows that have an estimate; None where none has."""
    drawn = [row for row in rows if is_number(row.estimate)]
    if not drawn:
        return None
    bottom = TOP + ROW * len(drawn)
    return Forest(
        identity=identity,
        title=title,
        words=_words(title, drawn),
        marks=[_mark(row, TOP + ROW * i) for i, row in enumerate(drawn)],
        ticks=[(place(tick), percent(tick, 0)) for tick in TICKS],
        half=place(0.5),
        height=bottom + AXIS,
        bottom=bottom,
    )


def place(rate: float) -> float:
    """A rate's place on the axis, in per cent of the width."""
    return round(_LEFT + (_RIGHT - _LEFT) * min(max(rate, 0.0), 1.0), 3)


def _mark(row: Estimate, top: int) -> Mark:
    low = place(row.low) if is_number(row.low) else None
    high = place(row.high) if is_number(row.high) else None
    # A lower bound alone is drawn to the estimate: nothing is known of the other side.
    if low is not None and high is None and is_number(row.estimate):
        high = place(row.estimate)
    return Mark(
        kind=row.kind,
        label=shorten(row.label, _LABEL),
        narrow=shorten(row.label, _NARROW),
        full=row.label,
        value=value_words(row),
        top=top,
        x=place(row.estimate) if is_number(row.estimate) else None,
        low=low,
        high=high,
        one_sided=not is_number(row.high),
        solid=row.solid,
        clear=is_number(row.low) and row.low > 0.5,
    )


def value_words(row: Estimate) -> str:
    """`62.5% (54.0 to 71.2), n 57`."""
    if not (is_number(row.low) or is_number(row.high)):
        return f"{percent(row.estimate)}, n {row.n}"
    if is_number(row.low) and is_number(row.high):
        return f"{percent(row.estimate)} ({100 * row.low:.1f} to {100 * row.high:.1f}), n {row.n}"
    return f"{percent(row.estimate)} ({interval(row.low, row.high)}), n {row.n}"


def shorten(label: str, most: int) -> str:
    """A long name with its middle left out: both ends tell names apart."""
    if len(label) <= most:
        return label
    half = (most - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def _words(title: str, rows: Sequence[Estimate]) -> str:
    """The plot's alternative text."""
    said = [f"{row.label} {percent(row.estimate)}, {interval(row.low, row.high)}, n {row.n}" for row in rows[:24]]
    more = f"; and {len(rows) - 24} more rows, in the table" if len(rows) > 24 else ""
    return f"Forest plot, {title}. The line at 50% is no preference. {listing(said)}{more}."
