"""A contender that speaks: which one a name means, what it is given under its treatment, its answer as it comes."""

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from venire._common.errors import InputError, ServiceError
from venire._common.kernel import wrap

if TYPE_CHECKING:
    from venire.evals.treatments import Treatment

SERVED = ("openai", "anthropic", "google", "openai-api", "vllm")  # Inspect's providers, by their names
_TRIES = 2  # of a call that failed; then a person would rather hear why
Message = dict[str, str]
Heard = Callable[[str], None]  # the text so far


@dataclass(frozen=True)
class Settings:
    """How answers are made."""

    temperature: float = 0.75
    max_tokens: int = 512
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """One answer: its text, why it ended, its seconds, and the treatment it was given under."""

    text: str
    stop_reason: str
    seconds: float
    treatment: str


@dataclass
class Voice:
    """One contender in a conversation: its weights, its treatment now, and its own side of the talk."""

    weights: str
    model: str
    treatment: "Treatment"
    messages: list[Message] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The contender: weights and treatment."""
        return f"{self.weights}/{self.treatment.name}"

    def put(self, question: str) -> Message:
        """The question as the model gets it: in the kernel, if there is one."""
        if self.treatment.kind == "kernel":
            question = wrap(question, self.treatment.text or "", self.treatment.mode)
        return {"role": "user", "content": question}

    def asked(self, question: str) -> list[Message]:
        """What the model is given for this question, its treatment around it."""
        from venire.evals.treatments import system_text

        asked = self.put(question)
        before = system_text(self.treatment, asked["content"])
        first = [{"role": "system", "content": before}] if before else []
        return [*first, *self.messages, asked]


def find_voice(name: str, treatments: Mapping[str, "Treatment"], known: Mapping[str, str]) -> Voice:
    """The contender of that name: `<weights>` or `<weights>/<treatment>`.

    `known` has an experiment's models by weights; besides, weights are a stored candidate, a base, or a vendor's model
    by its Inspect name. Raises InputError if there is none.
    """
    weights, _, treatment = name.rpartition("/")
    if not weights or treatment not in treatments:
        weights, treatment = name, "plain"
    return Voice(weights, known.get(weights) or _model(weights), treatments[treatment])


def _model(weights: str) -> str:
    from venire import store

    if weights.partition("/")[0] in SERVED:
        return weights
    stored = {c.model: c for c in store.everything() if weights in (c.name, f"{c.name}@{c.sha256[:8]}")}
    if len(stored) > 1:
        names = ", ".join(f"{c.name}@{c.sha256[:8]}" for c in stored.values())
        raise InputError(f"contender {weights!r} is more than one; write one of: {names}")
    if stored:
        return next(iter(stored))
    store.refuse_changed(weights)
    try:
        return store.bare(weights).model
    except InputError as error:
        told = f"contender {weights!r}: neither a candidate that is known here nor a base: {error}"
        raise InputError(told) from error


class Stopped(Exception):
    """The person wants no more of this answer."""


def speak(
    voice: Voice, messages: list[Message], settings: Settings, turn: int, heard: Heard, stop: threading.Event
) -> Answer:
    """The contender's answer; `heard` gets the text so far, again and again. Raises Stopped once `stop` is set."""
    start = time.monotonic()
    if voice.model.startswith("venire/"):
        text, reason = _from_engine(voice, messages, settings, turn, heard, stop)
    else:
        text, reason = _from_vendor(voice, messages, settings, heard, stop)
    return Answer(text, reason, round(time.monotonic() - start, 2), voice.treatment.name)


def _from_engine(
    voice: Voice, messages: list[Message], settings: Settings, turn: int, heard: Heard, stop: threading.Event
) -> tuple[str, str]:
    from venire.engine import encode_prompt, load_tokenizer
    from venire.engine.batch import Row, Sampling
    from venire.engine.scoring import parse_model
    from venire.engine.service import service

    base, adapter = parse_model(voice.model)
    tokenizer = load_tokenizer(base)
    how = Sampling(settings.max_tokens, settings.temperature, seed=f"{settings.seed}|{voice.name}|{turn}")
    row, errors, ended = Row(encode_prompt(tokenizer, messages), how), [], threading.Event()

    def done(_: Row, error: BaseException | None) -> None:
        errors.append(error)
        ended.set()

    row.done = done
    service.generate(base, adapter, row)
    while not ended.wait(0.05):
        if stop.is_set():
            row.cancelled = True
            service.call(base, lambda batch: None)  # the step that is under way ends first
            raise Stopped
        # A character of several tokens ends in a replacement mark until all of them are there.
        heard(tokenizer.decode(list(row.tokens), skip_special_tokens=True).rstrip("\ufffd"))
    if errors[0] is not None:
        raise errors[0]
    heard(row.text)
    return row.text, row.reason


def _from_vendor(
    voice: Voice, messages: list[Message], settings: Settings, heard: Heard, stop: threading.Event
) -> tuple[str, str]:
    """Through Inspect, which streams from providers that do; from others the answer is heard when it is whole."""
    from inspect_ai.model import (
        ChatMessage,
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        ModelOutput,
        StreamEvent,
    )

    from venire._common.opening import plain_message
    from venire.engine import open_model

    made = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    chat: list[ChatMessage] = [made[message["role"]](content=message["content"]) for message in messages]
    config = GenerateConfig(temperature=settings.temperature, max_tokens=settings.max_tokens, max_retries=_TRIES)
    parts: list[str] = []

    async def on_stream(event: StreamEvent) -> None:
        if event.type == "retry":
            parts.clear()
        elif event.type == "text":
            parts.append(event.text)
            heard("".join(parts))

    async def ask() -> ModelOutput:
        try:
            return await open_model(voice.model).generate(chat, config=config, on_stream=on_stream)
        except Exception as error:  # a missing key, a refused connection: every SDK has its own kinds
            reason = plain_message(error) or type(error).__name__
            raise ServiceError(f"{voice.weights}: {reason}") from error

    answering = asyncio.run_coroutine_threadsafe(ask(), _loop())
    while not answering.done():
        if stop.wait(0.05):
            answering.cancel()
            raise Stopped
    output = answering.result()
    heard(output.completion)
    return output.completion, str(output.stop_reason)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for the whole chat: a vendor's connections live in the loop that they were opened in."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="venire-chat", daemon=True).start()
    return loop
