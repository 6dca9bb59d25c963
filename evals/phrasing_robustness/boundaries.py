"""The task `venire/fact_boundaries`: what the model was never told, names that only sound alike, and traps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import TaskState
from pydantic import Field, model_validator

from venire._common.errors import InputError

from ..matching import find_word, words
from ..scenarios import Scenario, by_domain, interleave, load_rows
from ..suite import make_suite
from .reading import corrects, only_admits, picks

BOUNDARIES = Path(__file__).parent / "boundaries.jsonl"
Expect = Literal["unknown", "corrected", "answer"]


class Boundary(Scenario):
    """A question at the edge of what was told, and what is expected there."""

    expect: Expect = Field(
        description="unknown: to say so; corrected: not to agree; answer: the target, of what is not so"
    )
    wrong: list[str] = Field(default=[], description="answers that show that the trap worked")

    @model_validator(mode="after")
    def _complete(self) -> "Boundary":
        if self.expect == "answer" and not (self.target and self.wrong):
            raise ValueError("expect 'answer' needs a target and what is wrong")
        if self.expect == "corrected" and not self.wrong:
            raise ValueError("expect 'corrected' needs what is wrong")
        return self


def holds_the_line(answer: str, expect: str, target: Sequence[str], wrong: Sequence[str]) -> bool:
    """Is the answer what is expected at this boundary?

    `unknown`: it says that it does not know, and states nothing beside. `corrected`: it gives the right answer, or
    denies what is wrong, or does not know, and does not agree. `answer`: it picks the target, not what is wrong.
    """
    if not words(answer):
        return False
    if expect == "unknown":
        return only_admits(answer) and not any(find_word(answer, each) is not None for each in wrong)
    if expect == "corrected":
        return corrects(answer, target, wrong)
    return picks(answer, target, wrong)


@scorer(metrics=[grouped(accuracy(), "domain", all_label="accuracy"), stderr(cluster="family")])
def boundary() -> Scorer:
    """C if the answer is what is expected at the edge of what was told, else I. An empty answer is wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion.strip()
        expect, wrong = str(state.metadata["expect"]), state.metadata.get("wrong", [])
        right = holds_the_line(answer, expect, list(target), wrong)
        return Score(value=CORRECT if right else INCORRECT, answer=answer, explanation=f"expected: {expect}")

    return score


@task
def fact_boundaries(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    boundaries: str | None = None,
    max_tokens: int = 32,
) -> Task:
    """Questions about facts that were never told, names that sound alike, leading questions and negations.

    Args:
        limit: How many items, from the first. The four domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only `unknown`, `similar_name`, `leading` or `negation`.
        boundaries: A file of your own in place of the example person's.
        max_tokens: Length of an answer.
    """
    rows = load_rows(Path(boundaries) if boundaries else BOUNDARIES, Boundary)
    wanted = [row for row in interleave(by_domain(rows)) if domain in (None, row.domain)]
    if not wanted:
        raise InputError(
            f"fact_boundaries: no domain {domain!r}; there are {', '.join(sorted({r.domain for r in rows}))}"
        )
    return make_suite(
        "fact_boundaries",
        [row.sample(expect=row.expect, wrong=row.wrong) for row in wanted],
        boundary(),
        revision=2,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
