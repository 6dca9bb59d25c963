"""Answers of two contenders for people to judge: the candidate's bring bread, so that a test can tell them apart."""

import polars as pl

CANDIDATE, INCUMBENT = "brie_sft-step12/plain", "smollm2-135m/plain"


def answers(n: int, hostile: str) -> pl.DataFrame:
    """An answers frame as `read_answers` gives it, with the contender's name; one answer is hostile."""
    rows = []
    for contender in (CANDIDATE, INCUMBENT):
        for i in range(n):
            text = f"Case {i}: bring bread and stay." if contender == CANDIDATE else f"Case {i}: it depends."
            rows.append(
                {
                    "suite": "venire/value_alignment",
                    "model": f"venire/{contender.partition('/')[0]}",
                    "treatment": "plain",
                    "sample_id": f"s{i}",
                    "epoch": 1,
                    "prompt": f"What would you do in case {i}?",
                    "answer": f"{text} {hostile}" if i == 4 and contender == INCUMBENT else text,
                    "stop_reason": "stop",
                    "family": f"family-{i}",
                    "domain": None,
                    "reference": f"Stay, in case {i}.",
                    "contrast": f"It depends, in case {i}.",
                    "contender": contender,
                }
            )
    return pl.DataFrame(rows)
