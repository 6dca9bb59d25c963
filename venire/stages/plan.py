"""The plan stage: check everything, count, compute what the gate can show, and freeze it before training."""

from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError
from venire._common.files import write_json
from venire._common.hashing import sha256_json
from venire.run import versions

from .evaluate import suite_args, suite_task, treatments

if TYPE_CHECKING:
    from venire.experiment import SuiteSpec
    from venire.run import Run


def freeze(run: "Run") -> dict[str, Any]:
    """Check the experiment and write its lock; gives the lock.

    A lock that already says the same is left as it is. One that differs is written anew only while nothing has been
    run under it. Raises InputError for what is wrong in the experiment, VenireError for leaks and for a lock that
    other work already rests on.
    """
    frozen = describe(run)
    check_leaks(run)
    lock = run.lock
    if lock is not None and lock["frozen"] == frozen:
        return lock
    if lock is not None and (run.eval_logs.exists() or run.candidates.exists()):
        raise VenireError(
            f"{run.lock_file} froze something else ({', '.join(changes(lock['frozen'], frozen))}) and work was done "
            f"under it; give the experiment another name, or decide post hoc with: venire gate {run.path}"
        )
    lock = {"sha256": sha256_json(frozen), "frozen": frozen, "plan": outlook(run, frozen), "versions": versions()}
    write_json(run.lock_file, lock)
    return lock


def describe(run: "Run") -> dict[str, Any]:
    """What is frozen: everything that decides, by content."""
    from venire.engine import resolve_base
    from venire.judges.panel import resolve_panel

    experiment = run.experiment
    suites = [freeze_suite(spec) for spec in experiment.suites]
    return {
        "name": experiment.name,
        "seed": experiment.seed,
        "bases": {name: resolve_base(name).identity for name in experiment.bases},
        "treatments": treatments(run),
        "incumbent": experiment.incumbent,
        "suites": suites,
        "generation": experiment.generation.model_dump(exclude_none=True),
        "panel": [judge.model_dump(exclude_none=True) for judge in resolve_panel(experiment.panel).judges],
        "gate": experiment.policy.model_dump(mode="json"),
        "n_max": sum(suite["n"] for suite in suites if suite["judge"]),
    }


def freeze_suite(spec: "SuiteSpec") -> dict[str, Any]:
    """A suite's part of the lock: what was asked for, how many scenarios that is, and their hash."""
    from venire.evals.scenarios import suite_hash

    task = suite_task(spec)
    ids = [str(sample.id) for sample in task.dataset]
    if len(set(ids)) < len(ids):
        doubled = next(i for i in ids if ids.count(i) > 1)
        raise InputError(f"suite {spec.task!r}: the sample id {doubled!r} stands twice")
    frozen = spec.model_dump(mode="json", exclude_none=True)
    return frozen | {"name": spec.name, "n": len(ids), "sha256": suite_hash(spec.task, suite_args(spec))}


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Which parts of the lock differ, by name: what makes a decision post hoc."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def check_leaks(run: "Run") -> None:
    """Raises VenireError if a scenario's text also stands in training data, naming both places."""
    found = leaks(run)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise VenireError(f"train and eval mix: {found[0]}{more}; take the text out of one of them")


PLACEHOLDER_LEAKS
