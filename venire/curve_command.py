"""`venire curve`: any suite over a series of checkpoints, as a table and as curves."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from venire._common.errors import InputError

from .lineages import AXES

if TYPE_CHECKING:
    from .curve import Point

_MOST_PANELS = 12


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--suite", "suites", multiple=True, help="Only this suite (may be given again).")
@click.option("--metric", "metrics", multiple=True, help="Only this metric (may be given again).")
@click.option(
    "--by",
    type=click.Choice(AXES),
    default="step",
    show_default=True,
    help="The axis: training step or epoch, phrasings a fact, or rows trained on.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also draw the curves (.svg).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def curve(
    experiment: Path, suites: tuple[str, ...], metrics: tuple[str, ...], by: str, out: Path | None, as_json: bool
) -> None:
    """How every metric moves over an experiment's checkpoints, against the incumbent on the same items.

    It reads what `venire eval` has written and needs no votes. Every treatment of a base is a series of its own, so the
    base with facts in its prompt, or retrieved, stands beside what was trained on them. With recipes that train on 1,
    5, 10, 20 and 30 phrasings a fact, `--by phrasings` gives recall against phrasings, seeds taken together.

    \b
    Examples: venire curve experiments/quickstart.yaml --suite forgetting --out curve.svg
              venire curve experiments/phrasings.yaml --by phrasings
    """
    from venire._common.files import write_atomic

    if out is not None and out.suffix != ".svg":
        raise InputError(f"--out {str(out)!r}: a name that ends in .svg is wanted")
    points, alarms = _measured(experiment, by)
    kept = [p for p in points if (not suites or p.suite in suites) and (not metrics or p.metric in metrics)]
    if not kept:
        there = ", ".join(sorted({f"{p.suite}.{p.metric}" for p in points}))
        raise InputError(f"nothing of that suite and metric was measured; there are {there}")
    if out is not None:
        write_atomic(out, draw_curves(kept, by).encode())
    if as_json:
        made = {"by": by, "points": [asdict(p) for p in kept], "alarms": alarms}
        click.echo(json.dumps(made, indent=2, allow_nan=False))
        return
    _show(kept, by)
    for alarm in alarms:
        click.echo(f"ALARM: {alarm}")
    if out is not None:
        click.echo(str(out))


def _measured(path: Path, by: str) -> "tuple[list[Point], list[str]]":
    from venire.evals.phrasing_robustness.analysis import with_templates
    from venire.evals.results import read_answers, read_results

    from .curve import curve_points, too_alike
    from .run import Run
    from .stages.evaluate import eval_logs, with_contender

    run = Run(path)
    logs = eval_logs(run) if run.eval_logs.is_dir() else []
    if not logs:
        raise InputError(f"{path}: nothing has been evaluated yet; run first: venire run {path}")
    incumbent = run.incumbent()
    others = [c for c in (*run.base_contenders(), *run.candidate_contenders()) if c.name != incumbent.name]
    contenders = [incumbent, *others]
    results, answers = (with_contender(read(logs), contenders) for read in (read_results, read_answers))
    scored = with_templates(results, answers)
    return curve_points(scored, contenders, incumbent.name, by), too_alike(scored, contenders)


def _show(points: "Sequence[Point]", by: str) -> None:
    """One table a metric: every series with its places, the incumbent first."""
    for suite, metric in dict.fromkeys((p.suite, p.metric) for p in points):
        mine = [p for p in points if (p.suite, p.metric) == (suite, metric)]
        several = any(len(p.rates) > 1 for p in mine)
        rows = [(p.series, _cells(p, several)) for p in mine]
        head = [by, "rate", *(["seeds"] if several else []), "change", "items"]
        widths = [max(len(row[i]) for row in (head, *(cells for _, cells in rows))) for i in range(len(head))]
        click.echo(f"{click.style(f'{suite}: {metric}', bold=True)}\n{_line(head, widths)}")
        for i, (series, cells) in enumerate(rows):
            if i == 0 or series != rows[i - 1][0]:
                click.echo(f"  {series}")
            click.echo(_line(cells, widths))
        click.echo()


def _cells(point: "Point", several: bool) -> list[str]:
    change = "-"
    if point.change:
        low, high = ("-" if end is None else f"{end:+.3f}" for end in point.change[1:])
        change = f"{point.change[0]:+.3f} [{low}, {high}]"
    seeds = f"{min(point.rates):.3f}-{max(point.rates):.3f}" if len(point.rates) > 1 else ""
    rate = f"{point.rate:.3f} [{point.low:.3f}, {point.high:.3f}]"
    return [f"{point.at:g}", rate, *([seeds] if several else []), change, str(point.items)]


def _line(cells: "Sequence[str]", widths: "Sequence[int]") -> str:
    return "    " + "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


def draw_curves(points: "Sequence[Point]", by: str) -> str:
    """One panel a metric, one line a series, each seed a dot, the incumbent as a level; as SVG."""
    import io

    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((p.suite, p.metric) for p in points))
    if len(panels) > _MOST_PANELS:
        raise InputError(f"{len(panels)} metrics are too many for one page; choose with --suite and --metric")
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    with rc_context({"svg.hashsalt": "venire", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.6 * columns, 2.6 * rows))
        for i, (suite, metric) in enumerate(panels):
            axes = figure.add_subplot(rows, columns, i + 1)
            mine = [p for p in points if (p.suite, p.metric) == (suite, metric)]
            start = next((p for p in mine if p.change is None and p.at == 0), None)
            for series in dict.fromkeys(p.series for p in mine if p is not start):
                line = sorted((p for p in mine if p.series == series and p is not start), key=lambda p: p.at)
                ends = [[p.rate - p.low for p in line], [p.high - p.rate for p in line]]
                drawn = axes.errorbar(
                    [p.at for p in line], [p.rate for p in line], yerr=ends, marker="o", capsize=3, label=series
                )
                seeds = [(p.at, rate) for p in line if len(p.rates) > 1 for rate in p.rates]
                if seeds:
                    axes.plot(*zip(*seeds, strict=True), ".", color=drawn[0].get_color(), alpha=0.5)
            if start:
                axes.axhline(start.rate, ls="--", lw=1, color="0.4", label="incumbent")
                axes.axhspan(start.low, start.high, color="0.9", zorder=0)
            axes.set_title(f"{suite}: {metric}", fontsize=9)
            axes.set_xlabel(by, fontsize=8)
            axes.set_ylim(-0.03, 1.03)
        figure.axes[0].legend(fontsize=7)
        figure.tight_layout()
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
