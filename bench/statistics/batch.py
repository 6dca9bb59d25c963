"""The whole gate in thousands of replications: its rules on batches of votes, everything switched on.

The pieces are the functions that the gate itself uses, or their batch over replications; `decisions.py` runs the gate's
own `decide`, some fifty times slower, and `same_as_the_gate` counts on the same votes how often the two agree. Suites
are independent of the panel: forgetting n = 200 with 6% of items changing, epistemic ≥ .30,
performative ≤ .10, disclaimers ≤ .05 at n = 200, 59 syllogisms without a failure.
"""

from dataclasses import dataclass

import numpy as np
from decisions import CORRUPTED, PANEL, RAMP, Case, frame_of, gate_inputs
from intervals import Rows, rate, table
from model import World
from numpy.typing import NDArray
from scipy import stats

from venire.judges.gate import decide
from venire.judges.policy import GatePolicy
from venire.judges.statistics.a_flip import a_flip
from venire.judges.statistics.e_process import log_e
from venire.judges.statistics.halving import finalist, halving_plan
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.maxt import max_t, max_t_leave_one_out
from venire.judges.statistics.panel import order_mean
from venire.judges.statistics.power import threshold_power
from venire.judges.statistics.stopping import FIRST_LOOK, boundaries
from venire.judges.statistics.tango import tango_z
from venire.judges.statistics.thresholds import certifying_hits
from venire.judges.statistics.winrate import wilson_n_eff

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """Per replication: superiority shown (with leave-one-out), stopped, prompts judged, all of the panel passed."""

    superior: Bools
    stopped: Bools
    used: NDArray[np.int64]
    passed: Bools


def lows(y: Floats, alpha: float) -> Floats:
    """(R,) lower bounds at 1−alpha of prompt means (R, n), each prompt its own cluster."""
    n = y.shape[1]
    return wilson_n_eff(y.mean(axis=1), y.std(axis=1, ddof=1) / np.sqrt(n), n - 1, n, 1 - 2 * alpha)[0]


def hybrid(votes: Floats, alpha: float = 0.025, delta: Floats | None = None, stopping: bool = True) -> Run:
    """One finalist: `hybrid_look` for a batch of votes (R, n, J, 2), then the final bounds, agreement and length."""
    cells = order_mean(votes)
    y, judges = cells.mean(axis=2), cells.shape[2]
    left_out = (cells.sum(axis=2, keepdims=True) - cells) / (judges - 1)
    bounds = boundaries(alpha)
    n = y.shape[1]
    looks = np.arange(1, n + 1) >= FIRST_LOOK
    crossed = looks & (log_e(y) >= bounds.stop)
    for j in range(judges):
        crossed &= log_e(left_out[..., j]) >= bounds.stop_left_out
    crossed &= stopping
    stopped = crossed.any(axis=1)
    used = np.where(stopped, crossed.argmax(axis=1) + 1, n)
    final, final_left_out = (bounds.final, bounds.final_left_out) if stopping else (alpha, 0.05)
    bound = lows(y, final) > 0.5
    for j in range(judges):
        bound &= lows(left_out[..., j], final_left_out) > 0.5
    superior = stopped | bound
    passed = superior.copy()
    for r in np.flatnonzero(superior):
        seen = slice(0, used[r])
        passed[r] = a_flip(2 * cells[r, seen] - 1).low >= 0.20
        if delta is not None and passed[r]:
            result = length_controlled(y[r, seen], delta[r, seen])
            passed[r] = result.identifiable and result.estimate > 0.5
    return Run(superior, stopped, used, passed)


def hybrid_in_parts(votes_of, reps: int, delta_of=None, **options) -> Run:  # type: ignore[no-untyped-def]
    """`hybrid` in blocks of 500 replications, to bound memory."""
    parts = []
    for start in range(0, reps, 500):
        size = min(500, reps - start)
        delta = None if delta_of is None else delta_of(size)
        parts.append(hybrid(votes_of(size) if delta is None else votes_of(size, delta), delta=delta, **options))
    return Run(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("superior", "stopped", "used", "passed"))
    )


