"""What the page says in sentences: the decision, how sure, what stood in the way, what agreement means."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from .components import Component, prompts_needed
from .contenders import without_treatment
from .figures import simultaneous_low
from .files import RunFiles
from .numbers import as_set, count, decimal, interval, is_number, listing, percent


@dataclass(frozen=True)
class Reason:
    """Something that stood in the way, what would change it, and the section that holds its rows."""

    title: str
    what: str
    change: str
    see: str


@dataclass(frozen=True)
class Verdict:
    """The first screen: the outcome (PROMOTE, HOLD, REFUSE or NONE), in a sentence, why, by how much, how sure."""

    outcome: str
    candidate: str
    incumbent: str
    sentence: str
    why: str
    how_much: str
    how_sure: str
    reasons: list[Reason]
    post_hoc: str | None
    frozen: str  # what the frozen plan decided, where this decision is post hoc and the other is on record


def verdict(files: RunFiles, gate: list[Component]) -> Verdict:
    """The decision as a person would say it."""
    outcome = str(files.decision.get("outcome") or "NONE").upper()
    candidate, incumbent = (without_treatment(name, files) for name in files.finalist)
    return Verdict(
        outcome=outcome,
        candidate=candidate,
        incumbent=incumbent,
        sentence=_sentence(outcome, candidate, incumbent, gate, files),
        why=_why(outcome, gate),
        how_much=_how_much(files, candidate, incumbent),
        how_sure=_how_sure(files),
        reasons=[_reason(component, files) for component in gate if component.state != "passed"],
        post_hoc=post_hoc(files.decision),
        frozen=_by_the_plan(files),
    )


def _sentence(outcome: str, candidate: str, incumbent: str, gate: list[Component], files: RunFiles) -> str:
    if outcome == "NONE":
        return "No decision yet: the gate has not run."
    if files.finalist[0] is None:
        return f"{outcome.capitalize()}: there is no candidate that could replace {incumbent}."
    if outcome == "PROMOTE":
        return f"Promote {candidate}: it was shown to be better than {incumbent}."
    if outcome == "REFUSE":
        breaking = [c for c in gate if _breaks(c)]
        harm = "harm was shown" if breaking and all(c.see == "suites" for c in breaking) else "a premise is broken"
        return f"Refuse {candidate} in the place of {incumbent}: {harm}."
    return f"Hold: {candidate} was not shown to be fit to replace {incumbent}."


def _why(outcome: str, gate: list[Component]) -> str:
    """What decided it: the gravest failure, and how many more there are."""
    failed = [component for component in gate if component.state != "passed"]
    if outcome == "PROMOTE":
        return f"All {len(gate)} requirements were met." if gate and not failed else ""
    if outcome == "REFUSE":
        failed.sort(key=lambda c: not _breaks(c))
    if not failed:
        return ""
    first = failed[0]
    said = first.failed if first.state == "failed" else f"{first.title.lower()} could not be examined"
    others = count(len(failed) - 1, "other requirement")
    more = f"; {others} {'was' if len(failed) == 2 else 'were'} not met either" if len(failed) > 1 else ""
    return f"{_capital(said)}{more}."


def _breaks(component: Component) -> bool:
    return component.state == "failed" and component.outcome_if_failed == "REFUSE"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _how_much(files: RunFiles, candidate: str, incumbent: str) -> str:
    rate = deciding_rate(files)
    if not is_number(rate.get("estimate")):
        return "There is no win rate: no votes were analysed."
    judges = count(len(files.decision.get("counted") or files.comparison.get("judges") or {}), "judge")
    clusters = rate.get("families", rate.get("clusters"))
    families = f" in {count(clusters, 'family', 'families')}" if clusters not in (None, rate.get("n")) else ""
    level = as_set(rate.get("level") or 0.95)
    asked = f"{count(rate.get('n'), 'prompt')}{families}, {judges}, both orders"
    half = "a tie counts one half, so 50% is no preference"
    raw = f"{percent(rate['estimate'])} ({level} interval {interval(rate.get('low'), rate.get('high'))}"
    if best := best_of(files):
        bound, tried = best
        return (
            f"The panel preferred {candidate} to {incumbent} at a rate of at least {percent(bound)}: the bound that "
            f"holds for whichever of {_of(tried)} is best ({asked}; {half}). "
            f"Its own rate, {raw}), is raised by having been chosen."
        )
    return f"The panel preferred {candidate} to {incumbent} at a rate of {raw}; {asked}; {half})."


def deciding_rate(files: RunFiles) -> dict[str, Any]:
    """The win rate that decides: the decision's own, with the analysis' p-value; else the analysis'."""
    analysed, own = files.comparison.get("win_rate") or {}, files.decision.get("win_rate") or {}
    if not own:
        return analysed
    same = is_number(analysed.get("estimate")) and abs(analysed["estimate"] - own["estimate"]) < 1e-9
    return own | ({"p_value": analysed.get("p_value")} if same else {}) | {"inconclusive": (own.get("n") or 0) < 15}


