"""`venire compare`: runs side by side, or the candidates of one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from venire._common.errors import InputError

if TYPE_CHECKING:
    from venire.reports.compare import Comparison, Metric

_FEW = 15  # items below which a metric says little


@click.command()
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--all", "everyone", is_flag=True, help="Every candidate of each run, not only the one decided on.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write a page (.html) or a table (.md).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(runs: tuple[Path, ...], everyone: bool, out: Path | None, as_json: bool) -> None:
    """Set runs side by side: two experiments, one over time, several bases on the same data; or one run's candidates.

    RUNS are run folders or experiment files. Candidates that were judged on the same prompts by the same judges are
    compared prompt by prompt with the first; what is not the same in all runs is listed.

    Example: venire compare runs/qwen-3b runs/llama-3b runs/qwen-0.5b --out architectures.html
    """
    from venire._common.files import write_atomic
    from venire.human_command import run_folder
    from venire.reports.compare import compare_runs, to_json
    from venire.reports.render import render_compared

    if out is not None and out.suffix not in (".html", ".md"):
        raise InputError(f"--out {str(out)!r}: a name that ends in .html or .md is wanted")
    found = compare_runs([run_folder(run) for run in runs], everyone=everyone)
    if out is not None:
        write_atomic(out, render_compared(found, html=out.suffix == ".html"))
    if as_json:
        click.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False, allow_nan=False))
        return
    _show(found)
    if out is not None:
        click.echo(str(out))


def _show(found: "Comparison") -> None:
    """Tables that fit the terminal."""
    from rich.table import Table

    from venire.reports.charts import value_words
    from venire.reports.escape import visible
    from venire.reports.numbers import decimal, duration, points

    from .tables import console as terminal
    from .tables import show

    def table(*columns: str) -> Table:
        made = Table(box=None, padding=(0, 2, 0, 0))
        for i, column in enumerate(columns):
            made.add_column(visible(column), justify="left" if i == 0 else "right", overflow="fold")
        return made

    console = terminal()
    rates = table("candidate", "outcome", "win rate (95%)", "agreement", "base", "trained in")
    for e in found.entries:
        trained = duration(e.seconds) if e.seconds else "–"
        row = (e.name, e.said, value_words(e.win_rate), decimal(e.agreement), e.base, trained)
        rates.add_row(*map(visible, row))
    show(rates, console)
    if found.differences:
        made = table("difference in win rate", "points", "95% interval", "p", "prompts")
        for d in found.differences:
            ends = "not estimable" if d.low is None else f"{points(d.low)} to {points(d.high)}"
            name = f"{visible(d.one)} − {visible(d.other)}"
            made.add_row(name, points(d.estimate), ends, decimal(d.p_value), str(d.n))
        console.print()
        show(made, console)
    large = {m.name for e in found.entries for m in e.metrics if m.n >= _FEW}
    telling = [name for name in found.metrics if name in large]
    if telling:
        made = table("suite · metric", *(e.name for e in found.entries))
        for name in telling:
            cells = [next((m for m in e.metrics if m.name == name), None) for e in found.entries]
            made.add_row(visible(name), *("–" if m is None else _metric(m) for m in cells))
        console.print()
        show(made, console)
    if left := len(found.metrics) - len(telling):
        console.print(f"{left} metrics on fewer than {_FEW} items each: see --out or --json")
    for e in found.entries:
        if e.post_hoc:
            console.print(f"post hoc: {visible(e.name)}: {visible(e.post_hoc)}")
    for reason in found.not_compared:
        console.print(f"not compared: {visible(reason)}")
    for row in found.unlike:
        console.print(f"not the same: {visible(row.what)}: {row.means}")


def _metric(metric: "Metric") -> str:
    """`61.7% (+10.0 points), n 60`."""
    from venire.reports.numbers import percent, points

    change = "" if metric.change is None else f" ({points(metric.change)})"
    return f"{percent(metric.after)}{change}, n {metric.n}"
