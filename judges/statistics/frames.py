"""From a frame of votes (one row a vote) to arrays: one `Comparison` for each (candidate, incumbent).

Columns are those of docs/formats.md, "Votes"; `prompt_id`, `candidate`, `incumbent`, `judge`, `candidate_first` and
`verdict` are required, the others used where present. Strings become integer codes once, in sorted order, so that
neither the order of rows nor that of names can change a result; all sums are counted into dense arrays.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from ._special import Floats, Ints
from .panel import Panel

REQUIRED = ("prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict")
VERDICTS = ("incumbent", "tie", "candidate", "invalid")  # valid ones are worth 0, ½, 1
INVALID = 3

Repeats = Literal["refuse", "keep", "first"]


@dataclass(frozen=True)
class Comparison:
    """All votes on one (candidate, incumbent); n prompts in sorted order, J judges in sorted order.

    panel: votes by verdict. soft: (n, J, 2) votes by `preference`, None where there is none. against: (n, J, 2) votes
    with each invalid one counted 0. prompts, families: (n,) names; domains: (n,) names or None. judge_families (J,).
    log_ratio: (n,) mean ln(len_candidate/len_incumbent), nan unknown. verdicts: (J, 4) rows by judge and `VERDICTS`.
    repeated: votes beyond the first of their (prompt, judge, order), which were averaged.
    """

    candidate: str
    incumbent: str
    panel: Panel
    soft: Floats | None
    against: Floats
    prompts: np.ndarray
    families: np.ndarray
    domains: np.ndarray | None
    judge_families: tuple[str, ...]
    log_ratio: Floats
    verdicts: Ints
    repeated: int


def judge_family(name: str) -> str:
    """The family a judge's name shows: the part before the first `/` or `:`."""
    return name.replace(":", "/").split("/", 1)[0]


def _codes(column: pl.Series) -> tuple[Ints, np.ndarray]:
    """Codes in sorted order of names, and the names."""
    text = column.cast(pl.String)
    names = text.unique().sort()
    codes = text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    return codes, names.to_numpy()


def _verdict_codes(column: pl.Series) -> Ints:
    unknown = column.is_null() | ~column.cast(pl.String).is_in(list(VERDICTS))
    if unknown.any():
        row = int(unknown.arg_true()[0])
        raise ValueError(f"row {row + 1}: verdict {column[row]!r} is not one of {', '.join(VERDICTS)}")
    return column.cast(pl.String).cast(pl.Enum(list(VERDICTS))).to_physical().to_numpy().astype(np.int64)


def _with_defaults(votes: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in REQUIRED if name not in votes.columns]
    if missing:
        raise ValueError(f"the votes lack the column {missing[0]}; required are {', '.join(REQUIRED)}")
    for name in REQUIRED:
        if votes[name].null_count():
            row = int(votes[name].is_null().arg_true()[0])
            raise ValueError(f"row {row + 1}: {name} is empty")
    if "family" not in votes.columns:
        return votes.with_columns(family=pl.col("prompt_id"))
    return votes.with_columns(pl.col("family").fill_null(pl.col("prompt_id").cast(pl.String)))


@dataclass(frozen=True)
class _Coded:
    """Columns of the frame as integer codes, and the names they stand for."""

    prompt: Ints
    judge: Ints
    second: Ints
    verdict: Ints
    family: Ints
    log_ratio: Floats
    domain: Ints | None
    preference: Floats | None
    prompts: np.ndarray
    judges: np.ndarray
    families: np.ndarray
    domains: np.ndarray | None
    judge_families: tuple[str, ...]

    def take(self, rows: Ints) -> "_Coded":
        """The same with only `rows`."""
        picked = {
            name: value[rows]
            for name in ("prompt", "judge", "second", "verdict", "family", "log_ratio", "domain", "preference")
            if (value := getattr(self, name)) is not None
        }
        return _Coded(**{**self.__dict__, **picked})


