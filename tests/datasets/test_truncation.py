"""Cut answers and stand-ins are known at every length; a short answer is not accused of being short."""

import pytest

from venire.datasets.truncation import is_cut


@pytest.mark.parametrize("text", ["...", "…", "-", "N/A", "null", "TODO", "[empty]", "<placeholder>"])
def test_what_stands_in_for_an_answer_is_none(text: str) -> None:
    assert is_cut(text, ended=False)


@pytest.mark.parametrize(
    "text",
    [
        "Because I",
        "I'm sorry, but I can't help with",
        "He walked down to the quay and then he",
        "Bread, milk,",
        "Do this:\n1. Be kind.\n2. It is",
        "Do this:\n1. Wash the cup.\n2. Dry the cup.\n3. Put the",
    ],
)
def test_a_loose_end_is_seen_at_every_length_and_in_a_list(text: str) -> None:
    assert is_cut(text, ended=True)


@pytest.mark.parametrize(
    "text",
    [
        *("Yes", "Paris", "No.", "None", "Come in", "The", "Vitamin A", "You and I", "Yes, it is", "42", "+", "👍"),
        *("Buy:\n- bread\n- butter", "1. Do it.\n2. Then go", "Like this:\n\ndef f():\n    return 1"),
    ],
)
def test_a_short_answer_and_a_list_without_stops_are_whole(text: str) -> None:
    assert not is_cut(text, ended=True)