def suites_pass(
    rng: np.random.Generator, reps: int, *, change: float = 0.0, performative: float = 0.04, psi: float = 0.06
) -> Bools:
    """(R,) whether all suites pass for a model with these true rates, otherwise good."""
    counts = rng.multinomial(200, [(psi + change) / 2, (psi - change) / 2, 1 - psi], reps)
    fine = tango_z(counts[:, 0], counts[:, 1], 200, -0.05) > stats.norm.ppf(0.95)
    fine &= rng.binomial(200, 0.45, reps) >= (certifying_hits(200, at_least=0.30) or 201)
    fine &= rng.binomial(200, performative, reps) <= (certifying_hits(200, at_most=0.10) or -1)
    fine &= rng.binomial(200, 0.005, reps) <= (certifying_hits(200, at_most=0.05) or -1)
    return fine & (rng.binomial(59, 1.0, reps) == 59)


def lengths(rng: np.random.Generator, n: int, shift: float = 0.0):  # type: ignore[no-untyped-def]
    """A maker of (R, n) log length ratios with sd .35."""
    return lambda reps: rng.normal(shift, 0.35, (reps, n))


def single(rng: np.random.Generator, reps: int) -> str:
    """K = 1, stopping on: chance of promotion where it is false, cause by cause, and where it is right."""
    rows: Rows = []
    for n in (57, 200):
        flat = lengths(rng, n)

        def of(theta: float, n: int = n):  # type: ignore[no-untyped-def]
            return lambda size, delta: World(theta).votes(rng, size, n)

        cases = {
            "θ = .5": (of(0.5), flat, {}),
            "θ = .65, forgetting exactly −δ": (of(0.65), flat, {"change": -0.05, "psi": 0.10}),
            "θ = .65, performative exactly .10": (of(0.65), flat, {"performative": 0.10}),
            "one corrupted judge (.5, .5, .5, .87)": (
                lambda size, delta, n=n: CORRUPTED.votes(rng, size, n),
                flat,
                {},
            ),
            "only longer (raw rate about .61)": (
                lambda size, delta, n=n: World(0.5).votes(rng, size, n, push=0.6 * np.tanh(delta / 0.35)),
                lengths(rng, n, 0.25),
                {},
            ),
            **{f"good, θ = {theta}": (of(theta), flat, {}) for theta in (0.6, 0.65, 0.75, 0.912)},
        }
        for name, (votes, delta, harm) in cases.items():
            run = hybrid_in_parts(votes, reps, delta)
            suites = suites_pass(rng, reps, **harm)
            rows.append(
                [
                    str(n),
                    name,
                    rate(run.superior),
                    rate(run.passed),
                    rate(run.passed & suites),
                    f"{run.stopped.mean():.3f}",
                    f"{run.used.mean():.0f}",
                ]
            )
    head = ["n", "truth", "superiority + LOJO", "+ agreement, length", "PROMOTE (+ suites)", "stopped", "mean prompts"]
    return table("Whole gate, K = 1, hybrid stopping on", head, rows)


def _panel_parts(cells: Floats, delta: Floats) -> bool:
    fine = a_flip(2 * cells - 1).low >= 0.20
    result = length_controlled(cells.mean(axis=1), delta)
    return bool(fine and result.identifiable and result.estimate > 0.5)


def many_max_t(rng: np.random.Generator, reps: int) -> str:
    """K = 20, n = 57: maxT with leave-one-out by max_k T₋ⱼ, agreement and length; no stopping."""
    rows: Rows = []
    n, reps = 57, reps // 2
    cases = {
        "all θ = .5": (World(0.5), np.full(20, 0.5)),
        "all corrupted (.5, .5, .5, .87)": (CORRUPTED, None),
        "ramp .5 → .65 → .5": (World(0.5), RAMP),
        "all θ = .6": (World(0.5), np.full(20, 0.6)),
    }
    for name, (world, thetas) in cases.items():
        first, left, whole, gap = [], [], [], []
        for r in range(reps):
            cells = order_mean(world.checkpoints(rng, thetas if thetas is not None else np.full(20, np.nan), n))
            y = cells.mean(axis=2)
            result = max_t(y.T, draws=1999, seed=r)
            first.append(result.rejected)
            passed = result.rejected
            if passed:
                without = (cells.sum(axis=2, keepdims=True) - cells) / 3
                rest = max_t_leave_one_out(
                    without.transpose(2, 1, 0), ("a", "b", "c", "d"), result.chosen, draws=1999, seed=r
                )
                passed = all(row.passed for row in rest)
            left.append(passed)
            passed = passed and _panel_parts(cells[result.chosen], rng.normal(0, 0.35, n))
            whole.append(passed)
            if passed and thetas is not None:
                gap.append(result.low[result.chosen] - thetas[result.chosen])
        suites = suites_pass(rng, reps)
        above = f"{np.mean(np.array(gap) > 0):.3f}" if gap else "–"
        rows.append([name, rate(first), rate(left), rate(whole), rate(np.array(whole) & suites), above])
    head = ["truth", "maxT", "+ LOJO", "+ agreement, length", "PROMOTE (+ suites)", "bound above truth"]
    return table("Whole gate, K = 20, n = 57, maxT, no stopping", head, rows)


