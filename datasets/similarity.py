"""Texts that are the same but for their dress, and pairs of texts that are nearly the same, among 100,000 and more.

Case, punctuation, accents and spacing do not count. Near-duplicates are found by MinHash over shingles of characters
and then compared exactly, so chance can cost a find (rarely) but never accuse.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

SHINGLE = 5  # characters
JACCARD = 0.8
# MinHash over 20 bands of 4: a pair at Jaccard .8 is missed with probability (1 - .8**4)**20 = 3e-5.
BANDS, BAND_ROWS = 20, 4
SHORT = 15  # words: below it, two texts that differ in a number ask for different things
_CHUNK = 4000  # texts hashed at a time; bounds the memory
_generator = np.random.default_rng(20240607)
_FACTORS = _generator.integers(0, 1 << 31, size=BANDS * BAND_ROWS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
_OFFSETS = _generator.integers(0, 1 << 32, size=BANDS * BAND_ROWS, dtype=np.uint32)
_MIX = (_generator.integers(0, 1 << 31, size=SHINGLE, dtype=np.uint32) * np.uint32(2) + np.uint32(1)).tolist()
# Scripts written without spaces: each character counts as a word.
_UNSPACED = (("\u3040", "\u30ff"), ("\u3400", "\u4dbf"), ("\u4e00", "\u9fff"), ("\uf900", "\ufaff"))


class _Plain(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        made = ""
        for c in unicodedata.normalize("NFKD", chr(code)).casefold():
            if any(low <= c <= high for low, high in _UNSPACED):
                made += f" {c} "
            elif c.isalnum():
                made += c
            elif not (unicodedata.combining(c) or c in "'’"):
                made += " "
        self[code] = made
        return made


_PLAIN = _Plain()


def plain(text: str) -> str:
    """The words of `text` in lower case with one space between: equal for texts that differ in dress alone."""
    return " ".join(text.translate(_PLAIN).split())


def near_pairs(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """(i, j, Jaccard) of every near-duplicate of a text of `left` and one of `right`; both are `plain` texts."""
    if not left or not right:
        return
    mine, theirs = _signatures(left), _signatures(right)
    found = [_matches(_band(mine, band), _band(theirs, band)) for band in range(BANDS)]
    pairs = np.unique(np.concatenate([i * len(right) + j for i, j in found]))
    yield from _compare(left, right, mine, theirs, pairs // len(right), pairs % len(right))


def near_twins(texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """(i, j, Jaccard) with j < i: a text and an earlier one that it nearly repeats. `texts` are `plain` and distinct.

    Each text is compared with the first of every bucket it falls into, not with all: a thousand copies are a thousand
    comparisons, and each is still reported.
    """
    if len(texts) < 2:
        return
    signatures = _signatures(texts)
    pairs = []
    for band in range(BANDS):
        keys = _band(signatures, band)
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        head = first[group]
        later = np.flatnonzero(head != np.arange(len(texts)))
        pairs.append(later * len(texts) + head[later])
    both = np.unique(np.concatenate(pairs))
    yield from _compare(texts, texts, signatures, signatures, both // len(texts), both % len(texts))


def shingles(text: str) -> set[str]:
    """Every run of five characters."""
    return {text[k : k + SHINGLE] for k in range(max(1, len(text) - SHINGLE + 1))}


def _compare(
    left: Sequence[str], right: Sequence[str], mine: np.ndarray, theirs: np.ndarray, i: np.ndarray, j: np.ndarray
) -> Iterator[tuple[int, int, float]]:
    """The pairs that are near-duplicates indeed; those whose signatures are far apart are not looked at."""
    known: dict[str, set[str]] = {}
    for start in range(0, len(i), 1 << 16):
        a, b = i[start : start + (1 << 16)], j[start : start + (1 << 16)]
        close = (mine[a] == theirs[b]).mean(axis=1) >= JACCARD - 0.25
        candidates: list[tuple[int, int]] = list(zip(a[close].tolist(), b[close].tolist(), strict=True))
        for one, other in candidates:
            if _ask_apart(left[one], right[other]):
                continue
            first, second = shingles(left[one]), known.setdefault(right[other], shingles(right[other]))
            score = len(first & second) / len(first | second)
            if score >= JACCARD:
                yield one, other, score


def _ask_apart(one: str, other: str) -> bool:
    """Short and with other numbers: "what is 17 plus 25" is not "what is 17 plus 26"."""
    if one.count(" ") >= SHORT and other.count(" ") >= SHORT:
        return False
    return re.findall(r"\S*\d\S*", one) != re.findall(r"\S*\d\S*", other)


def _signatures(texts: Sequence[str]) -> np.ndarray:
    """MinHash signatures, shape (texts, BANDS * BAND_ROWS)."""
    made = np.empty((len(texts), BANDS * BAND_ROWS), dtype=np.uint32)
    for start in range(0, len(texts), _CHUNK):
        hashes, offsets = _shingle_hashes(texts[start : start + _CHUNK])
        for k, (factor, offset) in enumerate(zip(_FACTORS, _OFFSETS, strict=True)):
            made[start : start + _CHUNK, k] = np.minimum.reduceat(hashes * factor + offset, offsets)
    return made


def _shingle_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """A hash of every shingle of every text, in one row, and where each text's begin."""
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.array([len(text) for text in padded])
    rolled = np.zeros(len(codes) - SHINGLE + 1, dtype=np.uint32)
    for k, factor in enumerate(_MIX):
        rolled += codes[k : len(codes) - SHINGLE + 1 + k] * np.uint32(factor)
    rolled ^= rolled >> np.uint32(16)
    rolled *= np.uint32(0x85EBCA6B)
    rolled ^= rolled >> np.uint32(13)
    starts = np.cumsum(lengths) - lengths
    inside = np.ones(len(rolled), dtype=bool)
    for k in range(1, SHINGLE):  # shingles that would run into the next text
        inside[(starts[1:] - k)] = False
    counts = lengths - SHINGLE + 1
    return rolled[inside], np.cumsum(counts) - counts


def _band(signatures: np.ndarray, band: int) -> np.ndarray:
    """One 64-bit key a text: texts that share a band's key are compared."""
    rows = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS].astype(np.uint64)
    key = np.zeros(len(rows), dtype=np.uint64)
    for k in range(BAND_ROWS):
        key = (key ^ rows[:, k]) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return key


def _matches(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every (i, j) with left[i] == right[j]."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    low, high = np.searchsorted(ordered, left, "left"), np.searchsorted(ordered, left, "right")
    counts = high - low
    i = np.repeat(np.arange(len(left)), counts)
    within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[np.repeat(low, counts) + within]