def best_of(files: RunFiles) -> tuple[float, int | None] | None:
    """(simultaneous lower bound, number of candidates) where the best of several was chosen on these same prompts.

    The best's own mean is biased upwards by the choice: this bound is published, never that mean alone. After halving
    the prompts that confirm had no part in the choice, and the mean stands for itself. A decision without its analysis
    does not say how many there were: None.
    """
    bound = simultaneous_low(files)
    if bound is None:
        return None
    tried = sum(c["incumbent"] == files.finalist[1] for c in files.analysis.get("comparisons", []))
    return bound, tried if tried > 1 else None


def _of(tried: int | None) -> str:
    return f"{tried} candidates" if tried else "several candidates"


def _how_sure(files: RunFiles) -> str:
    rate = deciding_rate(files)
    low, high = rate.get("low"), rate.get("high")
    if not (is_number(low) and is_number(high)):
        return ""
    if best := best_of(files):
        where = "above" if best[0] > 0.5 else "not above"
        return f"That bound lies {where} one half, with the choice among {_of(best[1])} allowed for."
    p, chance = rate.get("p_value"), ""
    if is_number(p) and rate["estimate"] > 0.5:
        said = decimal(p) if p >= 0.001 else "below 0.001"
        chance = f" If neither were better, a lead this large would come up with probability {said} (sign-flip test)."
    if rate.get("inconclusive"):
        return f"Not sure at all: {count(rate.get('n'), 'prompt')} are too few for the interval to decide anything."
    if low > 0.5:
        return f"The whole interval lies above one half.{chance}"
    if high < 0.5:
        return f"The whole interval lies below one half: the panel prefers the incumbent.{chance}"
    return f"The interval spans one half, so these votes fit a better candidate and a worse one.{chance}"


def _reason(component: Component, files: RunFiles) -> Reason:
    what = f"{_capital(component.failed)}. Observed: {component.observed_words}; required: {component.required_words}."
    if component.state == "undefined":
        what = f"It could not be examined: {component.detail or 'no figures'}."
    change = component.change + _how_many(component, files)
    title = f"Not met: {component.title[:1].lower()}{component.title[1:]}"
    return Reason(title, what, f"{change}." if change else "", component.see)


def _how_many(component: Component, files: RunFiles) -> str:
    """Where more prompts would help, how many, as a further sentence without its full stop."""
    rate = deciding_rate(files)
    needed = prompts_needed(files) if component.see == "win-rates" else None
    if needed:
        return (
            f". If the true rate is the {percent(rate['estimate'])} seen here, about {needed:,} prompts would show it "
            f"four times in five; this run had {rate.get('n')}"
        )
    agreed = ((files.comparison.get("agreement") or {}).get("a_flip") or {}).get("estimate")
    floor = component.required if component.see == "agreement" else None
    if is_number(agreed) and is_number(floor) and agreed > floor:
        return f". The estimate itself is {decimal(agreed)}: more judged prompts would raise its lower bound"
    return ""


def post_hoc(decision: dict[str, Any]) -> str | None:
    """What differs from the lock where the decision is post hoc, and the reason given; None if it is not."""
    found = decision.get("post_hoc")
    if not found:
        return None
    said = [f"what differs from the lock: {listing(found['changed'])}"]
    said += [f"reason given: {found['reason']}"] if found["reason"] else []
    return "; ".join(said)


