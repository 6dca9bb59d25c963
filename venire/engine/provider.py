"""The Inspect provider `venire/<base>` and `venire/<base>:<adapter>@<hash8>`."""

import contextlib
import functools
import queue
import threading
from typing import Any

import anyio
from anyio.from_thread import run_sync
from anyio.lowlevel import current_token
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from venire._common.errors import InputError

from .scoring import parse_model
from .service import service
from .text import encode_prompt, load_tokenizer

DEFAULT_MAX_TOKENS = 1024
MAX_CONNECTIONS = 96  # more than the batch holds, so that a row that leaves is followed at once


class VenireAPI(ModelAPI):
    """Greedy unless a temperature is given; without a seed, seed 0 (the same command gives the same answers)."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        if model_args:
            raise InputError(f"venire/{model_name}: unknown model argument {sorted(model_args)[0]!r}; it takes none")
        base, adapter = parse_model(model_name)
        # The response cache keys on name and base_url: an alias must not meet answers of another revision.
        super().__init__(model_name, f"venire://{base.identity}", api_key, [], config)
        self.base = base
        self.adapter = adapter

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """One answer (or `num_choices` of them) to a chat."""
        if tools:
            raise InputError(f"venire/{self.model_name} calls no tools; run this task with another provider")
        from .batch import Row

        prompt = await anyio.to_thread.run_sync(self._encode, input)
        rows = [Row(prompt, _sampling(config, choice)) for choice in range(config.num_choices or 1)]
        await self._finish(rows)
        return self._output(rows)

    async def _finish(self, rows: list[Any]) -> None:
        """Queue the rows and sleep until the worker wakes us; a cancelled caller takes its rows along."""
        token, events, errors = current_token(), [anyio.Event() for _ in rows], []

        def done(event: anyio.Event, row: Any, error: BaseException | None) -> None:
            if error is not None:
                errors.append(error)
            if not row.cancelled:
                _wake(event, token)

        for row, event in zip(rows, events, strict=True):
            row.done = functools.partial(done, event)
            service.generate(self.base, self.adapter, row)
        try:
            for event in events:
                await event.wait()
        except BaseException:
            for row in rows:
                row.cancelled = True
            raise
        if errors:
            raise errors[0]

    def _encode(self, messages: list[ChatMessage]) -> list[int]:
        chat = [{"role": m.role, "content": m.text} for m in messages]
        return encode_prompt(_tokenizer(self.base), chat)

    def _output(self, rows: list[Any]) -> ModelOutput:
        usage = ModelUsage(input_tokens=len(rows[0].prompt), output_tokens=sum(len(row.tokens) for row in rows))
        usage.total_tokens = usage.input_tokens + usage.output_tokens
        return ModelOutput(model=self.model_name, choices=[self._choice(row) for row in rows], usage=usage)

    def _choice(self, row: Any) -> ChatCompletionChoice:
        message = ChatMessageAssistant(content=row.text, source="generate", model=self.model_name)
        return ChatCompletionChoice(message=message, stop_reason=row.reason, logprobs=self._logprobs(row))

    def _logprobs(self, row: Any) -> Logprobs | None:
        if not row.sampling.logprobs:
            return None
        text = functools.partial(_tokenizer(self.base).decode)
        return Logprobs(
            content=[
                Logprob(
                    token=text([entry.token]),
                    logprob=entry.logprob,
                    top_logprobs=[TopLogprob(token=text([t]), logprob=p) for t, p in entry.top] or None,
                )
                for entry in row.logprobs
            ]
        )

    def connection_key(self) -> str:
        """All adapters of a base share its one pool."""
        return f"venire/{self.base.identity}"

    def max_connections(self) -> int:
        """Enough to keep the batch full."""
        return MAX_CONNECTIONS

    def max_tokens(self) -> int | None:
        """Used where a task names none."""
        return DEFAULT_MAX_TOKENS

    def should_retry(self, ex: Exception) -> bool:
        """A local failure repeats itself: never."""
        return False

    def collapse_user_messages(self) -> bool:
        """Chat templates want turns that alternate."""
        return True

    async def count_text_tokens(self, text: str) -> int:
        """Counted by the base's own tokenizer (Inspect's default would download another)."""
        return len(_tokenizer(self.base)(text, add_special_tokens=False)["input_ids"])

    def close(self) -> None:
        """The engine outlives the model object: other adapters use it."""


_woken: "queue.SimpleQueue[tuple[anyio.Event, Any]]" = queue.SimpleQueue()


def _wake(event: anyio.Event, token: Any) -> None:
    """Wake a caller without waiting for its event loop, which may be busy writing logs: the worker has rows to run."""
    _waker()
    _woken.put((event, token))


@functools.cache
def _waker() -> threading.Thread:
    thread = threading.Thread(target=_wake_all, name="venire-waker", daemon=True)
    thread.start()
    return thread


def _wake_all() -> None:
    while True:
        event, token = _woken.get()
        with contextlib.suppress(RuntimeError):  # the event loop has gone: nobody waits any more
            run_sync(event.set, token=token)


@functools.lru_cache(maxsize=4)
def _tokenizer(base: Any) -> Any:
    return load_tokenizer(base)


def _sampling(config: GenerateConfig, choice: int) -> Any:
    from .batch import Sampling

    sample, epoch = _sample_and_epoch()
    return Sampling(
        max_tokens=config.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=config.temperature or 0.0,
        top_p=1.0 if config.top_p is None else config.top_p,
        top_k=config.top_k or 0,
        seed=f"{config.seed or 0}|{sample}|{epoch}|{choice}",
        stop=tuple(config.stop_seqs or ()),
        logprobs=bool(config.logprobs),
        top_logprobs=config.top_logprobs or 0,
    )


def _sample_and_epoch() -> tuple[str, int]:
    """Which sample asks. Inspect tells a provider nothing of it in public, and a seed must hold per (sample, epoch)."""
    from inspect_ai.solver._task_state import sample_state

    state = sample_state()
    return (str(state.sample_id), state.epoch) if state is not None else ("", 1)
