"""Rows for tests of data: a chat of one turn, and words that are like no other."""

from typing import Any

from venire.datasets.rows import SftRow


def chat(text: str, **about: Any) -> SftRow:
    turns: Any = [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]
    return SftRow(messages=turns, **about)


def word(number: int) -> str:
    """A word of its own for every number, unlike its neighbours'."""
    letters = "bdfgklmnprst"
    return "".join(letters[number * 7919 // 12**k % 12] + "aeiou"[(number * 31 + k) % 5] for k in range(4))
