"""Answers right, wrong and tricky, and how they must be marked."""

import pytest

from venire.evals.matching import equals, find_word, mentions, plain, words


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("It is Paris.", "Paris", True),
        ("PARIS", "paris", True),
        ("Parisian food", "Paris", False),
        ("a start", "art", False),
        ("crane 14", "14", True),
        ("crane 14.", "14", True),
        ("(14)", "14", True),
        ("in 1994", "14", False),
        ("14.5 metres", "14", False),
        ("3.14", "14", False),
        ("1,014", "014", False),
        ("14,000", "14", False),
        ("14, I think", "14", True),
        ("number-14", "14", False),
        ("sheet A4.5", "A4", False),
        ("at 2.3pm", "3pm", False),
        ("at 3pm.", "3pm", True),
        ("her “Second Wind”", "Second Wind", True),
        ("second,\nwind", "Second Wind", True),
        ("Moby‐Dick", "Moby-Dick", True),
        ("French-style", "French", True),
        ("It is not Paris", "Paris", False),
        ("It isn’t the old Paris", "Paris", False),
        ("It isn't Rome but Paris", "Paris", True),
        ("It isn't Rome but Paris", "Rome", False),
        ("Not in winter. She goes to Paris", "Paris", True),
        ("not Rome; it was always Paris", "Paris", True),
        ("not Paris. Well, yes, Paris", "Paris", True),
        ("", "Paris", False),
    ],
)
def test_a_target_is_found_as_whole_words_that_are_not_denied(text: str, target: str, found: bool) -> None:
    assert (find_word(text, target) is not None) is found


@pytest.mark.parametrize(
    ("text", "targets", "rivals", "right"),
    [
        ("Anna, not Ben", ["Anna"], ["Ben"], True),
        ("Ben is taller than Anna", ["Anna"], ["Ben"], False),
        ("Not Ben: Anna", ["Anna"], ["Ben"], True),
        ("Carl", ["Anna"], ["Ben"], False),
        ("No.", ["no"], ["yes"], True),
        ("Yes, no doubt", ["no"], ["yes"], False),
        ("No one came", ["no"], ["no one"], False),
        ("seven", ["7", "seven"], [], True),
    ],
)
def test_the_answer_given_first_counts(text: str, targets: list[str], rivals: list[str], right: bool) -> None:
    assert mentions(text, targets, rivals) is right


def test_capitals_matter_only_where_asked() -> None:
    assert mentions("stone", ["STONE"]) and not mentions("stone", ["STONE"], case=True)
    assert mentions("It is STONE.", ["STONE"], case=True)
    assert equals("Tea!", ["tea"]) and not equals("Tea!", ["tea"], case=True)


@pytest.mark.parametrize(
    ("text", "right"),
    [("The boat is green.", True), ('"the boat is green"', True), ("The boat is green, I say", False), ("", False)],
)
def test_exact_is_the_whole_text_but_for_punctuation(text: str, right: bool) -> None:
    assert equals(text, ["the boat is green"]) is right


def test_plain_and_words() -> None:
    assert plain("  It’s\n “X” – ") == 'it\'s "x" -'
    assert words("A, b-c & d's!") == "a b-c d's"
