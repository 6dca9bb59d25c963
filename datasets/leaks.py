"""Training text that also stands in an evaluation: equal, quoted, nearly equal or reworded, with both places named.

find_leaks([("sft.jsonl, row 3", "Is it ever right to lie?")], [("scenario 7", "Is it EVER right to lie")])
-> [Leak(train="sft.jsonl, row 3", evaluation="scenario 7", kind="exact", score=1.0)]
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .similarity import near_pairs, plain

MIN_WORDS = 3  # shorter texts ("Lisbon", "Yes.") are common answers, not leaks
NGRAM = 8  # words
QUOTED_WHOLE = 5  # words from which a text shorter than an n-gram counts as quoted where all of it stands in a row
NGRAM_SHARE = 0.5  # of the evaluation text's n-grams found in one training text
_CHUNK = 4000  # texts at a time
_generator = np.random.default_rng(20251121)
_MIX = _generator.integers(0, 1 << 62, size=NGRAM, dtype=np.int64) * 2 + 1
Kind = Literal["exact", "ngram", "near_duplicate", "meaning"]
Pairs = Iterable[tuple[int, int, float]]


@dataclass(frozen=True)
class Leak:
    """A text of the training data and a text of an evaluation that are the same or nearly so.

    `score` is 1 for `exact`, the share of the evaluation's 8-grams for `ngram`, the Jaccard similarity of character
    shingles for `near_duplicate`, and the cosine of sentence vectors for `meaning`.
    """

    train: str
    evaluation: str
    kind: Kind
    score: float

    def __str__(self) -> str:
        how = {"exact": "is also", "ngram": "quotes", "near_duplicate": "is nearly", "meaning": "may reword"}[self.kind]
        share = "" if self.kind == "exact" else f" ({self.score:.2f})"
        return f"{self.train} {how} {self.evaluation}{share}"


def find_leaks(train: Iterable[tuple[str, str]], evaluation: Iterable[tuple[str, str]]) -> list[Leak]:
    """Every pair of a training and an evaluation text that leaks, once, under its strongest kind.

    Both are (place, text). Case, punctuation, accents and spacing do not count. In the order of the training texts.
    """
    mine, theirs = _long_enough(train), _long_enough(evaluation)
    train_texts = [text for _, text in mine]
    eval_texts = [text for _, text in theirs]
    found: dict[tuple[int, int], Leak] = {}
    tests: list[tuple[Kind, Pairs]] = [
        ("exact", _equal(train_texts, eval_texts)),
        ("ngram", _quoted(train_texts, eval_texts)),
        ("near_duplicate", near_pairs(train_texts, eval_texts)),
    ]
    for kind, pairs in tests:
        for i, j, score in pairs:
            found.setdefault((i, j), Leak(mine[i][0], theirs[j][0], kind, score))
    return [found[key] for key in sorted(found)]


def _long_enough(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    simple = ((place, plain(text)) for place, text in texts)
    return [(place, text) for place, text in simple if text.count(" ") >= MIN_WORDS - 1]


def _equal(train: Sequence[str], evaluation: Sequence[str]) -> Pairs:
    places = defaultdict(list)
    for j, text in enumerate(evaluation):
        places[text].append(j)
    for i, text in enumerate(train):
        for j in places.get(text, ()):
            yield i, j, 1.0


def _quoted(train: Sequence[str], evaluation: Sequence[str]) -> Pairs:
    """Texts of which at least half of the 8-grams stand in one training text; of shorter ones, the whole text."""
    mine, theirs = _hashed(train), _hashed(evaluation)
    for size in range(QUOTED_WHOLE, NGRAM + 1):
        yield from _share_grams(mine, theirs, size, whole=size < NGRAM)


def _share_grams(train: list["_Chunk"], evaluation: list["_Chunk"], size: int, whole: bool) -> Pairs:
    """(training text, evaluation text, share) by n-grams of `size`; `whole`: only texts that are one n-gram."""
    places: dict[int, set[int]] = defaultdict(set)
    for j, gram in _ngrams(evaluation, size, None, whole):
        places[gram].add(j)
    if not places:
        return
    totals = Counter(j for both in places.values() for j in both)
    shared: dict[int, set[int]] = defaultdict(set)
    for i, gram in _ngrams(train, size, np.array(sorted(places), dtype=np.int64)):
        shared[i].add(gram)
    for i, grams in shared.items():
        for j, count in Counter(j for gram in grams for j in places[gram]).items():
            if count >= NGRAM_SHARE * totals[j]:
                yield i, j, count / totals[j]


@dataclass(frozen=True)
class _Chunk:
    """The words of some texts as hashes: one array after the other, with each text's number of words."""

    start: int
    hashes: np.ndarray
    lengths: np.ndarray


def _hashed(texts: Sequence[str]) -> list[_Chunk]:
    made = []
    for start in range(0, len(texts), _CHUNK):
        chunk = [text.split() for text in texts[start : start + _CHUNK]]
        lengths = np.array([len(words) for words in chunk])
        hashes = np.fromiter((hash(word) for words in chunk for word in words), dtype=np.int64, count=lengths.sum())
        made.append(_Chunk(start, hashes, lengths))
    return made


def _ngrams(
    chunks: Sequence[_Chunk], size: int, known: np.ndarray | None, whole: bool = False
) -> Iterator[tuple[int, int]]:
    """(index of the text, hash) of every n-gram of `size` words, or of those only that are `known` (sorted)."""
    for chunk in chunks:
        count = max(0, len(chunk.hashes) - size + 1)
        rolled = np.zeros(count, dtype=np.int64)
        for k in range(size):
            rolled += chunk.hashes[k : count + k] * _MIX[k]
        owner = np.repeat(np.arange(len(chunk.lengths)), chunk.lengths)
        kept = owner[:count] == owner[size - 1 : count + size - 1]  # an n-gram within one text
        if whole:
            kept &= chunk.lengths[owner[:count]] == size
        if known is not None:
            at = np.minimum(np.searchsorted(known, rolled), len(known) - 1)
            kept &= known[at] == rolled
        yield from zip((owner[:count][kept] + chunk.start).tolist(), rolled[kept].tolist(), strict=True)
