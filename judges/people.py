"""People as judges: which pairs a person sees, in which place and order, and their votes as rows of the ledger.

A person sees a pair once. The candidate's answer stands in the first place in half of a rater's pairs, and where two
raters in a row see the same pair, in the other place for the second. All of it follows from the manifest's seed, the
pairs' ids and the number of the rater, so that the ledger can derive it again and believes no file. Two equal answers
are shown to nobody: they are a tie.

Votes stand in `human.sqlite` the moment they are cast. They are never changed: undoing one marks it as undone.
"""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any, Literal, get_args

from venire._common.errors import InputError, VenireError
from venire._common.hashing import sha256_bytes, sha256_text

from .manifest import Manifest, SealedPair
from .pairs import Side
from .seeds import coin, sort_key

FILE = "human.sqlite"
FORMAT = "venire.human/1"
PREFIX = "human:"
Choice = Literal["A", "B", "tie", "both_bad", "skip"]  # A is the answer in the first place
CHOICES: tuple[Choice, ...] = get_args(Choice)

_TABLES = """
CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rater (
  name TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, candidates TEXT NOT NULL,
  most INTEGER, shared INTEGER, enrolled TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS vote (
  id INTEGER PRIMARY KEY, rater TEXT NOT NULL REFERENCES rater, pair TEXT NOT NULL,
  first TEXT NOT NULL CHECK (first IN ('low', 'high')),
  choice TEXT NOT NULL CHECK (choice IN ('A', 'B', 'tie', 'both_bad', 'skip')),
  reason TEXT NOT NULL, seconds REAL, cast_at TEXT NOT NULL, undone_at TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS once ON vote (rater, pair) WHERE undone_at IS NULL;
CREATE TABLE IF NOT EXISTS door (sha256 TEXT PRIMARY KEY, rater TEXT NOT NULL, kind TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Turn:
    """One pair for one rater, and which of its answers stands in the first place."""

    pair: str
    first: Side


@dataclass(frozen=True)
class Rater:
    """A person under a pseudonym, and what they were given: at most `most` pairs, `shared` of them everybody's."""

    name: str
    number: int
    candidates: tuple[str, ...]
    most: int | None
    shared: int | None

    @property
    def judge(self) -> str:
        """The name in votes."""
        return PREFIX + self.name


@dataclass(frozen=True)
class Texts:
    """A pair as the panel saw it: the prompt, the person's own answer if there is one, both answers by their side."""

    prompt: str
    reference: str | None
    sides: dict[Side, str]


def assign(manifest: Manifest, rater: Rater) -> list[Turn]:
    """The rater's pairs in the rater's own order. The first `shared` of a seeded list are everybody's."""
    places = _places(manifest, rater.candidates)
    ids = list(places)
    n = min(rater.most or len(ids), len(ids))
    common = min(n if rater.shared is None else rater.shared, n)
    rest = ids[common:]
    start = rater.number * (n - common)
    own = [rest[(start + i) % len(rest)] for i in range(n - common)]
    mirrored = rater.number % 2 == 1
    turns = [Turn(pair, _other(places[pair]) if mirrored else places[pair]) for pair in [*ids[:common], *own]]
    return sorted(turns, key=lambda turn: sort_key(manifest.seed, "people", str(rater.number), turn.pair, "sequence"))


def _places(manifest: Manifest, candidates: Sequence[str]) -> dict[str, Side]:
    """Pairs in a seeded order, the candidate's answer in the first place in every other one of its comparison."""
    pairs = {pair.pair: pair for pair in reversed(manifest.pairs) if _is_shown(pair) and pair.candidate in candidates}
    places: dict[str, Side] = {}
    seen: Counter[str] = Counter()
    start = coin(manifest.seed, "people", "place")
    for pair in sorted(pairs.values(), key=lambda p: sort_key(manifest.seed, "people", p.pair, "choice")):
        candidate_first = (seen[pair.candidate] % 2 == 0) == start
        places[pair.pair] = pair.candidate_side if candidate_first else _other(pair.candidate_side)
        seen[pair.candidate] += 1
    return places


