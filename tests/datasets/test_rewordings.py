"""By meaning: short questions must be nearer than long ones, other numbers ask another thing, near is not the same."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from venire.datasets.rewordings import Rewordings, find_rewordings

LONG = "A landlord offers his tenant a lower rent if she signs tonight and tells nobody. Should she sign?"
SHORT = "How many wheels has a bicycle?"
SUM = "The train leaves at 10:15 and takes 30 minutes, so when does it arrive in the town of Brno at last?"


def at_cosine(cosine: float, asked: str) -> Callable[[Sequence[str]], np.ndarray]:
    """Vectors in which every other text has this cosine with `asked`."""

    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if text == asked else [cosine, np.sqrt(1 - cosine**2)] for text in texts])

    return embed


def compared(train: str, asked: str, cosine: float) -> Rewordings:
    return find_rewordings([("row 1", train)], [("suite:7", asked)], at_cosine(cosine, asked))


@pytest.mark.parametrize(
    ("asked", "cosine", "found"),
    [
        (LONG, 0.70, "accused"),
        (LONG, 0.60, "near"),
        (LONG, 0.50, "neither"),
        (SHORT, 0.90, "accused"),
        (SHORT, 0.80, "near"),
        (SHORT, 0.70, "neither"),
    ],
)
def test_the_shorter_a_question_the_nearer_it_must_be(asked: str, cosine: float, found: str) -> None:
    made = compared(
        "Somebody asks this in quite other words than those, and at some length, I should say.", asked, cosine
    )
    assert ("accused" if made.leaks else "near" if made.near else "neither") == found
    for leak in (*made.leaks, *made.near):
        assert (leak.train, leak.evaluation, leak.score) == ("row 1", "suite:7", cosine)


def test_a_few_words_of_training_are_no_long_question() -> None:
    assert compared("landlord lower rent tonight tell nobody sign", LONG, 0.70).leaks
    assert not compared("What is rent?", LONG, 0.70).leaks


@pytest.mark.parametrize(
    ("train", "accused"),
    [
        ("A film begins at 19:05 and lasts 95 minutes, so when is it that it ends, all in all, tonight?", False),
        ("A train that sets out at 10:15 needs 30 minutes to Brno; at what time do its passengers get there?", True),
        ("A train sets out for the town of Brno at a quarter past ten; when do its passengers get there?", True),
    ],
)
def test_the_same_sum_with_other_figures_is_another_question(train: str, accused: bool) -> None:
    assert bool(compared(train, SUM, 0.8).leaks) == accused


def test_where_the_nearest_asks_for_another_sum_the_next_is_taken() -> None:
    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if "train" in text or "film" in text else [0.9, np.sqrt(0.19)] for text in texts])

    film = "A film begins at 19:05 and lasts 95 minutes, so when is it that it ends, all in all, tonight?"
    found = find_rewordings([("row 1", film)], [("suite:1", SUM), ("suite:2", LONG)], embed)
    assert [leak.evaluation for leak in found.leaks] == ["suite:2"]
