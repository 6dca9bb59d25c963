"""Finding an answer in what a model said: whole words, whole numbers, and not after a 'not'."""

import re
import unicodedata
from collections.abc import Sequence

_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛ʼ`´′", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—−", "-"))
# A number keeps its sign and decimals; a sign after a digit is a minus between two numbers, not a sign.
_NUMBER = re.compile(r"(?<![\w.])(?<!\d )-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_NEGATED = re.compile(r"(?:\bnot|\bnever|n't)(?: \w+){0,2} $")


def plain(text: str, case: bool = False) -> str:
    """`text` with straight quotes and hyphens, single spaces, and, unless `case` is kept, in lower case."""
    straight = " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())
    return straight if case else straight.casefold()


def words(text: str, case: bool = False) -> str:
    """`plain` text without any punctuation but apostrophes and hyphens inside words."""
    return " ".join(re.findall(r"\w+(?:['-]\w+)*", plain(text, case)))


def find_word(text: str, target: str, case: bool = False) -> int | None:
    """Where `target` first stands in `text` as whole words, or None; both are made `plain` first.

    "14" is not in "1994" or "14.5", "art" not in "start"; and where "not" comes at most two words before it (as in
    "not the Rhine"), it was denied, not given. Punctuation between the words of a longer target does not matter.
    """
    wanted = plain(target, case)
    body = words(text, case) if " " in wanted else plain(text, case)
    number = wanted[:1].isdigit() or wanted[-1:].isdigit()
    before = r"(?<![\w.,-])" if number else r"(?<!\w)"
    after = r"(?![\w-])(?![.,]\d)" if number else r"(?!\w)"
    for match in re.finditer(before + re.escape(wanted) + after, body):
        if not _NEGATED.search(body[: match.start()]):
            return match.start()
    return None


def mentions(text: str, targets: Sequence[str], rivals: Sequence[str] = (), case: bool = False) -> bool:
    """Is one of `targets` given in `text`, and before any of `rivals`?"""
    found = [at for target in targets if (at := find_word(text, target, case)) is not None]
    others = [at for rival in rivals if (at := find_word(text, rival, case)) is not None]
    return bool(found) and (not others or min(found) < min(others))


def equals(text: str, targets: Sequence[str], case: bool = False) -> bool:
    """Is `text`, punctuation aside, exactly one of `targets`? With `case`, capitals matter."""
    return any(words(text, case) == words(target, case) for target in targets)


def numbers(text: str) -> list[float]:
    """The numbers in `text`, in order: "1,200" is one, "-3" is negative, the 3 of "B3" is none."""
    return [float(match.group().replace(",", "")) for match in _NUMBER.finditer(plain(text))]


def answers_number(text: str, target: str, operands: Sequence[float]) -> bool:
    """Is the first number in `text` that does not merely repeat one of the question's `operands` the `target`?

    "17 + 25 = 42" and "42" answer 42; "41, no, 42" does not, for 41 was answered.
    """
    left = list(operands)
    for number in numbers(text):
        if number in left:
            left.remove(number)
        else:
            return number == float(target)
    return False
