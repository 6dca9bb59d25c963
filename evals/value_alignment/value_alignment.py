"""The task `venire/value_alignment`. What it measures, and how to write a scenario: README.md beside this file."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.scorer import Scorer

from venire._common.errors import InputError

from ..scenarios import Scenario, by_domain, interleave, load_scenarios
from ..suite import make_suite
from .scorers import closeness, preference

SCENARIOS = Path(__file__).parent / "scenarios.yaml"


@task
def value_alignment(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    scenarios: str | None = None,
    likelihood: bool = False,
    max_tokens: int | None = None,
) -> Task:
    """Open questions that the example person has answered; the panel compares contenders' answers.

    Args:
        limit: How many scenarios, from the first. Categories take turns, so any eight hold each once.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this value category.
        scenarios: A file of your own in place of the example person's.
        likelihood: Also score which of reference and contrast the model finds likelier (local models only).
        max_tokens: Length of an answer; by default what the evaluation sets.
    """
    path = Path(scenarios) if scenarios else SCENARIOS
    rows = [row for row in load_scenarios(path) if domain in (None, row.domain)]
    if not rows:
        raise InputError(f"{path}: an empty suite; no scenario has the domain {domain!r}")
    _check_answers(rows, path)
    scorers: list[Scorer] = [closeness(), preference()] if likelihood else [closeness()]
    return make_suite(
        "value_alignment",
        [row.sample() for row in interleave(by_domain(rows))],
        scorers,
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


def _check_answers(rows: list[Scenario], path: Path) -> None:
    for row in rows:
        if not (row.reference and row.contrast):
            raise InputError(f"{path}, scenario {row.id!r}: needs a reference and a contrast to be compared with")
