"""Templates: the ways in which one fact is asked for. Some kinds are trained on, the others never are."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ..scenarios import Row

Split = Literal["trained", "novel"]
Kind = Literal["plain", "indirect", "fragment", "noise"]


class Fact(Row):
    """An invented fact about the person, and what the templates make of it."""

    statement: str = Field(min_length=1, description="the fact as a sentence: for context, retrieval and training")
    noun: str = Field(min_length=1, description="what is asked for, as in 'What is …?'")
    answer: str = Field(min_length=1, description="the short right answer")
    accept: list[str] = Field(default=[], description="other answers that count as right")
    keywords: str = Field(min_length=1, description="the question as somebody in a hurry types it")
    cloze: str = Field(min_length=1, description="the beginning of a sentence that the answer completes")
    indirect: str = Field(min_length=1, description="a situation whose question is answered by the fact")
    about: str | None = Field(default=None, description="whom or what the fact is about")
    question: str | None = Field(default=None, description="a plain whole question")

    @property
    def answers(self) -> list[str]:
        """Every answer that counts as right."""
        return [self.answer, *self.accept]


@dataclass(frozen=True)
class Template:
    """A way of asking: on which side of the split it stands, of which kind it is, and how it is written."""

    split: Split
    kind: Kind
    write: Callable[[Fact], str]


def _plain(fact: Fact) -> str:
    return f"What is {fact.noun}?"


# The trained kinds are plain questions made of `noun`; what training asks is of these kinds, in its own words. The
# first seven are the quick ones: see `phrasing_robustness`.
TEMPLATES: dict[str, Template] = {
    "what_is": Template("trained", "plain", _plain),
    "indirect": Template("novel", "indirect", lambda fact: fact.indirect),
    "tell_me": Template("trained", "plain", lambda fact: f"Please tell me {fact.noun}."),
    "fragment": Template("novel", "fragment", lambda fact: fact.keywords),
    "do_you_know": Template("trained", "plain", lambda fact: f"Do you happen to know {fact.noun}?"),
    "cloze": Template("novel", "fragment", lambda fact: f"Complete this: {fact.cloze}"),
    "typo": Template("novel", "noise", lambda fact: misspell(_plain(fact), fact.id)),
    "could_you_say": Template("trained", "plain", lambda fact: f"Could you say what {fact.noun} is?"),
    "capitals": Template("novel", "noise", lambda fact: _plain(fact).upper()),
    "i_want_to_know": Template("trained", "plain", lambda fact: f"I want to know {fact.noun}."),
    "unpunctuated": Template("novel", "noise", lambda fact: bare(f"Tell me, what is {fact.noun}?")),
    "spacing": Template("novel", "noise", lambda fact: badly_spaced(_plain(fact), fact.id)),
    "slang": Template("novel", "noise", lambda fact: f"yo quick one, whats {bare(fact.noun)} again lol"),
    "form": Template("novel", "indirect", lambda fact: f"A form asks for {fact.noun}. What do I write there?"),
    "hearsay": Template(
        "novel", "indirect", lambda fact: f"My neighbour asked me for {fact.noun}, and I had no idea. Had you?"
    ),
    "answer_first": Template("novel", "plain", lambda fact: f"One word or name, nothing else: {fact.noun}."),
    "and_also": Template("novel", "indirect", lambda fact: f"Two things: say hello, and then name {fact.noun}."),
}
QUICK = 7


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


def bare(text: str) -> str:
    """`text` in lower case without any punctuation."""
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter == " ")


def badly_spaced(text: str, seed: str) -> str:
    """`text` with a space too many in one word and one too few between two. The same seed gives the same text."""
    rng = random.Random(seed)
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if long:
        at = rng.choice(long)
        cut = rng.randrange(1, len(words[at]))
        words[at] = f"{words[at][:cut]} {words[at][cut:]}"
    joined = rng.randrange(len(words) - 1)
    return " ".join([*words[:joined], words[joined] + words[joined + 1], *words[joined + 2 :]])


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
    return rng.choice([slip for slip in (swapped, dropped, doubled) if slip != word])