def _is_shown(pair: SealedPair) -> bool:
    return pair.use in ("gate", "screen") and not pair.identical


def _other(side: Side) -> Side:
    return "high" if side == "low" else "low"


def shown_texts(run: Path, manifest: Manifest) -> dict[str, Texts]:
    """What stands on the panel's sheets, checked against the hashes that were sealed.

    Raises InputError if no sheet was written yet, VenireError if one holds other texts than were sealed.
    """
    from .judging import SHEETS
    from .sheets import read_sheet, split_id

    sealed = {pair.pair: pair for pair in manifest.pairs}
    for part in manifest.parts.values():
        path = run / SHEETS / f"{part.judge.slug}.jsonl"
        if not path.is_file():
            continue
        found = {}
        for row in read_sheet(path).rows:
            pair, asked = split_id(row.id)
            first = part.first_side(pair, asked)
            sides: dict[Side, str] = {first: row.first, _other(first): row.second}
            hashes = (sha256_text(sides["low"]), sha256_text(sides["high"]))
            if pair not in sealed or hashes != (sealed[pair].sha_low, sealed[pair].sha_high):
                raise VenireError(f"{path}, pair {pair}: these are not the texts that were sealed; judge again")
            found[pair] = Texts(row.prompt, row.reference, sides)
        return found
    raise InputError(f"{run / SHEETS}: no sheet there yet; it is written by: venire judge EXPERIMENT")