def _by_the_plan(files: RunFiles) -> str:
    """The decision that was made by the frozen plan beside the one made afterwards; "" where there is only one."""
    before, after = files.frozen_decision, files.decision
    if not before or not after.get("post_hoc"):
        return ""
    same = before.get("outcome") == after.get("outcome") and before.get("candidate") == after.get("candidate")
    change = "leaves it at" if same else "makes it"
    return (
        f"By the frozen plan the decision was {_decided(before, files)}. "
        f"What was added afterwards {change} {_decided(after, files)}."
    )


def _decided(decision: dict[str, Any], files: RunFiles) -> str:
    """An outcome with its candidate, its win rate and whose votes that is made of."""
    rate, judges = decision.get("win_rate") or {}, [str(name) for name in decision.get("counted") or []]
    name = decision.get("candidate")
    said = str(decision.get("outcome") or "none").upper() + (f" for {without_treatment(name, files)}" if name else "")
    if not is_number(rate.get("estimate")):
        return f"{said} (no win rate)"
    level = as_set(rate.get("level") or 0.95)
    within = f"{level} interval {interval(rate.get('low'), rate.get('high'))}; {count(rate.get('n'), 'prompt')}"
    return f"{said} (win rate {percent(rate['estimate'])}, {within}; judges counted: {listing(judges) or 'none'})"


AGREEMENT = [
    "Agreement is how far judges who voted without seeing each other come to the same verdicts.",
    "What it means: where it is low, the panel's mean is an average of noise, and a win rate made of it says little.",
    "What it does not mean: that the judges are right. Judges who share a taste, or a blind spot, agree with one "
    "another; only anchor pairs with a known winner and people's votes test that.",
    "Raw agreement, κ, α, AC1 and AC2 are printed for comparison with other work. None of them gates: κ and α fall as "
    "a candidate gets better although the judges stay the same, and AC1 and AC2 call blind judges good once there are "
    "ties.",
]


def agreement_sentence(files: RunFiles) -> str:
    """What this panel's signed agreement comes to: the number is the analysis's, the verdict the gate's."""
    block = files.comparison.get("agreement") or {}
    flip = block.get("a_flip") or {}
    estimate, low = flip.get("estimate"), flip.get("low")
    if not is_number(estimate):
        return "Signed agreement is not estimable here: it needs two judges, and prompts that are not all ties."
    units = count(block.get("n_units"), "prompt")
    effective = files.comparison.get("effective_judges")
    worth = f" Together they are worth {decimal(effective, 1)} independent judges." if is_number(effective) else ""
    return (
        f"Signed agreement is {decimal(estimate)}, with a one-sided 95% lower bound of {decimal(low)} over {units}"
        f"{_agreed(files, low)}{worth}"
    )


def _agreed(files: RunFiles, low: Any) -> str:
    """What the policy asks for, and whether the gate found it; the gate leaves out votes that the analysis counts."""
    rows = files.decision.get("components") or []
    found = next((row for row in rows if row.get("name") == "agreement"), None)
    floor = found["required"] if found else files.policy.get("agreement", 0.20)
    asked = f"the policy asks for a bound of {as_set(floor, '')}"
    if found is None:
        return f"; {asked}."
    verdict = "so the panel passes" if found.get("passed") is True else "so the panel does not pass"
    observed = found.get("observed")
    if is_number(observed) and is_number(low) and abs(observed - low) < 5e-4:
        return f"; {asked}, {verdict}."
    seen = f"the bound is {decimal(observed)}" if is_number(observed) else "it is not defined"
    return f". On the votes that the gate counts {seen}; {asked}, {verdict}."


def length_sentence(files: RunFiles, lengths: tuple[float, float] | None) -> str:
    """Whether the candidate wins by length."""
    block, n = files.comparison.get("length") or {}, (files.comparison.get("win_rate") or {}).get("n")
    if not block:
        return "Lengths were not compared."
    means = ""
    if lengths:
        mine, other = lengths
        means = f"The candidate's answers have {mine:.0f} characters on average, the incumbent's {other:.0f}. "
    if not block.get("identifiable"):
        return means + (
            "What the win rate would be at equal length is not identifiable: there are too few prompts, or nearly all "
            "of one side's answers are longer. No claim is made either way."
        )
    return means + (
        f"With length held equal, the win rate is {percent(block.get('controlled_win_rate'))} "
        f"(95% interval {interval(block.get('low'), block.get('high'))}; {count(n, 'prompt')})."
    )


