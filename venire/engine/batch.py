"""One base, its adapters, and the batch in flight: sequences join when they arrive and leave when they end.

Transformers' own continuous batching has no per-request adapters, so the loop is ours; the model, the cache and
`adapter_names` are theirs. Rows are padded on the left, so that every row's newest token is in the last column.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM
from transformers.cache_utils import DynamicCache

from venire._common.errors import InputError

from .prefix import SHORTEST, Prefixes, pad_left, shared_length
from .text import load_tokenizer

if TYPE_CHECKING:
    from .adapters import AdapterRef
    from .bases import Base

BASE = "__base__"  # PEFT's name for "no adapter" in a mixed batch
MAX_ROWS = 64
PREFILL_TOKENS = 4096  # padded tokens of one prefill: bounds its memory
NEAR_TIE = 1e-4  # two logits this close are decided alone, so that the batch's company cannot decide them


@dataclass
class Sampling:
    """How tokens are chosen: greedy at temperature 0, else seeded sampling."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: str = ""  # what the row's generator is derived from
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top_logprobs: int = 0


@dataclass
class TokenLogprob:
    """One sampled token, its log-probability at temperature 1, and the likeliest alternatives."""

    token: int
    logprob: float
    top: list[tuple[int, float]]


@dataclass
class Row:
    """One sequence: its prompt, what was generated so far, and why it ended (`stop`, `max_tokens`, `model_length`)."""

    prompt: list[int]
    sampling: Sampling
    adapter: str = BASE
    done: Callable[["Row", BaseException | None], None] = lambda row, error: None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    reason: str = ""
    text: str = ""
    cancelled: bool = False
    generator: torch.Generator | None = None

    @property
    def length(self) -> int:
        """Tokens whose keys stand in the cache: all but the newest one."""
        return len(self.prompt) + max(len(self.tokens) - 1, 0)


