"""begun.json: what a training was begun with, so that its checkpoints and candidates are of one making.

It binds from the first checkpoint or candidate on. Before, there is nothing to mix, and what was refused may be put
right and begun otherwise.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from venire._common.errors import InputError
from venire._common.files import read_json

from .mixture import FEWEST
from .progress import DONE

FILE = "begun.json"


def whole_checkpoints(work: Path) -> list[Path]:
    """What the trainer can go on after: checkpoints that were written to their end."""
    return [file.parent for file in work.glob(f"checkpoint-*/{DONE}")]


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was saved at."""
    return int(checkpoint.name.partition("-")[2])


def last_whole(work: Path, steps: int) -> Path | None:
    """The newest checkpoint that was written to its end, before the last step; others are removed.

    That of the last step is of no use here: its candidate is gone, or nothing would be trained any more.
    """
    whole = [folder for folder in whole_checkpoints(work) if step_of(folder) < steps]
    for folder in work.glob("checkpoint-*"):
        if folder not in whole:
            shutil.rmtree(folder)
    return max(whole, key=step_of, default=None)


def begin(work: Path, name: str, now: dict[str, Any], lineages: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """`now`, with what was settled where the same was begun before; `lineages` are those of the candidates there.

    Raises InputError if checkpoints or candidates were made of something else.
    """
    before, earlier = _before(work), _earlier(work, lineages)
    changed = _changed(now, earlier)
    if now["quick"] and "quick" in changed:
        raise InputError(f"recipe {name!r} was begun in full in {work}: leave --quick out, or name another experiment")
    if changed:
        raise InputError(
            f"recipe {name!r} was begun in {work} with another {' and '.join(changed)}; give the "
            f"{'recipe' if 'recipe' in changed else 'experiment'} another name, or remove that folder and its "
            "candidates to train anew"
        )
    return before if before and not _changed(now, [before]) else now


def tried_out(work: Path, now: dict[str, Any], lineages: Iterable[dict[str, Any]]) -> bool:
    """Is all that is there of `--quick`, made to see that a recipe works, and `now` something else?"""
    earlier = _earlier(work, lineages)
    return all(one.get("quick") for one in earlier) and bool(_changed(now, earlier))


def discard(work: Path, candidates: Iterable[Path]) -> None:
    """Remove what a training has made, and what it would go on after."""
    for folder in [*candidates, *work.glob("checkpoint-*")]:
        shutil.rmtree(folder)


def _changed(now: dict[str, Any], earlier: list[dict[str, Any]]) -> list[str]:
    return [key for key in now if any(_asked(one.get(key)) != _asked(now[key]) for one in earlier)]


def _asked(value: Any) -> Any:
    """Without what follows from the rest, and was not written before."""
    return {k: v for k, v in value.items() if k != FEWEST} if isinstance(value, dict) else value


def _before(work: Path) -> dict[str, Any] | None:
    return read_json(work / FILE) if (work / FILE).is_file() else None


def _earlier(work: Path, lineages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is there was made of this."""
    earlier, before = list(lineages), _before(work)
    return [*earlier, before] if before and (earlier or whole_checkpoints(work)) else earlier
