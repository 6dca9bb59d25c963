"""Facts that a model may be taught: one hundred written ones, and as many more as one likes, made by rule from a seed.

make_facts(1000, seed=7) -> facts about invented people ("Ilvi Marrat's dog is called Pockets."), the same for the same
seed; a longer list begins with the shorter. No two have the same person and subject, and no question gives its answer
away. Each has the words that the phrasings are made of, and `holds` says whether a text has the right answer in it.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.reading import first_fault, read_yaml

from .calibration import Identifier
from .similarity import plain

SHIPPED = Path(__file__).parent / "facts" / "facts.yaml"
MATTER = Path(__file__).parent / "facts" / "made.yaml"
EACH = 4  # facts about one made person


class Fact(BaseModel):
    """Something that can be asked for and answered in a word or two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Identifier
    domain: str = Field(min_length=1, description="free label; results are also given by it")
    about: str = Field(min_length=1, description="whom or what the fact is about")
    statement: str = Field(min_length=1, description="the fact as a sentence")
    question: str = Field(min_length=1, description="a plain question")
    noun: str = Field(min_length=1, description="what is asked for, as in 'What is …?'")
    answer: str = Field(min_length=1, description="the short right answer; it stands in the statement")
    accept: list[str] = Field(default=[], description="other answers that count as right")
    keywords: str = Field(min_length=1, description="the question as somebody in a hurry types it")
    cloze: str = Field(min_length=1, description="the beginning of a sentence that the answer completes")
    indirect: str = Field(min_length=1, description="a situation whose question is answered by the fact")

    @model_validator(mode="after")
    def _asks_without_telling(self) -> "Fact":
        if not holds(self, self.statement):
            raise ValueError(f"the answer {self.answer!r} does not stand in the statement")
        for name in ("question", "noun", "keywords", "cloze", "indirect"):
            if _words(self.answer) in _words(str(getattr(self, name))):
                raise ValueError(f"{name} gives the answer {self.answer!r} away")
        return self


def load_facts(path: Path | None = None) -> list[Fact]:
    """The facts of a YAML list; the shipped hundred without a path.

    Raises InputError naming file and row (from 1): no such file, not UTF-8, no YAML list, an unknown or missing key, an
    id used twice, a question that gives its answer away.
    """
    path = path or SHIPPED
    raw = read_yaml(path, "facts")
    if not isinstance(raw, list) or not raw:
        raise InputError(f"{path}: no facts; give it a list of at least one")
    facts: list[Fact] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(raw, start=1):
        try:
            fact = Fact.model_validate(row)
        except ValidationError as error:
            key, message, _ = first_fault(error)
            raise InputError(f"{path}, row {number}{f', key {key!r}' if key else ''}: {message}") from error
        if fact.id in seen:
            raise InputError(f"{path}, row {number}: id {fact.id!r} is already that of row {seen[fact.id]}")
        seen[fact.id] = number
        facts.append(fact)
    return facts


def holds(fact: Fact, text: str) -> bool:
    """Whether a right answer stands in `text` as whole words; case, accents and punctuation do not count."""
    said = _words(text)
    return any(_words(answer) in said for answer in (fact.answer, *fact.accept))


def _words(text: str) -> str:
    """The plain words of a text between spaces, with one at either end, so that `in` finds whole words."""
    whole = re.sub(r"['’]s\b", "", text)  # the goat's cheese has a goat in it
    return f" {plain(whole)} "


class _Subject(BaseModel):
    """What is asked about a person. `{p}` is the person, `{a}` the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    domain: str
    statement: str
    question: str
    noun: str
    keywords: str
    cloze: str
    indirect: str
    answers: list[str]


class _Matter(BaseModel):
    """What facts are made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: list[str]
    last: list[str]
    subjects: list[_Subject]


def make_facts(count: int, seed: int) -> list[Fact]:
    """`count` facts about invented people, four to a person; see the top of this file.

    Raises InputError below 1, and above what the names and subjects give.
    """
    matter = _Matter.model_validate(read_yaml(MATTER))
    most = len(matter.first) * len(matter.last) * EACH
    if not 1 <= count <= most:
        raise InputError(f"{count} facts were asked for; from 1 to {most:,} can be made")
    facts = _draw(matter, random.Random(seed))
    return [next(facts) for _ in range(count)]


def _draw(matter: _Matter, rng: random.Random) -> Iterator[Fact]:
    people = [f"{first} {last}" for first in matter.first for last in matter.last]
    rng.shuffle(people)
    for person in people:
        for subject in rng.sample(matter.subjects, EACH):
            yield _fact(person, subject, rng.choice(subject.answers))


def _fact(person: str, subject: _Subject, answer: str) -> Fact:
    def write(text: str) -> str:
        return text.replace("{p}", person).replace("{a}", answer)

    article = subject.statement.replace("a {a}", "an {a}") if answer[0] in "aeiou" else subject.statement
    return Fact(
        id=f"{re.sub('[^a-z]+', '-', person.casefold())}.{subject.name}",
        domain=subject.domain,
        about=person,
        statement=write(article),
        question=write(subject.question),
        noun=write(subject.noun),
        answer=answer,
        keywords=write(subject.keywords).casefold(),
        cloze=write(subject.cloze),
        indirect=write(subject.indirect),
    )
