"""A conversation read back from its file: who spoke, under what, and every turn, so that it can go on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError
from venire.chat import FORMAT
from venire.voices import Settings, Voice

if TYPE_CHECKING:
    from venire.evals.treatments import Treatment


@dataclass(frozen=True)
class Past:
    """What a file holds: its voices, which of them is called A, and what happened, treatments read."""

    file: Path
    voices: list[Voice]
    first: int
    settings: Settings
    who: str
    events: list[dict[str, Any]]


def read_past(file: Path) -> Past:
    """Read a file that `venire chat` wrote. A line that a kill tore is cut off: nothing of it was seen.

    Raises InputError if it is none, or names the line that cannot be read.
    """
    if not file.is_file():
        raise InputError(f"--resume {str(file)!r}: no such file; `venire chat` says at its end where it is kept")
    whole, _, torn = file.read_bytes().rpartition(b"\n")
    if torn:
        with file.open("r+b") as out:
            out.truncate(len(whole) + 1 if whole else 0)
    begun, *events = [_line(file, number, line) for number, line in enumerate(whole.splitlines(), start=1)] or [{}]
    if begun.get("format") != FORMAT or "treatments" not in begun:
        raise InputError(f"--resume {str(file)!r}: not a conversation that can go on (its first line is no {FORMAT})")
    parts = zip(begun["weights"], begun["models"], begun["treatments"], strict=True)
    return Past(
        file,
        [Voice(weights, model, _treatment(treatment)) for weights, model, treatment in parts],
        begun["contenders"].index(begun["called_a"]),
        Settings(**begun["settings"]),
        begun["who"],
        [_event(event) for event in events],
    )


def _line(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(f"--resume {str(file)!r}, line {number}: not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"--resume {str(file)!r}, line {number}: an object is wanted")
    return found


def _event(event: dict[str, Any]) -> dict[str, Any]:
    """An event with its treatment read, and its answers without names, which follow from their order."""
    if "treatment" in event:
        return event | {"treatment": _treatment(event["treatment"])}
    if "answers" in event:
        kept = [{key: value for key, value in answer.items() if key != "contender"} for answer in event["answers"]]
        return event | {"answers": kept}
    return event


def _treatment(raw: dict[str, Any]) -> "Treatment":
    from venire.evals.treatments import Treatment

    fields = Treatment.model_fields
    return Treatment.model_validate({key: value for key, value in raw.items() if value != fields[key].default})
