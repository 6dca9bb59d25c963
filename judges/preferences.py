"""The person's own preferences, held out from training: the part of the exam that no degradation can stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from venire._common.errors import InputError
from venire._common.reading import first_fault

from .vote_files import read_jsonl

if TYPE_CHECKING:
    from venire.datasets.rows import Message


@dataclass(frozen=True)
class Preference:
    """The person's choice between two answers, and where it stands: file and row."""

    place: str
    prompt: str
    chosen: str
    rejected: str
    family: str
    reference: str | None = None


def load_preferences(path: Path) -> list[Preference]:
    """Preferences from JSONL: `prompt`, `chosen`, `rejected` as texts or as chats, `family` and `reference` if known.

    The rows are those of training data for `dpo`. Raises InputError naming file and row.
    """
    from venire.datasets.rows import DpoRow

    found = []
    for number, raw in enumerate(_read(path), start=1):
        place = f"{path}, row {number}"
        reference = raw.pop("reference", None)
        try:
            row = DpoRow.model_validate(_as_chats(raw))
        except ValidationError as error:
            key, message, _ = first_fault(error)
            raise InputError(f"{place}, {key}: {message}; a preference has prompt, chosen and rejected") from error
        prompt, chosen, rejected = (_text(turns) for turns in (row.prompt, row.chosen, row.rejected))
        if chosen.strip() == rejected.strip():
            raise InputError(f"{place}: the chosen and the rejected answer are the same text")
        family = row.family or f"preference-{number}"
        found.append(Preference(place, prompt, chosen, rejected, family, reference))
    if not found:
        raise InputError(f"{path}: no preference in it; give it one JSON object a line")
    return found


def preference_texts(preferences: Sequence[Preference]) -> list[tuple[str, str]]:
    """(place, text) of all of them: what must not stand in training data."""
    return [(p.place, text) for p in preferences for text in (p.prompt, p.chosen, p.rejected)]


def _read(path: Path) -> list[dict]:
    if not path.is_file():
        raise InputError(f"preferences {str(path)!r}: no such file")
    try:
        return read_jsonl(path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save the file as UTF-8") from error


def _text(turns: "Sequence[Message]") -> str:
    return "\n\n".join(message.content for message in turns)


def _as_chats(raw: dict) -> dict:
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    return raw | {
        key: [{"role": role, "content": raw[key]}] for key, role in roles.items() if isinstance(raw.get(key), str)
    }
