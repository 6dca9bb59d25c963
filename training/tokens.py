"""Rows as token ids: the prompt that serving renders, then the answer, and the loss on the answer alone.

A chat is cut at the assistant's turns. What stands before an answer is rendered and tokenised as evaluation and chat
do it; the answer runs to the template's end-of-turn token, which is learned too, so that the model learns to stop.
"""

from collections.abc import Sequence
from typing import Any

from venire._common.errors import InputError
from venire.datasets.rows import DpoRow, Message, SftRow, TrainingData
from venire.engine import render_prompt

IGNORED = -100  # the label that PyTorch's losses leave out


def sft_columns(tokenizer: Any, data: TrainingData, max_length: int) -> dict[str, list[list[int]]]:
    """`input_ids` and `labels` of every row. Raises InputError for a row longer than `max_length`."""
    columns: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for index, row in enumerate(data.rows):
        assert isinstance(row, SftRow)
        ids, labels = encode_chat(tokenizer, row.messages, data.place(index))
        _check_length(len(ids), max_length, data.place(index))
        columns["input_ids"].append(ids)
        columns["labels"].append(labels)
    return columns


def dpo_columns(tokenizer: Any, data: TrainingData, max_length: int) -> dict[str, list[list[int]]]:
    """`prompt_ids`, `chosen_ids`, `rejected_ids` of every row. Raises InputError for a row longer than `max_length`."""
    columns: dict[str, list[list[int]]] = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
    for index, row in enumerate(data.rows):
        assert isinstance(row, DpoRow)
        for side in ("chosen", "rejected"):
            ids, labels = encode_chat(tokenizer, [*row.prompt, *getattr(row, side)], data.place(index))
            _check_length(len(ids), max_length, data.place(index))
            # Only the last answer is compared; answers earlier in the prompt are part of the prompt.
            start = max(i for i, label in enumerate(labels) if label == IGNORED) + 1
            columns[f"{side}_ids"].append(ids[start:])
        columns["prompt_ids"].append(ids[:start])
    return columns


def encode_chat(tokenizer: Any, messages: Sequence[Message], place: str) -> tuple[list[int], list[int]]:
    """Token ids of a chat that ends on an answer, and its labels: the answers' tokens, IGNORED elsewhere."""
    chat = [message.model_dump() for message in messages]
    ids: list[int] = []
    labels: list[int] = []
    done = ""
    for turn, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        prompt = render_prompt(tokenizer, chat[:turn])
        whole = render_prompt(tokenizer, chat[: turn + 1], add_generation_prompt=False)
        if not (prompt.startswith(done) and whole.startswith(prompt)):
            raise InputError(
                f"{place}: the base's chat template renders a chat otherwise once its answer is there, so training "
                "would differ from serving; use rows of one turn, or another base"
            )
        answer = whole[len(prompt) :].rstrip()  # what follows the end-of-turn token is never sampled
        before = _ids(tokenizer, prompt[len(done) :])
        after = _ids(tokenizer, answer)
        ids += before + after
        labels += [IGNORED] * len(before) + after
        done = prompt + answer
    return ids, labels


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _check_length(length: int, limit: int, place: str) -> None:
    if length > limit:
        raise InputError(
            f"{place}: {length} tokens, and the limit is {limit}; shorten the row, or raise max_length "
            "as far as the base allows"
        )
