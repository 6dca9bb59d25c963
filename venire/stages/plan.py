"""The plan stage: check everything, count, compute what the gate can show, and freeze it before training."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError
from venire._common.files import write_json
from venire._common.hashing import sha256_json
from venire.run import versions

from .evaluate import load_task

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

    from venire.run import Run


@dataclass(frozen=True)
class FrozenSuite:
    """A suite as it is asked: its scenarios' hash, texts by id, and families."""

    spec: Any
    sha256: str
    texts: dict[str, str]
    families: dict[str, str]


def freeze(run: "Run") -> dict[str, Any]:
    """Check the experiment and write its lock; gives the lock.

    A lock that already says the same is left as it is. One that differs is written anew only while nothing has been
    run under it. Raises InputError for what is wrong in the experiment, VenireError for leaks and for a lock that
    other work already rests on.
    """
    frozen, plan = describe(run)
    lock = run.lock
    if lock is not None and lock["frozen"] == frozen:
        return lock
    if lock is not None and (run.eval_logs.exists() or run.candidates.exists()):
        raise VenireError(
            f"{run.lock_file} froze something else ({', '.join(changes(lock['frozen'], frozen))}) and work was done "
            f"under it; go on with `venire gate` (post hoc), or give the experiment another name"
        )
    lock = {"sha256": sha256_json(frozen), "frozen": frozen, "plan": plan, "versions": versions()}
    run.folder.mkdir(parents=True, exist_ok=True)
    write_json(run.lock_file, lock)
    return lock


def describe(run: "Run") -> tuple[dict[str, Any], dict[str, Any]]:
    """What is frozen (decides, and must not change), and what is told beside it (power, candidates, findings)."""
    from venire.engine import resolve_base
    from venire.judges.panel import resolve_panel

    experiment = run.experiment
    suites = [freeze_suite(run, spec) for spec in experiment.suites]
    check_leaks(run, suites)
    panel = resolve_panel(experiment.panel)
    frozen = {
        "name": experiment.name,
        "seed": experiment.seed,
        "bases": {name: resolve_base(name).identity for name in experiment.bases},
        "treatments": experiment.treatments,
        "incumbent": experiment.incumbent,
        "suites": [frozen_suite(suite) for suite in suites],
        "generation": experiment.generation.model_dump(exclude_none=True),
        "panel": [judge.model_dump(exclude_none=True) for judge in panel.judges],
        "gate": policy_of(run).model_dump(mode="json"),
        "n_max": sum(len(suite.texts) for suite in suites if suite.spec.judge),
    }
    return frozen, {"findings": feasibility(run, frozen), "candidates": count_candidates(run)}


def frozen_suite(suite: FrozenSuite) -> dict[str, Any]:
    """A suite's part of the lock."""
    spec = suite.spec.model_dump(mode="json", exclude_none=True)
    return spec | {"name": suite.spec.name, "sha256": suite.sha256, "n": len(suite.texts)}


def freeze_suite(run: "Run", spec: Any) -> FrozenSuite:
    """Load a suite once and take down its scenarios. Raises InputError for ids that stand twice."""
    task = load_task(spec)
    samples = list(task.dataset)
    ids = [str(sample.id) for sample in samples]
    if doubled := next((i for i in ids if ids.count(i) > 1), None):
        raise InputError(f"suite {spec.task!r}: the sample id {doubled!r} stands twice")
    metadata = [sample.metadata or {} for sample in samples]
    return FrozenSuite(
        spec,
        sha256_json([_content(sample) for sample in samples]),
        {i: _text(sample) for i, sample in zip(ids, samples, strict=True)},
        {i: str(m.get("family", i)) for i, m in zip(ids, metadata, strict=True)},
    )


def _text(sample: "Sample") -> str:
    if isinstance(sample.input, str):
        return sample.input
    return "\n".join(message.text for message in sample.input)


def _content(sample: "Sample") -> dict[str, Any]:
    metadata = {k: v for k, v in (sample.metadata or {}).items() if isinstance(v, str | int | float | bool | list)}
    return {"id": str(sample.id), "input": _text(sample), "target": sample.target, "metadata": metadata}


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Which parts of the lock differ, by name: what makes a decision post hoc."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def check_leaks(run: "Run", suites: list[FrozenSuite]) -> None:
    """Raises VenireError if a scenario's text also stands in training data, naming both places."""
    found = leaks(run, suites)
    if found:
        first = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise VenireError(f"train and eval mix: {first.train} and {first.eval} share their text ({first.kind}){more}")


def leaks(run: "Run", suites: list[FrozenSuite]) -> list[Any]:
    """Scenarios that also stand in the data of a recipe, as `venire.datasets.leaks` finds them."""
    from venire.datasets.leaks import find_leaks

    eval_texts = [(f"{s.spec.task}:{i}", text) for s in suites for i, text in s.texts.items()]
    found = []
    for recipe in recipes(run):
        found += find_leaks(training_texts(recipe), eval_texts)
    return found


def recipes(run: "Run") -> list[Any]:
    """The recipes that the experiment names, checked."""
    from venire.experiment import find_file
    from venire.training.recipe import load_recipe

    return [load_recipe(find_file(spec.recipe, "recipe")) for spec in run.experiment.candidates if spec.recipe]


def training_texts(recipe: Any) -> list[tuple[str, str]]:
    """(file:row, text) of every prompt that a recipe trains on."""
    from venire.datasets.rows import load_rows, prompt_text

    rows = load_rows(Path(recipe.data_path), recipe.method)
    return [(f"{recipe.data}:{i}", prompt_text(row)) for i, row in enumerate(rows, start=1)]


def task_of(spec: Any) -> "Task":
    """The suite's plain task (no treatment)."""
    return load_task(spec)
