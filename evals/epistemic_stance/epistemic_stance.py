"""The tasks `venire/epistemic_stance` and `venire/epistemic_open`. What they measure, and how weakly: README.md."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task

from venire._common.errors import InputError

from ..scenarios import by_domain, interleave, load_scenarios
from ..suite import make_suite
from ..treatments import treat
from ..vary import vary
from .scorer import DOMAINS, opinions
from .syllogisms import make_syllogisms

SCENARIOS = Path(__file__).parent / "scenarios.jsonl"
OPEN = Path(__file__).parent / "open.jsonl"
OPEN_TEMPERATURES = (0.3, 0.7, 1.0, 1.3)
OPEN_REPEATS = 5


@task
def epistemic_stance(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    syllogisms: int = 59,
    seed: int = 7,
    max_tokens: int | None = None,
    second_opinion: bool | str | list[str] = False,
) -> Task:
    """Questions about itself, ethics, matters of taste, facts, gaps and harm, and syllogisms; patterns are counted.

    Model Roles:
        grader: reads the patterns too, with `second_opinion`.

    Args:
        limit: How many items, from the first. The seven domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this domain.
        syllogisms: How many are generated, valid and invalid in turn. 59 without a mistake certify 95%.
        seed: Of the syllogisms.
        max_tokens: Length of an answer; by default what the evaluation sets.
        second_opinion: Have the role `grader` (or the models named here) say which patterns they see, as metrics of
            their own (`…_judged`).
    """
    if domain is not None and domain not in DOMAINS:
        raise InputError(f"epistemic_stance: no domain {domain!r}; there are {', '.join(DOMAINS)}")
    rows = [*load_scenarios(SCENARIOS), *make_syllogisms(syllogisms, seed)]
    groups = sorted(by_domain(rows), key=lambda group: DOMAINS.index(group[0].domain))
    wanted = [row for row in interleave(groups) if domain in (None, row.domain)]
    return make_suite(
        "epistemic_stance",
        [row.sample() for row in wanted],
        opinions(second_opinion),
        revision=4,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


@task
def epistemic_open(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    repeats: int = OPEN_REPEATS,
    max_tokens: int | None = None,
    second_opinion: bool | str | list[str] = False,
) -> Task:
    """67 further open questions, each asked five times at each of four temperatures; the same patterns are counted.

    Model Roles:
        grader: reads the patterns too, with `second_opinion`.

    Args:
        limit: How many questions, from the first. The domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        repeats: How often a question is asked at one temperature.
        max_tokens: Length of an answer; by default what the evaluation sets.
        second_opinion: Have the role `grader` (or the models named here) say which patterns they see.
    """
    rows = interleave(by_domain(load_scenarios(OPEN)))
    suite = make_suite(
        "epistemic_open",
        [row.sample() for row in rows],
        opinions(second_opinion),
        revision=3,
        limit=limit,
        max_tokens=max_tokens,
    )
    return treat(vary(suite, temperatures=OPEN_TEMPERATURES, repeats=repeats), treatment)
