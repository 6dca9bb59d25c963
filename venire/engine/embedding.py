"""Sentence vectors of a local embedding model: mean-pooled, unit length."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .bases import resolve_base

if TYPE_CHECKING:
    import numpy as np

_BATCH = 32
_MAX_TOKENS = 256  # all-MiniLM-L6-v2 was trained on no longer texts
_lock = threading.Lock()


@lru_cache(maxsize=2)
def _load(model: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    path = str(resolve_base(model).path)
    return AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()


def embed(texts: Sequence[str], model: str = "all-minilm") -> "np.ndarray":
    """Vectors of `texts`, shape (n, d), float32, each of unit length.

    Texts are batched by length, so that padding, and with it the last bits of a vector, does not depend on the order
    in which the texts are given.
    """
    import numpy as np
    import torch

    with _lock, torch.inference_mode():
        tokenizer, encoder = _load(model)
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), texts[i]))
        vectors = np.zeros((len(texts), encoder.config.hidden_size), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=_MAX_TOKENS,
                return_tensors="pt",
            )
            hidden = encoder(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors[rows] = torch.nn.functional.normalize(mean, dim=-1).numpy()
    return vectors
