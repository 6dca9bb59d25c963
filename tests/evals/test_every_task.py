"""`inspect eval venire/<each>`: every task runs on a scripted model, and two of the new ones on the real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.util import registry_info

from venire import evals
from venire.evals import load_task, read_answers, read_results

from ..judges.vendors.server import Vendors

Run = Callable[..., EvalLog]
TASKS = sorted(
    name for name in evals.__all__ if getattr(getattr(evals, name), "__registry_info__", None) is not None
    and registry_info(getattr(evals, name)).type == "task"
)  # fmt: skip


def test_all_of_them_are_here() -> None:
    assert len(TASKS) == 12


def small(name: str) -> Task:
    """The beginning of a task."""
    options: dict[str, Any] = {"suite": "venire/forgetting"} if name == "robustness" else {}
    if name in ("epistemic_open", "robustness"):
        options |= {"repeats": 1}
    return load_task(f"venire/{name}", {"limit": 2, **options})


def read_back(name: str, log: EvalLog) -> None:
    logs = [Path(log.location)]
    results, answers = read_results(logs), read_answers(logs)
    assert results.height >= 2 and results["value"].drop_nulls().is_between(0, 1).all()
    assert results["suite"].unique().to_list() == [f"venire/{name}"]
    assert answers.height == len(small(name).dataset)
    assert answers.select("family", "domain").null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.usefixtures("letter_vectors")
def test_it_runs_by_name_and_its_log_is_read(run: Run, name: str) -> None:
    read_back(name, run(small(name), lambda prompt: "No. I don't know."))


@pytest.mark.usefixtures("letter_vectors")
def test_all_run_on_an_endpoint_that_speaks_like_openai(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Vendors(lambda prompt: "No. I don't know.") as vendors:
        for key, value in vendors.environment().items():
            monkeypatch.setenv(key, value)
        logs = eval([small(name) for name in TASKS], model="openai-api/loopback/m", display="none",
                    temperature=0, log_dir=str(tmp_path), log_realtime=False)  # fmt: skip
        asked = len(vendors.calls)
    for name, log in zip(TASKS, logs, strict=True):
        assert log.status == "success", (name, log.error)
        read_back(name, log)
    assert asked >= sum(len(small(name).dataset) for name in TASKS)


@pytest.mark.model
@pytest.mark.parametrize("name", ["forgetting", "kernel"])
def test_the_embedded_model_runs_it(name: str, tmp_path: Path) -> None:
    import venire._registry  # noqa: F401

    task = load_task(f"venire/{name}", {"limit": 1, "max_tokens": 8})
    (log,) = eval(task, model="venire/smollm2-135m", display="none", temperature=0, log_dir=str(tmp_path))
    assert log.status == "success"
