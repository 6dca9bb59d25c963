"""Warnings: what a reader must mind, and what to do about it."""

from dataclasses import dataclass

import polars as pl

from .bench import JudgeRow
from .components import Component
from .contenders import with_contender
from .files import RunFiles
from .numbers import count, listing, percent
from .pairs import PairList
from .suites import Change


@dataclass(frozen=True)
class Caution:
    """One warning: its code, what it says, what to do, and the section that holds its rows."""

    code: str
    message: str
    advice: str
    see: str = ""


@dataclass(frozen=True)
class AuditFinding:
    """What the audit of the votes found: in how many rows, how grave, and what the headline is without it."""

    code: str
    severity: str  # error, warning or note
    rows: int
    message: str
    effect: str


def audit_findings(files: RunFiles) -> list[AuditFinding] | None:
    """The audit as the decision holds it, the gravest first; None where there was none, or it is not on record."""
    found = files.decision.get("audit")
    if found is None:
        return None
    return [
        AuditFinding(
            code=str(row.get("code") or ""),
            severity=str(row.get("severity") or "note"),
            rows=row.get("rows") or 0,
            message=str(row.get("message") or ""),
            effect=str(row.get("effect") or ""),
        )
        for row in found
    ]


_ADVICE = {
    "votes_not_counted": ("they are shown with the pairs; only votes of use `gate` decide", "pairs"),
    "unpaired_votes": (
        "venire judge EXPERIMENT asks for the orders that nobody was asked yet; with --retry-invalid also where a call "
        "failed (error, timeout); a reply that was refused or could not be read stays invalid",
        "coverage",
    ),
    "single_order": ("ask the other order too; a judge's liking for a place stands in this win rate", "position"),
    "repeats_averaged": ("nothing, if the judge was asked again on purpose", "judges"),
    "few_prompts": ("judge more prompts; `venire power` says how many", "win-rates"),
    "one_judge": ("add judges of other families: venire judge EXPERIMENT --add JUDGE", "judges"),
    "agreement_not_estimable": ("rest on signed agreement, which is estimable; do not quote κ or α", "agreement"),
    "invalid_votes": ("read the judge's replies; a shorter prompt or another model of it may help", "coverage"),
    "judge_flagged": ("read its verdicts; replace it in the next experiment if they make no sense", "position"),
    "length_not_identifiable": ("do not claim that the win is not one of length", "length"),
}


def cautions(
    files: RunFiles, gate: list[Component], judges: list[JudgeRow], suites: list[Change], pairs: PairList
) -> list[Caution]:
    """Everything to mind: from the analysis, the decision and the plan, and from what the page itself sees."""
    about = "{} against {}: ".format(*files.finalist)
    found = [
        _from_analysis(w | {"message": str(w.get("message", "")).removeprefix(about)}) for w in _of_finalist(files)
    ]
    for warning in files.decision.get("warnings") or []:
        row = warning if isinstance(warning, dict) else {"code": "decision", "message": str(warning)}
        found.append(_from_analysis(row))
    for finding in _findings(files):
        found.append(Caution("plan", finding, "it was known before training; size the next experiment by it"))
    for name in files.decision.get("not_examined") or []:
        message = f"the decision does not rest on {name}: nobody told the gate"
        found.append(Caution("not_examined", message, "give the gate what it lacks, or check it by hand", "gate"))
    found += (
        _uncertified(gate) + _cut_short(files) + _texts(pairs) + _swaying(files) + _judges(judges) + _suites(suites)
    )
    return list(dict.fromkeys(found))


def _from_analysis(warning: dict[str, str]) -> Caution:
    code = str(warning.get("code", ""))
    advice, see = _ADVICE.get(code, ("", ""))
    return Caution(code, str(warning.get("message", "")), str(warning.get("advice") or advice), see)


def _of_finalist(files: RunFiles) -> list[dict[str, str]]:
    """Warnings of the whole analysis and of the decision's comparison; other comparisons' are left out."""
    comparisons = files.analysis.get("comparisons", [])
    others = {f"{c['candidate']} against {c['incumbent']}: " for c in comparisons}
    others -= {"{} against {}: ".format(*files.finalist)}
    warnings = files.analysis.get("warnings") or []
    silent = {"votes_not_counted"} if _only_people_uncounted(files) else set()
    told = [w for w in warnings if w.get("code") not in silent]
    return [w for w in told if not any(str(w.get("message", "")).startswith(other) for other in others)]


