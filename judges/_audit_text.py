"""The audit of raw judge text: winners derived again, labels, errors taken for verdicts, and who really answered."""

import json
import re
from collections.abc import Iterator

import polars as pl

from venire.judges._audit_finding import (
    CELL,
    COPIED,
    MEASURED,
    PAIR,
    ROW,
    Finding,
    count,
    effect,
    replaced,
    row_list,
    without,
)
from venire.judges._audit_labels import fixed_labels, label_mapping
from venire.judges.houses import family_of_judge
from venire.judges.verdict_text import TIE, ParsedVerdict, parse_verdict, read_mapping

_FAILED = ("error", "timeout")
_PARSER_SLIP = 0.05  # up to this share of texts without a verdict may be the parser's own limit
_MODELS = ("model", "judge_model", "evaluator", "annotator", "model_id", "judge_id", "raw_model")
_FIELDS = ("model", "model_id", "judge_model")  # under which a service names its model in what it sends
_VENDOR_WORDS = {
    "openai": r"chatgpt|gpt-?[34][\w.-]*|openai|o[134](?:-mini)?",
    "anthropic": r"claude[\w.-]*|anthropic",
    "google": r"gemini[\w.-]*|google(?:apis)?|palm-?2?",
    "meta": r"llama[\w.-]*",
    "mistral": r"mi[sx]tral[\w.-]*",
    "qwen": r"qwen[\w.-]*",
    "deepseek": r"deepseek[\w.-]*",
    "xai": r"grok[\w.-]*",
}
_ANY_VENDOR = "|".join(_VENDOR_WORDS.values())
# Text in which a model, or the service before it, says who it is.
_SIGNATURE = re.compile(
    rf"(?:(?<![\"'“‘])\b(?:i am|i'm|my name is|judged by|signed:?)|(?:^|[.!\n]\s*)as)\s+"
    rf"(?P<self>{_ANY_VENDOR})\b(?=[,.\s]|$)|"
    rf"[\"'](?:{'|'.join(_FIELDS)})[\"']\s*:\s*[\"'](?:[\w.-]+/)*(?P<field>[\w.:-]+)[\"']|"
    r"\b(?P<host>(?:api\.)?(?:openai|anthropic)\.com|[\w.-]*googleapis\.com)\b",
    re.IGNORECASE,
)


def text_findings(votes: pl.DataFrame) -> Iterator[Finding]:
    """Everything that the column `judgment` gives away, and judges' names."""
    read = _read(votes)
    if read.height:
        yield from _winner_mismatch(votes, read)
        yield from _readable_but_invalid(votes, read)
        yield from label_mapping(votes, read)
        yield from _error_as_verdict(votes, read)
        yield from _unparseable(votes, read)
    yield from fixed_labels(votes, read)
    yield from _signed_by_another(votes)
    yield from _models_and_names(votes)
    yield from _copied_judgements(votes)


def _read(votes: pl.DataFrame) -> pl.DataFrame:
    """The votes with text: `said` is the label, `tie` or null, `why` the reason for null, `derived` the
    verdict where the labels are `mapped`."""
    texts = votes.filter(pl.col("judgment").is_not_null())
    mappings = {text: read_mapping(text) for text in texts["label_mapping"].unique().to_list()}
    memory: dict[tuple[str, tuple[str, ...]], ParsedVerdict] = {}
    said, why, derived, mapped = [], [], [], []
    for text, mapping in texts.select("judgment", "label_mapping").iter_rows():
        sides = mappings[mapping]
        labels = tuple(sides) if sides else ("A", "B")
        parsed = memory.get((text, labels))
        if parsed is None:
            parsed = memory[(text, labels)] = parse_verdict(text, (labels[0], labels[1]))
        mapped.append(bool(sides))
        said.append(parsed.winner)
        why.append(parsed.reason)
        derived.append(TIE if parsed.winner == TIE else sides.get(parsed.winner or ""))
    return texts.with_columns(
        pl.Series("said", said, pl.String),
        pl.Series("why", why, pl.String),
        pl.Series("derived", derived, pl.String),
        pl.Series("mapped", mapped, pl.Boolean),
    )


