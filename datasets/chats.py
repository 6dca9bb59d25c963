"""Chats exported from apps as style data: what was said to a person, and what that person said to it.

Known: ChatGPT's and Claude's `conversations.json`, WhatsApp's text, Telegram's `result.json`. In chats with an
assistant the person is the one who asks; `learn="assistant"` takes the assistant's answers instead, and the vendor
stands as their teacher.
"""

import json
import re
import zipfile
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
    """One message: who sent it and what, in a stretch of talk (a conversation, or a day of one).

    `own`: the sender's own words, not something passed on.
    """

    stretch: str
    speaker: str
    text: str
    own: bool = True


def read_chat(
    path: Path, app: App, person: str | None = None, learn: Learn = "person", min_chars: int = 20
) -> list[SftRow]:
    """One row for each answer of the person: what the others wrote just before, and the answer.

    Consecutive messages of one side are one text; answers shorter than `min_chars` teach no style and are left out.
    The rows of one conversation, or of one day of an endless one, share a family. `person` is a name in the chat, and
    is needed for WhatsApp and Telegram. Raises InputError naming the file and the row, or the speakers there are.
    """
    if zipfile.is_zipfile(path):
        raise InputError(f"{path}: a zip archive; unpack it, and name the chat's file in it")
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
        if theirs:
            asked.append(turn.text)
        elif turn.own:
            said.append(turn.text)


def _chatgpt(path: Path) -> Iterator[Turn]:
    for number, chat in enumerate(_json(path, list), start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("mapping"), dict):
            raise InputError(f"{path}, row {number}: no conversation of ChatGPT's export: 'mapping' is missing")
        place = f"{path}, row {number}"
        nodes, at, branch = chat["mapping"], str(chat.get("current_node")), []
        while at in nodes and len(branch) < len(nodes):  # from the last message up to the first
            node = _object(nodes[at], f"{place}: the message {at!r}")
            branch.append(_object(node.get("message") or {}, f"{place}: the message {at!r}"))
            at = str(node.get("parent"))
        stretch = str(chat.get("conversation_id") or chat.get("id") or number)
        for message in reversed(branch):
            role = str(_object(message.get("author") or {}, f"{place}: an author").get("role"))
            content = _object(message.get("content") or {}, f"{place}: a content")
            parts = _list(content, "parts", place) if content.get("content_type") == "text" else []
            text = "\n".join(part for part in parts if isinstance(part, str)).strip()
            if role in (_PERSON, _ASSISTANT) and text:
                yield Turn(stretch, role, text)


def _claude(path: Path) -> Iterator[Turn]:
    for number, chat in enumerate(_json(path, list), start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("chat_messages"), list):
            raise InputError(f"{path}, row {number}: no conversation of Claude's export: 'chat_messages' is missing")
        place = f"{path}, row {number}"
        for at, message in enumerate(chat["chat_messages"], start=1):
            message = _object(message, f"{place}: message {at}")
            found = [_object(part, f"{place}: a part of message {at}") for part in _list(message, "content", place)]
            parts = [_text(part) for part in found if part.get("type") == "text"]
            text = ("\n".join(parts) or _text(message)).strip()
            speaker = {"human": _PERSON, "assistant": _ASSISTANT}.get(str(message.get("sender")))
            if speaker and text:
                yield Turn(str(chat.get("uuid") or number), speaker, text)


def _telegram(path: Path) -> Iterator[Turn]:
    export = _json(path, dict)
    chats = _list(_object(export["chats"], f"{path}: 'chats'"), "list", str(path)) if "chats" in export else [export]
    for number, chat in enumerate(chats, start=1):
        if not isinstance(chat, dict) or not isinstance(chat.get("messages"), list):
            raise InputError(f"{path}, chat {number}: no chat of Telegram's export: 'messages' is missing")
        for at, message in enumerate(chat["messages"], start=1):
            place = f"{path}, chat {number}: message {at}"
            message = _object(message, place)
            whole = message.get("text") or ""
            parts = [whole] if isinstance(whole, str) else _list(message, "text", place)
            text = "".join(part if isinstance(part, str) else _text(_object(part, place)) for part in parts).strip()
            if message.get("type") == "message" and message.get("from") and text:
                day = str(message.get("date", ""))[:10]
                own = "forwarded_from" not in message
                yield Turn(f"{chat.get('id', number)} {day}", str(message["from"]), text, own)


