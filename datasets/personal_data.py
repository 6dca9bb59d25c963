"""Personal data in a text: names, houses, e-mail, phone numbers, accounts, keys. By pattern, so it misses and errs.

What is found is shown masked: a check's output must not spread what it warns of.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["key", "email", "phone", "account", "address", "name"]

_KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:sk|pk|rk)[-_](?:live[-_]|test[-_]|ant[-_]|proj[-_])?[A-Za-z0-9_-]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}|\bhf_[A-Za-z0-9]{30,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"
    r"|\b(?:password|passwort|passwd|api[_ -]?key|secret[_ -]?key|access[_ -]?token)\s*(?:is|[:=])\s*['\"]?"
    r"(?=[^\s'\"]*\d)[^\s'\"]{6,}",
    re.IGNORECASE,
)
# No more than 64 characters before the @, as the standard has it: without an end, a long text takes quadratic time.
_EMAIL = re.compile(r"\b[\w.+%-]{1,64}@(?!example\.)(?:[\w-]+\.)+(?!example\b|test\b|invalid\b)[A-Za-z]{2,}\b")
# With a country's or an area's mark, or in groups that no price and no year has; another bare run of digits is more
# often a sum than a phone.
_PHONE = re.compile(
    r"(?<![\w.+])(?:\+\d{1,3}[ ().-]{0,2}(?:\d[ ().-]{0,2}){6,12}\d|\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,5}"
    r"|\d{3}[-. ]\d{3}[-. ]\d{4}|0[1-9]\d{8,9}|0\d{2,5}[ /-]\d{3,4}[ -]?\d{2,5}(?:[ -]\d{2,4})?)(?![\w.]*\w)"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.]*\w)")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
# A house: its number and its street, in the order of English or of German.
_STREET = r"(?:Street|St|Road|Rd|Lane|Avenue|Ave|Drive|Crescent|Terrace|Boulevard|Blvd)"
_ADDRESS = re.compile(
    rf"\b\d{{1,4}}[A-Za-z]?,? (?:[A-Z][a-z'’]+ ){{1,3}}{_STREET}\b"
    r"|\b[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|gasse|weg|platz|allee) \d{1,4}[a-z]?\b"
)
_HOUSE = re.compile(r"\d[A-Za-z]?,? [A-Z]|(?:straße|strasse|gasse|weg|platz|allee) \d")
# Two capitalised words in a row, or one after a title.
_TITLE = r"(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme)"
_WORD = rf"(?!{_TITLE}\b)(?:[OD]['’])?[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:-[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+)?"
_RUN = re.compile(rf"\b(?:{_TITLE}\.? )?{_WORD}(?: {_WORD})+\b|\b{_TITLE}\.? {_WORD}\b")
# Words that stand with a capital and are no part of a person's name.
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        "I A An The This That These Those My Your His Her Our Their It He She We They You What Which Who Whose When "
        "Where Why How Is Are Was Were Am Do Does Did Can Could Would Should Will May Must Might Have Has Had Be Been "
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July August "
        "September October November December North South East West New Old Great Saint San Los United States Kingdom "
        "Street Road Avenue Lane River Lake Mount Sea Ocean Island University College School Hospital Museum Church "
        "Bank Company Party Court Union War Day Year Christmas Easter English French German Spanish Italian Russian "
        "Chinese Japanese American British European African Asian Roman Greek Latin Python Java Windows Google Celsius "
        "Fahrenheit World And But If So Then No Yes Not Or For From To In On At By With About After Before As Of Once "
        "Since Until While Because Though Ask Tell Let Give Say Call Put Take Make Name Please Dear Thanks Hello Hi "
        "Good Some Any Many Most All Both Each Every Other Another Nobody Everybody Somebody Anybody",
    )
)


@dataclass(frozen=True)
class Found:
    """One piece of personal data: what kind, and enough of it to find it again. `text` is whole only for names."""

    kind: Kind
    text: str


def find_personal(text: str, allowed: frozenset[str] = frozenset()) -> Iterator[Found]:
    """What in `text` may be personal, the kinds in the order of their weight; what is `allowed` (lower case) is not."""
    for kind, match in _matches(text):
        if match.casefold() not in allowed:
            yield Found(kind, match if kind == "name" else mask(match))


def mask(text: str) -> str:
    """The ends of a text: "an…rg"."""
    return f"{text[:2]}…{text[-2:]}" if len(text) > 6 else "…"


# Cheap signs, without which the dearer patterns need not be tried: most texts have none of them.
_KEY_SIGNS = (
    "BEGIN",
    "sk-",
    "pk-",
    "rk-",
    "sk_",
    "pk_",
    "rk_",
    "AKIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat",
    "glpat",
    "xox",
    "AIza",
    "hf_",
    "eyJ",
)
_KEY_WORDS = re.compile(r"(?:pass|key|token|PASS|KEY|TOKEN|Pass|Key)")
_SEVEN_DIGITS = re.compile(r"\d(?:[ ()./-]{0,3}\d){6}")
_TWO_CAPITALS = re.compile(r"[A-ZÀ-ÖØ-Þ]\S{1,80} [A-ZÀ-ÖØ-Þ]")  # with an end, for texts without a space


def _matches(text: str) -> Iterator[tuple[Kind, str]]:
    if _may_hold_a_key(text):
        for match in _KEYS.finditer(text):
            yield "key", match.group()
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield "email", match.group()
    if _SEVEN_DIGITS.search(text):
        yield from _numbers(text)
    if _HOUSE.search(text):
        for match in _ADDRESS.finditer(text):
            yield "address", match.group()
    if _TWO_CAPITALS.search(text):
        for match in _RUN.finditer(text):
            for name in _names(match.group()):
                yield "name", name


def _may_hold_a_key(text: str) -> bool:
    # All signs but three have a stroke or a dash in them, or stand beside one.
    dashed = "-" in text or "_" in text or "AKIA" in text or "AIza" in text or "eyJ" in text
    return (dashed and any(sign in text for sign in _KEY_SIGNS)) or bool(_KEY_WORDS.search(text))


def _names(run: str) -> Iterator[str]:
    """The names in a run of capitalised words: two words or more that may be a name, or one with its title."""
    words: list[str] = []
    for word in [*run.split(), ""]:
        if word and word not in _NO_NAMES:
            words.append(word)
            continue
        if len(words) >= 2:
            yield " ".join(words)
        words = []


def _numbers(text: str) -> Iterator[tuple[Kind, str]]:
    seen: list[tuple[int, int]] = []
    tests: tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...] = (
        ("account", _IBAN, _is_iban),
        ("account", _CARD, _is_card),
        ("account", _SSN, bool),
        ("phone", _PHONE, _is_phone),
    )
    for kind, pattern, holds in tests:
        for match in pattern.finditer(text):
            start, end = match.span()
            if holds(match.group()) and all(end <= low or high <= start for low, high in seen):
                seen.append((start, end))
                yield kind, match.group().strip()


def _is_phone(text: str) -> bool:
    """No row of noughts and ones, and no counting up."""
    digits = "".join(filter(str.isdigit, text))
    return len(set(digits)) > 2 and digits not in "01234567890123456789"


def _is_iban(text: str) -> bool:
    """ISO 13616: the first four characters to the end, letters as numbers, modulo 97 gives 1."""
    bare = text.replace(" ", "")
    return 15 <= len(bare) <= 34 and int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """Luhn's sum, and no run of one digit."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 3
