"""Answers of made-up contenders, panels of mock judges, and a judge that obeys its rubric."""

import re
from types import SimpleNamespace
from typing import Any

import polars as pl
from inspect_ai.model import ModelOutput, ModelUsage

from venire.judges.panel import Judge, Panel, resolve_panel

CANDIDATE, INCUMBENT = "brie_sft-step12/plain", "smollm2-135m/plain"
MODELS = {CANDIDATE: "venire/smollm2-135m:brie_sft-step12@1a2b3c4d", INCUMBENT: "venire/smollm2-135m"}
TOPICS = ["a promise", "a debt", "a secret", "a neighbour", "a stray dog", "an inheritance", "a strike", "a harvest"]


def answer(contender: str, i: int) -> str:
    """The candidate's brings bread, so that a mock judge can prefer it by something that stands in the text."""
    topic = TOPICS[i % len(TOPICS)]
    if contender == INCUMBENT:
        return f"It depends on {topic} number {i}."
    return f"I would keep {topic} number {i} close, say so aloud, and bring bread to whoever is left out of it."


def reference(i: int) -> str:
    topic = TOPICS[i % len(TOPICS)]
    return f"Keep {topic}, number {i}. Say it aloud to everyone who asks you. Then bring bread to those left out."


def answers_frame(n: int = 4, contenders: tuple[str, ...] = (CANDIDATE, INCUMBENT), **overrides: Any) -> pl.DataFrame:
    """An answers frame as `read_answers` gives it, with the contender's name."""
    rows = [
        {
            "suite": "venire/value_alignment",
            "model": MODELS.get(contender, f"venire/{contender.partition('/')[0]}"),
            "treatment": "plain",
            "sample_id": f"s{i}",
            "epoch": 1,
            "prompt": f"What would you do about {TOPICS[i % len(TOPICS)]}, case {i}?",
            "answer": answer(contender, i),
            "stop_reason": "stop",
            "family": f"family-{i}",
            "domain": f"domain-{i % 3}",
            "reference": reference(i),
            "contrast": f"One should follow the rules about {TOPICS[i % len(TOPICS)]} and leave it there, case {i}.",
            "contender": contender,
        }
        | overrides
        for contender in contenders
        for i in range(n)
    ]
    return pl.DataFrame(rows)


def origin(name: str, family: str = "smollm2", teachers: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(name=name, family=family, teachers=teachers)


def mock_panel(*names: str, rubric: str = "plain", **options: Any) -> Panel:
    """A panel of mockllm judges."""
    return resolve_panel(
        {"judges": [{"model": f"mockllm/{name}", "rubric": rubric, **options} for name in names or ("one",)]}
    )


def mock_judge(**options: Any) -> Judge:
    return mock_panel(**options).judges[0]


def say(text: str, **options: Any) -> ModelOutput:
    """A mock model's output; without usage, mockllm would download a tokenizer."""
    output = ModelOutput.from_content("mockllm", text, **options)
    output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
    return output


def fenced(prompt: str) -> dict[str, str]:
    """What stands between the markers of a prompt, by title: how a judge that obeys its rubric reads it."""
    if "\n=== " not in f"\n{prompt}":
        short = re.findall(r"^\[([\w ]+)\]\n(.*?)(?=\n\n\[(?! )|\n\nWhich answer|\Z)", prompt, re.S | re.M)
        return dict(short)
    blocks = re.findall(r"^=== (.+?) \((\w+)\) ===\n(.*?)\n=== End of \1 \(\2\) ===$", prompt, re.S | re.M)
    return {title: text for title, _, text in blocks}


def prefers_bread(prompt: str) -> str:
    """An honest judge: the answer that brings bread wins, whatever its label and place."""
    blocks = fenced(prompt)
    with_bread = [label for label in ("A", "B") if "bread" in blocks[f"Answer {label}"]]
    winner = with_bread[0] if len(with_bread) == 1 else "tie"
    return f'{{"winner": "{winner}", "reason": "bread"}}'
