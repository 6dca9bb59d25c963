"""A random Llama of two layers: fast, and as strict as a real model about shapes, tokens and adapters."""

from pathlib import Path
from typing import Any

from venire.engine import Base, resolve_base


def tiny_llama(folder: Path, tokenizer: Any, **config: Any) -> Base:
    """Write one for `tokenizer` into `folder`; the same weights every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **config,
    )
    LlamaForCausalLM(sizes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return resolve_base(str(folder))
