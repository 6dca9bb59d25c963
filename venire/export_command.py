"""`venire export`: a candidate for other programs, on the Hub, or a recipe for mlx-lm."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError
from venire.options import refuse

if TYPE_CHECKING:
    from venire.engine import Base
    from venire.progress import Teller
    from venire.training.candidates import Candidate


@click.command()
@click.argument("candidate")
@click.option("--base", "base_name", help="The base, where the candidate does not say; for --mlx, the recipe's base.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Where to; default: exports/NAME.")
@click.option("--dtype", default="auto", show_default=True, help="How merged weights are stored: auto is as the base.")
@click.option(
    "--gguf", "types", multiple=True, type=click.Choice(["f16", "q8_0", "f32"]), help="Also a GGUF file. Repeatable."
)
@click.option("--adapter", "alone", is_flag=True, help="The adapter as it is, not merged, with tokenizer and card.")
@click.option("--push", "repo", metavar="OWNER/NAME", help="Upload it to the Hub, with its card; private.")
@click.option("--public", is_flag=True, help="With --push: for everybody to see.")
@click.option("--dry-run", is_flag=True, help="With --push: say what would be uploaded, and send nothing.")
@click.option("--mlx", is_flag=True, help="CANDIDATE is a recipe: write its data and configuration for mlx-lm.")
@click.option("--from-mlx", is_flag=True, help="CANDIDATE is a folder of mlx-lm's adapters: make a candidate of it.")
@click.option("--recipe", type=click.Path(path_type=Path), help="With --from-mlx: the recipe that it was trained by.")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="FAMILY",
    help="With --from-mlx: a vendor or family that wrote or rewarded its data, or none. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one JSON object.")
def export(
    candidate: str,
    base_name: str | None,
    folder: Path | None,
    dtype: str,
    types: tuple[str, ...],
    alone: bool,
    repo: str | None,
    public: bool,
    dry_run: bool,
    mlx: bool,
    from_mlx: bool,
    recipe: Path | None,
    teachers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a candidate as merged weights that any program loads, and as GGUF for llama.cpp.

    CANDIDATE is a name (`venire candidates list`), or the folder of one.

    \b
    Examples: venire export quickstart_sft-step24 --gguf q8_0 --to mine
              venire export runs/quickstart/candidates/quickstart_sft-step24 --push me/mine --dry-run
              venire export training/recipes/kernel_small.yaml --mlx --base smollm2-135m --to mlx
              venire export mlx/adapters --from-mlx --base smollm2-135m --to mine
    """
    _check_options(alone, types, repo, public or dry_run, mlx, from_mlx)
    from venire._common.quiet import without_bars
    from venire.progress import Teller

    without_bars()
    with Teller("export") as say:
        if mlx:
            written = _to_mlx(Path(candidate), base_name, folder)
        elif from_mlx:
            written = _from_mlx(Path(candidate), base_name, folder, recipe, teachers)
        else:
            found, base = _find(candidate, base_name)
            folder = folder or Path("exports") / found.name
            steps = (not alone) + len(types) + bool(repo)
            written = _write(found, base, folder, dtype, types, alone, say, steps)
            if repo:
                say(f"{steps}/{steps} push     {repo}" + (", which is only tried" if dry_run else ""))
                written["pushed"] = _push(folder, repo, public, dry_run)
    if as_json:
        click.echo(json.dumps(written, indent=2))
        return
    for what, where in written.items():
        for place in where if isinstance(where, list) else [where]:
            click.echo(f"{what}: {place}")


def _check_options(alone: bool, types: tuple[str, ...], repo: str | None, hub: bool, mlx: bool, back: bool) -> None:
    if alone and types:
        raise InputError("--adapter writes no GGUF: that holds merged weights")
    if hub and not repo:
        raise InputError("--public and --dry-run belong to --push OWNER/NAME")
    if (mlx or back) and (alone or types or repo or (mlx and back)):
        raise InputError("--mlx and --from-mlx stand alone, with --base and --to")
    if alone or mlx or back:
        refuse("belongs to merged weights, and none are written here", "dtype")
    if not back:
        refuse("belongs to --from-mlx", "recipe", "teachers")


