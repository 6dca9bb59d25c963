"""A conversation with one contender or two side by side: who they are, their answers as they come, what is kept.

Each contender goes on from its own answers. With two, which is called A is a coin tossed for each conversation, and a
vote at a turn's end is an informal one: kept apart from the gate's, in a file that `venire votes` reads.
"""

import asyncio
import functools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError, ServiceError
from venire._common.hashing import sha256_json, sha256_text
from venire._common.kernel import wrap

if TYPE_CHECKING:
    from venire.chat_history import Past
    from venire.evals.treatments import Treatment

FORMAT = "venire.chat/1"
SERVED = ("openai", "anthropic", "google", "openai-api", "vllm")  # Inspect's providers, by their names
_TRIES = 2  # of a call that failed; then a person would rather hear why
Choice = Literal["A", "B", "tie", "both_bad"]
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


class Conversation:
    """One conversation and its file. `first` is the voice that is called A; with one voice there is no other."""

    def __init__(
        self, voices: list[Voice], settings: Settings, folder: Path, who: str = "me", past: "Past | None" = None
    ) -> None:
        """A new one, or one that goes on in its file: `past` is what that holds."""
        if len({voice.name for voice in voices}) < len(voices):
            raise InputError(f"chat: {voices[0].name!r} would be compared with itself; name another contender")
        self.voices, self.settings, self.folder, self.who = voices, settings, folder, who
        self.blind = len(voices) == 2
        self.turn = 0
        self.answers: list[Answer] = []  # of the last turn, in the order shown
        self.question = ""
        self._voted = False
        if past is None:
            self._begin()
        else:
            self._go_on(past)

    def _begin(self) -> None:
        now = datetime.now(UTC)
        self.identity = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.file = self.folder / f"{self.identity}.jsonl"
        self.first = secrets.randbelow(len(self.voices))
        self._contenders = [voice.name for voice in self.voices]
        self._write(
            {
                "format": FORMAT,
                "begun": now.isoformat(timespec="seconds"),
                "contenders": self._contenders,
                "weights": [voice.weights for voice in self.voices],
                "models": [voice.model for voice in self.voices],
                "treatments": [voice.treatment.model_dump(mode="json") for voice in self.voices],
                "called_a": self._contenders[self.first],
                "who": self.who,
                "settings": vars(self.settings),
            }
        )

    def _go_on(self, past: "Past") -> None:
        self.identity, self.file, self.first = past.file.stem, past.file, past.first
        self._contenders = [voice.name for voice in self.voices]
        for event in past.events:
            match event:
                case {"user": question, "answers": answers}:
                    self._take_in(question, [Answer(**answer) for answer in answers])
                case {"treatment": treatment}:
                    self._put_under(treatment)
                case {"vote": _}:
                    self._voted = True
                case {"revealed": _}:
                    self.blind = False
        self._write({"turn": self.turn, "resumed": datetime.now(UTC).isoformat(timespec="seconds")})

    @property
    def may_vote(self) -> bool:
        """Is there something to choose between, unseen, that was not voted on yet?"""
        return self.blind and bool(self.answers) and not self._voted

    @property
    def shown(self) -> list[Voice]:
        """The voices in the order in which they are shown: A, B."""
        return self.voices[self.first :] + self.voices[: self.first]

    def ask(self, question: str, heard: Callable[[int, str], None]) -> list[Answer]:
        """Everybody's answer, in the order shown; `heard(place, text)` as they come. Interrupted, nothing is kept."""
        turn = self.turn + 1
        given = [voice.asked(question) for voice in self.shown]
        answers = self._answers_to(given, turn, heard)
        self._take_in(question, answers)
        said = [vars(answer) | {"contender": v.name} for v, answer in zip(self.shown, answers, strict=True)]
        self._write({"turn": self.turn, "user": question, "answers": said})
        return answers

    def _take_in(self, question: str, answers: list[Answer]) -> None:
        """A turn is over: everybody remembers it."""
        self.turn += 1
        for voice, answer in zip(self.shown, answers, strict=True):
            voice.messages += [voice.put(question), {"role": "assistant", "content": answer.text}]
        self.question, self.answers, self._voted = question, answers, False

    def _answers_to(self, given: list[list[Message]], turn: int, heard: Callable[[int, str], None]) -> list[Answer]:
        """Everybody at once, so that one batch serves both and neither is known by coming first."""
        stop = threading.Event()
        found: list[Any] = [None] * len(given)

        def one(place: int) -> None:
            try:
                found[place] = speak(
                    self.shown[place], given[place], self.settings, turn, lambda text: heard(place, text), stop
                )
            except BaseException as error:
                found[place] = error

        threads = [threading.Thread(target=one, args=(place,), daemon=True) for place in range(len(given))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            stop.set()
            raise
        for result in found:
            if isinstance(result, BaseException):
                raise result
        return found

    def vote(self, choice: Choice, reason: str = "") -> bool:
        """Keep a vote on this turn's answers. False if it does not count: nothing to choose, not blind, or a second."""
        if not self.may_vote:
            return False
        self._voted = True
        self._write({"turn": self.turn, "vote": choice, "reason": reason})
        _append(self.folder / "votes.jsonl", self._row(choice, reason))
        return True

    def _row(self, choice: Choice, reason: str) -> dict[str, Any]:
        """The vote as a row that `venire votes` reads; the contender named first is its candidate."""
        answers = dict(zip((voice.name for voice in self.shown), self.answers, strict=True))
        candidate, incumbent = (voice.name for voice in self.voices)
        called_a = self.shown[0].name
        a, b = ("candidate", "incumbent") if called_a == candidate else ("incumbent", "candidate")
        mapping = {"A": a, "B": b}
        winner = "tie" if choice == "both_bad" else choice
        return {
            "prompt_id": f"chat/{sha256_json([self.identity, self.turn, self.question])[:16]}",
            "family": f"chat/{self.identity}",
            "domain": "chat",
            "candidate": candidate,
            "incumbent": incumbent,
            "judge": f"human:{self.who}",
            "judge_family": "human",
            "candidate_first": called_a == candidate,
            "verdict": mapping.get(winner, "tie"),
            "len_candidate": len(answers[candidate].text),
            "len_incumbent": len(answers[incumbent].text),
            "log": f"chat/{self.file.name}",
            "sample_id": f"{self.identity}-{self.turn}",
            "judgment": json.dumps({"winner": winner, "reason": reason}, ensure_ascii=False),
            "label_mapping": f"A={a};B={b}",
            "sha_candidate": sha256_text(answers[candidate].text),
            "sha_incumbent": sha256_text(answers[incumbent].text),
            "use": "informal",
            "note": "both_bad" if choice == "both_bad" else None,
        }

    def treat(self, treatment: "Treatment") -> None:
        """Everybody goes on under another treatment. Raises InputError if two contenders would become one."""
        if len({voice.weights for voice in self.voices}) < len(self.voices):
            raise InputError("the two contenders differ in their treatment alone; begin a chat with other ones")
        self._put_under(treatment)
        self._write({"turn": self.turn, "treatment": treatment.model_dump(mode="json")})

    def _put_under(self, treatment: "Treatment") -> None:
        for voice in self.voices:
            voice.treatment = treatment
        self.answers = []  # a vote is on answers of the contenders as they are called now

    def reveal(self) -> list[str]:
        """Who is A and who is B; from here on votes do not count."""
        self.blind = False
        self._write({"turn": self.turn, "revealed": [voice.name for voice in self.shown]})
        return [voice.name for voice in self.shown]

    def renew(self) -> None:
        """A new conversation with the same contenders, who is A tossed anew."""
        for voice in self.voices:
            voice.messages.clear()
        self.turn, self.blind, self.answers, self._voted = 0, len(self.voices) == 2, [], False
        self._begin()

    def _write(self, event: dict[str, Any]) -> None:
        _append(self.file, event)


def _append(path: Path, row: dict[str, Any]) -> None:
    """One more line, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
