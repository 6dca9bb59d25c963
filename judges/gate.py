"""The gate: votes, suites and a frozen policy in, a decision with every reason out. Pure: it reads and writes nothing.

Intersection-union (Berger 1982): promote only if every component rejects at its own level, so that each way to promote
falsely is bounded by its level, uncorrected. Which failure leads to HOLD and which to REFUSE:
docs/statistics.md, "Decision".
`plan_feasibility` says before training which components cannot pass, whatever the model does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from venire.judges._audit_finding import count
from venire.judges._gate_component import Component, Outcome, outcome_of
from venire.judges._gate_panel import Bench, panel_components
from venire.judges._gate_suites import suite_components
from venire.judges.audit import SEVERITIES, Finding
from venire.judges.counted import Conflicts, Contest, Counted, contests, counted_votes
from venire.judges.feasibility import Unreachable, plan_feasibility
from venire.judges.policy import MIN_PROMPTS, GatePolicy
from venire.judges.selection import Design, Field, choose_by_halving, design_of, line_up
from venire.judges.statistics.maxt import max_t
from venire.judges.statistics.winrate import WinRate
from venire.judges.stopping import look_at, looked_at

__all__ = ["Component", "Decision", "GateInputs", "Hashes", "PostHoc", "Unreachable", "decide", "plan_feasibility"]

_OWN = ("constant_output",)  # findings of the audit about a candidate's answers, not about the votes


@dataclass(frozen=True)
class PostHoc:
    """What differs from the lock, and why it is admitted (None: it is not)."""

    changed: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Hashes:
    """What the decision rests on, by content; None where there is no such thing."""

    lock: str | None = None
    manifest: str | None = None
    votes: str | None = None
    candidates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GateInputs:
    """Everything the gate looks at. What is None was not examined, and the decision says so.

    votes: `judges.votes` table; only `use` gate counts: votes that screened have chosen a finalist, and decide nothing.
    candidates: in the order of their steps. finalist: whom the screen chose by halving. order: the confirm set's
    prompts in the order in which they were judged, families whole, where judging could stop; n_max: its largest family.
    panel, sealed: the frozen judges, and what each of them is asked in both orders: (candidate, prompt_id, epoch).
    exams: judge to passed. conflicts: (candidate, judge) to why. suites: see `suite_components`.
    integrity: hashes that do not match, leaks: rows in both training and evaluation, as sentences. audit: its findings.
    """

    votes: pl.DataFrame
    policy: GatePolicy
    candidates: Sequence[str]
    incumbent: str
    finalist: str | None = None
    order: Sequence[str] | None = None
    n_max: int = 1
    panel: Sequence[str] = ()
    sealed: Collection[tuple[str, str, int]] | None = None
    suites: pl.DataFrame | None = None
    exams: Mapping[str, bool] | None = None
    conflicts: Conflicts | None = None
    integrity: Sequence[str] | None = None
    leaks: Sequence[str] | None = None
    audit: Sequence[Finding] | None = None
    post_hoc: PostHoc | None = None
    earlier_uses: int = 0
    seed: int = 0
    hashes: Hashes = Hashes()


@dataclass(frozen=True)
class Decision:
    """What decision.json holds; its keys are described in docs/formats.md, "Decision".

    Among them: `design` (single, max_t, halving), `alpha` (of superiority, after any spending), `win_rate` (of
    the prompts that decide; null without votes), `counted` judges, `withdrawn` (judge to why), `post_hoc`,
    `not_examined` (what nobody told the gate), `audit` (its findings: code, severity, message, effect, and how many
    rows; null where there was no audit).
    """

    outcome: Outcome
    candidate: str | None
    incumbent: str
    components: tuple[Component, ...]
    design: Design
    alpha: float
    win_rate: dict[str, Any] | None
    counted: tuple[str, ...]
    withdrawn: Mapping[str, str]
    post_hoc: PostHoc | None
    not_examined: tuple[str, ...]
    audit: tuple[Finding, ...] | None
    hashes: Hashes

    def to_dict(self) -> dict[str, Any]:
        """As JSON: numbers, strings, lists and nulls."""
        from venire import __version__

        posted = self.post_hoc if self.post_hoc and self.post_hoc.changed else None
        return {
            "outcome": self.outcome,
            "candidate": self.candidate,
            "incumbent": self.incumbent,
            "components": [component.to_dict() for component in self.components],
            "lock_sha256": self.hashes.lock,
            "manifest_sha256": self.hashes.manifest,
            "votes_sha256": self.hashes.votes,
            "candidate_sha256": self.hashes.candidates.get(self.candidate or ""),
            "venire_version": __version__,
            "design": self.design,
            "alpha": self.alpha,
            "win_rate": self.win_rate,
            "counted": list(self.counted),
            "withdrawn": dict(self.withdrawn),
            "post_hoc": {"changed": list(posted.changed), "reason": posted.reason} if posted else None,
            "not_examined": list(self.not_examined),
            "audit": None if self.audit is None else [f.to_dict() | {"rows": len(f.rows)} for f in self.audit],
        }


def decide(inputs: GateInputs) -> Decision:
    """PROMOTE, HOLD or REFUSE, with every reason."""
    bench, design = _choose(inputs)
    candidate = bench.contest.candidate if bench else _only(inputs)
    post_hoc = _post_hoc(inputs)
    told = _about(inputs.audit, candidate)
    counted = bench.counted if bench else _counted(inputs)
    found = panel_components(bench) if bench else [_no_votes(inputs, counted)]
    found += [_finished(inputs, bench)] if bench and inputs.sealed is not None else []
    found += suite_components(inputs.suites, inputs.policy, candidate, inputs.incumbent) if candidate else []
    found += _premises(inputs, told, counted, candidate)
    found += [_frozen(post_hoc)] if post_hoc else []
    return Decision(
        outcome=outcome_of(found),
        candidate=candidate,
        incumbent=inputs.incumbent,
        components=tuple(found),
        design=design,
        alpha=inputs.policy.alpha_at(inputs.earlier_uses),
        win_rate=_rate(bench, found[0]),
        counted=bench.contest.judges if bench else (),
        withdrawn=counted.withdrawn,
        post_hoc=post_hoc,
        not_examined=_not_examined(inputs, bench),
        audit=told,
        hashes=inputs.hashes,
    )


def _only(inputs: GateInputs) -> str | None:
    return inputs.finalist or (inputs.candidates[0] if len(inputs.candidates) == 1 else None)


# Whom the votes are about


def _choose(inputs: GateInputs) -> tuple[Bench | None, Design]:
    """The finalist's votes as the design has them; None where nobody's votes count."""
    policy, candidates = inputs.policy, tuple(inputs.candidates)
    if inputs.finalist is not None and len(candidates) > 1:
        return _bench(inputs, inputs.finalist, "halving", inputs.order), "halving"
    if len(candidates) == 1:
        return _bench(inputs, candidates[0], "single", inputs.order), "single"
    counted = _counted(inputs)
    found = contests(counted.votes, inputs.incumbent)
    design = design_of(len(candidates), len({p for c in found.values() for p in c.prompts.tolist()}), policy)
    if not found:
        return None, design
    lined = line_up(found, candidates)
    if design == "halving":
        finalist, confirm = choose_by_halving(lined, inputs.seed)
        return _bench(inputs, finalist, design, None, only=confirm), design
    return _all_together(inputs, counted, found, lined), design


def _counted(inputs: GateInputs) -> Counted:
    """The votes on any of the candidates that count."""
    about = pl.col("candidate").is_in(list(inputs.candidates)), pl.col("incumbent") == inputs.incumbent
    return counted_votes(inputs.votes.filter(*about), inputs.policy, inputs.exams, inputs.conflicts)


def _all_together(inputs: GateInputs, counted: Counted, found: dict[str, Contest], lined: Field) -> Bench | None:
    judged = {name: int(np.isfinite(contest.means).sum()) for name, contest in found.items()}
    # Three prompts, all won, would have the largest T of all: who was hardly judged is not in the field.
    least = min(MIN_PROMPTS, max(judged.values()))
    names = tuple(name for name in lined.candidates if judged.get(name, 0) >= max(least, 1))
    if not names:
        return None
    lined = line_up({name: found[name] for name in names}, names)
    alpha = inputs.policy.alpha_at(inputs.earlier_uses)
    chosen = names[max_t(lined.means, lined.families, alpha, seed=inputs.seed).chosen]
    left = tuple(name for name in inputs.candidates if name not in names)
    return Bench(found[chosen], counted, inputs.policy, "max_t", alpha, field=lined, seed=inputs.seed, left=left)


def _bench(
    inputs: GateInputs, name: str, design: Design, order: Sequence[str] | None, only: list[str] | None = None
) -> Bench | None:
    policy, alpha = inputs.policy, inputs.policy.alpha_at(inputs.earlier_uses)
    rows = inputs.votes.filter(pl.col("candidate") == name, pl.col("incumbent") == inputs.incumbent)
    if only is not None:
        rows = rows.filter(pl.col("prompt_id").is_in(only))
    counted = counted_votes(rows, policy, inputs.exams, inputs.conflicts)
    contest = contests(counted.votes, inputs.incumbent).get(name)
    if contest is None:
        return None
    look = None
    if order is not None:
        contest = contest.take(list(order))
    if order is not None and policy.stopping and np.isfinite(contest.means).any():
        look = look_at(contest, inputs.n_max, policy, alpha)
        if look.stopped:  # agreement and length are tested at the stop, whatever was judged after it
            contest = contest.take(looked_at(contest)[: look.prompts])
    return Bench(contest, counted, policy, design, alpha, look=look, n_max=inputs.n_max, seed=inputs.seed)


def _rate(bench: Bench | None, superiority: Component) -> dict[str, Any] | None:
    rate: WinRate | None = bench.rate() if bench else None
    if bench is None or rate is None:
        return None
    numbers = {"estimate": rate.estimate, "low": rate.low, "high": rate.high, "level": rate.level}
    if bench.stopped and bench.look:  # after a stop, the interval that is valid at any stop
        numbers |= {"low": bench.look.low, "high": bench.look.high, "level": 0.95}
    best = superiority.observed if bench.field is not None else None  # the best's own bound was raised by the choice
    plain = {key: float(value) for key, value in numbers.items()}
    return plain | {"simultaneous_low": best, "n": rate.n, "families": rate.clusters}


# Premises


def _finished(inputs: GateInputs, bench: Bench) -> Component:
    """Everybody whose votes count was asked about all that decides: a budget that ended must not choose the panel."""
    names = set(inputs.candidates) if bench.field is not None else {bench.contest.candidate}
    upto = set(bench.contest.prompts.tolist()) if bench.stopped else None
    wanted = [pair for pair in inputs.sealed or () if pair[0] in names and (upto is None or pair[1] in upto)]
    pair = ["judge", "candidate", "prompt_id", "epoch"]
    votes = inputs.votes.filter(pl.col("use") == "gate").group_by(pair).agg(pl.col("candidate_first").n_unique())
    asked = {tuple(row[:-1]) for row in votes.iter_rows() if row[-1] == 2}
    out, conflicts = bench.counted.withdrawn | bench.counted.failed, inputs.conflicts or {}
    left = {
        judge: sum((judge, *pair) not in asked for pair in wanted if (pair[0], judge) not in conflicts)
        for judge in inputs.panel
        if judge not in out
    }
    missing = [f"{judge} was not asked about {count(n, 'pair')}" for judge, n in left.items() if n]
    fine = "every judge that counts was asked about all that decides"
    detail = f"{'; '.join(missing)} of {len(wanted)} that decide: judge to the end" if missing else fine
    return Component("judging_finished", not missing, sum(left.values()), 0, detail)


def _no_votes(inputs: GateInputs, counted: Counted) -> Component:
    who = ", ".join(inputs.candidates) or "any candidate"
    out = counted.withdrawn | counted.failed | counted.conflicts
    why = "".join(f"; {judge}: {reason}" for judge, reason in sorted(out.items()))
    return Component("superiority", None, None, 0.5, f"no vote on {who} against {inputs.incumbent} counts{why}")


def _about(findings: Sequence[Finding] | None, candidate: str | None) -> tuple[Finding, ...] | None:
    """The findings as they bear on this candidate: another's degenerate answers are its own fault, and a warning here.

    A fault of the votes themselves keeps its weight, whosever rows show it.
    """
    if findings is None:
        return None
    return tuple(
        sorted((_as_told(finding, candidate) for finding in findings), key=lambda f: SEVERITIES.index(f.severity))
    )


def _as_told(finding: Finding, candidate: str | None) -> Finding:
    others = finding.code in _OWN and candidate and finding.candidates and candidate not in finding.candidates
    return replace(finding, severity="warning") if others and finding.severity == "error" else finding


def _premises(
    inputs: GateInputs, audit: Sequence[Finding] | None, counted: Counted, candidate: str | None
) -> list[Component]:
    found = []
    if inputs.integrity is not None:
        found.append(_faults("integrity", inputs.integrity, "every hash is the recorded one", "REFUSE"))
    if inputs.leaks is not None:
        found.append(_faults("leaks", inputs.leaks, "no scenario stands in the training data", "REFUSE"))
    if audit is not None:
        found.append(_audit(audit))
    if inputs.conflicts is not None:
        found.append(_conflicts(inputs.conflicts, counted, candidate))
    return found


def _faults(name: str, faults: Sequence[str], fine: str, outcome: Any) -> Component:
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return Component(name, not faults, len(faults), 0, "; ".join(faults[:3]) + more if faults else fine, outcome)


def _audit(findings: Sequence[Finding]) -> Component:
    """Errors refuse; every finding is told, with what the headline becomes without it in `Decision.audit`."""
    told = {severity: [f for f in findings if f.severity == severity] for severity in SEVERITIES}
    parts = [
        f"{count(len(found), severity) if found else f'no {severity}'}"
        + (f": {'; '.join(f'{f.code} ({f.message})' for f in found)}" if found else "")
        for severity, found in told.items()
        if found or severity == "error"
    ]
    errors = len(told["error"])
    return Component("audit", not errors, errors, 0, ". ".join(parts), "REFUSE")


def _conflicts(conflicts: Conflicts, counted: Counted, candidate: str | None) -> Component:
    """No vote of a judge in conflict counts; those that cast one are named."""
    mine = {judge: why for (name, judge), why in conflicts.items() if name == candidate}
    votes = counted.votes.filter(pl.col("candidate") == candidate)
    wrong = sorted(set(mine) & set(votes["judge"].unique()))
    shown = "; ".join(f"{judge} is shown, not counted: {why}" for judge, why in mine.items())
    return Component("conflict_of_interest", not wrong, len(wrong), 0, shown or "no judge has one", "HOLD")


def _post_hoc(inputs: GateInputs) -> PostHoc | None:
    """What departs from the frozen plan; a confirm set that is used again, too, unless its level is spent."""
    given = inputs.post_hoc
    if inputs.earlier_uses and inputs.policy.reuse == "none":
        times = "once" if inputs.earlier_uses == 1 else f"{inputs.earlier_uses} times"
        changed = (*(given.changed if given else ()), f"confirm set (used {times} before)")
        return PostHoc(changed, given.reason if given else None)
    return given


def _frozen(post_hoc: PostHoc) -> Component:
    if not post_hoc.changed:
        return Component("post_hoc", True, 0, 0, "suites, panel and policy are those of the lock")
    named = ", ".join(post_hoc.changed)
    if post_hoc.reason:
        detail = f"post hoc ({named}), admitted with the reason: {post_hoc.reason}"
        return Component("post_hoc", True, len(post_hoc.changed), 0, detail)
    detail = f'post hoc: {named} differ from the lock; --post-hoc "reason" admits and records it'
    return Component("post_hoc", False, len(post_hoc.changed), 0, detail)


def _not_examined(inputs: GateInputs, bench: Bench | None) -> tuple[str, ...]:
    """What the decision does not rest on because nobody said anything about it."""
    said = {
        "qualification of the judges": bool(inputs.exams),
        "conflicts of interest": inputs.conflicts is not None,
        "hashes": inputs.integrity is not None,
        "leaks between training and evaluation": inputs.leaks is not None,
        "audit of the votes": inputs.audit is not None,
        "whether the plan was frozen": inputs.post_hoc is not None,
        "suites": inputs.suites is not None or not inputs.policy.suites,
    }
    untested = [judge for judge in bench.contest.judges if judge not in (inputs.exams or {})] if bench else []
    if inputs.exams and untested:
        said[f"qualification of {', '.join(untested)}"] = False
    if bench and inputs.policy.length:
        said["length (no lengths are known)"] = bool(np.isfinite(bench.contest.log_ratio).any())
    return tuple(name for name, known in said.items() if not known)
