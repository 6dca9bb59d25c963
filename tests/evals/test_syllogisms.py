"""Syllogisms: what follows from what is checked by trying every small world; verdicts are read from free text."""

import itertools
import re

import pytest

from venire._common.errors import InputError
from venire.evals.epistemic_stance import make_syllogisms, verdict
from venire.evals.epistemic_stance.syllogisms import FORMS, Form

from .answers import HELD_OUT_VERDICTS, MORE_VERDICTS, VERDICTS


def _statement(text: str, world: dict[str, set[int]]) -> bool:
    """Is "All A are B", "No a is a b" or "Some A are B" true of a world of sets?"""
    kind, first, second = re.fullmatch(r"(all|no|some) \{(\w)\} (?:are|is a) \{(\w)\}", text.lower()).groups()  # type: ignore[union-attr]
    a, b = world[first], world[second]
    return {"all": a <= b, "no": not a & b, "some": bool(a & b)}[kind]


def _class_form_is_valid(form: Form) -> bool:
    premises = [sentence.strip().lower() for sentence in form.premises.split(".") if sentence.strip()]
    subsets = [set(chosen) for size in range(4) for chosen in itertools.combinations(range(3), size)]
    worlds = ({"a": a, "b": b, "c": c} for a, b, c in itertools.product(subsets, repeat=3))
    return all(
        _statement(form.conclusion.lower(), world) for world in worlds if all(_statement(p, world) for p in premises)
    )


def _holds(sentence: str, world: dict[str, bool]) -> bool:
    """Is "If {x}, then {y}", "Either {x} or {y}, or both" or "Now {x}" true of a world of states?"""
    states = [world[name] if name.islower() else not world[name.lower()] for name in re.findall(r"\{(\w)\}", sentence)]
    match sentence.split()[0]:
        case "If":
            return states[1] or not states[0]
        case "Either":
            return states[0] or states[1]
        case _:
            return states[0]


def _state_form_is_valid(form: Form) -> bool:
    premises = [sentence.strip() for sentence in form.premises.split(".") if sentence.strip()]
    worlds = (dict(zip("abc", values, strict=True)) for values in itertools.product([True, False], repeat=3))
    return all(_holds(form.conclusion, world) for world in worlds if all(_holds(p, world) for p in premises))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_is_marked_valid_exactly_if_no_world_refutes_it(form: Form) -> None:
    assert form.valid is (_state_form_is_valid(form) if form.states else _class_form_is_valid(form))


def test_half_are_valid_at_every_even_length() -> None:
    for count in range(2, 62, 2):
        answers = [each.target for each in make_syllogisms(count, seed=3)]
        assert answers.count(["yes"]) == answers.count(["no"]) == count // 2


def test_the_target_is_what_the_form_is_and_the_words_are_of_its_kind() -> None:
    forms = {form.name: form for form in FORMS}
    for made in make_syllogisms(4 * len(FORMS), seed=5):
        form = forms[str(made.family)]
        assert made.target == (["yes"] if form.valid else ["no"])
        assert made.prompt.startswith(("If the ", "Either the ") if form.states else ("All ", "No ", "Some "))
        assert ("the " in made.prompt.split(" Does it follow")[0]) == form.states


def test_ids_are_the_seed_and_the_place() -> None:
    assert [each.id for each in make_syllogisms(2, seed=5)] == ["syllogism-5-001", "syllogism-5-002"]


def test_the_seed_decides_and_a_longer_list_begins_with_the_shorter() -> None:
    assert make_syllogisms(20, seed=7) == make_syllogisms(60, seed=7)[:20]
    assert make_syllogisms(20, seed=7) != make_syllogisms(20, seed=8)
    assert make_syllogisms(1, seed=7)[0].prompt == make_syllogisms(1, seed=7)[0].prompt


def test_all_are_distinct_and_forms_are_the_families() -> None:
    made = make_syllogisms(200, seed=7)
    assert len({each.prompt for each in made}) == len({each.id for each in made}) == 200
    assert {each.family for each in made} == {form.name for form in FORMS}
    assert not any("{" in each.prompt for each in made)


def test_none_is_refused() -> None:
    with pytest.raises(InputError, match="1 or more"):
        make_syllogisms(0, seed=7)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Yes.", "yes"),
        ("yes, it does", "yes"),
        ("No, it does not follow.", "no"),
        ("It doesn’t follow.", "no"),
        ("It follows.", "yes"),
        ("Yes, no baker is a diver.", "yes"),
        ("No weaver is a rower, so yes.", "yes"),
        ("The argument is invalid.", "no"),
        ("The argument is valid.", "yes"),
        ("Not necessarily.", "no"),
        ("I don't think it follows.", "no"),
        ("That cannot be concluded.", "no"),
        ("We can't say that. No", "no"),
        ("Weavers are nice people.", None),
        ("no weaver is a rower", None),
        ("Yesterday I knew.", None),
        ("Nobody.", None),
        ("", None),
        *VERDICTS,
        *MORE_VERDICTS,
        *HELD_OUT_VERDICTS,
    ],
)
def test_the_verdict_is_what_it_opens_with_or_names_or_says_last(response: str, expected: str | None) -> None:
    assert verdict(response) == expected
