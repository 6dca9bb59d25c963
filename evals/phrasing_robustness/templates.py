"""Templates: the ways in which one fact is asked for. Some kinds are trained on, the others never are.

Those that training knows too are its own (`venire.datasets.phrasings`), words and side; the others stand here alone.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from venire.datasets import facts, phrasings
from venire.datasets.phrasings import misspell

from ..scenarios import Row

Split = Literal["trained", "novel"]
Kind = Literal["plain", "indirect", "fragment", "noise"]


class Fact(facts.Fact, Row):
    """A fact as training knows it (`venire.datasets.facts`); whom it is about and a plain question may be missing."""

    about: str = Field(default="", description="whom or what the fact is about")
    question: str = Field(default="", description="a plain whole question")

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


_TAUGHT = {template.id: template for template in phrasings.TEMPLATES}
_KINDS: dict[str, Kind] = {"fragment": "fragment", "cloze": "fragment", "indirect": "indirect", "case": "noise"}


def _taught(name: str) -> Template:
    """Training's own template of this name, on the side where training keeps it."""
    template = _TAUGHT[name]
    split: Split = "novel" if template.kind in phrasings.HELD_OUT else "trained"
    return Template(split, _KINDS.get(template.kind, "plain"), template.write)


def _plain(fact: Fact) -> str:
    return _TAUGHT["what_is"].write(fact)


# The trained kinds are plain questions made of `noun`; what training asks is of these kinds, in its own words. The
# first seven are the quick ones: see `phrasing_robustness`.
TEMPLATES: dict[str, Template] = {
    "what_is": _taught("what_is"),
    "indirect": _taught("indirect"),
    "tell_me": _taught("tell_me"),
    "fragment": _taught("fragment"),
    "do_you_know": _taught("do_you_know"),
    "cloze": _taught("cloze"),
    # Misspelt from a seed of its own: whoever trains on misspellings must not meet the suite's.
    "typo": Template("novel", "noise", lambda fact: misspell(_plain(fact), fact.id)),
    "could_you_say": _taught("could_you_say"),
    "capitals": _taught("capitals"),
    "i_want_to_know": _taught("i_want_to_know"),
    "unpunctuated": Template("novel", "noise", lambda fact: bare(f"Tell me, what is {fact.noun}?")),
    "spacing": Template("novel", "noise", lambda fact: badly_spaced(_plain(fact), fact.id)),
    "slang": Template("novel", "noise", lambda fact: f"yo quick one, whats {bare(fact.noun)} again lol"),
    "form": Template("novel", "indirect", lambda fact: f"A form asks for {fact.noun}. What do I write there?"),
    "hearsay": Template(
        "novel", "indirect", lambda fact: f"My neighbour asked me for {fact.noun}, and I had no idea. Had you?"
    ),
    "answer_first": Template("novel", "plain", lambda fact: f"One word or name, nothing else: {fact.noun}."),
    "and_also": Template("novel", "indirect", lambda fact: f"Two things: say hello, and then give me {fact.noun}."),
}
QUICK = 7


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
