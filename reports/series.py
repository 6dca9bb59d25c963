"""What holds checkpoints together: the training that each was saved in, and trainings alike but for their seed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .contenders import lineage_of
from .files import RunFiles


@dataclass(frozen=True)
class Place:
    """Where a checkpoint stands: its series, the training within it that saved it, and its step, None if not known.

    Along the axis of a grid, `training` is all trainings of one seed.
    """

    series: str
    training: str
    step: int | None


def series_name(recipe: dict[str, Any], base: str, by: str = "step", *, seed: bool = False) -> str:
    """The recipe with its point of the grid, but for the axis `by` and its seed; the base where there is none."""
    gone = rf"(?:^|-)(?:{'' if seed else 'seed|'}{re.escape(by)})\d+(?=-|$)"
    variant = re.sub(gone, "", str(recipe.get("variant") or "")).strip("-")
    return "-".join(filter(None, (recipe.get("name") or base, variant)))


def places(contenders: Iterable[str], files: RunFiles, by: str = "step") -> dict[str, Place]:
    """Contender to its place among these. What neither a recipe nor a trainer holds together stands alone."""
    names = list(contenders)
    told = {name: lineage_of(name, files) for name in names}
    bases = {(lineage.get("base") or {}).get("name") for lineage in told.values()} - {None}
    treatments = {name.rpartition("/")[2] for name in names}
    folders = {lineage.get("trained_in") for lineage in told.values()} - {None}
    found = {}
    for name, lineage in told.items():
        own, _, treatment = name.rpartition("/")
        recipe = lineage.get("recipe") or {}
        recipe = recipe if isinstance(recipe, dict) else {"name": str(recipe)}
        base = (lineage.get("base") or {}).get("name") if len(bases) > 1 else None
        parts = [f" on {base}" if base else "", f"/{treatment}" if len(treatments) > 1 else ""]
        series = training = _folder(lineage["trained_in"], folders) if lineage.get("trained_in") else own
        if recipe.get("name"):
            series, training = (series_name(recipe, "", by, seed=seed) for seed in (False, True))
        step = None if lineage.get("step") is None else int(lineage["step"])
        found[name] = Place("".join([series, *parts]), "".join([training, *parts]), step)
    return found


def _folder(path: str, every: set[Any]) -> str:
    """A folder by its name, and by the one above it too where several have that name."""
    parts = PurePosixPath(path).parts
    alike = [other for other in every if PurePosixPath(other).name == parts[-1]]
    return "/".join(parts[-2:] if len(alike) > 1 else parts[-1:])
