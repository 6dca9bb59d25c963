"""The gate's components in plain words: what each asks, what it means that it failed, what would change it."""

from dataclasses import dataclass
from typing import Any, Literal

from .files import RunFiles
from .numbers import as_set, decimal, is_number, loose, percent, points


@dataclass(frozen=True)
class _Words:
    title: str
    asks: str
    failed: str
    change: str
    see: str  # the section of the page that holds its rows
    kind: Literal["bound", "rate", "agreement", "change", "limit", "faults", "judges"]  # what its numbers are
    broken: str = ""  # what it means that it leads to REFUSE, where that is another finding than a failure


@dataclass(frozen=True)
class Component:
    """One component as the page shows it. `state` is passed, failed or undefined; `see` an anchor of the page.

    observed, required: as in decision.json. observed_words, required_words: the same to read.
    """

    name: str
    title: str
    asks: str
    state: str
    observed: Any
    required: Any
    observed_words: str
    required_words: str
    detail: str
    outcome_if_failed: str
    failed: str
    change: str
    see: str
    kind: str = ""  # what its numbers are: bound, rate, agreement, change, limit, faults, judges
    below: bool = False  # must it stay below what is required
    bound: float | None = None  # the exact bound of `observed`, where that is what must keep to what is required


# By the first words of a component's name; the longest that fits counts.
_WORDS = {
    "superiority": _Words(
        "Better than the incumbent",
        "the lower end of the win rate's interval lies above one half",
        "it is not shown that the panel prefers its answers: a rate of one half or less is still possible",
        "a candidate that wins by more, or more judged prompts",
        "win-rates",
        "bound",
    ),
    "leave_one": _Words(
        "No single judge carries it",
        "the win is still shown when any one judge is left out",
        "without one of the judges, the win is not shown",
        "more judges of other families, or a candidate that more of them prefer",
        "leave-one-out",
        "bound",
    ),
    "agreement": _Words(
        "The judges see the same thing",
        "the lower bound of their signed agreement reaches the policy's floor",
        "it is not shown that the judges agree enough with one another for their mean to mean something",
        "read the pairs on which they disagree; a clearer rubric or better judges (not more of the same)",
        "agreement",
        "agreement",
    ),
    "judges": _Words(
        "Enough judges",
        "enough judges passed their exam, answered, and have no conflict of interest",
        "too few judges' votes may be counted",
        "add a judge that can pass the exam: venire judge EXPERIMENT --add JUDGE",
        "judges",
        "judges",
    ),
    "judging_finished": _Words(
        "Judged to the end",
        "every judge that counts was asked about every pair that decides, in both orders",
        "the judging was not finished, and who was left out could make the difference",
        "venire judge EXPERIMENT goes on where it stopped; raise the budget first if that is what ended",
        "coverage",
        "faults",
    ),
    "length": _Words(
        "Not merely longer",
        "with length held equal, the win rate still lies above one half",
        "with length held equal, the candidate does not win",
        "training data whose answers are about as long as the incumbent's, or a limit on length",
        "length",
        "rate",
    ),
    "non_inferiority": _Words(
        "Nothing forgotten",
        "a loss as large as the tolerated one is excluded by Tango's test",
        "it is not excluded that {subject} lost as much as, or more than, what the policy tolerates",
        "more items in the suite, and more general replay in training",
        "suites",
        "change",
        "it was shown that {subject} lost more than the policy tolerates",
    ),
    "threshold": _Words(
        "Within the threshold",
        "the suite's metric keeps the bound that was set before training",
        "{subject} lies beyond its bound",
        "other training data for this behaviour",
        "suites",
        "limit",
        "it was shown that {subject} breaks its bound",
    ),
    "coverage": _Words(
        "Enough valid votes",
        "nearly all votes could be read",
        "too many votes are invalid",
        "venire judge EXPERIMENT --retry-invalid asks again where a call failed (error, timeout), and nothing else: "
        "a reply that was refused or could not be read stays invalid, and a judge of many such is better replaced",
        "coverage",
        "rate",
    ),
    "invalid": _Words(
        "Invalid votes cannot change it",
        "the win is still shown if every invalid vote is counted against the candidate",
        "with every invalid vote counted against it, the win is not shown",
        "ask failed calls (error, timeout) again: venire judge EXPERIMENT --retry-invalid; or replace the judge that "
        "refuses or cannot be read",
        "coverage",
        "bound",
    ),
    "hash": _Words(
        "Everything is what it says it is",
        "weights, lock, manifest and votes have the hashes that were recorded",
        "something is not what was recorded: a file changed after it was made",
        "find out what changed; run the experiment again under another name",
        "provenance",
        "faults",
    ),
    "leak": _Words(
        "Training and evaluation are apart",
        "no scenario stands in the training data",
        "scenarios stand in the training data, so the suites measure memory",
        "take these rows out of the training data and train again",
        "provenance",
        "faults",
    ),
    "audit": _Words(
        "The votes are sound",
        "the audit of the votes finds no error",
        "the audit found an error in the votes",
        "see venire votes audit; judge again what it names",
        "warnings",
        "faults",
    ),
    "lock": _Words(
        "As it was frozen",
        "suites, panel and policy are those of the lock",
        "something differs from what was frozen, so the result is post hoc",
        "run a new experiment with what you want to use now",
        "provenance",
        "faults",
    ),
    "conflict": _Words(
        "Nobody judges its own",
        "no counted judge is of the family of one side only, or helped to make the training data",
        "a judge with a conflict of interest was counted",
        "leave that judge out of the panel",
        "judges",
        "faults",
    ),
    "reuse": _Words(
        "A fresh confirm set",
        "the prompts that decide were not used to decide before",
        "these prompts have decided before; a further use is not independent",
        "judge on prompts that were not used yet, or freeze `reuse: spend`",
        "provenance",
        "faults",
    ),
}
# What a threshold's failure means, and what would change it, where the rate itself keeps the bound.
_NOT_SHOWN = (
    "{subject} keeps its bound on the items that were scored, but they are too few to show that it does",
    "more items in the suite, and a score for each",
)
_OTHER_NAMES = {
    "panel_size": "judges",
    "integrity": "hash",
    "post_hoc": "lock",
}


