"""Exact scoring of short answers: whole words, whole numbers, nothing judged."""

from collections.abc import Sequence
from typing import Any

from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import TaskState

from ..matching import answers_number, equals, mentions


def is_right(answer: str, targets: Sequence[str], metadata: dict[str, Any]) -> bool:
    """Is `answer` right, compared as the item's metadata (`match`, `rivals`, `case`, `operands`) says?"""
    case = bool(metadata.get("case"))
    match metadata.get("match", "contains"):
        case "number":
            return any(answers_number(answer, target, metadata.get("operands", [])) for target in targets)
        case "exact":
            return equals(answer, targets, case)
        case _:
            return mentions(answer, targets, metadata.get("rivals", ()), case)


@scorer(metrics=[grouped(accuracy(), "domain", all_label="accuracy"), stderr(cluster="family")])
def exact() -> Scorer:
    """C if the answer is right, else I. An empty answer is wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion.strip()
        right = is_right(answer, list(target), state.metadata)
        return Score(value=CORRECT if right else INCORRECT, answer=answer, explanation=f"right: {' or '.join(target)}")

    return score
