"""Finding an answer in what a model said: whole words, and not where they are denied."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛ʼ`´′", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—−", "-"))
# What denies a target at most `reach` words later, in one clause: punctuation and a turn ("but", "only") end its reach.
_DENIES = r"(?:\b(?:not|never|cannot|neither|nor|instead of|rather than|unlike)|n't)"
_TURN = r"(?:but|only|just|merely|doubt|deny|wrong|mistaken)\b"
# What takes back a target that stands before it: "X? No", "X, no, …", "X, but that is wrong", "X is not the name".
_TAKEN_BACK = re.compile(
    r"[^.!?;\n]*\?[\s-]*(?:no(?! (?:doubt|question|one)\b)|nope|not|never|wrong"
    r"|(?:it|that|this) (?:isn't|is not|wasn't|was not|can't|cannot))\b"
    r"|\s*(?:\.\.\.|[,;-])\s*(?:no|nope)(?:[,.;:!-]|\s*$| (?:wait|sorry)\b)"
    r"|,?(?: (?:but|and|which|that|this|it))*(?: (?:is|was)|'s) (?:wrong|incorrect|false|mistaken)\b"
    r"|(?: (?:is|was) not| isn't| wasn't|,? (?:but |and )*(?:it|that|this) (?:is|was) not)"
    r"(?:\s*(?:[.,;!]|$)| (?:it|so|right|correct|true)\b"
    r"| (?:the|her|his|its|their|what|where|who)\b(?! (?:only|most|first|last|\w+est)\b))"
)
_MARKS = re.compile(r'[*_"`()]')  # emphasis and quotes, which neither end a clause nor make a word
_NEAR = 80  # characters on either side within which a denial is looked for


def plain(text: str, case: bool = False) -> str:
    """`text` with straight quotes and hyphens, single spaces, and, unless `case` is kept, in lower case."""
    straight = " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())
    return straight if case else straight.casefold()


def words(text: str, case: bool = False) -> str:
    """`plain` text without any punctuation but apostrophes and hyphens inside words."""
    return " ".join(re.findall(r"\w+(?:['-]\w+)*", plain(text, case)))


def find_word(text: str, target: str, case: bool = False, reach: int = 2) -> int | None:
    """Where `target` is first given in `text` as whole words, or None; both are made `plain` first, line by line.

    "14" is not in "1994" or "14.5", "art" not in "start". A target that was denied is not given: where "not" comes at
    most `reach` words before it in its clause ("not the Rhine", but not "not the Rhine but the Rhone"), or where it is
    taken back ("The Rhine? No"). Punctuation between the words of a longer target does not matter.
    """
    body = _lines(text, case)
    return next((at for at, end in _places(body, target, case) if not _denied(body, at, end, reach)), None)


def stands(text: str, target: str, case: bool = False) -> bool:
    """Does `target` stand in `text` as whole words, denied or not?"""
    return any(_places(_lines(text, case), target, case))


def _lines(text: str, case: bool) -> str:
    return "\n".join(plain(line, case) for line in text.splitlines())


def _places(body: str, target: str, case: bool) -> Iterator[tuple[int, int]]:
    """Where `target` begins and ends in `body`, each time."""
    wanted = plain(target, case)
    number = wanted[:1].isdigit() or wanted[-1:].isdigit()
    before = r"(?<![\w.,-])" if number else r"(?<!\w)"
    after = r"(?![\w-])(?![.,]\d)" if number else r"(?!\w)"
    spread = r"[\W_]+".join(map(re.escape, words(wanted, case).split())) if " " in wanted else re.escape(wanted)
    return (match.span() for match in re.finditer(before + spread + after, body))


def _denied(body: str, start: int, end: int, reach: int) -> bool:
    before = _MARKS.sub("", body[max(0, start - _NEAR) : start]).casefold()
    after = _MARKS.sub("", body[end : end + _NEAR]).casefold()
    negated = re.search(_DENIES + r"(?: (?!" + _TURN + r")[\w'-]+){0," + str(reach) + r"} $", before)
    return bool(negated or _TAKEN_BACK.match(after))


def mentions(text: str, targets: Sequence[str], rivals: Sequence[str] = (), case: bool = False) -> bool:
    """Is one of `targets` given in `text`, and before any of `rivals`?"""
    found = [at for target in targets if (at := find_word(text, target, case)) is not None]
    others = [at for rival in rivals if (at := find_word(text, rival, case)) is not None]
    return bool(found) and (not others or min(found) < min(others))


def equals(text: str, targets: Sequence[str], case: bool = False) -> bool:
    """Is `text`, punctuation aside, exactly one of `targets`? With `case`, capitals matter."""
    return any(words(text, case) == words(target, case) for target in targets)
