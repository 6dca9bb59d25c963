"""The gate's components that rest on the panel's votes about the finalist."""

import math
from dataclasses import dataclass

import numpy as np

from venire.judges._audit_finding import count
from venire.judges._gate_component import Component, interval
from venire.judges.counted import Contest, Counted
from venire.judges.policy import MIN_PROMPTS, GatePolicy
from venire.judges.selection import Design, Field
from venire.judges.statistics.a_flip import a_flip
from venire.judges.statistics.leave_one_out import leave_one_judge_out
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.maxt import MaxT, max_t, max_t_leave_one_out
from venire.judges.statistics.stopping import Look, boundaries
from venire.judges.statistics.winrate import WinRate, lower_bound, winrate_ci
from venire.judges.stopping import look_at


@dataclass(frozen=True)
class Bench:
    """What the panel's components look at.

    contest: the finalist's; on the confirm set in its frozen order, where it was screened. field: all candidates', for
    maxT; left: candidates that are not in it. look: where the sequence of families stands, None where nothing could
    stop. alpha: of superiority.
    """

    contest: Contest
    counted: Counted
    policy: GatePolicy
    design: Design
    alpha: float
    field: Field | None = None
    look: Look | None = None
    n_max: int = 1
    seed: int = 0
    left: tuple[str, ...] = ()

    @property
    def kept(self) -> np.ndarray:
        """Prompts with a vote in both orders."""
        return np.isfinite(self.contest.means)

    @property
    def n(self) -> int:
        """How many these are."""
        return int(self.kept.sum())

    @property
    def final_alpha(self) -> float:
        """The level of the final bound: .8α where judging might have stopped."""
        return boundaries(self.alpha).final if self.look else self.alpha

    @property
    def final_left_out(self) -> float:
        """The level of leave-one-judge-out."""
        level = self.policy.leave_one_out_alpha
        return boundaries(self.alpha, level).final_left_out if self.look else level

    @property
    def stopped(self) -> bool:
        """Did the e-process settle the question before the end?"""
        return bool(self.look and self.look.stopped)

    def rate(self) -> WinRate | None:
        """The finalist's win rate and its interval at the level that the gate uses."""
        if not self.n:
            return None
        means, families = self.contest.means[self.kept], self.contest.families[self.kept]
        return winrate_ci(means, families, level=1 - 2 * self.final_alpha)


def panel_components(bench: Bench) -> list[Component]:
    """Every component that needs votes."""
    found = [superiority(bench)]
    if bench.policy.leave_one_out:
        found.append(leave_one_out(bench))
    found += [agreement(bench), coverage(bench), invalid_against_candidate(bench)]
    if bench.policy.length and np.isfinite(bench.contest.log_ratio).any():
        found.append(length(bench))
    return [*found, panel_size(bench)]


def superiority(bench: Bench) -> Component:
    """The lower bound of the win rate lies above ½."""
    if bench.n < MIN_PROMPTS:
        return Component(
            "superiority", None, None, 0.5, f"inconclusive: {bench.n} judged prompts are fewer than {MIN_PROMPTS}"
        )
    if bench.field is not None:
        chosen = _max_t(bench)
        low, rate = float(chosen.low[chosen.chosen]), float(chosen.estimate[chosen.chosen])
        detail = (
            f"the best of {len(bench.field.candidates)} candidates on {bench.n} prompts wins {rate:.3f}; its "
            f"simultaneous lower bound (maxT, one-sided {bench.alpha:g}) is {low:.3f}, T {chosen.t[chosen.chosen]:.2f} "
            f"against {chosen.quantile:.2f}"
        )
        if bench.left:
            detail += f"; hardly judged, so not among them: {', '.join(bench.left)}"
        return Component("superiority", chosen.rejected, low, 0.5, detail)
    return _single(bench)


