"""A judge's reply becomes a label, scores and a reason, or an invalid vote that says why: never a tie by default."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from .rubric import Rubric, reply_model
from .verdict_text import parse_verdict, without_thoughts

_CUT_OFF = ("max_tokens", "model_length")
_KEY = re.compile(r"\b(?:sk-|AIza|gsk_|xai-)[\w*.-]*[\w*]")
_REASONS = ("timeout", "refusal", "parse", "error")


@dataclass(frozen=True)
class Judgment:
    """`label` is A, B, tie, or None, and then `invalid` says why (one of judges.votes.REASONS)."""

    label: str | None
    invalid: str | None = None
    scores: dict[str, dict[str, int]] = field(default_factory=dict)  # label to criterion to score
    why: str = ""


def read_reply(
    text: str, stop_reason: str, rubric: Rubric | None, *, failure: str | None = None, identical: bool = False
) -> Judgment:
    """What a judge said. Scorer and ledger both read it here, so that what was logged can be derived again.

    `failure` is what `describe_failure` made of a call that gave nothing; `identical` means that both answers were the
    same text, about which nobody is asked.
    """
    if identical:
        return Judgment("tie", why="identical answers: not asked")
    if failure:
        kind = failure.partition(":")[0]
        return Judgment(None, kind if kind in _REASONS else "error", why=failure)
    if stop_reason == "content_filter":
        return Judgment(None, "refusal", why=f"stopped by a content filter {text.strip()[:300]}".strip())
    if stop_reason in _CUT_OFF:
        return Judgment(None, "parse", why="cut off before its end")
    if not _is_object(text):  # what a judge quotes within its JSON is no thought of its own
        text = without_thoughts(text)
    if not text.strip():
        return Judgment(None, "empty")
    objects = list(_objects(text))
    if objects or _looks_like_json(text):
        return _from_objects(objects, rubric)
    parsed = parse_verdict(text)
    return Judgment(parsed.winner, parsed.reason, why=text.strip()[-500:])


def describe_failure(error: BaseException) -> str:
    """One line about a call that failed. It begins with the reason that its vote gets, one of `_REASONS`."""
    cause = _cause(error)
    text, status = f"{type(cause).__name__}: {_said(cause)}", _status(cause)
    ours = status is None or status < 429  # not the vendor's trouble, whatever words it is told in
    if status in (408, 504) or (ours and re.search(r"timeout|timed out", text, re.I)):
        kind = "timeout"
    elif ours and re.search(r"content[_ ](?:filter|policy)|safety|prohibited|refus(?!ed to connect|ed$)", text, re.I):
        kind = "refusal"
    elif isinstance(cause, ValueError) and "JSON" in type(cause).__name__:
        kind = "parse"  # it answered, and in no format that its own SDK can read
    else:
        kind = "error"
    return f"{kind}: {' '.join(text.split())[:300]}"


def hindrance(error: BaseException) -> str | None:
    """Why nobody can be asked at all: a refused key, an unknown model, calls switched off. None if this call failed."""
    cause = _cause(error)
    said = " ".join(_said(cause).split())[:300]
    if _status(cause) == 401:
        return f"the vendor refuses the key (401): {said}"
    if _status(cause) == 404 and "model" in said.lower() and not rejects_form(error):
        return f"the vendor knows no such model (404): {said}"
    if "INSPECT_DISABLE_MODEL_API" in str(cause):
        return "not answered before, and INSPECT_DISABLE_MODEL_API forbids to ask"
    return None


def rejects_form(error: BaseException) -> bool:
    """Does the vendor refuse to be told the form of its reply?"""
    cause = _cause(error)
    names = r"schema|response_?format|output_?(?:format|config)|text\.format|structured|json[ _]mode|guided|grammar"
    return _status(cause) in (400, 404, 422, 501) and bool(re.search(names, _said(cause), re.I))


def _cause(error: BaseException) -> BaseException:
    """The vendor's own error within tenacity's and Inspect's."""
    last = getattr(error, "last_attempt", None)
    inner = last.exception() if last is not None else None
    if inner is None and hasattr(error, "provider_message"):
        inner = error.__cause__
    return _cause(inner) if inner is not None else error


def _said(error: BaseException) -> str:
    # Inspect's own message repeats the whole request, answers and all; some vendors repeat the key, or its ends.
    return _KEY.sub("[key]", str(getattr(error, "provider_message", None) or error))


def _status(error: BaseException) -> int | None:
    found = (getattr(error, name, None) for name in ("status_code", "code"))
    return next((status for status in found if isinstance(status, int)), None)


def _from_objects(objects: list[dict[str, Any]], rubric: Rubric | None) -> Judgment:
    """The one verdict that the objects agree on. A reply in JSON is held to its form: no guessing at its words."""
    winners = {_winner(found["winner"]) for found in objects}
    if len(winners) != 1 or None in winners:
        return Judgment(None, "parse", why="no single winner in the JSON of the reply")
    last = objects[-1] | {"winner": winners.pop()}
    scores: dict[str, dict[str, int]] = {}
    if rubric is not None:
        try:
            reply = reply_model(rubric).model_validate(last).model_dump()
        except ValidationError as error:
            first = error.errors()[0]
            return Judgment(None, "parse", why=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        keys = rubric.criterion_keys
        scores = {
            label: {name: reply[f"scores_{label}"][key] for name, key in keys.items()} for label in ("A", "B") if keys
        }
    return Judgment(last["winner"], scores=scores, why=str(last.get("reason", "")))


def _winner(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    found = re.fullmatch(r"\W*(?:(?:answer|response)\s+)?(?:([ab])|(tie|draw|tied|equal))\W*", value, re.IGNORECASE)
    if found is None:
        return None
    return "tie" if found[2] else found[1].upper()


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every whole JSON object in `text` that has a winner, outermost only."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
            continue
        if isinstance(value, dict) and "winner" in value:
            yield value
        at = end


def _is_object(text: str) -> bool:
    """Is the whole text one JSON object?"""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _looks_like_json(text: str) -> bool:
    """Was an object begun and never ended?"""
    return bool(re.match(r"\s*(?:```(?:json)?\s*)?\{", text))
