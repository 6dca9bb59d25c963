"""Questions of an evaluation that training asks in other words, or as a fragment: found by what they mean.

Sentence vectors cost about a hundredth of a second each, so of a large set only the training texts are compared that
share rare words with a question of the evaluation; `compared` says how many those were.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .leaks import MIN_WORDS, Leak
from .similarity import plain

Embed = Callable[[Sequence[str]], np.ndarray]
# Chosen on planted rewordings and fragments against what ships; bench/datasets/results.md has both rates.
COSINE = 0.65  # of two texts of at least SHORT words each
COSINE_SHORT = 0.72  # short questions are alike by their form alone
SHORT = 8
COSINE_ALONE, MARGIN = 0.6, 0.2  # already nearer than this, if every other question is so much farther
EMBEDDED = 1500  # training texts at most; about fifteen seconds on one core
COMMON = 0.02  # of the training texts; a word that stands in more of them tells nothing


@dataclass(frozen=True)
class Rewordings:
    """The leaks, and how many of how many distinct training texts were compared by meaning."""

    leaks: list[Leak]
    compared: int
    texts: int


def find_rewordings(
    train: Sequence[tuple[str, str]],
    evaluation: Sequence[tuple[str, str]],
    embed: Embed,
    limit: int = EMBEDDED,
) -> Rewordings:
    """Training texts that seem to ask what a text of the evaluation asks. Both are (place, text).

    Texts that are equal but for their dress are not compared: `find_leaks` names them.
    """
    asked = _distinct(evaluation)
    mine = {simple: one for simple, one in _distinct(train).items() if simple not in asked}
    chosen = list(mine) if len(mine) <= limit else _likely(list(mine), list(asked), limit)
    if not (chosen and asked):
        return Rewordings([], 0, len(mine))
    theirs = list(asked)
    left, right = embed([mine[s][1] for s in chosen]), embed([asked[s][1] for s in theirs])
    leaks = []
    for at, simple in enumerate(chosen):
        scores = np.where([_other_numbers(simple, other) for other in theirs], 0.0, right @ left[at])
        if (best := _reworded(scores, simple, theirs)) is not None:
            leaks.append(Leak(mine[simple][0], asked[theirs[best]][0], "meaning", round(float(scores[best]), 4)))
    return Rewordings(leaks, len(chosen), len(mine))


def _other_numbers(one: str, other: str) -> bool:
    """Both name numbers, and not the same: the same sum with other figures is another question."""
    mine, theirs = (set(re.findall(r"\d+", text)) for text in (one, other))
    return bool(mine and theirs and mine != theirs)


def _reworded(scores: np.ndarray, text: str, asked: Sequence[str]) -> int | None:
    """Which of `asked` the text rewords, if any."""
    best = int(scores.argmax())
    score = float(scores[best])
    short = min(text.count(" "), asked[best].count(" ")) + 1 < SHORT
    if score >= (COSINE_SHORT if short else COSINE):
        return best
    second = float(np.partition(scores, -2)[-2]) if len(scores) > 1 else 0.0
    return best if not short and score >= COSINE_ALONE and score - second >= MARGIN else None


def _distinct(texts: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The first place and text of every text that is not too short to mean anything, by its plain form."""
    found: dict[str, tuple[str, str]] = {}
    for place, text in texts:
        simple = plain(text)
        if simple.count(" ") >= MIN_WORDS - 1:
            found.setdefault(simple, (place, text))
    return found


def _likely(train: list[str], asked: list[str], limit: int) -> list[str]:
    """The training texts that share most, by rare words, with a text of the evaluation; for every one of those some."""
    from scipy.sparse import csr_matrix

    spread = Counter(word for text in train for word in set(text.split()))
    most = max(20, COMMON * len(train))
    words = sorted({word for text in asked for word in text.split() if 0 < spread[word] <= most})
    vocabulary = {word: at for at, word in enumerate(words)}
    weights = np.array([math.log(1 + len(train) / spread[word]) for word in words])
    if not words:
        return []

    def matrix(texts: list[str]) -> csr_matrix:
        known = [sorted({vocabulary[word] for word in text.split() if word in vocabulary}) for text in texts]
        rows = np.repeat(np.arange(len(texts)), [len(own) for own in known])
        columns = np.fromiter((at for own in known for at in own), dtype=np.int64, count=len(rows))
        made = csr_matrix((weights[columns], (rows, columns)), shape=(len(texts), len(words)))
        norms = np.sqrt(np.asarray(made.multiply(made).sum(axis=1))).ravel()
        return csr_matrix(made.multiply((1 / np.maximum(norms, 1e-9))[:, None]))

    each = max(1, limit // len(asked))
    mine, theirs = matrix(train), matrix(asked)
    best: dict[int, float] = {}
    for start in range(0, len(asked), 64):
        scores = (theirs[start : start + 64] @ mine.T).toarray()
        kept = min(each, scores.shape[1] - 1)
        for own in scores:
            for at in np.argpartition(-own, kept)[:kept].tolist():
                best[at] = max(best.get(at, 0.0), float(own[at]))
    chosen = sorted((at for at, score in best.items() if score > 0), key=lambda at: (-best[at], at))[:limit]
    return [train[at] for at in sorted(chosen)]
