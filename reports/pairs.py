"""The rows behind the numbers: each judged prompt, both answers, every judge's verdict in both orders."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from .contenders import with_contender
from .files import RunFiles
from .logs import Log
from .numbers import loose

LONGEST_TEXT = 6000  # characters of one text that are open to the eye; the rest of a pair's unfolds below them
PAGE_BUDGET = 60_000_000  # characters of pairs on one page

_SCORES = {"candidate": 1.0, "tie": 0.5, "incumbent": 0.0}
_COUNTED = ("gate", "screen")


@dataclass(frozen=True)
class Vote:
    """One verdict. `place` is where the candidate's answer stood: `first` or `second`.

    `text` is what the judge wrote, raw; `said` its reason and figures, labels undone, where it wrote JSON.
    """

    place: str
    verdict: str
    reason: str | None
    said: str
    text: str
    preference: float | None
    note: str | None
    log: str | None
    sample_id: str | None
    href: str | None = None  # to the log, where it is in the run folder
    cut: int = 0  # characters of `text` that only the log has


@dataclass(frozen=True)
class Opinion:
    """One judge on one pair: `result` is win, loss, tie, flip (its verdict changed with the order) or invalid."""

    judge: str
    counted: bool
    result: str
    votes: list[Vote]


@dataclass(frozen=True)
class Text:
    """A text: its beginning, and the `cut` characters after it as `rest`, or "" where a page cannot bear them."""

    shown: str
    length: int
    cut: int
    rest: str = ""


@dataclass(frozen=True)
class JudgedPair:
    """A prompt and what became of it. `panel`: the mean over counted judges of the mean over orders, or None.

    tags: win, loss, tie or unknown, then flip, disagreement, invalid, identical, and screen (it chose the finalist and
    does not decide).
    """

    number: int
    prompt_id: str
    epoch: int
    pair_id: str | None
    family: str
    domain: str | None
    prompt: Text | None
    reference: Text | None
    candidate: Text | None
    incumbent: Text | None
    candidate_log: Log | None  # where the answers stand
    incumbent_log: Log | None
    identical: bool
    panel: float | None
    outcome: str
    tags: list[str]
    opinions: list[Opinion]


@dataclass(frozen=True)
class PairList:
    """The finalist's pairs, and how many there are in all; `dropped` of them did not fit on the page."""

    pairs: list[JudgedPair]
    total: int
    dropped: int

    @property
    def characters(self) -> int:
        """Of the pairs' texts."""
        return sum(len(text.shown) + len(text.rest) for pair in self.pairs for text in _texts_of(pair))


def judged_pairs(files: RunFiles, excluded: Iterable[str] = ()) -> PairList:
    """The pairs of the finalist and the incumbent. `excluded` judges are shown and do not enter the panel's mean."""
    return _fitting(pairs_of(files, *files.finalist, excluded))


def pairs_of(
    files: RunFiles, candidate: str | None, incumbent: str | None, excluded: Iterable[str] = (), most: int | None = None
) -> list[JudgedPair]:
    """The pairs of a candidate and the incumbent by prompt: all, or the first `most`."""
    votes = files.votes_on(candidate, incumbent)
    if votes is None or candidate is None:
        return []
    for name, default in (("epoch", 0), ("use", "gate"), ("repeat", 0)):
        if name not in votes.columns:
            votes = votes.with_columns(pl.lit(default).alias(name))
    texts = _texts(files, {candidate, incumbent or ""})
    ids = _pair_ids(files, candidate, incumbent)
    found = []
    groups = votes.partition_by("prompt_id", "epoch", as_dict=True, maintain_order=True)
    for number, key in enumerate(sorted(groups, key=str)[:most], start=1):
        rows = groups[key].to_dicts()
        found.append(_pair(number, rows, texts, ids.get(key), set(excluded), files, candidate, incumbent))
    return found


