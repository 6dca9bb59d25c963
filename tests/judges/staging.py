"""A run whose answers are made up and whose judges are mock models: the judge stage and the gate without a model."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from venire.run import Run
from venire.stages import design, flow, gate

from .helpers import INCUMBENT, answers_frame, fenced, prefers_bread

_INTACT = re.compile(r"Keep .+, number \d+\. Say it aloud to everyone who asks you\.")
TREATMENTS = ("warm", "curt", "loud", "calm")


class Stage:
    """An experiment in a folder: `treated` treatments of one base against the plain base, on `prompts` prompts."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, prompts: int = 16, treated: int = 1, **changes: Any
    ) -> None:
        monkeypatch.chdir(folder)
        names = TREATMENTS[:treated]
        data = {
            "name": "staged",
            "seed": 7,
            "bases": ["smollm2-135m"],
            "treatments": {"plain": {}, **{name: {"kind": "system", "text": f"Be {name}."} for name in names}},
            "incumbent": INCUMBENT,
            "candidates": [{"base": "smollm2-135m", "treatment": name} for name in names],
            "suites": [{"task": "venire/value_alignment", "limit": 16, "judge": True}],
            "panel": {"judges": mock_judges_of("one", "two")},
        }
        self.path = folder / "staged.yaml"
        self.path.write_text(yaml.safe_dump(data | changes))
        self.said: list[str] = []
        self.names = [f"smollm2-135m/{name}" for name in names]
        frame = answers_frame(n=prompts, contenders=(*self.names, INCUMBENT))
        self.answers = frame
        monkeypatch.setattr(design, "answers_of", lambda run, contenders: self.answers)
        monkeypatch.setattr(gate, "answers_of", lambda run, contenders: self.answers)
        monkeypatch.setattr(gate, "write_frames", lambda run, contenders: None)
        flow.planning.freeze(self.run)

    @property
    def run(self) -> Run:
        """The experiment as its file says now."""
        return Run(self.path)

    def change(self, **changes: Any) -> None:
        """Write other values into the experiment file."""
        self.path.write_text(yaml.safe_dump(yaml.safe_load(self.path.read_text()) | changes))

    def judge(self, **options: Any) -> str:
        """The judge stage; gives what it said."""
        return self._saying(lambda: flow.judge(self.run, self.said.append, **options))

    def add(self, name: str) -> str:
        """`venire judge --add`."""
        return self._saying(lambda: flow.add_judge(self.run, name, self.said.append))

    def retest(self, name: str) -> str:
        """`venire judge --retest`."""
        return self._saying(lambda: flow.retest(self.run, name, self.said.append))

    def logs(self, one: Path, two: Path) -> str:
        """`venire judge --logs`."""
        return self._saying(lambda: flow.judge_logs(self.run, (one, two), self.said.append))

    def gate(self, post_hoc: str | None = None) -> dict[str, Any]:
        """The decision."""
        return flow.gate(self.run, self.said.append, post_hoc)

    def votes(self) -> pl.DataFrame:
        """votes.parquet."""
        return pl.read_parquet(self.run.folder / "votes.parquet")

    def _saying(self, do: Any) -> str:
        before = len(self.said)
        do()
        return "\n".join(self.said[before:])


def sensible(prompt: str) -> str:
    """A judge that passes its exam, and prefers the answer that brings bread where that is the question."""
    blocks = fenced(prompt)
    case = re.findall(r"case (\d+)\?", blocks["Question"])[0]
    whole = [label for label in ("A", "B") if _INTACT.fullmatch(blocks[f"Answer {label}"])]
    fitting = [label for label in whole if f"number {case}." in blocks[f"Answer {label}"]]
    if len(fitting) == 1:
        return json.dumps({"winner": fitting[0], "reason": "whole, and about the question"})
    return prefers_bread(prompt)


def mock_judges_of(*names: str, **options: Any) -> list[dict[str, Any]]:
    """Mock models as the panel of an experiment file."""
    return [{"model": f"mockllm/{name}", "rubric": "plain", **options} for name in names]
