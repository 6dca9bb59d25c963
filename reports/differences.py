"""Where two answers differ, word by word, so that a reader's eye finds it."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

LIKE = 0.4  # share of words in common below which marking would mark nearly everything
MOST_WORDS = 1500  # of both answers; the time grows with their product
MOST_MATCHES = 12_000  # pairs of the same word in both; prose has fewer, and a model that loops makes the time explode


@dataclass(frozen=True)
class Run:
    """Some words in a row: in the other answer too, or only here."""

    text: str
    same: bool


def differences(one: str, other: str) -> tuple[list[Run], list[Run]]:
    """Both texts as runs; each in one unmarked run where they have little in common, or `too_much` says why not."""
    words = _words(one), _words(other)
    plain = [Run(one, True)], [Run(other, True)]
    if one == other or not all(words) or too_much(one, other):
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


def too_much(one: str, other: str) -> str:
    """Why two different answers cannot be set against each other word by word; "" where they can."""
    words = _words(one), _words(other)
    if one == other:
        return ""
    if sum(map(len, words)) > MOST_WORDS:
        return "the answers are too long to be set against each other word by word"
    mine, theirs = map(Counter, words)
    if sum(times * theirs[word] for word, times in mine.items()) > MOST_MATCHES:
        return "the answers repeat the same words too often to be set against each other word by word"
    return ""


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+", text)