def coverage_sentence(files: RunFiles) -> str:
    """How many votes could be read, and what the others could change."""
    c = files.comparison
    if not c:
        return "No votes were analysed."
    totals, against = c.get("totals") or {}, c.get("invalid_against_candidate") or {}
    asked, invalid = sum(totals.values()), totals.get("invalid", 0)
    said = f"{asked - invalid:,} of {asked:,} votes are valid (coverage {percent(c.get('coverage'))})."
    if not invalid:
        return f"{said} None is invalid, so nothing was left out."
    n = count((c.get("win_rate") or {}).get("n"), "prompt")
    return said + (
        " An invalid vote is neither a tie nor a loss: it is left out, and here is the worst it could hide. If every "
        f"one of the {invalid:,} had gone against the candidate, the win rate would be "
        f"{percent(against.get('estimate'))} (95% interval from {percent(against.get('low'))}; {n})."
    )


def sway_sentence(files: RunFiles) -> str:
    """How many answers speak to the judge; "" where nobody counted them."""
    found = files.ledger.get("attempts_to_sway")
    if found is None:
        return ""
    if not found:
        return "No answer was found that speaks to the judge."
    named = listing([f"{number:,} of {without_treatment(str(name), files)}" for name, number in found.items()])
    return f"Answers that speak to the judge: {named}; every judge was shown them fenced, as text to be judged."


def retried_sentence(files: RunFiles) -> str:
    """How many votes took the place of a call that failed; "" where none did."""
    found = files.ledger.get("retried") or []
    if not found:
        return ""
    mended = sum(vote.get("verdict_now") != "invalid" for vote in found)
    return (
        f"{_capital(count(len(found), 'failed call'))} (an error or a timeout; exams and other candidates included) "
        f"{'was' if len(found) == 1 else 'were'} asked again, and {mended:,} then gave a valid vote; what was replaced "
        "stands in ledger.json."
    )


def people_sentence(files: RunFiles) -> str:
    """What people who judged the same pairs say beside the panel; "" if nobody did."""
    found = files.comparison.get("people")
    if not found:
        return _people_waiting(files)
    who = count(found.get("people"), "person", "people")
    said = (
        f"{_capital(who)} judged {found['labelled']:,} of these {found['n']:,} prompts, blind, each pair once. "
        f"By themselves they give the candidate {percent(found.get('people_alone'))}; with the panel's votes on the "
        f"other prompts beside theirs (PPI++), people would prefer it at a rate of {percent(found.get('estimate'))} "
        f"(95% interval {interval(found.get('low'), found.get('high'))}). Panel and people side alike on "
        f"{percent(found.get('panel_agrees'))} of the prompts that both judged (κ {decimal(found.get('kappa'), 2)})."
    )
    few = " That is too few labels to rest anything on." if found.get("inconclusive") else ""
    return said + _among_people(files) + few


def _people_waiting(files: RunFiles) -> str:
    """That people have judged, where the analysis does not hold it: only the gate writes what they say."""
    votes = files.finalist_votes
    rows = None if votes is None or "use" not in votes.columns else votes.filter(pl.col("use") == "human")
    if rows is None or rows.is_empty():
        return ""
    who = count(rows["judge"].n_unique(), "person", "people")
    return (
        f"{_capital(who)} judged pairs here, and the analysis does not hold what they say: `venire gate EXPERIMENT` "
        "works it out, where enough of their prompts are the panel's too."
    )


def _among_people(files: RunFiles) -> str:
    """How often two people who judged the same pair said the same."""
    votes = files.finalist_votes
    if votes is None or "use" not in votes.columns:
        return ""
    key = ["prompt_id", "epoch"]
    cast = votes.filter(pl.col("use") == "human", pl.col("verdict") != "invalid").select(*key, "judge", "verdict")
    two = cast.join(cast, on=key, suffix="_other").filter(pl.col("judge") < pl.col("judge_other"))
    if two.is_empty():
        return ""
    same = two.select((pl.col("verdict") == pl.col("verdict_other")).mean()).item()
    prompts = count(two.select(key).n_unique(), "prompt")
    return f" Two people who judged the same pair gave the same verdict {percent(same)} of the time ({prompts})."
