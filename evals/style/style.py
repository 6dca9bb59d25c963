"""The task `venire/style`. What it is for, and what it cannot show: README.md beside this file."""

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import TaskState
from pydantic import Field

from venire._common.errors import InputError

from ..scenarios import Scenario, by_domain, interleave, load_rows
from ..suite import make_suite

PROMPTS = Path(__file__).parent / "prompts.jsonl"


class StylePrompt(Scenario):
    """An open prompt, and whether it is of the kind that the style was trained on."""

    in_domain: bool = Field(description="of the trained kind; the others show what was lost on the way")


@scorer(metrics=[grouped(mean(), "domain", all_label="mean"), stderr(cluster="family")])
def finished() -> Scorer:
    """1 if the answer came to its own end, 0 if it was empty or cut off: cut answers are no fair comparison."""

    async def score(state: TaskState, target: Target) -> Score:
        answer, reason = state.output.completion.strip(), str(state.output.stop_reason)
        whole = bool(answer) and reason not in ("max_tokens", "model_length")
        return Score(value=float(whole), answer=answer, explanation=f"stopped for: {reason}")

    return score


@task
def style(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    part: str | None = None,
    prompts: str | None = None,
    max_tokens: int | None = None,
) -> Task:
    """Open prompts for the panel to compare answers on, inside the trained domain and outside it.

    Args:
        limit: How many prompts, from the first. The nine domains take turns.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this domain.
        part: Only `in` (philosophy, reframing, prose, argument) or only `out` (math, practical, creative, …).
        prompts: A file of your own.
        max_tokens: Length of an answer; by default what the evaluation sets.
    """
    if part not in (None, "in", "out"):
        raise InputError(f"style: part {part!r}; give 'in' or 'out', or leave it away for both")
    every = load_rows(Path(prompts) if prompts else PROMPTS, StylePrompt)
    rows = [row for row in every if domain in (None, row.domain) and part in (None, "in" if row.in_domain else "out")]
    if not rows:
        raise InputError(f"style: no prompt of domain {domain!r} and part {part!r}")
    return make_suite(
        "style",
        [row.sample(in_domain=row.in_domain) for row in interleave(by_domain(rows))],
        finished(),
        revision=1,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )
