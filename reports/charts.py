"""The report's charts, drawn by matplotlib: each twice, wide and narrow, with the words that stand for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .components import Component
from .escape import visible
from .figures import Estimate
from .numbers import decimal, interval, is_number, listing, percent
from .svg import PALETTE, SETTINGS, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 9.6, 3.4  # inches; at 96 pixels an inch they fit a page and a phone


@dataclass(frozen=True)
class Chart:
    """One chart: two drawings of the same figures, and the figures in words."""

    identity: str
    title: str
    words: str
    wide: Markup
    narrow: Markup


Draw = Callable[["Figure", bool], None]


def draw(identity: str, title: str, words: str, into: Draw) -> Chart:
    """Draw a figure for a page and for a phone."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = SETTINGS
    drawn = []
    with rc_context(settings):
        for width, narrow in ((WIDE, False), (NARROW, True)):
            figure = Figure(figsize=(width, 1))
            into(figure, narrow)
            name = f"{identity}-narrow" if narrow else identity
            drawn.append(Markup(to_svg(figure, name, title, words)))
    return Chart(identity, title, words, *drawn)


def forest(identity: str, title: str, rows: Sequence[Estimate]) -> Chart | None:
    """Rates with their intervals against the line of no preference; None where no row has an estimate."""
    drawn = [row for row in rows if is_number(row.estimate)]
    if not drawn:
        return None
    said = [f"{row.label} {percent(row.estimate)}, {interval(row.low, row.high)}, n {row.n}" for row in drawn[:24]]
    more = f"; and {len(drawn) - 24} more rows, in the table" if len(drawn) > 24 else ""
    words = f"Forest plot, {title}. The line at 50% is no preference. {listing(said)}{more}."
    return draw(identity, title, words, lambda figure, narrow: _forest(figure, narrow, drawn))


def _forest(figure: "Figure", narrow: bool, rows: Sequence[Estimate]) -> None:
    line = 0.46 if narrow else 0.34
    axes = _axes(figure, len(rows) * line, left=0.03 if narrow else 0.34, right=0.94 if narrow else 0.74)
    for y, row in enumerate(rows):
        _mark(axes, y, row)
        _label_row(axes, y, row, narrow)
    axes.axvline(0.5, color=PALETTE["ink"], lw=1.2, ls=(0, (4, 3)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.5, -0.75 if narrow else -0.5)
    axes.grid(axis="x", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def _mark(axes: "Axes", y: int, row: Estimate) -> None:
    """A rate and its interval: a square for the panel, hollow and dashed where it does not decide."""
    colour = PALETTE[_side(row)]
    rate = row.estimate or 0.0
    low = row.low if is_number(row.low) else rate
    high = row.high if is_number(row.high) else rate
    style = "-" if row.solid else (0, (4, 2.5))
    axes.plot([low, high], [y, y], color=colour, lw=2.2, ls=style, solid_capstyle="butt")
    ends = [end for end in (row.low, row.high) if is_number(end)]
    axes.plot(ends, [y] * len(ends), ls="", marker="|", ms=9, mew=2, color=colour)
    axes.plot(
        [rate],
        [y],
        color=colour,
        marker="s" if row.kind == "panel" else "o",
        ms=8 if row.kind == "panel" else 7,
        mfc=colour if row.solid else PALETTE["sheet"],
        mec=colour,
        mew=1.8,
    )


def _side(row: Estimate) -> str:
    """The colour of a row: an interval above one half, below it, or across it."""
    if is_number(row.low) and row.low > 0.5:
        return "blue"
    return "orange" if is_number(row.high) and row.high < 0.5 else "soft"


def _label_row(axes: "Axes", y: int, row: Estimate, narrow: bool) -> None:
    heavy = "bold" if row.kind == "panel" else "normal"
    kind = f"{row.kind} " if row.kind in ("judge", "domain") and not narrow else ""
    place = axes.get_yaxis_transform()
    if narrow:  # the label above its line
        axes.text(0, y - 0.38, shorten(row.label, 24), transform=place, va="center", fontsize=8.5, weight=heavy)
        rate = f"{percent(row.estimate)} ({_ends(row)})"
        axes.text(1, y - 0.38, rate, transform=place, va="center", ha="right", fontsize=8.5, color=PALETTE["soft"])
        return
    label = shorten(f"{kind}{row.label}", 40)
    axes.text(-0.04, y, label, transform=place, va="center", ha="right", weight=heavy)
    axes.text(1.03, y, value_words(row), transform=place, va="center", color=PALETTE["soft"], fontsize=9.5)


def _ends(row: Estimate) -> str:
    if is_number(row.low) and is_number(row.high):
        return f"{100 * row.low:.0f} to {100 * row.high:.0f}"
    return interval(row.low, row.high)


def headline(title: str, rows: Sequence[Estimate], bound: float | None = None) -> Chart | None:
    """The first of the rows, the rate that decides, large; None where it has no estimate.

    `bound`: what holds for the best of several candidates; it stands in the place of the rate, which the choice raised.
    """
    if not rows or not is_number(rows[0].estimate):
        return None
    least = "" if bound is None else f"at least {percent(bound)}, the best of several; its own mean "
    words = f"{title}: {least}{value_words(rows[0])}. The line at 50% is no preference."
    return draw("verdict-plot", title, words, lambda figure, narrow: _headline(figure, narrow, rows[0], bound))


def _headline(figure: "Figure", narrow: bool, row: Estimate, bound: float | None) -> None:
    axes = _axes(figure, 0.62 if narrow else 0.4, left=0.02, right=0.98 if narrow else 0.66)
    _mark(axes, 0, row)
    axes.axvline(0.5, color=PALETTE["ink"], lw=1.2, ls=(0, (4, 3)), ymax=0.55 if narrow else 1)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(0.5, -1.2 if narrow else -0.5)
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1], ["0%: always\nthe incumbent", "50%: no\npreference", "100%: always\nthe candidate"])
    for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment(side)
    axes.spines["left"].set_visible(False)
    place = axes.get_yaxis_transform()
    rate, ends = percent(row.estimate), value_words(row).removeprefix(percent(row.estimate)).strip()
    if bound is not None:
        rate, ends = f"≥ {percent(bound)}", f"mean {value_words(row)}"
    at, high, below = (0, -0.85, -0.85) if narrow else (1.04, -0.1, 0.4)
    axes.text(at, high, rate, transform=place, va="center", fontsize=18 if narrow else 20, weight="bold")
    beside, size = (0.27, 9.5) if bound is None else (0.37, 8.5)
    beside, size = (beside, size) if narrow else (at, 9.5)
    axes.text(beside, below, ends, transform=place, va="center", fontsize=size, color=PALETTE["soft"])


