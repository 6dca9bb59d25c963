"""Who judged: what each judge is, its exam, standing, votes and price, and why some are shown and not counted."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from .files import RunFiles
from .numbers import as_set, count, interval, is_number, money, percent

PERSON = "human:"  # what the names of people begin with
IMPORTED = "imported:"  # what the names of judges in somebody else's logs begin with
_COUNTED = ("gate", "screen")


@dataclass(frozen=True)
class Retest:
    """A judge asked a second time: `same` of `n` verdicts, on how many prompts, their share with its 95% interval.

    `invalid`: asked twice, not validly both times.
    """

    n: int
    same: int
    prompts: int
    share: float | None
    low: float | None
    high: float | None
    invalid: int


@dataclass(frozen=True)
class JudgeRow:
    """One judge of the panel. `status` is counted, shown (not counted), withdrawn or absent; `why` says why.

    The exam: `right` of `n` anchor pairs with a known winner, `low` the exact one-sided 95% bound of that share;
    `kinds` are right and asked by kind of damage, calls and cost its price. `what` says what the judge is; `added`: it
    joined after the panel was sealed; `retried`: votes that took the place of a failed call. `person`: no member of the
    panel, and none that failed: people stand beside it.
    """

    name: str
    family: str
    kind: str
    rubric: str | None
    status: str
    why: str
    exam_n: int | None
    exam_right: int | None
    exam_low: float | None
    exam_passed: bool | None
    exam_kinds: dict[str, list[int]] = field(default_factory=dict)
    votes: int = 0
    wins: int = 0
    losses: int = 0
    ties: int = 0
    invalid: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    what: str = ""
    added: bool = False
    imported: bool = False
    retried: int = 0
    exam_ties: int | None = None
    exam_invalid: int | None = None
    exam_calls: int | None = None
    exam_cost: float | None = None
    retest: Retest | None = None
    person: bool = False


def judges(files: RunFiles) -> list[JudgeRow]:
    """Every judge of the panel, the exam or the votes; counted ones first."""
    panel = {judge["name"]: judge for judge in files.frozen.get("panel") or [] if "name" in judge}
    known = [*panel, *(files.comparison.get("judges") or {}), *files.exams, *_voters(files)]
    rows = [_row(name, panel.get(name, {}), files) for name in dict.fromkeys(known)]
    order = ["counted", "shown", "withdrawn", "absent"]
    return sorted(rows, key=lambda row: (order.index(row.status), row.name))


def not_counted(rows: list[JudgeRow]) -> list[str]:
    """Names of judges whose votes do not enter the panel's mean."""
    return [row.name for row in rows if row.status != "counted"]


def _row(name: str, about: dict[str, Any], files: RunFiles) -> JudgeRow:
    about = (files.ledger.get("judges", {}).get(name) or {}) | about
    exam = files.exams.get(name, {})
    votes = _votes(files, name)
    status, why = _status(name, exam, files)
    mine = _finalists(name, files)
    counts = dict(mine["verdict"].value_counts().iter_rows()) if mine is not None else {}
    reasons = mine.filter(pl.col("verdict") == "invalid") if mine is not None else None
    has_reasons = reasons is not None and "reason" in reasons.columns
    return JudgeRow(
        name=name,
        family=str(about.get("family") or _only(votes, "judge_family") or name.replace(":", "/").split("/")[0]),
        kind=str(about.get("kind") or ""),
        rubric=about.get("rubric"),
        status=status,
        why=why,
        exam_n=exam.get("n"),
        exam_right=exam.get("right"),
        exam_low=exam.get("low") if is_number(exam.get("low")) else None,
        exam_passed=exam.get("passed"),
        exam_kinds=exam.get("kinds") or {},
        votes=mine.height if mine is not None else 0,
        wins=counts.get("candidate", 0),
        losses=counts.get("incumbent", 0),
        ties=counts.get("tie", 0),
        invalid=counts.get("invalid", 0),
        reasons=dict(reasons["reason"].fill_null("unknown").value_counts().iter_rows())
        if reasons is not None and has_reasons
        else {},
        input_tokens=_sum(votes, "input_tokens"),
        output_tokens=_sum(votes, "output_tokens"),
        cost_usd=_sum(votes, "cost_usd"),
        seconds=_sum(votes, "seconds"),
        what=str(about.get("what") or ""),
        added=bool(about.get("added")),
        imported=name.startswith(IMPORTED),
        retried=sum(vote.get("judge") == name for vote in files.ledger.get("retried") or []),
        exam_ties=exam.get("ties"),
        exam_invalid=exam.get("invalid"),
        exam_calls=exam.get("calls"),
        exam_cost=exam.get("cost_usd") if is_number(exam.get("cost_usd")) else None,
        retest=_retest(about.get("retest")),
        person=name.startswith(PERSON),
    )


