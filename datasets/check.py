"""Is this data fit to train on? Everything that is wrong with it, with the rows; nothing is changed."""

import gc
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from venire._common.errors import InputError

from .card import read_licences
from .checked import CheckedFile, Measured, Rows, is_fact, place_of
from .copies import find_copies
from .exports import original
from .findings import CODES, Finding, Place, Report, Severity, some
from .leaking import Embed, look_for_leaks, once
from .personal_data import find_personal
from .rereading import LogLikelihoods
from .rows import DpoRow, Row, SftRow, read_rows
from .similarity import near_twins, plain
from .spec import Part
from .split import asked_in_all, family_of
from .truncation import ends_well, is_cut

_IMBALANCE = 20  # times the smallest category
_LENGTH = 0.75  # of the pairs in which the wanted answer is longer, or shorter
_PAIRS = 20  # fewer pairs say nothing about lengths
_BESIDE = "facts_held_out.jsonl"  # stands beside the rows of a build and holds none
_NAMES = 20  # names that are listed


def check(
    paths: Sequence[Path],
    measured: Sequence[Measured] = (),
    embed: Embed | None = None,
    allowed_texts: Sequence[str] = (),
    likelihoods: LogLikelihoods | None = None,
) -> Report:
    """Check files of rows, and folders that a build wrote, alone and against each other and `measured`.

    `embed` gives sentence vectors, for leaks by meaning; None leaves those out. `likelihoods` gives log-likelihoods of
    text after a chat, to read again what these leave in doubt. `allowed_texts` are names, addresses and the like that
    may stand in the data. Raises InputError where there is nothing to check.
    """
    with _uncollected():
        return _check(_expand(paths), measured, embed, allowed_texts, likelihoods)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows hold no cycles, and to look for some among so many takes a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _check(
    paths: Sequence[Path],
    measured: Sequence[Measured],
    embed: Embed | None,
    allowed_texts: Sequence[str],
    likelihoods: LogLikelihoods | None,
) -> Report:
    files = [_read(path) for path in paths]
    rows = [(file, index, row) for file in files for index, row in enumerate(file.data.rows)]
    findings = [*_schema(files)]
    if rows:
        embed = once(embed) if embed else None
        findings += _repeats(rows)
        findings += find_copies(rows, embed)
        findings += _straddles(rows)
        leaks, compared = look_for_leaks(rows, measured, embed, likelihoods)
        findings += leaks
        findings += _answers(rows)
        findings += _balance(files)
        findings += _personal(rows, frozenset(text.casefold() for text in allowed_texts))
        findings += _licences(files)
    else:
        compared = {}
    order = ("error", "warning", "note")
    findings.sort(key=lambda f: (order.index(f.severity), list(CODES).index(f.code)))
    return Report({str(file.data.path): len(file.data.rows) for file in files}, findings, compared)


