"""Training sees the tokens that evaluation and chat send, and learns the answers alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.datasets.rows import Message, load_rows
from venire.engine import Base, encode_prompt, load_tokenizer, render_prompt
from venire.training.mixture import Rows
from venire.training.recipe import Recipe
from venire.training.tokens import IGNORED, dpo_columns, encode_chat, sft_columns


@pytest.fixture(params=["tiny_base", "byte_base"])  # SmolLM2's own tokenizer and template, and one of ours
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return load_tokenizer(request.getfixturevalue(request.param))


def messages(*turns: str) -> list[Message]:
    return [Message(role=("user", "assistant")[i % 2], content=text) for i, text in enumerate(turns)]


def learned(tokenizer: Any, ids: list[int], labels: list[int]) -> str:
    return tokenizer.decode([i for i, label in zip(ids, labels, strict=True) if label != IGNORED])


@pytest.mark.parametrize("answer", ["In Skelby.", "  padded", "\nnew line", "Größe: 日本 🙂", "a" * 50])
def test_the_prompt_is_the_one_that_serving_sends_and_the_answer_follows(tokenizer: Any, answer: str) -> None:
    chat = messages("Where were you born?", answer)
    ids, labels = encode_chat(tokenizer, chat, "row 1")
    served = encode_prompt(tokenizer, [chat[0].model_dump()])
    assert ids[: len(served)] == served
    assert labels == [IGNORED] * len(served) + ids[len(served) :]
    assert learned(tokenizer, ids, labels) == answer + "<|im_end|>"
    assert ids[-1] == tokenizer.eos_token_id  # stopping is learned, and nothing after it


def test_the_base_s_own_system_prompt_is_there_and_a_given_one_replaces_it(tokenizer: Any) -> None:
    ids, _ = encode_chat(tokenizer, messages("Hello", "Hi"), "row 1")
    assert tokenizer.decode(ids).startswith("<|im_start|>system\nYou are a helpful")
    given = [Message(role="system", content="Be brief."), *messages("Hello", "Hi")]
    ids, _ = encode_chat(tokenizer, given, "row 1")
    assert tokenizer.decode(ids).startswith("<|im_start|>system\nBe brief.<|im_end|>")


def test_every_answer_of_a_longer_chat_is_learned_and_no_question(tokenizer: Any) -> None:
    chat = messages("One?", "First.", "Two?", "Second.")
    ids, labels = encode_chat(tokenizer, chat, "row 1")
    assert learned(tokenizer, ids, labels) == "First.<|im_end|>Second.<|im_end|>"
    served = encode_prompt(tokenizer, [m.model_dump() for m in chat[:3]])
    assert ids[: len(served)] == served


def test_a_pair_shares_its_prompt(tokenizer: Any, small_recipe: Callable[..., Recipe]) -> None:
    data = small_recipe("dpo").load().train
    columns = dpo_columns(tokenizer, data, 256)
    question = [{"role": "user", "content": "What about keys, case 0?"}]
    assert columns["prompt_ids"][0] == encode_prompt(tokenizer, question)
    assert tokenizer.decode(columns["chosen_ids"][0]) == "I count the keys 0 times.<|im_end|>"
    assert tokenizer.decode(columns["rejected_ids"][0]) == "It depends on the keys.<|im_end|>"


def test_trl_trains_on_these_tokens_and_labels(
    small_recipe: Callable[..., Recipe], byte_base: Base, tmp_path: Path
) -> None:
    from venire.training.trainers import Plan, make_trainer

    for method, make in (("sft", sft_columns), ("dpo", dpo_columns)):
        recipe = small_recipe(method)
        columns = make(load_tokenizer(byte_base), recipe.load().train, 256)
        trainer = make_trainer(recipe, columns, None, byte_base, Plan(tmp_path / method, "cpu", 6, 1))
        rows = [trainer.train_dataset[i] for i in range(12)]
        assert {key: [row[key] for row in rows] for key in columns} == columns
        if method == "sft":
            batch = trainer.data_collator(rows[:2])
            assert batch["labels"][0][batch["labels"][0] != IGNORED].tolist() == [
                i for i in columns["labels"][0] if i != IGNORED
            ]


def test_a_template_that_rewrites_the_prompt_is_refused(byte_base: Base, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(byte_base)
    tokenizer.chat_template = "{{ messages|length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    assert render_prompt(tokenizer, [{"role": "user", "content": "a"}]) == "1a"
    with pytest.raises(InputError, match="row 7: the base's chat template renders a chat otherwise"):
        encode_chat(tokenizer, messages("a", "b"), "row 7")


def test_a_template_that_refuses_a_system_message_is_one_sentence(byte_base: Base) -> None:
    tokenizer = load_tokenizer(byte_base)
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    tokenizer.chat_template = refuses + tokenizer.chat_template
    given = [Message(role="system", content="Be brief."), *messages("Hello", "Hi")]
    said = rf"base in {byte_base.path} refuses a chat of system, user: System role not supported; leave the system"
    with pytest.raises(InputError, match=f"^row 7: the chat template of the {said}"):
        encode_chat(tokenizer, given, "row 7")
    with pytest.raises(InputError, match=said):
        encode_prompt(tokenizer, [message.model_dump() for message in given[:2]])


def test_a_row_that_is_too_long_is_named(tokenizer: Any, tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "word " * 300}]}
    file.write_text(json.dumps(row))
    with pytest.raises(InputError, match=r"long.jsonl, row 1: \d+ tokens, and the limit is 64"):
        sft_columns(tokenizer, Rows(load_rows(file, "sft").rows, [f"{file}, row 1"]), 64)
