"""Which rows of training hold what is measured with, by letters and by meaning, as findings of a check."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from .checked import Measured, Rows, is_fact, place_of
from .findings import Finding, short
from .leaks import Leak, find_leaks
from .rereading import LogLikelihoods
from .rewordings import EMBEDDED, Embed, Rewordings, find_rewordings
from .rows import Row
from .similarity import plain
from .split import small_talk, turns_asked

_HELD = 1000  # rows of the other parts that are compared by meaning


def once(embed: Embed) -> Embed:
    """`embed`, but a text that stands in several comparisons is embedded once."""
    known: dict[str, np.ndarray] = {}

    def look_up(texts: Sequence[str]) -> np.ndarray:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, embed(new), strict=True))
        return np.array([known[text] for text in texts])

    return look_up


def look_for_leaks(
    rows: Rows, measured: Sequence[Measured], embed: Embed | None, likelihoods: LogLikelihoods | None
) -> tuple[list[Finding], dict[str, int]]:
    """Training text in the other parts (what is asked) and in `measured` (every text), by letters and by meaning."""
    trained = [(at, row) for at, (file, _, row) in enumerate(rows) if file.part == "train"]
    passing = small_talk([row for _, _, row in rows])
    held = [
        Measured(f"{file.place(index)}{f', question {at + 1}' if at else ''}", text, taught=is_fact(row))
        for file, index, row in rows
        if file.part != "train"
        for at, text in enumerate(turns_asked(row))
        if plain(text) not in passing
    ]
    questions = {at: [text for text in turns_asked(row) if plain(text) not in passing] for at, row in trained}
    leaks = _by_letters(trained, questions, held, measured)
    compared = {"rows": len(rows), "texts_measured": len(held) + len(measured)}
    quoted = {m.place: m.text for m in (*held, *measured)}
    findings = list(_leak_findings("leak", leaks, rows, quoted))
    if embed and (held or measured):
        sampled = held[:: math.ceil(len(held) / _HELD) or 1]  # the split itself joins what is nearly the same
        meant = [m for m in (*sampled, *measured) if m.question and not m.taught]
        reworded = _by_meaning(trained, questions, meant, embed, likelihoods)
        known = {(leak.train, leak.evaluation) for leak in leaks}
        new = [leak for leak in reworded.leaks if (leak.train, leak.evaluation) not in known]
        findings += _leak_findings("reworded", new, rows, quoted)
        findings += _resembling(reworded.near, rows)
        compared |= {"by_meaning": reworded.compared, "by_meaning_of": reworded.texts}
    return findings, compared


def _by_meaning(
    trained: Sequence[tuple[int, Row]],
    questions: Mapping[int, Sequence[str]],
    meant: Sequence[Measured],
    embed: Embed,
    likelihoods: LogLikelihoods | None,
) -> Rewordings:
    """Every question against every text meant; only a fact's own are not held against questions round facts."""
    facts = [(str(at), text) for at, row in trained if is_fact(row) for text in questions[at]]
    others = [(str(at), text) for at, row in trained if not is_fact(row) for text in questions[at]]
    least = EMBEDDED // 3  # of a large set, however many facts it has
    limit = max(EMBEDDED - least, EMBEDDED - len(facts))
    own = find_rewordings(others, [(m.place, m.text) for m in meant], embed, limit, likelihoods)
    apart = [(m.place, m.text) for m in meant if not m.of_facts]
    told = find_rewordings(facts, apart, embed, max(least, EMBEDDED - len(others)), likelihoods)
    both = [
        sorted(one + other, key=lambda leak: -leak.score)
        for one, other in ((own.leaks, told.leaks), (own.near, told.near))
    ]
    return Rewordings(both[0], both[1], own.compared + told.compared, own.texts + told.texts)


def _by_letters(
    trained: Sequence[tuple[int, Row]],
    questions: Mapping[int, Sequence[str]],
    held: Sequence[Measured],
    measured: Sequence[Measured],
) -> list[Leak]:
    """Leaks whose `train` is the row's number: of what is asked into `held`, and of every text into `measured`."""
    if not (held or measured):
        return []
    texts = [(str(at), text) for at, own in questions.items() for text in own]
    asking = {place for place, _ in texts}
    if measured:
        texts += [(f"{at} else", text) for at, row in trained for text in row.texts if text not in questions[at]]
    found = find_leaks(texts, [(m.place, m.text) for m in (*held, *measured)])
    everything = {m.place for m in measured}
    return [
        replace(leak, train=leak.train.removesuffix(" else"))
        for leak in found
        if leak.evaluation in everything or leak.train in asking
    ]


def _leak_findings(code: str, leaks: Sequence[Leak], rows: Rows, quoted: dict[str, str]) -> Iterator[Finding]:
    """One finding for each text of the evaluation, with the rows that hold it."""
    by: dict[str, list[Leak]] = defaultdict(list)
    for leak in leaks:
        by[leak.evaluation].append(leak)
    for own in by.values():
        first = own[0]
        named = replace(first, train=str(place_of(rows, int(first.train))))
        more = f" (and {len(own) - 1} more rows)" if len(own) > 1 else ""
        more += f": {short(quoted[first.evaluation])}"
        places = list(dict.fromkeys(place_of(rows, int(leak.train)) for leak in own))
        yield Finding(code, "error" if code == "leak" else "warning", f"{named}{more}", places)


def _resembling(near: Sequence[Leak], rows: Rows) -> Iterator[Finding]:
    """One note for all that comes near; the nearest are shown."""
    places = [place_of(rows, int(leak.train)) for leak in near]
    if near:
        pairs = list(zip(places, near, strict=True))[:3]
        shown = "; ".join(f"{place} and {leak.evaluation} ({leak.score:.2f})" for place, leak in pairs)
        message = f"{len(near)} questions come near to one of the evaluation, first {shown}"
        yield Finding("resembles", "note", message, places)
