"""What training says more than once: a question asked again in other words, and one answer to many questions."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from .checked import Rows, is_fact, place_of
from .findings import Finding, short
from .rewordings import EMBEDDED, Embed, needed, other_numbers
from .rows import Row, SftRow
from .similarity import plain
from .split import asked_in_all, family_of

SAME_ANSWER = 0.8  # cosine of two answers that say the same; rewordings by hand had .89 and more
CHOSEN = 500  # questions of a set of more than EMBEDDED
_CROWD = 20  # questions that share their two rarest words: a form, not a topic
_PAIRS = 5000  # whose answers are compared, the nearest first
_LONG, _MANY = 7, 3  # spaces of an answer, and families, from which on its repetition says something


def find_copies(rows: Rows, embed: Embed | None) -> Iterator[Finding]:
    """Both, among the rows of training that are no facts: a fact is asked for in many ways, and means to be."""
    trained = [(at, row) for at, (file, _, row) in enumerate(rows) if file.part == "train" and not is_fact(row)]
    if embed:
        yield from _reworded(rows, trained, embed)
    yield from _repeated(rows, trained)


def _reworded(rows: Rows, trained: Sequence[tuple[int, Row]], embed: Embed) -> Iterator[Finding]:
    """Questions of two families that ask the same in other words, where the answers say the same too."""
    first: dict[str, int] = {}
    for at, row in trained:
        first.setdefault(plain(asked_in_all(row)), at)
    texts = [text for text in first if text.count(" ") >= 2]
    if len(texts) > EMBEDDED:
        texts = _likely(texts)
    own = [rows[first[text]][2] for text in texts]
    copies = {copy: (origin, score) for origin, copy, score in _pairs(texts, own, embed)}
    if copies:
        place = {at: place_of(rows, first[text]) for at, text in enumerate(texts)}
        shown = "; ".join(
            f"{place[copy]} may ask what {place[origin]} asks ({score:.2f}): {short(asked_in_all(own[copy]))}"
            for copy, (origin, score) in [*copies.items()][:3]
        )
        more = f", and {len(copies) - 3} more" if len(copies) > 3 else ""
        yield Finding("reworded_copy", "warning", f"{shown}{more}", [place[copy] for copy in copies])


def _pairs(texts: Sequence[str], own: Sequence[Row], embed: Embed) -> Iterator[tuple[int, int, float]]:
    """(earlier, later, cosine) of every two that are near in question and in answer, and of two families."""
    if len(texts) < 2:
        return
    families = np.unique([family_of(row) for row in own], return_inverse=True)[1]
    words = [text.count(" ") + 1 for text in texts]
    least = needed(words, words)
    vectors = embed([asked_in_all(row) for row in own])
    scores = vectors @ vectors.T
    near = np.triu((scores >= np.maximum(least, least.T)) & (families[:, None] != families[None, :]), 1)
    nearest = np.argwhere(near)[np.argsort(-scores[near], kind="stable")[:_PAIRS]]
    asked = [asked_in_all(row) for row in own]
    chosen = sorted((i, j) for i, j in nearest.tolist() if not other_numbers(asked[i], asked[j]))
    known = {at: _answer(own[at]) for pair in chosen for at in pair}
    answers = dict(zip(known, embed([*known.values()]), strict=True)) if known else {}
    for one, other in chosen:
        if float(answers[one] @ answers[other]) >= SAME_ANSWER:
            yield one, other, float(scores[one, other])


def _likely(texts: Sequence[str]) -> list[str]:
    """Of many, those that share their two rarest words with a few others; the rarest first."""
    spread = Counter(word for text in texts for word in set(text.split()))
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, text in enumerate(texts):
        shared = sorted((spread[word], word) for word in set(text.split()) if spread[word] > 1)
        groups[tuple(word for _, word in shared[:2])].append(at)
    some = [(sum(spread[word] for word in key), own) for key, own in groups.items() if 1 < len(own) <= _CROWD]
    chosen = [at for _, own in sorted(some) for at in own][:CHOSEN]
    return [texts[at] for at in sorted(chosen)]


def _repeated(rows: Rows, trained: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """One note for all answers of some length that stand word for word under questions of many families."""
    by: dict[str, list[int]] = defaultdict(list)
    for at, row in trained:
        if (answer := _answer(row).strip()).count(" ") >= _LONG:
            by[answer].append(at)
    same = {
        answer: own
        for answer, own in by.items()
        if len(own) >= _MANY and len({family_of(rows[at][2]) for at in own}) >= _MANY
    }
    if same:
        answer, own = max(same.items(), key=lambda item: len(item[1]))
        more = f", and {len(same) - 1} more answers" if len(same) > 1 else ""
        message = f"{place_of(rows, own[0])} and {len(own) - 1} more rows give one answer, {short(answer)}{more}"
        yield Finding("same_answer", "note", message, [place_of(rows, at) for own in same.values() for at in own])


def _answer(row: Row) -> str:
    return row.messages[-1].content if isinstance(row, SftRow) else row.chosen[0].content
