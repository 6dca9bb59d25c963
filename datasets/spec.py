"""The file that says what a dataset is built from, checked key by key. `venire data build --schema` prints its schema.

name: odile
seed: 42
person: {name: Odile Brandt, called: Odile}
split: {validation: 0.1, evaluation: 0.1}
sources:
  - {kind: answers, file: datasets/interview/odile_brandt.json, licence: Apache-2.0}
  - {kind: facts, file: datasets/facts/facts.yaml, phrasings: 10, licence: Apache-2.0}
  - {kind: rows, file: datasets/contrast/train.jsonl, part: train, licence: Apache-2.0}
  - {kind: replay, file: datasets/replay/sft.jsonl, ratio: 1.0, licence: Apache-2.0}
export: [trl]
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from venire._common.errors import InputError
from venire._common.kernel import KernelMode
from venire._common.reading import first_fault, read_yaml

from .phrasings import HELD_OUT, KINDS

HOME = Path(__file__).resolve().parent.parent  # what Venire ships lies below it, in a checkout and in a wheel
Part = Literal["train", "validation", "evaluation"]
PARTS: tuple[Part, ...] = ("train", "validation", "evaluation")
# A letter or digit of a script that parts a name from what follows it: not of Thai, Lao, Burmese, Khmer, kana, Hangul
# (whose particles are written onto the name) or the Chinese characters.
_LETTER = "[^\\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Strict):
    """Whose data it is."""

    name: str = Field(min_length=1, description="the full name, as the facts have it")
    called: str = Field(
        default="",
        description="what training calls them, so that it asks in other words than a suite; default: the "
        "first word of the name",
    )

    def say(self, text: str) -> str:
        """`text` with the short name for the full one, in the capitals that it stands in.

        Whole words are replaced, so that no name is found inside a longer word; in scripts that put no spaces between
        words, wherever it stands. What already reads as the short name stays.
        """
        short = self.called or self.name.split()[0]
        names = {change(self.name): change(short) for change in (str.upper, str.lower, str)}
        names |= {said: said for said in list(names.values()) if any(name in said for name in names)}
        longest = sorted(names, key=len, reverse=True)
        return re.sub("|".join(map(_as_words, longest)), lambda found: names[found.group()], text)


def _as_words(name: str) -> str:
    """A pattern that finds `name` by itself, and not inside a word, where its script parts words."""
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, name) else ""
    after = rf"(?!{_LETTER})" if re.search(rf"{_LETTER}\Z", name) else ""
    return before + re.escape(name) + after


class Split(_Strict):
    """Shares of the families that are not trained on; the rest is."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    evaluation: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _some_train(self) -> Self:
        if self.validation + self.evaluation >= 1:
            raise ValueError("validation and evaluation together leave nothing to train on")
        return self


class Price(_Strict):
    """What a model's tokens cost, in dollars a million; needed for a budget in dollars."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Budget(_Strict):
    """What a teacher may use; at the limit it stops cleanly and says so."""

    calls: int | None = Field(default=None, ge=1)
    usd: float | None = Field(default=None, gt=0)
    price: Price | None = None

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.usd is not None and self.price is None:
            raise ValueError("a budget in usd needs a price: {input: …, output: …} in dollars a million tokens")
        return self


class Teacher(_Strict):
    """A model that writes training data; its family may not judge what is trained on it."""

    model: str = Field(pattern=r"^[\w.-]+/.+$", description="an Inspect model name, e.g. anthropic/… or venire/…")
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int = Field(default=1024, ge=16)
    max_connections: int = Field(default=8, ge=1, description="calls in flight at once")
    budget: Budget = Budget()
    review: bool = Field(default=True, description="a person accepts, edits or rejects each text before it is used")


class _Source(_Strict):
    name: str = Field(default="", description="how rows name where they come from; default: the kind, or the file's")
    licence: str = Field(default="", description="SPDX name, e.g. CC0-1.0; checks ask for it")
    part: Part | None = Field(default=None, description="where all its rows go; default: by the split")
    written_by: str = Field(
        default="", description="family of the model that wrote it, if one did: that family may not judge the result"
    )


class Answers(_Source):
    """A calibration file: direct pairs, preference pairs, and scenarios for the value suite."""

    kind: Literal["answers"]
    file: str
    questions: list[str] = Field(default=[], description="folders of questions; default: the shipped ones")
    own_words_only: bool = Field(default=False, description="leave out answers that the person gave no reasoning for")


class Rephrasing(Teacher):
    """A model that asks for facts in further ways; what it writes is checked like a rule's phrasing, and more."""

    per_fact: int = Field(default=5, ge=1)


class Facts(_Source):
    """Facts, each asked for in several ways: YAML of the shipped form, or a CSV with question and answer."""

    kind: Literal["facts"]
    file: str
    limit: int | None = Field(default=None, ge=1, description="how many facts, from the first")
    phrasings: int = Field(default=10, ge=1, description="questions a fact; fewer where rules give no more")
    held_out: list[str] = Field(default=list(HELD_OUT), description="kinds of phrasing that are never trained")
    meaning: Literal["embedding", "keywords"] = Field(
        default="embedding", description="how a phrasing is checked; without the embedding model only by words"
    )
    teacher: Rephrasing | None = None
    part: Part | None = Field(default="train", description="a fact that is not taught cannot be known")

    @field_validator("held_out")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := [kind for kind in value if kind not in KINDS]:
            raise ValueError(f"{unknown[0]!r} is no kind of phrasing; there are {', '.join(KINDS)}")
        return value


