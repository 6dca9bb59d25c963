"""The task `venire/fact_boundaries`: what the model was never told, names that only sound alike, and traps."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import TaskState
from pydantic import Field, model_validator

from venire._common.errors import InputError

from ..matching import find_word, mentions, plain
from ..scenarios import Scenario, by_domain, interleave, load_rows
from ..suite import make_suite

BOUNDARIES = Path(__file__).parent / "boundaries.jsonl"
Expect = Literal["unknown", "corrected", "answer"]

_KNOW = r"(?:know|have|find|see|recall|remember|say|tell|think of|answer)"
_UNKNOWN = re.compile(
    r"\bi (?:really |honestly |simply )?(?:do not|don't|cannot|can't|could not|couldn't|wouldn't) "
    r"(?:actually |really )?"
    + _KNOW
    + r"\b|\bi(?:'m| am) (?:not (?:sure|aware|certain|familiar|able)|unsure|unaware|unfamiliar|unable)\b"
    r"|\b(?:no|not (?:any|enough)|without) (?:\w+ )?(?:information|idea|record|knowledge|data|mention|clue|details?)\b"
    r"|\b(?:haven't|have not|hasn't|has not|never|wasn't|was not) (?:been )?"
    r"(?:told|mentioned|given|said|heard|stated)\b"
    r"|\b(?:is|are|was|it's|that's) (?:unknown|not (?:known|mentioned|given|stated|specified|something i know))\b"
    r"|\bno one (?:has )?told me\b|\bbeyond what i know\b"
)
_AFFIRMS = re.compile(
    r"^(?:yes|yeah|yep|correct|right|exactly|indeed|true|of course|certainly|that's (?:right|correct))\b"
)
_DENIES = re.compile(
    r"^(?:no|nope|not)\b|\b(?:isn't|is not|wasn't|was not|doesn't|does not|didn't|did not|hasn't|has not)\b"
    r"|\b(?:incorrect|wrong|mistaken|false)\b"
)


class Boundary(Scenario):
    """A question at the edge of what was told, and what is expected there."""

    expect: Expect = Field(description="unknown: to say so; corrected: not to agree; answer: the target")
    wrong: list[str] = Field(default=[], description="answers that show that the trap worked")

    @model_validator(mode="after")
    def _complete(self) -> "Boundary":
        if self.expect == "answer" and not (self.target and self.wrong):
            raise ValueError("expect 'answer' needs a target and what is wrong")
        if self.expect == "corrected" and not self.wrong:
            raise ValueError("expect 'corrected' needs what is wrong")
        return self


def admits(answer: str) -> bool:
    """Does the answer say that it does not know?"""
    return bool(_UNKNOWN.search(plain(answer)))


def holds_the_line(answer: str, expect: str, target: Sequence[str], wrong: Sequence[str]) -> bool:
    """Is the answer what is expected at this boundary?

    `unknown`: it says that it does not know, and gives nothing that is wrong. `corrected`: it gives the right answer,
    or says that it does not know, or denies, and does not begin by agreeing. `answer`: the target before what is wrong.
    """
    text = plain(answer).strip("\"'*- ")
    if not text:
        return False
    if expect == "unknown":
        return admits(answer) and not any(find_word(answer, each) is not None for each in wrong)
    if expect == "corrected":
        better = mentions(answer, [each for each in target if each])
        return not _AFFIRMS.search(text) and (better or admits(answer) or bool(_DENIES.search(text)))
    return mentions(answer, target, wrong)


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
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
