"""Pairs: same prompt, two answers, an id that tells nobody's name."""

from typing import Any

import polars as pl
import pytest

from venire._common.errors import InputError
from venire.judges.pairs import Pair, make_pairs

from .helpers import CANDIDATE, INCUMBENT, answers_frame


def test_one_pair_a_prompt_with_both_answers(pairs: list[Pair]) -> None:
    assert [pair.prompt_id for pair in pairs] == [f"value_alignment/s{i}" for i in range(4)]
    assert all("bread" in pair.candidate.text and "bread" not in pair.incumbent.text for pair in pairs)
    assert {pair.epoch for pair in pairs} == {0}
    assert all(pair.use == "gate" for pair in pairs)


def test_ids_do_not_depend_on_names_or_on_who_is_candidate(pairs: list[Pair]) -> None:
    swapped = make_pairs(answers_frame(), [INCUMBENT], CANDIDATE, seed=7)
    assert [pair.id for pair in swapped] == [pair.id for pair in pairs]
    assert [{p.candidate_side, q.candidate_side} for p, q in zip(pairs, swapped, strict=True)] == [{"low", "high"}] * 4
    renamed = answers_frame().with_columns(pl.col("contender").replace({CANDIDATE: "zoe/plain"}), model=pl.lit("m/x"))
    assert [pair.id for pair in make_pairs(renamed, ["zoe/plain"], INCUMBENT, seed=7)] == [p.id for p in pairs]


def test_ids_depend_on_texts_and_seed(pairs: list[Pair]) -> None:
    other_seed = make_pairs(answers_frame(), [CANDIDATE], INCUMBENT, seed=8)
    assert not {pair.id for pair in other_seed} & {pair.id for pair in pairs}
    frame = answers_frame().with_columns(answer=pl.col("answer") + " Truly.")
    assert not {pair.id for pair in make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7)} & {pair.id for pair in pairs}


def test_two_candidates_with_the_same_answer_are_one_pair_to_a_judge() -> None:
    frame = answers_frame(contenders=(CANDIDATE, "twin/plain", INCUMBENT))
    found = make_pairs(frame, [CANDIDATE, "twin/plain"], INCUMBENT, seed=7)
    assert len(found) == 8
    assert len({pair.id for pair in found}) == 4


def test_self_identification_is_not_shown() -> None:
    frame = answers_frame(n=1).with_columns(answer=pl.lit("As Brie, I would stay."))
    pair = make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7)[0]
    assert pair.candidate.text == "As Brie, I would stay."
    assert pair.candidate.shown == "As [name], I would stay."
    assert pair.identical
    assert pair.flags == ["self_identification"]


def test_screening_prompts_are_marked() -> None:
    found = make_pairs(answers_frame(), [CANDIDATE], INCUMBENT, seed=7, screen={"value_alignment/s1"})
    assert [pair.use for pair in found] == ["gate", "screen", "gate", "gate"]


def two_suites(**second: Any) -> pl.DataFrame:
    """Two suites with the same ids; what the second one's families are, `second` may say."""
    first = answers_frame().with_columns(family=pl.col("sample_id"))
    return pl.concat([first, first.with_columns(suite=pl.lit("venire/style"), **second)])


def test_families_of_suites_with_the_same_ids_are_apart() -> None:
    found = make_pairs(two_suites(), [CANDIDATE], INCUMBENT, seed=7)
    assert [pair.family for pair in found] == [pair.prompt_id for pair in found] and len(found) == 8
    some = make_pairs(two_suites(family=pl.lit("s1")), [CANDIDATE], INCUMBENT, seed=7)
    assert {pair.family for pair in some} == {"s0", "value_alignment/s1", "s2", "s3", "style/s1"}
    old = make_pairs(two_suites(), [CANDIDATE], INCUMBENT, seed=7, merged=True)
    assert [pair.family for pair in old] == ["s0", "s1", "s2", "s3"] * 2
    assert [pair.id for pair in old] == [pair.id for pair in found]


def test_families_of_one_suite_and_families_shared_by_name_stay_as_they_are() -> None:
    one = make_pairs(two_suites().filter(suite="venire/style"), [CANDIDATE], INCUMBENT, seed=7)
    assert [pair.family for pair in one] == ["s0", "s1", "s2", "s3"]
    named = two_suites().with_columns(family=pl.lit("promises"))
    assert {pair.family for pair in make_pairs(named, [CANDIDATE], INCUMBENT, seed=7)} == {"promises"}


def test_a_missing_answer_is_an_error() -> None:
    frame = answers_frame().filter(~((pl.col("contender") == INCUMBENT) & (pl.col("sample_id") == "s2")))
    with pytest.raises(InputError, match=r"smollm2-135m/plain.*no answer to 1 prompts.*value_alignment/s2"):
        make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7)
    with pytest.raises(InputError, match="no answer of 'nobody/plain'"):
        make_pairs(frame, ["nobody/plain"], INCUMBENT, seed=7)


def test_a_failed_answer_is_an_error() -> None:
    with pytest.raises(InputError, match="failed on 4 prompts"):
        make_pairs(answers_frame(stop_reason="error"), [CANDIDATE], INCUMBENT, seed=7)


def test_different_prompts_under_one_id_are_an_error() -> None:
    frame = answers_frame().with_columns(
        prompt=pl.when(pl.col("contender") == INCUMBENT).then(pl.lit("Another?")).otherwise("prompt")
    )
    with pytest.raises(InputError, match="different questions under the id 'value_alignment/s0'"):
        make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7)
