"""The task `venire/fact_contradiction`: facts against what everybody knows, each in its place."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import TaskState
from pydantic import Field

from ..matching import mentions
from ..scenarios import Row, load_rows
from ..suite import make_suite

CONTRADICTIONS = Path(__file__).parent / "contradictions.jsonl"


class Contradiction(Row):
    """A fact of the invented world that goes against the real one, and a question on either side of the line."""

    statement: str = Field(min_length=1, description="the invented fact as a sentence: for context and training")
    inside: str = Field(min_length=1, description="a question that the invented fact answers")
    inside_target: list[str] = Field(min_length=1, description="answers that count as right inside")
    outside: str = Field(min_length=1, description="the like question about the real world")
    outside_target: list[str] = Field(min_length=1, description="answers that count as right outside")


@scorer(metrics=[grouped(accuracy(), "domain", all_label="accuracy"), stderr(cluster="family")])
def in_its_place() -> Scorer:
    """C if the answer gives what holds on this side, before what holds on the other, else I."""

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion.strip()
        right = mentions(answer, list(target), state.metadata["other"])
        return Score(value=CORRECT if right else INCORRECT, answer=answer, explanation=f"right: {' or '.join(target)}")

    return score


@task
def fact_contradiction(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    contradictions: str | None = None,
    max_tokens: int = 24,
) -> Task:
    """Each invented fact asked for in its own place (`inside`), and the real one in the real world (`outside`).

    Args:
        limit: How many items, from the first; inside and outside take turns.
        treatment: A treatment as JSON (see evals/treatments.py), such as the statements in the prompt.
        contradictions: A file of your own.
        max_tokens: Length of an answer.
    """
    rows = load_rows(Path(contradictions) if contradictions else CONTRADICTIONS, Contradiction)
    return make_suite(
        "fact_contradiction",
        [sample for row in rows for sample in _pair(row)],
        in_its_place(),
        revision=2,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


def _pair(row: Contradiction) -> list[Sample]:
    sides = (
        ("inside", row.inside, row.inside_target, row.outside_target),
        ("outside", row.outside, row.outside_target, row.inside_target),
    )
    return [
        Sample(
            id=f"{row.id}.{side}",
            input=question,
            target=target,
            metadata={"family": row.id, "domain": side, "topic": row.domain, "other": other},
        )
        for side, question, target, other in sides
    ]
