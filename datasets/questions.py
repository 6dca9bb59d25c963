"""The interview's questions: their schema, where they are read from, and what an answer to one of them says.

A set of questions is a folder with a YAML list a phase (`contemporary.yaml`, `timeless.yaml`, `priorities.yaml`,
`figures.yaml`, `frameworks.yaml`) and `axes.yaml`; the shipped one is `interview/en/`. `stances` joins a person's
calibration to the questions: who asks what, what the person says, and what is conventionally said instead.

    python -m venire.datasets.questions     # writes the JSON Schemas in interview/ anew, after a change to a model
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.files import write_json
from venire._common.hashing import sha256_json
from venire._common.reading import first_fault, read_yaml

from .calibration import (
    OTHER,
    Calibration,
    DilemmaAnswer,
    FigureAnswer,
    FrameworkAnswer,
    Identifier,
    Phase,
    PriorityAnswer,
    calibration_schema,
)
from .similarity import plain

SHIPPED = Path(__file__).parent / "interview" / "en"
STANDS_ALONE = 25  # words: a shorter reason is an aside to the decision
Lean = Annotated[int, Field(ge=-2, le=2)]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Axis(_Part):
    """Two things that pull against each other; answers lean to one (-1, -2) or to the other (1, 2)."""

    id: Identifier
    low: Text = Field(description="what a negative lean is towards, e.g. `the law`")
    high: Text = Field(description="what a positive lean is towards, e.g. `conscience`")


class Option(_Part):
    """A choice: the line on the screen, and the answer in full of somebody who takes it."""

    text: Text = Field(description="one line on the screen")
    stance: Text = Field(description="the answer in the first person, two or three sentences")
    contrast: str = Field(pattern="^[A-H]$", description="the letter of the option that stands most against this one")
    leans: dict[str, Lean] = Field(default={}, description="axis to lean, from -2 to 2")


class View(_Part):
    """One side of a contested question: somebody who held it, their words, and the case in a sentence or two."""

    figure: Text
    work: Text = Field(description="where the words stand")
    quote: Text
    argument: Text


class Views(_Part):
    """Both sides of a claim, evenly."""

    claim: Text
    pro: View
    con: View


class _Question(_Part):
    id: Identifier
    title: Text = Field(description="a few words, for lists")
    ask: Text = Field(description="the question as one asks it of a model: complete in itself, a sentence or two")
    why: Text = Field(description="why the interview asks this")
    family: str = Field(default="", description="questions of one family ask the same in other words; default: the id")
    tags: list[str] = []

    @property
    def label(self) -> str:
        """How a list names the question: by its title, or by whom or what it asks about."""
        return getattr(self, "name", self.title)


class Dilemma(_Question):
    """A situation with a choice of answers. `usual` is the answer set against somebody's own (`Other`)."""

    category: Text = Field(description="the value that is at stake, e.g. `loyalty_vs_law`")
    text: Text = Field(description="the situation, in the second person")
    options: dict[str, Option] = Field(min_length=2, max_length=8)
    usual: str = Field(pattern="^[A-H]$", description="what a cautious or conventional answer would be")
    views: Views | None = None

    @model_validator(mode="after")
    def _letters(self) -> Self:
        if list(self.options) != list("ABCDEFGH"[: len(self.options)]):
            raise ValueError(f"options are {', '.join(self.options)}; letters run from A without a gap")
        for letter, option in self.options.items():
            if option.contrast not in self.options or option.contrast == letter:
                raise ValueError(f"option {letter} stands against {option.contrast}, which is no other option")
        if self.usual not in self.options:
            raise ValueError(f"usual is {self.usual}, which is no option")
        return self


class Priority(_Question):
    """An open question about the person's own life."""

    hint: str = Field(default="", description="what one could write about")
    contrast: Text = Field(description="a conventional answer")


class Figure(_Question):
    """Somebody of history or fiction, what speaks for them and what against, evenly."""

    name: Text
    fictional: bool
    known_for: Text
    admired: Text = Field(description="what somebody says to whom they speak, in the first person")
    doubted: Text = Field(description="what somebody says to whom they do not")
    leans: dict[str, Lean] = {}


class Framework(_Question):
    """A way of thinking about right and wrong, the case for it and the case against."""

    name: Text
    summary: Text
    pro: Text = Field(description="what somebody says who thinks so, in the first person")
    con: Text = Field(description="what somebody says who does not")
    leans: dict[str, Lean] = {}


