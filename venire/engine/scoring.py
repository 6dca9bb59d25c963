"""Log-probabilities of given text: of a continuation after a chat, and of a few choices as its first words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError

from .adapters import AdapterRef, find_adapter
from .bases import Base, resolve_base
from .service import service
from .text import encode_prompt, load_tokenizer
from .vllm import PROVIDER, base_of, token_logprobs

if TYPE_CHECKING:
    import numpy as np

    from .batch import Batch

_BATCH_TOKENS = 2048  # padded tokens of one forward pass


@dataclass(frozen=True)
class LogLikelihood:
    """Sum of the natural-log probabilities of a continuation's `n_tokens` tokens, each given all before it."""

    logprob: float
    n_tokens: int


def parse_model(model: str) -> tuple[Base, AdapterRef | None]:
    """Base and adapter of `venire/<base>` or `venire/<base>:<adapter>@<hash8>` (with or without `venire/`).

    Raises InputError for another provider's name, an unknown base or an unknown adapter.
    """
    provider, slash, rest = model.partition("/")
    if slash and provider in ("vllm", "hf", "openai", "anthropic", "google"):
        raise InputError(f"model {model!r}: log-likelihoods are read from venire/… and vllm/… models")
    name = rest if provider == "venire" else model
    base_name, _, adapter = name.partition(":")
    return resolve_base(base_name), find_adapter(adapter) if adapter else None


def loglikelihoods(model: str, items: Sequence[tuple[list[dict[str, str]], str]]) -> list[LogLikelihood]:
    """Log-likelihood of each continuation given its chat, under `model`, in the order given.

    `model` is a `venire/…` or a `vllm/…` name; `items` holds (messages, continuation). Blocks until done: call it from
    a thread, not from an event loop. Raises InputError for another provider, and for an empty continuation.
    """
    if model.startswith(PROVIDER):
        return _served(model, items)
    base, adapter = parse_model(model)

    def work(batch: "Batch") -> list[LogLikelihood]:
        return _score(batch, batch.load_adapter(adapter) if adapter else None, _encode(batch.tokenizer, items))

    return service.call(base, work) if items else []


def _encode(tokenizer: Any, items: Sequence[tuple[list[dict[str, str]], str]]) -> list[tuple[list[int], list[int]]]:
    pairs = []
    for messages, continuation in items:
        tail = tokenizer(continuation, add_special_tokens=False)["input_ids"]
        if not tail:
            raise InputError("the log-likelihood of an empty text was asked for; give at least one character")
        pairs.append((encode_prompt(tokenizer, messages), tail))
    return pairs


def _served(model: str, items: Sequence[tuple[list[dict[str, str]], str]]) -> list[LogLikelihood]:
    """The same from a vLLM server, which is given the token ids that we would have scored ourselves."""
    pairs = _encode(load_tokenizer(base_of(model)), items)
    logs = token_logprobs(model, [prompt + tail for prompt, tail in pairs])
    return [LogLikelihood(math.fsum(row[-len(tail) :]), len(tail)) for row, (_, tail) in zip(logs, pairs, strict=True)]


def choice_logprobs(model: str, prompts: Sequence[list[dict[str, str]]], choices: Sequence[str]) -> "np.ndarray":
    """Log-probability of each choice as what comes next after each chat, shape (len(prompts), len(choices)).

    A choice of several tokens counts with all of them. Blocks until done.
    """
    import numpy as np

    items = [(prompt, choice) for prompt in prompts for choice in choices]
    scores = [score.logprob for score in loglikelihoods(model, items)]
    return np.array(scores, dtype=np.float64).reshape(len(prompts), len(choices))


def _score(batch: "Batch", adapter: str | None, pairs: list[tuple[list[int], list[int]]]) -> list[LogLikelihood]:
    """Each distinct (prompt, first token…) once: choices of one token after one prompt share its forward pass."""
    grouped: dict[tuple[int, ...], list[int]] = {}
    for i, (prompt, tail) in enumerate(pairs):
        grouped.setdefault(tuple(prompt + tail[:-1]), []).append(i)
    inputs = sorted(grouped, key=len, reverse=True)
    out: list[LogLikelihood | None] = [None] * len(pairs)
    while inputs:
        rows = max(1, _BATCH_TOKENS // len(inputs[0]))
        for i, score in _score_rows(batch, adapter, inputs[:rows], grouped, pairs):
            out[i] = score
        inputs = inputs[rows:]
    return [score for score in out if score is not None]


def _score_rows(
    batch: "Batch",
    adapter: str | None,
    inputs: list[tuple[int, ...]],
    grouped: dict[tuple[int, ...], list[int]],
    pairs: list[tuple[list[int], list[int]]],
) -> list[tuple[int, LogLikelihood]]:
    import torch

    from .batch import BASE

    longest = max(map(len, inputs))
    if longest > batch.context:
        raise InputError(f"a text of {longest} tokens is longer than the context of {batch.base.name!r}")
    keep = max(len(pairs[i][1]) for row in inputs for i in grouped[row])
    with torch.inference_mode():
        logits, _ = batch.prefill([list(row) for row in inputs], [adapter or BASE] * len(inputs), keep)
    found = []
    for r, row in enumerate(inputs):
        for i in grouped[row]:
            tail = torch.tensor(pairs[i][1], device=logits.device)
            logs = logits[r, -len(tail) :].float().log_softmax(-1)
            total = float(logs.gather(1, tail[:, None]).double().sum())
            found.append((i, LogLikelihood(total, len(tail))))
    return found
