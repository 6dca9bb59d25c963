"""Instructions that can be checked: how many words, which letters, which shape. Each check is a name and a value."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr, TypeAdapter, ValidationError

from venire._common.reading import first_fault

from ..matching import equals, plain, words
from .reading import in_order


def _count(text: str, token: str) -> int:
    if token.isalnum():
        return len(re.findall(rf"(?<!\w){re.escape(token.casefold())}(?!\w)", plain(text)))
    return plain(text, case=True).count(token)


def _between(number: int, bounds: list[int]) -> bool:
    return bounds[0] <= number <= bounds[1]


def _last(text: str, wanted: str) -> bool:
    body = plain(text).rstrip("\"' ")
    return words(body).split()[-1:] == [wanted.casefold()] if wanted.isalnum() else body.endswith(wanted)


def _json_holds(text: str, wanted: dict[str, list[str]]) -> bool:
    """Is it one JSON object with just these keys, each with one of its values, written as a number or as text?"""
    inner = re.fullmatch(r"\s*```(?:json)?\s*(.*?)```\s*", text, re.DOTALL)
    try:
        found = json.loads(inner.group(1) if inner else text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict) or set(found) != set(wanted):
        return False
    return all(isinstance(found[key], str | int) and equals(str(found[key]), values) for key, values in wanted.items())


def _numbered(text: str, count: int) -> bool:
    """Do its lines count from 1 to `count`, each with a word after its number?"""
    found = re.findall(r"^[^\w\n]*(\d+)[^\w\n]+[^\W\d_]{2}", text, re.MULTILINE)
    return found == [str(number + 1) for number in range(count)]


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "words": lambda text, bounds: _between(len(words(text).split()), bounds),
    "sentences": lambda text, bounds: _between(sum(bool(words(part)) for part in re.split("[.!?]+", text)), bounds),
    "lines": lambda text, bounds: _between(sum(bool(line.strip()) for line in text.splitlines()), bounds),
    "without": lambda text, parts: not any(part.casefold() in plain(text) for part in parts),
    "contains": lambda text, parts: all(_count(text, part) for part in parts),
    "count": lambda text, pair: _count(text, pair[0]) == pair[1],
    "starts": lambda text, word: words(text).split()[:1] == [word.casefold()],
    "ends": _last,
    "lower": lambda text, _: text == text.lower() and text != text.upper(),
    "upper": lambda text, _: text == text.upper() and text != text.lower(),
    "json": _json_holds,
    "numbered": _numbered,
    "order": in_order,
    "letters": lambda text, number: len(words(text)) == number and words(text).isalpha(),
    "oneof": lambda text, options: equals(text, options),
}

_Bounds = Annotated[tuple[StrictInt, StrictInt], Field(description="the fewest and the most")]
_Texts = Annotated[list[StrictStr], Field(min_length=1)]
_VALUES: dict[str, Any] = {
    "words": _Bounds,
    "sentences": _Bounds,
    "lines": _Bounds,
    "without": _Texts,
    "contains": _Texts,
    "count": tuple[StrictStr, StrictInt],
    "starts": StrictStr,
    "ends": StrictStr,
    "lower": Literal[True],
    "upper": Literal[True],
    "json": Annotated[dict[str, _Texts], Field(min_length=1)],
    "numbered": StrictInt,
    "order": _Texts,
    "letters": StrictInt,
    "oneof": _Texts,
}
_SHAPES = {name: TypeAdapter[Any](shape) for name, shape in _VALUES.items()}


def check_value(name: str, value: Any) -> None:
    """Raises ValueError if there is no check `name`, or `value` is not of the shape that it reads."""
    if name not in CHECKS:
        raise ValueError(f"no check {name!r}; there are {', '.join(sorted(CHECKS))}")
    try:
        _SHAPES[name].validate_python(value)
    except ValidationError as error:
        key, message, _ = first_fault(error)
        raise ValueError(f"check {name!r}: {json.dumps(value)}{f', {key}' if key else ''}: {message}") from error
    if _VALUES[name] is _Bounds and value[0] > value[1]:
        raise ValueError(f"check {name!r}: {json.dumps(value)}: the fewest come first, then the most")


def follows(text: str, checks: Mapping[str, Any]) -> bool:
    """Does `text` say anything, and pass every check?"""
    return bool(words(text)) and all(CHECKS[name](text.strip(), value) for name, value in checks.items())
