"""`venire models`, `venire candidates` and `venire doctor`: what there is to run."""

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import click

KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "google": "GOOGLE_API_KEY"}
PACKAGES = ("venire", "inspect-ai", "torch", "transformers", "peft", "trl", "openai", "anthropic", "google-genai")


@click.group()
def models() -> None:
    """The embedded models, and others that were fetched.

    Example: venire models pull
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models_list(as_json: bool) -> None:
    """Every alias and every fetched model.

    Example: venire models list
    """
    from venire.engine import ALIASES, list_bases

    fetched = {base.model_id: base for base in list_bases()}
    rows = [{"alias": a, "model": alias.hub_id, "licence": alias.licence} for a, alias in ALIASES.items()]
    rows += [{"alias": "", "model": m, "licence": ""} for m in fetched if m not in {r["model"] for r in rows}]
    for row in rows:
        base = fetched.get(row["model"])
        row |= {"revision": base.revision if base else "", "path": str(base.path) if base else ""}
    _show(rows, as_json, "Models")


@models.command("pull")
@click.argument("names", nargs=-1)
def models_pull(names: tuple[str, ...]) -> None:
    """Fetch models: those named, or the embedded ones. What is here already is not fetched again.

    Example: venire models pull smollm2-135m
    """
    from venire._common.quiet import without_bars
    from venire.progress import Teller, eased

    without_bars()
    from venire.engine import ALIASES, resolve_base

    for name in names or tuple(ALIASES):
        with Teller(f"pull {name}") as say:
            base = resolve_base(name, eased(say))
        click.echo(f"{name}: {base.model_id} at {base.revision} in {base.path}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """What this machine has: devices, keys (whether set, never their text), models, versions.

    Example: venire doctor
    """
    import torch

    from venire.engine import list_bases

    found: dict[str, Any] = {
        "device": _device(),
        "threads": torch.get_num_threads(),
        "keys": {vendor: bool(os.environ.get(name)) for vendor, name in KEYS.items()},
        "models": [base.identity for base in list_bases()],
        "versions": {name: _version(name) for name in PACKAGES},
    }
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"device    {found['device']}, {found['threads']} threads")
    for vendor, there in found["keys"].items():
        click.echo(f"key       {vendor}: {'set' if there else 'not set (' + KEYS[vendor] + ')'}")
    for identity in found["models"] or ["none fetched yet: venire models pull"]:
        click.echo(f"model     {identity}")
    for name, version in found["versions"].items():
        click.echo(f"version   {name} {version}")


@click.group()
def candidates() -> None:
    """Checkpoints that suites and panel can be run against.

    Example: venire candidates add path/to/adapter --base smollm2-135m
    """


@candidates.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--base", "base_name", help="The base an adapter sits on: an alias, a hub id or a folder.")
@click.option("--name", help="What to call it; default: the folder's name.")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="FAMILY",
    help="Who wrote or rewarded its training data, e.g. anthropic or qwen2.5: judges of that family will be shown and "
    "not counted. May be repeated; those given replace those given before.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def candidates_add(
    path: Path, base_name: str | None, name: str | None, teachers: tuple[str, ...], as_json: bool
) -> None:
    """Add an adapter, or full weights, that was trained elsewhere. The weights stay where they are.

    Example: venire candidates add checkpoints/step-100 --base Qwen/Qwen2.5-0.5B-Instruct --teacher anthropic
    """
    from venire.store import add, check_family

    candidate = add(path, base_name, name, [check_family(teacher) for teacher in teachers] or None)
    if as_json:
        told = {"name": candidate.name, "sha256": candidate.sha256, "model": candidate.model}
        click.echo(json.dumps(told | {"teachers": list(candidate.teachers)}))
    else:
        click.echo(
            f"{candidate.name}: run it as --model {candidate.model}, or in an experiment as {{name: {candidate.name}}}"
        )


@candidates.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def candidates_list(as_json: bool) -> None:
    """Candidates added by hand, and those trained under runs/.

    Example: venire candidates list
    """
    from venire.store import everything, not_as_added

    rows = [
        {
            "name": c.name,
            "kind": c.kind,
            "base": c.base,
            "sha256": c.sha256[:8],
            "from": c.origin,
            "teachers": ", ".join(c.teachers),
            "model": c.model,
        }
        for c in everything()
    ]
    _show(rows, as_json, "Candidates")
    for why in not_as_added():
        click.echo(f"not listed: {why}", err=True)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name(0)} ({torch.cuda.device_count()})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _show(rows: list[dict[str, Any]], as_json: bool, title: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from rich.table import Table

    from .tables import console, show

    if not rows:
        click.echo(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for key in rows[0]:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    show(table, console())
