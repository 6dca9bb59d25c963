"""What a reader of an analysis must mind: codes and sentences, appended to its `warnings`."""

from typing import Any

import numpy as np

from venire.judges.statistics.agreement import MIN_NON_MAJORITY
from venire.judges.statistics.frames import Comparison
from venire.judges.statistics.panel import Orders
from venire.judges.statistics.winrate import MIN_PROMPTS

Warnings = list[dict[str, str]]
INVALID_SHARE = 0.20  # of a judge's votes, from which they are worth a warning
SATURATED = 0.90  # a win rate above which two candidates can no longer be told apart by it


def warn(warnings: Warnings, code: str, message: str) -> None:
    """Append one."""
    warnings.append({"code": code, "message": message})


def saturated(rows: list[dict[str, Any]], warnings: Warnings) -> None:
    """Two candidates that beat the same incumbent nearly always: only against each other do they differ."""
    for incumbent in sorted({row["incumbent"] for row in rows}):
        high = [
            row["candidate"]
            for row in rows
            if row["incumbent"] == incumbent
            and not row["win_rate"]["inconclusive"]
            and row["win_rate"]["estimate"] > SATURATED
        ]
        if len(high) > 1:
            warn(
                warnings,
                "head_to_head",
                f"{', '.join(high)} all beat {incumbent} in more than {SATURATED:.0%}: which is best, only votes on "
                "them against each other can tell",
            )


def both_ways(found: list[Comparison], warnings: Warnings) -> None:
    """One pair of contenders, voted on as a against b and as b against a: two rows, which nothing joins."""
    pairs = {(c.candidate, c.incumbent) for c in found}
    for candidate, incumbent in sorted(pair for pair in pairs if pair[0] < pair[1] and pair[::-1] in pairs):
        warn(
            warnings,
            "both_directions",
            f"{candidate} and {incumbent} meet in both directions, each a comparison of its own with a part of the "
            "votes: name one of them the candidate throughout",
        )


def mind(
    c: Comparison,
    orders: Orders,
    result: dict[str, Any],
    non_majority: int,
    warnings: Warnings,
    placeless: set[str],
) -> None:
    """Append what a reader of this comparison must know."""
    name = f"{c.candidate} against {c.incumbent}: "
    present = np.isfinite(c.panel.y)
    single = int((present.sum(axis=2) == 1).sum())
    if single and orders == "both":
        warn(warnings, "unpaired_votes", f"{name}{single} votes left out, whose other order is missing or invalid")
    if single and orders == "any":
        warn(warnings, "single_order", f"{name}{single} verdicts rest on one order; position bias is inside them")
    if placeless:
        who = ", ".join(sorted(placeless))
        warn(warnings, "orders_merged", f"{name}one row stood for both orders of {who}: nothing is known about places")
    seen = present.any(axis=2)
    if not seen.all() and len(c.panel.judges) > 1:
        full = result.get("complete_case")
        rest = f"{full['estimate']:.3f} on the {full['n']} that all judged" if full else "no prompt was judged by all"
        warn(warnings, "missing_votes", f"{name}judges skipped prompts; win rate: {rest}")
    if c.repeated:
        warn(warnings, "repeats_averaged", f"{name}{c.repeated} repeated votes were averaged")
    if result["win_rate"]["inconclusive"]:
        n = result["win_rate"]["n"]
        warn(warnings, "few_prompts", f"{name}{n} prompts are fewer than {MIN_PROMPTS}: inconclusive")
    if len(c.panel.judges) < 2:
        warn(warnings, "one_judge", f"{name}one judge: agreement and leave-one-out are undefined")
    elif result["agreement"]["n_units"] and non_majority < MIN_NON_MAJORITY:
        warn(
            warnings,
            "agreement_not_estimable",
            f"{name}{non_majority} prompts outside the majority verdict: κ and α have no usable interval",
        )
    for judge, row in result["judges"].items():
        votes = sum(row[key] for key in ("wins", "losses", "ties", "invalid"))
        if row["invalid"] > INVALID_SHARE * votes:
            warn(warnings, "invalid_votes", f"{name}{row['invalid']} of {votes} votes of {judge} are invalid")
        if row["flagged"]:
            warn(warnings, "judge_flagged", f"{name}{judge} disagrees with the panel or follows the order")
    if np.isfinite(c.log_ratio).any() and not result["length"]["identifiable"]:
        warn(warnings, "length_not_identifiable", f"{name}too few prompts, or lengths that do not overlap")