def _single(bench: Bench) -> Component:
    rate = bench.rate()
    assert rate is not None
    if bench.stopped:
        assert bench.look is not None
        detail = (
            f"shown early, after {bench.look.prompts} prompts ({bench.look.families} families): the e-process reached "
            f"{math.exp(min(bench.look.log_e.max(), 700)):.0f}, {1 / (0.2 * bench.alpha):.0f} were needed; confidence "
            f"sequence {interval(bench.look.low, bench.look.high)}"
        )
        return Component("superiority", True, bench.look.low, 0.5, detail)
    spent = f", of {bench.alpha:g} for looks and end" if bench.look else ""
    detail = (
        f"win rate {rate.estimate:.3f} on {rate.n} prompts in {count(rate.clusters, 'family')}; lower bound "
        f"{rate.low:.3f} (one-sided {bench.final_alpha:g}{spent}, {rate.method})"
    )
    return Component("superiority", bool(rate.low > 0.5), rate.low, 0.5, detail)


def _max_t(bench: Bench) -> MaxT:
    assert bench.field is not None
    return max_t(bench.field.means, bench.field.families, bench.alpha, seed=bench.seed)


def leave_one_out(bench: Bench) -> Component:
    """The win is shown without any one of the judges."""
    name = "leave_one_judge_out"
    judges = bench.contest.judges
    if len(judges) < 2:
        return Component(name, None, None, 0.5, "undefined with fewer than two counted judges")
    if bench.n < MIN_PROMPTS:
        return Component(name, None, None, 0.5, f"inconclusive below {MIN_PROMPTS} prompts")
    if few := _hardly_without(bench):
        return Component(name, None, None, 0.5, f"inconclusive: {few}, and below {MIN_PROMPTS} nothing is concluded")
    if bench.stopped:
        detail = "every panel without one judge had reached its bound (E of 100) when judging stopped"
        return Component(name, True, None, 0.5, detail)
    if bench.field is not None:
        chosen = bench.field.candidates.index(bench.contest.candidate)
        level = bench.policy.leave_one_out_alpha
        rows = max_t_leave_one_out(
            _still_judged(bench.field.left_out, chosen),
            bench.field.judges,
            chosen,
            _codes(bench.field.families),
            level,
            seed=bench.seed,
        )
        bounds = {row.without: (row.estimate, row.low, row.passed) for row in rows if row.without in judges}
    else:
        kept, level = bench.kept, bench.final_left_out
        left = leave_one_judge_out(bench.contest.cells[kept], judges, bench.contest.families[kept], level)
        bounds = {row.without: (row.estimate, row.low, row.low > 0.5) for row in left}
    worst = min(bounds, key=lambda judge: bounds[judge][1])
    estimate, low, _ = bounds[worst]
    passed = all(fine for _, _, fine in bounds.values())
    detail = f"weakest without {worst}: {estimate:.3f}, lower bound {low:.3f} (one-sided {level:g})"
    return Component(name, passed, low, 0.5, detail)


def _hardly_without(bench: Bench) -> str:
    """Who leaves fewer prompts judged than conclude anything; "" where nobody does."""
    left = np.isfinite(bench.contest.left_out).sum(axis=0)
    found = [(int(n), judge) for n, judge in zip(left, bench.contest.judges, strict=True) if n < MIN_PROMPTS]
    return f"without {min(found)[1]} only {min(found)[0]} prompts are judged" if found else ""


def _still_judged(left_out: np.ndarray, chosen: int) -> np.ndarray:
    """Means (J, n, K) without those of candidates whom the other judges hardly judged: they are not in the field."""
    few = np.isfinite(left_out).sum(axis=1, keepdims=True) < MIN_PROMPTS
    few[:, :, chosen] = False
    return np.where(few, np.nan, left_out)


def _codes(names: np.ndarray) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]