# "31/12/2025, 23:59 - Ann: text" on Android, "[31.12.25, 23:59:59] Ann: text" on an iPhone; a word may stand before
# the time ("klo", "下午").
_LINE = re.compile(
    r"\[?(?P<day>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?\s(?:[^\W\d_]{1,8}\.?\s?)?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
    r"(?:\s?[AaPp]\.?\s?[Mm]\.?)?\]?(?:\s-)?\s(?P<rest>.*)"
)
# "2025. 12. 31. 오후 11:59, Ann : text"
_KOREAN = re.compile(
    r"\[?(?P<day>\d{4}(?:\. ?|년 )\d{1,2}(?:\. ?|월 )\d{1,2}(?:\.|일)?),? (?:[^\W\d_]{1,4} ?)?\d{1,2}:\d{2}(?::\d{2})?"
    r"(?:\]|,| -) (?P<rest>.*)"
)
_APP = "\u200e"  # on an iPhone it stands before what the app says in a person's place, in every language
_OMITTED = "omitted|weggelassen|ausgeschlossen|omis|omise|omitido|omitida|omesso|omessa|omessi|absente?|weggelaten"
_ATTACHED = (
    "file attached|Datei angehängt|archivo adjunto|fichier joint|file allegato|arquivo anexado|файл добавлен|"
    "bestand bijgevoegd|tiedosto liitetty|bifogad fil|文件附件|附件|파일 첨부됨"
)
_DELETED = (
    "this message was deleted|you deleted this message|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht|"
    "se eliminó este mensaje|eliminaste este mensaje|ce message a été supprimé|vous avez supprimé ce message|"
    "questo messaggio è stato eliminato|hai eliminato questo messaggio|(?:esta )?mensagem (?:foi )?apagada|"
    "você apagou esta mensagem"
)
# A line that is the app's and not the person's: a medium that was left out or attached, a place, a message taken back.
_LEFT_OUT = re.compile(
    rf"<[^<>]{{3,200}}>|\w+(?: \w+)? (?:{_OMITTED})"
    rf"|(?:IMG|VID|AUD|PTT|STK|DOC)-\d{{8}}-WA\d+\.\w+ \([^()]+\)|.+\.\w{{2,5}} \((?:{_ATTACHED})\)"
    rf"|(?:\w[\w ]{{0,30}}: )?https://maps\.google\.com/\S+|(?:{_DELETED})(?: by .*)?\.?"
    r"|missed (?:voice|video) call|null",
    re.I,
)
_EDITED = re.compile(
    r" *<[^<>]*(?:edited|bearbeitet|modifi|editad|изменено|muokattu|bewerkt|redigera|已编辑|수정)[^<>]*>$"
)
_QUOTED = re.compile('„[^“”]*[“”]|“[^”]*”|"[^"]*"|«[^»]*»|»[^«]*«|「[^」]*」|『[^』]*』')


def _whatsapp(path: Path) -> Iterator[Turn]:
    whole: list[tuple[str, str, list[str]]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        line = re.sub("[\u200f\u202a\u202c]", "", line).replace("\u202f", " ").replace("\xa0", " ")
        bare = line.lstrip(_APP)
        if match := _LINE.fullmatch(bare) or _KOREAN.fullmatch(bare):
            speaker, text = _speaker(match["rest"])
            whole.append((match["day"], speaker, [text]))
        elif whole:
            whole[-1][2].append(line)
        else:
            raise InputError(f"{path}, row {number}: no line of WhatsApp's export, as '31/12/25, 23:59 - Ann: …' is")
    for day, speaker, lines in whole:
        text = "\n".join(said for line in lines if (said := _said(line)) is not None).strip()
        if speaker and text:
            yield Turn(day, speaker, text)


def _speaker(rest: str) -> tuple[str, str]:
    """Who speaks, and what; without a name it is the app: "Messages are encrypted", "Ann made the group “A: B”"."""
    speaker, colon, text = rest.partition(": ")
    in_a_quotation = set(_QUOTED.sub("", speaker)) & set('„“”"«»「」『』')
    return ("", rest) if not colon or in_a_quotation else (speaker.replace(_APP, "").strip(), text)


def _said(line: str) -> str | None:
    """What of a line the person wrote; None where all of it is the app's."""
    own, _, added = line.partition(_APP + "<")  # a caption, and after it the app's "<attached: …>"
    if (added or line.startswith(_APP)) and not own.strip(_APP + " "):
        return None
    bare = _EDITED.sub("", own.replace(_APP, ""))
    return None if line.startswith(_APP) or _LEFT_OUT.fullmatch(bare.strip()) else bare.rstrip()


def _json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON, torn perhaps: {error}") from error
    if not isinstance(value, kind):
        raise InputError(f"{path}: not this app's export, which is a JSON {'list' if kind is list else 'object'}")
    return value


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is no JSON object, as the app's export has it; export the chats again")
    return value


def _list(value: dict[str, Any], key: str, what: str) -> list[Any]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise InputError(f"{what}: {key!r} is no list, as the app's export has it; export the chats again")
    return found


def _text(value: dict[str, Any]) -> str:
    text = value.get("text")
    return text if isinstance(text, str) else ""


_APPS: dict[str, Callable[[Path], Iterator[Turn]]] = {
    "chatgpt": _chatgpt,
    "claude": _claude,
    "whatsapp": _whatsapp,
    "telegram": _telegram,
}
