"""Training rows: their schema, and a loader that refuses a bad row by file and number.

One JSON object a line. A row of chat to learn from (`sft`) and a row of preference (`dpo`):

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}], "category": "redemption"}
    {"prompt": [{"role": "user", "content": "…"}], "chosen": [{"role": "assistant", …}], "rejected": [{…}]}
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire._common.reading import first_fault

Method = Literal["sft", "dpo"]
KEYS: dict[Method, tuple[str, ...]] = {"sft": ("messages",), "dpo": ("prompt", "chosen", "rejected")}
# Keys by which the rows of other tools are known: a file of theirs is named as such instead of as a broken one of ours.
_FOREIGN = (
    ({"prompt", "completion", "label"}, "KTO's (a label says whether the answer is wanted)"),
    ({"instruction", "output"}, "Alpaca"),
    ({"conversations"}, "ShareGPT"),
    ({"mapping", "current_node"}, "ChatGPT's export"),
    ({"chat_messages"}, "Claude's export"),
    ({"question", "answer"}, "question and answer"),
    ({"prompt", "completion"}, "TRL's prompt and completion"),
    ({"text"}, "plain text"),
)


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str

    @field_validator("content")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("an empty text")
        return _whole(value)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field(default="", description="the value, or the kind of row, e.g. `redemption`, `replay`")
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="how much it matters; 1 is the usual row")
    family: str = Field(default="", description="rows that say the same in other words share it")
    source: str = Field(default="", description="where the row comes from, in a word or two")
    teacher: str | None = Field(
        default=None, description="family of the model that wrote or rewarded the row: it may not judge the result"
    )

    @field_validator("category", "family", "source", "teacher")
    @classmethod
    def _whole_characters(cls, value: str | None) -> str | None:
        return value and _whole(value)


class SftRow(_Row):
    """A chat that ends on the answer to be learned."""

    messages: list[Message]

    @field_validator("messages")
    @classmethod
    def _ends_on_an_answer(cls, value: list[Message]) -> list[Message]:
        _check_turns(value, last="assistant")
        return value

    @property
    def texts(self) -> list[str]:
        """Every text the row would teach or show."""
        return [message.content for message in self.messages]


class DpoRow(_Row):
    """A prompt, the answer that is wanted, and the one that is not."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]

    @field_validator("prompt")
    @classmethod
    def _ends_on_a_question(cls, value: list[Message]) -> list[Message]:
        _check_turns(value, last="user")
        return value

    @field_validator("chosen", "rejected")
    @classmethod
    def _one_answer(cls, value: list[Message]) -> list[Message]:
        if [message.role for message in value] != ["assistant"]:
            raise ValueError("not one assistant message: the answer is missing")
        return value

    @property
    def texts(self) -> list[str]:
        """Every text the row would teach or show."""
        return [message.content for message in (*self.prompt, *self.chosen, *self.rejected)]


Row = SftRow | DpoRow


