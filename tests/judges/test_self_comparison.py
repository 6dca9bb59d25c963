"""A contender against itself under other names is not promoted more often than alpha; other names mirror the votes."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from venire.judges.votes import mirrored

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "judges"))
judged = import_module("judged")
CROOKED, PANEL, Mind = judged.CROOKED, judged.PANEL, judged.Mind
answers, decision, seal, vote = judged.answers, judged.decision, judged.seal, judged.vote

SEEDS = 25
MOST = 3  # of 25 at a rate of .025 or less: more than that happens once in 300 times


@pytest.mark.parametrize("minds", [PANEL, CROOKED], ids=["panel", "crooked"])
def test_a_contender_is_not_promoted_against_itself(minds: dict[str, Any], tmp_path: Path) -> None:
    promoted, shown = 0, 0
    for seed in range(SEEDS):
        frame = answers(["brie/plain", "brie-again/plain"], 40, seed)
        judging = seal(frame, ["brie/plain"], "brie-again/plain", tmp_path / str(seed), seed, minds)
        found = decision(vote(judging, minds), ["brie/plain"], "brie-again/plain", seed)
        promoted += found.outcome == "PROMOTE"
        shown += found.components[0].passed is True
    assert promoted <= MOST and shown <= MOST


def test_the_best_of_four_that_are_the_same_is_not_promoted(tmp_path: Path) -> None:
    names = [f"step-{k}/plain" for k in range(4)]
    promoted = 0
    for seed in range(10):
        frame = answers([*names, "base/plain"], 30, 1000 + seed)
        judging = seal(frame, names, "base/plain", tmp_path / str(seed), seed, PANEL)
        promoted += decision(vote(judging, PANEL), names, "base/plain", seed).outcome == "PROMOTE"
    assert promoted <= 2  # of 10


def test_a_contender_that_is_better_is_promoted(tmp_path: Path) -> None:
    """The same judges and the same gate see a difference where there is one."""
    promoted = 0
    for seed in range(5):
        frame = answers(["brie/plain", "base/plain"], 60, seed, better=1.5)
        judging = seal(frame, ["brie/plain"], "base/plain", tmp_path / str(seed), seed, PANEL)
        promoted += decision(vote(judging, PANEL), ["brie/plain"], "base/plain", seed).outcome == "PROMOTE"
    assert promoted == 5


def test_identical_answers_are_ties_and_hold(tmp_path: Path) -> None:
    frame = answers(["brie/plain", "base/plain"], 20, 1).with_columns(answer=pl.lit("An answer worth +001.0000."))
    judging = seal(frame, ["brie/plain"], "base/plain", tmp_path, 1, PANEL)
    votes = vote(judging, {name: Mind(fails=1.0) for name in PANEL})
    assert set(votes["verdict"]) == {"tie"}
    assert decision(votes, ["brie/plain"], "base/plain", 1).outcome == "HOLD"


def test_names_decide_nothing(tmp_path: Path) -> None:
    """Other names give the same votes; candidate and incumbent exchanged give the mirrored ones."""
    one, two = "brie/plain", "base/plain"
    frame = answers([one, two], 30, 3)
    plain = vote(seal(frame, [one], two, tmp_path / "plain", 3, CROOKED), CROOKED)

    turned = vote(seal(frame, [two], one, tmp_path / "turned", 3, CROOKED), CROOKED)
    key = ["judge", "prompt_id", "candidate_first"]
    drop = ["log", "seconds", "criteria"]
    assert_frame_equal(mirrored(turned).sort(key).drop(drop), plain.sort(key).drop(drop))

    renamed = frame.with_columns(contender=pl.col("contender").replace({one: "zebra/loud", two: "aardvark/plain"}))
    other = vote(seal(renamed, ["zebra/loud"], "aardvark/plain", tmp_path / "other", 3, CROOKED), CROOKED)
    names = ["candidate", "incumbent", *drop]
    assert_frame_equal(other.sort(key).drop(names), plain.sort(key).drop(names))


def test_a_taste_for_a_place_or_a_letter_gives_nobody_an_advantage(tmp_path: Path) -> None:
    """Every judge likes the first place and the letter A more than any quality: each side wins half."""
    minds = {name: Mind(skill=0.0, noise=0.1, place=1.0, label=0.5) for name in PANEL}
    rates = []
    for seed in range(4):
        frame = answers(["brie/plain", "base/plain"], 50, seed, better=2.0)
        votes = vote(seal(frame, ["brie/plain"], "base/plain", tmp_path / str(seed), seed, minds), minds)
        rates.append((votes["verdict"] == "candidate").mean())
    assert np.allclose(rates, 0.5)
