"""A second reading of two questions that seem alike: does a language model take one for the other in other words?

Sentence vectors put questions of one topic close together, so that between a rewording and a neighbour they often
cannot tell. A language model that was asked to say a question in other words finds its rewording far likelier than
after any other question; of a mere neighbour, another neighbour tells it as much.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Message = dict[str, str]
LogLikelihoods = Callable[[Sequence[tuple[list[Message], str]]], Sequence[float]]
GAIN = (
    15.0  # nats; chosen on bench/datasets/planted.yaml and planted_second.yaml, what it is worth is in leaks.md there
)
OTHERS = 3
ASK = "Say this in other words, with the same meaning:\n\n"
# Stands in where an evaluation has no other question, and keeps what is likely after anything from counting.
ELSEWHERE = "What should I cook for dinner on Friday?"
LONGEST = 500  # characters that are read of a text; two of as many tokens as bytes fit the embedded model's context


@dataclass(frozen=True)
class Doubt:
    """A training text that may reword `asked`, and other questions of the same evaluation that it is near to."""

    text: str
    asked: str
    others: Sequence[str] = ()


def gains(doubts: Sequence[Doubt], likelihoods: LogLikelihoods) -> list[float]:
    """How many nats likelier each text is after its own question than after the best of the others.

    Pointwise mutual information (Church and Hanks, Computational Linguistics 1990), but against the likeliest of the
    `others` in place of the average. A gain below GAIN is read no further: it could only become smaller.
    """

    def read(asked: Sequence[tuple[str, str]]) -> Sequence[float]:
        return likelihoods([([{"role": "user", "content": ASK + q[:LONGEST]}], text[:LONGEST]) for q, text in asked])

    own = read([(doubt.asked, doubt.text) for doubt in doubts])
    found = [float("inf")] * len(doubts)
    against = [[*doubt.others[:OTHERS], ELSEWHERE] for doubt in doubts]
    for turn in range(OTHERS + 1):
        left = [i for i, gain in enumerate(found) if gain >= GAIN and turn < len(against[i])]
        after = read([(against[i][turn], doubts[i].text) for i in left])
        for i, other in zip(left, after, strict=True):
            found[i] = min(found[i], own[i] - other)
    return found
