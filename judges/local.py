"""Local judges that measure instead of reply: closeness, likelihood, the odds of A against B, counted markers.

Each gives both answers a number; the larger wins, and a difference of no more than the margin is a tie. What they
measured is written as a reply in JSON, so that log, ledger and report read it as they read any judge's. None of them
is corrected for a bias: a local model that favours the first place or a letter is seen to.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .markers import counts
from .rubric import Rubric, Shown, render

if TYPE_CHECKING:
    import anyio

    from .panel import Kind

BATCH = 16
# What a judge of each kind is and is not, for the report.
WHAT: "dict[Kind, str]" = {
    "model": "a language model that reads both answers and replies by its rubric",
    "choice": "a local model asked for one letter, read from the probabilities of A and B; it gives no reason",
    "embedding": "no reader: how near each answer's embedding is to that of the person's own answer, less its nearness "
    "to a conventional one; it sees topic and wording before argument",
    "likelihood": "no reader: how likely a local model finds the person's own answer after each answer; it sees what "
    "sounds alike before what is meant",
    "markers": "no reader: counts the wanted and unwanted patterns of its rubric, each once an answer",
}
_RESTATE = "{prompt}\n\nOne answer to this:\n{answer}\n\nGive your own answer, taking the same side."


@dataclass(frozen=True)
class Measured:
    """What a judge measured of both answers, by place, and in what unit."""

    first: float
    second: float
    unit: str

    def reply(self, shown: Shown, margin: float) -> str:
        """As a judge's reply: the winner's label and the numbers that it follows from."""
        if abs(self.first - self.second) <= margin:
            winner = "tie"
        else:
            winner = shown.first_label if self.first > self.second else shown.second_label
        measured = {shown.first_label: round(self.first, 6), shown.second_label: round(self.second, 6)}
        why = f"{self.unit}; a difference of at most {margin:g} is a tie"
        return json.dumps({"winner": winner, "measured": dict(sorted(measured.items())), "reason": why})


Measure = Callable[[Sequence[Shown]], list[Measured]]


def measure_for(kind: "Kind", model: str, rubric: Rubric | None) -> Measure:
    """How judges of this kind measure, with this model."""
    if kind == "embedding":
        return lambda rows: closeness(rows, model)
    if kind == "likelihood":
        known: dict[tuple[str, str, str], float] = {}
        return lambda rows: likelihood(rows, model, known)
    if rubric is None:
        raise ValueError("markers, and a choice between A and B, need a rubric")
    if kind == "markers":
        return lambda rows: counts(rows, rubric)
    return lambda rows: odds(rows, model, rubric)


def closeness(rows: Sequence[Shown], model: str) -> list[Measured]:
    """Cosine of each answer with the person's own, less that with the contrasting answer where there is one."""
    from venire import engine

    texts = sorted({text for row in rows for text in (row.first, row.second, row.reference, row.contrast) if text})
    vectors = dict(zip(texts, engine.embed(texts, model), strict=True)) if texts else {}

    def close(answer: str, row: Shown) -> float:
        if not answer.strip() or answer not in vectors:
            return -1.0  # nothing was said: further away than anything that was
        mine = float(vectors[answer] @ vectors[row.reference or ""])
        return mine - float(vectors[answer] @ vectors[row.contrast]) if row.contrast else mine

    def unit(row: Shown) -> str:
        return "cosine with the person's answer, less that with the contrast" if row.contrast else "cosine"

    return [Measured(close(row.first, row), close(row.second, row), unit(row)) for row in rows]


def likelihood(
    rows: Sequence[Shown], model: str, known: dict[tuple[str, str, str], float] | None = None
) -> list[Measured]:
    """Log-likelihood per token of the person's own answer, when the model has just read the answer judged.

    `known` keeps what was scored before: an answer occurs in both orders, and the incumbent's against every candidate.
    """
    from venire import engine

    known = {} if known is None else known

    def key(row: Shown, answer: str) -> tuple[str, str, str]:
        return row.prompt, answer, row.reference or ""

    new = list(dict.fromkeys(key(row, a) for row in rows for a in (row.first, row.second) if key(row, a) not in known))
    items = [([{"role": "user", "content": _restate(prompt, answer)}], reference) for prompt, answer, reference in new]
    scores = engine.loglikelihoods(model, items)
    known.update({each: score.logprob / score.n_tokens for each, score in zip(new, scores, strict=True)})
    unit = "log-likelihood per token of the person's answer after this one"
    return [Measured(known[key(row, row.first)], known[key(row, row.second)], unit) for row in rows]


def odds(rows: Sequence[Shown], model: str, rubric: Rubric) -> list[Measured]:
    """The share of A and of B in the model's next token, when it is asked which answer is better."""
    import numpy as np

    from venire import engine

    prompts = [[{"role": "user", "content": render(rubric, row)}] for row in rows]
    logs = np.asarray(engine.choice_logprobs(model, prompts, ["A", "B"]))
    share_a = 1 / (1 + np.exp(logs[:, 1] - logs[:, 0]))
    unit = "probability of the letter, of A and B alone"
    firsts = [float(a if row.first_label == "A" else 1 - a) for row, a in zip(rows, share_a, strict=True)]
    return [Measured(first, 1 - first, unit) for first in firsts]


def _restate(prompt: str, answer: str) -> str:
    # Single-pass: a brace in a prompt or an answer is never expanded.
    before, _, rest = _RESTATE.partition("{prompt}")
    middle, _, after = rest.partition("{answer}")
    return before + prompt + middle + answer + after


@dataclass
class _Waiting:
    row: Shown
    done: bool = False
    result: Measured | Exception | None = None
    seconds: float = 0.0


@dataclass
class Batched:
    """Gathers samples that run at the same time into batches for `measure`, which runs in a thread.

    One row that cannot be measured (longer than the model's context) fails alone, not its batch.
    """

    measure: Measure
    size: int = BATCH
    _waiting: list[_Waiting] = field(default_factory=list)
    _lock: "anyio.Lock | None" = None

    async def __call__(self, row: Shown) -> tuple[Measured, float]:
        """What was measured of `row`, and its share of the batch's seconds. Raises what `measure` raised of it."""
        import anyio

        self._lock = self._lock or anyio.Lock()
        mine = _Waiting(row)
        self._waiting.append(mine)
        await anyio.sleep(0)  # let the samples that are ready join
        async with self._lock:
            if not mine.done:
                batch, self._waiting = self._waiting[: self.size], self._waiting[self.size :]
                start = time.monotonic()
                results = await anyio.to_thread.run_sync(self._work, [each.row for each in batch])
                for each, result in zip(batch, results, strict=True):
                    each.result, each.done = result, True
                    each.seconds = (time.monotonic() - start) / len(batch)
        if isinstance(mine.result, Exception):
            raise mine.result
        assert mine.result is not None
        return mine.result, mine.seconds

    def _work(self, rows: list[Shown]) -> list[Measured | Exception]:
        try:
            return list(self.measure(rows))
        except Exception as error:
            return [error] if len(rows) == 1 else [self._work([row])[0] for row in rows]
