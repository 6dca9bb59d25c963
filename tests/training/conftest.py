"""What the training tests share: small data files and recipes and a base that is quick to train."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from venire.engine import Base
from venire.training.recipe import Recipe

from ..tiny import tiny_llama

# As SmolLM2's: a system prompt of its own where the chat brings none, and no {% generation %}.
TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WORDS = ["keys", "boots", "planks", "benches", "mondays", "ropes", "kettles", "ledgers"]


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def pair(question: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": question}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads only wait for one another over matrices this small."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def byte_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A random two-layer Llama over bytes: with so small a vocabulary a step takes milliseconds."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    model = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(vocabulary)}, merges=[]))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    model.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = TEMPLATE
    return tiny_llama(tmp_path_factory.mktemp("byte") / "byte-base", tokenizer)


@pytest.fixture
def small_recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """A recipe over 12 rows: 6 steps of batch 4 over two epochs, a candidate after steps 2, 4 and 6."""

    def make(method: str = "sft", **changes: Any) -> Recipe:
        rows = [
            chat(f"What about {word}, case {i}?", f"I count the {word} {i} times and sign my name.")
            if method == "sft"
            else pair(f"What about {word}, case {i}?", f"I count the {word} {i} times.", f"It depends on the {word}.")
            for i, word in enumerate((WORDS * 2)[:12])
        ]
        data = tmp_path / f"{method}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        values: dict[str, Any] = {
            "name": f"tiny_{method}",
            "method": method,
            "data": str(data),
            "lora": {"r": 4, "alpha": 8, "dropout": 0.1, "targets": ["q_proj", "v_proj"]},
            "learning_rate": 0.01,
            "epochs": 2,
            "batch": 4,
            "checkpoint_every": 2,
            "max_length": 256,
        }
        return Recipe.model_validate(values | changes)

    return make
