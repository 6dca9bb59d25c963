"""What a scorer makes of one answer, without a run."""

import asyncio
from collections.abc import Sequence
from typing import Any

from inspect_ai.model import ChatMessageUser, ModelName, ModelOutput
from inspect_ai.scorer import Score, Scorer, Target
from inspect_ai.solver import TaskState


def marked(
    scorer: Scorer,
    answer: str,
    target: str | Sequence[str] = "",
    *,
    model: str = "venire/smollm2-135m",
    **metadata: Any,
) -> Score:
    """The score of `answer` to "Well?" by `model`."""
    state = TaskState(
        ModelName(model), "one", 1, "Well?", [ChatMessageUser(content="Well?")],
        output=ModelOutput.from_content(model, answer), metadata=metadata,
    )  # fmt: skip
    score = asyncio.run(scorer(state, Target(target)))
    assert score is not None
    return score
