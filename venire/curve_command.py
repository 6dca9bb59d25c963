"""`venire curve`: any suite over a series of checkpoints, as a table and as curves."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from venire.run import Contender

AXES = ("step", "epoch", "phrasings", "rows")
_MOST_PANELS = 12


@dataclass(frozen=True)
class Point:
    """One contender on one metric: its rate, and its change against the incumbent on the same items.

    at: its place on the axis (the incumbent stands at 0). Intervals are 95%, by family; change is None for the
    incumbent and where no item is shared.
    """

    suite: str
    metric: str
    series: str
    contender: str
    at: float
    rate: float
    low: float
    high: float
    items: int
    families: int
    change: tuple[float, float, float] | None


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

    It reads what `venire eval` has written and needs no votes. With recipes that train on 1, 5, 10, 20 and 30 phrasings
    a fact, `--by phrasings` gives recall against phrasings.

    Example: venire curve experiments/quickstart.yaml --suite forgetting --out curve.svg
    """
    from venire._common.files import write_atomic

    if out is not None and out.suffix != ".svg":
        raise InputError(f"--out {str(out)!r}: a name that ends in .svg is wanted")
    points = _points(experiment, by)
    kept = [p for p in points if (not suites or p.suite in suites) and (not metrics or p.metric in metrics)]
    if not kept:
        there = ", ".join(sorted({f"{p.suite}.{p.metric}" for p in points}))
        raise InputError(f"nothing of that suite and metric was measured; there are {there}")
    if out is not None:
        write_atomic(out, draw_curves(kept, by).encode())
    if as_json:
        click.echo(json.dumps({"by": by, "points": [asdict(p) for p in kept]}, indent=2, allow_nan=False))
        return
    _show(kept, by)
    if out is not None:
        click.echo(str(out))


def _points(path: Path, by: str) -> list[Point]:
    from venire.evals.results import read_results
    from venire.run import Run
    from venire.stages.evaluate import eval_logs, with_contender

    run = Run(path)
    logs = eval_logs(run) if run.eval_logs.is_dir() else []
    if not logs:
        raise InputError(f"{path}: nothing has been evaluated yet; run first: venire run {path}")
    incumbent = run.incumbent()
    contenders = [incumbent, *run.candidate_contenders()]
    return curve_points(with_contender(read_results(logs), contenders), contenders, incumbent.name, by)


def curve_points(results: "pl.DataFrame", contenders: "Sequence[Contender]", incumbent: str, by: str) -> list[Point]:
    """A point for each contender on each metric it was measured on, by suite, metric, series and place."""

    from venire.judges.statistics.winrate import winrate_ci

    places = {c.name: (_series(c), 0.0 if c.name == incumbent else _place(c, by)) for c in contenders}
    made = []
    scored = results.drop_nulls("value").sort("suite", "metric", "contender", "sample_id", "epoch")
    for (suite, metric, name), rows in scored.group_by("suite", "metric", "contender", maintain_order=True):
        rate = winrate_ci(rows["value"].to_numpy(), rows["family"].to_list())
        theirs = scored.filter(suite=suite, metric=metric, contender=incumbent)
        change = None if name == incumbent else _change(rows, theirs)
        series, at = places[str(name)]
        short = str(suite).rsplit("/", 1)[-1]
        families = rows["family"].n_unique()
        ends = (rate.estimate, rate.low, rate.high)
        made.append(Point(short, str(metric), series, str(name), at, *ends, rows.height, families, change))
    return sorted(made, key=lambda p: (p.suite, p.metric, p.contender != incumbent, p.series, p.at))


def _change(mine: "pl.DataFrame", theirs: "pl.DataFrame") -> tuple[float, float, float] | None:
    """Mean difference on shared items, with its t interval by family; None without two families in common."""
    import polars as pl
    from scipy import stats

    both = mine.join(theirs, on=["sample_id", "epoch"], suffix="_before")
    by_item = both.group_by("family").agg(
        (pl.col("value") - pl.col("value_before")).sum().alias("sum"), pl.len().alias("n")
    )
    groups = by_item.height
    if groups < 2:
        return None
    n = float(by_item["n"].sum())
    mean = float(by_item["sum"].sum()) / n
    residuals = (by_item["sum"] - mean * by_item["n"]).to_numpy()
    se = math.sqrt(groups / (groups - 1) * float((residuals**2).sum())) / n
    half = float(stats.t.ppf(0.975, groups - 1)) * se
    return mean, mean - half, mean + half


def _series(contender: "Contender") -> str:
    """The recipe that trained it, with its treatment; an untrained base is a series of its own."""
    recipe = (_lineage(contender).get("recipe") or {}).get("name") or contender.base
    return f"{recipe}/{contender.treatment}"


def _place(contender: "Contender", by: str) -> float:
    """Where a candidate stands on the axis; 0 where its lineage does not say."""
    lineage = _lineage(contender)
    data = lineage.get("data") or {}
    match by:
        case "phrasings":
            return _phrasings(data) if data else 0.0
        case "rows":
            return float(data.get("rows") or 0)
        case "epoch":
            return float(lineage.get("epoch") or 0)
        case _:
            return float(contender.step)


def _phrasings(data: dict[str, Any]) -> float:
    """Rows a family in the file that was trained on: of its facts if it has any, else of everything.

    Raises InputError if the file is gone, or is no longer what was trained on.
    """
    from venire._common.hashing import sha256_file
    from venire.experiment import find_file

    path = find_file(str(data.get("path")), "training data")
    if sha256_file(path) != data.get("sha256"):
        raise InputError(f"{path}: changed since it was trained on; how many phrasings it held cannot be told")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    facts = [row for row in rows if row.get("category") == "facts"] or rows
    return round(len(facts) / max(1, len({row.get("family") for row in facts})), 2)


def _lineage(contender: "Contender") -> dict[str, Any]:
    from venire._common.files import read_json

    path = Path(contender.path) / "lineage.json" if contender.path else None
    return read_json(path) if path and path.is_file() else {}


def _show(points: Sequence[Point], by: str) -> None:
    from rich.console import Console
    from rich.table import Table

    for suite, metric in dict.fromkeys((p.suite, p.metric) for p in points):
        table = Table(box=None, padding=(0, 2, 0, 0), title=f"{suite}: {metric}", title_justify="left")
        table.add_column("series", overflow="fold")
        for column in (by, "rate", "change", "items"):
            table.add_column(column, justify="right", no_wrap=True)
        for p in (p for p in points if (p.suite, p.metric) == (suite, metric)):
            change = f"{p.change[0]:+.3f} [{p.change[1]:+.3f}, {p.change[2]:+.3f}]" if p.change else "-"
            cells = (p.series, f"{p.at:g}", f"{p.rate:.3f} [{p.low:.3f}, {p.high:.3f}]", change, str(p.items))
            table.add_row(*(cell.replace("[", r"\[") for cell in cells))
        Console().print(table)


def draw_curves(points: Sequence[Point], by: str) -> str:
    """One panel a metric, one line a series, the incumbent as a level; as SVG."""
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
                axes.errorbar(
                    [p.at for p in line], [p.rate for p in line], yerr=ends, marker="o", capsize=3, label=series
                )
            if start:
                axes.axhline(start.rate, ls="--", lw=1, color="0.4", label="incumbent")
                axes.axhspan(start.low, start.high, color="0.9", zorder=0)
            axes.set_title(f"{suite}: {metric}", fontsize=9)
            axes.set_xlabel(by, fontsize=8)
            axes.set_ylim(-0.03, 1.03)
        figure.axes[0].legend(fontsize=7)
        figure.tight_layout()
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
