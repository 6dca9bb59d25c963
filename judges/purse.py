"""The purse: what judging may cost in calls and dollars, what it has cost so far, and when to stop, between two calls.

A pair is begun only if the purse covers both of its orders at their longest beside everything in flight, so that the
limit holds. What earlier runs of the same experiment spent is read from their logs and counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from venire._common.errors import InputError

from .panel import Judge

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

# Characters a token has at least, in the languages that tokenizers were made for; and the rest of a request around it.
_CHARS_PER_TOKEN, _FRAME_TOKENS = 3.0, 300


@dataclass
class Purse:
    """Limits (None: none), and what was spent: paid calls and their dollars. `unpriced` calls have no known price."""

    calls: int | None = None
    usd: float | None = None
    spent_calls: int = 0
    spent_usd: float = 0.0
    unpriced: int = 0
    reserved_calls: int = 0
    reserved_usd: float = 0.0
    refused: int = 0  # calls that it did not cover

    @property
    def limited(self) -> bool:
        """Is there a limit at all?"""
        return self.calls is not None or self.usd is not None

    def covers(self, calls: int, usd: float) -> bool:
        """Is there enough left for so much more, beside what is in flight?"""
        if self.calls is not None and self.spent_calls + self.reserved_calls + calls > self.calls:
            return False
        return self.usd is None or self.spent_usd + self.reserved_usd + usd <= self.usd + 1e-12

    def reserve(self, calls: int, usd: float) -> None:
        """Set so much aside for calls in flight, or give it back."""
        self.reserved_calls += calls
        self.reserved_usd += usd

    def check(self, judges: Iterable[Judge]) -> None:
        """Raises InputError if dollars are limited and a paid judge's price is not known: it would count as nothing."""
        if self.usd is None:
            return
        unknown = [judge.name for judge in judges if judge.is_api and judge.price is None]
        if unknown:
            raise InputError(
                f"budget.usd: the price of judge {unknown[0]!r} is not known; write it in the panel, as "
                f"{{model: {unknown[0]}, price: {{input: 1.0, output: 5.0}}}} in US dollars per million tokens, or "
                "limit `calls` instead"
            )

    def describe(self) -> str:
        """`164 of 2000 paid calls, $0.83 of $20.00`."""
        calls = f"{self.spent_calls}{f' of {self.calls}' if self.calls is not None else ''} paid calls"
        unknown = f" ({self.unpriced} of them at a price that is not known)" if self.unpriced else ""
        if self.usd is None and not self.spent_usd:
            return calls + unknown
        return (
            f"{calls}{unknown}, {dollars(self.spent_usd)}{f' of {dollars(self.usd)}' if self.usd is not None else ''}"
        )


def dollars(amount: float) -> str:
    """`$1.20`; below ten cents with as many digits as show something."""
    return f"${amount:.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.2g}" if amount >= 1e-4 else "$0.0001"


def longest(judge: Judge, prompt: str, most_tokens: int) -> float:
    """Dollars that one call can cost at most; 0 where the price is not known."""
    if judge.price is None:
        return 0.0
    return judge.price.of(len(prompt) / _CHARS_PER_TOKEN + _FRAME_TOKENS, most_tokens)


def pay(purse: Purse, sample: "EvalSample") -> None:
    """Count one judged sample: a call, and what its log says it cost."""
    purse.spent_calls += 1
    usage = sample.output.usage if sample.output else None
    if usage is None:  # it failed before anything was billed
        return
    if usage.total_cost is None:
        purse.unpriced += 1
    else:
        purse.spent_usd += usage.total_cost
