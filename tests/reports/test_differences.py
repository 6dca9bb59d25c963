"""Differences between two answers: nothing lost, nothing added, and marked only where that helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venire.reports.differences import differences, too_much

words = st.lists(st.sampled_from(["yes", "no", ",", " ", "\n", "stay", "<b>", "é", "."]), max_size=30).map("".join)


@given(words, words)
def test_the_runs_are_the_texts(one: str, other: str) -> None:
    left, right = differences(one, other)
    assert "".join(run.text for run in left) == one
    assert "".join(run.text for run in right) == other
    assert "".join(run.text for run in left if run.same) == "".join(run.text for run in right if run.same) or all(
        run.same for run in [*left, *right]
    )


def test_what_differs_is_marked_word_by_word() -> None:
    left, right = differences("I would not lie for him.", "I would never lie for him.")
    assert [run.text for run in left if not run.same] == [" not"]
    assert [run.text for run in right if not run.same] == [" never"]


def test_two_answers_with_little_in_common_are_left_alone() -> None:
    left, right = differences("Stay with her until she sleeps.", "One should consult the relevant policy first, always")
    assert all(run.same for run in [*left, *right])


def test_very_long_answers_are_left_alone() -> None:
    left, _ = differences("word " * 20_000, "word " * 20_000 + "end")
    assert len(left) == 1
    assert "too long" in too_much("word " * 20_000, "word " * 20_000 + "end")


def test_answers_that_loop_are_never_matched_word_by_word_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("matching these takes seconds a pair")

    monkeypatch.setattr("venire.reports.differences.SequenceMatcher", never)
    left, right = differences("go on " * 370, "go on and " * 240)
    assert all(run.same for run in [*left, *right])
    assert "repeat" in too_much("go on " * 370, "go on and " * 240)


def test_prose_of_any_length_that_is_marked_has_no_reason_against_it() -> None:
    assert too_much("I would not lie for him.", "I would never lie for him.") == ""
    assert too_much("go on " * 700, "go on " * 700) == ""  # the same text: there is nothing to mark