def _write(
    found: "Candidate",
    base: "Base",
    folder: Path,
    dtype: str,
    types: tuple[str, ...],
    alone: bool,
    say: "Teller",
    steps: int,
) -> dict[str, Any]:
    from venire.progress import eased
    from venire.training.adapter_folder import export_adapter
    from venire.training.gguf_file import export_gguf
    from venire.training.hub import copy_card
    from venire.training.merged import export_merged

    if alone:
        return {"adapter": str(export_adapter(found, base, folder))}
    say(f"1/{steps} merge    {found.name} into {base.name}")
    export_merged(found, base, folder, dtype)
    copy_card(found.path, folder)
    written: dict[str, Any] = {"merged": str(folder)}
    for number, type in enumerate(types, start=2):
        file = folder / f"{found.name}-{type}.gguf"
        say(f"{number}/{steps} gguf     {file.name}")
        written.setdefault("gguf", []).append(str(export_gguf(folder, file, type, eased(say))))  # type: ignore[arg-type]
    return written


def _push(folder: Path, repo: str, public: bool, dry_run: bool) -> list[str]:
    from venire.training.hub import push

    names = push(folder, repo, public=public, dry_run=dry_run)
    return [f"{'would be ' if dry_run else ''}{repo}/{name}" for name in names]


def _find(name: str, base_name: str | None) -> "tuple[Candidate, Base]":
    """The candidate of that name or in that folder, and its base."""
    from venire.engine import resolve_base
    from venire.store import everything, refuse_changed
    from venire.training.candidates import Candidate, describe_base, read_candidate

    path = Path(name)
    if (path / "lineage.json").is_file():
        found = read_candidate(path)
        return found, resolve_base(base_name or found.base)
    known = [c for c in everything() if name in (c.name, f"{c.name}@{c.sha256[:8]}", c.path)]
    if not known:
        refuse_changed(name)
    if len(known) != 1:
        many = ", ".join(f"{c.name}@{c.sha256[:8]}" for c in known)
        raise InputError(
            f"candidate {name!r} is more than one; write one of: {many}"
            if known
            else f"candidate {name!r} is not known here, nor a folder with a lineage.json; see: venire candidates list"
        )
    stored = known[0]
    folder = Path(stored.path or "")
    if (folder / "lineage.json").is_file():
        found = read_candidate(folder)
        return found, resolve_base(base_name or found.base)
    base = resolve_base(base_name or stored.base)
    lineage = {"name": stored.name, "kind": stored.kind, "base": describe_base(base), "sha256": stored.sha256}
    kind = "full" if stored.kind == "full" else "adapter"
    return Candidate(stored.name, folder, base.name, stored.sha256, kind, lineage), base


def _to_mlx(file: Path, base_name: str | None, folder: Path | None) -> dict[str, Any]:
    from venire.engine import resolve_base
    from venire.training.mlx import export_mlx
    from venire.training.recipe import load_recipe

    recipe = load_recipe(file)
    name = base_name or recipe.base
    if name is None:
        raise InputError(f"recipe {recipe.name!r} names no base; say which with --base")
    return {"run on the Mac": export_mlx(recipe, resolve_base(name), folder or Path("exports") / f"{recipe.name}-mlx")}


def _from_mlx(
    adapters: Path, base_name: str | None, folder: Path | None, recipe: Path | None, teachers: tuple[str, ...]
) -> dict[str, Any]:
    from venire.engine import resolve_base
    from venire.store import check_family
    from venire.training.mlx import import_mlx
    from venire.training.recipe import load_recipe

    if base_name is None or folder is None:
        raise InputError("--from-mlx needs --base (what it was trained on) and --to (the candidate's folder)")
    taught = [check_family(teacher) for teacher in teachers if teacher != "none"] if teachers else None
    if taught and len(taught) < len(teachers):
        raise InputError("--teacher none: nobody else then; leave it out, or the others")
    made = import_mlx(adapters, resolve_base(base_name), folder, load_recipe(recipe) if recipe else None, taught)
    return {"candidate": str(made.path), "add it with": f"venire candidates add {made.path} --base {base_name}"}
