"""What a recipe trains on: its rows and replay in a stated ratio, and what is held out of both.

mix(file, "sft", held_out=0.1, replay=Replay(data="general.jsonl", share=0.3), …)
-> 90% of the file's families, with 3 general rows to every 7 of them; 10% to measure the loss on, never trained
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venire._common.errors import InputError
from venire._common.hashing import sha256_json, sha256_text
from venire.datasets.rows import Method, Row, TrainingData, load_rows
from venire.datasets.similarity import plain
from venire.datasets.split import asked_in_all, family_of

FEWEST = "fewest_phrasings"  # rows of the smallest family, where it has fewer than were asked for


@dataclass(frozen=True)
class Rows:
    """Rows, and where each stands, for a message."""

    rows: list[Row]
    places: list[str]

    def place(self, index: int) -> str:
        """File and line of a row."""
        return self.places[index]

    def __add__(self, other: "Rows") -> "Rows":
        return Rows(self.rows + other.rows, self.places + other.places)


@dataclass(frozen=True)
class Mixture:
    """`train` is learned, `held_out` is only measured. `described` says in a lineage what both were made of."""

    train: Rows
    held_out: Rows | None
    described: dict[str, Any]
    teacher_families: list[str]


def mix(
    file: Path,
    kind: Method,
    *,
    written: str,
    held_out: float | Path | None,
    replay: tuple[Path, float] | None,
    phrasings: int | None,
    seed: int,
) -> Mixture:
    """The rows of `file` as a recipe asks for them; `written` is how the recipe names the file.

    `held_out` is another file, or the share of rows that is set aside: whole families, always the same ones, whatever
    the seed. `phrasings` keeps the first rows of every family, so that 1 is part of 5 is part of 10. `replay` is a
    file and its share of all rows. Raises InputError for a bad row, by file and row, where nothing is left, and where
    no family has as many rows as `phrasings`.
    """
    data = load_rows(file, kind)
    described: dict[str, Any] = {"path": written, "sha256": data.sha256}
    train, measured = _hold_out(all_rows(data), held_out, kind, file)
    if measured is not None:
        described["held_out"] = {
            "rows": len(measured.rows),
            "sha256": sha256_json([row.model_dump(mode="json") for row in measured.rows]),
        }
    if phrasings is not None:
        train, fewest = _first_of_each_family(train, phrasings, file)
        described["phrasings"] = phrasings
        if fewest < phrasings:
            described[FEWEST] = fewest
    if replay is not None:
        general, share = load_rows(replay[0], kind), replay[1]
        if measured is not None and (shared := _shared(all_rows(general), measured)):
            raise InputError(
                f"{shared[0]}: replay, and {shared[1]} is held out and of the same family or question; what is "
                "measured on must not be trained on, so take it out of the replay's file"
            )
        train, used = _with_replay(train, all_rows(general), share, seed)
        described["replay"] = {"sha256": general.sha256, "rows": used, "share": share}
    described["rows"] = len(train.rows)
    described["families"] = dict(sorted(Counter(row.category or "uncategorised" for row in train.rows).items()))
    teachers = sorted({row.teacher for row in train.rows if row.teacher})
    return Mixture(train, measured, described, teachers)


def all_rows(data: TrainingData) -> Rows:
    """Every row of a file, with its place there."""
    return Rows(list(data.rows), [data.place(i) for i in range(len(data.rows))])


def _hold_out(rows: Rows, held_out: float | Path | None, kind: Method, file: Path) -> tuple[Rows, Rows | None]:
    if held_out is None:
        return rows, None
    if isinstance(held_out, Path):
        measured = all_rows(load_rows(held_out, kind))
        if shared := _shared(measured, rows):
            raise InputError(
                f"{shared[0]}: held out, and {shared[1]} of the training data is of the same family or question; what "
                "is measured on must not be trained on"
            )
        return rows, measured
    apart: set[str] = set()
    count = 0
    group = _groups(rows)
    sizes = Counter(group[family_of(row)] for row in rows.rows)
    # By hash: no generator's state, so the same families are apart in every run, on every machine, in every language.
    for name in sorted(sizes, key=sha256_text):
        if count + sizes[name] / 2 > held_out * len(rows.rows):
            break
        apart.add(name)
        count += sizes[name]
    if not apart or len(apart) == len(sizes):
        raise InputError(
            f"{file}: held_out: {held_out:g} of {len(rows.rows)} rows in {len(sizes)} families leaves "
            f"{'nothing to hold out' if not apart else 'nothing to train on'}; give another share, or a file"
        )
    return (
        _where(rows, lambda row: group[family_of(row)] not in apart),
        _where(rows, lambda row: group[family_of(row)] in apart),
    )


def _keys(row: Row) -> set[str]:
    """By what a row is known on the other side: its family, and what it asks."""
    return {family_of(row), _question(row)}


def _question(row: Row) -> str:
    return f"asks {plain(asked_in_all(row))}"


def _shared(rows: Rows, others: Rows) -> tuple[str, str] | None:
    """The first of `rows` that is of a family of `others` or asks what one of them asks, and that one: their places."""
    known = {key: others.place(i) for i, row in enumerate(others.rows) for key in _keys(row)}
    for index, row in enumerate(rows.rows):
        for key in sorted(_keys(row)):
            if key in known:
                return rows.place(index), known[key]
    return None


def _groups(rows: Rows) -> dict[str, str]:
    """Each family's group, named by one of its families: those that share a question go the same way."""
    families: dict[str, set[str]] = defaultdict(set)
    questions: dict[str, set[str]] = defaultdict(set)
    for row in rows.rows:
        families[_question(row)].add(family_of(row))
        questions[family_of(row)].add(_question(row))
    group: dict[str, str] = {}
    for name in sorted(questions):
        waiting = [name] if name not in group else []
        while waiting:
            one = waiting.pop()
            if one not in group:
                group[one] = name
                waiting += [other for question in questions[one] for other in families[question]]
    return group


def _first_of_each_family(rows: Rows, most: int, file: Path) -> tuple[Rows, int]:
    """The first `most` rows of every family, and how many the smallest gives."""
    sizes = Counter(family_of(row) for row in rows.rows)
    if most > max(sizes.values()):
        raise InputError(
            f"{file}: phrasings: {most}, and no family has more than {max(sizes.values())} rows: nothing would be "
            "trained beyond them; ask for as many, or build the data with more phrasings"
        )
    seen: Counter[str] = Counter()
    kept = []
    for index, row in enumerate(rows.rows):
        seen[family_of(row)] += 1
        if seen[family_of(row)] <= most:
            kept.append(index)
    return _pick(rows, kept), min(*sizes.values(), most)


def _with_replay(rows: Rows, general: Rows, share: float, seed: int) -> tuple[Rows, int]:
    """`rows`, and as many general ones as make up `share` of all; more than there are come again, reshuffled."""
    wanted = round(len(rows.rows) * share / (1 - share))
    generator = random.Random(seed)
    chosen: list[int] = []
    while len(chosen) < wanted:
        chosen += generator.sample(range(len(general.rows)), min(len(general.rows), wanted - len(chosen)))
    return rows + _pick(general, chosen), wanted


def _where(rows: Rows, keep: Any) -> Rows:
    return _pick(rows, [i for i, row in enumerate(rows.rows) if keep(row)])


def _pick(rows: Rows, indices: list[int]) -> Rows:
    return Rows([rows.rows[i] for i in indices], [rows.places[i] for i in indices])