class Batch:
    """Generates for rows of one base. `add` takes a row, `step` moves all of them one token; not thread-safe."""

    def __init__(self, base: "Base", device: str, max_rows: int = MAX_ROWS) -> None:
        self.base = base
        self.device = torch.device(device)
        self.max_rows = max_rows
        self.tokenizer = load_tokenizer(base)
        # bf16 only where the hardware multiplies it natively; on a CPU fp32 keeps answers exact.
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.model: Any = AutoModelForCausalLM.from_pretrained(str(base.path), dtype=self.dtype)
        self.model.to(self.device).eval()
        self.context = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 20)
        self.ends = _end_tokens(self.model, self.tokenizer)
        self.adapters: set[str] = set()
        self.waiting: list[Row] = []
        self.rows: list[Row] = []
        self.cache: Any = None  # a DynamicCache while rows run
        self.prefixes = Prefixes()

    def load_adapter(self, ref: "AdapterRef") -> str:
        """Load an adapter once, under its content's name; gives that name."""
        key = f"{ref.name.replace('.', '_')}-{ref.sha256[:16]}"
        if key not in self.adapters:
            from peft import PeftModel

            if not self.adapters:
                self.model = PeftModel.from_pretrained(self.model, str(ref.path), adapter_name=key)
            else:
                self.model.load_adapter(str(ref.path), adapter_name=key)
            self.model.eval()
            self.adapters.add(key)
        return key

    def add(self, row: Row) -> None:
        """Queue a row. One whose prompt does not fit the model's context ends at once with `model_length`."""
        if len(row.prompt) >= self.context:
            self._end(row, "model_length")
            return
        if row.sampling.temperature > 0:
            row.generator = torch.Generator().manual_seed(_seed_number(row.sampling.seed))
        self.waiting.append(row)

    @property
    def busy(self) -> bool:
        """Whether any row waits or runs."""
        return bool(self.waiting or self.rows)

    @torch.inference_mode()
    def step(self) -> None:
        """Admit what fits, then give every running row one more token."""
        self._drop_cancelled()
        if self.waiting and self._has_room():
            self._admit()
        elif self.rows:
            self._decode()

    def fail(self, error: BaseException) -> None:
        """Give up on every row, telling each why."""
        rows, self.rows, self.waiting, self.cache = self.rows + self.waiting, [], [], None
        for row in rows:
            row.done(row, error)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, adapters: list[str], **kwargs: Any) -> torch.Tensor:
        """Logits of a padded batch, each row under its own adapter."""
        if self.adapters:
            kwargs["adapter_names"] = adapters
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        return self.model(input_ids=ids, attention_mask=mask, position_ids=positions, **kwargs).logits

    def prefill(self, prompts: list[list[int]], adapters: list[str], keep: int = 1) -> tuple[torch.Tensor, Any]:
        """Logits of the last `keep` tokens of each prompt, (rows, keep, vocabulary), and the cache, padded on the left.

        What all prompts begin with is computed once for each adapter.
        """
        shared = min(shared_length(prompts), min(map(len, prompts)) - keep)
        shared = shared if shared >= SHORTEST else 0
        cache, begun = DynamicCache(), prompts[0][:shared]
        if shared:
            cache = self.prefixes.cache(begun, adapters, lambda names: self._run_alone(begun, names))
        ids, mask = self.pad_left([prompt[shared:] for prompt in prompts])
        pads = (mask == 0).sum(-1).tolist()
        mask = torch.cat([torch.ones(len(prompts), shared, dtype=mask.dtype, device=self.device), mask], dim=1)
        logits = self.forward(ids, mask, adapters, past_key_values=cache, use_cache=True, logits_to_keep=keep)
        if shared:
            pad_left(cache, shared, pads)
        return logits, cache

    def _run_alone(self, tokens: list[int], adapters: list[str]) -> DynamicCache:
        cache = DynamicCache()
        ids = torch.tensor([tokens] * len(adapters), device=self.device)
        self.forward(ids, torch.ones_like(ids), adapters, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return cache

    def pad_left(self, sequences: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, both (rows, longest), padded on the left."""
        width = max(map(len, sequences))
        ids = [[self.tokenizer.pad_token_id] * (width - len(s)) + s for s in sequences]
        mask = [[0] * (width - len(s)) + [1] * len(s) for s in sequences]
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)

    def _has_room(self) -> bool:
        """Room for all who wait, or for a quarter of the batch: prefilling rows one by one would waste the hardware."""
        room = self.max_rows - len(self.rows)
        return room >= min(len(self.waiting), max(1, self.max_rows // 4))

    def _admit(self) -> None:
        """Prefill the waiting rows that fit, and join them to the batch.

        Adapters that run already come first: each more in a batch costs PEFT a pass over every layer. Then rows of
        like length, the longest first, so that little is padded.
        """
        running = {row.adapter for row in self.rows}
        self.waiting.sort(key=lambda row: (row.adapter not in running, row.adapter, -len(row.prompt)))
        longest = max(len(row.prompt) for row in self.waiting[: self.max_rows - len(self.rows)])
        room = min(self.max_rows - len(self.rows), max(1, PREFILL_TOKENS // longest))
        new, self.waiting = self.waiting[:room], self.waiting[room:]
        try:
            logits, cache = self.prefill([row.prompt for row in new], [row.adapter for row in new])
        except BaseException:
            self.waiting = new + self.waiting  # so that `fail` tells them too
            raise
        self.cache = cache if self.cache is None else _join(self.cache, cache)
        self.rows += new
        self._choose(logits[:, -1].float(), new)
        self._retire()

    def _decode(self) -> None:
        width = max(row.length for row in self.rows) + 1
        ids = torch.tensor([[row.tokens[-1]] for row in self.rows], device=self.device)
        mask = torch.tensor(
            [[0] * (width - row.length - 1) + [1] * (row.length + 1) for row in self.rows], device=self.device
        )
        adapters = [row.adapter for row in self.rows]
        logits = self.forward(ids, mask, adapters, past_key_values=self.cache, use_cache=True)
        self._choose(logits[:, -1].float(), self.rows)
        self._retire()

    def _choose(self, logits: torch.Tensor, rows: list[Row]) -> None:
        best = logits.topk(2, dim=-1)
        greedy = best.indices[:, 0].tolist()
        close = (best.values[:, 0] - best.values[:, 1] < NEAR_TIE).tolist()
        for i, row in enumerate(rows):
            if row.generator is not None:
                token = _sample(logits[i].cpu(), row.sampling, row.generator)
            else:
                token = self._settle(row) if close[i] and self.dtype == torch.float32 else greedy[i]
            row.tokens.append(token)
            if row.sampling.logprobs:
                row.logprobs.append(_logprob(logits[i], token, row.sampling.top_logprobs))

    def _settle(self, row: Row) -> int:
        """The greedy token computed from this row alone: the same whatever else is in the batch."""
        ids = torch.tensor([row.prompt + row.tokens], device=self.device)
        logits = self.forward(ids, torch.ones_like(ids), [row.adapter], use_cache=False, logits_to_keep=1)
        return int(logits[0, -1].argmax())

    def _retire(self) -> None:
        """End the rows that are finished and take them out of the cache."""
        for row in self.rows:
            if reason := self._finished(row):
                self._end(row, reason)
        self._keep([i for i, row in enumerate(self.rows) if not row.reason])

    def _keep(self, kept: list[int]) -> None:
        """Only these rows stay; the last of them move into the places of those that left, so that little is copied."""
        count = len(kept)
        if count == len(self.rows):
            return
        holes = sorted(set(range(count)) - set(kept))
        movers = kept[count - len(holes) :]
        for hole, mover in zip(holes, movers, strict=True):
            self.rows[hole] = self.rows[mover]
        self.rows = self.rows[:count]
        if not self.rows or self.cache is None:
            self.cache = None
            return
        width = max(row.length for row in self.rows)
        for layer in self.cache.layers:
            for tensor in (layer.keys, layer.values):
                tensor[holes] = tensor[movers]
            layer.keys = layer.keys[:count, :, -width:]
            layer.values = layer.values[:count, :, -width:]

    def _finished(self, row: Row) -> str:
        if row.tokens[-1] in self.ends:
            row.tokens.pop()
            row.logprobs = row.logprobs[: len(row.tokens)]
            return "stop"
        if row.sampling.stop and self._cut_at_stop(row):
            return "stop"
        if len(row.tokens) >= row.sampling.max_tokens:
            return "max_tokens"
        return "model_length" if len(row.prompt) + len(row.tokens) >= self.context else ""

    def _cut_at_stop(self, row: Row) -> bool:
        text = self.tokenizer.decode(row.tokens, skip_special_tokens=True)
        found = [text.find(stop) for stop in row.sampling.stop if stop in text]
        if found:
            row.text = text[: min(found)]
        return bool(found)

    def _end(self, row: Row, reason: str) -> None:
        row.reason = reason
        row.text = row.text or self.tokenizer.decode(row.tokens, skip_special_tokens=True)
        row.done(row, None)

    def _drop_cancelled(self) -> None:
        self.waiting = [row for row in self.waiting if not row.cancelled]
        self._keep([i for i, row in enumerate(self.rows) if not row.cancelled])


def _join(one: Any, other: Any) -> Any:
    """Both caches as one batch, the shorter padded on the left."""
    for a, b in zip(one.layers, other.layers, strict=True):
        a.keys = torch.cat(_same_width(a.keys, b.keys))
        a.values = torch.cat(_same_width(a.values, b.values))
    return one


def _same_width(a: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
    width = max(a.shape[2], b.shape[2])
    return [torch.nn.functional.pad(x, (0, 0, width - x.shape[2], 0)) for x in (a, b)]


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    named = model.generation_config.eos_token_id
    ends = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    return {token for token in ends if token is not None}


def _seed_number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big")


def _sample(logits: torch.Tensor, how: Sampling, generator: torch.Generator) -> int:
    logits = logits / how.temperature
    if how.top_k:
        floor = logits.topk(min(how.top_k, logits.shape[-1])).values[-1]
        logits = logits.masked_fill(logits < floor, -math.inf)
    if how.top_p < 1:
        ordered, order = logits.softmax(-1).sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= how.top_p  # the token that crosses top_p stays
        logits = logits.clone()
        logits[order[beyond]] = -math.inf
    return int(torch.multinomial(logits.softmax(-1), 1, generator=generator))


def _logprob(logits: torch.Tensor, token: int, top: int) -> TokenLogprob:
    logs = logits.log_softmax(-1)
    best = logs.topk(top) if top else None
    pairs = list(zip(best.indices.tolist(), best.values.tolist(), strict=True)) if best is not None else []
    return TokenLogprob(token, float(logs[token]), pairs)


def check_device(device: str) -> str:
    """`auto` becomes cuda, mps or cpu, whichever is there; another name is checked. Raises InputError."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if device not in there:
        raise InputError(f"device {device!r}: one of auto, {', '.join(there)}")
    if not there[device]:
        raise InputError(
            f"device {device!r} is not on this machine; there is: {', '.join(n for n in there if there[n])}"
        )
    return device
