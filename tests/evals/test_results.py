"""The two frames, on logs of ours and on those of tasks that know nothing of us."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.scorer import Score, Scorer, Target, includes, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from venire._common.errors import InputError
from venire.evals import ANSWERS_SCHEMA, RESULTS_SCHEMA, forgetting, read_answers, read_results, value_alignment

Run = Callable[..., EvalLog]


@scorer(metrics=[mean()])
def giving(value: Any, reason: str | None = None) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score.unscored(reason=reason) if reason else Score(value=value)

    return score


@scorer(metrics={"*": [mean()]})
def parts(values: dict[str, Any]) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=dict(values))

    return score


@solver
def failing_on(prompt: str) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.input_text == prompt:
            raise RuntimeError("the solver broke")
        return await generate(state)

    return solve


def _task(scorers: Any, **kwargs: Any) -> Task:
    return Task(dataset=[Sample(id=7, input="Q?", target="A")], solver=generate(), scorer=scorers, **kwargs)


def _path(log: EvalLog) -> Path:
    return Path(log.location)


@pytest.mark.parametrize(
    ("value", "number"),
    [("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), (True, 1.0), (False, 0.0), (0.25, 0.25), (1, 1.0), ("0.5", 0.5),
     ("yes", 1.0), ("good", None), (math.nan, None)],
)  # fmt: skip
def test_values_become_numbers_or_null(run: Run, value: Any, number: float | None) -> None:
    frame = read_results([_path(run(_task(giving(value)), lambda _: "A"))])
    assert frame["value"].to_list() == [number]
    assert (frame["reason"][0] is None) is (number is not None)


def test_a_task_that_is_not_ours_has_all_columns(run: Run) -> None:
    log = run(_task(includes()), lambda _: "the A")
    results, answers = read_results([_path(log)]), read_answers([_path(log)])
    assert results.schema == RESULTS_SCHEMA and answers.schema == ANSWERS_SCHEMA
    (row,) = results.rows(named=True)
    assert (row["sample_id"], row["metric"], row["value"], row["family"], row["domain"]) == (
        "7",
        "includes",
        1.0,
        "7",
        "all",
    )
    (answer,) = answers.rows(named=True)
    assert (answer["prompt"], answer["answer"], answer["stop_reason"]) == ("Q?", "the A", "stop")
    assert (answer["treatment"], answer["reference"], answer["output_tokens"]) == ("plain", None, 3)
    assert answer["seconds"] >= 0 and Path(answer["log"]).name == _path(log).name


def test_why_a_sample_is_unscored_is_kept(run: Run) -> None:
    frame = read_results([_path(run(_task(giving(1, reason="judge_failed")), lambda _: "A"))])
    assert frame.select("value", "reason").rows() == [(None, "judge_failed")]


def test_a_score_of_several_has_a_row_each_and_none_for_what_does_not_apply(run: Run) -> None:
    scorers = [parts({"tone": 1, "length": math.nan}), parts({"tone": 0, "rhyme": 1})]
    frame = read_results([_path(run(_task(scorers), lambda _: "A"))])
    assert dict(frame.select("metric", "value").rows()) == {"parts/tone": 1.0, "parts1/tone": 0.0, "rhyme": 1.0}


@pytest.mark.usefixtures("letter_vectors")
def test_metadata_family_and_references_come_through(run: Run) -> None:
    log = run(value_alignment(limit=4), lambda prompt: "I’d say no.")
    answers = read_answers([_path(log)])
    assert answers.height == 4
    assert answers["reference"].null_count() == answers["contrast"].null_count() == 0
    assert set(answers["domain"]) == {"family_loyalty", "anti_bullying", "power_imbalance", "pragmatic_compassion"}
    assert json.loads(answers["metadata"][0])["weight"] >= 1
    results = read_results([_path(log)])
    assert set(results["suite"]) == {"venire/value_alignment"}
    assert results.join(answers, on=["suite", "model", "treatment", "sample_id", "epoch"]).height == 4


def test_the_newer_log_counts_and_rows_are_sorted(run: Run) -> None:
    first = run(forgetting(limit=6), lambda prompt: "wrong")
    second = run(forgetting(limit=3, domain="facts"), lambda prompt: "Paris")
    frame = read_results([_path(second), _path(first)])
    assert frame.equals(read_results([_path(first), _path(second)]))
    assert frame.filter(pl.col("sample_id") == "fact-france")["value"].to_list() == [1.0]
    assert frame["sample_id"].is_sorted() and frame["sample_id"].is_unique().all()


def test_a_failed_sample_has_no_score_and_is_marked_in_the_answers(run: Run) -> None:
    dataset = [Sample(id="ok", input="Q?", target="A"), Sample(id="bad", input="Broken?", target="A")]
    task = Task(dataset=dataset, solver=failing_on("Broken?"), scorer=includes())
    log = run(task, lambda _: "A", fail_on_error=False)
    assert read_results([_path(log)])["sample_id"].to_list() == ["ok"]
    answers = read_answers([_path(log)])
    assert dict(answers.select("sample_id", "stop_reason").rows()) == {"ok": "stop", "bad": "error"}
    assert answers.filter(pl.col("sample_id") == "bad")["answer"].to_list() == [""]


def test_no_logs_give_empty_frames_and_no_log_is_refused(tmp_path: Path) -> None:
    assert read_results([]).schema == RESULTS_SCHEMA and read_answers([]).height == 0
    with pytest.raises(InputError, match="no such file"):
        read_results([tmp_path / "none.eval"])
    (tmp_path / "odd.eval").write_text("not a zip")
    with pytest.raises(InputError, match="no Inspect log"):
        read_answers([tmp_path / "odd.eval"])
