"""The calibration file: what one person answered in the interview, its versions, and how it is read and written.

One JSON object, saved whole after every answer:

    {"version": 2, "username": "Odile Brandt", "calibration_date": "2026-03-02",
     "phase1_contemporary": [{"dilemma_id": "self-driving-lorries", "choice": "C", "reasoning": "…",
                              "certainty": 7, "emotional_weight": 8}], …}

Version 1 had the same five lists without `other`, `skipped` and `questions_sha256`, and named figures and frameworks by
their names. It is read, never written; before it is written over, `keep_version_1` copies it. What the questions are:
`questions.py`. JSON Schema: `calibration_schema`.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.files import write_atomic, write_json
from venire._common.reading import first_fault, read_text

VERSION = 2
_FIRST = ("1", "1.0")  # how version 1 wrote its number, if at all
OTHER = "Other"  # the choice of somebody who takes none of the letters
Phase = Literal["contemporary", "timeless", "priorities", "figures", "frameworks"]
Scale = Annotated[int, Field(ge=1, le=10, strict=True)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Answer(_Strict):
    reasoning: str = Field(default="", description="why, in the person's own words; may hold several lines")
    seconds: float | None = Field(default=None, ge=0, description="how long it took to answer; for the time left")

    @property
    @abstractmethod
    def id(self) -> str:
        """The id of the question."""


class DilemmaAnswer(_Answer):
    """Phases 1 and 2: a letter or `Other`, why, how certain, and how much it matters."""

    dilemma_id: Identifier
    choice: str = Field(pattern=r"^([A-H]|Other)$", description="the letter of an option, or Other")
    other: str = Field(default="", description="the person's own answer, where choice is Other")
    certainty: Scale = Field(description="1 a guess, 10 nothing would change it")
    emotional_weight: Scale = Field(description="1 leaves them cold, 10 keeps them awake")

    @property
    def id(self) -> str:
        return self.dilemma_id

    @model_validator(mode="after")
    def _other_has_words(self) -> Self:
        if (self.choice == OTHER) != bool(self.other.strip()):
            raise ValueError("choice Other goes with a text in other, and a letter goes without")
        return self


class PriorityAnswer(_Answer):
    """Phase 3: an open question, answered in one's own words."""

    priority_id: Identifier
    answer: str = Field(min_length=1)
    certainty: Scale
    emotional_weight: Scale

    @property
    def id(self) -> str:
        return self.priority_id


class FigureAnswer(_Answer):
    """Phase 4: whether somebody of history or fiction speaks to the person, how strongly, and why."""

    figure: Identifier
    resonates: bool
    emotional_weight: Scale | None = Field(default=None, description="how strongly; version 1 did not ask")

    @property
    def id(self) -> str:
        return self.figure


class FrameworkAnswer(_Answer):
    """Phase 5: how much the person agrees with a way of thinking about right and wrong."""

    framework: Identifier
    rating: Scale = Field(description="1 not at all mine, 10 wholly mine")

    @property
    def id(self) -> str:
        return self.framework


Answer = DilemmaAnswer | PriorityAnswer | FigureAnswer | FrameworkAnswer
LISTS: dict[Phase, tuple[str, type[Answer]]] = {
    "contemporary": ("phase1_contemporary", DilemmaAnswer),
    "timeless": ("phase2_timeless", DilemmaAnswer),
    "priorities": ("phase3_priorities", PriorityAnswer),
    "figures": ("phase4_resonant_figures", FigureAnswer),
    "frameworks": ("phase5_frameworks", FrameworkAnswer),
}


class Unfinished(_Strict):
    """What had been given to a question when the interview was left in the middle of it."""

    id: Identifier
    given: dict[str, str | int | bool] = Field(default={}, description="the fields of the answer so far")
    draft: str = Field(default="", description="what had been typed of the next field, where it is a text")
    drafts: dict[str, str] = Field(default={}, description="what had been typed of further texts, by field")


class Unasked(_Strict):
    """An answer of a file of version 1 to a question that is not among those that were asked since."""

    phase: Phase
    answer: Answer


