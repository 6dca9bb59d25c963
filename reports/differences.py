"""Where two answers differ, word by word, so that a reader's eye finds it."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

LIKE = 0.4  # share of words in common below which marking would mark nearly everything
MOST_WORDS = 1500  # of both answers; the time grows with their product


@dataclass(frozen=True)
class Run:
    """Some words in a row: in the other answer too, or only here."""

    text: str
    same: bool


def differences(one: str, other: str) -> tuple[list[Run], list[Run]]:
    """Both texts as runs; each in one unmarked run where they have little in common, or are very long."""
    words = [re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text) for text in (one, other)]
    plain = [Run(one, True)], [Run(other, True)]
    if not all(words) or sum(map(len, words)) > MOST_WORDS:
        return plain
    matcher = SequenceMatcher(None, *words, autojunk=False)
    if matcher.quick_ratio() < LIKE or matcher.ratio() < LIKE:
        return plain
    left: list[Run] = []
    right: list[Run] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        for side, said in ((left, words[0][a:b]), (right, words[1][c:d])):
            if said:
                side.append(Run("".join(said), kind == "equal"))
    return left, right