def comparisons(votes: pl.DataFrame, repeats: Repeats = "refuse") -> list[Comparison]:
    """One `Comparison` a (candidate, incumbent), sorted by these names. All rows are used: filter `use` before.

    repeats: what to do with a second vote of one judge on the same (prompt, epoch, comparison, order, repeat): refuse
    (ValueError with its row), keep (average it in) or take the first in the frame's order.
    """
    frame = _with_defaults(votes)
    coded = _code(frame)
    candidate, candidates = _codes(frame["candidate"])
    incumbent, incumbents = _codes(frame["incumbent"])
    pair = candidate * len(incumbents) + incumbent
    kept = _without_repeats(frame, coded, pair, repeats)
    if kept is not None:
        coded, pair = coded.take(kept), pair[kept]
    found, sizes = np.unique(pair, return_counts=True)
    rows = np.split(np.argsort(pair, kind="stable"), np.cumsum(sizes)[:-1]) if len(found) > 1 else [None]
    return [
        _comparison(
            str(candidates[code // len(incumbents)]),
            str(incumbents[code % len(incumbents)]),
            coded if part is None else coded.take(part),
        )
        for code, part in zip(found, rows, strict=True)
    ]


def _code(frame: pl.DataFrame) -> _Coded:
    prompt, prompts = _codes(frame["prompt_id"])
    judge, judges = _codes(frame["judge"])
    same = frame["family"].dtype == frame["prompt_id"].dtype and frame["family"].equals(frame["prompt_id"])
    family, families = (prompt, prompts) if same else _codes(frame["family"])
    has_domain = "domain" in frame.columns and frame["domain"].null_count() < len(frame)
    domain, domains = _codes(_domains(frame)) if has_domain else (None, None)
    has_soft = "preference" in frame.columns and frame["preference"].null_count() < len(frame)
    return _Coded(
        prompt=prompt,
        judge=judge,
        second=(~frame["candidate_first"].cast(pl.Boolean)).to_numpy().astype(np.int64),
        verdict=_verdict_codes(frame["verdict"]),
        family=family,
        log_ratio=_log_ratio(frame),
        domain=domain,
        preference=frame["preference"].cast(pl.Float64).to_numpy() if has_soft else None,
        prompts=prompts,
        judges=judges,
        families=families,
        domains=domains,
        judge_families=_judge_families(frame, judges),
    )


def _domains(frame: pl.DataFrame) -> pl.Series:
    """Each row's domain; one that lacks it has its prompt's, "" where no row of the prompt has any."""
    if frame["domain"].null_count() == 0:
        return frame["domain"]
    own = pl.col("domain").cast(pl.String)
    return frame.select(pl.coalesce(own, own.min().over("prompt_id"), pl.lit("")).alias("domain")).to_series()


def _judge_families(frame: pl.DataFrame, judges: np.ndarray) -> tuple[str, ...]:
    known: dict[str, str] = {}
    if "judge_family" in frame.columns:
        pairs = frame.group_by(pl.col("judge").cast(pl.String)).agg(pl.col("judge_family").cast(pl.String).min())
        known = {name: family for name, family in pairs.iter_rows() if family is not None}
    return tuple(known.get(name, judge_family(name)) for name in judges)


def _log_ratio(frame: pl.DataFrame) -> Floats:
    """ln(len_candidate/len_incumbent) a row, an empty answer counting one character; nan where unknown."""
    if not {"len_candidate", "len_incumbent"} <= set(frame.columns):
        return np.full(len(frame), np.nan)
    own, other = (frame[name].cast(pl.Float64).to_numpy() for name in ("len_candidate", "len_incumbent"))
    return np.log(np.maximum(own, 1)) - np.log(np.maximum(other, 1))


def _without_repeats(frame: pl.DataFrame, coded: _Coded, pair: Ints, repeats: Repeats) -> Ints | None:
    """Rows to keep, None for all; ValueError for a second vote where they are refused."""
    if repeats == "keep":
        return None
    key = ((pair * len(coded.prompts) + coded.prompt) * len(coded.judges) + coded.judge) * 2 + coded.second
    for name in ("epoch", "repeat"):
        if name in frame.columns:
            extra = frame[name].cast(pl.Int64).fill_null(0).to_numpy()
            key = key * (int(extra.max(initial=0)) + 1) + extra
    series = pl.Series("key", key)
    first = series.is_first_distinct()
    if first.all():
        return None
    if repeats == "refuse":
        row = int((~first).arg_true()[0])
        raise ValueError(
            f"row {row + 1}: a second vote of judge {frame['judge'][row]!r} on prompt {frame['prompt_id'][row]!r} in "
            "the same order; number repeated votes in a `repeat` column, or give --repeats keep or first"
        )
    return first.arg_true().to_numpy().astype(np.int64)


def _comparison(candidate: str, incumbent: str, rows: _Coded) -> Comparison:
    present, prompt = np.unique(rows.prompt, return_inverse=True)
    seated, judge = np.unique(rows.judge, return_inverse=True)
    n, judges = len(present), len(seated)
    cell = (prompt * judges + judge) * 2 + rows.second
    shape = (n, judges, 2)

    def count(weights: Floats | None = None, keep: np.ndarray | None = None) -> Floats:
        where = cell if keep is None else cell[keep]
        weights = weights if weights is None or keep is None else weights[keep]
        return np.bincount(where, weights, n * judges * 2).astype(float).reshape(shape)

    valid = rows.verdict != INVALID
    worth = np.where(valid, rows.verdict, 0) / 2
    votes, total, asked = count(keep=valid), count(worth), count()
    with np.errstate(invalid="ignore", divide="ignore"):
        y, against = total / votes, total / asked
        soft = None
        if rows.preference is not None and np.isfinite(rows.preference[valid]).any():
            share = np.where(np.isnan(rows.preference), worth, rows.preference)
            soft = count(np.where(valid, share, 0)) / votes
    family = _least(rows.family, prompt, n)
    known = np.isfinite(rows.log_ratio)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_ratio = np.bincount(prompt[known], rows.log_ratio[known], n) / np.bincount(prompt[known], minlength=n)
    return Comparison(
        candidate=candidate,
        incumbent=incumbent,
        panel=Panel(y, tuple(str(rows.judges[code]) for code in seated), family),
        soft=soft,
        against=against,
        prompts=rows.prompts[present],
        families=rows.families[family],
        domains=None if rows.domains is None or rows.domain is None else rows.domains[_least(rows.domain, prompt, n)],
        judge_families=tuple(rows.judge_families[code] for code in seated),
        log_ratio=log_ratio,
        verdicts=np.bincount(judge * 4 + rows.verdict, minlength=judges * 4).reshape(judges, 4),
        repeated=int(np.maximum(asked - 1, 0).sum()),
    )


def _least(codes: Ints, prompt: Ints, n: int) -> Ints:
    """The smallest code of each prompt's rows: one value a prompt, whatever the order of rows."""
    least = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(least, prompt, codes)
    return least
