"""The vote table: its columns, what each may hold, and the reading of it from parquet, CSV or JSONL.

One row is one judge's verdict on one pair of answers in one order. Everything that judges produce, and everything
imported from elsewhere, becomes this table; everything that counts votes reads it. Verdicts are by contender, never by
label or place: whoever makes a row has undone the blinding.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from venire._common.errors import InputError
from venire._common.files import write_atomic, write_parquet
from venire.judges.houses import family_of_judge
from venire.judges.vote_files import file_kind, read_table

Repeats = Literal["refuse", "keep", "first"]

VERDICTS = ("candidate", "incumbent", "tie", "invalid")
REASONS = ("parse", "refusal", "error", "timeout", "empty")
USES = ("gate", "screen", "anchor", "display", "human", "informal")
# A tie of two bad answers; of imported rows that stand for both orders: merged, or a tie because the orders differed.
NOTES = ("both_bad", "merged", "inconsistent")

# Only these must be there; every other column has a default.
REQUIRED = ("prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict")

SCHEMA: dict[str, type[pl.DataType]] = {
    "prompt_id": pl.String,
    "family": pl.String,  # paraphrases of one prompt share it; default: the prompt
    "domain": pl.String,  # free label; null if there is none
    "candidate": pl.String,  # contender
    "incumbent": pl.String,  # contender, never the same as the candidate
    "judge": pl.String,
    "judge_family": pl.String,  # default: from the judge's name
    "candidate_first": pl.Boolean,  # was the candidate's answer shown first
    "verdict": pl.String,  # VERDICTS
    "reason": pl.String,  # REASONS, only where the verdict is invalid
    "len_candidate": pl.Int64,  # characters, >= 0; null if unknown
    "len_incumbent": pl.Int64,  # likewise
    "input_tokens": pl.Int64,  # >= 0; null if unknown
    "output_tokens": pl.Int64,  # likewise
    "cost_usd": pl.Float64,  # likewise
    "seconds": pl.Float64,  # likewise
    "log": pl.String,  # where the raw text is; null if imported
    "sample_id": pl.String,  # of that log
    "preference": pl.Float64,  # 0 to 1, the candidate's share: a soft vote; null for a hard one
    "judgment": pl.String,  # the judge's raw text
    "label_mapping": pl.String,  # what its labels stand for: `A=incumbent;B=candidate` or the reverse
    "sha_candidate": pl.String,  # of the answers
    "sha_incumbent": pl.String,
    "repeat": pl.Int64,  # 0, 1, …: the same judge asked again
    "epoch": pl.Int64,  # 0, 1, …: another generation of the same prompt
    "use": pl.String,  # USES
    "criteria": pl.String,  # JSON, name to score
    "note": pl.String,  # NOTES
}

# Two rows that agree in all of these are one vote written twice, or a repeat that is not marked as one.
VOTE_KEY = ("prompt_id", "epoch", "candidate", "incumbent", "judge", "candidate_first", "repeat")

_AT_LEAST_ZERO = (
    *("len_candidate", "len_incumbent", "input_tokens", "output_tokens", "cost_usd", "seconds"),
    *("repeat", "epoch"),
)
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def read_votes(path: Path, repeats: Repeats = "refuse", *, extras: bool = False) -> pl.DataFrame:
    """The votes in a parquet, CSV or JSONL file, checked and completed by `validate`."""
    return validate(read_table(path), str(path), repeats, extras=extras)


def write_votes(votes: pl.DataFrame, path: Path) -> None:
    """Write votes as parquet, CSV or JSONL, by the file's ending; columns in the order of SCHEMA."""
    kind = file_kind(path)
    table = votes.select([name for name in SCHEMA if name in votes.columns])
    if kind == "parquet":
        write_parquet(path, table)
    else:
        write_atomic(path, table.write_csv() if kind == "csv" else table.write_ndjson())


def empty_votes() -> pl.DataFrame:
    """A vote table without rows."""
    return pl.DataFrame(schema=SCHEMA)


def validate(votes: pl.DataFrame, source: str, repeats: Repeats = "refuse", *, extras: bool = False) -> pl.DataFrame:
    """The table with every column of SCHEMA, in its order and types, or InputError naming the first wrong row.

    Rows are counted from 1 (a CSV's header is no row). `repeats` says what to do with a second vote of one judge on one
    pair in one order when the file has no `repeat` column: refuse it, number it, or keep only the first. `extras` keeps
    columns that are not ours (the audit looks at them).
    """
    if repeats not in get_args(Repeats):
        raise InputError(f"repeats: {repeats!r} is none of {', '.join(get_args(Repeats))}")
    if "verdict" not in votes.columns and "preference" in votes.columns:
        votes = votes.with_columns(verdict=pl.lit(None, pl.String))
    missing = [name for name in REQUIRED if name not in votes.columns]
    if missing:
        raise InputError(f"{source}: column {missing[0]!r} is missing; votes need {', '.join(REQUIRED)}")
    if votes.height == 0:
        raise InputError(f"{source}: there is no vote in it")
    numbered = "repeat" in votes.columns
    table = _defaults(_typed(votes, source))
    _check(table, source)
    others = [name for name in votes.columns if name not in SCHEMA] if extras else []
    table = table.select(*SCHEMA).hstack(votes.select(others)) if others else table.select(*SCHEMA)
    return _number_repeats(table, source, repeats, numbered)


