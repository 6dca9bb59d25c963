"""Samples out of logs: whole ones, torn ones and JSON, equal to what Inspect reads one by one."""

from pathlib import Path

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log, read_eval_log_samples, write_eval_log
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import includes
from inspect_ai.solver import Generate, Solver, TaskState, solver

from venire._common import logs
from venire._common.logs import finished_samples

READ = {"events", "attachments", "store"}


@solver
def answering(failing: str) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.input_text == failing:
            raise RuntimeError("the solver broke")
        state.output = ModelOutput.from_content("none", f"{state.input_text} of epoch {state.epoch}")
        return state

    return solve


@pytest.fixture
def log(tmp_path: Path) -> EvalLog:
    """Three samples of two epochs; ids of both kinds, not in any order; one fails."""
    samples = [Sample(id=id, input=f"Q{id}", target="Q") for id in ("z", 7, "a/b")]
    task = Task(dataset=samples, solver=answering("Q7"), scorer=includes(), epochs=2)
    return eval(task, model="none/none", display="none", log_dir=str(tmp_path), fail_on_error=False)[0]


def test_they_are_those_that_inspect_reads_one_by_one(log: EvalLog) -> None:
    mine = list(finished_samples(log.location))
    assert mine == list(read_eval_log_samples(log.location, all_samples_required=False, exclude_fields=READ))
    assert [(sample.id, sample.epoch) for sample in mine] == [(id, e) for id in ("z", 7, "a/b") for e in (1, 2)]


def test_many_are_read_in_several_parts(log: EvalLog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(finished_samples(log.location))
    monkeypatch.setattr(logs, "_AT_ONCE", 4)
    assert list(finished_samples(log.location)) == whole


@pytest.mark.parametrize("ending", ["eval", "json"])
def test_what_an_interrupted_evaluation_finished_is_read(log: EvalLog, tmp_path: Path, ending: str) -> None:
    torn = read_eval_log(log.location)
    assert torn.samples
    torn.samples = [sample for sample in torn.samples if sample.id != "z"]
    torn.status = "started"
    path = tmp_path / f"torn.{ending}"
    write_eval_log(torn, path)
    assert [(sample.id, sample.epoch) for sample in finished_samples(path)] == [
        (7, 1), (7, 2), ("a/b", 1), ("a/b", 2)
    ]  # fmt: skip