class Calibration(_Strict):
    """One person's answers. A question is answered once, or skipped, or still to come."""

    version: Literal[2] = VERSION
    username: str = Field(min_length=1, max_length=100)
    calibration_date: date = Field(description="the day the interview was begun")
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")
    questions_sha256: str | None = Field(default=None, description="of the questions that were asked, if known")
    phase1_contemporary: list[DilemmaAnswer] = []
    phase2_timeless: list[DilemmaAnswer] = []
    phase3_priorities: list[PriorityAnswer] = []
    phase4_resonant_figures: list[FigureAnswer] = []
    phase5_frameworks: list[FrameworkAnswer] = []
    skipped: list[Identifier] = Field(default=[], description="ids of questions that the person passed over")
    unfinished: Unfinished | None = None
    set_aside: list[Unfinished] = Field(default=[], description="questions begun before it, and left open for others")
    unasked: list[Unasked] = Field(default=[], description="answers of version 1 to questions that are not asked here")

    @model_validator(mode="after")
    def _answered_once(self) -> Self:
        seen: set[str] = set()
        for name in [answer.id for _, answer in self.answers()] + self.skipped:
            if name in seen:
                raise ValueError(f"the question {name!r} stands twice; keep one answer to it")
            seen.add(name)
        return self

    def answers(self) -> Iterator[tuple[Phase, Answer]]:
        """Every answer with its phase, in the order of the phases and the file."""
        for phase, (key, _) in LISTS.items():
            for answer in getattr(self, key):
                yield phase, answer

    def answer_to(self, question: str) -> Answer | None:
        """The answer to the question of this id, if there is one."""
        return next((answer for _, answer in self.answers() if answer.id == question), None)

    def with_answer(self, phase: Phase, answer: Answer) -> "Calibration":
        """The same with this answer, in the place of an earlier one to the same question; it is skipped no more."""
        key, _ = LISTS[phase]
        kept = list(getattr(self, key))
        places = [i for i, old in enumerate(kept) if old.id == answer.id]
        if places:
            kept[places[0]] = answer
        else:
            kept.append(answer)
        skipped = [name for name in self.skipped if name != answer.id]
        return self.model_copy(update={key: kept, "skipped": skipped}).not_begun(answer.id)

    def begun(self, question: str) -> Unfinished | None:
        """What had been given to the question of this id without an end, if anything."""
        open_ = [self.unfinished] if self.unfinished else []
        return next((entry for entry in [*open_, *self.set_aside] if entry.id == question), None)

    def with_begun(self, unfinished: Unfinished) -> "Calibration":
        """The same with this question in hand; another that was is set aside, with all that was typed."""
        kept = self.not_begun(unfinished.id)
        before = [kept.unfinished] if kept.unfinished else []
        return kept.model_copy(update={"unfinished": unfinished, "set_aside": [*before, *kept.set_aside]})

    def not_begun(self, question: str) -> "Calibration":
        """The same without what had been begun of this question."""
        current = None if self.unfinished and self.unfinished.id == question else self.unfinished
        others = [entry for entry in self.set_aside if entry.id != question]
        return self.model_copy(update={"unfinished": current, "set_aside": others})

    def without(self, question: str, *, skip: bool = False) -> "Calibration":
        """The same without an answer to this question, and with it among the skipped if `skip`."""
        lists = {key: [a for a in getattr(self, key) if a.id != question] for key, _ in LISTS.values()}
        skipped = [name for name in self.skipped if name != question] + [question] * skip
        return self.model_copy(update={**lists, "skipped": skipped}).not_begun(question)


def load_calibration(path: Path) -> Calibration:
    """The calibration in a JSON file of this version or an older one.

    Raises InputError naming the file and the key: no such file, not UTF-8, torn or no JSON, another version, a value of
    the wrong kind, a question answered twice.
    """
    raw = _read(path)
    version = raw.get("version", 1)
    if version != VERSION:
        raw = _from_version_1(raw, path) if str(version) in _FIRST else _refuse_version(version, path)
    try:
        return Calibration.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{path}{_complaint(error)}") from error


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write the file so that it is at every moment the old one or the new one, and valid."""
    content: dict[str, Any] = {"version": VERSION} | calibration.model_dump(mode="json", exclude_defaults=True)
    for key, _ in LISTS.values():
        if key in content:
            content[key] = [_in_reading_order(entry) for entry in content[key]]
    write_json(path, content)


def is_version_1(path: Path) -> bool:
    """Is the calibration in this file of version 1? Raises InputError for what is none."""
    return str(_read(path).get("version", 1)) in _FIRST


def keep_version_1(path: Path) -> Path | None:
    """Copy a file of version 1 beside it, for what version 2 has no place for; the copy, or None for a later version.

    Raises InputError where it cannot be written.
    """
    if not is_version_1(path):
        return None
    content = path.read_bytes()
    names = (f"{path.stem}.v1{number}{path.suffix}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    copy = next(c for c in map(path.with_name, names) if not c.exists() or c.read_bytes() == content)
    try:
        write_atomic(copy, content)
    except OSError as error:
        raise InputError(f"{copy} cannot be written: {error.strerror}; name a file in a folder of yours") from error
    return copy


def calibration_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors and for programs in other languages."""
    schema = Calibration.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _in_reading_order(entry: dict[str, Any]) -> dict[str, Any]:
    """What was asked and answered before the reasons for it."""
    last = [name for name in ("reasoning", "seconds") if name in entry]
    return {name: entry[name] for name in [*(name for name in entry if name not in last), *last]}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"calibration {str(path)!r}: no such file; `venire calibrate {path}` makes one")
    try:
        text = read_text(path, "calibration")
        if not text.strip():
            raise InputError(f"{path}: not whole JSON: the file is empty; take it away, and the interview begins anew")
        raw = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not whole JSON: {error}") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a calibration is one JSON object, and this is a {type(raw).__name__}")
    if not any(key == "username" or key.startswith("phase") for key in raw) and "version" not in raw:
        keys = ", ".join(map(str, raw)) or "none"
        raise InputError(f"{path}: no calibration, which has a username and answers; its keys are {keys}")
    return raw


