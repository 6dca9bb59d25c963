"""Rows from elsewhere: Alpaca, ShareGPT, OpenAI, TRL, Axolotl, LLaMA-Factory, mlx-lm, hub datasets, tables of facts.

bring_in(Path("alpaca.json")) -> the rows, the format being known by the first row's keys. Every complaint names the
file and the row. A row that its own file marks as not wanted is never learned: it is left out, and counted in a note.
Chats exported from apps: `chats.py`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from venire._common.errors import InputError
from venire._common.hashing import sha256_text
from venire._common.reading import first_fault

from .hub import check_local, dataset_rows
from .phrasings import AskedFact
from .rows import DpoRow, Row, SftRow
from .tables import read_table

Raw = dict[str, Any]
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "system": "system",
    "developer": "system",  # OpenAI's later word for it
}
_TURNS = ("user", "assistant")
_GOES_ON = "; with `bad_rows: leave_out` in the spec such rows are left out and counted"
_VERDICTS = ("label", "kto_tag")  # of an answer, in rows for KTO: false says that it is not wanted


class _LeftOut(Exception):
    """Why a row is not brought in, to be read after "3 rows"."""


def bring_in(
    path: Path,
    format: str = "auto",
    split: str = "train",
    notes: list[str] | None = None,
    *,
    config: str = "",
    revision: str = "",
    leave_out: bool = False,
) -> list[Row]:
    """The rows of a file, a folder saved by Hugging Face's `datasets`, or a dataset of its hub by name.

    `format` is `auto` or one of FORMATS; `split`, `config` and `revision` are for datasets alone. `notes` gets how many
    rows were left out, and why; with `leave_out` also those that are unfit. Raises InputError naming file and row.
    """
    if path.is_file() and path.suffix in (".json", ".jsonl", ".ndjson", ".csv", ".tsv"):
        check_local(path, config and "config", revision and "revision")
        numbered = _table_rows(path) if path.suffix in (".csv", ".tsv") else read_json_rows(path)
        place = str(path)
    else:
        numbered, place = dataset_rows(path, split, config, revision)
    rows: list[Row] = []
    left: Counter[str] = Counter()
    convert: Callable[[Raw], Row] | None = FORMATS.get(format)
    if format != "auto" and convert is None:
        raise InputError(f"format {format!r}: there are auto, {', '.join(FORMATS)}")
    unfit: list[InputError] = []
    for number, raw in numbered:
        try:
            convert = convert or FORMATS[detect(raw, f"{place}, row {number}")]
            rows.append(_converted(convert, raw, f"{place}, row {number}"))
        except _LeftOut as why:
            left[str(why)] += 1
        except InputError as error:
            if not leave_out:
                raise InputError(f"{error}{_GOES_ON if rows else ''}") from error
            unfit.append(error)
    said = [f"{many} {'row' if many == 1 else 'rows'} {why}" for why, many in left.items()]
    if unfit:
        first = str(unfit[0]).removeprefix(f"{place}, ")  # a card tells no path
        said.append(f"{len(unfit)} unfit {'row' if len(unfit) == 1 else 'rows'} left out, first {first}")
    if not rows:
        raise InputError(f"{place}: no rows{' to learn: ' if said else ''}{'; '.join(said)}")
    if notes is not None:
        notes += said
    return rows


def detect(raw: Raw, place: str) -> str:
    """The format of a row, by its keys. Raises InputError if it is none that is known."""
    keys = raw.keys()
    if {"chosen", "rejected"} <= keys:
        return "preference"
    if "conversations" in keys or "messages" in keys:
        return "sharegpt" if "conversations" in keys else "openai"
    if {"instruction", "output"} <= keys:
        return "alpaca"
    for name, (ask, answer) in _PAIRS.items():
        if {ask, answer} <= keys:
            return name
    raise InputError(
        f"{place}: the keys {', '.join(map(str, raw)) or 'none'} are those of no known format; known are Alpaca "
        "(instruction, output), ShareGPT (conversations), OpenAI (messages), preferences (prompt, chosen, rejected) "
        "and pairs (prompt, completion or question, answer)"
    )


def read_json_rows(path: Path) -> Iterator[tuple[int, Raw]]:
    """(row from 1, object) of a JSON list of objects, under `data` perhaps, or of a file with one object a line."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not valid JSON, torn perhaps: {error}") from error
        numbered: Iterator[tuple[int, Any]] = iter(enumerate(values, start=1))
    else:
        whole = _one_object(text)
        numbered = _lines(path, text) if whole is None else iter(enumerate(whole, start=1))
    for number, value in numbered:
        if not isinstance(value, dict):
            raise InputError(f"{path}, row {number}: not a JSON object")
        yield number, value


def _one_object(text: str) -> list[Any] | None:
    """The rows of a file that is one JSON object: itself, or what it has under `data`; None for any other file."""
    first = text.strip().partition("\n")[0]
    if not first.rstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None  # one object a line, or torn
    held = value.get("data")
    return held if isinstance(held, list) else [value]