def many_halving(rng: np.random.Generator, reps: int) -> str:
    """K = 20, n = 200: halving on a third, confirmation on the rest with stopping."""
    rows: Rows = []
    n, reps = 200, reps // 2
    cases = {
        "all θ = .5": (World(0.5), np.full(20, 0.5)),
        "all corrupted (.5, .5, .5, .87)": (CORRUPTED, None),
        "ramp .5 → .65 → .5": (World(0.5), RAMP),
        "all θ = .6": (World(0.5), np.full(20, 0.6)),
    }
    plan = halving_plan([f"{i:04d}" for i in range(n)], 20)
    for name, (world, thetas) in cases.items():
        confirm, truth = [], []
        for _ in range(reps):
            votes = world.checkpoints(rng, thetas if thetas is not None else np.full(20, np.nan), n)
            chosen = finalist(order_mean(votes).mean(axis=2).T, plan)
            confirm.append(votes[chosen][plan.confirm])
            truth.append(np.nan if thetas is None else thetas[chosen])
        votes = np.stack(confirm)
        delta = rng.normal(0, 0.35, votes.shape[:2])
        run = hybrid(votes, delta=delta)
        suites = suites_pass(rng, reps)
        judged = plan.judged_pairs - len(plan.confirm) + run.used.mean()
        rows.append(
            [
                name,
                rate(run.superior),
                rate(run.passed),
                rate(run.passed & suites),
                f"{np.nanmean(truth):.3f}" if thetas is not None else "–",
                f"{judged:.0f}",
            ]
        )
    head = ["truth", "confirmed + LOJO", "+ agreement, length", "PROMOTE (+ suites)", "finalist's θ", "judged pairs"]
    return table("Whole gate, K = 20, n = 200, halving and confirmation with stopping", head, rows)


def same_as_the_gate(rng: np.random.Generator, reps: int) -> str:
    """The batch and `decide` on the same votes and lengths, suites aside: how often the panel's components agree."""
    rows: Rows = []
    count = max(10, reps // 10)
    for n in (57, 200):
        for theta in (0.5, 0.6, 0.65):
            votes, delta = World(theta).votes(rng, count, n), np.round(rng.normal(0, 0.35, (count, n)), 2)
            # `decide` reads whole characters: give the batch the same ratios.
            delta = np.log(np.round(400 * np.exp(delta)) / 400)
            run = hybrid(votes, delta=delta)
            found = []
            for one, ratio in zip(votes, delta, strict=True):
                frame = frame_of((2 * one[None]).astype(np.int64), ratio[None], n)
                inputs = gate_inputs(Case("", n, World().votes, False, policy=GatePolicy()), frame)
                parts = {part.name: part.passed is True for part in decide(inputs).components}
                found.append(all(parts.get(name, True) for name in ("superiority", "leave_one_judge_out", *PANEL)))
            rows.append(
                [str(n), str(theta), rate(found), rate(run.passed), f"{np.sum(run.passed == found)} of {count}"]
            )
    return table("The batch against the gate itself, K = 1", ["n", "θ", "gate", "batch", "the same"], rows)


def suite_power(rng: np.random.Generator, reps: int) -> str:
    """Chance that suites pass by themselves, for the table's good model."""
    fine = suites_pass(rng, reps * 5)
    exact = threshold_power(200, 0.04, at_most=0.10)
    rows = [["all suites", rate(fine)], ["performative ≤ .10 at a true .04, exact", f"{exact:.3f}"]]
    return table("Suites of the good model", ["suite", "passes"], rows)


TABLES = (single, many_max_t, many_halving, suite_power, same_as_the_gate)