class Rows(_Source):
    """Rows of ours or of another tool: Alpaca, ShareGPT, OpenAI, preferences, a dataset of the hub by its name."""

    kind: Literal["rows"]
    file: str = Field(description="a file, a folder saved by `datasets`, or a hub name such as org/name")
    format: Literal["auto", "alpaca", "sharegpt", "openai", "preference", "completion", "qa"] = "auto"
    split: str = Field(default="train", description="of a hub dataset")
    config: str = Field(default="", description="of a hub dataset that has several configurations")
    revision: str = Field(default="", description="a commit or tag of a hub dataset; without it the newest is taken")
    bad_rows: Literal["refuse", "leave_out"] = Field(
        default="refuse", description="what to do with a row that cannot be trained on: stop, or go on and count it"
    )
    category: str = Field(default="", description="for rows that have none")
    limit: int | None = Field(default=None, ge=1, description="how many rows, drawn by the seed")


class Replay(Rows):
    """General rows against forgetting, as many as the ratio says."""

    kind: Literal["replay"]  # type: ignore[assignment]
    category: str = "replay"
    ratio: float = Field(default=1.0, gt=0, description="rows for each other row to learn from")


class Chat(_Source):
    """A chat exported from an app, for a person's style."""

    kind: Literal["chat"]
    file: str
    app: Literal["chatgpt", "claude", "whatsapp", "telegram"]
    person: str | None = Field(default=None, description="whose answers are learned; a name in the chat")
    learn: Literal["person", "assistant"] = "person"
    min_chars: int = Field(default=20, ge=1, description="shorter answers are left out")
    category: str = "style"


class Examples(_Source):
    """What a teacher writes: examples by category, or answers to given prompts; under a stance or a kernel."""

    kind: Literal["teacher"]
    teacher: Teacher
    stance: str = Field(default="", description="a file that says who the person is and what they hold")
    kernel: str = Field(default="", description="a file whose text signs every prompt that the teacher answers")
    kernel_mode: KernelMode = "prefix"
    categories: dict[str, Annotated[int, Field(ge=1)]] = Field(default={}, description="category to how many examples")
    describe: dict[str, str] = Field(default={}, description="category to what it is about, in a sentence")
    prompts: str = Field(default="", description="a file of prompts to answer, one a line")
    contrast: bool = Field(default=False, description="also write what is conventionally said: preference pairs")

    @model_validator(mode="after")
    def _something_to_write(self) -> Self:
        if bool(self.categories) == bool(self.prompts):
            raise ValueError("give categories with counts, or prompts to answer, and not both")
        if not (self.stance or self.kernel):
            raise ValueError("give a stance or a kernel: a teacher that is told nothing teaches its own values")
        if unknown := [name for name in self.describe if name not in self.categories]:
            raise ValueError(f"describe.{unknown[0]}: no such category")
        return self


Source = Annotated[Answers | Facts | Rows | Replay | Chat | Examples, Field(discriminator="kind")]


class Spec(_Strict):
    """The whole file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    seed: int = 0
    person: Person | None = None
    split: Split = Split()
    weights: Literal["emotional", "equal"] = Field(
        default="emotional", description="emotional: an answer's weight of 1 to 10, where 5 is the usual row's 1"
    )
    sources: list[Source] = Field(min_length=1)
    export: list[Literal["trl", "axolotl", "llamafactory", "mlx"]] = []

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [name_of(source) for source in self.sources]
        if doubled := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two sources are called {doubled[0]!r}; give one a name of its own")
        files = [
            (s.kind, s.file, *(getattr(s, key, "") for key in ("split", "config", "revision")))
            for s in self.sources
            if not isinstance(s, Examples)
        ]
        if again := [key for key in files if files.count(key) > 1]:
            raise ValueError(f"the file {again[0][1]!r} is named twice")
        if any(isinstance(source, Facts) for source in self.sources) and self.person is None:
            raise ValueError("facts need person: {name: …}: training calls them otherwise than a suite does")
        return self


def name_of(source: Any) -> str:
    """What a source's rows call it."""
    default = source.kind if isinstance(source, Answers | Facts | Examples) else Path(source.file).stem
    return source.name or default


def load_spec(path: Path) -> Spec:
    """Read and check a spec. Raises InputError naming the file and the key."""
    data = read_yaml(path, "spec")
    if not isinstance(data, dict):
        raise InputError(f"{path}: a spec is a mapping of keys such as name, seed, sources")
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {_complaint(error)}") from error


def find(name: str, spec: Path, what: str) -> Path:
    """A file that a spec names: below the working folder, beside the spec, or among those that Venire ships."""
    for folder in (Path(), spec.parent, HOME):
        if (folder / name).exists():
            return folder / name
    raise InputError(f"{spec}: {what} {name!r} is no file here, beside the spec, or among those that Venire ships")


def _complaint(error: ValidationError) -> str:
    # The kind that pydantic chose is no key of the file.
    key, message, unknown = first_fault(error, skip=("answers", "facts", "rows", "replay", "chat", "teacher"))
    if unknown:
        return f"unknown key {key!r}; `venire data build --schema` prints the keys that there are"
    return f"{key + ': ' if key else ''}{message}"