def agreement_matrix(pairs: Sequence[dict[str, Any]]) -> Chart | None:
    """How often each two judges gave the same verdict; None below three judges, where a table says it shorter."""
    names = list(dict.fromkeys(name for row in pairs for name in row["judges"]))
    values = {tuple(row["judges"]): row for row in pairs if is_number(row["raw"])}
    if len(names) < 3 or not values:
        return None
    said = [
        f"{one} and {two} {decimal(row['raw'], 2)}, κ {decimal(row['kappa'], 2)}" for (one, two), row in values.items()
    ]
    words = f"Matrix of raw agreement between each two judges, with Cohen's κ below it. {listing(said)}."
    title = "raw agreement between judges, and Cohen's κ"
    return draw("agreement-plot", title, words, lambda figure, narrow: _matrix(figure, narrow, names, values))


def _matrix(figure: "Figure", narrow: bool, names: list[str], values: dict[tuple[str, ...], dict[str, Any]]) -> None:
    from matplotlib.patches import Rectangle

    n = len(names)
    axes = _axes(figure, n * (0.42 if narrow else 0.5), left=0.42 if narrow else 0.3, right=0.99 if narrow else 0.75)
    for i, row in enumerate(names):
        for j, column in enumerate(names[:i]):
            found = values.get((column, row)) or values.get((row, column))
            if found is None:
                continue
            share = max(0.0, min(1.0, found["raw"]))
            cell = Rectangle((j, i), 1, 1, facecolor=PALETTE["blue"], alpha=0.05 + 0.5 * share, edgecolor="none")
            axes.add_patch(cell)
            axes.text(j + 0.5, i + 0.36, decimal(found["raw"], 2), ha="center", va="center", fontsize=9.5)
            kappa = "κ " + (decimal(found["kappa"], 2) if is_number(found["kappa"]) else "–")
            axes.text(j + 0.5, i + 0.72, kappa, ha="center", va="center", fontsize=8, color=PALETTE["soft"])
    axes.set_xlim(0, n - 1)
    axes.set_ylim(n, 1)
    wide = 18 if narrow else 34
    axes.set_yticks([i + 0.5 for i in range(1, n)], [f"{i + 1} {shorten(names[i], wide)}" for i in range(1, n)])
    first = f"1 {shorten(names[0], wide)}"
    axes.set_xticks([j + 0.5 for j in range(n - 1)], [first if j == 0 else str(j + 1) for j in range(n - 1)])
    axes.xaxis.tick_top()
    axes.tick_params(labelcolor=PALETTE["ink"], labelsize=8.5 if narrow else 9.5)
    axes.get_xticklabels()[0].set_horizontalalignment("left" if narrow else "center")
    for spine in axes.spines.values():
        spine.set_visible(False)


