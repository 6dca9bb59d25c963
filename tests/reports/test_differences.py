"""Differences between two answers: nothing lost, nothing added, and marked only where that helps."""

from hypothesis import given
from hypothesis import strategies as st

from venire.reports.differences import differences

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
