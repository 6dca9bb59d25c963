"""What the votes commands print for people: an analysis, findings, a decision, a plan."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from venire.reports.escape import visible

if TYPE_CHECKING:
    from venire.judges.audit import Finding

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim", "PROMOTE": "bold green", "HOLD": "bold yellow"}
_COLOURS |= {"REFUSE": "bold red"}
_COMPARISONS = 3  # that are shown whole, or one by one on request
_COEFFICIENTS = {
    "raw": "raw",
    "fleiss_kappa": "Fleiss κ",
    "krippendorff_alpha_nominal": "Krippendorff α nominal",
    "krippendorff_alpha_interval": "Krippendorff α interval",
    "gwet_ac1": "Gwet AC1",
    "gwet_ac2": "Gwet AC2",
}


def _console() -> Console:
    import sys

    # A pipe gets the whole width: a table cut to 80 columns cannot be searched.
    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 160)


def count(n: int, word: str) -> str:
    """`1 prompt`, `3 prompts`, `2 families`."""
    if n == 1:
        return f"1 {word}"
    return f"{n:,} {word[:-1]}ies" if word.endswith("y") else f"{n:,} {word}s"


def number(value: Any, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def interval(row: dict[str, Any], key: str = "estimate") -> str:
    """`0.612 [0.540, 0.680]`."""
    return f"{number(row.get(key))} [{number(row.get('low'))}, {number(row.get('high'))}]"


def on_one_line(value: Any) -> Any:
    """The same object, every text in it harmless and without a line of its own: a name may hold a newline."""
    if isinstance(value, dict):
        return {on_one_line(key): on_one_line(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [on_one_line(part) for part in value]
    return visible(value).replace("\n", "⟨U+000A⟩") if isinstance(value, str) else value


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Group:
    """A table under its title, which is not folded to the table's width."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Group(Text(title, style="bold"), table)


def show_analysis(result: dict[str, Any]) -> None:
    """An Analysis object as tables: of many comparisons an overview, of a few each one."""
    console, result = _console(), on_one_line(result)
    console.print(
        f"{count(result['n_votes'], 'vote')} ({result['n_invalid']} invalid), {count(result['n_prompts'], 'prompt')} "
        f"in {count(result['n_families'], 'family')}; orders: {result['orders']}"
    )
    found = result["comparisons"]
    if len(found) > 1:
        rows = [
            [c["candidate"], c["incumbent"], interval(c["win_rate"]), str(c["win_rate"]["n"]), number(c["coverage"])]
            for c in found
        ]
        console.print(_table("Comparisons", ["candidate", "incumbent", "win rate", "prompts", "coverage"], rows))
    if "ranking" in result:
        console.print(_ranking(result["ranking"]))
    if len(found) <= _COMPARISONS:
        for comparison in found:
            _comparison(console, comparison)
    if "pooled" in result:
        _pooled(console, result["pooled"])
    for warning in _gathered(result["warnings"]):
        console.print(Text(f"warning: {warning}", style=_COLOURS["warning"]))
    if len(found) > _COMPARISONS:
        console.print(
            Text("one comparison in full: --candidate NAME --incumbent NAME; all of them: --json", style="dim")
        )