def _only_people_uncounted(files: RunFiles) -> bool:
    if files.votes is None or "use" not in files.votes.columns:
        return False
    rest = files.votes.filter(pl.col("use").fill_null("gate") != "gate")
    return bool(rest.height) and bool((rest["use"] == "human").all())


def _findings(files: RunFiles) -> list[str]:
    """What the plan found not to be feasible."""
    return [finding["message"] for finding in files.plan.get("findings", []) if finding["severity"] != "note"]


def _uncertified(gate: list[Component]) -> list[Caution]:
    named = [c.title for c in gate if "uncertified" in c.detail.lower()]
    if not named:
        return []
    return [
        Caution(
            "uncertified",
            f"{listing(named)}: compared by the bare rate, not certified; a model above the bound can pass by luck",
            "ask 200 items or more where the bound matters",
            "suites",
        )
    ]


def _cut_short(files: RunFiles) -> list[Caution]:
    """Judged answers that stopped at the limit on length: the panel compared their beginnings."""
    if files.answers is None:
        return []
    judged = [suite["name"] for suite in files.frozen.get("suites", []) if suite.get("judge")]
    names = [name for name in files.finalist if name]
    rows = with_contender(files.answers, files).filter(
        pl.col("suite").str.split("/").list.last().is_in(judged), pl.col("contender").is_in(names)
    )
    cut = rows.filter(pl.col("stop_reason") == "max_tokens").height
    if cut < 0.1 * max(rows.height, 1):
        return []
    message = f"{cut:,} of {rows.height:,} judged answers were cut at the limit on length"
    return [Caution("cut_short", message, "raise generation.max_tokens in the next experiment", "pairs")]


def _texts(pairs: PairList) -> list[Caution]:
    same = sum(pair.identical for pair in pairs.pairs)
    if not same:
        return []
    total = count(len(pairs.pairs), "pair")
    return [
        Caution(
            "identical_outputs",
            f"{same:,} of {total} hold the same text on both sides; they are ties and pull the win rate towards 50%",
            "train longer, or ask prompts on which the two differ",
            "pairs",
        )
    ]


def _swaying(files: RunFiles) -> list[Caution]:
    """Answers that speak to the judge, of the two that were compared."""
    found = files.ledger.get("attempts_to_sway") or {}
    named = [f"{found[name]:,} of {name}" for name in files.finalist if name and found.get(name)]
    if not named:
        return []
    message = f"answers that speak to the judge: {listing(named)}"
    return [Caution("attempts_to_sway", message, "read these pairs, and what the judges made of them", "pairs")]


def _judges(judges: list[JudgeRow]) -> list[Caution]:
    found = []
    for judge in judges:
        if judge.person:  # nobody's failure: what people say has a section of its own
            continue
        if judge.status == "withdrawn":
            advice = (
                "if its calls failed (error, timeout), ask them again: venire judge EXPERIMENT --retry-invalid; if it "
                "refuses or cannot be read, another judge must take its place"
            )
            found.append(Caution("withdrawn", f"{judge.name} was withdrawn: {judge.why}", advice, "judges"))
        elif judge.status == "shown":
            advice = "its votes stand with the pairs and do not decide; another judge would add to the panel"
            found.append(Caution("not_counted", f"{judge.name} is shown, not counted: {judge.why}", advice, "judges"))
    return found


def _suites(suites: list[Change]) -> list[Caution]:
    found = []
    for change in suites:
        if change.unpaired:
            message = f"{change.suite} · {change.metric}: {count(change.unpaired, 'item')} without a value on one side"
            found.append(Caution("unpaired_items", f"{message} are left out", "finish with: venire eval", "suites"))
        if change.n >= 50 and change.before.estimate == change.after.estimate == 1:
            message = f"{change.suite} · {change.metric}: {percent(1, 0)} of {change.n} items on both sides"
            found.append(Caution("perfect", message, "make sure that its items are not in the training data", "suites"))
    return found