def part_of(path: Path) -> Part:
    """What a file is for, by its name: `…validation.jsonl`, `test.jsonl`, `held_out.jsonl`, …; else for training."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    if ("held", "out") in pairwise(words) or "heldout" in words:
        return "evaluation"
    for part, names in (("validation", {"validation", "valid", "val", "dev"}), ("evaluation", {"evaluation", "test"})):
        if names & set(words) or (part == "evaluation" and "eval" in words):
            return part  # type: ignore[return-value]
    return "train"


def _expand(paths: Sequence[Path]) -> list[Path]:
    """The files meant; a folder stands for the files of rows directly in it."""
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            no_rows = _BESIDE if (path / "data.json").is_file() else ""
            inside = sorted(file for file in path.glob("*.jsonl") if file.name != no_rows)
            if not inside:
                raise InputError(f"{path}: no .jsonl file in this folder")
        found += inside
    if again := [path for path, many in Counter(path.resolve() for path in found).items() if many > 1]:
        raise InputError(f"{again[0]}: named twice; every row of it would be a duplicate")
    return found


def _read(path: Path) -> CheckedFile:
    data, bad = read_rows(path)
    own = original(path)
    if own is None:
        return CheckedFile(data, bad, part_of(path), path)
    known = {tuple(row.texts): row for row in read_rows(own)[0].rows}
    rows = [_described(row, known.get(tuple(row.texts))) for row in data.rows]
    return CheckedFile(replace(data, rows=rows), bad, part_of(path), own)


def _described(row: Row, known: Row | None) -> Row:
    """A row of an export with what its format could not hold."""
    if known is None:
        return row
    return row.model_copy(update={key: getattr(known, key) for key in ("category", "family", "source", "teacher")})


def _schema(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    for file in files:
        same: dict[str, list[Place]] = defaultdict(list)
        for bad in file.bad:
            same[bad.message].append(Place(str(file.data.path), bad.line))
        for message, places in same.items():
            more = f" (and {len(places) - 1} more rows)" if len(places) > 1 else ""
            yield Finding("schema", "error", f"{places[0]}{message}{more}", places)


def _repeats(rows: Rows) -> Iterator[Finding]:
    """Rows that are equal, and questions that several families ask."""
    first: dict[tuple[str, ...], int] = {}
    again: list[tuple[Place, Place]] = []
    owners: dict[str, tuple[int, str, set[str]]] = {}
    others: dict[str, list[int]] = defaultdict(list)
    for at, (_, _, row) in enumerate(rows):
        origin = first.setdefault((type(row).__name__, *row.texts), at)
        if origin != at:
            again.append((place_of(rows, origin), place_of(rows, at)))
            continue
        text = plain(asked_in_all(row))
        _, family, answers = owners.setdefault(text, (at, family_of(row), set()))
        if isinstance(row, SftRow):
            answers.add(row.messages[-1].content)
            if len(answers) > 1 and family_of(row) != family and len(set(map(plain, answers))) > 1:
                others[text].append(at)
    if again:
        shown = "; ".join(f"{copy} repeats {origin}" for origin, copy in again[:3])
        more = f", and {len(again) - 3} more" if len(again) > 3 else ""
        yield Finding("duplicate", "error", f"{shown}{more}", [copy for _, copy in again])
    if others:
        text, own = next(iter(others.items()))
        message = (
            f"{place_of(rows, own[0])} asks what {place_of(rows, owners[text][0])} asks, and is answered otherwise"
        )
        places = [place_of(rows, at) for own in others.values() for at in own]
        yield Finding("other_answer", "warning", message, places)
    facts = {plain(asked_in_all(row)) for _, _, row in rows if is_fact(row)}
    yield from _near(rows, {text: (at, family) for text, (at, family, _) in owners.items() if text not in facts})


def _near(rows: Rows, owners: dict[str, tuple[int, str]]) -> Iterator[Finding]:
    """Questions of two families that nearly repeat each other. Facts are left out: one word makes another fact."""
    texts = [text for text in owners if text.count(" ") >= 2]
    pairs = [
        (place_of(rows, owners[texts[j]][0]), place_of(rows, owners[texts[i]][0]), score)
        for i, j, score in near_twins(texts)
        if owners[texts[i]][1] != owners[texts[j]][1]
    ]
    copies = {copy: (origin, score) for origin, copy, score in pairs}
    if copies:
        shown = "; ".join(f"{copy} is nearly {origin} ({score:.2f})" for copy, (origin, score) in [*copies.items()][:3])
        more = f", and {len(copies) - 3} more" if len(copies) > 3 else ""
        yield Finding("near_duplicate", "warning", f"{shown}{more}", list(copies))


def _straddles(rows: Rows) -> Iterator[Finding]:
    parts: dict[str, dict[Part, int]] = defaultdict(dict)
    for at, (file, _, row) in enumerate(rows):
        if row.family:
            parts[row.family].setdefault(file.part, at)
    both = {family: list(places.values()) for family, places in parts.items() if len(places) > 1}
    if both:
        family, (one, other, *_) = next(iter(both.items()))
        more = f", and {len(both) - 1} more families" if len(both) > 1 else ""
        message = f"the family {family!r} stands in {place_of(rows, one)} and in {place_of(rows, other)}{more}"
        yield Finding("straddle", "error", message, [place_of(rows, at) for own in both.values() for at in own])


def _answers(rows: Rows) -> Iterator[Finding]:
    cut: list[Place] = []
    same: list[Place] = []
    longer = pairs = 0
    ends = [ends_well(text) for _, _, row in rows for text in _taught(row) if text.count(" ") >= 7]
    ended = sum(ends) >= 0.8 * len(ends)  # where people write without full stops, their lack says nothing
    for file, index, row in rows:
        if any(is_cut(text, ended) for text in _taught(row)):
            cut.append(file.place(index))
        if isinstance(row, DpoRow):
            chosen, rejected = row.chosen[0].content, row.rejected[0].content
            if plain(chosen) == plain(rejected) and chosen.strip() == rejected.strip():
                same.append(file.place(index))
            pairs += len(chosen) != len(rejected)
            longer += len(chosen) > len(rejected)
    if cut:
        yield Finding("truncated", "warning", f"{some(cut)}: the answer seems to be cut, or missing", cut)
    if same:
        yield Finding("same_sides", "error", f"{some(same)}: chosen and rejected are the same", same)
    if pairs >= _PAIRS and not 1 - _LENGTH <= longer / pairs <= _LENGTH:
        side = "longer" if longer * 2 > pairs else "shorter"
        share = max(longer, pairs - longer) / pairs
        message = f"the wanted answer is the {side} one in {share:.0%} of {pairs} pairs: a model may learn length alone"
        yield Finding("length_tells", "warning", message)


def _taught(row: Row) -> list[str]:
    if isinstance(row, SftRow):
        return [m.content.rstrip() for m in row.messages if m.role == "assistant"]
    return [row.chosen[0].content.rstrip(), row.rejected[0].content.rstrip()]


def _balance(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    for file in files:
        sizes = Counter(row.category or "uncategorised" for row in file.data.rows)
        if file.part == "train" and len(sizes) > 1:
            (most, many), *_, (least, few) = sizes.most_common()
            if many >= _IMBALANCE * few:
                message = f"{file.data.path}: {most} has {many} rows and {least} has {few}"
                yield Finding("imbalance", "note", message, count=few)


def _personal(rows: Rows, allowed: frozenset[str]) -> Iterator[Finding]:
    places: dict[str, list[Place]] = defaultdict(list)
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for file, index, row in rows:
        for found in {found for text in row.texts for found in find_personal(text, allowed)}:
            places[found.kind].append(file.place(index))
            shown[found.kind][found.text] += 1
    for kind in sorted(places, key=list(CODES).index):
        listed = ", ".join(f"{text} ({n})" if n > 1 else text for text, n in _ranked(shown[kind])[:_NAMES])
        own = list(dict.fromkeys(places[kind]))
        severity: Severity = "error" if kind == "key" else "note" if kind == "name" else "warning"
        yield Finding(kind, severity, f"{CODES[kind]} in {some(own)}: {listed}", own)


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _licences(files: Sequence[CheckedFile]) -> Iterator[Finding]:
    for file in files:
        licences = read_licences(file.described)
        card = file.described.parent / "README.md"
        counts = Counter(row.source for row in file.data.rows)
        unknown = [source for source in counts if not licences.get(source)]
        if unknown:
            names = ", ".join(repr(source) if source else "rows that name no source" for source in sorted(unknown))
            where = "its card names none" if card.is_file() else "no card beside it names one"
            where += " (`licence` in the spec, or venire data card, says it)"
            own = [file.place(i) for i, row in enumerate(file.data.rows) if row.source in unknown]
            yield Finding("licence", "warning", f"{file.data.path}: no licence known of {names}: {where}", own)
        if card.is_file() and file.described == file.data.path:
            line = _hash_line(card.read_text("utf-8", "replace"), file.data.path.name)
            if line and file.data.sha256 not in line:
                message = f"{card} names another sha256 for {file.data.path.name}: the file was changed after it"
                yield Finding("stale_card", "warning", message)


def _hash_line(card: str, name: str) -> str:
    """The line of the card that gives a hash to the file of this name; empty if none does."""
    found = [line for line in card.splitlines() if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", line)]
    return "\n".join(line for line in found if re.search(r"\b[0-9a-f]{64}\b", line))
