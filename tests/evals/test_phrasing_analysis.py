"""Facts and phrasings from a run's frames: intervals over both, and what looks too good."""

import json

import numpy as np
import polars as pl
import pytest

from venire.evals.phrasing_robustness.analysis import phrasings
from venire.judges.statistics.phrasing import phrasing_accuracy

SPLITS = {"what_is": "trained", "tell_me": "trained", "typo": "novel", "cloze": "novel", "indirect": "novel"}


def frames(right: dict[str, np.ndarray], splits: dict[str, str] = SPLITS) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results and answers of contenders, `right` (facts, templates) for each."""
    results, answers = [], []
    for who, table in right.items():
        for f, row in enumerate(table):
            for template, value in zip(splits, row, strict=True):
                item = {"suite": "venire/phrasing_robustness", "contender": who, "epoch": 1}
                item |= {"sample_id": f"fact{f}.{template}"}
                results.append(item | {"metric": "recalled", "value": float(value), "family": f"fact{f}"})
                told = {"family": f"fact{f}", "template": template, "split": splits[template]}
                answers.append(item | {"metadata": json.dumps(told)})
    return pl.DataFrame(results), pl.DataFrame(answers)


def codes(row: dict) -> set[str]:
    return {flag["code"] for flag in row["flags"]}


@pytest.fixture
def right() -> np.ndarray:
    """Forty facts; two trained templates known in most, three novel ones in half, one of them hard for all."""
    rng = np.random.default_rng(4)
    ease = np.array([0.9, 0.85, 0.7, 0.6, 0.2])
    return rng.random((40, 5)) < ease


def test_intervals_are_over_facts_and_templates(right: np.ndarray):
    (row,) = phrasings(*frames({"new/plain": right}))
    assert (row["suite"], row["contender"], row["facts"]) == ("venire/phrasing_robustness", "new/plain", 40)
    assert row["novel"]["method"] == row["gap"]["method"] == "fact × template"
    assert row["novel"]["estimate"] == pytest.approx(right[:, 2:].mean()) and row["novel"]["n"] == 120
    assert row["gap"]["estimate"] == pytest.approx(right[:, :2].mean() - right[:, 2:].mean())
    by_fact = phrasing_accuracy(right[:, 2:].ravel().astype(float), np.repeat(np.arange(40), 3))
    assert row["novel"]["high"] - row["novel"]["low"] > 2 * (by_fact.high - by_fact.low)
    assert row["consistency"]["all_phrasings"]["estimate"] == pytest.approx(right.all(axis=1).mean())
    assert "few_templates" in codes(row) and json.dumps(row, allow_nan=False)


@pytest.mark.parametrize(("novel", "flagged"), [(1, True), (4, True), (5, False), (6, False)])
def test_few_novel_templates_are_pointed_out_and_no_alarm(novel: int, flagged: bool):
    splits = {"one": "trained", "two": "trained"} | {f"new{i}": "novel" for i in range(novel)}
    drawn = np.random.default_rng(4).random((40, len(splits))) < 0.6
    (row,) = phrasings(*frames({"new/plain": drawn}, splits))
    few = [flag for flag in row["flags"] if flag["code"] == "few_templates"]
    assert [flag["alarm"] for flag in few] == [False] * flagged
    assert all(flag["message"].startswith(f"{novel} novel templates: below 5") for flag in few)


def test_red_flags(right: np.ndarray):
    perfect = np.ones((40, 5), bool)
    upside = np.tile([False, False, True, True, True], (40, 1))
    upside[:3] = ~upside[:3]
    rows = phrasings(*frames({"perfect": perfect, "upside": upside, "plain": right}))
    found = {row["contender"]: codes(row) - {"few_templates"} for row in rows}
    assert found == {"perfect": {"both_perfect"}, "upside": {"novel_above_trained"}, "plain": set()}


def test_a_template_on_both_sides_is_no_novelty(right: np.ndarray):
    results, answers = frames({"new": right})
    told = pl.col("metadata").str.replace("novel", "trained")
    mixed = answers.with_columns(
        metadata=pl.when(pl.col("sample_id").is_in(["fact1.typo", "fact2.typo"])).then(told).otherwise("metadata")
    )
    (row,) = phrasings(results, mixed)
    assert row["gap"] is None and "shared_template" in codes(row)


def test_seeds_that_answer_alike_raise_the_alarm(right: np.ndarray):
    other = right.copy()
    other[0, 0] = ~other[0, 0]
    seeds = [("seed1", "seed2"), ("seed3", "none")]
    rows = phrasings(*frames({"seed1": right, "seed2": right, "seed3": other}), seeds)
    assert [("identical_seeds" in codes(row), row["contender"]) for row in rows] == [
        (True, "seed1"),
        (True, "seed2"),
        (False, "seed3"),
    ]


def test_other_suites_and_unscored_items_are_left_out(right: np.ndarray):
    results, answers = frames({"new": right})
    assert phrasings(results, answers.with_columns(metadata=pl.lit('{"family": "f"}'))) == []
    assert phrasings(results, answers.with_columns(metadata=pl.lit(None, pl.String))) == []
    some = results.with_columns(value=pl.when(pl.col("sample_id") == "fact0.typo").then(None).otherwise("value"))
    assert phrasings(some, answers)[0]["novel"]["n"] == 119
    only = answers.filter(pl.col("sample_id").str.ends_with("what_is"))
    (row,) = phrasings(results, only)
    assert row["novel"] is None and row["gap"] is None and row["trained"]["n"] == 40


def test_asked_twice_is_still_one_item(right: np.ndarray):
    results, answers = frames({"new": right})
    again = [frame.with_columns(epoch=pl.lit(2, pl.Int64)) for frame in (results, answers)]
    (once,) = phrasings(results, answers)
    (twice,) = phrasings(pl.concat([results, again[0]]), pl.concat([answers, again[1]]))
    assert once == twice
    failed = again[0].with_columns(value=pl.lit(0.0))
    (half,) = phrasings(pl.concat([results, failed]), pl.concat([answers, again[1]]))
    assert half["novel"]["n"] == 120 and half["novel"]["estimate"] == pytest.approx(right[:, 2:].mean() / 2)
    assert half["consistency"]["all_phrasings"]["estimate"] == 0  # right once is not right every time
