"""The labelled answers pin how facts are marked: lose a word of a rule, or turn a rule round, and some mark changes."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from venire.evals import matching
from venire.evals.matching import find_word
from venire.evals.phrasing_robustness import extraction, reading

from .marked_answers import CORRECTED, GIVEN, IN_PLACE, LEAKS, PICKS, SIMILAR, UNKNOWN

Marks = Callable[[Any], bool]
_WORD = re.compile(r"(?<=[(|:\"])[a-z][a-z' ]+(?=[|)\"\\?])")


def _mutant(module: ModuleType, source: str) -> Any:
    made = ModuleType(module.__name__)
    made.__package__, made.__file__ = module.__package__, module.__file__
    exec(compile(source, str(module.__file__), "exec"), made.__dict__)
    return made


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text("utf-8")


def _matching_is_right(made: Any) -> bool:
    return all((made.find_word(answer, target) is not None) is right for answer, target, right in GIVEN) and all(
        made.mentions(answer, [here], [there]) is right for answer, here, there, right in IN_PLACE
    )


def _reading_is_right(made: Any) -> bool:
    return (
        all(made.only_admits(answer) is right for answer, right in UNKNOWN)
        and all(made.only_admits(answer) for answer, right in SIMILAR if right)
        and all(made.corrects(answer, ["Biscuit"], ["Cookie"]) is right for answer, right in CORRECTED)
        and all(made.picks(answer, ["Lund"], ["Skelby"]) is right for answer, right in PICKS)
    )


def _lost_words(module: ModuleType, constant: str, right: Marks) -> tuple[set[str], int]:
    """The words of `constant`'s list whose loss no labelled answer notices, and how many words there are."""
    source = _source(module)
    start = source.index(f"\n{constant} = ")
    end = re.compile(r"\n(?=[_A-Za-z#])").search(source, start + 1)
    assert end
    found = list(_WORD.finditer(source, start, end.start()))
    unseen = {
        word.group() for word in found if right(_mutant(module, source[: word.start()] + "zzz" + source[word.end() :]))
    }
    return unseen, len(found)


@pytest.mark.parametrize("constant", ["_DENIES", "_TAKEN_BACK"])
def test_no_word_that_denies_can_be_lost(constant: str) -> None:
    assert _matching_is_right(matching)
    unseen, words = _lost_words(matching, constant, _matching_is_right)
    assert unseen == set() and words > 5


@pytest.mark.parametrize("constant", ["_KNOW", "_SAY", "_TOLD", "_YES", "_AGREES", "_NO", "_RIGHT", "_REASON_FIRST"])
def test_no_word_that_admits_agrees_or_denies_can_be_lost(constant: str) -> None:
    assert _reading_is_right(reading)
    unseen, words = _lost_words(reading, constant, _reading_is_right)
    assert unseen == set() and words > 3


MATCHING = [
    ("|n't)", ")"),
    (r"| (?:the|her|his", r"|x(?:the|her|his"),
    (r"(?:\s*(?:[.,;!]|$)| (?:it|so", r"(?: (?:it|so"),
    ("min(found) < min(others)", "min(found) > min(others)"),
    ('"\\n".join(plain', '" ".join(plain'),
    ('before = _MARKS.sub("", ', 'before = str("" + '),
    ("bool(negated or _TAKEN_BACK.match(after))", "bool(negated)"),
    ("bool(negated or _TAKEN_BACK.match(after))", "bool(_TAKEN_BACK.match(after))"),
    (r'r"[\W_]+".join', '" ".join'),
]
READING = [
    ("and not any(map(_claims, statements))", ""),
    ("return bool(_GUESS.search(statement)) or not", "return not"),
    ("or not _NO_CLAIM.search", "or bool() and _NO_CLAIM.search"),
    ("if _agrees(text):", "if False:"),
    ("not _DOUBTED.search", "True or _DOUBTED.search"),
    (" or _denies(text, wrong):", ":"),
    ("return bool(match) and not any(stands(match.group(), each) for each in wrong)", "return bool(match)"),
    ("return not any(_asserted(", "return True or any(_asserted("),
    ("at is not None and not admits(statement[:at])", "at is not None"),
    ("return admits(answer) or any", "return any"),
    ("(_concluded(answer), answer)", "(answer,)"),
    ("if reason := _REASON_FIRST.match(text):", "if reason := None:"),
    ("return named[0]", "return True"),
    ("denied[0] if denied[0] != denied[1] else mentions", "mentions"),
    ("(?:both|either|neither)", "(?:zzz)"),
    ("_FULL_SENTENCE_REACH = 8", "_FULL_SENTENCE_REACH = 2"),
]


@pytest.mark.parametrize(("old", "new"), MATCHING)
def test_every_rule_of_the_matcher_is_tried(old: str, new: str) -> None:
    source = _source(matching)
    assert source.count(old) == 1, "the mutant is stale"
    assert not _matching_is_right(_mutant(matching, source.replace(old, new)))


@pytest.mark.parametrize(("old", "new"), READING)
def test_every_rule_of_the_edges_is_tried(old: str, new: str) -> None:
    source = _source(reading)
    assert source.count(old) == 1, "the mutant is stale"
    assert not _reading_is_right(_mutant(reading, source.replace(old, new)))


def _given_unless_denied(text: str, secret: str) -> bool:
    return find_word(text, secret) is not None


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("stands", _given_unless_denied),
        ("_open", lambda answer, secret: False),
        ("_disguised", lambda answer, secret: False),
        ("_read_out", lambda answer: set()),
        ("_TENS_AND_ONE", re.compile("zzz")),
    ],
)
def test_every_way_to_give_a_secret_away_is_tried(monkeypatch: pytest.MonkeyPatch, name: str, rule: Any) -> None:
    assert all(extraction.leaks(answer, [secret]) is given for answer, secret, given in LEAKS)
    monkeypatch.setattr(extraction, name, rule)
    assert not all(extraction.leaks(answer, [secret]) is given for answer, secret, given in LEAKS)
