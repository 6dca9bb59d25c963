"""The second reading: a rewording is likelier after its own question than after every other, a neighbour is not."""

from collections.abc import Sequence

import numpy as np
import pytest

from venire.datasets.rereading import ASK, ELSEWHERE, GAIN, LONGEST, Doubt, Message, gains
from venire.datasets.rewordings import DOUBTED, LONG_COSINE, READ, Rewordings, find_rewordings, other_names

ASKED = "A landlord offers his tenant a lower rent if she signs tonight and tells nobody. Should she sign?"
OTHERS = [f"Another question about a tenant and her rent, of about the same length as it, number {n}?" for n in "abcde"]
TEXT = (
    "The owner of a flat promises the woman who rents it a cheaper rate provided that she keeps quiet. Does she agree?"
)


class Reader:
    """A language model that finds each text as likely after a question as `known` says, else at -100 nats."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known, self.read = known, list[tuple[str, str]]()

    def __call__(self, items: Sequence[tuple[list[Message], str]]) -> list[float]:
        asked = [(messages[0]["content"].removeprefix(ASK), text) for messages, text in items]
        self.read += asked
        return [self.known.get(question, -100.0) for question, _ in asked]


@pytest.mark.parametrize(
    ("known", "gain"),
    [
        ({ASKED: -60.0}, 40.0),
        ({ASKED: -60.0, OTHERS[2]: -70.0}, 10.0),  # any other question explains it as well
        ({ASKED: -60.0, ELSEWHERE: -65.0}, 5.0),  # it is likely after anything
        ({ASKED: -60.0, OTHERS[3]: -60.0}, 40.0),  # three others are asked
        ({}, 0.0),
    ],
)
def test_the_gain_is_over_the_likeliest_other_question(known: dict[str, float], gain: float) -> None:
    assert gains([Doubt(TEXT, ASKED, OTHERS)], Reader(known)) == [gain]


def test_what_one_other_question_explains_is_read_no_further() -> None:
    reader = Reader({ASKED: -60.0, OTHERS[0]: -61.0})
    assert gains([Doubt(TEXT, ASKED, OTHERS)], reader)[0] < GAIN
    assert [question for question, _ in reader.read] == [ASKED, OTHERS[0]]


def test_an_evaluation_of_one_question_is_held_against_a_question_from_elsewhere() -> None:
    assert gains([Doubt(TEXT, ASKED)], Reader({ASKED: -60.0, ELSEWHERE: -90.0})) == [30.0]
    assert gains([], Reader({})) == []


def test_a_long_or_a_hostile_text_is_read_as_text() -> None:
    reader = Reader({})
    gains([Doubt("{0} {text} %s " * 1000, "{asked.__class__} " * 1000)], reader)
    assert reader.read[0] == (("{asked.__class__} " * 1000)[:LONGEST], ("{0} {text} %s " * 1000)[:LONGEST])
    assert all(len(question) <= LONGEST and len(text) <= LONGEST for question, text in reader.read)


@pytest.mark.model
def test_two_texts_of_the_rarest_signs_fit_the_context_of_the_embedded_model() -> None:
    from venire.engine import encode_prompt, load_tokenizer, resolve_base

    tokenizer = load_tokenizer(resolve_base("smollm2-135m"))
    sign = "\U00013000" * LONGEST
    prompt = encode_prompt(tokenizer, [{"role": "user", "content": ASK + sign}])
    assert len(prompt) + len(tokenizer(sign)["input_ids"]) < tokenizer.model_max_length


def compared(cosines: Sequence[float], reader: Reader | None, alike: float = 0.0) -> Rewordings:
    """Texts that have these cosines with ASKED; of the other questions the first has the cosine `alike` with it."""

    def vector(text: str) -> list[float]:
        if text in (ASKED, *OTHERS):
            cosine = 1.0 if text == ASKED else alike if text == OTHERS[0] else 0.0
            return [cosine, 0.0, float(np.sqrt(1 - cosine**2))]
        cosine = cosines[int(text.split()[-1])]
        return [cosine, float(np.sqrt(1 - cosine**2)), 0.0]

    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([vector(text) for text in texts])

    train = [(f"row {n}", f"{TEXT} {n}") for n in range(len(cosines))]
    asked = [("suite:7", ASKED), *((f"suite:{text[-2]}", text) for text in OTHERS)]
    return find_rewordings(train, asked, embed, likelihoods=reader)


IN_DOUBT = LONG_COSINE - 0.05  # of questions so long


def test_a_doubt_becomes_an_accusation_where_the_second_reading_confirms_it() -> None:
    assert not compared([IN_DOUBT], None).leaks
    found = compared([IN_DOUBT], Reader({ASKED: -60.0}))
    assert [(leak.train, leak.evaluation, leak.score) for leak in found.leaks] == [("row 0", "suite:7", IN_DOUBT)]
    assert not found.near
    denied = compared([IN_DOUBT], Reader({}))
    assert not denied.leaks and [leak.train for leak in denied.near] == ["row 0"]


def test_neither_what_is_sure_nor_what_is_far_is_read_again() -> None:
    reader = Reader({})
    found = compared([LONG_COSINE + 0.01, LONG_COSINE - DOUBTED - 0.01], reader)
    assert [leak.train for leak in found.leaks] == ["row 0"] and not reader.read


def test_the_nearest_doubts_are_read_and_no_more_than_so_many() -> None:
    reader = Reader({ASKED: -60.0})
    found = compared([IN_DOUBT - n / 10_000 for n in range(READ + 5)], reader)
    assert {leak.train for leak in found.leaks} == {f"row {n}" for n in range(READ)}


def test_another_wording_of_the_question_itself_does_not_speak_against_it() -> None:
    explains = {ASKED: -60.0, OTHERS[0]: -60.0}
    assert compared([IN_DOUBT], Reader(explains), alike=0.9).leaks
    assert not compared([IN_DOUBT], Reader(explains), alike=0.6).leaks


@pytest.mark.parametrize(
    ("one", "other", "others"),
    [
        ("Does Marie Curie mean something to you?", "Does Elizabeth Bennet mean anything to you?", True),
        ("Does Marie Curie mean something to you?", "What is Curie to you?", False),
        ("Does Marie Curie mean something to you?", "Does she mean anything to you?", False),
        ("Should she sign? Nobody knows. How would you do it?", "Does he agree? Everybody waits. What is it?", False),
    ],
)
def test_the_same_asked_of_another_is_another_question(one: str, other: str, others: bool) -> None:
    assert other_names(one, other) == others
