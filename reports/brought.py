"""What is known of weights that a run did not train: contenders.json, and the files that stand beside the weights."""

import json
import re
from pathlib import Path
from typing import Any


def brought(contenders: list[dict[str, Any]], trained: set[str], bases: Any) -> dict[str, dict[str, Any]]:
    """Name of the weights to what a lineage says of them, as far as it is known; those in `trained` have their own.

    bases: the lock's, name to `<model_id>@<revision>`. A lineage.json beside the weights is theirs only if it names
    their hash: what was trained anew in its place tells nothing of what was judged.
    """
    found = {}
    for contender in contenders:
        name = str(contender.get("candidate") or "")
        if name and name not in trained:
            found[name] = _told(contender, bases if isinstance(bases, dict) else {}) | {"name": name}
    return found


def _told(contender: dict[str, Any], bases: dict[str, Any]) -> dict[str, Any]:
    folder = Path(contender["path"]) if contender.get("path") else None
    lineage = _read(folder, "lineage.json")
    if lineage.get("sha256") and lineage["sha256"] == contender.get("sha256"):
        return lineage
    state = _read(folder, "trainer_state.json")
    step = _number(contender.get("step")) or _number(state.get("global_step"))
    model_id, _, revision = str(bases.get(str(contender.get("base"))) or "").partition("@")
    told = {
        "kind": contender.get("kind"),
        "base": {"name": contender["base"], "model_id": model_id, "revision": revision} if model_id else None,
        "sha256": contender.get("sha256"),
        "teacher_families": contender.get("teachers"),
        "step": int(step) if step else None,
        "epoch": _number(state.get("epoch")),
        "trained_in": _training(folder, step) if folder and state else None,
    }
    return {key: value for key, value in told.items() if value}


def _training(folder: Path, step: float | None) -> str | None:
    """The folder that a trainer saved its checkpoints in: the one above, where each is named by its step."""
    named = re.search(r"(\d+)$", folder.name)
    return folder.parent.as_posix() if named and step and int(named[1]) == step else None


def _read(folder: Path | None, name: str) -> dict[str, Any]:
    """A JSON object beside the weights; {} where there is none that can be read: it is not the run's."""
    try:
        found = json.loads((folder / name).read_text("utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
