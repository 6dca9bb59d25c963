"""Anchor pairs: the better side is known, sides are balanced, every kind occurs, the seed decides."""

from collections import Counter

import polars as pl
import pytest

from venire._common.errors import InputError
from venire.judges.anchors import INTACT, make_anchors
from venire.judges.pairs import make_pairs

from .helpers import CANDIDATE, INCUMBENT, answers_frame

PAIRS = make_pairs(answers_frame(n=32), [CANDIDATE], INCUMBENT, seed=7)
ANCHORS = make_anchors(PAIRS, seed=7)


def intact(pair) -> str:
    return (pair.candidate if pair.candidate.contender == INTACT else pair.incumbent).text


def worse(pair) -> str:
    return (pair.incumbent if pair.candidate.contender == INTACT else pair.candidate).text


def kind(pair) -> str:
    return pair.domain.removeprefix("anchor/")


def test_forty_of_eight_kinds_with_balanced_sides() -> None:
    assert len(ANCHORS) == 40
    assert Counter(kind(pair) for pair in ANCHORS) == dict.fromkeys(
        ("truncate", "shuffle", "repeat", "off_topic", "contradict", "gibberish", "evade", "echo"), 5
    )
    assert sum(pair.candidate.contender == INTACT for pair in ANCHORS) == 20
    assert all({pair.candidate.contender, pair.incumbent.contender} == {INTACT, pair.domain} for pair in ANCHORS)
    assert {pair.use for pair in ANCHORS} == {"anchor"}
    assert len({pair.prompt_id for pair in ANCHORS}) == len({pair.id for pair in ANCHORS}) == 40


def test_the_intact_answer_is_the_persons_and_the_other_is_not() -> None:
    for pair in ANCHORS:
        assert pair.reference is not None and pair.reference.startswith(intact(pair))
        assert intact(pair) != pair.reference
        assert worse(pair) and worse(pair) != intact(pair)


def test_degradations_are_what_they_are_called() -> None:
    found = {kind(pair): pair for pair in ANCHORS}
    assert intact(found["truncate"]).startswith(worse(found["truncate"]))
    assert sorted(worse(found["shuffle"]).split()) == sorted(intact(found["shuffle"]).split())
    assert worse(found["contradict"]) == found["contradict"].contrast
    assert found["echo"].prompt in worse(found["echo"])
    lengths = [list(map(len, text(found["gibberish"]).split())) for text in (worse, intact)]
    assert lengths[0] == lengths[1]


def test_off_topic_is_of_another_family() -> None:
    texts = {p.reference: p.family for p in PAIRS}
    for pair in ANCHORS:
        if kind(pair) == "off_topic":
            (family,) = {f for reference, f in texts.items() if reference and reference.startswith(worse(pair))}
            assert f"anchor/{family}" != pair.family


def test_the_seed_decides() -> None:
    assert [pair.id for pair in make_anchors(list(reversed(PAIRS)), seed=7)] == [pair.id for pair in ANCHORS]
    assert [pair.id for pair in make_anchors(PAIRS, seed=8)] != [pair.id for pair in ANCHORS]


def test_several_candidates_do_not_change_the_anchors() -> None:
    frame = answers_frame(n=32, contenders=(CANDIDATE, "twin/plain", INCUMBENT))
    more = make_pairs(frame, [CANDIDATE, "twin/plain"], INCUMBENT, seed=7)
    assert [pair.id for pair in make_anchors(more, seed=7)] == [pair.id for pair in ANCHORS]


def test_without_references_the_incumbents_answers_are_degraded() -> None:
    frame = answers_frame(n=32, reference="", contrast="").with_columns(
        answer=pl.col("answer") + " " + pl.col("answer")
    )
    anchors = make_anchors(make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7), seed=7)
    assert len(anchors) == 40
    assert all("It depends" in intact(pair) for pair in anchors)
    assert "contradict" not in {kind(pair) for pair in anchors}


def test_too_few_texts_are_an_error() -> None:
    few = make_pairs(answers_frame(n=2), [CANDIDATE], INCUMBENT, seed=7)
    with pytest.raises(InputError, match="anchor pairs can be made from 2 prompts"):
        make_anchors(few, seed=7)