def _winner_mismatch(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    wrong = read.filter(
        pl.col("derived").is_not_null(), pl.col("verdict") != "invalid", pl.col("derived") != pl.col("verdict")
    )
    if wrong.height == 0:
        return
    checked = read.filter(pl.col("derived").is_not_null(), pl.col("verdict") != "invalid").height
    inverted = wrong.filter((pl.col("derived") != TIE) & (pl.col("verdict") != TIE)).height
    mended = replaced(votes, wrong.select(ROW, verdict="derived"))
    yield Finding(
        "winner_mismatch",
        "error",
        row_list(wrong),
        f"{count(wrong.height, 'verdict')} of {checked} that the raw text settles say otherwise than it does"
        + (f"; {inverted} are inverted" if inverted else ""),
        effect(votes, mended),
    )


def _readable_but_invalid(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    """Votes set aside although their text names a winner. No error: a form that was asked for may be held to strictly,
    and a gate counts invalid votes against the candidate."""
    readable = pl.col("derived").is_not_null()
    wrong = read.filter(readable, pl.col("verdict") == "invalid", ~pl.col("reason").is_in(_FAILED).fill_null(False))
    if wrong.height == 0:
        return
    sides = {side: wrong.filter(derived=side).height for side in ("candidate", "incumbent", TIE)}
    named = ", ".join(f"{number} {side}" for side, number in sides.items())
    yield Finding(
        "winner_mismatch",
        "warning",
        row_list(wrong),
        f"{count(wrong.height, 'vote')} of {read.filter(readable).height} that the raw text settles are recorded as "
        f"invalid ({named})",
        "with them read, " + effect(votes, replaced(votes, wrong.select(ROW, verdict="derived"))),
    )


def _error_as_verdict(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    wrong = read.filter(pl.col("why").is_in(_FAILED), pl.col("verdict") != "invalid")
    if wrong.height == 0:
        return
    worst = wrong.group_by("judge").len().sort("len", descending=True).row(0)
    total = votes.filter(judge=worst[0]).height
    after = without(votes, wrong[ROW])
    yield Finding(
        "error_as_verdict",
        "error",
        row_list(wrong),
        f"{count(wrong.height, 'provider error')} stand in the file as verdicts, {worst[1]} of {total} votes of "
        f"{worst[0]} (“{wrong['judgment'][0][:60]}”)",
        effect(votes, after),
    )


def _unparseable(votes: pl.DataFrame, read: pl.DataFrame) -> Iterator[Finding]:
    same = (pl.col("sha_candidate") == pl.col("sha_incumbent")).fill_null(False)  # nobody is asked about these
    wrong = read.filter(
        pl.col("why").is_not_null() & ~pl.col("why").is_in(_FAILED), pl.col("verdict") != "invalid", ~same
    )
    if wrong.height == 0:
        return
    ties = wrong.filter(verdict="tie").height
    reasons = ", ".join(f"{n} {why}" for why, n in wrong.group_by("why").len().sort("len", descending=True).rows())
    after = without(votes, wrong[ROW])
    yield Finding(
        "unparseable",
        "error" if wrong.height > _PARSER_SLIP * read.height else "warning",
        row_list(wrong),
        f"{count(wrong.height, 'verdict')} ({ties} of them ties) stand beside raw text without a verdict ({reasons})",
        effect(votes, after),
    )


def vendor_of(name: str) -> str | None:
    """The vendor that a model's name shows, None where it shows none."""
    for vendor, words in _VENDOR_WORDS.items():
        if re.search(rf"(?:^|[^a-z0-9])(?:{words})(?:[^a-z0-9]|$)", name.lower()):
            return vendor
    return None


def _signed_by_another(votes: pl.DataFrame) -> Iterator[Finding]:
    """Raw text, or a column that names the model, of another vendor than the judge's name."""
    vendors = {
        judge: vendor_of(judge) or vendor_of(family_of_judge(judge)) for judge in votes["judge"].unique().to_list()
    }
    columns = ["judgment", *_model_columns(votes)]
    # What a service or a column says is proof; what stands in a judge's own words may be a quotation.
    rows: dict[bool, list[int]] = {True: [], False: []}
    signs: dict[bool, dict[str, str]] = {True: {}, False: {}}
    known = [judge for judge, vendor in vendors.items() if vendor]
    shown_by = votes.filter(pl.any_horizontal(pl.col(columns).is_not_null()), pl.col("judge").is_in(known))
    for record in shown_by.select(ROW, "judge", *columns).iter_rows(named=True):
        vendor = vendors[record["judge"]]
        shown = [_signature(str(record[name]), name) for name in columns if record[name]]
        other = next((sign for sign in shown if sign and sign[0] != vendor), None)
        if other:
            rows[other[2]].append(record[ROW])
            signs[other[2]].setdefault(record["judge"], other[1])
    for proof in (True, False):
        if rows[proof]:
            who = "; ".join(f"{judge} is signed “{sign}”" for judge, sign in signs[proof].items())
            yield Finding(
                "judge_identity",
                "error" if proof else "warning",
                rows[proof],
                f"{count(len(rows[proof]), 'vote')} show another model than the name they stand under: {who}",
                "without these votes, " + effect(votes, without(votes, rows[proof])),
            )


def _signature(text: str, column: str) -> tuple[str, str, bool] | None:
    """(vendor, where it shows, is it proof), of the first signature in a text."""
    if column != "judgment":
        vendor = vendor_of(text)
        return (vendor, text, True) if vendor else None
    for found in _SIGNATURE.finditer(text):
        vendor = vendor_of(found.group("self") or found.group("field") or found.group("host"))
        if vendor:
            proof = not found.group("self") and _by_the_service(text, found.group("field"))
            return vendor, " ".join(found.group().split())[:60], proof
    return None


def _by_the_service(text: str, model: str | None) -> bool:
    """Does the service speak, not a judge who quotes an answer? It sends an error, or an object that names `model`."""
    if parse_verdict(text).reason in _FAILED:
        return True
    try:
        opened, _ = json.JSONDecoder(strict=False).raw_decode(text.lstrip())
    except ValueError:
        return False
    named = [opened.get(name) for name in _FIELDS] if model and isinstance(opened, dict) else []
    return any(isinstance(name, str) and name.endswith(str(model)) for name in named)


def _model_columns(votes: pl.DataFrame) -> list[str]:
    """Columns that name the judge's model; a column that names contenders is another thing."""
    contenders = {*votes["candidate"].unique(), *votes["incumbent"].unique()}
    named = [name for name in _MODELS if name in votes.columns and votes[name].dtype == pl.String]
    return [name for name in named if not contenders & set(votes[name].unique())]


def _models_and_names(votes: pl.DataFrame) -> Iterator[Finding]:
    """Several models under one judge's name, or several names for one model, where a column names the model."""
    for column in _model_columns(votes):
        for by, of, say in (
            ("judge", column, "one name, {n} models"),
            (column, "judge", "one model, {n} judges' names"),
        ):
            groups = (
                votes.filter(pl.col(of).is_not_null() & pl.col(by).is_not_null())
                .group_by(by, maintain_order=True)
                .agg(pl.col(of).unique(maintain_order=True), pl.col(ROW))
                .filter(pl.col(of).list.len() > 1)
            )
            for name, others, rows in groups.iter_rows():
                listed = ", ".join(str(other) for other in others)
                yield Finding(
                    "judge_identity",
                    "error",
                    sorted(rows),
                    f"{say.format(n=len(others))}: {name} goes with {listed} (column {column!r})",
                    f"the panel has {votes[column].n_unique()} models under {votes['judge'].n_unique()} names; "
                    "agreement and leave-one-out between names of one model mean nothing",
                )
    short = {}
    for judge in votes.filter(~pl.col("judge").str.starts_with("human:"))["judge"].unique(maintain_order=True):
        short.setdefault(_bare_name(judge), []).append(judge)
    alike = [names for names in short.values() if len(names) > 1]
    if alike:
        rows = row_list(votes.filter(pl.col("judge").is_in([name for names in alike for name in names])))
        yield Finding(
            "judge_identity",
            "warning",
            rows,
            "names that look like one model: " + "; ".join(" = ".join(names) for names in alike),
            f"the panel may be {len(short)} judges, not {votes['judge'].n_unique()}",
        )


def _bare_name(judge: str) -> str:
    """A judge's name without provider, date, run or round: `openai/gpt-4o-2024-08-06` and `GPT-4o (run 2)` are one."""
    kind, colon, rest = judge.partition(":")
    if colon and "/" not in kind:  # `likelihood:x` and `embedding:x` judge by other means than x itself
        return f"{kind}:{_bare_name(rest)}"
    name = judge.rsplit("/", 1)[-1].lower()
    name = re.sub(r"(?<=\w)(?:[\s_.-]*[(\[].*[)\]]|[\s_-]+(?:run|round|pass|trial)[\s_-]*\d+)$", "", name)
    name = re.sub(r"[-@]?20\d{2}-?\d{2}-?\d{2}$|-(?:latest|preview)$", "", name)
    return re.sub(r"[\s_.-]+", "-", name).strip("-")


def _copied_judgements(votes: pl.DataFrame) -> Iterator[Finding]:
    """A long judgement of one pair that stands word for word under two judges' names was written by one of them.

    What a service says of a failed call, and numbers that two judges measured, are alike without that.
    """
    written = votes.filter(
        pl.col("judgment").str.len_chars() >= COPIED,
        pl.col("verdict") != "invalid",
        ~pl.col("judgment").str.contains(MEASURED, literal=True),
    )
    shared = written.filter(pl.col("judge").n_unique().over("judgment", "prompt_id", *PAIR) > 1)
    if shared.height == 0:
        return
    names = ", ".join(shared["judge"].unique(maintain_order=True))
    first = shared.unique(["judgment", *[name for name in CELL if name != "judge"]], keep="first", maintain_order=True)
    after = votes.filter(~pl.col(ROW).is_in(shared[ROW].to_list()) | pl.col(ROW).is_in(first[ROW].to_list()))
    yield Finding(
        "judge_identity",
        "error",
        row_list(shared),
        f"{count(shared.height, 'vote')} share their raw text word for word across the names {names}",
        f"counted once, {effect(votes, after)}",
    )
