"""What a scorer makes of one answer, without a run."""

import asyncio
from collections.abc import Sequence
from typing import Any

from inspect_ai.model import ChatMessageUser, ModelName, ModelOutput, StopReason
from inspect_ai.scorer import Score, Scorer, Target
from inspect_ai.solver import TaskState


def marked(
    scorer: Scorer,
    answer: str,
    target: str | Sequence[str] = "",
    *,
    model: str = "venire/smollm2-135m",
    stop: StopReason = "stop",
    **metadata: Any,
) -> Score:
    """The score of `answer` to "Well?" by `model`."""
    output = ModelOutput.from_content(model, answer, stop_reason=stop)
    asked = [ChatMessageUser(content="Well?")]
    state = TaskState(ModelName(model), "one", 1, "Well?", list(asked), output=output, metadata=metadata)
    score = asyncio.run(scorer(state, Target(target)))
    assert score is not None
    return score