Question = Dilemma | Priority | Figure | Framework
MODELS: dict[Phase, type[Question]] = {
    "contemporary": Dilemma,
    "timeless": Dilemma,
    "priorities": Priority,
    "figures": Figure,
    "frameworks": Framework,
}
CATEGORIES = {"priorities": "personal_priorities", "figures": "resonant_figures", "frameworks": "ethical_frameworks"}


@dataclass(frozen=True)
class Interview:
    """Every question in the order in which it is asked, and the axes that answers lean along."""

    questions: dict[Phase, list[Question]]
    axes: dict[str, Axis]

    def __iter__(self) -> Iterator[tuple[Phase, Question]]:
        for phase, questions in self.questions.items():
            for question in questions:
                yield phase, question

    def __len__(self) -> int:
        return sum(map(len, self.questions.values()))

    def find(self, question: str) -> tuple[Phase, Question] | None:
        """The question of this id, with its phase."""
        return next(((phase, q) for phase, q in self if q.id == question), None)

    @property
    def sha256(self) -> str:
        """What was asked, known by its content."""
        return sha256_json([[phase, question.model_dump(mode="json")] for phase, question in self])


@dataclass(frozen=True)
class Stance:
    """What a person says to one question, and what is set against it: the matter of rows, pairs and scenarios."""

    id: str
    phase: Phase
    category: str
    family: str
    tags: tuple[str, ...]
    ask: str
    stance: str  # what was decided and the person's reason; the option's words alone, if they gave none
    contrast: str
    own_words: bool  # the person gave a reason
    option_words: bool  # words of the question's author are in `stance`
    weight: int  # 1 to 10; 5 where the phase does not ask
    certainty: int | None


def load_interview(folders: Sequence[Path] = ()) -> Interview:
    """The questions of these folders, one after the other; the shipped ones without any.

    A folder without `axes.yaml` uses the shipped axes. Raises InputError naming file, row and key for what is no set of
    questions, an id used twice, or a lean along an axis that is not there.
    """
    folders = list(folders) or [SHIPPED]
    axes: dict[str, Axis] = {}
    questions: dict[Phase, list[Question]] = {phase: [] for phase in MODELS}
    seen: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir() or not any((folder / f"{phase}.yaml").is_file() for phase in MODELS):
            raise InputError(f"questions {str(folder)!r}: no folder with {', '.join(MODELS)} as .yaml, or one of these")
        own = folder / "axes.yaml"
        axes |= {axis.id: axis for axis in _load(own if own.is_file() else SHIPPED / "axes.yaml", Axis)}
        for phase, model in MODELS.items():
            path = folder / f"{phase}.yaml"
            for question in _load(path, model) if path.is_file() else []:
                if question.id in seen:
                    raise InputError(f"{path}: id {question.id!r} is already used in {seen[question.id]}")
                seen[question.id] = path
                _check_axes(question, axes, path)
                questions[phase].append(question)
    return Interview(questions, axes)


def stances(calibration: Calibration, interview: Interview, place: str = "calibration") -> list[Stance]:
    """Every answer with its question, in the order of the interview.

    Raises InputError, beginning with `place`, for an answer to a question that the interview does not have or a letter
    that the question does not offer: it was given to other questions.
    """
    order = {question.id: i for i, (_, question) in enumerate(interview)}
    found = []
    for phase, answer in calibration.answers():
        match = interview.find(answer.id)
        if match is None or match[0] != phase:
            raise InputError(
                f"{place}: {answer.id!r} is no question of phase {phase} in these questions; "
                "name the folder of questions that were asked (--questions, --more)"
            )
        found.append(_stance(phase, match[1], answer, place))
    return sorted(found, key=lambda stance: order[stance.id])


def leans_of(question: Question, answer: Any) -> dict[str, int]:
    """How an answer leans along the axes: as its option does, or the figure or framework that it takes.

    Who rejects a figure or framework leans against it by one step less: to say no to one end is not yet the other.
    """
    if isinstance(question, Dilemma) and isinstance(answer, DilemmaAnswer) and answer.choice in question.options:
        return dict(question.options[answer.choice].leans)
    if isinstance(question, Figure) and isinstance(answer, FigureAnswer):
        return dict(question.leans) if answer.resonates else _against(question.leans)
    if isinstance(question, Framework) and isinstance(answer, FrameworkAnswer):
        if answer.rating >= 8:
            return dict(question.leans)
        return _against(question.leans) if answer.rating <= 3 else {}
    return {}


