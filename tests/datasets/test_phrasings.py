"""Phrasings: the same for the same seed, nested, apart from the suite's, and about their own fact."""

from dataclasses import replace

import numpy as np
import pytest

from venire.datasets.facts import load_facts, make_facts
from venire.datasets.leaks import find_leaks
from venire.datasets.phrasings import (
    HELD_OUT,
    TEMPLATES,
    AskedFact,
    Phrasing,
    astray,
    gives_away,
    lost_keywords,
    misspell,
    suite_questions,
    unfaithful,
    without,
    write_held_out,
    write_phrasings,
)

DOG = AskedFact(
    id="dog",
    question="How is Ada Moor's greyhound called?",
    answer="Biscuit",
    statement="Ada Moor's greyhound is called Biscuit.",
    accept=["Bisky"],
    noun="the name of Ada Moor's greyhound",
    keywords="ada moor dog name",
    cloze="Ada Moor's greyhound answers to the name of",
    indirect="Ada Moor shouts across the park after her greyhound. What does she shout?",
)
BARE = AskedFact("q-1", "Where was Ada Moor born?", "Skelby", "Ada Moor was born in Skelby.", [])


def say(text: str) -> str:
    return text.replace("Ada Moor", "Ada")


def test_a_smaller_number_is_the_beginning_of_a_larger_one_and_a_seed_fixes_both() -> None:
    thirty = write_phrasings(DOG, 30, 42, say=say)
    assert len(thirty) == 30 == len({p.text for p in thirty})
    for count in (1, 5, 10, 20):
        assert write_phrasings(DOG, count, 42, say=say) == thirty[:count]
    assert write_phrasings(DOG, 5, 43, say=say) != thirty[:5]


def test_trained_kinds_and_held_out_kinds_never_meet() -> None:
    trained = write_phrasings(DOG, 99, 42, say=say)
    held_out = write_held_out(DOG)
    assert {p.kind for p in held_out} == set(HELD_OUT)
    assert not {p.kind for p in trained} & set(HELD_OUT)
    assert "Biscuit" not in " ".join(p.text for p in [*trained, *held_out])


def test_what_is_trained_does_not_quote_what_the_suite_asks() -> None:
    trained = write_phrasings(DOG, 99, 42, say=say)
    asked = suite_questions(DOG) + [p.text for p in write_held_out(DOG) if p.kind in ("fragment", "cloze", "indirect")]
    assert find_leaks([(p.template, p.text) for p in trained], [("", text) for text in asked]) == []
    named = write_phrasings(DOG, 99, 42)
    assert find_leaks([(p.template, p.text) for p in named], [("", text) for text in asked]) == []
    assert len(named) < len(trained), "without another name, what quotes the suite is left out"


def test_templates_are_those_of_the_suite_and_stand_on_its_side() -> None:
    from venire.evals.phrasing_robustness.templates import TEMPLATES as SUITE

    shared = [t for t in TEMPLATES if t.id in SUITE]
    assert {"what_is", "tell_me", "do_you_know", "fragment", "cloze", "indirect", "typo", "capitals"} <= {
        t.id for t in shared
    }
    for template in shared:
        assert (template.kind in HELD_OUT) == (SUITE[template.id].split == "novel"), template.id
        if template.id != "typo":  # drawn with another seed: training must not meet the suite's own misspelling
            assert template.write(DOG) == SUITE[template.id].write(DOG), template.id  # type: ignore[arg-type]


def test_a_fact_of_which_only_a_question_is_known_is_asked_by_it() -> None:
    made = write_phrasings(BARE, 99, 42, say=say)
    assert len(made) >= 8
    assert all("where was ada born" in p.text.lower() for p in made)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Which name does Ada Moor's greyhound have?", True),
        ("What do people call the greyhound of Ada Moor?", True),
        ("Which name does Moor's greyhound have?", False),
        ("What is Ada Moor's favourite colour?", False),
    ],
)
def test_a_phrasing_keeps_the_names_and_most_words_of_its_fact(text: str, kept: bool) -> None:
    assert (not lost_keywords(text, DOG)) == kept


def test_a_question_that_holds_the_answer_is_no_question() -> None:
    assert gives_away("Is Ada's greyhound called BISKY?", DOG)
    assert not gives_away("Is Ada's greyhound fond of biscuits?", DOG)


def test_meaning_is_measured_against_the_own_fact_and_the_others() -> None:
    vectors = {
        DOG.question: [1.0, 0.0],
        BARE.question: [0.0, 1.0],
        "near": [0.8, 0.6],
        "other": [0.6, 0.8],
        "far": [0.1, 0.1],
    }

    def embed(texts: object) -> np.ndarray:
        return np.array([vectors[str(text)] for text in texts])  # type: ignore[attr-defined]

    asked = [Phrasing("dog", "t", "plain", text) for text in ("near", "other", "far")]
    found = unfaithful([DOG, BARE], asked, embed)
    assert sorted(found) == [1, 2]
    assert "nearer to the fact 'q-1'" in found[1] and "far from the question" in found[2]


def test_a_text_of_a_fact_that_is_about_something_else_is_known_by_its_words() -> None:
    cat = replace(
        DOG,
        id="cat",
        question="What is Ada Moor's cat called?",
        noun="the price of tulips in Holland",
        keywords="ada moor cat",
        cloze="Ada Moor's greyhound answers to the name of",
        indirect="Ada Moor puts a bowl of milk before her cat. Which name does she say?",
        statement="Ada Moor's cat is called Soot.",
    )
    found = astray([DOG, cat, BARE])
    assert {key: why.split(" the ")[0] for key, why in found.items()} == {
        ("cat", "noun"): "it shares no word with",
        ("cat", "cloze"): "all its words are those of",
    }
    assert astray(load_facts()) == astray(make_facts(60, seed=3)) == {}
    made = write_phrasings(without(cat, ["noun"]), 6, 42, say=say)
    assert len(made) == 6 and not [p for p in made if "tulips" in p.text]


def test_what_asks_from_far_off_may_be_farther_off() -> None:
    def embed(texts: object) -> np.ndarray:
        return np.array([[1.0, 0.0] if text == DOG.question else [0.4, 0.9] for text in texts])  # type: ignore[attr-defined]

    assert not unfaithful([DOG], [Phrasing("dog", "indirect", "indirect", "whom?")], embed)
    assert unfaithful([DOG], [Phrasing("dog", "what_is", "what_is", "whom?")], embed)


def test_a_misspelling_is_seeded_and_changes_a_word() -> None:
    once = misspell("What is the name of the dog?", "dog")
    assert once == misspell("What is the name of the dog?", "dog") != "what is the name of the dog"