def read_text(path: Path) -> str:
    """A text file in UTF-8. Raises InputError where it is missing, empty or in another encoding, naming the line."""
    if not path.is_file():
        raise InputError(f"{str(path)!r}: no such file")
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}, row 1: UTF-16, not UTF-8; save the file as UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, row {row}: not UTF-8; save the file as UTF-8") from error
    if not text.strip():
        raise InputError(f"{path}: an empty file")
    return text


def read_facts(path: Path) -> list[AskedFact]:
    """Facts from a CSV table with the columns question and answer, and where there are any id, statement, noun,
    accept (several answers with | between), keywords, cloze, indirect, domain.

    Raises InputError naming file and row for a missing column or value, and for an id or question given twice.
    """
    names, rows = read_table(path, read_text(path))
    columns = [name.strip().lower() for name in names]
    if missing := [name for name in ("question", "answer") if name not in columns]:
        raise InputError(f"{path}, row 1: no column {missing[0]!r}; the columns are {', '.join(columns) or 'none'}")
    facts: list[AskedFact] = []
    seen: dict[str, int] = {}
    for number, raw in rows:
        fact = _fact(raw, f"{path}, row {number}")
        for key in (fact.question.casefold(), fact.id):
            if key in seen:
                raise InputError(f"{path}, row {number}: {key!r} stands already in row {seen[key]}")
        seen |= {fact.id: number, fact.question.casefold(): number}
        facts.append(fact)
    if not facts:
        raise InputError(f"{path}: no rows under the head of the table")
    return facts


def _fact(raw: Mapping[str | None, Any], place: str) -> AskedFact:
    if None in raw:
        raise InputError(f"{place}: more values than columns; put a text with commas in quotes")
    row = {str(key).strip().lower(): (value or "").strip() for key, value in raw.items()}
    if missing := [key for key in ("question", "answer") if not row[key]]:
        raise InputError(f"{place}: {missing[0]} is empty")
    known = {name: row[name] for name in ("noun", "keywords", "cloze", "indirect", "domain") if row.get(name)}
    return AskedFact(
        id=row.get("id") or f"q-{sha256_text(row['question'].casefold())[:12]}",
        question=row["question"],
        answer=row["answer"],
        statement=row.get("statement") or row["answer"],
        accept=[other.strip() for other in row.get("accept", "").split("|") if other.strip()],
        **known,
    )


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            torn = ": the file ends in the middle of this row: it is torn" if number == len(lines) else ""
            raise InputError(f"{path}, row {number}{torn}: not a JSON object on one line: {error}") from error


def _table_rows(path: Path) -> Iterator[tuple[int, Raw]]:
    """(row of the file, values) of a table; empty cells are left out, a weight is a number."""
    for number, raw in read_table(path, read_text(path))[1]:
        row: Raw = {name and str(name).strip(): value for name, value in raw.items() if value}
        if re.fullmatch(r"\d+(\.\d+)?", str(row.get("weight"))):
            row["weight"] = float(row["weight"])
        yield number, row


def _converted(convert: Callable[[Raw], Row], raw: Raw, place: str) -> Row:
    if None in raw:  # a row of a table
        raise InputError(f"{place}: more values than columns; put a text with commas in quotes")
    try:
        if convert is not _preference:
            _check_wanted(raw)
        return convert(raw)
    except KeyError as error:
        raise InputError(f"{place}: no {error.args[0]!r}, as the first rows have it") from error
    except ValidationError as error:
        key, message, _ = first_fault(error)
        raise InputError(f"{place}{f', {key}' if key else ''}: {message}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{place}: {error}") from error


def _check_wanted(raw: Raw) -> None:
    """Raises _LeftOut for a row whose file says that its answer is not to be learned."""
    for key in _VERDICTS:
        if str(raw.get(key)).lower() == "false":  # not 0, which another column of that name has for a class
            raise _LeftOut(
                f"with {key} false left out: their answers are not wanted; to train against them give preferences "
                "(prompt, chosen, rejected), which the methods dpo, kto and orpo learn from"
            )


def _about(raw: Raw) -> Raw:
    """What our own rows say about themselves; another tool's column of that name is taken for it if it fits."""
    texts = {key: raw[key] for key in ("category", "family", "source", "teacher") if isinstance(raw.get(key), str)}
    weight = raw.get("weight")
    weighted = isinstance(weight, int | float) and not isinstance(weight, bool) and weight > 0
    return {key: text for key, text in texts.items() if text} | ({"weight": weight} if weighted else {})


def _alpaca(raw: Raw) -> Row:
    asked = "\n\n".join(part for part in (raw["instruction"], raw.get("input")) if part)
    earlier = [(role, text) for pair in raw.get("history") or [] for role, text in zip(_TURNS, pair, strict=True)]
    first = [("system", raw["system"])] if raw.get("system") else []
    turns = [*first, *earlier, ("user", asked), ("assistant", raw["output"])]
    return SftRow.model_validate(_about(raw) | {"messages": [{"role": r, "content": t} for r, t in turns]})


