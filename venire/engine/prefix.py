"""Prompts that begin alike (a system prompt, a judge's rubric) are computed once up to where they part.

The keys and values of a beginning depend on the adapter and on the tokens alone, so rows of one adapter share them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

SHORTEST = 8  # tokens; a shorter beginning costs more to share than to compute
KEPT_TOKENS = 2048  # of all beginnings that stay in memory

KeysAndValues = list[tuple[torch.Tensor, torch.Tensor]]  # a layer each, (1, heads, tokens, head size)


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Tokens that all prompts begin with, at least one of each left over; 0 if too few to matter."""
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)  # in sorted order, what these two share all share
    limit = min(map(len, prompts)) - 1
    same = next((i for i in range(limit) if first[i] != last[i]), limit)
    return same if same >= SHORTEST else 0


class Prefixes:
    """Keys and values of beginnings met lately, by adapter and tokens."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[int, ...]], KeysAndValues] = OrderedDict()

    def cache(
        self, tokens: Sequence[int], adapters: Sequence[str], compute: Callable[[list[str]], DynamicCache]
    ) -> DynamicCache:
        """A cache in which every row, each under its adapter, has seen `tokens`.

        `compute(names)` runs the tokens once for each of these adapters; it is asked only for those not kept.
        """
        key = tuple(tokens)
        missing = [name for name in dict.fromkeys(adapters) if (name, key) not in self._kept]
        if missing:
            made = compute(missing)
            for row, name in enumerate(missing):
                layers: Any = made.layers
                self._kept[name, key] = [(x.keys[row : row + 1], x.values[row : row + 1]) for x in layers]
        for name in adapters:
            self._kept.move_to_end((name, key))
        cache = DynamicCache()
        found = [self._kept[name, key] for name in adapters]
        for layer in range(len(found[0])):
            keys, values = zip(*(row[layer] for row in found), strict=True)
            cache.update(torch.cat(keys), torch.cat(values), layer)
        self._forget()
        return cache

    def _forget(self) -> None:
        while sum(len(tokens) for _, tokens in self._kept) > KEPT_TOKENS:
            self._kept.popitem(last=False)


def pad_left(cache: Any, shared: int, pads: Sequence[int]) -> None:
    """Move the padding from between a shared beginning and its row's own tokens to the row's left, in place.

    Row i of `cache` holds `shared` tokens, `pads[i]` of padding, then its own.
    """
    if not any(pads):
        return
    width = cache.layers[0].keys.shape[2]
    place = torch.arange(width)[None, :]
    pad = torch.tensor(list(pads))[:, None]
    source = torch.where(place < shared + pad, (place - pad).clamp(min=0), place)
    for layer in cache.layers:
        index = source.to(layer.keys.device)[:, None, :, None]
        layer.keys = layer.keys.gather(2, index.expand_as(layer.keys))
        layer.values = layer.values.gather(2, index.expand_as(layer.values))
