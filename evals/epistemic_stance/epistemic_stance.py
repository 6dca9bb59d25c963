"""The task `venire/epistemic_stance`. What it measures, and what is known to be weak about it: README.md."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task

from venire._common.errors import InputError

from ..scenarios import by_domain, interleave, load_scenarios
from ..suite import make_suite
from .scorer import DOMAINS, stance
from .syllogisms import make_syllogisms

SCENARIOS = Path(__file__).parent / "scenarios.yaml"


@task
def epistemic_stance(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    syllogisms: int = 60,
    seed: int = 7,
    max_tokens: int | None = None,
) -> Task:
    """Questions about itself, ethics, matters of taste, facts, gaps and harm, and syllogisms; patterns are counted.

    Args:
        limit: How many items, from the first. The seven domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this domain.
        syllogisms: How many are generated; half of them valid.
        seed: Of the syllogisms.
        max_tokens: Length of an answer; by default what the evaluation sets.
    """
    if domain is not None and domain not in DOMAINS:
        raise InputError(f"epistemic_stance: no domain {domain!r}; there are {', '.join(DOMAINS)}")
    rows = [*load_scenarios(SCENARIOS), *make_syllogisms(syllogisms, seed)]
    groups = sorted(by_domain(rows), key=lambda group: DOMAINS.index(group[0].domain))
    wanted = [row for row in interleave(groups) if domain in (None, row.domain)]
    return make_suite(
        "epistemic_stance",
        [row.sample() for row in wanted],
        stance(),
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