def _chat(raw: Raw) -> Row:
    turns = raw["conversations"] if "conversations" in raw else raw["messages"]
    messages = [_message(turn) for turn in turns]
    if any(turn.get("weight") == 0 for turn, made in zip(turns, messages, strict=True) if made["role"] == "assistant"):
        raise _LeftOut("with an answer of weight 0 left out: training learns every answer of a row")
    turned = [message["role"] for message in messages if message["role"] != "system"]
    if "conversations" in raw and turned and (turned[0], turned[-1]) != _TURNS:
        raise _LeftOut("of a chat that begins with an answer or ends without one left out")
    if raw.get("system") and not (messages and messages[0]["role"] == "system"):
        messages.insert(0, {"role": "system", "content": raw["system"]})
    return SftRow.model_validate(_about(raw) | {"messages": _in_turn(messages)})


def _in_turn(messages: Sequence[Raw]) -> list[Raw]:
    """The messages with those of one speaker in a row as one, which is how people send them."""
    joined: list[Raw] = []
    for message in messages:
        before = joined[-1] if joined else {"role": ""}
        if before["role"] == message["role"] and before["content"].strip() and message["content"].strip():
            joined[-1] = message | {"content": f"{before['content']}\n\n{message['content']}"}
        else:
            joined.append(message)
    return joined


def _preference(raw: Raw) -> Row:
    chosen, rejected = _turns(raw["chosen"], whole=True), _turns(raw["rejected"], whole=True)
    key = next((key for key in _PROMPTS if raw.get(key) is not None), "")
    given = raw.get(key)
    if given is None or (len(chosen) > 1 and chosen[:-1] == rejected[:-1]):
        prompt, chosen, rejected = chosen[:-1], chosen[-1:], rejected[-1:]
    else:
        prompt = [{"role": "user", "content": given}] if isinstance(given, str) else _in_turn(_turns(given))
    if raw.get("input") and isinstance(given, str) and key != "input":
        prompt[-1]["content"] += "\n\n" + raw["input"]
    if raw.get("system"):
        prompt.insert(0, {"role": "system", "content": raw["system"]})
    return DpoRow.model_validate(_about(raw) | {"prompt": prompt, "chosen": chosen, "rejected": rejected})


def _pair(ask: str, answer: str) -> Callable[[Raw], Row]:
    def convert(raw: Raw) -> Row:
        asked = raw[ask]
        turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else _turns(asked)
        return SftRow.model_validate(_about(raw) | {"messages": [*turns, *_turns(raw[answer])]})

    return convert


def _turns(value: Any, whole: bool = False) -> list[Raw]:
    """An answer as text or number, as one message, or as a list of messages; `whole`: perhaps as a chat in one text."""
    if type(value) in (int, float):
        return [{"role": "assistant", "content": str(value)}]
    if isinstance(value, str) and whole and re.match(r"\s*Human:.*\n\nAssistant:", value, re.DOTALL):
        _, *parts = re.split(r"(?:^|\n\n)\s*(Human|Assistant):", value)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [{"role": "user" if who == "Human" else "assistant", "content": said.strip()} for who, said in pairs]
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}]
    several: Any = [value] if isinstance(value, dict) else value
    return [_message(turn) for turn in several]


def _message(turn: Any) -> Raw:
    if not isinstance(turn, dict):
        raise ValueError(f"a turn of the chat is {type(turn).__name__}, not an object with a role and a text")
    role = str(turn.get("from", turn.get("role")))
    if role not in _ROLES:
        tools = "; rows with tools cannot be trained on" if role in ("tool", "function", "ipython") else ""
        raise ValueError(f"the role {role!r} is none of user, assistant, system{tools}")
    content = turn.get("value", turn.get("content"))
    if isinstance(content, list):
        content = "".join(_part(part) for part in content)
    if not isinstance(content, str):
        raise ValueError(f"the text of a {role}'s turn is missing")
    return {"role": _ROLES[role], "content": content}


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        return str(part["text"])
    raise ValueError("a turn holds more than text; images and files cannot be trained on")


_PROMPTS = ("prompt", "conversations", "messages", "instruction", "question", "input")  # of a preference
_PAIRS = {"completion": ("prompt", "completion"), "qa": ("question", "answer")}
FORMATS: dict[str, Callable[[Raw], Row]] = {
    "alpaca": _alpaca,
    "sharegpt": _chat,
    "openai": _chat,
    "preference": _preference,
    **{name: _pair(*keys) for name, keys in _PAIRS.items()},
}


def same_rows(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows without those that repeat an earlier one word for word, and how many those were."""
    kept: dict[tuple[str, ...], Row] = {}
    for row in rows:
        kept.setdefault(tuple(row.texts), row)
    return list(kept.values()), len(rows) - len(kept)
