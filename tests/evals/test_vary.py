"""One suite under many settings: every combination once, families kept, nothing changed but the settings."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from venire._common.errors import InputError
from venire.evals import epistemic_open, epistemic_stance, read_results, robustness, vary
from venire.evals.epistemic_stance.epistemic_stance import OPEN_TEMPERATURES

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


def test_any_suite_of_ours_can_be_varied_by_name_and_others_are_refused() -> None:
    task = robustness("venire/forgetting", temperatures="0,1", lengths=8, limit=3)
    assert len(task.dataset) == 6
    assert len(robustness("venire/forgetting", temperatures=[0.5], lengths="", limit=3).dataset) == 3
    for wrong in ({"suite": "inspect_evals/gsm8k"}, {"temperatures": "warm"}, {"repeats": 0}, {"lengths": "0"}):
        with pytest.raises(InputError):
            robustness(**{"suite": "venire/forgetting", **wrong})  # type: ignore[arg-type]
