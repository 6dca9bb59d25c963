"""What the votes commands print for people: an analysis, findings, a decision, a plan."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from venire.judges.audit import Finding

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim", "PROMOTE": "bold green", "HOLD": "bold yellow"}
_COLOURS |= {"REFUSE": "bold red"}
_COMPARISONS = 12  # that are shown whole


def _console() -> Console:
    import sys

    # A pipe gets the whole width: a table cut to 80 columns cannot be searched.
    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 160)


def number(value: Any, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def interval(row: dict[str, Any], key: str = "estimate") -> str:
    """`0.612 [0.540, 0.680]`."""
    return f"{number(row.get(key))} [{number(row.get('low'))}, {number(row.get('high'))}]"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def show_analysis(result: dict[str, Any]) -> None:
    """An Analysis object as tables."""
    console = _console()
    console.print(
        f"{result['n_votes']} votes ({result['n_invalid']} invalid), {result['n_prompts']} prompts in "
        f"{result['n_families']} families; orders: {result['orders']}"
    )
    found = result["comparisons"]
    if len(found) > 1:
        rows = [
            [c["candidate"], c["incumbent"], interval(c["win_rate"]), str(c["win_rate"]["n"]), number(c["coverage"])]
            for c in found
        ]
        console.print(_table("Comparisons", ["candidate", "incumbent", "win rate", "prompts", "coverage"], rows))
    for comparison in found[:_COMPARISONS]:
        _comparison(console, comparison)
    if len(found) > _COMPARISONS:
        console.print(f"… and {len(found) - _COMPARISONS} comparisons more (--json has them all)")
    if "pooled" in result:
        pooled = result["pooled"]
        title = f"All comparisons together: {pooled['n_judges']} judges, {pooled['n_pairs']} pairs"
        console.print(_agreement(title, pooled["agreement"]))
    for warning in result["warnings"]:
        console.print(Text(f"warning: {warning['message']}", style=_COLOURS["warning"]))


def _comparison(console: Console, c: dict[str, Any]) -> None:
    rate, totals = c["win_rate"], c["totals"]
    console.print()
    console.print(Text(f"{c['candidate']} against {c['incumbent']}", style="bold underline"))
    inconclusive = "  inconclusive: too few prompts" if rate["inconclusive"] else ""
    console.print(
        f"win rate {interval(rate)}  p {number(rate['p_value'], 4)}  n {rate['n']} prompts, {rate['clusters']} families"
        f"{inconclusive}"
    )
    console.print(
        f"votes: {totals['wins']} wins, {totals['losses']} losses, {totals['ties']} ties, {totals['invalid']} invalid; "
        f"coverage {number(c['coverage'])}; invalid against the candidate "
        f"{number(c['invalid_against_candidate']['estimate'])}; panel majority {number(c['panel_majority'])}"
    )
    like = c["judges_like_these"]
    console.print(f"judges like these: [{number(like['low'])}, {number(like['high'])}]")
    rows = [
        [
            name,
            interval(j, "win_rate"),
            f"{j['wins']}/{j['losses']}/{j['ties']}/{j['invalid']}",
            number(j["swap_consistency"]),
            interval(j["position_bias"]),
            "flagged" if j["flagged"] else "",
        ]
        for name, j in c["judges"].items()
    ]
    columns = ["judge", "win rate", "w/l/t/invalid", "swap consistency", "position bias", ""]
    console.print(_table("Judges", columns, rows))
    console.print(_agreement("Agreement", c["agreement"]))
    if len(c["domains"]) > 1:
        rows = [[name, interval(d, "win_rate"), str(d["n"])] for name, d in c["domains"].items()]
        console.print(_table("Domains", ["domain", "win rate", "prompts"], rows))
    if c["leave_one_judge_out"]:
        rows = [[row["without"], number(row["estimate"]), number(row["low"])] for row in c["leave_one_judge_out"]]
        console.print(_table("Without one judge", ["without", "win rate", "lower bound (one-sided 95%)"], rows))
    length = c["length"]
    if length["identifiable"]:
        console.print(f"at equal length: {interval(length, 'controlled_win_rate')}")


def _agreement(title: str, a: dict[str, Any]) -> Table:
    flip = a["a_flip"]
    rows = [
        ["A_flip (the gate's)", number(flip["estimate"]), f"lower bound {number(flip['low'])}"],
        ["raw", number(a["raw"]), f"{a['n_units']} prompts"],
        ["Fleiss κ", number(a["fleiss_kappa"]), ""],
        ["Krippendorff α nominal", number(a["krippendorff_alpha_nominal"]), ""],
        ["Krippendorff α interval", number(a["krippendorff_alpha_interval"]), ""],
        ["Gwet AC1", number(a["gwet_ac1"]), ""],
        ["Gwet AC2", number(a["gwet_ac2"]), ""],
    ]
    return _table(title, ["coefficient", "value", ""], rows)


def show_findings(findings: "Sequence[Finding]") -> None:
    """The audit's findings, the gravest first."""
    console = _console()
    if not findings:
        console.print("no finding")
        return
    for finding in findings:
        rows = ", ".join(str(row) for row in finding.rows[:10])
        more = f", … ({len(finding.rows)} rows)" if len(finding.rows) > 10 else ""
        console.print(Text(f"{finding.severity}: {finding.code}", style=_COLOURS[finding.severity]))
        console.print(Text(f"  {finding.message}"))
        console.print(Text(f"  effect: {finding.effect}"))
        console.print(Text(f"  rows: {rows}{more}", style="dim"))