def complete_orders(votes: pl.DataFrame) -> pl.DataFrame:
    """The valid votes whose (prompt, judge, comparison) has valid votes in both orders; the rest is left out."""
    unit = ["prompt_id", "candidate", "incumbent", "judge"]
    valid = votes.filter(pl.col("verdict") != "invalid")
    both = (
        valid.group_by(unit)
        .agg(pl.col("candidate_first").any().alias("first"), (~pl.col("candidate_first")).any().alias("second"))
        .filter(pl.col("first") & pl.col("second"))
    )
    return valid.join(both, on=unit, how="semi", maintain_order="left")


def value() -> pl.Expr:
    """The candidate's share of a vote: 1 win, 0 loss, ½ tie, the preference of a soft vote, null if invalid."""
    hard = pl.col("verdict").replace_strict(
        {"candidate": 1.0, "tie": 0.5, "incumbent": 0.0, "invalid": None}, return_dtype=pl.Float64
    )
    return pl.when(pl.col("verdict") == "invalid").then(None).otherwise(pl.coalesce("preference", hard))


def mirrored(votes: pl.DataFrame) -> pl.DataFrame:
    """The same votes with candidate and incumbent named the other way round."""
    flip = {"candidate": "incumbent", "incumbent": "candidate", "tie": "tie", "invalid": "invalid"}
    return votes.with_columns(
        candidate=pl.col("incumbent"),
        incumbent=pl.col("candidate"),
        candidate_first=~pl.col("candidate_first"),
        verdict=pl.col("verdict").replace_strict(flip),
        preference=1 - pl.col("preference"),
        len_candidate=pl.col("len_incumbent"),
        len_incumbent=pl.col("len_candidate"),
        sha_candidate=pl.col("sha_incumbent"),
        sha_incumbent=pl.col("sha_candidate"),
        label_mapping=pl.col("label_mapping").replace(
            {"A=incumbent;B=candidate": "A=candidate;B=incumbent", "A=candidate;B=incumbent": "A=incumbent;B=candidate"}
        ),
    )


# Checking


def _fail(source: str, wrong: pl.Series, say: Callable[[int], str]) -> None:
    """Raise InputError for the first true row of `wrong`; `say(i)` tells what is the matter there."""
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        raise InputError(f"{source}, row {rows[0] + 1}: {say(rows[0])}")


def _typed(votes: pl.DataFrame, source: str) -> pl.DataFrame:
    columns = []
    for name, kind in SCHEMA.items():
        if name not in votes.columns:
            columns.append(pl.Series(name, [None], dtype=kind).new_from_index(0, votes.height))
            continue
        raw = votes[name]
        if raw.dtype.is_nested():
            raise InputError(
                f"{source}: column {name!r} holds lists or records ({raw.dtype}); one value a row is wanted"
            )
        if kind is pl.String:
            column = _as_text(raw)
        elif kind is pl.Boolean:
            column = _as_bool(raw)
        else:
            column = raw.cast(pl.Float64, strict=False).fill_nan(None)
            if kind is pl.Int64:
                whole = column.is_null() | (column == column.floor())
                _fail(source, ~whole, lambda i, n=name, r=raw: f"{n} is {r[i]!r}; a whole number is wanted")
                column = column.cast(pl.Int64, strict=False)
        present = raw.is_not_null() & ~_blank(raw)
        wanted = "true or false" if kind is pl.Boolean else "text" if kind is pl.String else "a number"
        _fail(
            source,
            present & column.is_null(),
            lambda i, n=name, r=raw, w=wanted: f"{n} is {r[i]!r}; {w} is wanted",
        )
        columns.append(column.rename(name))
    return pl.DataFrame(columns)