def components(files: RunFiles) -> list[Component]:
    """The decision's components in its order."""
    return [_component(row, files) for row in files.decision.get("components", [])]


def _component(row: dict[str, Any], files: RunFiles) -> Component:
    name = str(row.get("name", ""))
    words = _words(name)
    passed, outcome = row.get("passed"), str(row.get("outcome_if_failed") or "HOLD")
    _, _, subject = name.partition(":")
    title = words.title if words else name.replace("_", " ").capitalize()
    observed, required = row.get("observed"), row.get("required")
    below, bound = _is_upper_bound(subject, files), row.get("bound") if is_number(row.get("bound")) else None
    failed, change = (words.failed, words.change) if words else ("this requirement was not met", "")
    if words and words.broken and outcome == "REFUSE":
        failed = words.broken
    elif words and words.kind == "limit" and _within(observed, required, below=below):
        failed, change = _NOT_SHOWN
    named = subject.replace(":", " · ").replace(".", " · ")
    detail = str(row.get("detail") or "")
    return Component(
        name=name,
        title=f"{title} ({named})" if named and words else title,
        asks=words.asks if words else "",
        state="passed" if passed is True else "undefined" if passed is None else "failed",
        observed=observed,
        required=required,
        observed_words=_observed(observed, words) + _bound_words(bound, below=below),
        required_words=_required(required, words, below=below),
        detail=detail,
        outcome_if_failed=outcome,
        failed=failed.replace("{subject}", named or "the suite"),
        change=change,
        see=words.see if words else "",
        kind=words.kind if words else "",
        below=below,
        bound=bound,
    )


def _within(observed: Any, required: Any, *, below: bool) -> bool:
    """Does the bare rate keep its bound, so that a failure is one of showing it?"""
    return is_number(observed) and is_number(required) and (observed <= required if below else observed >= required)


def _bound_words(bound: float | None, *, below: bool) -> str:
    return "" if bound is None else f", {'upper' if below else 'lower'} bound {percent(bound)}"


def _observed(value: Any, words: _Words | None) -> str:
    kind = words.kind if words else ""
    if value is None:
        return "not defined"
    if not is_number(value):
        return loose(value)
    match kind:
        case "bound":
            return f"lower bound {percent(value)}"
        case "rate" | "limit":
            return percent(value)
        case "agreement":
            return f"lower bound {decimal(value)}"
        case "change":
            return f"lower bound {points(value)}"
        case "faults":
            return "none found" if value == 0 else f"{loose(value)} found"
    return loose(value)


def _is_upper_bound(subject: str, files: RunFiles) -> bool:
    """Is the threshold `suite.metric` one that the metric must stay below?"""
    suite, _, metric = subject.partition(".")
    asked = ((files.policy.get("suites") or {}).get(suite) or {}).get("thresholds") or {}
    return (asked.get(metric) or {}).get("at_most") is not None


def _required(value: Any, words: _Words | None, *, below: bool) -> str:
    kind = words.kind if words else ""
    if not is_number(value):
        return loose(value)
    match kind:
        case "bound":
            return f"above {as_set(value)}"
        case "rate":
            return f"above {as_set(value)}" if value == 0.5 else f"at least {as_set(value)}"
        case "limit":
            return f"at {'most' if below else 'least'} {as_set(value)}"
        case "agreement":
            return f"at least {as_set(value, '')}"
        case "change":
            return f"above {as_set(value, ' points')}"
        case "faults":
            return "none"
        case "judges":
            return f"at least {loose(value)}"
    return loose(value)


def _words(name: str) -> _Words | None:
    key = name.lower().replace("-", "_").replace(" ", "_")
    known = _WORDS | {other: _WORDS[one] for other, one in _OTHER_NAMES.items()}
    fitting = [start for start in known if key.startswith(start)]
    return known[max(fitting, key=len)] if fitting else None


def prompts_needed(files: RunFiles) -> int | None:
    """Prompts at which a candidate as good as this one seems would be shown better four times in five."""
    rate = files.decision.get("win_rate") or files.comparison.get("win_rate") or {}
    estimate = rate.get("estimate")
    judges = len(files.decision.get("counted") or files.comparison.get("judges") or {})
    if not is_number(estimate) or not 0.51 <= estimate < 1 or judges == 0:
        return None
    from venire.judges.statistics.power import n_required

    alpha = files.decision.get("alpha") or files.policy.get("alpha") or 0.025
    if files.decision.get("design") == "max_t":  # all candidates are tried at once
        tried = len(files.analysis.get("comparisons", []))
        if not tried:
            return None
        alpha = float(alpha) / tried
    return n_required(float(estimate), votes=2 * judges, alpha=float(alpha), tie_rate=0.0)
