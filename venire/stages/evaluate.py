"""The eval stage: contenders × suites through Inspect, each finished sample once, whatever was killed before."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError
from venire.progress import watch

if TYPE_CHECKING:
    import polars as pl
    from inspect_ai import Task

    from venire.experiment import SuiteSpec
    from venire.run import Contender, Run

MAX_TASKS = 16  # tasks whose samples share the engine's batches
MAX_CONNECTIONS = 96


def suite_task(spec: "SuiteSpec", treatment: str | None = None) -> "Task":
    """The suite's Inspect task, with its limit, under a treatment (the JSON of `Treatment.to_arg`).

    Raises InputError if no installed package has a task of that name, if an argument does not fit, or if it is empty.
    """
    from inspect_ai import task_with

    from venire.evals.scenarios import load_task
    from venire.evals.treatments import treat

    ours = spec.task.startswith("venire/")
    task = load_task(spec.task, suite_args(spec) | ({"treatment": treatment} if ours and treatment else {}))
    if spec.limit and not ours:
        task = task_with(task, dataset=task.dataset[: spec.limit])
    if len(task.dataset) == 0:
        raise InputError(f"suite {spec.task!r} is empty: it has no scenario to ask")
    return task if ours else treat(task, treatment)


def declared_metrics(spec: "SuiteSpec") -> list[str] | None:
    """What the suite's scores are called, as its scorers declare it; None where only running it tells."""
    from inspect_ai._util.registry import registry_info

    found: list[str] = []
    for scorer in suite_task(spec).scorer or []:
        info = registry_info(scorer)
        package, _, name = info.name.rpartition("/")
        metrics: Any = info.metadata.get("metrics")
        if package not in ("venire", "inspect_ai") or name in found:
            return None  # what somebody else's scorer gives may have other keys than it declares
        if isinstance(metrics, dict) and not any("*" in key for key in metrics):
            found += [*metrics, *(f"{name}/{key}" for key in metrics)]
        elif isinstance(metrics, list) and all(callable(metric) for metric in metrics):
            found.append(name)
        else:
            return None
    return found or None


def suite_args(spec: "SuiteSpec") -> dict[str, Any]:
    """What the suite's task is made with; our own suites choose their first `limit` scenarios themselves."""
    return spec.args | ({"limit": spec.limit} if spec.limit and spec.task.startswith("venire/") else {})


def treatments(run: "Run") -> dict[str, str | None]:
    """Every treatment of the experiment as a task's argument, its files read."""
    from venire.evals.treatments import load_treatment
    from venire.experiment import find_file

    named = run.experiment.treatments.items()
    return {name: load_treatment(name, raw, lambda f: find_file(f, "treatment file")).to_arg() for name, raw in named}


def contender_task(run: "Run", spec: "SuiteSpec", contender: "Contender", treatment: str | None) -> "Task":
    """A suite's task for one contender: its model, its treatment, the settings it answers with."""
    from inspect_ai import task_with
    from inspect_ai.model import GenerateConfig

    from venire.engine import open_model

    task = suite_task(spec, treatment)
    given = {k: v for k, v in run.experiment.generation.model_dump().items() if v is not None}
    given.setdefault("seed", run.experiment.seed)
    own = {k: v for k, v in task.config.model_dump().items() if v is not None}
    merged = given | own | spec.generation | {"max_connections": MAX_CONNECTIONS}
    again: Any = {"epochs": spec.epochs} if spec.epochs else {}
    return task_with(task, model=open_model(contender.model), config=GenerateConfig.model_validate(merged), **again)


def evaluate(run: "Run", contenders: Sequence["Contender"], say: Callable[[str], None]) -> None:
    """Run every suite against the contenders. One base after another, all adapters of a base in shared batches.

    Raises VenireError if some samples could not be answered; what was answered stays.
    """
    from venire.engine import close_servers

    under = treatments(run)
    groups: dict[str, list[Task]] = {}
    for contender in sorted(contenders, key=lambda c: c.base):
        # The local engine changes its base by itself; of servers, only one may hold the GPU at a time.
        group = groups.setdefault(contender.base if run.experiment.serve == "vllm" else "", [])
        group += [contender_task(run, spec, contender, under[contender.treatment]) for spec in run.experiment.suites]
    run.eval_logs.mkdir(parents=True, exist_ok=True)
    todo = sum(len(task.dataset) * (task.epochs or 1) for tasks in groups.values() for task in tasks) - finished(run)
    with watch("eval", todo, say):
        for base, tasks in groups.items():
            _evaluate(run, tasks)
            close_servers([c.model for c in contenders if c.base == base])


def _evaluate(run: "Run", tasks: "list[Task]") -> None:
    from inspect_ai import eval_set

    done, logs = eval_set(
        tasks,
        log_dir=str(run.eval_logs),
        log_dir_allow_dirty=True,  # the incumbents' logs stand there when the candidates come
        retry_attempts=1,
        max_tasks=MAX_TASKS,
        max_connections=MAX_CONNECTIONS,
        adaptive_connections=False,
        log_buffer=1,  # a sample is on disk as soon as it is answered
        log_realtime=False,
        log_shared=False,
        display="none",
    )
    if len(logs) < len(tasks):  # an interrupt: Inspect gives no logs of what it cancelled, and calls that done
        raise KeyboardInterrupt
    if not done:
        failed = next((log for log in logs if log.status != "success"), None)
        reason = failed.error.message if failed and failed.error else "see the logs with: inspect view"
        raise VenireError(f"the suites did not finish: {reason}; run the same command again to go on")


def finished(run: "Run") -> int:
    """Samples that finished logs already hold."""
    from inspect_ai.log import list_eval_logs, read_eval_log

    headers = [read_eval_log(info, header_only=True) for info in list_eval_logs(str(run.eval_logs))]
    return sum(log.results.completed_samples for log in headers if log.status == "success" and log.results)


def eval_logs(run: "Run") -> list[Path]:
    """The logs of this run's suites, oldest first."""
    return sorted(run.eval_logs.glob("*.eval"))


def with_contender(frame: "pl.DataFrame", contenders: Sequence["Contender"]) -> "pl.DataFrame":
    """Add the contender's name to a results or answers frame; rows of nobody we know are left out."""
    import polars as pl

    names = pl.DataFrame(
        [{"model": c.model, "treatment": c.treatment, "contender": c.name} for c in contenders],
        schema={"model": pl.String, "treatment": pl.String, "contender": pl.String},
    )
    return frame.join(names, on=["model", "treatment"], how="inner")
