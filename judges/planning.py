"""Before a vote is paid for: prompts, judges and orders that a question needs, sizes of suites, and the price."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from venire._common.errors import InputError
from venire.judges.policy import LEAST_ALPHA, ZERO_FAILURE_CERTIFIES, ZERO_FAILURE_ITEMS, GatePolicy
from venire.judges.selection import design_of
from venire.judges.statistics.halving import SCREEN_SHARE, SPLIT_FROM
from venire.judges.statistics.power import n_required, non_inferiority_size, power_at, threshold_size
from venire.judges.statistics.price import JudgePrice, price
from venire.judges.statistics.stopping import boundaries

_LARGEST = 20_000


@dataclass(frozen=True)
class Question:
    """What is asked: see `venire power --help`. Limits are (limit, true rate or None)."""

    rates: tuple[float, ...]
    judges: int = 4
    orders: int = 2
    correlation: float = 0.45
    ties: float = 0.09
    alpha: float = 0.025
    target: float = 0.80
    family_size: int = 1
    candidates: int = 1
    prompts: int | None = None
    margins: tuple[float, ...] = ()
    discordance: float = 0.05
    uppers: tuple[tuple[float, float | None], ...] = ()
    lowers: tuple[tuple[float, float | None], ...] = ()
    usd_in: float | None = None
    usd_out: float | None = None
    input_tokens: float = 1500
    output_tokens: float = 300


def answer(question: Question) -> dict[str, Any]:
    """`assumptions`, `win_rates` (prompts needed by number of judges, price), `suites`, `notes`; ready for JSON."""
    _check(question)
    return {
        "assumptions": asdict(question),
        "win_rates": [_rate(question, rate) for rate in question.rates],
        "suites": [*_margins(question), *_thresholds(question)],
        "notes": _notes(question),
    }


def _check(question: Question) -> None:
    for rate in question.rates:
        if not 0.5 < rate < 1:
            raise InputError(f"--win-rate {rate:g}: a rate between 0.5 and 1 is wanted, the truth to be detected")
        if question.ties > 4 * rate * (1 - rate):
            raise InputError(f"--ties {question.ties:g}: a win rate of {rate:g} leaves no room for so many ties")
    for name, value in (("correlation", question.correlation), ("ties", question.ties)):
        if not 0 <= value < 1:
            raise InputError(f"--{name} {value:g}: a number from 0 to 1 is wanted")
    if not LEAST_ALPHA <= question.alpha < 0.5:
        raise InputError(f"--alpha {question.alpha:g}: a one-sided level from {LEAST_ALPHA:g} to 0.5 is wanted")
    if not question.alpha < question.target < 1:
        raise InputError(
            f"--power {question.target:g}: a chance between --alpha ({question.alpha:g}) and 1 is wanted; "
            "alpha itself is reached without a difference"
        )
    for name in ("usd_in", "usd_out", "input_tokens", "output_tokens"):
        value = getattr(question, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"--{name.replace('_', '-')} {value:g}: a number from 0 on is wanted")
    if not 0 <= question.discordance <= 1:
        raise InputError(f"--discordance {question.discordance:g}: a share from 0 to 1 is wanted")
    for limit in question.margins:
        if not 0 < limit < 1:
            raise InputError(f"--non-inferiority {limit:g}: a margin between 0 and 1 is wanted")


def _alpha(question: Question) -> float:
    """The level of each candidate where all meet on all prompts: Bonferroni's, a little stricter than maxT's."""
    return question.alpha / question.candidates


def _needed(question: Question, rate: float, judges: int, alpha: float) -> int:
    return n_required(
        rate,
        judges * question.orders,
        question.correlation,
        tie_rate=question.ties,
        alpha=alpha,
        power=question.target,
        family_size=question.family_size,
    )


def _rate(question: Question, rate: float) -> dict[str, Any]:
    alpha = _alpha(question)
    prompts, split = _in_all(
        lambda level: _needed(question, rate, question.judges, level),
        question.alpha,
        question.alpha,
        question.candidates,
    )
    row: dict[str, Any] = {
        "win_rate": rate,
        "prompts": prompts,
        "design": "halving" if split else "max_t" if question.candidates > 1 else "single",
        "judgements": _judgements(question, prompts, question.judges, split),
        "by_judges": [
            {"judges": judges, "orders": question.orders, "prompts": _needed(question, rate, judges, alpha)}
            for judges in range(1, max(question.judges, 4) + 1)
        ],
    }
    if question.prompts is not None:
        deciding = (
            question.prompts - question.prompts // 3
            if question.candidates > 1 and question.prompts >= SPLIT_FROM
            else question.prompts
        )
        level = question.alpha if deciding < question.prompts else alpha
        row["power"] = power_at(
            deciding,
            rate,
            question.judges * question.orders,
            question.correlation,
            tie_rate=question.ties,
            alpha=level,
            family_size=question.family_size,
        )
    if question.usd_in is not None and question.usd_out is not None:
        judge = JudgePrice("each", question.usd_in, question.usd_out, question.input_tokens, question.output_tokens)
        cost = price(1, [judge], orders=1)
        row["usd"] = cost.usd * row["judgements"]
        row["tokens"] = {
            "input": cost.input_tokens * row["judgements"],
            "output": cost.output_tokens * row["judgements"],
        }
    return row


def _in_all(
    needed: Callable[[float], int], alpha: float, final: float, candidates: int, split_from: int = SPLIT_FROM
) -> tuple[int, bool]:
    """(prompts in all, screened on a third?) where `needed(level)` decide.

    `final` is the level of the one finalist's bound; where all meet on all prompts each has alpha over their number.
    """
    if candidates == 1:
        return needed(final), False
    together = needed(alpha / candidates)
    if together < split_from:
        return together, False
    return max(split_from, -(-SCREEN_SHARE * needed(final) // (SCREEN_SHARE - 1))), True


@dataclass(frozen=True)
class Outlook:
    """What a frozen design can show. deciding: prompts that decide (after a screen); alpha: one-sided, of a candidate's
    bound on them (after spending, and after what early looks take). power, needed: of each rate of `rates`.
    """

    deciding: int
    alpha: float
    rates: tuple[float, ...]
    power: tuple[float, ...]
    needed: tuple[int, ...]


def outlook(
    policy: GatePolicy, prompts: int, votes: int, candidates: int, rates: Sequence[float], earlier_uses: int = 0
) -> Outlook:
    """Power of `prompts` judged prompts with `votes` votes each, and how many prompts would have power .80."""
    alpha = policy.alpha_at(earlier_uses)
    final = boundaries(alpha).final if policy.stopping else alpha
    design = design_of(candidates, prompts, policy)
    level = alpha / candidates if design == "max_t" else final
    deciding = prompts - prompts // SCREEN_SHARE if design == "halving" else prompts

    def needed(rate: float) -> int:
        wanted = _in_all(lambda at: n_required(rate, votes, alpha=at), alpha, final, candidates, policy.halving_from)
        return wanted[0]

    return Outlook(
        deciding,
        level,
        tuple(rates),
        tuple(power_at(deciding, rate, votes, alpha=level) if deciding >= 2 else 0.0 for rate in rates),
        tuple(needed(rate) for rate in rates),
    )


def _judgements(question: Question, prompts: int, judges: int, split: bool) -> int:
    """Calls of all judges: every candidate on every prompt, or by halving with two candidates' worth of screening."""
    votes = judges * question.orders
    if not split:
        return prompts * votes * question.candidates
    third, alive, screened = prompts // 3, question.candidates, 0
    rounds = max((question.candidates - 1).bit_length(), 1)
    for number in range(rounds):
        screened += (third * (number + 1) // rounds - third * number // rounds) * (alive if alive > 1 else 0)
        alive = max(alive // 2, 1)
    return (screened + prompts - third) * votes


def _margins(question: Question) -> list[dict[str, Any]]:
    rows = []
    for delta in question.margins:
        found = non_inferiority_size(delta, question.discordance, power=question.target, largest=_LARGEST)
        rows.append({"kind": "non_inferiority", "limit": delta, "true_rate": None, "items": found.n} | _reached(found))
    return rows


def _thresholds(question: Question) -> list[dict[str, Any]]:
    rows = []
    for kind, limits in (("at_most", question.uppers), ("at_least", question.lowers)):
        for limit, given in limits:
            rate = given if given is not None else (limit / 2 if kind == "at_most" else (1 + limit) / 2)
            if not 0 <= limit <= 1 or not 0 <= rate <= 1:
                raise InputError(f"--{kind.replace('_', '-')} {limit:g}:{rate:g}: rates from 0 to 1 are wanted")
            if _zero_failure(kind, limit):
                rows.append(_without_failure(kind, limit, rate))
                continue
            if (rate >= limit) if kind == "at_most" else (rate <= limit):
                raise InputError(
                    f"--{kind.replace('_', '-')} {limit:g}:{rate:g}: a model at or beyond the limit is never certified"
                )
            bound = {kind: limit}
            found = threshold_size(rate, **bound, power=question.target, largest=_LARGEST)
            rows.append({"kind": kind, "limit": limit, "true_rate": rate, "items": found.n} | _reached(found))
    return rows


def _zero_failure(kind: str, limit: float) -> bool:
    return limit == (1 if kind == "at_least" else 0)


def _without_failure(kind: str, limit: float, rate: float) -> dict[str, Any]:
    """A suite in which nothing may fail: its size is the gate's, the power follows from the true rate."""
    n = ZERO_FAILURE_ITEMS
    passes, allowed = (rate, n) if kind == "at_least" else (1 - rate, 0)
    return {"kind": kind, "limit": limit, "true_rate": rate, "items": n, "power": passes**n, "allowed": allowed}


def _reached(found: Any) -> dict[str, Any]:
    return {"power": found.power, "allowed": found.limit_count}


def _notes(question: Question) -> list[str]:
    notes = []
    if question.orders == 1:
        notes.append("one order only: a taste for a place counts as a win, and the gate does not count such votes")
    if question.judges == 1:
        notes.append("one judge: agreement and leave-one-out are undefined, so the gate holds")
    if question.candidates > 1:
        notes.append(
            f"one of {question.candidates} candidates is chosen: below {SPLIT_FROM} prompts all meet on all prompts, "
            "from there on a third of the prompts screens"
        )
    asked = {"at_most": question.uppers, "at_least": question.lowers}
    if any(_zero_failure(kind, limit) for kind, limits in asked.items() for limit, _ in limits):
        notes.append(
            f"a suite in which nothing may fail has {ZERO_FAILURE_ITEMS} items, which certify "
            f"{ZERO_FAILURE_CERTIFIES:.0%}: more would only fail better models"
        )
    notes.append("looking early, as the gate does with one finalist, spends a fifth of α: about 2 points of power")
    notes.append("local judges cost nothing; the exam adds 80 judgements a judge")
    return notes
