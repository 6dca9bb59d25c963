"""`venire votes import|analyze|agree|audit`, `venire power`, and the gate on votes from anywhere."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError

if TYPE_CHECKING:
    import polars as pl

FILE = click.argument("file", type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
REPEATS = click.option(
    "--repeats",
    type=click.Choice(["refuse", "keep", "first"]),
    default="refuse",
    show_default=True,
    help="A second vote of one judge on the same pair and order, where no column `repeat` numbers it.",
)


def _print(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


@click.group()
def votes() -> None:
    """Votes, ours or anybody's: import, analyze, compare with people, audit.

    Example: venire votes analyze runs/quickstart/votes.parquet
    """


@votes.command("import")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="A .parquet, .csv or .jsonl file.")
@click.option("--format", "kind", help="venire, alpaca_eval, fastchat or arena_hard; default: seen from the contents.")
@click.option("--candidate", help="Only comparisons of this contender, as the candidate.")
@click.option("--incumbent", help="Only comparisons with this contender, as the incumbent (Arena-Hard: the baseline).")
@click.option("--use", help="What the votes are for; default: gate, and human for people's votes of other formats.")
@REPEATS
@AS_JSON
def import_(
    files: tuple[Path, ...],
    out: Path,
    kind: str | None,
    candidate: str | None,
    incumbent: str | None,
    use: str | None,
    repeats: Any,
    as_json: bool,
) -> None:
    """Make our vote table of vote files: our own format (parquet, CSV, JSONL), AlpacaEval, MT-Bench, Arena-Hard.

    Example: venire votes import gpt-4_pair.jsonl --incumbent gpt-3.5-turbo -o votes.parquet
    """
    import polars as pl

    from venire.judges.importers import import_files
    from venire.judges.votes import write_votes

    if use is not None:
        _known_use(use)
    table = import_files(files, kind, candidate=candidate, incumbent=incumbent, repeats=repeats)
    if use is not None:
        table = table.with_columns(use=pl.lit(use))
    write_votes(table, out)
    summary = _summary(table, out)
    if as_json:
        _print(summary)
        return
    from venire.votes_tables import on_one_line

    summary = on_one_line(summary)
    click.echo(
        f"{summary['n_votes']} votes ({summary['n_invalid']} invalid) on {summary['n_prompts']} prompts -> {out}"
    )
    for row in summary["comparisons"][:20]:
        click.echo(f"  {row['candidate']} against {row['incumbent']}: {row['votes']} votes")
    if len(summary["comparisons"]) > 20:
        click.echo(f"  and {len(summary['comparisons']) - 20} comparisons more")
    click.echo(f"judges: {', '.join(summary['judges'][:12])}{' …' if len(summary['judges']) > 12 else ''}")


def _known_use(use: str) -> None:
    from venire.judges.votes import USES

    if use not in USES:
        raise InputError(f"--use {use!r} is none of {', '.join(USES)}")


def _summary(table: "pl.DataFrame", out: Path) -> dict[str, Any]:
    import polars as pl

    pairs = table.group_by("candidate", "incumbent").agg(votes=pl.len()).sort("candidate", "incumbent")
    return {
        "out": str(out),
        "n_votes": table.height,
        "n_invalid": table.filter(pl.col("verdict") == "invalid").height,
        "n_prompts": table["prompt_id"].n_unique(),
        "comparisons": pairs.to_dicts(),
        "judges": table["judge"].unique().sort().to_list(),
    }


@votes.command()
@FILE
@click.option(
    "--orders",
    type=click.Choice(["both", "any"]),
    default="both",
    show_default=True,
    help="both: a judge's vote on a prompt counts if its other order is there; any: single orders are admitted.",
)
@REPEATS
@click.option("--candidate", help="Only comparisons of this contender.")
@click.option("--incumbent", help="Only comparisons with this contender.")
@click.option("--use", default="gate", show_default=True, help="Which votes count, by their column `use`.")
@click.option("--bootstrap", type=click.IntRange(min=0), default=0, help="Draws of the cluster bootstrap, besides.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the bootstrap and the permutation test.",
)
@AS_JSON
def analyze(
    file: Path,
    orders: Any,
    repeats: Any,
    candidate: str | None,
    incumbent: str | None,
    use: str,
    bootstrap: int,
    seed: int,
    as_json: bool,
) -> None:
    """Win rates with honest intervals, agreement, judges, length: everything a file of votes can say.

    Votes of people in the file calibrate the panel's win rate; three contenders or more are ranked.

    Example: venire votes analyze votes.csv --orders any
    """
    from venire.judges.analysis import analyze as analysis
    from venire.judges.importers import import_votes

    _known_use(use)
    table = import_votes(file, candidate=candidate, incumbent=incumbent, repeats=repeats)
    result = analysis(table, orders=orders, repeats="keep", bootstrap=bootstrap, seed=seed, use=use)
    if as_json:
        _print(result)
        return
    from venire.votes_tables import show_analysis

    show_analysis(result)


@votes.command()
@FILE
@REPEATS
@AS_JSON
def agree(file: Path, repeats: Any, as_json: bool) -> None:
    """How often each judge says what people say, and how often people say the same: the ceiling of any judge.

    A judge's verdict on a pair is the mean of its two orders. Counted are pairs of verdicts on the same two answers.

    Example: venire votes agree votes.parquet
    """
    from venire.judges.concordance import agreement_table
    from venire.judges.importers import import_votes

    rows = agreement_table(import_votes(file, repeats=repeats))
    if as_json:
        _print({"agreement": rows})
        return
    from venire.votes_tables import show_concordance

    show_concordance(rows)


@votes.command()
@FILE
@AS_JSON
def audit(file: Path, as_json: bool) -> None:
    """Look for the ways in which votes mislead, and say what the headline becomes without them.

    With the judges' raw text in a column `judgment` (and `label_mapping`) every winner is derived again.
    Exit code 1 if there is an error among the findings.

    Example: venire votes audit votes.csv
    """
    from venire.judges.audit import audit as audit_table
    from venire.judges.audit import audit_file, has_errors
    from venire.judges.importers import detect_format, import_votes

    ours = detect_format(file) == "venire" if file.is_file() else True
    findings = audit_file(file) if ours else audit_table(import_votes(file, repeats="keep"))
    if as_json:
        _print({"findings": [finding.to_dict() for finding in findings]})
    else:
        from venire.votes_tables import show_findings

        show_findings(findings)
    if has_errors(findings):
        sys.exit(1)


def gate_votes(votes: Path, policy: Path | None, *, require: str | None = None, as_json: bool = False) -> None:
    """The gate on a file of votes: `venire gate --votes FILE [--policy FILE]`.

    What an experiment would add (suites, weights, leaks, conflicts) nobody knows here; the decision lists it.
    """
    decision = decide_votes(votes, policy)
    if as_json:
        _print(decision)
    else:
        from venire.votes_tables import show_decision

        show_decision(decision)
    if require == "promote" and decision["outcome"] != "PROMOTE":
        sys.exit(1)


def decide_votes(file: Path, policy_file: Path | None) -> dict[str, Any]:
    """The decision on a file of votes, as in decision.json."""
    import polars as pl

    from venire._common.hashing import sha256_file
    from venire._common.reading import read_yaml
    from venire.judges.audit import audit as audit_table
    from venire.judges.gate import GateInputs, Hashes, decide
    from venire.judges.importers import import_votes
    from venire.judges.policy import parse_policy
    from venire.judges.qualification import examine
    from venire.judges.selection import screened_finalist

    policy = parse_policy(read_yaml(policy_file, "policy") if policy_file else None, str(policy_file))
    table = import_votes(file)
    deciding = table.filter(pl.col("use").is_in(["gate", "screen"]))
    if deciding.height == 0:
        raise InputError(f"{file}: no vote in it has the use gate or screen, so there is nothing to decide on")
    incumbents = deciding["incumbent"].unique().sort().to_list()
    if len(incumbents) > 1:
        raise InputError(
            f"{file}: {len(incumbents)} incumbents ({', '.join(incumbents[:5])}); the gate decides against one: "
            "pick it with `venire votes import --incumbent`"
        )
    exams = examine(table)
    inputs = GateInputs(
        votes=table,
        policy=policy,
        candidates=sorted(deciding["candidate"].unique().to_list(), key=_natural),
        incumbent=incumbents[0],
        finalist=screened_finalist(deciding, str(file)),
        exams={name: exam.passed for name, exam in exams.items()} if exams else None,
        audit=audit_table(deciding),
        hashes=Hashes(votes=sha256_file(file)),
    )
    return decide(inputs).to_dict()


def _natural(name: str) -> list[tuple[int, str]]:
    """`step-2` before `step-10`: among equals the earlier step is chosen."""
    import re

    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


@click.command()
@click.option("--win-rate", "rates", type=float, multiple=True, help="A true win rate to detect; may be repeated.")
@click.option(
    "--judges", type=click.IntRange(min=1), default=4, show_default=True, help="How many vote on each prompt."
)
@click.option(
    "--orders", type=click.IntRange(1, 2), default=2, show_default=True, help="In how many each judge sees it."
)
@click.option("--correlation", type=float, default=0.45, show_default=True, help="Of two votes on one prompt.")
@click.option("--ties", type=float, default=0.09, show_default=True, help="The share of ties.")
@click.option("--alpha", type=float, default=0.025, show_default=True, help="One-sided level of superiority.")
@click.option("--power", "target", type=float, default=0.80, show_default=True, help="The power wanted.")
@click.option("--family-size", type=click.IntRange(min=1), default=1, show_default=True, help="Paraphrases a prompt.")
@click.option("--candidates", type=click.IntRange(min=1), default=1, show_default=True, help="Of which one is chosen.")
@click.option("--prompts", type=click.IntRange(min=2), help="Also the power that this many prompts have.")
@click.option("--non-inferiority", "margins", type=float, multiple=True, help="A margin δ of a suite; may be repeated.")
@click.option("--discordance", type=float, default=0.05, show_default=True, help="The share of a suite that changes.")
@click.option("--at-most", "uppers", multiple=True, metavar="LIMIT[:TRUE]", help="A threshold, and the model's rate.")
@click.option("--at-least", "lowers", multiple=True, metavar="LIMIT[:TRUE]", help="Likewise.")
@click.option("--usd-in", type=float, help="Dollars a million input tokens, of each judge.")
@click.option("--usd-out", type=float, help="Dollars a million output tokens, of each judge.")
@click.option("--input-tokens", type=float, default=1500, show_default=True, help="Of one judgement.")
@click.option("--output-tokens", type=float, default=300, show_default=True, help="Of one judgement.")
@AS_JSON
def power(**options: Any) -> None:
    """How many prompts, judges and orders a question needs, how large suites must be, and what judging costs.

    Example: venire power --win-rate 0.6 --judges 3 --non-inferiority 0.05 --at-most 0.05:0.02 --usd-in 3 --usd-out 15
    """
    from venire.judges.planning import Question, answer

    as_json = options.pop("as_json")
    options["rates"] = options["rates"] or (0.55, 0.60, 0.65, 0.70)
    if (options["usd_in"] is None) != (options["usd_out"] is None):
        raise InputError("--usd-in and --usd-out go together: what a judgement costs needs both prices")
    for name in ("uppers", "lowers"):
        options[name] = tuple(_limit(text, f"--at-{'most' if name == 'uppers' else 'least'}") for text in options[name])
    result = answer(Question(**options))
    if as_json:
        _print(result)
        return
    from venire.votes_tables import show_power

    show_power(result)


def _limit(text: str, flag: str) -> tuple[float, float | None]:
    """`0.05` or `0.05:0.02`: a limit and, if given, the rate that the model is thought to have."""
    limit, _, rate = text.partition(":")
    try:
        return float(limit), float(rate) if rate else None
    except ValueError:
        raise InputError(f"{flag} {text!r}: a rate such as 0.05 is wanted, or 0.05:0.02 with the model's own") from None