def _pair(
    number: int,
    rows: list[dict[str, Any]],
    texts: dict[tuple[str, str, int], dict[str, Any]],
    pair_id: str | None,
    excluded: set[str],
    files: RunFiles,
    candidate: str,
    incumbent: str | None,
) -> JudgedPair:
    first = rows[0]
    prompt_id, epoch = first["prompt_id"], first["epoch"]
    mine, other = texts.get((candidate, prompt_id, epoch)), texts.get((incumbent or "", prompt_id, epoch))
    either = mine or other or {}
    opinions = [
        _opinion(judge, [row for row in rows if row["judge"] == judge], judge in excluded, files)
        for judge in sorted({row["judge"] for row in rows})
    ]
    panel = _panel_mean(rows, excluded)
    counted = [o.result for o in opinions if o.counted]
    identical = bool(mine and other and mine["answer"] == other["answer"])
    outcome = "unknown" if panel is None else "win" if panel > 0.5 else "loss" if panel < 0.5 else "tie"
    tags = [outcome]
    tags += ["flip"] if "flip" in counted else []
    tags += ["disagreement"] if {"win", "loss"} <= set(counted) else []
    tags += ["invalid"] if any(vote.verdict == "invalid" for o in opinions for vote in o.votes) else []
    tags += ["identical"] if identical else []
    tags += ["screen"] if all(row["use"] == "screen" for row in rows) else []
    return JudgedPair(
        number=number,
        prompt_id=prompt_id,
        epoch=epoch,
        pair_id=pair_id,
        family=first.get("family") or prompt_id,
        domain=first.get("domain"),
        prompt=whole(either.get("prompt")),
        reference=whole(either.get("reference")),
        candidate=whole(mine["answer"]) if mine else None,
        incumbent=whole(other["answer"]) if other else None,
        candidate_log=files.logs.find(mine.get("log"), mine["sample_id"]) if mine else None,
        incumbent_log=files.logs.find(other.get("log"), other["sample_id"]) if other else None,
        identical=identical,
        panel=panel,
        outcome=outcome,
        tags=tags,
        opinions=sorted(opinions, key=lambda o: (not o.counted, o.judge)),
    )


def _opinion(judge: str, rows: list[dict[str, Any]], excluded: bool, files: RunFiles) -> Opinion:
    ordered = sorted(rows, key=lambda row: (not row["candidate_first"], row["repeat"]))
    logs = [files.logs.find(row.get("log")) for row in ordered]
    votes = [
        Vote(
            place="first" if row["candidate_first"] else "second",
            verdict=row["verdict"],
            reason=row.get("reason"),
            said=reading(row.get("judgment") or "", row.get("label_mapping") or "")[:LONGEST_TEXT],
            text=(row.get("judgment") or "")[:LONGEST_TEXT],
            preference=row.get("preference"),
            note=row.get("note"),
            log=log.path if log else None,
            sample_id=row.get("sample_id"),
            href=log.href if log else None,
            cut=max(0, len(row.get("judgment") or "") - LONGEST_TEXT),
        )
        for row, log in zip(ordered, logs, strict=True)
    ]
    counted = not excluded and any(row["use"] in _COUNTED for row in rows)
    return Opinion(judge, counted, _result([vote.verdict for vote in votes]), votes)


def _result(verdicts: list[str]) -> str:
    valid = set(verdicts) - {"invalid"}
    if not valid:
        return "invalid"
    if {"candidate", "incumbent"} <= valid:
        return "flip"
    return "win" if "candidate" in valid else "loss" if "incumbent" in valid else "tie"


def _panel_mean(rows: list[dict[str, Any]], excluded: set[str]) -> float | None:
    """Mean over judges of the mean over orders; a judge without a valid vote in both orders is left out."""
    means = []
    for judge in {row["judge"] for row in rows if row["use"] in _COUNTED} - excluded:
        orders: dict[bool, list[float]] = {True: [], False: []}
        for row in rows:
            if row["judge"] == judge and row["verdict"] in _SCORES and row["use"] in _COUNTED:
                orders[row["candidate_first"]].append(_SCORES[row["verdict"]])
        if orders[True] and orders[False]:
            means.append(sum(sum(scores) / len(scores) for scores in orders.values()) / 2)
    return sum(means) / len(means) if means else None


