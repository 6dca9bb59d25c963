"""The one way a chat becomes text and tokens: training, evaluation and chat all come through here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError

if TYPE_CHECKING:
    from .bases import Base


def load_tokenizer(base: "Base") -> Any:
    """The tokenizer of `base`. Raises InputError if it has no chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(base.path))
    if not tokenizer.chat_template:
        raise InputError(f"base {base.name!r} has no chat template; choose an instruct model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def render_prompt(tokenizer: Any, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
    """`messages` ({role, content} each) through the base's own chat template.

    If the last message is the assistant's and a generation prompt is asked for, the text ends inside that message,
    to be continued. Tokenise the result with `add_special_tokens=False`: the template has written them.
    Raises InputError where the template refuses the chat, as some do a system message.
    """
    from jinja2 import TemplateError

    continues = add_generation_prompt and bool(messages) and messages[-1]["role"] == "assistant"
    try:
        return tokenizer.apply_chat_template(
            list(messages),
            tokenize=False,
            add_generation_prompt=add_generation_prompt and not continues,
            continue_final_message=continues,
        )
    except TemplateError as error:
        roles = [message["role"] for message in messages]
        what = "leave the system message out, or take" if "system" in roles else "take"
        raise InputError(
            f"the chat template of the base in {tokenizer.name_or_path} refuses a chat of {', '.join(roles)}: {error}; "
            f"{what} another base"
        ) from error


def encode_prompt(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """Token ids of `render_prompt(tokenizer, messages)`."""
    return tokenizer(render_prompt(tokenizer, messages), add_special_tokens=False)["input_ids"]
