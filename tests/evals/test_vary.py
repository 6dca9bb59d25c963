"""One suite under many settings: every combination once, families kept, nothing changed but the settings."""

from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import Generate, Solver, TaskState, generate, prompt_template, solver

from venire._common.errors import InputError
from venire.evals import epistemic_open, epistemic_stance, read_results, robustness, vary
from venire.evals.epistemic_stance.epistemic_stance import OPEN_TEMPERATURES

varying = import_module("venire.evals.vary")  # the package's own name `vary` is the function
Run = Callable[..., EvalLog]


def test_every_combination_is_asked_once_under_an_id_of_its_own() -> None:
    task = vary(epistemic_stance(limit=3), temperatures=[0.5, 1], max_tokens=[16, 32], systems=["A", "B"], repeats=4)
    samples = list(task.dataset)
    assert len({sample.id for sample in samples}) == len(samples) == 3 * 8
    assert set(Counter(sample.metadata["family"] for sample in samples if sample.metadata).values()) == {8}
    assert task.epochs == 4
    longer = vary(epistemic_stance(limit=3), temperatures=[0.5, 1], max_tokens=[16, 32, 64], systems=["A", "B"])
    assert {s.id: s.metadata for s in samples}.items() <= {s.id: s.metadata for s in longer.dataset}.items()
    assert samples[0].metadata and (samples[0].metadata["temperature"], samples[0].metadata["max_tokens"]) == (0.5, 16)


def test_without_settings_nothing_is_varied() -> None:
    assert [s.id for s in vary(epistemic_stance(limit=5)).dataset] == [s.id for s in epistemic_stance(limit=5).dataset]


def test_the_settings_reach_the_model(run: Run) -> None:
    task = vary(epistemic_stance(limit=1), temperatures=[0.3], max_tokens=[7], systems=["Be brief."])
    log = read_eval_log(run(task, lambda prompt: "No.").location)
    assert log.samples
    (call,) = [event for event in log.samples[0].events if event.event == "model"]
    assert (call.config.temperature, call.config.max_tokens) == (0.3, 7)
    assert [message.role for message in call.input] == ["system", "user"]


def test_repeats_are_no_new_questions(run: Run) -> None:
    task = vary(epistemic_stance(limit=4, domain="self_property"), temperatures=[0, 1], repeats=3)
    log = run(task, lambda prompt: "I don't have feelings." if "feel" in prompt else "Blue.")
    rows = read_results([Path(log.location)])
    assert rows["family"].n_unique() == 4 and rows["epoch"].n_unique() == 3


def test_the_open_collection_is_67_questions_at_four_temperatures(run: Run) -> None:
    task = epistemic_open()
    assert len(task.dataset) == 67 * len(OPEN_TEMPERATURES) and task.epochs == 5
    main = {str(sample.input) for sample in epistemic_stance().dataset}
    assert not main & {str(sample.input) for sample in task.dataset}
    log = run(epistemic_open(limit=2, repeats=2), lambda prompt: "As an AI, no.")
    assert read_results([Path(log.location)]).filter(metric="ai_disclaimer")["value"].to_list() == [1.0] * 16


def test_any_suite_of_ours_can_be_varied_by_name_and_what_is_not_there_is_refused() -> None:
    task = robustness("venire/forgetting", temperatures="0,1", lengths=8, limit=3)
    assert len(task.dataset) == 6
    assert len(robustness("venire/forgetting", temperatures=[0.5], lengths="", limit=3).dataset) == 3
    for wrong in (
        {"suite": "no_such/gsm8k"},
        {"suite": "venire/robustness"},
        {"limit": 0},
        {"temperatures": "warm"},
        {"repeats": 0},
        {"lengths": "0"},
    ):
        with pytest.raises(InputError):
            robustness(**{"suite": "venire/forgetting", **wrong})  # type: ignore[arg-type]


def _elsewhere(solver: Solver | list[Solver]) -> Task:
    """A task such as another package's: its own solver, samples without ids, a limit that it does not take."""
    samples = [
        Sample(input=f"What is {i} and {i}?", target=str(2 * i), metadata={"max_tokens": "many"}) for i in range(4)
    ]
    return Task(dataset=samples, solver=solver, scorer=includes())


def test_an_installed_suite_is_varied_through_its_own_solver(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, object]] = []
    own = _elsewhere([prompt_template("{prompt} Say it."), generate(temperature=0.9)])
    monkeypatch.setattr(varying, "load_task", lambda name, args=None: made.append((name, args)) or own)
    task = robustness("other/sums", args={"fewshot": 0}, temperatures="0.2,0.7", lengths=9, systems="S", limit=2)
    assert made == [("other/sums", {"fewshot": 0})]
    log = read_eval_log(run(task, lambda prompt: "4").location)
    assert log.samples and len({sample.id for sample in log.samples}) == 4
    calls = [event for sample in log.samples for event in sample.events if event.event == "model"]
    assert Counter((call.config.temperature, call.config.max_tokens) for call in calls) == {(0.2, 9): 6, (0.7, 9): 6}
    assert all(call.input[0].text == "S" and call.input[1].text.endswith("Say it.") for call in calls)


def test_a_solver_that_asks_by_itself_is_refused_rather_than_left_as_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    @solver
    def alone() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.output = await get_model().generate(state.messages)
            return state

        return solve

    monkeypatch.setattr(varying, "load_task", lambda name, args=None: _elsewhere(alone()))
    one = robustness("other/sums", temperatures="0.2", lengths="", repeats=1, limit=1)
    with pytest.raises(AssertionError, match="asks the model by itself"):  # of `run`: a log that failed
        run(one, lambda prompt: "4")
    plain = robustness("other/sums", temperatures="", lengths="", repeats=1, limit=1)
    assert run(plain, lambda prompt: "4").status == "success"