class Ballots:
    """`human.sqlite` of one run: raters, their votes, and the doors by which their browsers come in."""

    def __init__(self, run: Path, manifest: Manifest) -> None:
        self.path, self.manifest = run / FILE, manifest
        self._lock = RLock()
        self._turns: dict[str, list[Turn]] = {}
        try:
            self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _TABLES)
        except sqlite3.DatabaseError as error:
            raise VenireError(f"{self.path} is no database of votes ({error}); move it away") from error
        pairs = manifest.seals[-1].pairs
        if self._setting("pairs_sha256") not in (None, pairs) or self._setting("format") not in (None, FORMAT):
            raise VenireError(f"{self.path} holds votes on other pairs than are sealed here; move it away")
        self.remember("format", FORMAT)
        self.remember("pairs_sha256", pairs)

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()

    def remember(self, key: str, value: str) -> None:
        """Keep a setting; the file is left as it is where it says so already."""
        with self._lock:
            if self._setting(key) != value:
                self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))

    def _setting(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def keep_rubric(self, text: str) -> None:
        """Note what people are told. Raises InputError if votes were cast under another rubric."""
        known = self._setting("rubric")
        if known not in (None, text) and self._db.execute("SELECT 1 FROM vote LIMIT 1").fetchone():
            raise InputError(
                f"{self.path} holds votes that were cast under another rubric; name that one, or judge in another run"
            )
        self.remember("rubric", text)

    @property
    def port(self) -> int | None:
        """The port that the pages were last served on, so that open ones go on."""
        port = self._setting("port")
        return int(port) if port else None

    def raters(self) -> list[Rater]:
        """Everybody who was enrolled, in that order."""
        with self._lock:
            rows = self._db.execute("SELECT name, number, candidates, most, shared FROM rater ORDER BY number")
            return [Rater(name, n, tuple(json.loads(c)), most, shared) for name, n, c, most, shared in rows]

    def enrol(self, name: str, candidates: Sequence[str], most: int | None = None, shared: int | None = None) -> Rater:
        """The rater of this pseudonym, new or known. Raises InputError if known with other pairs."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", name):
            raise InputError(f"rater {name!r}: a pseudonym is up to 32 letters, digits, '-' and '_'")
        known = {rater.name: rater for rater in self.raters()}
        rater = Rater(name, len(known), tuple(candidates), most, shared)
        if before := known.get(name):
            if (before.candidates, before.most, before.shared) != (rater.candidates, most, shared):
                raise InputError(
                    f"rater {name!r} was given other pairs before (candidates {', '.join(before.candidates)}; "
                    f"--pairs {before.most or 'all'}, --shared {_or_all(before.shared)}); leave these options out"
                )
            return before
        if not assign(self.manifest, rater):
            raise InputError(f"there is no pair to show for {', '.join(candidates)}; the answers are equal or unsealed")
        row = (name, rater.number, json.dumps(rater.candidates), most, shared, _now())
        with self._lock:
            self._db.execute("INSERT INTO rater VALUES (?, ?, ?, ?, ?, ?)", row)
        return rater

    def turns(self, rater: Rater) -> list[Turn]:
        """The rater's pairs in the rater's order."""
        if rater.name not in self._turns:
            self._turns[rater.name] = assign(self.manifest, rater)
        return self._turns[rater.name]

    def done(self, rater: Rater) -> dict[str, Choice]:
        """Pair to what was chosen, in the order of choosing, without what was undone."""
        with self._lock:
            rows = self._db.execute(
                "SELECT pair, choice FROM vote WHERE rater = ? AND undone_at IS NULL ORDER BY id", (rater.name,)
            )
            return dict(rows)

    def next(self, rater: Rater) -> Turn | None:
        """The first pair without a choice; None when all is done."""
        done = self.done(rater)
        return next((turn for turn in self.turns(rater) if turn.pair not in done), None)

    def cast(self, rater: Rater, pair: str, choice: Choice, reason: str = "", seconds: float | None = None) -> bool:
        """Record a choice, on disk when this returns. False if `pair` is not the one whose turn it is."""
        with self._lock:
            turn = self.next(rater)
            if turn is None or turn.pair != pair:
                return False
            row = (rater.name, pair, turn.first, choice, reason, seconds, _now())
            new = self._db.execute(  # another process may have been quicker
                "INSERT OR IGNORE INTO vote (rater, pair, first, choice, reason, seconds, cast_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return new.rowcount == 1

    def latest(self, rater: Rater, pair: str) -> tuple[Choice, str, bool] | None:
        """What was last chosen on a pair and why, and whether it stands; None if nothing was."""
        with self._lock:
            return self._db.execute(
                "SELECT choice, reason, undone_at IS NULL FROM vote WHERE rater = ? AND pair = ? ORDER BY id DESC",
                (rater.name, pair),
            ).fetchone()

    def undo(self, rater: Rater, pair: str | None = None) -> bool:
        """Mark the last choice as undone, so that its pair comes again. False if it is none, or not on `pair`."""
        with self._lock:
            changed = self._db.execute(
                "UPDATE vote SET undone_at = ? WHERE id = "
                "(SELECT max(id) FROM vote WHERE rater = ? AND undone_at IS NULL) AND pair = coalesce(?, pair)",
                (_now(), rater.name, pair),
            )
            return changed.rowcount == 1

    def take_up_skipped(self, rater: Rater) -> None:
        """Mark every skip as undone, so that those pairs come again; only when no other is left."""
        with self._lock:
            if self.next(rater) is None:
                self._db.execute(
                    "UPDATE vote SET undone_at = ? WHERE rater = ? AND choice = 'skip' AND undone_at IS NULL",
                    (_now(), rater.name),
                )

    def votes(self) -> tuple[list[tuple[Any, ...]], str]:
        """(rater, pair, first, choice, reason, seconds) of all that stands, and the sha256 of the file."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("BEGIN")
            try:
                cursor = self._db.execute(
                    "SELECT rater, pair, first, choice, reason, seconds FROM vote WHERE undone_at IS NULL ORDER BY id"
                )
                return cursor.fetchall(), sha256_bytes(self._db.serialize())
            finally:
                self._db.execute("COMMIT")

    def open_door(self, rater: Rater, kind: Literal["link", "session"], secret: str) -> None:
        """Let in who knows `secret`; only its hash is kept. A new link shuts the rater's older ones."""
        with self._lock:
            if kind == "link":
                self._db.execute("DELETE FROM door WHERE rater = ? AND kind = 'link'", (rater.name,))
            self._db.execute("INSERT INTO door VALUES (?, ?, ?)", (sha256_text(secret), rater.name, kind))

    def enters(self, rater: Rater, secret: str) -> bool:
        """Is `secret` the one of a session of this rater?"""
        with self._lock:
            row = self._db.execute(
                "SELECT rater FROM door WHERE sha256 = ? AND kind = 'session'", (sha256_text(secret),)
            ).fetchone()
            return row is not None and row[0] == rater.name

    def spend_link(self, rater: Rater, secret: str) -> bool:
        """Use up a one-time link. False if it is none of this rater's, or was used before."""
        with self._lock:
            used = self._db.execute(
                "DELETE FROM door WHERE sha256 = ? AND kind = 'link' AND rater = ?", (sha256_text(secret), rater.name)
            )
            return used.rowcount == 1


@dataclass(frozen=True)
class PeoplesVotes:
    """Rows of the ledger from `human.sqlite`, the file's sha256, and how many votes each judge cast."""

    rows: list[dict[str, Any]]
    sha256: str
    counts: dict[str, int]


def peoples_votes(run: Path, manifest: Manifest) -> PeoplesVotes | None:
    """Everybody's votes on the sealed pairs; None if nobody was ever enrolled. What was skipped or undone is no vote.

    Raises VenireError for a vote on a pair or in a place that the rater was not given.
    """
    if not (run / FILE).is_file():
        return None
    ballots = Ballots(run, manifest)
    try:
        given = {(rater.name, turn.pair): turn.first for rater in ballots.raters() for turn in ballots.turns(rater)}
        cast, sha256 = ballots.votes()
    finally:
        ballots.close()
    comparisons: dict[str, list[SealedPair]] = {}
    for pair in filter(_is_shown, manifest.pairs):
        comparisons.setdefault(pair.pair, []).append(pair)
    rows: list[dict[str, Any]] = []
    for rater, pair, first, choice, reason, seconds in cast:
        if given.get((rater, pair)) != first:
            raise VenireError(f"{run / FILE}: rater {rater!r} was not given pair {pair} in this place; it was changed")
        if choice != "skip":
            rows += [_row(rater, sealed, first, choice, reason, seconds) for sealed in comparisons[pair]]
    counts = Counter(PREFIX + rater for rater, _, _, choice, _, _ in cast if choice != "skip")
    return PeoplesVotes(rows, sha256, dict(sorted(counts.items())))


def _row(
    rater: str, pair: SealedPair, first: Side, choice: Choice, reason: str, seconds: float | None
) -> dict[str, Any]:
    candidate_first = first == pair.candidate_side
    labels = {"A": "candidate", "B": "incumbent"} if candidate_first else {"A": "incumbent", "B": "candidate"}
    winner = "tie" if choice == "both_bad" else choice
    return {
        "prompt_id": pair.prompt_id,
        "family": pair.family,
        "domain": pair.domain,
        "candidate": pair.candidate,
        "incumbent": pair.incumbent,
        "judge": PREFIX + rater,
        "judge_family": "human",
        "candidate_first": candidate_first,
        "verdict": labels.get(winner, "tie"),
        "len_candidate": pair.len_candidate,
        "len_incumbent": pair.len_incumbent,
        "seconds": seconds,
        "log": FILE,
        "sample_id": pair.pair,
        "judgment": json.dumps({"winner": winner, "reason": reason}, ensure_ascii=False),
        "label_mapping": f"A={labels['A']};B={labels['B']}",
        "sha_candidate": pair.sha_candidate,
        "sha_incumbent": pair.sha_incumbent,
        "repeat": 0,
        "epoch": pair.epoch,
        "use": "human",
        "note": "both_bad" if choice == "both_bad" else None,
    }


def _or_all(value: int | None) -> str:
    return "all" if value is None else str(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