def agreement(bench: Bench) -> Component:
    """The judges agree beyond what a blind flip of the labels would give."""
    required = bench.policy.agreement
    if len(bench.contest.judges) < 2:
        return Component("agreement", None, None, required, "undefined with fewer than two counted judges")
    found = a_flip(2 * bench.contest.cells - 1, bench.contest.families, bench.policy.agreement_alpha)
    if found.n < MIN_PROMPTS:
        said = f"inconclusive: {found.n} prompts have two judges, and below {MIN_PROMPTS} nothing is concluded"
        return Component("agreement", None, None, required, said)
    if math.isnan(found.low):
        return Component(
            "agreement", None, None, required, f"undefined: {found.n} prompts have two judges, or all verdicts are ties"
        )
    detail = (
        f"signed agreement A_flip {found.estimate:.3f} on {found.n} prompts, lower bound {found.low:.3f} "
        f"(one-sided {bench.policy.agreement_alpha:g})"
    )
    return Component("agreement", bool(found.low >= required), found.low, required, detail)


def coverage(bench: Bench) -> Component:
    """Nearly all votes of the judges that count are valid."""
    share, required = bench.contest.coverage, bench.policy.coverage
    if math.isnan(share):
        return Component("coverage", None, None, required, "undefined: no vote was cast on the prompts that decide")
    withdrawn = "".join(f"; {judge} withdrawn: {why}" for judge, why in bench.counted.withdrawn.items())
    detail = f"{share:.1%} of the counted judges' votes are valid ({bench.contest.invalid} are not){withdrawn}"
    return Component("coverage", bool(share >= required), share, required, detail, "REFUSE")


def invalid_against_candidate(bench: Bench) -> Component:
    """The win is still shown if every invalid vote is counted as a loss."""
    name, contest = "invalid_against_candidate", bench.contest
    kept = np.isfinite(contest.against)
    if kept.sum() < MIN_PROMPTS:
        return Component(name, None, None, 0.5, f"inconclusive below {MIN_PROMPTS} prompts")
    if bench.field is not None:
        means = bench.field.means.copy()
        chosen = bench.field.candidates.index(contest.candidate)
        means[:, chosen] = bench.field.against[:, chosen]
        low = float(max_t(means, bench.field.families, bench.alpha, seed=bench.seed).low[chosen])
    elif bench.stopped:
        again = look_at(contest, bench.n_max, bench.policy, bench.alpha, against=True)
        low = again.low if again.stopped else _low(bench, kept)
    else:
        low = _low(bench, kept)
    estimate = float(contest.against[kept].mean())
    detail = f"with {contest.invalid} invalid votes as losses: {estimate:.3f}, lower bound {low:.3f}"
    return Component(name, bool(low > 0.5), low, 0.5, detail)


def _low(bench: Bench, kept: np.ndarray) -> float:
    return lower_bound(bench.contest.against[kept], bench.contest.families[kept], bench.final_alpha)


def length(bench: Bench) -> Component:
    """With answers of equal length, the win rate is still above ½."""
    contest, kept = bench.contest, bench.kept
    found = length_controlled(contest.means[kept], contest.log_ratio[kept], contest.families[kept])
    if not found.identifiable:
        ratio = float(np.exp(np.nanmedian(contest.log_ratio)))
        return Component(
            "length",
            None,
            None,
            0.5,
            f"not identifiable from {found.n} prompts: the candidate's answers are {ratio:.2f} times as long (median), "
            "and too few pairs are of equal length",
        )
    warning = "" if found.low > 0.5 else "; its lower bound does not exceed one half"
    detail = f"at equal length {found.estimate:.3f}, 95% {interval(found.low, found.high)}{warning}"
    return Component("length", bool(found.estimate > 0.5), found.estimate, 0.5, detail)


def panel_size(bench: Bench) -> Component:
    """Enough judges' votes count."""
    judges, required = bench.contest.judges, bench.policy.min_judges
    out = {**bench.counted.failed, **bench.counted.withdrawn, **bench.counted.conflicts}
    detail = f"counted: {', '.join(judges) or 'nobody'}"
    detail += "".join(f"; not counted: {judge} ({why})" for judge, why in out.items() if judge not in judges)
    return Component("panel_size", len(judges) >= required, len(judges), required, detail)
