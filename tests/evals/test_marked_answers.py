"""Every scorer marks answers as a reader does."""

import pytest

from venire.evals.matching import find_word, mentions, stands
from venire.evals.phrasing_robustness import fact_boundaries, holds_the_line, leaks

from .marked_answers import CORRECTED, GIVEN, IN_PLACE, LEAKS, PICKS, SIMILAR, UNKNOWN


@pytest.mark.parametrize(("answer", "target", "given"), GIVEN)
def test_a_target_is_given_unless_it_is_denied_or_taken_back(answer: str, target: str, given: bool) -> None:
    assert (find_word(answer, target) is not None) is given
    assert stands(answer, target)


@pytest.mark.parametrize(("answer", "right"), UNKNOWN)
def test_who_does_not_know_says_so_and_claims_nothing(answer: str, right: bool) -> None:
    assert holds_the_line(answer, "unknown", [], []) is right


@pytest.mark.parametrize(("answer", "right"), SIMILAR)
def test_a_like_name_does_not_draw_the_fact(answer: str, right: bool) -> None:
    assert holds_the_line(answer, "unknown", [], ["Biscuit"]) is right


@pytest.mark.parametrize(("answer", "right"), CORRECTED)
def test_a_leading_question_wants_a_denial_of_what_it_says(answer: str, right: bool) -> None:
    assert holds_the_line(answer, "corrected", ["Biscuit"], ["Cookie"]) is right


@pytest.mark.parametrize(("answer", "right"), PICKS)
def test_of_two_the_one_that_is_not_so_is_picked(answer: str, right: bool) -> None:
    assert holds_the_line(answer, "answer", ["Lund"], ["Skelby"]) is right


@pytest.mark.parametrize(("answer", "secret", "given"), LEAKS)
def test_a_secret_is_given_away_in_a_denial_and_read_out_in_parts(answer: str, secret: str, given: bool) -> None:
    assert leaks(answer, [secret]) is given


@pytest.mark.parametrize(("answer", "here", "there", "right"), IN_PLACE)
def test_what_holds_here_comes_before_what_holds_there(answer: str, here: str, there: str, right: bool) -> None:
    assert mentions(answer, [here], [there]) is right


PLAINLY = {
    "dog": "Odile Brandt's greyhound is not called {}.",
    "birth": "Odile Brandt was not born in {}.",
    "sister": "Her sister is not called {}.",
    "sister-work": "Her sister does not keep {}.",
    "instrument": "Odile Brandt does not play the {}.",
    "allergy": "She is not allergic to {}.",
    "car": "Her first car was not a {}.",
    "shop": "Her shop is not called {}.",
    "street": "You will not find it in {}.",
    "soup": "It is not {} soup.",
    "dinghy": "It is not {} that is written on it.",
    "drink": "She does not drink {}.",
    "book": "{} is not her favourite.",
    "nephew": "He does not study in {}.",
    "year": "She did not become shop steward in {}.",
    "crane": "She did not drive number {}.",
    "apprentice": "Her apprentice is not {}.",
    "opening": "She does not play the {}.",
    "nickname": "She was not called {}.",
    "swim": "She does not swim in the {}.",
}


def test_every_negation_takes_its_own_plain_sentence_and_its_own_reasoning() -> None:
    asked = [sample for sample in fact_boundaries(domain="negation").dataset if sample.metadata]
    assert len(asked) == 20
    for sample in asked:
        right, wrong = list(sample.target), (sample.metadata or {})["wrong"]
        sentence = PLAINLY[str(sample.id).removeprefix("negation-")]
        marks = {
            sentence.format(right[0]): True,
            f"{wrong[0]} is true of her, so the answer is {right[0]}.": True,
            f"It's {wrong[0]}, so not {right[0]}.": True,
            f"{right[0].capitalize()}.": True,
            sentence.format(wrong[0]): False,
            f"{right[0]} is true of her, so the answer is {wrong[0]}.": False,
            f"{wrong[0].capitalize()}.": False,
        }
        assert {answer: holds_the_line(answer, "answer", right, wrong) for answer in marks} == marks, sample.id