def _gathered(warnings: Sequence[dict[str, str]]) -> list[str]:
    """The warnings' messages: of each kind the first two, and how many more there are; equal ones once."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for warning in warnings:
        about, _, what = warning["message"].partition(": ")
        message = what if what and " against " in about else warning["message"]
        kinds.setdefault(warning["code"], {}).setdefault(message, []).append(about)
    lines = []
    for said in kinds.values():
        for message, about in list(said.items())[:2]:
            whose = "" if message.startswith(about[0]) else f"{about[0]}: "
            lines.append((whose if len(about) == 1 else f"{len(about)} comparisons: ") + message)
        rest = sum(len(about) for about in list(said.values())[2:])
        lines += [f"and {rest} more of this kind"] if rest else []
    return lines


def _ranking(ranked: dict[str, Any]) -> Group:
    rows = [[c["name"], interval(c, "log_worth"), number(c["worth"])] for c in ranked["contenders"]]
    title = f"Ranking (Davidson, jackknife over {count(ranked['families'], 'family')})"
    return _table(title, ["contender", "log worth, mean 0", "worth"], rows)


def _comparison(console: Console, c: dict[str, Any]) -> None:
    rate, totals = c["win_rate"], c["totals"]
    console.print()
    console.print(Text(f"{c['candidate']} against {c['incumbent']}", style="bold underline"))
    inconclusive = "  inconclusive: too few prompts" if rate["inconclusive"] else ""
    console.print(
        f"win rate {interval(rate)}, {(rate['level'] or 0.95):.0%} interval  p {number(rate['p_value'], 4)}  "
        f"{count(rate['n'], 'prompt')}, {count(rate['clusters'], 'family')}{inconclusive}"
    )
    console.print(
        f"votes: {totals['wins']} wins, {totals['losses']} losses, {totals['ties']} ties, {totals['invalid']} invalid; "
        f"coverage {number(c['coverage'])}; invalid against the candidate "
        f"{number(c['invalid_against_candidate']['estimate'])}; panel majority {number(c['panel_majority'])}"
    )
    _asides(console, c)
    console.print(_judges(c["judges"]))
    if c["agreement"]["n_units"]:
        console.print(_agreement("Agreement", c["agreement"]))
    if len(c["domains"]) > 1:
        rows = [[name, interval(d, "win_rate"), str(d["n"])] for name, d in c["domains"].items()]
        console.print(_table("Domains", ["domain", "win rate", "prompts"], rows))
    _left_out(console, c)


def _asides(console: Console, c: dict[str, Any]) -> None:
    """What else the win rate could be: soft, of other judges, of people, resampled, complete, at equal length."""
    lines = []
    if "win_rate_soft" in c:
        lines.append(f"by preferences: {interval(c['win_rate_soft'])}")
    if c["judges_like_these"]["low"] is not None:
        like = c["judges_like_these"]
        lines.append(f"judges like these: [{number(like['low'])}, {number(like['high'])}]")
    if people := c.get("people"):
        alone = f"{number(people['people_alone'])} of the {count(people['labelled'], 'prompt')} that they judged"
        lines.append(
            f"people (PPI++): {interval(people)}, {alone}; the panel agrees on {number(people['panel_agrees'])}"
        )
    if full := c.get("complete_case"):
        lines.append(f"where all judged: {interval(full)}, {count(full['n'], 'prompt')}")
    if drawn := c.get("bootstrap"):
        rate = drawn["win_rate"]
        lines.append(f"BCa, {drawn['draws']} draws: [{number(rate['low'])}, {number(rate['high'])}]")
    if c["length"]["identifiable"]:
        lines.append(f"at equal length: {interval(c['length'], 'controlled_win_rate')}")
    if latent := c.get("latent"):
        lines.append(f"latent (Dawid-Skene, a diagnostic): {number(latent['win_rate'])}")
    for line in lines:
        console.print(line)


def _judges(judges: dict[str, Any]) -> Group:
    rows = [
        [
            name,
            interval(j, "win_rate"),
            f"{j['wins']}/{j['losses']}/{j['ties']}/{j['invalid']}",
            number(j["swap_consistency"]),
            interval(j["position_bias"]) if j["position_bias"]["estimate"] is not None else "–",
            "flagged" if j["flagged"] else "",
        ]
        for name, j in judges.items()
    ]
    columns = ["judge", "win rate", "win/loss/tie/invalid", "same in both orders", "position bias", ""]
    return _table("Judges", columns, rows)


def _left_out(console: Console, c: dict[str, Any]) -> None:
    """Leave one out, by judge, and by family where families hold several judges."""
    judges, families = c["leave_one_judge_out"], c["leave_one_family_out"]
    for title, rows in (("Without one judge", judges), ("Without one family of judges", families)):
        if rows and (rows is judges or len(families) != len(judges)):
            cells = [[row["without"], number(row["estimate"]), number(row["low"])] for row in rows]
            console.print(_table(title, ["without", "win rate", "lower bound (one-sided 95%)"], cells))


def _pooled(console: Console, pooled: dict[str, Any]) -> None:
    if not pooled["agreement"]["n_units"]:
        return
    console.print()
    judges, pairs = count(pooled["n_judges"], "judge"), count(pooled["n_pairs"], "pair")
    console.print(_agreement(f"All comparisons together: {judges}, {pairs}", pooled["agreement"]))


def _agreement(title: str, a: dict[str, Any]) -> Group:
    flip = a["a_flip"]
    rows = [["A_flip (the gate's)", number(flip["estimate"]), f"lower bound {number(flip['low'])}"]]
    for key, name in _COEFFICIENTS.items():
        bounds = a["intervals"][key]
        between = f"[{number(bounds['low'])}, {number(bounds['high'])}]" if bounds["low"] is not None else "no interval"
        rows.append([name, number(a[key]), between if a[key] is not None else ""])
    return _table(f"{title}, {count(a['n_units'], 'prompt')}", ["coefficient", "value", ""], rows)


def show_concordance(rows: "Sequence[dict[str, Any]]") -> None:
    """Judges with people and people with people, with ties and without."""
    cells = [
        [row["judge"], row["with"], "counted" if row["ties"] else "left out", str(row["agree"]), str(row["n"]),
         number(row["rate"]), number(row["kappa"])]
        for row in on_one_line(rows)
    ]  # fmt: skip
    _console().print(_table("verdicts on the same pair", ["", "with", "ties", "agree", "of", "rate", "Cohen κ"], cells))


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
        console.print(Text(f"  {on_one_line(finding.message)}"))
        console.print(Text(f"  effect: {on_one_line(finding.effect)}"))
        console.print(Text(f"  rows: {rows}{more}", style="dim"))


def show_decision(decision: dict[str, Any]) -> None:
    """The outcome and every component."""
    console, decision = _console(), on_one_line(decision)
    console.print(
        Text(decision["outcome"], style=_COLOURS[decision["outcome"]]),
        Text(f"{decision['candidate'] or 'no candidate'} against {decision['incumbent']}"),
    )
    state = {True: "passed", False: "failed", None: "undefined"}
    rows = [
        [part["name"], state[part["passed"]], number(part["observed"]), number(part["required"]), part["detail"]]
        for part in decision["components"]
    ]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("component", "", "observed", "required", "detail"):
        table.add_column(column, justify="right" if column in ("observed", "required") else "left", overflow="fold")
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
