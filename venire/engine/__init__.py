"""Local models: one base in memory, any number of adapters, one batch that mixes them.

`resolve_base` finds a base, `load_tokenizer` and `render_prompt` turn a chat into text the one way that training,
evaluation and chat share, `loglikelihoods` and `choice_logprobs` score given text, `embed` gives sentence vectors,
`register_adapter` makes an adapter known under its content's name. Generation itself is reached through Inspect:
`get_model("venire/<base>")`; past one GPU, `vllm_name` and `open_model` lead to a vLLM server in its place.

Names are loaded on first use (PEP 562): importing this package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters import (
        AdapterRef,
        adapter_name,
        adapter_sha256,
        check_adapter,
        find_adapter,
        register_adapter,
        register_full,
    )
    from .bases import ALIASES, Base, list_bases, resolve_base
    from .embedding import embed
    from .scoring import LogLikelihood, choice_logprobs, loglikelihoods
    from .text import encode_prompt, load_tokenizer, render_prompt
    from .vllm import close_servers, open_model, vllm_name

_HOME = {
    "Base": "bases",
    "ALIASES": "bases",
    "list_bases": "bases",
    "resolve_base": "bases",
    "AdapterRef": "adapters",
    "adapter_name": "adapters",
    "adapter_sha256": "adapters",
    "check_adapter": "adapters",
    "find_adapter": "adapters",
    "register_adapter": "adapters",
    "register_full": "adapters",
    "vllm_name": "vllm",
    "open_model": "vllm",
    "close_servers": "vllm",
    "encode_prompt": "text",
    "load_tokenizer": "text",
    "render_prompt": "text",
    "LogLikelihood": "scoring",
    "choice_logprobs": "scoring",
    "loglikelihoods": "scoring",
    "embed": "embedding",
}

__all__ = [
    "ALIASES",
    "AdapterRef",
    "Base",
    "LogLikelihood",
    "adapter_name",
    "adapter_sha256",
    "check_adapter",
    "choice_logprobs",
    "close_servers",
    "embed",
    "encode_prompt",
    "find_adapter",
    "list_bases",
    "load_tokenizer",
    "loglikelihoods",
    "open_model",
    "register_adapter",
    "register_full",
    "render_prompt",
    "resolve_base",
    "vllm_name",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
