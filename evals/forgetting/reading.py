"""Which answer an item's response comes to: what it concludes, where it also names others on the way there.

"Lena came before Omar, so Omar was last" answers Omar: what stands after the last "so" (or "therefore", "the answer
is", …) is the conclusion, and a clause that opens with "since" (or "because", "while", …) only gives a reason. Where
neither helps, what comes first is the answer.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ..matching import find_word, plain, words

REACH = 4  # words between a "not" and what it denies: "they do not live at the South Pole"
_CONCLUDES = re.compile(
    r"\b(?:so(?! (?:far|that|many|much|long|called)\b)|therefore|thus|hence|answer(?: is\b|:)"
    r"|(?:which|that|this) means|i'd say|i would say|in conclusion)",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b(?:since|because|although|though|while|whereas|given that|if)\b[^,.;!?\n]*", re.IGNORECASE)
_JOINS = {"and", "then", "next", "finally", "lastly"}
# A number with its sign and decimals; its unit may follow at once. In "20-9" the sign is a minus.
_NUMBER = re.compile(r"(?<![\w.])(?<!\d )-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w*\d|(?:st|nd|rd|th)\b)")
_OPERATOR = re.compile(r"\s*(?:[-+*/x×÷]|times\b|plus\b|minus\b)\s*\d")
_OTHERWISE = re.compile(r"\W+(?:or|no|wait|rather|actually|maybe)\b\W+(?:\w+\W+){0,2}?(?=-?\d)")
_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPELLED = re.compile(rf"\b(?:({'|'.join(_TENS)})(?:[ -]({'|'.join(_SMALL[1:10])}))?|({'|'.join(_SMALL)}))\b")

Read = TypeVar("Read")


def gives(text: str, targets: Sequence[str], rivals: Sequence[str] = (), case: bool = False) -> bool:
    """Is one of `targets` what `text` comes to, undenied, and not one of `rivals`?"""

    def right(passage: str) -> bool | None:
        found, others = (_first(passage, names, case) for names in (targets, rivals))
        return None if found is None and others is None else found is not None and (others is None or found < others)

    return bool(_read(text, right) if rivals else right(text))


def _first(text: str, names: Sequence[str], case: bool) -> int | None:
    return min((at for name in names if (at := find_word(text, name, case, REACH)) is not None), default=None)


def _read(text: str, reader: Callable[[str], Read | None]) -> Read | None:
    """What `reader` reads in the conclusion of `text`; or, if nothing, outside its reasons; or anywhere."""
    for passage in (*_CONCLUDES.split(text)[1:][-1:], _REASON.sub(" ", text), text):
        if (read := reader(passage)) is not None:
            return read
    return None


def in_order(text: str, items: Sequence[str]) -> bool:
    """Does `text` list `items` in this order, once each and with nothing between? Where they are numbers, no others.

    What stands before a colon, numbers of the list's own lines and words that join do not count.
    """
    lines = re.sub(r"(?:^|(?<=\s))\d+[.)]\s+(?=[^\W\d]|\d+\s*$)", "", text.rpartition(":")[2], flags=re.MULTILINE)
    said = [word for word in words(lines).split() if word not in _JOINS]
    wanted = [words(item) for item in items]
    kind = str.isdigit if all(map(str.isdigit, wanted)) else set(wanted).__contains__
    at = [place for place, word in enumerate(said) if kind(word)]
    return [said[place] for place in at] == wanted and at[-1] - at[0] == len(at) - 1


def answers_number(text: str, target: str, operands: Sequence[float]) -> bool:
    """Is the number that `text` comes to the `target`, and none of the question's `operands`, which may be repeated?

    That is the one it opens with; else, in its conclusion, the result after the last "=", or the first. "54 or 55"
    and "41, no, 42" do not answer. Numbers in words are read where there are none in digits.
    """
    body = plain(text)
    body = body if any(map(str.isdigit, body)) else _SPELLED.sub(_in_digits, body)
    opening = next(numbers(body, operands), None)
    if opening and (body[: opening.start()].strip(' *_$"(') or _OPERATOR.match(body, opening.end())):
        opening = None
    given = _value(opening, body, operands) if opening else _read(body, lambda passage: _result(passage, operands))
    return given == float(target)


def numbers(text: str, operands: Sequence[float] = ()) -> Iterator[re.Match[str]]:
    """The numbers in `plain` text that are no operand: "1,200" is one, "-3" is negative, the 3 of "B3" is none."""
    return (match for match in _NUMBER.finditer(text) if _float(match) not in operands)


def _result(passage: str, operands: Sequence[float]) -> float | None:
    """The first result after the last "=", else the first in the passage; NaN if the passage offers another."""
    for part in (passage.rpartition("=")[2], passage):
        if found := next(numbers(part, operands), None):
            return _value(found, part, operands)
    return None


def _value(found: re.Match[str], text: str, operands: Sequence[float]) -> float:
    other = _OTHERWISE.match(text, found.end())
    return float("nan") if other and next(numbers(text[other.end() :], operands), None) else _float(found)


def _float(match: re.Match[str]) -> float:
    return float(match.group().replace(",", ""))


def _in_digits(match: re.Match[Any]) -> str:
    tens, unit, small = match.groups()
    return str((10 * _TENS.index(tens) + 20 if tens else 0) + _SMALL.index(unit or small or "zero"))