def gate_chart(components: Sequence[Component]) -> Chart | None:
    """How far each measured requirement is from its bound; None where none is measured."""
    rows = [(c, margin(c)) for c in components if margin(c) is not None]
    if not rows:
        return None
    said = [f"{c.title}: required {c.required_words}, observed {c.observed_words}, {c.state}" for c, _ in rows]
    words = f"Each measured requirement of the gate, by its distance from the bound. {listing(said)}."
    title = "distance of each requirement from its bound"
    return draw("gate-plot", title, words, lambda figure, narrow: _gate(figure, narrow, rows))


def margin(component: Component) -> float | None:
    """Observed minus required, signed so that above 0 is met; None for what is counted or not defined."""
    observed, required = component.observed, component.required
    if component.kind not in ("bound", "rate", "agreement", "change", "limit"):
        return None
    observed = observed if component.bound is None else component.bound
    if not (is_number(observed) and is_number(required)):
        return None
    distance = required - observed if component.below else observed - required
    # A rate that keeps its limit and is not shown to (a decision of before `bound` was kept) has no place on the line.
    return None if distance > 0 and component.state == "failed" else distance


def _gate(figure: "Figure", narrow: bool, rows: Sequence[tuple[Component, Any]]) -> None:
    line = 0.62 if narrow else 0.34
    axes = _axes(figure, len(rows) * line + 0.25, left=0.02 if narrow else 0.32, right=0.98 if narrow else 0.64)
    place = axes.get_yaxis_transform()
    for y, (component, distance) in enumerate(rows):
        met = component.state == "passed"
        colour = PALETTE["blue" if met else "orange"]
        axes.plot([0, 100 * distance], [y, y], color=colour, lw=3, solid_capstyle="butt")
        axes.plot([100 * distance], [y], marker="o" if met else "X", ms=8, color=colour)
        numbers = f"{component.observed_words}, required: {component.required_words}"
        if narrow:  # both above the line
            axes.text(0, y - 0.5, shorten(component.title, 44), transform=place, va="center", fontsize=8.5)
            axes.text(0, y - 0.26, numbers, transform=place, va="center", fontsize=7.5, color=PALETTE["soft"])
        else:
            axes.text(-0.04, y, shorten(component.title, 40), transform=place, va="center", ha="right")
            axes.text(1.03, y, numbers, transform=place, va="center", fontsize=8.5, color=PALETTE["soft"])
    reach = max(5.0, *(abs(100 * distance) for _, distance in rows)) * 1.12
    axes.set_xlim(-reach, reach)
    axes.axvline(0, color=PALETTE["ink"], lw=1.2)
    axes.set_ylim(len(rows) - 0.4, -0.85)
    axes.text(-0.02 * reach, -0.85, "not met", ha="right", va="top", fontsize=8.5, color=PALETTE["soft"])
    axes.text(0.02 * reach, -0.85, "met", ha="left", va="top", fontsize=8.5, color=PALETTE["soft"])
    axes.set_yticks([])
    axes.grid(axis="x", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("distance from the bound, in points (a coefficient: in hundredths)", fontsize=8 if narrow else 9)
    axes.spines["left"].set_visible(False)


def _axes(figure: "Figure", height: float, *, left: float, right: float) -> "Axes":
    """One axes of that height in inches, with room for its ticks."""
    whole = height + 0.5
    figure.set_size_inches(figure.get_figwidth(), whole)
    return figure.add_axes((left, 0.42 / whole, right - left, height / whole))


def value_words(row: Estimate) -> str:
    """`62.5% (54.0 to 71.2), n 57`."""
    if not (is_number(row.low) or is_number(row.high)):
        return f"{percent(row.estimate)}, n {row.n}"
    if is_number(row.low) and is_number(row.high):
        return f"{percent(row.estimate)} ({100 * row.low:.1f} to {100 * row.high:.1f}), n {row.n}"
    return f"{percent(row.estimate)} ({interval(row.low, row.high)}), n {row.n}"


def shorten(label: str, most: int) -> str:
    """A long name with its middle left out: both ends tell names apart. What cannot be seen is written out."""
    label = visible(label)
    if len(label) <= most:
        return label
    half = (most - 1) // 2
    return f"{label[:half]}…{label[-half:]}"
