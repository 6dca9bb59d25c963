"""Templates: the ways in which one fact is asked for. Some kinds are trained on, the others never are."""

import random
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from ..scenarios import Row

Split = Literal["trained", "novel"]


class Fact(Row):
    """An invented fact about the person, and what the templates make of it."""

    statement: str = Field(min_length=1, description="the fact as a sentence: for context, retrieval and training")
    noun: str = Field(min_length=1, description="what is asked for, as in 'What is …?'")
    answer: str = Field(min_length=1, description="the short right answer")
    accept: list[str] = Field(default=[], description="other answers that count as right")
    keywords: str = Field(min_length=1, description="the question as somebody in a hurry types it")
    cloze: str = Field(min_length=1, description="the beginning of a sentence that the answer completes")
    indirect: str = Field(min_length=1, description="a situation whose question is answered by the fact")

    @property
    def answers(self) -> list[str]:
        """Every answer that counts as right."""
        return [self.answer, *self.accept]


# The trained kinds are plain questions made of `noun`; what training asks is of these kinds, in its own words.
TEMPLATES: dict[str, tuple[Split, Callable[[Fact], str]]] = {
    "what_is": ("trained", lambda fact: f"What is {fact.noun}?"),
    "indirect": ("novel", lambda fact: fact.indirect),
    "tell_me": ("trained", lambda fact: f"Please tell me {fact.noun}."),
    "fragment": ("novel", lambda fact: fact.keywords),
    "do_you_know": ("trained", lambda fact: f"Do you happen to know {fact.noun}?"),
    "cloze": ("novel", lambda fact: f"Complete this: {fact.cloze}"),
    "typo": ("novel", lambda fact: misspell(f"What is {fact.noun}?", fact.id)),
}


def misspell(text: str, seed: str, rate: float = 0.3) -> str:
    """`text` in lower case without its end mark, with about `rate` of its longer words misspelt (one at least).

    A misspelling swaps two inner letters, drops one, or doubles one. The same seed gives the same text.
    """
    rng = random.Random(seed)
    words = text.lower().rstrip("?.!").split()
    long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for i in rng.sample(long, max(1, round(rate * len(long)))) if long else []:
        words[i] = _slip(words[i], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
    return rng.choice([slip for slip in (swapped, dropped, doubled) if slip != word])