def show_decision(decision: dict[str, Any]) -> None:
    """The outcome and every component."""
    console = _console()
    console.print(
        Text(decision["outcome"], style=_COLOURS[decision["outcome"]]),
        Text(f"{decision['candidate'] or 'no candidate'} against {decision['incumbent']}"),
    )
    state = {True: "passed", False: "failed", None: "undefined"}
    rows = [
        [part["name"], state[part["passed"]], number(part["observed"]), number(part["required"]), part["detail"]]
        for part in decision["components"]
    ]
    table = _table("", ["component", "", "observed", "required"], [])
    table.add_column("detail", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if decision["not_examined"]:
        console.print(Text(f"not examined: {', '.join(decision['not_examined'])}", style="dim"))


def show_power(plan: dict[str, Any]) -> None:
    """Prompts by win rate and judges, sizes of suites, the price."""
    console = _console()
    given = plan["assumptions"]
    console.print(
        f"{given['judges']} judges × {given['orders']} orders, correlation {given['correlation']:g}, ties "
        f"{given['ties']:g}, one-sided α {given['alpha']:g}, power {given['target']:g}"
    )
    judges = [row["judges"] for row in plan["win_rates"][0]["by_judges"]]
    columns = ["true win rate", "prompts", "judgements", *[f"with {j} judge{'s' * (j > 1)}" for j in judges]]
    priced, powered = given["usd_in"] is not None, given["prompts"] is not None
    columns += [f"power at {given['prompts']}"] * powered + ["USD"] * priced
    rows = [
        [
            f"{row['win_rate']:.2f}",
            str(row["prompts"]),
            f"{row['judgements']:,}",
            *[str(cell["prompts"]) for cell in row["by_judges"]],
            *[number(row.get("power"))] * powered,
            *[f"{row.get('usd', 0):,.2f}"] * priced,
        ]
        for row in plan["win_rates"]
    ]
    console.print(_table("Prompts needed", columns, rows))
    if plan["suites"]:
        rows = [
            [
                f"{row['kind'].replace('_', ' ')} {row['limit']:g}",
                "–" if row["true_rate"] is None else f"{row['true_rate']:g}",
                str(row["items"] or "out of reach"),
                str(row["allowed"] if row["allowed"] is not None else "–"),
                number(row["power"]),
            ]
            for row in plan["suites"]
        ]
        console.print(
            _table("Items needed in a suite", ["asked", "true rate", "items", "losses or hits", "power"], rows)
        )
    for note in plan["notes"]:
        console.print(Text(note, style="dim"))