def _retest(found: dict[str, Any] | None) -> Retest | None:
    return Retest(**{key: found[key] for key in Retest.__dataclass_fields__}) if found else None


def retest_words(row: JudgeRow) -> str:
    """How a judge that was asked twice agreed with itself, in a clause; "" for one that was asked once."""
    found = row.retest
    if found is None:
        return ""
    if not is_number(found.share):
        return f"no vote is valid in both passes ({count(found.invalid, 'vote')} asked twice)"
    return (
        f"the same verdict {found.same:,} of {found.n:,} times, {percent(found.share)} "
        f"(95% interval {interval(found.low, found.high)}; {count(found.prompts, 'prompt')}); "
        f"{found.invalid:,} not valid in both passes"
    )


def exam_price(row: JudgeRow) -> str:
    """What a judge's exam cost, in a clause."""
    if row.exam_calls is None:
        return "not recorded"
    return f"{count(row.exam_calls, 'call')}, {'no price' if row.exam_cost is None else money(row.exam_cost)}"


def _status(name: str, exam: dict[str, Any], files: RunFiles) -> tuple[str, str]:
    """Is the judge counted, and why not."""
    if name.startswith(PERSON):
        return "shown", "a person: what people say stands beside the panel and does not decide"
    if name.startswith(IMPORTED):
        return "shown", "its votes come from a log made elsewhere: nobody sealed its order of answers or examined it"
    if exam and not exam.get("passed"):
        low = percent(exam.get("low"))
        why = f"failed its exam: {exam.get('right')} of {exam.get('n')} anchor pairs right"
        return "shown", f"{why} (lower bound {low}; above 50% shows that it can tell)"
    standing, why = _standing(name, files)
    if standing == "conflict":
        return "shown", f"conflict of interest: {why}"
    mine = _finalists(name, files)
    if mine is None or mine.is_empty():
        return "absent", "no vote on this comparison"
    if "use" in mine.columns and mine.filter(pl.col("use").is_in(_COUNTED)).is_empty():
        return "shown", f"its votes are marked `{mine['use'][0]}`, which do not decide"
    invalid, limit = mine.filter(pl.col("verdict") == "invalid").height, float(files.policy.get("max_invalid", 0.20))
    withdrawn = files.decision.get("withdrawn") or {}
    if name in withdrawn or (not files.decision and invalid > limit * mine.height):
        return "withdrawn", f"{invalid} of {mine.height} votes are invalid; above {as_set(limit)} a judge is withdrawn"
    counted = files.decision.get("counted")
    if counted is not None and name not in counted:
        return "shown", "the gate did not count it"
    shared = f"; {why}" if standing == "shared" else ""
    return "counted", f"passed its exam{shared}" if exam else f"no exam on record{shared}"


def _standing(name: str, files: RunFiles) -> tuple[str, str]:
    part = files.manifest.get("parts", {}).get(name) or files.ledger.get("judges", {}).get(name) or {}
    for judged in part.get("standing") or []:
        if (judged["candidate"], judged["incumbent"]) == files.finalist:
            return judged["standing"], judged["why"]
    return "counted", ""


def _voters(files: RunFiles) -> list[str]:
    return [] if files.votes is None else files.votes["judge"].unique().sort().to_list()


def _votes(files: RunFiles, name: str) -> pl.DataFrame | None:
    return None if files.votes is None else files.votes.filter(pl.col("judge") == name)


def _finalists(name: str, files: RunFiles) -> pl.DataFrame | None:
    """The judge's votes on the decision's comparison."""
    votes = files.finalist_votes
    return None if votes is None else votes.filter(pl.col("judge") == name)


def _sum(votes: pl.DataFrame | None, column: str) -> Any:
    """The sum over all its votes, exam and other candidates included; None if nothing was recorded."""
    if votes is None or column not in votes.columns or votes[column].null_count() == votes.height:
        return None
    return votes[column].sum()


def _only(votes: pl.DataFrame | None, column: str) -> Any:
    return votes[column][0] if votes is not None and column in votes.columns and votes.height else None