def reading(judgment: str, mapping: str) -> str:
    """A judge's JSON as a person reads it: its reason, and what it measured of each side; "" for other text."""
    try:
        reply = json.loads(judgment)
    except ValueError:
        return ""
    if not isinstance(reply, dict):
        return ""
    sides = dict(part.split("=", 1) for part in mapping.split(";") if "=" in part)
    parts = []
    for key, value in reply.items():
        if key.startswith("scores_") and isinstance(value, dict):
            side = sides.get(key.removeprefix("scores_"), key)
            parts.append(f"{side}: {', '.join(f'{name} {loose(score)}' for name, score in value.items())}")
        elif key == "measured" and isinstance(value, dict):
            parts += [f"{sides.get(label, label)} {loose(number)}" for label, number in value.items()]
    reason = str(reply.get("reason") or "")
    return "; ".join([*parts, *([reason] if reason else [])])


def cut(text: str | None) -> Text | None:
    """`text`, or its first `LONGEST_TEXT` characters."""
    if text is None:
        return None
    return Text(text[:LONGEST_TEXT], len(text), max(0, len(text) - LONGEST_TEXT))


def whole(text: str | None) -> Text | None:
    """`text`, its first `LONGEST_TEXT` characters and the rest."""
    begun = cut(text)
    return replace(begun, rest=text[LONGEST_TEXT:]) if text and begun else begun


def _texts(files: RunFiles, contenders: set[str]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """(contender, prompt_id, epoch) to the row of the answers frame; votes count epochs from 0, Inspect from 1."""
    if files.answers is None:
        return {}
    rows = with_contender(files.answers, files).filter(pl.col("contender").is_in(list(contenders)))
    found = {}
    wanted = ("contender", "suite", "sample_id", "epoch", "prompt", "answer", "reference", "log")
    for row in rows.select(name for name in wanted if name in rows.columns).iter_rows(named=True):
        name = f"{row['suite'].rsplit('/', 1)[-1]}/{row['sample_id']}"
        found[row["contender"], name, row["epoch"] - 1] = row
    return found


def _pair_ids(files: RunFiles, candidate: str, incumbent: str | None) -> dict[tuple[Any, ...], str]:
    return {
        (pair["prompt_id"], pair["epoch"]): pair["pair"]
        for pair in files.manifest.get("pairs", [])
        if pair.get("candidate") == candidate and pair.get("incumbent") == incumbent
    }


def _fitting(pairs: list[JudgedPair]) -> PairList:
    """All pairs while they fit; else the contested ones first (flips, disagreements, losses), in their old order.

    What room is left is for the rests of long texts, contested pairs first.
    """
    room = PAGE_BUDGET
    order = sorted(pairs, key=lambda p: (-len({"flip", "disagreement", "loss", "invalid"} & set(p.tags)), p.number))
    kept: dict[int, JudgedPair] = {}
    for pair in order:
        room -= 2000 + sum(len(text.shown) for text in _texts_of(pair))
        room -= sum(500 + len(vote.text) for opinion in pair.opinions for vote in opinion.votes)
        if room < 0:
            break
        kept[pair.number] = pair
    for number, pair in kept.items():
        room -= sum(len(text.rest) for text in _texts_of(pair))
        kept[number] = pair if room >= 0 else _without_rests(pair)
    return PairList([kept[number] for number in sorted(kept)], len(pairs), len(pairs) - len(kept))


def _texts_of(pair: JudgedPair) -> list[Text]:
    return [text for text in (pair.prompt, pair.reference, pair.candidate, pair.incumbent) if text]


def _without_rests(pair: JudgedPair) -> JudgedPair:
    texts = {name: getattr(pair, name) for name in ("prompt", "reference", "candidate", "incumbent")}
    return replace(pair, **{name: replace(text, rest="") for name, text in texts.items() if text})