def _blank(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.String:
        return raw.str.strip_chars() == ""
    if raw.dtype.is_float():
        return raw.is_nan()
    return pl.Series([False]).new_from_index(0, len(raw))


def _as_text(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.String:
        return raw if raw.name == "judgment" else raw.set(_blank(raw).fill_null(False), None)
    if raw.dtype.is_float() and (raw.drop_nulls() == raw.drop_nulls().floor()).all():
        raw = raw.cast(pl.Int64, strict=False)  # whole ids that a null beside them made floats
    return raw.cast(pl.String, strict=False)


def _as_bool(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.Boolean:
        return raw
    if raw.dtype.is_float():
        raw = raw.set((raw.is_infinite() | (raw != raw.floor())).fill_null(False), None).cast(pl.Int64, strict=False)
    text = raw.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    table = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    return text.replace_strict(table, default=None, return_dtype=pl.Boolean)


def _defaults(table: pl.DataFrame) -> pl.DataFrame:
    preference = pl.col("preference")
    rounded = (
        pl.when(preference > 0.5).then(pl.lit("candidate")).when(preference < 0.5).then(pl.lit("incumbent"))
    ).otherwise(pl.when(preference == 0.5).then(pl.lit("tie")))
    judges = {name: family_of_judge(name) for name in table["judge"].unique().drop_nulls()}
    return table.with_columns(
        pl.coalesce("family", "prompt_id").alias("family"),
        pl.coalesce("judge_family", pl.col("judge").replace(judges)).alias("judge_family"),
        pl.coalesce("verdict", rounded).alias("verdict"),
        pl.col("repeat", "epoch").fill_null(0),
        pl.col("use").fill_null("gate"),
    )


def _check(table: pl.DataFrame, source: str) -> None:
    for name in REQUIRED:
        _fail(source, table[name].is_null(), lambda _, n=name: f"{n} is empty")
    for name, words in (("verdict", VERDICTS), ("reason", REASONS), ("use", USES), ("note", NOTES)):
        column, known = table[name], ", ".join(words)
        unknown = column.is_not_null() & ~column.is_in(words)
        _fail(source, unknown, lambda i, n=name, c=column, k=known: f"{n} is {c[i]!r}; one of {k} is wanted")
    for name in _AT_LEAST_ZERO:
        _fail(source, table[name] < 0, lambda i, n=name: f"{n} is {table[n][i]}; it cannot be below 0")
    share, verdict = table["preference"], table["verdict"]
    _fail(
        source,
        (share < 0) | (share > 1),
        lambda i: f"preference is {share[i]}; 0 to 1 is wanted (the candidate's share)",
    )
    against = (
        ((verdict == "candidate") & (share < 0.5))
        | ((verdict == "incumbent") & (share > 0.5))
        | ((verdict == "tie") & ((share < 0.25) | (share > 0.75)))  # nearer to a win than to a tie
        | ((verdict == "invalid") & share.is_not_null())
    )
    _fail(source, against, lambda i: f"verdict {verdict[i]!r} contradicts its preference {share[i]}")
    _fail(
        source,
        table["reason"].is_not_null() & (verdict != "invalid"),
        lambda i: (
            f"reason {table['reason'][i]!r} stands beside the verdict {verdict[i]!r}; only an invalid vote has one"
        ),
    )
    criteria = table["criteria"]
    unfit = [text for text in criteria.unique().drop_nulls() if not _is_object(text)]
    _fail(
        source,
        criteria.is_in(unfit),
        lambda i: f"criteria is {criteria[i]!r}; a JSON object is wanted, name to score",
    )
    same = table["candidate"] == table["incumbent"]
    _fail(source, same, lambda i: f"{table['candidate'][i]!r} is both candidate and incumbent")
    if not (table["family"] == table["prompt_id"]).all():
        moved = table.select(pl.col("family") != pl.col("family").first().over("prompt_id")).to_series()
        _fail(
            source,
            moved,
            lambda i: f"prompt {table['prompt_id'][i]!r} is in family {table['family'][i]!r} here and in another above",
        )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def _number_repeats(table: pl.DataFrame, source: str, repeats: Repeats, numbered: bool) -> pl.DataFrame:
    # A hash per row first: it settles the usual case, no repeats, without sorting a million rows of text.
    if table.select(VOTE_KEY).hash_rows().n_unique() == table.height:
        return table
    count = pl.int_range(pl.len()).over(VOTE_KEY)
    nth = table.select(count).to_series()
    if not (nth > 0).any():
        return table
    if repeats == "refuse" or numbered:
        hint = (
            "number them in the column 'repeat'"
            if numbered
            else "number them in a column 'repeat', or have `venire votes import --repeats keep` (or first) do it"
        )
        _fail(source, nth > 0, lambda i: f"a second vote of {_name_vote(table, i)}; {hint}")
    if repeats == "first":
        return table.filter(nth == 0)
    return table.with_columns(nth.cast(pl.Int64).alias("repeat"))


def _name_vote(table: pl.DataFrame, i: int) -> str:
    row = table.row(i, named=True)
    order = "candidate first" if row["candidate_first"] else "incumbent first"
    return (
        f"{row['judge']!r} on prompt {row['prompt_id']!r}, {row['candidate']!r} against {row['incumbent']!r}, {order}"
        f" (epoch {row['epoch']}, repeat {row['repeat']})"
    )
