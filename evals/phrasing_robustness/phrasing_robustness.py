"""The tasks over known facts: `venire/phrasing_robustness` and `venire/fact_survival`. What they measure: README.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from venire._common.errors import InputError

from ..scenarios import load_rows
from ..suite import make_suite
from .scorer import recalled
from .templates import QUICK, TEMPLATES, Fact

FACTS = Path(__file__).parent / "facts.jsonl"
SURVIVAL = ("what_is", "do_you_know", "indirect", "fragment")


@task
def phrasing_robustness(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    split: str | None = None,
    template: str | None = None,
    facts: str | None = None,
    made: int | None = None,
    seed: int = 7,
    max_tokens: int = 24,
) -> Task:
    """Invented facts about the person, each asked for in several ways.

    Args:
        limit: How many items, from the first. Every fact comes once, in a kind of phrasing that moves on from fact to
            fact, before any comes twice; seven kinds come before the others.
        treatment: A treatment as JSON (see evals/treatments.py).
        split: Only the `trained` or only the `novel` kinds of phrasing.
        template: Only this kind.
        facts: A file of your own in place of the example person's.
        made: So many generated facts about invented people instead, from `seed`: 1000 and more.
        seed: Of the generated facts.
        max_tokens: Length of an answer.
    """
    chosen = [name for name, each in TEMPLATES.items() if split in (None, each.split) and template in (None, name)]
    if not chosen:
        raise InputError(f"phrasing_robustness: no template is of split {split!r} and kind {template!r}")
    quick = [name for name in chosen if name in list(TEMPLATES)[:QUICK]]
    rest = [name for name in chosen if name not in quick]
    rows = facts_of(facts, made, seed)
    return make_suite(
        "phrasing_robustness",
        [*_in_turn(rows, quick), *_in_turn(rows, rest)],
        recalled(),
        revision=3,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


@task
def fact_survival(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    facts: str | None = None,
    made: int | None = None,
    seed: int = 7,
    max_tokens: int = 24,
) -> Task:
    """The same facts in four phrasings, for a model before and after it was trained on something else.

    Args:
        limit: How many items, from the first.
        treatment: A treatment as JSON (see evals/treatments.py).
        facts: A file of your own in place of the example person's.
        made: So many generated facts instead, from `seed`.
        seed: Of the generated facts.
        max_tokens: Length of an answer.
    """
    rows = facts_of(facts, made, seed)
    return make_suite(
        "fact_survival",
        _in_turn(rows, SURVIVAL),
        recalled(),
        revision=2,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


def facts_of(file: str | None = None, made: int | None = None, seed: int = 7) -> list[Fact]:
    """The facts of a file (default: the example person's), or so many generated ones.

    Raises InputError if both are asked for, or the file is wrong.
    """
    if made is None:
        return load_rows(Path(file) if file else FACTS, Fact)
    if file:
        raise InputError("facts: give a file or a number of made ones, not both")
    from venire.datasets.facts import make_facts

    return [Fact.model_validate(fact.model_dump()) for fact in make_facts(made, seed)]


def _in_turn(rows: Sequence[Fact], kinds: Sequence[str]) -> list[Sample]:
    """Every fact in every kind: each fact once, in changing kinds, before any comes twice."""
    return [_sample(fact, kinds[(i + turn) % len(kinds)]) for turn in range(len(kinds)) for i, fact in enumerate(rows)]


def _sample(fact: Fact, name: str) -> Sample:
    template = TEMPLATES[name]
    return Sample(
        id=f"{fact.id}.{name}",
        input=template.write(fact),
        target=fact.answers,
        metadata={
            "family": fact.id,
            "domain": fact.domain,
            "template": name,
            "split": template.split,
            "kind": template.kind,
        },
    )
