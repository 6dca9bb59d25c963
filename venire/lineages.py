"""What a candidate's lineage says of its place in a series: what trained it, how far, on how much, from which seed."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from venire._common.errors import InputError
from venire._common.files import read_json
from venire._common.hashing import sha256_file

if TYPE_CHECKING:
    from .run import Contender

Axis = Literal["step", "epoch", "phrasings", "rows"]
AXES: tuple[str, ...] = get_args(Axis)
_OF_DATA = ("phrasings", "rows")  # axes along which only the last checkpoint of a training is a point


def lineage(contender: "Contender") -> dict[str, Any]:
    """The contender's lineage; empty for an untrained base, or where none was written."""
    path = Path(contender.path) / "lineage.json" if contender.path else None
    return read_json(path) if path and path.is_file() else {}


def series(contender: "Contender", by: str = "step") -> str:
    """The recipe that trained it, with its treatment; an untrained base, and what has no lineage, is one of its own.

    Points of a grid that differ by their seed alone are one series, and so are those that differ along the axis `by`.
    """
    from venire.reports.series import series_name

    recipe = lineage(contender).get("recipe") or {}
    if not recipe and contender.path:
        return contender.name
    return f"{series_name(recipe, contender.base, by)}/{contender.treatment}"


def place(contender: "Contender", by: str) -> float:
    """Where a contender stands on the axis; 0 where neither its lineage nor its trainer_state.json says.

    Raises InputError for `phrasings` if the recipe names no number and the data it was trained on is gone or changed.
    """
    told = lineage(contender)
    data = told.get("data") or {}
    match by:
        case "phrasings":
            return float(data.get("phrasings") or _counted(data)) if data else 0.0
        case "rows":
            return float(data.get("rows") or 0)
        case "epoch":
            return float(told.get("epoch") or _state(contender).get("epoch") or 0)
        case _:
            return float(contender.step or _state(contender).get("global_step") or 0)


def on_axis(contenders: Iterable["Contender"], by: str) -> list["Contender"]:
    """Those that are points on this axis: along the size of the data, only the last checkpoint of each training."""
    every = list(contenders)
    if by not in _OF_DATA:
        return every
    last: dict[Any, int] = {}
    for contender in every:
        last[_training(contender)] = max(contender.step, last.get(_training(contender), 0))
    return [contender for contender in every if contender.step == last[_training(contender)]]


def seed_groups(contenders: Iterable["Contender"]) -> list[Sequence[str]]:
    """Names of contenders, two or more, that differ by the seed of their training alone, at the same step."""
    groups: dict[Any, dict[Any, str]] = {}
    for contender in contenders:
        told = lineage(contender)
        if told.get("seed") is not None:
            same = (series(contender), contender.base, contender.step, data_hash(contender))
            groups.setdefault(same, {}).setdefault(told["seed"], contender.name)
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def data_hash(contender: "Contender") -> str:
    """Of what it was trained on; empty for an untrained base."""
    return str((lineage(contender).get("data") or {}).get("sha256") or "")


def _state(contender: "Contender") -> dict[str, Any]:
    """What the Hugging Face trainer has left beside weights that were trained elsewhere; empty where it has not."""
    path = Path(contender.path) / "trainer_state.json" if contender.path and not lineage(contender) else None
    state = read_json(path) if path and path.is_file() else {}
    return state if isinstance(state, dict) else {}


def _training(contender: "Contender") -> Any:
    recipe = lineage(contender).get("recipe") or {}
    own = contender.name if contender.path and not recipe else None
    made = (own, recipe.get("name"), recipe.get("variant"), recipe.get("sha256"), data_hash(contender))
    return *made, contender.base, contender.treatment


def _counted(data: dict[str, Any]) -> float:
    """Rows a family in the file that was trained on: of its facts if it has any, else of everything."""
    from .experiment import find_file

    path = find_file(str(data.get("path")), "training data")
    if sha256_file(path) != data.get("sha256"):
        raise InputError(f"{path}: changed since it was trained on; how many phrasings it held cannot be told")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    facts = [row for row in rows if row.get("category") == "facts"] or rows
    return round(len(facts) / max(1, len({row.get("family") for row in facts})), 2)
