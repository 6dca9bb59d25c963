"""Chats exported from apps as style data: what was said to a person, and what that person said to it.

Known: ChatGPT's and Claude's `conversations.json`, WhatsApp's text, Telegram's `result.json`. In chats with an
assistant the person is the one who asks; `learn="assistant"` takes the assistant's answers instead, and the vendor
stands as their teacher.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from venire._common.errors import InputError
from venire._common.hashing import sha256_text
from venire._common.reading import first_fault

from .imports import read_text
from .rows import Message, SftRow

Learn = Literal["person", "assistant"]
App = Literal["chatgpt", "claude", "whatsapp", "telegram"]
TEACHERS: dict[str, str] = {"chatgpt": "openai", "claude": "anthropic"}
_PERSON, _ASSISTANT = "user", "assistant"  # the two speakers of a chat with an assistant


@dataclass(frozen=True)
class Turn:
    """One message: who wrote it and what, in a stretch of talk (a conversation, or a day of one)."""

    stretch: str
    speaker: str
    text: str


def read_chat(
    path: Path, app: App, person: str | None = None, learn: Learn = "person", min_chars: int = 20
) -> list[SftRow]:
    """One row for each answer of the person: what the others wrote just before, and the answer.

    Consecutive messages of one side are one text; answers shorter than `min_chars` teach no style and are left out.
    The rows of one conversation, or of one day of an endless one, share a family. `person` is a name in the chat, and
    is needed for WhatsApp and Telegram. Raises InputError naming the file and the row, or the speakers there are.
    """
    turns = list(_APPS[app](path))
    if app in TEACHERS:
        person = _PERSON if learn == "person" else _ASSISTANT
    speakers = sorted({turn.speaker for turn in turns})
    if person not in speakers:
        given = f"{person!r} is none of them" if person else "say which of them to learn from (person)"
        raise InputError(f"{path}: the chat's speakers are {', '.join(speakers) or 'nobody'}; {given}")
    teacher = TEACHERS.get(app) if learn == "assistant" else None
    try:
        rows = [
            SftRow(
                family=f"{app}-{sha256_text(stretch)[:12]}",
                teacher=teacher,
                messages=[Message(role="user", content=asked), Message(role="assistant", content=said)],
            )
            for stretch, asked, said in _answers(turns, person)
            if len(said) >= min_chars
        ]
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error).message}") from error
    if not rows:
        raise InputError(f"{path}: no answer of {person!r} to somebody, of {min_chars} characters or more")
    return rows


def _answers(turns: list[Turn], person: str) -> Iterator[tuple[str, str, str]]:
    """(stretch, what was said to the person, what the person answered)."""
    asked: list[str] = []
    said: list[str] = []
    stretch = ""
    for turn in [*turns, Turn("", "", "")]:
        theirs = turn.speaker != person
        if said and (theirs or turn.stretch != stretch):
            if asked:
                yield stretch, "\n".join(asked), "\n".join(said)
            asked, said = [], []
        if turn.stretch != stretch:
            asked, stretch = [], turn.stretch
        (asked if theirs else said).append(turn.text)


def _chatgpt(path: Path) -> Iterator[Turn]:
    for number, chat in enumerate(_json(path, list), start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("mapping"), dict):
            raise InputError(f"{path}, row {number}: no conversation of ChatGPT's export: 'mapping' is missing")
        nodes, at, branch = chat["mapping"], chat.get("current_node"), []
        while at in nodes and len(branch) < len(nodes):  # from the last message up to the first
            branch.append(nodes[at].get("message") or {})
            at = nodes[at].get("parent")
        stretch = str(chat.get("conversation_id") or chat.get("id") or number)
        for message in reversed(branch):
            role = (message.get("author") or {}).get("role")
            content = message.get("content") or {}
            parts = content.get("parts") or [] if content.get("content_type") == "text" else []
            text = "\n".join(part for part in parts if isinstance(part, str)).strip()
            if role in (_PERSON, _ASSISTANT) and text:
                yield Turn(stretch, role, text)


def _claude(path: Path) -> Iterator[Turn]:
    for number, chat in enumerate(_json(path, list), start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("chat_messages"), list):
            raise InputError(f"{path}, row {number}: no conversation of Claude's export: 'chat_messages' is missing")
        for message in chat["chat_messages"]:
            parts = [p.get("text") or "" for p in message.get("content") or [] if p.get("type") == "text"]
            text = ("\n".join(parts) or message.get("text") or "").strip()
            speaker = {"human": _PERSON, "assistant": _ASSISTANT}.get(message.get("sender"))
            if speaker and text:
                yield Turn(str(chat.get("uuid") or number), speaker, text)


def _telegram(path: Path) -> Iterator[Turn]:
    export = _json(path, dict)
    chats = (export.get("chats") or {}).get("list") if "chats" in export else [export]
    for number, chat in enumerate(chats or [], start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("messages"), list):
            raise InputError(f"{path}, chat {number}: no chat of Telegram's export: 'messages' is missing")
        for message in chat["messages"]:
            parts = message.get("text") or ""
            parts = [parts] if isinstance(parts, str) else parts
            text = "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts).strip()
            if message.get("type") == "message" and message.get("from") and text:
                day = str(message.get("date", ""))[:10]
                yield Turn(f"{chat.get('id', number)} {day}", str(message["from"]), text)


# "31/12/2025, 23:59 - Ann: text" on Android, "[31.12.25, 23:59:59] Ann: text" on an iPhone.
_LINE = re.compile(
    r"\[?(?P<day>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?\s\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?\]?"
    r"(?:\s-)?\s(?P<rest>.*)"
)
_LEFT_OUT = re.compile(
    r"<[^<>]*(omitted|weggelassen|omis|omitido|omesso)[^<>]*>|\w+ omitted|(this|you deleted this) message.*", re.I
)


def _whatsapp(path: Path) -> Iterator[Turn]:
    whole: list[tuple[str, str, list[str]]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        line = re.sub("[\u200e\u200f\u202a\u202c]", "", line).replace("\u202f", " ").replace("\xa0", " ")
        if match := _LINE.fullmatch(line):
            speaker, colon, text = match["rest"].partition(": ")
            # Without a name it is the app that speaks: "Messages are end-to-end encrypted".
            whole.append((match["day"], speaker if colon else "", [text]))
        elif whole:
            whole[-1][2].append(line)
        else:
            raise InputError(f"{path}, row {number}: no line of WhatsApp's export, as '31/12/25, 23:59 - Ann: …' is")
    for day, speaker, lines in whole:
        text = "\n".join(lines).strip()
        if speaker and text and not _LEFT_OUT.fullmatch(text):
            yield Turn(day, speaker, text)


def _json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON, torn perhaps: {error}") from error
    if not isinstance(value, kind):
        raise InputError(f"{path}: not this app's export, which is a JSON {'list' if kind is list else 'object'}")
    return value


_APPS: dict[str, Callable[[Path], Iterator[Turn]]] = {
    "chatgpt": _chatgpt,
    "claude": _claude,
    "whatsapp": _whatsapp,
    "telegram": _telegram,
}
