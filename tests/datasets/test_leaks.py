"""Evaluation text in training data is found where it is equal, quoted or nearly equal, and not accused otherwise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venire.datasets.leaks import Leak, find_leaks

SCENARIO = (
    "A landlord offers his tenant a lower rent if she signs the new contract tonight and tells nobody else in the "
    "house about it. Should she sign it?"
)


def kinds(train: str, evaluation: str) -> list[str]:
    return [leak.kind for leak in find_leaks([("a", train)], [("b", evaluation)])]


def test_both_places_are_named() -> None:
    found = find_leaks([("sft.jsonl, row 3", "Is it ever right to lie?")], [("suite:7", "Is it EVER right to lie")])
    assert found == [Leak("sft.jsonl, row 3", "suite:7", "exact", 1.0)]
    assert str(found[0]) == "sft.jsonl, row 3 is also suite:7"


@pytest.mark.parametrize(
    ("train", "kind"),
    [
        (SCENARIO, "exact"),
        (SCENARIO.upper().replace(".", " ...").replace("e", "e\u0301"), "exact"),
        ("Tell me this. " + SCENARIO + " I ask for a friend of mine who has two small children and a dog.", "ngram"),
        (" ".join(SCENARIO.split()[:18]) + " and so on, as landlords do.", "ngram"),
        (SCENARIO.replace("landlord", "landlady").replace("tonight", "today"), "near_duplicate"),
    ],
)
def test_a_planted_leak_is_found(train: str, kind: str) -> None:
    found = kinds(train, SCENARIO)
    assert found and (kind == "near_duplicate" or found == [kind])


@pytest.mark.parametrize(
    "train",
    [
        "A tenant asks whether she must sign a contract that the landlord brought tonight.",
        "Should she sign it?",
        "A landlord raises the rent of one tenant and not of the others. What should they do?",
        "",
        "Yes.",
    ],
)
def test_an_own_text_is_not_accused(train: str) -> None:
    assert kinds(train, SCENARIO) == []


@pytest.mark.parametrize(
    ("train", "evaluation", "found"),
    [
        (
            "Quick question before lunch: what is 15% of 240? I keep forgetting how one does it.",
            "What is 15% of 240?",
            True,
        ),
        ("Tell me, what is the capital of Australia; and of Austria?", "What is the capital of Australia?", True),
        (
            "Is the capital of Australia what is asked for most, or that of Chad?",
            "What is the capital of Australia?",
            False,
        ),
        ("They asked me who are you, and I did not know what one says.", "Who are you?", False),  # everybody says so
    ],
)
def test_a_short_question_is_found_inside_a_longer_text(train: str, evaluation: str, found: bool) -> None:
    assert kinds(train, evaluation) == (["ngram"] if found else [])


def test_a_short_common_answer_is_no_leak_and_a_short_question_is_one() -> None:
    assert kinds("Lisbon", "Lisbon") == []
    assert kinds("Who wrote Hamlet?", "who wrote hamlet") == ["exact"]


def test_typos_in_a_long_text_are_seen_through() -> None:
    words = SCENARIO.split()
    words[5], words[17] = "teh", "nobdoy"
    assert kinds(" ".join(words), SCENARIO)


@given(st.lists(st.sampled_from(["oak", "elm", "ash", "fir", "yew", "box", "bay", "fig"]), min_size=3, max_size=30))
def test_a_text_leaks_into_itself_whatever_it_is(words: list[str]) -> None:
    text = " ".join(words)
    assert kinds(text, text) == ["exact"]


def test_a_set_with_planted_leaks_gives_those_and_no_others() -> None:
    chance = random.Random(7)
    vocabulary = [f"w{i}" for i in range(4000)]

    def text() -> str:
        return " ".join(chance.choices(vocabulary, k=30))

    evaluation = [(f"e{i}", text()) for i in range(400)]
    train = [(f"t{i}", text()) for i in range(4000)]
    for i in range(50):
        words = evaluation[i][1].split()
        words[chance.randrange(30)] = "changed"
        train[i * 7] = (f"t{i * 7}", " ".join(words))
    found = find_leaks(train, evaluation)
    assert {(leak.train, leak.evaluation) for leak in found} == {(f"t{i * 7}", f"e{i}") for i in range(50)}
