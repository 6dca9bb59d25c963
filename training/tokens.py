"""Rows as token ids: the prompt that serving renders, then the answer, and the loss on the answer alone.

A chat is cut at the assistant's turns. What stands before an answer is rendered and tokenised as evaluation and chat
do it; the answer runs to the template's end-of-turn token, which is learned too, so that the model learns to stop.
"""

import random
from collections.abc import Sequence
from typing import Any

from venire._common.errors import InputError
from venire.datasets.rows import DpoRow, Message, SftRow
from venire.engine import render_prompt

from .mixture import Rows
from .recipe import Recipe

IGNORED = -100  # the label that PyTorch's losses leave out
Columns = dict[str, list[Any]]


def columns(tokenizer: Any, rows: Rows, recipe: Recipe, max_length: int) -> Columns:
    """What the method's trainer reads, a list a column. `weight` is there where a row has another than 1.

    Raises InputError for a row longer than `max_length`, and for a weight where the method knows none.
    """
    weights = [row.weight for row in rows.rows]
    method = recipe.method
    made = sft_columns(tokenizer, rows, max_length) if method == "sft" else dpo_columns(tokenizer, rows, max_length)
    weighted = next((i for i, weight in enumerate(weights) if weight != 1), None)
    if weighted is not None and method in ("kto", "orpo"):
        raise InputError(
            f"{rows.place(weighted)}: weight {weights[weighted]:g}; method {method} weighs no rows, so write no weight "
            "or take sft or dpo"
        )
    if weighted is not None and recipe.padding_free:
        raise InputError(f"{rows.place(weighted)}: weight {weights[weighted]:g}; padding_free batches weigh no rows")
    if weighted is not None:
        made["weight"] = weights
    return kto_columns(made, recipe.batch, recipe.seed) if method == "kto" else made


def sft_columns(tokenizer: Any, rows: Rows, max_length: int) -> Columns:
    """`input_ids` and `labels` of every row. Raises InputError for a row longer than `max_length`."""
    made: Columns = {"input_ids": [], "labels": []}
    for index, row in enumerate(rows.rows):
        assert isinstance(row, SftRow)
        ids, labels = encode_chat(tokenizer, row.messages, rows.place(index))
        _check_length(len(ids), max_length, rows.place(index))
        made["input_ids"].append(ids)
        made["labels"].append(labels)
    return made


def dpo_columns(tokenizer: Any, rows: Rows, max_length: int) -> Columns:
    """`prompt_ids`, `chosen_ids`, `rejected_ids` of every row. Raises InputError for a row longer than `max_length`."""
    made: Columns = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
    for index, row in enumerate(rows.rows):
        assert isinstance(row, DpoRow)
        for side in ("chosen", "rejected"):
            ids, labels = encode_chat(tokenizer, [*row.prompt, *getattr(row, side)], rows.place(index))
            _check_length(len(ids), max_length, rows.place(index))
            # Only the last answer is compared; answers earlier in the prompt are part of the prompt.
            start = max(i for i, label in enumerate(labels) if label == IGNORED) + 1
            made[f"{side}_ids"].append(ids[start:])
        made["prompt_ids"].append(ids[:start])
    return made


def kto_columns(pairs: Columns, batch: int, seed: int) -> Columns:
    """Both sides of every pair as rows of their own, wanted or not, each beside an answer to another prompt.

    KTO measures how far the model has drifted on such mismatched answers; as in TRL they are those of the row before,
    within a batch, so the order is settled here, once: shuffled, wanted and unwanted in turn, no prompt beside itself.
    """
    order = list(range(len(pairs["prompt_ids"])))
    random.Random(seed).shuffle(order)
    sides = [(index, (place + half) % 2 == 0) for half in (0, 1) for place, index in enumerate(order)]
    made: Columns = {
        "prompt_ids": [pairs["prompt_ids"][index] for index, _ in sides],
        "completion_ids": [pairs["chosen_ids" if wanted else "rejected_ids"][index] for index, wanted in sides],
        "label": [wanted for _, wanted in sides],
    }
    answers = made["completion_ids"]
    blocks = [answers[start : start + batch] for start in range(0, len(answers), batch)]
    made["KL_completion_ids"] = [answer for block in blocks for answer in (block[-1], *block[:-1])]
    return made


def lengths(made: Columns) -> list[int]:
    """Tokens of every row: of a pair, of its longer side."""
    if "input_ids" in made:
        return [len(ids) for ids in made["input_ids"]]
    answers = [made[k] for k in ("chosen_ids", "rejected_ids", "completion_ids", "KL_completion_ids") if k in made]
    longest = [max(map(len, sides)) for sides in zip(*answers, strict=True)]
    return [len(prompt) + longer for prompt, longer in zip(made["prompt_ids"], longest, strict=True)]


def encode_chat(tokenizer: Any, messages: Sequence[Message], place: str) -> tuple[list[int], list[int]]:
    """Token ids of a chat that ends on an answer, and its labels: the answers' tokens, IGNORED elsewhere."""
    chat = [message.model_dump() for message in messages]
    ids: list[int] = []
    labels: list[int] = []
    done = ""
    for turn, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        try:
            prompt = render_prompt(tokenizer, chat[:turn])
            whole = render_prompt(tokenizer, chat[: turn + 1], add_generation_prompt=False)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
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
