"""What judging costs before it is bought: calls, tokens and dollars."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class JudgePrice:
    """One judge: dollars per million input and output tokens, and expected tokens of one judgement (≥ 0)."""

    judge: str
    usd_input: float
    usd_output: float
    input_tokens: float
    output_tokens: float


@dataclass(frozen=True)
class Price:
    """calls: judgements over all judges; tokens of both kinds; usd."""

    calls: int
    input_tokens: float
    output_tokens: float
    usd: float


def price(pairs: int, judges: Iterable[JudgePrice], orders: int = 2, repeats: int = 1) -> Price:
    """`pairs` prompts × candidates, each judged by every judge in `orders` orders, `repeats` times."""
    each = pairs * orders * repeats
    rows = list(judges)
    used = sum(row.input_tokens for row in rows) * each
    made = sum(row.output_tokens for row in rows) * each
    usd = sum(row.usd_input * row.input_tokens + row.usd_output * row.output_tokens for row in rows) * each / 1e6
    return Price(each * len(rows), used, made, usd)