def _refuse_version(version: Any, path: Path) -> dict[str, Any]:
    raise InputError(f"{path}, key 'version': {version!r} is unknown here; this Venire reads versions 1 and {VERSION}")


# What version 1 called the question and the answer; the first name is ours.
_OLD_IDS: dict[Phase, tuple[str, ...]] = {
    "contemporary": ("dilemma_id", "id"),
    "timeless": ("dilemma_id", "id"),
    "priorities": ("priority_id", "question_id", "question", "priority", "id"),
    "figures": ("figure", "name", "id"),
    "frameworks": ("framework", "framework_id", "name", "id"),
}
_OLD_SCALES = {"certainty", "emotional_weight", "rating"}  # may be digits in quotes
_OLD_NAMES = {"answer": ("response", "text"), "rating": ("resonance", "score")}


def _from_version_1(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """Lists are known by the number in their key (`phase3_…`); what version 2 has no place for is left out."""
    new: dict[str, Any] = {key: raw[key] for key in ("username", "language") if key in raw}
    new["calibration_date"] = str(raw.get("calibration_date", ""))[:10]
    for number, phase in enumerate(LISTS, start=1):
        keys = [key for key in raw if re.match(rf"phase{number}(_|$)", key)]
        if len(keys) > 1:
            raise InputError(f"{path}: {' and '.join(keys)} are both phase {number}; keep one")
        entries = raw[keys[0]] if keys else []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InputError(f"{path}, key {keys[0]!r}: not a list of answers")
        new[LISTS[phase][0]] = [_old_entry(phase, entry) for entry in entries]
    return new


def _old_entry(phase: Phase, entry: dict[str, Any]) -> dict[str, Any]:
    fields = LISTS[phase][1].model_fields
    names = {new: (new, *_OLD_NAMES.get(new, ())) for new in fields} | {_OLD_IDS[phase][0]: _OLD_IDS[phase]}
    kept = {new: entry[old] for new, olds in names.items() for old in reversed(olds) if entry.get(old) is not None}
    wanted = _OLD_IDS[phase][0]
    if isinstance(kept.get(wanted), str):
        kept[wanted] = slug(kept[wanted])
    for scale in _OLD_SCALES & kept.keys():
        if isinstance(kept[scale], str) and re.fullmatch(r"\d{1,2}", kept[scale].strip(), re.ASCII):
            kept[scale] = int(kept[scale])
    choice = kept.get("choice")
    if isinstance(choice, str):
        kept |= _old_choice(choice)
    return kept


def _old_choice(choice: str) -> dict[str, str]:
    """Version 1 wrote a letter, its option after it, or free words."""
    if letter := re.match(r"^([A-Ha-h])(?:[).:]|$)", choice.strip()):
        return {"choice": letter[1].upper()}
    words = re.sub(r"^other\s*:?\s*", "", choice.strip(), flags=re.IGNORECASE)
    return {"choice": OTHER, "other": words}


def slug(name: str) -> str:
    """A name as an id: `Simone Weil` is `simone-weil`."""
    return re.sub(r"[^a-z0-9._]+", "-", name.casefold()).strip("-._")


def _complaint(error: ValidationError) -> str:
    key, message, _ = first_fault(error)
    return f", key {key!r}: {message}" if key else f": {message}"
