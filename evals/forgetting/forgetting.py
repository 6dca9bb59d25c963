"""The task `venire/forgetting`. What it measures, and what is known to be weak about it: README.md."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task

from venire._common.errors import InputError

from ..scenarios import by_domain, interleave, load_rows
from ..suite import make_suite
from .arithmetic import make_arithmetic
from .items import Item
from .scorer import exact

SCENARIOS = Path(__file__).parent / "scenarios.jsonl"
SHORT = ("facts", "logic", "instructions", "short_answers", "arithmetic")  # domains answered in a few words
SHORT_FIRST = 12  # rounds of these that come before everything else


@task
def forgetting(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    arithmetic: int = 40,
    seed: int = 11,
    max_tokens: int = 12,
) -> Task:
    """Facts, arithmetic, logic, code, practical tasks, instructions, refusals, scored exactly: what must not be lost.

    Args:
        limit: How many items, from the first. The first 60 are 12 short ones of each of five domains, in turn, for a
            quick run; after them all eight domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this domain.
        arithmetic: How many questions of arithmetic are generated.
        seed: Of their numbers.
        max_tokens: Length of a short answer; code, instructions and refusals have lengths of their own.
    """
    groups = {
        rows[0].domain: rows for rows in by_domain([*load_rows(SCENARIOS, Item), *make_arithmetic(arithmetic, seed)])
    }
    first = interleave([groups[name][:SHORT_FIRST] for name in SHORT])
    rest = interleave([rows[SHORT_FIRST if name in SHORT else 0 :] for name, rows in groups.items()])
    wanted = [row for row in [*first, *rest] if domain in (None, row.domain)]
    if not wanted:
        raise InputError(f"forgetting: no domain {domain!r}; there are {', '.join(sorted(groups))}")
    return make_suite(
        "forgetting",
        [row.sample(**row.marking()) for row in wanted],
        exact(),
        revision=4,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