@dataclass(frozen=True)
class TrainingData:
    """The rows of one file, and what a lineage says of them. Row n stands on line `lines[n]` of the file."""

    path: Path
    sha256: str
    rows: list[Row]
    lines: list[int]

    @property
    def families(self) -> dict[str, int]:
        """How many rows each category has, by name."""
        return dict(sorted(Counter(row.category or "uncategorised" for row in self.rows).items()))

    @property
    def teacher_families(self) -> list[str]:
        """The model families that wrote or rewarded rows."""
        return sorted({row.teacher for row in self.rows if row.teacher})

    def place(self, index: int) -> str:
        """Where a row stands, for a message."""
        return f"{self.path}, row {self.lines[index]}"


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: its line, and what is wrong with it, to be read after "row 3"."""

    line: int
    message: str


def load_rows(path: Path, method: Method) -> TrainingData:
    """The rows of a JSONL file, all of `method`'s kind.

    Raises InputError naming the file and the row (its line, from 1): a missing, empty or wrongly encoded file, a line
    that is no JSON object, another schema, a chat without its answer, an empty text.
    """
    data, bad = read_rows(path, method)
    if bad:
        raise InputError(f"{path}, row {bad[0].line}{bad[0].message}")
    return data


def read_rows(path: Path, method: Method | None = None) -> tuple[TrainingData, list[BadRow]]:
    """The good rows of a JSONL file, and what is wrong with each of the others, in the order of the file.

    Without a `method` it is that of the first row. Raises InputError where there is no file, or nothing in it.
    """
    rows: list[Row] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    for number, raw in _read(path):
        if isinstance(raw, str):
            bad.append(BadRow(number, raw))
            continue
        method = method or ("dpo" if isinstance(raw, dict) and "chosen" in raw else "sft")
        try:
            rows.append((SftRow if method == "sft" else DpoRow).model_validate(raw))
        except ValidationError as error:
            bad.append(BadRow(number, _complaint(error, raw, method)))
            continue
        lines.append(number)
    if not rows and not bad:
        raise InputError(f"{path}: no rows; give it one JSON object a line")
    return TrainingData(path, sha256_file(path), rows, lines), bad


def training_texts(data: TrainingData) -> list[tuple[str, str]]:
    """(place, text) of every message of every row: what must not stand in a suite."""
    return [(data.place(i), text) for i, row in enumerate(data.rows) for text in row.texts]


def dump_rows(rows: Iterable[Row], full: bool = False) -> str:
    """The rows as JSONL; what is at its default is left out, unless `full`."""
    return "".join(json.dumps(as_json(row, full), ensure_ascii=False) + "\n" for row in rows)


def as_json(row: Row, full: bool = False) -> dict[str, Any]:
    """A row as plain JSON values, in the order of its schema.

    What is at its default is left out; with `full` only the teacher is, where no model was one.
    """
    about = {key: getattr(row, key) for key, default in _DEFAULTS.items() if full or getattr(row, key) != default}
    if about.get("teacher", "") is None:
        del about["teacher"]
    turns = {key: [{"role": m.role, "content": m.content} for m in getattr(row, key)] for key in KEYS[method_of(row)]}
    return {**about, **turns}


def method_of(row: Row) -> Method:
    """The training that a row is for."""
    return "sft" if isinstance(row, SftRow) else "dpo"


_DEFAULTS = {key: field.default for key, field in _Row.model_fields.items()}


def _read(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, value) of every line; a value that is a str says why the line cannot be read."""
    if not path.is_file():
        raise InputError(f"training data {str(path)!r}: no such file")
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")  # Windows' editors mark UTF-8 so
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}, row 1: UTF-16, not UTF-8; save the file as UTF-8")
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            yield number, ": not UTF-8; save the file as UTF-8"
            continue
        except (ValueError, RecursionError) as error:
            torn = number == len(lines)  # a whole file ends with the end of a line
            what = "the file ends in the middle of this row: it is torn" if torn else "not a JSON object on one line"
            yield number, f": {what}: {error}"
            continue
        yield number, value if isinstance(value, dict) else ": not a JSON object"


def _whole(text: str) -> str:
    """`text`. Raises ValueError for half of a surrogate pair, which JSON can escape and UTF-8 cannot write."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        where = f"after {text[: error.start][-30:]!r}" if error.start else "at the start"
        half = ascii(text[error.start])[1:-1]
        raise ValueError(f"half a character ({half}) {where}; write the whole one, or take it out") from error
    return text


def _check_turns(messages: Sequence[Message], last: str) -> None:
    """One optional system message, then user and assistant in turn, ending on `last`."""
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if turns[-1:] != [last]:
        missing = "the answer is missing" if last == "assistant" else "a question is missing"
        raise ValueError(f"the last message is not the {last}'s: {missing}")
    if set(turns[::2]) - {"user"} or set(turns[1::2]) - {"assistant"}:
        raise ValueError(
            f"roles are {', '.join(roles)}; user and assistant take turns, a system message may come first"
        )


def _complaint(error: ValidationError, raw: dict[str, Any], method: Method) -> str:
    if missing := [key for key in KEYS[method] if key not in raw]:
        found = ", ".join(map(str, raw)) or "none"
        foreign = next((name for keys, name in _FOREIGN if keys <= raw.keys()), "")
        but = ", without the rows whose label is false" if foreign.startswith("KTO") else ""
        hint = (
            f": that is {foreign}, which `venire data build` brings in as a source of the kind `rows`{but}"
            if foreign
            else ""
        )
        wanted = ", ".join(KEYS[method])
        return f": no {missing[0]!r}; a row for {method} has {wanted}, and this one has the keys {found}{hint}"
    key, message, _ = first_fault(error)
    return f", {key}: {message}"
