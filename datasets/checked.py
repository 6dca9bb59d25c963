"""What a check looks at: files of rows with their part, and the texts that must not be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .findings import Place
from .rows import BadRow, Row, TrainingData
from .spec import Part


@dataclass(frozen=True)
class Measured:
    """A text that must not be trained on. `question` if it asks; `taught` if what it asks for is meant to be trained,
    as a fact is, so that only its wording counts; `of_facts` if it asks round facts that may be taught, so that a
    fact's own questions come near to it and are not meant."""

    place: str
    text: str
    question: bool = True
    taught: bool = False
    of_facts: bool = False


@dataclass(frozen=True)
class CheckedFile:
    """The rows of a file, those that cannot be read, and what the file is for."""

    data: TrainingData
    bad: list[BadRow]
    part: Part
    described: Path  # the card and the licences are those beside this one: the file, or of an export the built file

    def place(self, index: int) -> Place:
        """The row at `index`, by the file's lines."""
        return Place(str(self.data.path), self.data.lines[index])


Rows = Sequence[tuple[CheckedFile, int, Row]]


def place_of(rows: Rows, at: int) -> Place:
    """Where the row number `at` stands."""
    file, index, _ = rows[at]
    return file.place(index)


def is_fact(row: Row) -> bool:
    """Did a build make this row out of a fact? The category alone is anybody's label."""
    return row.category == "facts" and row.family.startswith("fact-")
