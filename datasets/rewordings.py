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
from .rereading import GAIN, Doubt, LogLikelihoods, gains
from .similarity import plain

Embed = Callable[[Sequence[str]], np.ndarray]
# Short questions are alike by their form alone, so they must be nearer: from LONG words on LONG_COSINE accuses, up to
# SHORT words SHORT_COSINE, and in between a line between the two. What is DOUBTED below that is read a second time.
# Chosen on bench/datasets/planted.yaml and planted_second.yaml; what they find and whom they accuse, there and on texts
# that were not looked at, is in bench/datasets/leaks.md.
SHORT, SHORT_COSINE = 8, 0.85
LONG, LONG_COSINE = 16, 0.63
NEAR = 0.08  # so far below it, a person should look
DOUBTED = 0.16  # so far below it, the language model looks
READ = 100  # doubts that it looks at, the nearest; about twenty seconds on two cores
READ_OF_MANY = 30  # of a set so large that not all of it is compared
SAME = 0.75  # cosine of questions of an evaluation that may be one question in other words
SAME_NUMBERS = 1 / 3  # of the numbers that either names; with fewer in common it is the same sum with other figures
EMBEDDED = 1500  # training texts at most; about fifteen seconds on one core
COMMON = 0.02  # of the training texts; a word that stands in more of them tells nothing


@dataclass(frozen=True)
class Rewordings:
    """The leaks, what is near to one, and how many of how many distinct training texts were compared by meaning."""

    leaks: list[Leak]
    near: list[Leak]
    compared: int
    texts: int


def find_rewordings(
    train: Sequence[tuple[str, str]],
    evaluation: Sequence[tuple[str, str]],
    embed: Embed,
    limit: int = EMBEDDED,
    likelihoods: LogLikelihoods | None = None,
) -> Rewordings:
    """Training texts that seem to ask what a text of the evaluation asks. Both are (place, text).

    Texts that are equal but for their dress are not compared: `find_leaks` names them. The nearest come first.
    With `likelihoods`, up to READ doubts are decided by a language model (see `rereading`).
    """
    asked = _distinct(evaluation)
    mine = {simple: one for simple, one in _distinct(train).items() if simple not in asked}
    chosen = list(mine) if len(mine) <= limit else _likely(list(mine), list(asked), limit)
    if not (chosen and asked):
        return Rewordings([], [], 0, len(mine))
    own, theirs = [mine[s] for s in chosen], list(asked.values())
    texts, questions = [text for _, text in own], [text for _, text in theirs]
    vectors = embed(questions)
    scores = embed(texts) @ vectors.T
    above = scores - needed([_words(s) for s in chosen], [_words(s) for s in asked])
    nearest = _nearest(texts, questions, above)
    sure = {at for at, best in nearest.items() if above[at, best] >= 0}
    if likelihoods:
        doubted = [at for at in nearest.keys() - sure if not other_names(texts[at], questions[nearest[at]])]
        doubted.sort(key=lambda at: (-above[at, nearest[at]], at))
        del doubted[READ if len(chosen) == len(mine) else READ_OF_MANY :]
        others = [[questions[j] for j in _others(nearest[at], scores[at], vectors)] for at in doubted]
        doubts = [Doubt(texts[at], questions[nearest[at]], each) for at, each in zip(doubted, others, strict=True)]
        sure |= {at for at, gain in zip(doubted, gains(doubts, likelihoods), strict=True) if gain >= GAIN}
    found: dict[bool, list[Leak]] = {True: [], False: []}
    for at, best in nearest.items():
        if at in sure or above[at, best] >= -NEAR:
            score = round(float(scores[at, best]), 4)
            found[at in sure].append(Leak(own[at][0], theirs[best][0], "meaning", score))
    for leaks in found.values():
        leaks.sort(key=lambda leak: -leak.score)
    return Rewordings(found[True], found[False], len(chosen), len(mine))


def _nearest(own: Sequence[str], theirs: Sequence[str], above: np.ndarray) -> dict[int, int]:
    """Of every text the question that it comes nearest to, if that is near enough to be doubted."""
    nearest = {}
    for at, text in enumerate(own):
        for best in map(int, np.argsort(-above[at], kind="stable")):
            if above[at, best] < -DOUBTED:
                break
            if not other_numbers(text, theirs[best]):
                nearest[at] = best
                break
    return nearest


def _others(best: int, scores: np.ndarray, vectors: np.ndarray) -> list[int]:
    """Other questions of the evaluation that a text is near to: the first, third and fifth, lest they all say one."""
    alike = vectors @ vectors[best] >= SAME
    return [j for j in np.argsort(-scores, kind="stable").tolist() if not alike[j]][:5:2]


def needed(mine: Sequence[int], theirs: Sequence[int]) -> np.ndarray:
    """The cosine from which on a text is accused, by the words of the two; a fragment has at least half as many."""
    words = np.minimum(np.array(theirs)[None, :], 2 * np.array(mine)[:, None])
    return np.interp(words, [SHORT, LONG], [SHORT_COSINE, LONG_COSINE])


def other_numbers(one: str, other: str) -> bool:
    """Both name numbers, and hardly any in common: the same sum with other figures is another question."""
    mine, theirs = (set(re.findall(r"\d+(?:[.:,]\d+)*", text)) for text in (one, other))
    return bool(mine and theirs) and len(mine & theirs) < SAME_NUMBERS * len(mine | theirs)


def other_names(one: str, other: str) -> bool:
    """Both name somebody or something within a sentence, and nothing in common: the same asked of another."""
    mine, theirs = (set(re.findall(r"(?<=[a-z,;:] )[A-Z][a-z]+", text)) for text in (one, other))
    return bool(mine and theirs) and not mine & theirs


def _words(simple: str) -> int:
    return simple.count(" ") + 1


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
