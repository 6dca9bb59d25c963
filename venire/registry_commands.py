"""`venire registry`: who is champion, why, and how to change it."""

import json
from pathlib import Path
from typing import Any

import click

from venire._common.errors import InputError
from venire._common.files import read_json
from venire.registry import Registry, read_decision


@click.group()
@click.pass_context
def registry(ctx: click.Context) -> None:
    """The champion and its history, in registry.json of the folder that you are in, as plan and gate read it.

    Example: venire registry promote runs/quickstart/decision.json
    """
    ctx.obj = Registry()


@registry.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(store: Registry, as_json: bool) -> None:
    """Who is champion now.

    Example: venire registry show
    """
    if as_json:
        click.echo(json.dumps(store.champion))
    elif store.champion is None:
        click.echo("no champion yet: nothing was promoted")
    else:
        last = store.history[-1]
        click.echo(
            f"{store.champion['name']} ({store.champion['sha256'][:8]}) since {last['when']} by {last['action']}"
        )


@registry.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_obj
def list_history(store: Registry, as_json: bool) -> None:
    """Every promotion and roll-back, oldest first.

    Example: venire registry list
    """
    if as_json:
        click.echo(json.dumps(store.history, indent=2))
        return
    for entry in store.history:
        who = entry["champion"]["name"] if entry["champion"] else "nobody"
        click.echo(f"{entry['when']}  {entry['action']:<8}  {who}  {entry.get('reason') or ''}".rstrip())


@registry.command("promote")
@click.argument("decision", type=click.Path(path_type=Path))
@click.option("--post-hoc", "post_hoc", help="A reason for the history; venire gate --post-hoc is what admits one.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry of the history as one JSON object.")
@click.pass_obj
def promote(store: Registry, decision: Path, post_hoc: str | None, as_json: bool) -> None:
    """Make the candidate of a decision champion. Refused unless the decision says PROMOTE and the weights are the same.

    Example: venire registry promote runs/quickstart/decision.json
    """
    from venire.reports.card import note_promotion

    contender, before = contender_of(decision), len(store.history)
    entry = store.promote(decision, contender, post_hoc)
    already = len(store.history) == before
    if not already:
        note_promotion(decision.parent, entry)
    said = f"champion{' already, nothing to change' * already}: {contender['name']} ({contender['sha256'][:8]})"
    click.echo(json.dumps(entry) if as_json else said)


@registry.command("rollback")
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry of the history as one JSON object.")
@click.pass_obj
def rollback(store: Registry, reason: str, as_json: bool) -> None:
    """Put back the champion before this one.

    Example: venire registry rollback --reason "refuses too often in real use"
    """
    entry = store.rollback(reason)
    name = entry["champion"]["name"] if entry["champion"] else "nobody"
    click.echo(json.dumps(entry) if as_json else f"champion: {name}")


def contender_of(decision_path: Path) -> dict[str, Any]:
    """The contender that a decision chose, from the run beside it, its weights checked against the decision's hash."""
    from venire.engine import adapter_sha256

    decision = read_decision(decision_path)
    listing = decision_path.parent / "contenders.json"
    if not listing.is_file():
        raise InputError(f"{listing}: not there; promote from inside the run's folder, where the decision was written")
    found = next((c for c in read_json(listing) if c["name"] == decision["candidate"]), None)
    if found is None:
        raise InputError(f"{listing}: no contender {decision['candidate']!r}")
    if found["path"] and adapter_sha256(Path(found["path"])) != decision["candidate_sha256"]:
        raise InputError(f"{found['path']} no longer holds the weights that were judged; evaluate them again")
    return found
