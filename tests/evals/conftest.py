"""A model that answers as a test says, and sentence vectors without a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model

Answer = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., EvalLog]:
    """`run(task, answer)`: the log of `task` under a model that says `answer(prompt)` to each prompt."""

    def go(task: Task, answer: Answer, **options: Any) -> EvalLog:
        def output(messages: list[Any], *_: Any) -> ModelOutput:
            made = ModelOutput.from_content("mockllm/m", answer(messages[-1].text))
            made.usage = ModelUsage(input_tokens=5, output_tokens=3, total_tokens=8)
            return made

        model = get_model("mockllm/m", custom_outputs=output)
        options = {"log_dir": str(tmp_path / "logs"), "display": "none", **options}
        (log,) = eval(task, model=model, **options)
        assert log.status == "success", log.error
        return log

    return go


@pytest.fixture
def letter_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts as counts of their letters: near texts are near, and no model is loaded."""

    def embed(texts: list[str], model: str = "") -> np.ndarray:
        counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)

    monkeypatch.setattr("venire.engine.embed", embed, raising=False)
