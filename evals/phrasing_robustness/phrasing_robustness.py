"""The task `venire/phrasing_robustness`. What it measures, and what is known to be weak about it: README.md."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from venire._common.errors import InputError

from ..scenarios import load_rows
from ..suite import make_suite
from .scorer import recalled
from .templates import TEMPLATES, Fact

FACTS = Path(__file__).parent / "facts.yaml"


@task
def phrasing_robustness(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    split: str | None = None,
    template: str | None = None,
    facts: str | None = None,
    max_tokens: int = 24,
) -> Task:
    """Invented facts about the person, each asked for in several ways.

    Args:
        limit: How many items, from the first. Every fact comes once, in a kind of phrasing that moves on from fact to
            fact, before any comes twice.
        treatment: A treatment as JSON (see evals/treatments.py).
        split: Only the `trained` or only the `novel` kinds of phrasing.
        template: Only this kind.
        facts: A file of your own in place of the example person's.
        max_tokens: Length of an answer.
    """
    kinds = [name for name, (side, _) in TEMPLATES.items() if split in (None, side) and template in (None, name)]
    if not kinds:
        raise InputError(f"phrasing_robustness: no template is of split {split!r} and kind {template!r}")
    rows = load_rows(Path(facts) if facts else FACTS, Fact)
    return make_suite(
        "phrasing_robustness",
        [_sample(fact, kinds[(i + turn) % len(kinds)]) for turn in range(len(kinds)) for i, fact in enumerate(rows)],
        recalled(),
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


def _sample(fact: Fact, template: str) -> Sample:
    split, write = TEMPLATES[template]
    return Sample(
        id=f"{fact.id}.{template}",
        input=write(fact),
        target=fact.answers,
        metadata={"family": fact.id, "domain": fact.domain, "template": template, "split": split},
    )
