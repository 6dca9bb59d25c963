"""The ledger: judge logs and manifest become votes.parquet, and every winner is derived again on the way.

`votes.parquet` holds nothing of its own: it is built anew from the logs each time. A log that names another seal, was
made by another model, shows other texts than were sealed, or whose recorded verdict is not what its raw text says, is
an error, never a vote.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from venire._common.errors import VenireError
from venire._common.files import write_json
from venire._common.hashing import sha256_file, sha256_text
from venire._common.logs import finished_samples

from .foreign import imported_votes
from .informal import CHAT, informal_votes
from .local import WHAT
from .manifest import Manifest, Part, SealedPair
from .pairs import Side
from .panel import Standing
from .people import FILE as HUMAN
from .people import peoples_votes
from .purse import Purse, pay
from .qualification import Exam, examine
from .reply import Judgment
from .retest import compare_passes
from .rubric import Rubric, Shown, parse_rubric
from .scrub import INJECTION
from .sheets import split_id
from .votes import SCHEMA, empty_votes, validate, write_votes

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample


RETRIED = ("error", "timeout")  # invalid for a reason that may pass: these, and no others, can be asked again


@dataclass(frozen=True)
class Source:
    """A file that votes were read from: its path below the run's folder, its sha256, and how many samples it gave."""

    path: str
    sha256: str
    judge: str
    samples: int


@dataclass(frozen=True)
class Ledger:
    """The votes, where they came from, and each judge's exam."""

    votes: pl.DataFrame
    sources: list[Source]
    exams: dict[str, Exam]
    retried: list[dict[str, Any]] = field(default_factory=list)  # votes that a later one took the place of


@dataclass(frozen=True)
class _Sample:
    """One finished sample of a judge's log."""

    log: "EvalLog"
    path: Path
    sample: "EvalSample"

    @property
    def repeat(self) -> int:
        return int((self.log.eval.metadata or {}).get("repeat", 0))


def judge_folder(run: Path, slug: str) -> Path:
    """Where a judge's logs stand."""
    return run / "logs" / "judge" / slug