def _against(leans: dict[str, int]) -> dict[str, int]:
    return {axis: -1 if lean > 0 else 1 for axis, lean in leans.items() if abs(lean) == 2}


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of the calibration file and of each YAML file of a set of questions, by file name."""
    lists: dict[str, Any] = {name: GenericAlias(list, (model,)) for name, model in {**MODELS, "axes": Axis}.items()}
    made = {"calibration.schema.json": calibration_schema()}
    for name, rows in lists.items():
        made[f"{name}.schema.json"] = {"$schema": made["calibration.schema.json"]["$schema"]} | TypeAdapter(
            rows
        ).json_schema()
    return made


def _stance(phase: Phase, question: Question, answer: Any, place: str) -> Stance:
    taken, line, contrast = _sides(question, answer, place)
    theirs = isinstance(answer, PriorityAnswer) or (isinstance(answer, DilemmaAnswer) and answer.choice == OTHER)
    reason = "" if isinstance(answer, PriorityAnswer) else answer.reasoning.strip()
    alone = bool(reason) and says_decision(reason, taken, line)
    weight = answer.rating if isinstance(answer, FrameworkAnswer) else answer.emotional_weight
    return Stance(
        id=question.id,
        phase=phase,
        category=question.category if isinstance(question, Dilemma) else CATEGORIES[phase],
        family=question.family or question.id,
        tags=tuple(question.tags),
        ask=question.ask,
        stance=reason if alone else _joined(taken.strip(), reason),
        contrast=contrast,
        own_words=theirs or bool(reason),
        option_words=not (theirs or alone),
        weight=_weight(answer, weight),
        certainty=getattr(answer, "certainty", None),
    )


def says_decision(reason: str, taken: str, line: str) -> bool:
    """Whether a reason needs no other words before it to tell what was decided.

    It does not where it holds `taken` or its `line` word for word (two words at least), or where it is an answer of its
    own: STANDS_ALONE words or more that share a word of four letters with them, or begin with a verdict of up to three
    words ("Reserve them.").
    """
    said = plain(reason).split()
    both = [plain(taken), plain(line)]
    if any(" " in text and f" {text} " in f" {' '.join(said)} " for text in both):
        return True
    opening = plain(re.split(r"[.!?。！？]", reason.strip(), maxsplit=1)[0]).split()
    content = {word for text in both for word in text.split() if len(word) >= 4}
    return len(said) >= STANDS_ALONE and (not content.isdisjoint(said) or len(opening) <= 3)


def _joined(decision: str, reason: str) -> str:
    """The decision, and behind it the reason, if there is one, as a sentence of its own."""
    stop = "." if decision[-1:].isalnum() else ""
    return f"{decision}{stop} {reason}" if reason else decision


def _weight(answer: Any, weight: int | None) -> int:
    """A framework matters as much as its rating is far from the middle; what was not asked is 5."""
    if isinstance(answer, FrameworkAnswer):
        return min(10, max(1, 2 * abs(answer.rating - 5) if answer.rating < 5 else 2 * (answer.rating - 5)))
    return 5 if weight is None else weight


def _sides(question: Question, answer: Any, place: str) -> tuple[str, str, str]:
    """The plain words of the side that was taken, its line on the screen, and the words of the side against it."""
    if isinstance(question, Dilemma):
        if answer.choice == OTHER:
            return answer.other, "", question.options[question.usual].stance
        if answer.choice not in question.options:
            raise InputError(f"{place}: {question.id!r} has no option {answer.choice}; it was given to other questions")
        taken = question.options[answer.choice]
        return taken.stance, taken.text, question.options[taken.contrast].stance
    if isinstance(question, Priority):
        return answer.answer, "", question.contrast
    if isinstance(question, Figure):
        for_it, against, taken = question.admired, question.doubted, answer.resonates
    else:
        for_it, against, taken = question.pro, question.con, answer.rating >= 6
    return (for_it, "", against) if taken else (against, "", for_it)


def _load(path: Path, model: type[Any]) -> list[Any]:
    rows = read_yaml(path, "questions")
    if not isinstance(rows, list):
        raise InputError(f"{path}: a file of questions is a list")
    loaded = []
    for number, row in enumerate(rows, start=1):
        try:
            loaded.append(model.model_validate(row))
        except ValidationError as error:
            key, message, _ = first_fault(error)
            raise InputError(f"{path}, row {number}{f', key {key!r}' if key else ''}: {message}") from error
    return loaded


def _check_axes(question: Question, axes: dict[str, Axis], path: Path) -> None:
    options = question.options.values() if isinstance(question, Dilemma) else [question]
    for part in options:
        for name in getattr(part, "leans", {}):
            if name not in axes:
                raise InputError(f"{path}: {question.id!r} leans along {name!r}; the axes are {', '.join(axes)}")


if __name__ == "__main__":
    for file, schema in schemas().items():
        write_json(SHIPPED.parent / file, schema)
