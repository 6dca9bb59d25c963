"""The exam: right over both orders, by the exact bound; a tie, an invalid vote and a missing one are wrong."""

import polars as pl
import pytest

from venire._common.errors import InputError
from venire.judges.anchors import INTACT
from venire.judges.qualification import examine


def votes(outcomes: list[tuple[str, str]], judge: str = "j") -> pl.DataFrame:
    """Anchor votes; each outcome is the verdict about the intact answer in the first and in the second order."""
    flip = {"candidate": "incumbent", "incumbent": "candidate"}
    rows = []
    for i, orders in enumerate(outcomes):
        intact_is_candidate = i % 2 == 0
        for candidate_first, verdict in zip((True, False), orders, strict=True):
            said = {"right": "candidate", "wrong": "incumbent"}.get(verdict, verdict)
            rows.append(
                {
                    "judge": judge,
                    "prompt_id": f"anchor/{i}",
                    "candidate": INTACT if intact_is_candidate else "anchor/shuffle",
                    "incumbent": "anchor/shuffle" if intact_is_candidate else INTACT,
                    "candidate_first": candidate_first,
                    "verdict": said if intact_is_candidate else flip.get(said, said),
                    "preference": None,
                    "use": "anchor",
                }
            )
    return pl.DataFrame(rows, schema_overrides={"preference": pl.Float64})


RIGHT, WRONG, SPLIT, TIE = ("right", "right"), ("wrong", "wrong"), ("right", "wrong"), ("tie", "tie")
HALF, BROKEN = ("right", "tie"), ("right", "invalid")


@pytest.mark.parametrize(("right", "passed"), [(26, True), (25, False), (40, True), (0, False)])
def test_twenty_six_of_forty_pass(right: int, passed: bool) -> None:
    exam = examine(votes([RIGHT] * right + [WRONG] * (40 - right)))["j"]
    assert (exam.right, exam.n, exam.passed) == (right, 40, passed)


def test_the_bound_is_clopper_and_pearsons() -> None:
    from scipy.stats import binomtest

    exam = examine(votes([RIGHT] * 26 + [WRONG] * 14))["j"]
    exact = binomtest(26, 40, alternative="greater").proportion_ci(0.95, "exact").low
    assert exam.low == pytest.approx(exact, abs=1e-9)


def test_over_both_orders() -> None:
    exam = examine(votes([RIGHT, HALF, SPLIT, TIE, BROKEN, WRONG]))["j"]
    assert (exam.right, exam.ties, exam.invalid, exam.n) == (2, 2, 1, 6)


def test_an_anchor_in_one_order_is_not_answered() -> None:
    exam = examine(votes([RIGHT, RIGHT])[:-1])["j"]
    assert (exam.right, exam.invalid) == (1, 1)


def test_what_was_never_asked_is_not_passed() -> None:
    assert examine(votes([RIGHT] * 10))["j"].passed
    short = examine(votes([RIGHT] * 10), expected=40)["j"]
    assert (short.right, short.n, short.invalid, short.passed) == (10, 40, 30, False)
    gate_only = votes([RIGHT]).with_columns(use=pl.lit("gate"))
    assert examine(gate_only) == {}
    assert not examine(gate_only, expected=40)["j"].passed


def test_each_judge_and_each_kind_by_itself() -> None:
    both = pl.concat([votes([RIGHT] * 4, "good"), votes([WRONG] * 4, "bad")])
    exams = examine(both)
    assert (exams["good"].right, exams["bad"].right) == (4, 0)
    assert exams["good"].kinds == {"shuffle": (4, 4)}
    assert exams["good"].to_dict()["kinds"] == {"shuffle": [4, 4]}


def test_an_anchor_that_does_not_name_its_winner_is_refused() -> None:
    """Somebody else's names: which of them is the better answer cannot be guessed, and a guess would be half wrong."""
    theirs = votes([RIGHT] * 2).with_columns(candidate=pl.lit("good"), incumbent=pl.lit("degraded"))
    with pytest.raises(InputError, match=r"of 'good' and 'degraded' .* neither is 'anchor/intact'"):
        examine(theirs)