def build_ledger(run: Path, manifest: Manifest) -> Ledger:
    """Votes of every judge of the manifest whose logs stand in the run's folder.

    Votes of a judge in conflict with a comparison, or that failed its exam, are for display. Raises VenireError naming
    log and sample for anything that does not agree with the manifest or with its own raw text.
    """
    comparisons: dict[str, list[SealedPair]] = {}
    for pair in manifest.pairs:
        comparisons.setdefault(pair.pair, []).append(pair)
    rows: list[dict[str, Any]] = []
    sources: list[Source] = []
    for part in manifest.parts.values():
        rubric = parse_rubric(part.rubric) if part.rubric else None
        for log, path, samples in _logs(run, manifest, part):
            sources.append(Source(_relative(path, run), sha256_file(path), part.judge.name, len(samples)))
            for sample in samples:
                rows += _rows(run, part, rubric, comparisons, _Sample(log, path, sample))
    for name, people in ((HUMAN, peoples_votes(run, manifest)), (CHAT, informal_votes(run))):
        if people:
            rows += people.rows
            sources += [Source(name, people.sha256, judge, n) for judge, n in people.counts.items()]
    theirs, logs = imported_votes(
        run, {pair.prompt_id: (pair.family, pair.domain) for pair in manifest.pairs if pair.use != "anchor"}
    )
    rows += theirs
    sources += [Source(_relative(path, run), sha256, "imported", n) for path, sha256, n in logs]
    if not rows:
        return Ledger(empty_votes(), sources, {})
    durable, retried = _one_each(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    votes = validate(durable, "judge logs")
    sat = votes.filter(pl.col("judge").is_in(list(manifest.parts)))  # people and imported judges sit no exam
    exams = examine(sat, expected=sum(pair.use == "anchor" for pair in manifest.pairs))
    failed = [exam.judge for exam in exams.values() if not exam.passed]
    demoted = pl.col("judge").is_in(failed) & pl.col("use").is_in(["gate", "screen"])
    votes = votes.with_columns(use=pl.when(demoted).then(pl.lit("display")).otherwise("use"))
    order = ["judge", "candidate", "incumbent", "prompt_id", "epoch", "repeat", "candidate_first"]
    return Ledger(votes.sort(order), sources, exams, retried)


def write_ledger(run: Path, manifest: Manifest) -> Ledger:
    """Build the ledger, and write `votes.parquet` and `ledger.json` (sources, judges, exams) into the run's folder."""
    ledger, added = build_ledger(run, manifest), manifest.added
    write_votes(ledger.votes, run / "votes.parquet")
    write_json(
        run / "ledger.json",
        {
            "manifest_sha256": manifest.sha256,
            "votes_sha256": sha256_file(run / "votes.parquet"),
            "n_votes": ledger.votes.height,
            "sources": [vars(source) for source in ledger.sources],
            "judges": {name: _about(part, ledger, name in added) for name, part in manifest.parts.items()},
            "retried": ledger.retried,
            "paid": _paid(run, manifest),
            "attempts_to_sway": _attempts(manifest),
        },
    )
    return ledger


def _attempts(manifest: Manifest) -> dict[str, int]:
    """Contender to the number of its answers that speak to the judge: fenced for every judge, and counted here."""
    found = set()
    for pair in manifest.pairs:
        if pair.use != "anchor":
            sides = ((pair.candidate, pair.flags_candidate), (pair.incumbent, pair.flags_incumbent))
            found |= {(name, pair.prompt_id, pair.epoch) for name, flags in sides if INJECTION in flags}
    return dict(sorted(Counter(name for name, _, _ in found).items()))


def _about(part: Part, ledger: Ledger, added: bool) -> dict[str, Any]:
    """What the report says of a judge: what it is, where it may count, its exam, its price, how it agrees with itself.

    `added`: it joined after the panel was sealed, so that its votes are post hoc.
    """
    mine = ledger.votes.filter(pl.col("judge") == part.judge.name)
    exam = ledger.exams.get(part.judge.name)
    return part.judge.model_dump(mode="json", exclude_none=True) | {
        "what": WHAT[part.judge.kind],
        "votes": mine.height,
        "added": added,
        "standing": [judged.model_dump(mode="json") for judged in part.standing],
        "exam": exam.to_dict() if exam else None,
        "qualified": exam.passed if exam else None,
        "input_tokens": int(mine["input_tokens"].sum()),
        "output_tokens": int(mine["output_tokens"].sum()),
        "cost_usd": None if mine["cost_usd"].is_null().all() else float(mine["cost_usd"].sum()),
        "seconds": round(float(mine["seconds"].sum()), 1),
        "retest": retest.to_dict() if (retest := compare_passes(mine)) else None,
    }


def _paid(run: Path, manifest: Manifest) -> dict[str, Any]:
    """What all paid judges cost together: calls, dollars, and calls whose price is not known."""
    purse = Purse()
    for name, part in manifest.parts.items():
        if part.judge.is_api:
            count_spent(run, manifest, name, purse)
    return {"calls": purse.spent_calls, "cost_usd": purse.spent_usd, "unpriced": purse.unpriced}


def finished(run: Path, manifest: Manifest, judge: str, repeat: int = 0, *, retry: bool = False) -> set[str]:
    """Ids of the samples whose votes of this judge are durable: they are never asked again.

    With `retry`, those whose every call failed for a reason that may pass (RETRIED) are not among them.
    """
    return {
        str(sample.id)
        for log, path, samples in _logs(run, manifest, manifest.parts[judge])
        for sample in samples
        if _Sample(log, path, sample).repeat == repeat and not (retry and _reason(sample) in RETRIED)
    }


def count_spent(run: Path, manifest: Manifest, judge: str, purse: Purse) -> None:
    """Count in `purse` what this judge's logs say of its calls. Identical answers are asked of nobody."""
    for _, _, samples in _logs(run, manifest, manifest.parts[judge]):
        for sample in samples:
            if sample.metadata.get("first") != sample.metadata.get("second"):
                pay(purse, sample)


def _reason(sample: "EvalSample") -> str | None:
    """Why a sample's vote is invalid; None if it is valid."""
    return next((str(score.reason) for score in (sample.scores or {}).values() if score.reason), None)


def _logs(run: Path, manifest: Manifest, part: Part) -> Iterator[tuple["EvalLog", Path, list["EvalSample"]]]:
    """A judge's logs, oldest first, also of evaluations that were killed, with the samples that were finished."""
    from inspect_ai.log import read_eval_log

    found = []
    for path in sorted(judge_folder(run, part.judge.slug).glob("[!.]*.eval")):  # a hidden one was never finished
        try:
            found.append((read_eval_log(str(path), header_only=True), path))
        except Exception as error:  # whatever a damaged zip makes of it
            raise VenireError(f"{path} cannot be read ({error}); move it away and judge again") from error
    # `created` is in whole seconds; of two logs of one second, the file written last is the newer.
    for log, path in sorted(found, key=lambda each: (each[0].eval.created, each[1].stat().st_mtime_ns)):
        _check_header(log, path, manifest, part)
        written = path.stat()
        yield log, path, _judged(path, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=256)
def _judged(path: Path, mtime_ns: int, size: int) -> list["EvalSample"]:
    """A log's judged samples. Looks read the same logs many times, and reading a sample takes milliseconds."""
    return [sample for sample in finished_samples(path) if sample.error is None and sample.scores]


def _check_header(log: "EvalLog", path: Path, manifest: Manifest, part: Part) -> None:
    """Raises VenireError unless the log is of this judge, asked under its seal."""
    about = log.eval.metadata or {}
    if about.get("part_sha256") != part.sha256 or about.get("manifest_sha256") != manifest.seal_of(part.judge.name):
        raise VenireError(f"{path} was judged under another manifest; its votes cannot be read with this one")
    expected = part.judge.model if part.judge.is_llm else "none/none"
    if about.get("judge") != part.judge.name or log.eval.model != expected:
        raise VenireError(f"{path}: {log.eval.model} answered in the place of judge {part.judge.name!r}")


def _rows(
    run: Path, part: Part, rubric: Rubric | None, comparisons: dict[str, list[SealedPair]], found: _Sample
) -> Iterator[dict[str, Any]]:
    """The votes that one sample gives: one for each comparison that the two texts occur in."""
    sample = found.sample
    where = f"{found.path}, sample {sample.id}"
    try:
        pair_id, asked = split_id(str(sample.id))
        sealed = comparisons[pair_id]
    except (ValueError, KeyError):
        raise VenireError(f"{where}: no such pair was sealed") from None
    shown = _checked_texts(part, sealed[0], sample, pair_id, asked, where)
    judgment = _derived(sample, shown, rubric, where)
    first = part.first_side(pair_id, asked)
    usage = sample.output.usage
    for i, pair in enumerate(sealed):
        paid = i == 0  # one call may serve several comparisons; its price is counted once
        labels = _labels(shown, first, pair.candidate_side)
        yield {
            "prompt_id": pair.prompt_id,
            "family": pair.family,
            "domain": pair.domain,
            "candidate": pair.candidate,
            "incumbent": pair.incumbent,
            "judge": part.judge.name,
            "judge_family": part.judge.family,
            "candidate_first": first == pair.candidate_side,
            "verdict": _verdict(judgment, labels),
            "reason": judgment.invalid,
            "len_candidate": pair.len_candidate,
            "len_incumbent": pair.len_incumbent,
            "input_tokens": (usage.input_tokens if paid else 0) if usage else None,
            "output_tokens": (usage.output_tokens if paid else 0) if usage else None,
            "cost_usd": (usage.total_cost if paid else 0.0) if usage and usage.total_cost is not None else None,
            "seconds": _seconds(sample) if paid else 0.0,
            "log": _relative(found.path, run),
            "sample_id": str(sample.id),
            "judgment": sample.output.completion or sample.output.error,
            "label_mapping": ";".join(f"{label}={labels[label]}" for label in ("A", "B")),
            "sha_candidate": pair.sha_candidate,
            "sha_incumbent": pair.sha_incumbent,
            "repeat": found.repeat,
            "epoch": pair.epoch,
            "use": "display" if found.repeat or _standing(part, pair) == "conflict" else pair.use,
            "criteria": _criteria(judgment, labels),
        }


def _checked_texts(part: Part, pair: SealedPair, sample: "EvalSample", pair_id: str, asked: int, where: str) -> Shown:
    """What the judge was shown. Raises VenireError if label or texts are not those that the manifest puts there."""
    from .tasks import shown_of

    shown = shown_of(sample.metadata, str(sample.id))
    hashes: dict[Side, str] = {"low": pair.sha_low, "high": pair.sha_high}
    first = part.first_side(pair_id, asked)
    second: Side = "high" if first == "low" else "low"
    sealed = (part.entries[pair_id].first_label, hashes[first], hashes[second])
    if (shown.first_label, sha256_text(shown.first), sha256_text(shown.second)) != sealed:
        raise VenireError(f"{where}: the judge was shown other texts or labels than were sealed")
    return shown


def _derived(sample: "EvalSample", shown: Shown, rubric: Rubric | None, where: str) -> Judgment:
    """The judgment in the raw text. Raises VenireError if the log recorded another one."""
    from .tasks import judgment_of

    judgment = judgment_of(sample.output, shown, rubric)
    score = (sample.scores or {}).get("verdict")
    recorded = (score.answer, None if score.answer else score.reason) if score else None
    if recorded != (judgment.label, judgment.invalid):
        raise VenireError(
            f"{where}: the raw text says {judgment.label or judgment.invalid!r}, but {recorded} was recorded"
        )
    return judgment


def _labels(shown: Shown, first: Side, candidate_side: Side) -> dict[str, str]:
    """Label to side of the comparison: the blinding undone."""
    in_first, in_second = ("candidate", "incumbent") if first == candidate_side else ("incumbent", "candidate")
    return {shown.first_label: in_first, shown.second_label: in_second}


def _verdict(judgment: Judgment, labels: dict[str, str]) -> str:
    if judgment.label is None:
        return "invalid"
    return "tie" if judgment.label == "tie" else labels[judgment.label]


def _seconds(sample: "EvalSample") -> float | None:
    """The time of this judgement alone, without waiting for others."""
    from .tasks import SECONDS

    measured = sample.metadata.get(SECONDS)
    return sample.working_time if measured is None else float(measured)


def _criteria(judgment: Judgment, labels: dict[str, str]) -> str | None:
    """JSON, `candidate.<criterion>` and `incumbent.<criterion>` to score."""
    scores = {f"{labels[label]}.{name}": s for label, named in judgment.scores.items() for name, s in named.items()}
    return json.dumps(scores, ensure_ascii=False, sort_keys=True) if scores else None


def _standing(part: Part, pair: SealedPair) -> Standing:
    for judged in part.standing:
        if (judged.candidate, judged.incumbent) == (pair.candidate, pair.incumbent):
            return judged.standing
    return "counted"


_KEY = ["judge", "sample_id", "candidate", "incumbent", "epoch", "repeat"]


def _one_each(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """One vote a sample: the first durable one stands, unless its call had failed and it was asked again later.

    `rows` are in the order of the logs. A sample that two logs hold (one was copied or taken up again) counts once.
    Gives also what was replaced, for the record.
    """
    failed = (pl.col("verdict") == "invalid") & pl.col("reason").is_in(RETRIED).fill_null(False)
    at = pl.int_range(pl.len())
    # Those that did not fail in their order, then those that did, the latest first.
    rank = pl.when(failed).then(2 * pl.len() - at).otherwise(at)
    ranked = rows.with_columns(at=at, rank=rank, failed=failed).sort("rank")
    kept = ranked.unique(_KEY, keep="first", maintain_order=True)
    former = ranked.filter("failed").join(
        kept.select(*_KEY, "at", "verdict", "reason", "log"), on=_KEY, suffix="_now", nulls_equal=True
    )
    replaced = former.filter(pl.col("at") < pl.col("at_now")).sort("at")
    columns = ["judge", "sample_id", "repeat", "reason", "log", "verdict_now", "reason_now", "log_now"]
    record = replaced.select(columns).unique(maintain_order=True).to_dicts()
    return kept.sort("at").drop("at", "rank", "failed"), record


def _relative(path: Path, run: Path) -> str:
    return path.relative_to(run).as_posix()


def check_votes(votes: pl.DataFrame, ledger: Ledger) -> None:
    """Raises VenireError if `votes` are not what the ledger derives from the raw texts: an inverted verdict, say."""
    both = votes.select([*_KEY, "verdict"]).join(
        ledger.votes.select([*_KEY, "verdict"]), on=_KEY, how="full", suffix="_derived", coalesce=True, nulls_equal=True
    )
    wrong = both.filter(~pl.col("verdict").eq_missing(pl.col("verdict_derived")))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise VenireError(
            f"{wrong.height} of {votes.height} votes are not what the judges said, the first by {row['judge']!r} "
            f"(sample {row['sample_id']}): recorded {row['verdict']!r}, raw text and manifest give "
            f"{row['verdict_derived']!r}"
        )
