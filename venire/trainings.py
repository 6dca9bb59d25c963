"""Which training a candidate of an experiment comes from: its recipe, on its base, told apart from those on others."""

import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from .experiment import CandidateSpec, Experiment, find_file

if TYPE_CHECKING:
    from venire.training.recipe import Recipe


def training_of(experiment: Experiment, spec: CandidateSpec) -> "tuple[Recipe, str]":
    """The recipe that `spec` names, and the base to train it on.

    Where the experiment trains a recipe on several bases, those that are not the recipe's own are in the names of what
    is made on them.
    """
    from venire.training.recipe import load_recipe

    recipe = load_recipe(find_file(spec.recipe or "", "recipe"))
    own = recipe.base or experiment.bases[0]
    base = spec.base or own
    every = {each.base or own for each in _alike(experiment, spec)}
    if base == own or len(every) == 1:
        return recipe, base
    label = _label(PurePath(base).name)
    if [_label(PurePath(each).name) for each in every].count(label) > 1:
        label = _label(base)
    return recipe.model_copy(update={"variant": label}), base


def base_trained_on(experiment: Experiment, spec: CandidateSpec) -> str | None:
    """What the lineages call the base of `spec`'s training; None where its recipe is trained on no other."""
    if len({each.base for each in _alike(experiment, spec)}) == 1:
        return None
    from venire.engine import resolve_base

    return resolve_base(training_of(experiment, spec)[1]).name


def _alike(experiment: Experiment, spec: CandidateSpec) -> list[CandidateSpec]:
    """The candidates of the same recipe: what it makes is called by its file's name."""
    stem = Path(spec.recipe or "").stem
    return [each for each in experiment.candidates if each.recipe and Path(each.recipe).stem == stem]


def _label(base: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", base).strip("_")
