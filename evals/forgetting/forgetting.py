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

SCENARIOS = Path(__file__).parent / "scenarios.yaml"


@task
def forgetting(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    arithmetic: int = 13,
    seed: int = 11,
    max_tokens: int = 12,
) -> Task:
    """Facts, arithmetic, logic, instructions and short answers, scored exactly: what a fine-tune must not lose.

    Args:
        limit: How many items, from the first. The five domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this domain.
        arithmetic: How many questions of arithmetic are generated.
        seed: Of their numbers.
        max_tokens: Length of an answer.
    """
    rows = [*load_rows(SCENARIOS, Item), *make_arithmetic(arithmetic, seed)]
    wanted = [row for row in interleave(by_domain(rows)) if domain in (None, row.domain)]
    if not wanted:
        raise InputError(f"forgetting: no domain {domain!r}; there are {', '.join(sorted({r.domain for r in rows}))}")
    return make_suite(
        "forgetting",
        [row.sample(match=row.match, rivals=row.rivals, case=row.case, operands=row.operands) for row in wanted],
        exact(),
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
