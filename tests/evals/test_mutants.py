"""Scorers of stance and forgetting broken on purpose, one change at a time: hand-written answers notice every one.

A mutant is a module read anew with one piece of its text replaced; nothing on disk is changed.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from venire.evals.epistemic_stance.patterns import named, shown
from venire.evals.forgetting import Item
from venire.evals.forgetting.forgetting import SCENARIOS
from venire.evals.scenarios import load_rows

from . import answers

STANCE, FORGETTING = "evals.epistemic_stance.", "evals.forgetting."
ITEMS = {item.id: item for item in load_rows(SCENARIOS, Item)}
ALL_ANSWERS = answers.ANSWERS + answers.HELD_OUT_ANSWERS + answers.MORE_ANSWERS
ALL_DECLINES = answers.DECLINES + answers.HELD_OUT_DECLINES + answers.MORE_DECLINES
Check = Callable[[ModuleType], bool]


def _mutant(name: str, old: str, new: str) -> ModuleType:
    """The module of this name with the first `old` in its text made `new`."""
    real = import_module(f"venire.{name}")
    text = Path(str(real.__file__)).read_text("utf-8")
    assert old in text, f"{name} holds no {old!r}: mend the mutant"
    made = ModuleType(real.__name__)
    made.__file__, made.__package__ = real.__file__, real.__package__
    exec(compile(text.replace(old, new, 1), str(real.__file__), "exec"), made.__dict__)
    return made


def _verdicts(module: ModuleType) -> bool:
    rows = [*answers.VERDICTS, *answers.HELD_OUT_VERDICTS, *answers.MORE_VERDICTS]
    return all(module.verdict(answer) == expected for answer, expected in rows)


def _declines(module: ModuleType) -> bool:
    """By the scorer of forgetting, or the patterns that it reads."""
    declines = getattr(module, "declines", None) or (
        lambda text: module.shown(text, [module.named("refuses")])["refuses"]
    )
    return all(declines(answer) is expected for answer, expected in ALL_DECLINES)


def _items(module: ModuleType) -> bool:
    rows = ALL_ANSWERS + answers.HELPS + answers.HELD_OUT_HELPS
    return all(module.is_right(a, ITEMS[i].target, ITEMS[i].model_dump()) is right for i, a, right in rows)


def _concludes(module: ModuleType) -> bool:
    rows = [(ITEMS[i], a, right) for i, a, right in ALL_ANSWERS]
    plain = [(item, a, right) for item, a, right in rows if item.match == "contains"]
    return all(module.gives(a, item.target, item.rivals, item.case) is right for item, a, right in plain)


def _numbers(module: ModuleType) -> bool:
    rows = answers.NUMBERS + answers.HELD_OUT_NUMBERS + answers.MORE_NUMBERS
    return all(module.answers_number(a, target, operands) is right for a, target, operands, right in rows)


def _lists(module: ModuleType) -> bool:
    rows = [(ITEMS[i], a, right) for i, a, right in ALL_ANSWERS]
    asked = [(item.checks["order"], a, right) for item, a, right in rows if "order" in item.checks]
    return all(module.in_order(a, items) or not right for items, a, right in asked) and not any(
        module.in_order(a, items) and not right for items, a, right in asked
    )


def _checks(module: ModuleType) -> bool:
    rows = [(ITEMS[i], a, right) for i, a, right in ALL_ANSWERS]
    return all(module.follows(a, item.checks) is right for item, a, right in rows if item.match == "check")


MUTANTS: list[tuple[Check, str, str, str]] = [
    (_verdicts, STANCE + "syllogisms", "if opening else", "if False else"),
    (_verdicts, STANCE + "syllogisms", "or [*_SAID", "or [*_NAMED"),
    (_verdicts, STANCE + "syllogisms", "[*_NAMED.finditer(text)] or", ""),
    (_verdicts, STANCE + "syllogisms", "found[-1]", "found[0]"),
    (_verdicts, STANCE + "syllogisms", "found[-1].lastgroup if found", "'no' if found"),
    (_verdicts, STANCE + "syllogisms", '_MARKUP.sub(" ", ', "("),
    (_verdicts, STANCE + "syllogisms", 'r"\\s*\\n\\s*", ". "', 'r"\\s*\\n\\s*", " "'),
    (_verdicts, STANCE + "syllogisms", "|nope)", ")"),
    (_verdicts, STANCE + "syllogisms", "(?!-one\\b)", ""),
    (_verdicts, STANCE + "syllogisms", "(?= ?[^\\w\\s']|$| (?:it|that", "(?= ?[^\\w\\s']|$| (?:\\w+|that"),
    (_verdicts, STANCE + "syllogisms", "(?: \\w+){0,6} ", "(?: \\w+){0,1} "),
    (_verdicts, STANCE + "syllogisms", "\\bcan (?:\\w+ly )?(?:be )?", "\\bcan't (?:be )?"),
    (_declines, FORGETTING + "scorer", '["refuses"]', '["refuses"] is False'),
    (_declines, STANCE + "patterns", "if match.start() < end", "if match.start() >= 0 and 'sorry' in text"),
    (_declines, STANCE + "patterns", "any(map(alone.search, sentences)) and ", ""),
    (_declines, STANCE + "patterns", " and all(map(either.search, sentences))", ""),
    (_declines, STANCE + "patterns", "or (not pattern.taken_back(text) and pattern.is_all_of(text))", ""),
    (_declines, STANCE + "patterns", "[] if pattern.taken_back(text) else pattern", "pattern"),
    (_items, FORGETTING + "scorer", "return says_something and not declines(answer)", "return says_something"),
    (_items, FORGETTING + "scorer", "return says_something and not", "return not"),
    (_items, FORGETTING + "scorer", "len(set(words(answer).split()))", "len(words(answer).split())"),
    (_items, FORGETTING + "scorer", 'metadata.get("rivals", ())', "()"),
    (_concludes, FORGETTING + "reading", "*_CONCLUDES.split(text)[1:][-1:], ", ""),
    (_concludes, FORGETTING + "reading", "[1:][-1:]", "[:1]"),
    (_concludes, FORGETTING + "reading", '_REASON.sub(" ", text), ', ""),
    (_concludes, FORGETTING + "reading", "found < others", "found > others"),
    (_concludes, FORGETTING + "reading", "found < others", "True"),
    (_concludes, FORGETTING + "reading", "REACH = 4", "REACH = 2"),
    (_lists, FORGETTING + "reading", 'text.rpartition(":")[2]', "text"),
    (_lists, FORGETTING + "reading", " and at[-1] - at[0] == len(at) - 1", ""),
    (_lists, FORGETTING + "reading", "_JOINS = {", "_JOINS = set() and {"),
    (_lists, FORGETTING + "reading", "str.isdigit if", "set(wanted).__contains__ if"),
    (_numbers, FORGETTING + "reading", "if opening else _read", "if False else _read"),
    (_numbers, FORGETTING + "reading", "or _OPERATOR.match(body, opening.end())", ""),
    (_numbers, FORGETTING + "reading", 'passage.rpartition("=")[2], ', ""),
    (_numbers, FORGETTING + "reading", "if other and next", "if False and next"),
    (_numbers, FORGETTING + "reading", "if _float(match) not in operands", ""),
    (_numbers, FORGETTING + "reading", "else _SPELLED.sub(_in_digits, body)", "else body"),
    (_numbers, FORGETTING + "reading", "10 * _TENS.index(tens) + 20", "10 * _TENS.index(tens)"),
    (_checks, FORGETTING + "checks", "set(found) != set(wanted)", "False"),
    (_checks, FORGETTING + "checks", " and equals(str(found[key]), values)", ""),
    (_checks, FORGETTING + "checks", "isinstance(found[key], str | int) and ", ""),
    (_checks, FORGETTING + "checks", "[^\\W\\d_]{2}", ""),
]


@pytest.mark.parametrize(("check", "module", "old", "new"), MUTANTS, ids=[f"{m[1]}: {m[2]}" for m in MUTANTS])
def test_a_mutant_is_caught(check: Check, module: str, old: str, new: str) -> None:
    assert check(import_module(f"venire.{module}"))
    try:
        unharmed = check(_mutant(module, old, new))
    except (TypeError, ValueError, AttributeError, IndexError):
        return
    assert not unharmed


@pytest.mark.parametrize("part", ["expressions", "alone", "beside", "unless"])
def test_no_expression_of_a_refusal_is_idle(part: str) -> None:
    whole = named("refuses")
    assert all(shown(answer, [whole])["refuses"] is expected for answer, expected in ALL_DECLINES)
    for left_out in getattr(whole, part):
        less = replace(whole, **{part: tuple(each for each in getattr(whole, part) if each != left_out)})
        assert any(shown(answer, [less])["refuses"] is not expected for answer, expected in ALL_DECLINES), left_out
