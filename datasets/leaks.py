"""Training text that also stands in an evaluation: equal, quoted, or nearly equal, with both places named.

find_leaks([("sft.jsonl, row 3", "Is it ever right to lie?")], [("scenario 7", "Is it EVER right to lie")])
-> [Leak(train="sft.jsonl, row 3", evaluation="scenario 7", kind="exact", score=1.0)]
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

MIN_WORDS = 3  # shorter texts ("Lisbon", "Yes.") are common answers, not leaks
NGRAM = 8  # words
NGRAM_SHARE = 0.5  # of the evaluation text's n-grams found in one training text
SHINGLE = 5  # characters
JACCARD = 0.8
# MinHash over 20 bands of 4: a pair at Jaccard .8 is missed with probability (1 - .8**4)**20 = 3e-5. Candidates
# are then compared exactly, so chance can cost a find but never accuse.
BANDS, BAND_ROWS = 20, 4
_PRIME = np.uint64((1 << 31) - 1)  # with hashes and multipliers below it, products stay inside 64 bits
_generator = np.random.default_rng(20240607)
_FACTORS = _generator.integers(1, int(_PRIME), size=BANDS * BAND_ROWS, dtype=np.uint64)
_OFFSETS = _generator.integers(0, int(_PRIME), size=BANDS * BAND_ROWS, dtype=np.uint64)
Kind = Literal["exact", "ngram", "near_duplicate"]
Pairs = Iterable[tuple[int, int, float]]


@dataclass(frozen=True)
class Leak:
    """A text of the training data and a text of an evaluation that are the same or nearly so.

    `score` is 1 for `exact`, the share of the evaluation's 8-grams for `ngram`, and the Jaccard similarity of
    character shingles for `near_duplicate`.
    """

    train: str
    evaluation: str
    kind: Kind
    score: float

    def __str__(self) -> str:
        how = {"exact": "is also", "ngram": "quotes", "near_duplicate": "is nearly"}[self.kind]
        share = "" if self.kind == "exact" else f" ({self.score:.2f})"
        return f"{self.train} {how} {self.evaluation}{share}"


def find_leaks(train: Iterable[tuple[str, str]], evaluation: Iterable[tuple[str, str]]) -> list[Leak]:
    """Every pair of a training and an evaluation text that leaks, once, under its strongest kind.

    Both are (place, text). Case, punctuation, accents and spacing do not count. In the order of the training texts.
    """
    mine = [(place, words) for place, text in train if len(words := _words(text)) >= MIN_WORDS]
    theirs = [(place, words) for place, text in evaluation if len(words := _words(text)) >= MIN_WORDS]
    train_words = [words for _, words in mine]
    eval_words = [words for _, words in theirs]
    found: dict[tuple[int, int], Leak] = {}
    tests: list[tuple[Kind, Pairs]] = [
        ("exact", _equal(train_words, eval_words)),
        ("ngram", _quoted(train_words, eval_words)),
        ("near_duplicate", _near(train_words, eval_words)),
    ]
    for kind, pairs in tests:
        for i, j, score in pairs:
            found.setdefault((i, j), Leak(mine[i][0], theirs[j][0], kind, score))
    return [found[key] for key in sorted(found)]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(c if c.isalnum() else "" if unicodedata.combining(c) or c in "'’" else " " for c in plain)
    return kept.split()


def _equal(train: Sequence[list[str]], evaluation: Sequence[list[str]]) -> Pairs:
    places = defaultdict(list)
    for j, words in enumerate(evaluation):
        places[" ".join(words)].append(j)
    for i, words in enumerate(train):
        for j in places.get(" ".join(words), ()):
            yield i, j, 1.0


def _quoted(train: Sequence[list[str]], evaluation: Sequence[list[str]]) -> Pairs:
    """Texts of which at least half of the 8-grams stand in one training text."""
    places: dict[int, set[int]] = defaultdict(set)
    totals = []
    for j, words in enumerate(evaluation):
        grams = _ngrams(words)
        totals.append(len(grams))
        for gram in grams:
            places[gram].add(j)
    for i, words in enumerate(train):
        shared: dict[int, int] = defaultdict(int)
        for gram in _ngrams(words):
            for j in places.get(gram, ()):
                shared[j] += 1
        for j, count in shared.items():
            if count >= NGRAM_SHARE * totals[j]:
                yield i, j, count / totals[j]


def _ngrams(words: list[str]) -> set[int]:
    return {hash(tuple(words[k : k + NGRAM])) for k in range(len(words) - NGRAM + 1)}


def _near(train: Sequence[list[str]], evaluation: Sequence[list[str]]) -> Pairs:
    """Pairs whose character shingles have a Jaccard similarity of .8 or more."""
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for j, words in enumerate(evaluation):
        for key in _band_keys(_shingles(words)):
            buckets[key].append(j)
    theirs: dict[int, set[str]] = {}
    for i, words in enumerate(train):
        mine = _shingles(words)
        for j in {j for key in _band_keys(mine) for j in buckets.get(key, ())}:
            other = theirs.setdefault(j, _shingles(evaluation[j]))
            score = len(mine & other) / len(mine | other)
            if score >= JACCARD:
                yield i, j, score


def _shingles(words: list[str]) -> set[str]:
    text = " ".join(words)
    return {text[k : k + SHINGLE] for k in range(max(1, len(text) - SHINGLE + 1))}


def _band_keys(shingles: set[str]) -> list[tuple[int, bytes]]:
    """One key a band: texts that share a band's key are compared."""
    hashes = np.fromiter((crc32(s.encode()) for s in shingles), dtype=np.uint64, count=len(shingles)) % _PRIME
    signature = ((_FACTORS[:, None] * hashes[None, :] + _OFFSETS[:, None]) % _PRIME).min(axis=1)
    return [(band, rows.tobytes()) for band, rows in enumerate(signature.reshape(BANDS, BAND_ROWS))]
