"""The charts over training: gain and damage by checkpoint, facts in other words by how much was trained."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from .charts import Chart, draw, shorten
from .numbers import interval, is_number, listing, percent, points
from .progression import Checkpoint, PhrasingPoint
from .svg import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = (("blue", "o", "-"), ("orange", "s", "--"), ("green", "^", "-."), ("purple", "D", ":"))
MOST_TOGETHER = len(_LOOKS)  # series that can be told apart in one panel; more get panels of their own
MOST_PANELS = 16
_STEP, _RATE, _HURT = "training step", "win rate, %", "guarded metric, change in points"

Point = TypeVar("Point", Checkpoint, PhrasingPoint)


def progression_chart(checkpoints: Sequence[Checkpoint]) -> Chart | None:
    """Win rate and damage over training steps, and one against the other; None below two, and for too many series."""
    known = _placed(checkpoints)
    series = list(dict.fromkeys(c.series for c in known))
    if len(known) < 2 or len(series) > MOST_PANELS:
        return None
    said = []
    for c in known:
        cost = f", {c.worst.metric} {points(c.worst.change)} ({_change_ends(c)})" if c.worst else ""
        assert c.gain is not None
        rate = f"{percent(c.gain.estimate)} ({interval(c.gain.low, c.gain.high)}, n {c.gain.n})"
        said.append(f"{c.training} step {c.step}: win rate {rate}{cost}")
    words = f"Checkpoints over training: win rate against the incumbent, and the guarded metric. {listing(said)}."
    title = "gain and damage over the checkpoints"
    into = _together if len(series) <= MOST_TOGETHER else _apart
    return draw("progression-plot", title, words, lambda figure, narrow: into(figure, narrow, known, series))


def progression_note(checkpoints: Sequence[Checkpoint]) -> str:
    """What the progression does not show, and why; empty where it shows all, and where there is one candidate."""
    if len(checkpoints) < 2:
        return ""
    known = _placed(checkpoints)
    series = len({c.series for c in known})
    if series > MOST_PANELS:
        return f"There are {series} series of checkpoints, too many to draw; the table has them all."
    unknown = [c.name for c in checkpoints if c.step is None]
    why = "their training step is not on record: no lineage.json or trainer_state.json stands beside their weights"
    if len(known) < 2:
        return f"There is no progression to draw: of {listing(unknown)}, {why}." if unknown else ""
    return f"Not drawn: {listing(unknown)}; {why}." if unknown else ""


def _placed(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    return [c for c in checkpoints if c.step is not None and c.gain and is_number(c.gain.estimate)]


def _change_ends(checkpoint: Checkpoint) -> str:
    worst = checkpoint.worst
    if worst is None or worst.low is None:
        return "no interval"
    return f"{points(worst.low)} to {points(worst.high)}, n {worst.n}"


def _look(place: int) -> dict[str, Any]:
    colour, marker, line = _LOOKS[place]
    return {"color": PALETTE[colour], "marker": marker, "ls": line, "ms": 5.5, "lw": 1.6}


def _trainings(rows: Iterable[Point], series: str) -> list[list[Point]]:
    """The points of a series that one line joins: those of one training."""
    mine = [row for row in rows if row.series == series]
    return [list(group) for _, group in groupby(sorted(mine, key=lambda r: r.training), key=lambda r: r.training)]


def _gains(axes: "Axes", mine: Sequence[Checkpoint], place: int, label: str | None = None) -> None:
    gains = [c.gain for c in mine if c.gain]
    rates = [100 * (gain.estimate or 0) for gain in gains]
    axes.errorbar([c.step or 0 for c in mine], rates, yerr=_bars(gains), label=label, capsize=3, **_look(place))


def _costs(axes: "Axes", mine: Sequence[Checkpoint], place: int) -> None:
    hurt = [(c, c.worst) for c in mine if c.worst]
    changes = [100 * d.change for _, d in hurt]
    ends = [[100 * (d.change - (d.change if d.low is None else d.low)) for _, d in hurt]]
    ends.append([100 * ((d.change if d.high is None else d.high) - d.change) for _, d in hurt])
    axes.errorbar([c.step or 0 for c, _ in hurt], changes, yerr=ends, capsize=3, **_look(place))


def _trade(axes: "Axes", mine: Sequence[Checkpoint], place: int) -> None:
    both = [(100 * c.worst.change, 100 * (c.gain.estimate or 0), c.step) for c in mine if c.worst and c.gain]
    axes.plot([x for x, _, _ in both], [y for _, y, _ in both], **_look(place))
    for x, y, step in both:
        axes.annotate(str(step), (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8)


def _together(figure: "Figure", narrow: bool, known: Sequence[Checkpoint], series: Sequence[str]) -> None:
    """All series in one panel for each figure."""
    with_damage = any(c.worst for c in known)
    panels = 3 if with_damage else 1
    rows, columns = (panels, 1) if narrow else (1, panels)
    figure.set_size_inches(figure.get_figwidth(), 2.3 * rows + 0.55)
    grid: Any = figure.subplots(rows, columns, squeeze=False).flatten()
    for place, name in enumerate(series):
        for number, mine in enumerate(_trainings(known, name)):
            _gains(grid[0], mine, place, None if number else shorten(name, 28))
            if with_damage:
                _costs(grid[1], mine, place)
                _trade(grid[2], mine, place)
    _axis(grid[0], _STEP, _RATE, level=50)
    if with_damage:
        _axis(grid[1], _STEP, _HURT, level=0)
        _axis(grid[2], _HURT, _RATE, level=50)
        grid[2].axvline(0, color=PALETTE["ink"], lw=1, ls=(0, (4, 3)))
        grid[2].set_title("gain against damage; numbers are steps", fontsize=9, color=PALETTE["soft"], loc="left")
    _legend(figure, narrow)


def _apart(figure: "Figure", narrow: bool, known: Sequence[Checkpoint], series: Sequence[str]) -> None:
    """A small panel for the gain of each series and one for its damage, on common axes."""
    draws: list[tuple[Callable[..., None], str, float]] = [(_gains, _RATE, 50)]
    if any(c.worst for c in known):
        draws.append((_costs, "guarded, points", 0))
    grid = _panels(figure, narrow, len(series), len(draws))
    for number, name in enumerate(series):
        for axes, (into, what, level) in zip(grid[number], draws, strict=True):
            for mine in _trainings(known, name):
                into(axes, mine, 0)
            _axis(axes, _STEP, what, level=level)
        _titled(grid[number][0], name, narrow)
    figure.tight_layout(w_pad=1.2)


def _panels(figure: "Figure", narrow: bool, series: int, each: int) -> list[list[Any]]:
    """For each series its panels, side by side; those of one kind share their axes."""
    columns = each if narrow else 2 * each if each > 1 else 3
    beside = columns // each
    rows = -(-series // beside)
    figure.set_size_inches(figure.get_figwidth(), 1.75 * rows + 0.2)
    found: list[list[Any]] = []
    for number in range(series):
        row, column = number // beside, number % beside * each
        mine = []
        for kind in range(each):
            shared = found[0][kind] if found else None
            place = row * columns + column + kind + 1
            mine.append(figure.add_subplot(rows, columns, place, sharex=shared, sharey=shared))
        found.append(mine)
    return found


def _titled(axes: "Axes", name: str, narrow: bool) -> None:
    axes.set_title(shorten(name, 24 if narrow else 34), fontsize=8.5, color=PALETTE["ink"], loc="left")


def phrasing_chart(found: Sequence[PhrasingPoint], axis: str) -> Chart | None:
    """Accuracy by trained and by novel kinds of phrasing; None without a trained candidate, and for too many series."""
    known = [p for p in found if p.trained or p.novel]
    series = [name for name in dict.fromkeys(p.series for p in known) if name]
    if not any(p.at for p in known) or len(series) > MOST_PANELS or len(known) < 2:
        return None
    said = []
    for p in known:
        sides = [(side, rate) for side, rate in (("trained", p.trained), ("novel", p.novel)) if rate]
        rates = [f"{side} {percent(r.estimate)} ({interval(r.low, r.high)}, n {r.n})" for side, r in sides]
        said.append(f"{p.name}, {listing(rates)}")
    words = f"Accuracy on facts asked for in trained and in novel kinds of phrasing. {listing(said)}."
    title = "accuracy by kind of phrasing"
    into = _phrasing if len(series) <= MOST_TOGETHER else _phrasing_apart
    return draw("phrasing-plot", title, words, lambda figure, narrow: into(figure, narrow, known, series, axis))


def _phrasing(figure: "Figure", narrow: bool, known: Sequence[PhrasingPoint], series: Sequence[str], axis: str) -> None:
    rows, columns = (2, 1) if narrow else (1, 2)
    figure.set_size_inches(figure.get_figwidth(), 2.3 * rows + 0.55)
    grid: Any = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
    for axes, side in zip(grid, ("trained", "novel"), strict=True):
        for place, name in enumerate(series):
            label = shorten(name, 28) if side == "trained" else None
            _accuracies(axes, known, name, side, place, label)
        _axis(axes, axis, "accuracy, %")
        axes.set_ylim(-3, 103)
        axes.set_title(f"{side} kinds of phrasing", fontsize=9, color=PALETTE["soft"], loc="left")
    _legend(figure, narrow)


def _phrasing_apart(
    figure: "Figure", narrow: bool, known: Sequence[PhrasingPoint], series: Sequence[str], axis: str
) -> None:
    """A small panel for each series, with both kinds of phrasing."""
    grid = _panels(figure, narrow, len(series), 1)
    for number, name in enumerate(series):
        axes = grid[number][0]
        for place, side in enumerate(("trained", "novel")):
            _accuracies(axes, known, name, side, place, None if number else side)
        _axis(axes, "phrasings a fact" if "phrasings" in axis else axis, "accuracy, %")
        axes.set_ylim(-3, 103)
        _titled(axes, name, narrow)
    _legend(figure, narrow)


def _accuracies(
    axes: "Axes", known: Sequence[PhrasingPoint], series: str, side: str, place: int, label: str | None
) -> None:
    """A line for each training of a series, each from the incumbent on."""
    start = [p for p in known if not p.series]
    for number, mine in enumerate(_trainings(known, series)):
        line = sorted([*start, *mine], key=lambda p: p.at)
        dots = [(p.at, getattr(p, side)) for p in line if getattr(p, side)]
        rates = [rate for _, rate in dots]
        heights = [100 * rate.estimate for rate in rates]
        label = None if number else label
        axes.errorbar([at for at, _ in dots], heights, yerr=_bars(rates), label=label, capsize=3, **_look(place))


def _bars(rows: Sequence[Any]) -> list[list[float]]:
    """Distances of an interval's ends from its estimate, in per cent; nothing where an end is not known."""
    low = [100 * max(0.0, r.estimate - r.low) if is_number(r.low) else 0 for r in rows]
    high = [100 * max(0.0, r.high - r.estimate) if is_number(r.high) else 0 for r in rows]
    return [low, high]


def _legend(figure: "Figure", narrow: bool) -> None:
    figure.legend(loc="lower left", ncols=1 if narrow else MOST_TOGETHER, fontsize=9)
    figure.tight_layout(rect=(0, 0.32 / figure.get_figheight() * (1 + 0.5 * narrow), 1, 1), w_pad=1.6)


def _axis(axes: "Axes", x: str, y: str, level: float | None = None) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(lw=0.8)
    axes.set_axisbelow(True)
    if level is not None:
        axes.axhline(level, color=PALETTE["ink"], lw=1, ls=(0, (4, 3)))
