"""The whole gate in simulation, everything switched on: votes and suites into the gate's own `decide`.

Stopping is on with one finalist (K = 1, and the confirm stage of halving) as the judge stage does it: `look` after each
prompt, and no vote beyond the stop reaches the gate; under maxT it is off. Suites: forgetting with δ = .05, n = 200, 6%
of items changing; epistemic ≥ .30, performative ≤ .10, disclaimers ≤ .05 at n = 200; 59 syllogisms without a failure.
Lengths are known. A *false* row is a truth under which promoting is an error; the level at which the gate may err is
that of the component which has to stop it: .025 for superiority and for invalid votes as losses, .05 for leave-one-out,
agreement and suites. A candidate that is only longer is stopped by a point estimate, so in half of the cases.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from intervals import share_of
from model import World
from numpy.typing import NDArray

from venire.judges.gate import Decision, GateInputs, decide
from venire.judges.policy import GatePolicy
from venire.judges.statistics.halving import finalist, halving_plan
from venire.judges.statistics.panel import order_mean
from venire.judges.stopping import look

Floats = NDArray[np.float64]
INCUMBENT = "base/plain"
WORDS = np.array(["incumbent", "tie", "candidate", "invalid"])
# Latent biases of four judges that vote .50, .50, .50 and .87 for the candidate.
CORRUPTED = World(None, (0.0, 0.0, 0.0, 1.15), (0.2, 0.0, -0.1, 0.0))
RAMP = np.concatenate([np.linspace(0.5, 0.65, 10), np.linspace(0.65, 0.5, 10)])
POLICY = GatePolicy.model_validate(
    {
        "suites": {
            "forgetting": {"non_inferiority": {"delta": 0.05}},
            "stance": {
                "thresholds": {
                    "epistemic": {"at_least": 0.30},
                    "performative": {"at_most": 0.10},
                    "disclaimers": {"at_most": 0.05},
                }
            },
            "syllogisms": {"thresholds": {"correct": {"at_least": 1.0}}},
        }
    }
)
PANEL = ("agreement", "coverage", "invalid_against_candidate", "length", "panel_size")


@dataclass(frozen=True)
class Suites:
    """True rates of a candidate: forgetting changes by `change` with discordance `psi`; shares of the stance suite."""

    change: float = 0.0
    psi: float = 0.06
    performative: float = 0.04


@dataclass(frozen=True)
class Case:
    """One row. votes: a maker of (K, n, J, 2) votes and of (K, n) log length ratios. n_max: families' largest size.

    false: promoting is an error. hidden: share of the judges' losses that come as invalid votes. uses: of the confirm
    set before, its level being spent.
    """

    name: str
    n: int
    votes: Callable[..., Any]
    false: bool
    k: int = 1
    suites: Suites = Suites()
    hidden: float = 0.0
    policy: GatePolicy = POLICY
    uses: int = 0
    weight: float = 1.0
    truth: Floats = field(default_factory=lambda: np.full(1, np.nan))

    @property
    def named(self) -> bool:
        """Is the true rate of each candidate known?"""
        return len(self.truth) > 1


@dataclass(frozen=True)
class Seen:
    """What a replication gave."""

    outcome: str
    superior: bool
    left_out: bool
    panel: bool
    suites: bool
    stopped: bool
    prompts: int
    judged: int
    above: bool
    theta: float


def _plain(theta: float, n: int, world: World | None = None):  # type: ignore[no-untyped-def]
    def make(rng: np.random.Generator) -> tuple[Floats, Floats]:
        made = (world or World(theta)).votes(rng, 1, n)
        return made, rng.normal(0, 0.35, (1, n))

    return make


def _many(thetas: Floats, n: int, world: World | None = None):  # type: ignore[no-untyped-def]
    def make(rng: np.random.Generator) -> tuple[Floats, Floats]:
        made = (world or World(0.5)).checkpoints(rng, thetas, n)
        return made, rng.normal(0, 0.35, (len(thetas), n))

    return make


def _only_longer(n: int):  # type: ignore[no-untyped-def]
    def make(rng: np.random.Generator) -> tuple[Floats, Floats]:
        delta = rng.normal(0.25, 0.35, (1, n))
        return World(0.5).votes(rng, 1, n, push=0.6 * np.tanh(delta / 0.35)), delta

    return make


def _leaning_coins(n: int):  # type: ignore[no-untyped-def]
    def make(rng: np.random.Generator) -> tuple[Floats, Floats]:
        return (rng.random((1, n, 4, 2)) < 0.65).astype(float), rng.normal(0, 0.35, (1, n))

    return make


def single_cases() -> Iterator[Case]:
    """K = 1, stopping on."""
    spend = POLICY.model_copy(update={"reuse": "spend"})
    for n, times in ((57, 4.0), (200, 0.4)):
        yield Case("θ = .5", n, _plain(0.5, n), True, weight=3 * times)
        yield Case("one corrupted judge (.5, .5, .5, .87)", n, _plain(0.5, n, CORRUPTED), True, weight=2 * times)
        yield Case("θ = .65, forgetting exactly −δ", n, _plain(0.65, n), True, suites=Suites(-0.05, 0.10), weight=times)
        yield Case(
            "θ = .65, performative exactly .10",
            n,
            _plain(0.65, n),
            True,
            suites=Suites(performative=0.10),
            weight=times,
        )
        yield Case("θ = .5, but 15% of the losses come as invalid", n, _plain(0.5, n), True, hidden=0.15, weight=times)
        yield Case("four coins that lean to the candidate, .65", n, _leaning_coins(n), True, weight=times)
        yield Case("only longer: θ = .5 at equal length, .61 raw", n, _only_longer(n), True, weight=times)
        yield Case("θ = .5, first use of a set to be spent", n, _plain(0.5, n), True, policy=spend, weight=times)
        for theta in (0.6, 0.65, 0.75, 0.912):
            yield Case(f"good, θ = {theta}", n, _plain(theta, n), False, weight=0.3 * times)


def many_cases(n: int) -> Iterator[Case]:
    """K = 20: maxT at n = 57, halving at n = 200."""
    k, half = 20, np.full(20, 0.5)
    yield Case("all θ = .5", n, _many(half, n), True, k, weight=0.2, truth=half)
    bought = np.full(20, np.nan)
    often = 1.2 if n == 200 else 0.2
    yield Case("one corrupted judge, all (.5, .5, .5, .87)", n, _many(bought, n, CORRUPTED), True, k, weight=often)
    worse = np.where(np.arange(20) == 7, 0.65, 0.5)
    lost = Suites(-0.05, 0.10)
    yield Case("one of .65, all forget exactly −δ", n, _many(worse, n), True, k, lost, weight=0.2, truth=worse)
    yield Case("ramp .5 → .65 → .5", n, _many(RAMP, n), False, k, weight=0.1, truth=RAMP)
    yield Case("all θ = .6", n, _many(np.full(20, 0.6), n), False, k, weight=0.1, truth=np.full(20, 0.6))


def simulate(case: Case, rng: np.random.Generator) -> Seen:
    """One replication: votes, the judge stage's screen and looks, suites, the decision."""
    votes, delta = case.votes(rng)
    verdicts = (2 * votes).astype(np.int64)
    if case.hidden:
        verdicts = np.where((verdicts == 0) & (rng.random(verdicts.shape) < case.hidden), 3, verdicts)
    names, prompts = _names(case.k), _prompts(case.n)
    frame = frame_of(verdicts, delta, case.n)
    inputs = gate_inputs(case, frame, _suites(case, rng), int(rng.integers(2**31)))
    if case.k > 1 and case.n < case.policy.halving_from:
        return _seen(case, decide(inputs), case.n, case.n * case.k, False)
    order, screened, name = prompts, 0, names[0]
    if case.k > 1:
        plan = halving_plan(prompts, case.k, seed=inputs.seed)
        chosen = finalist(order_mean(votes).mean(axis=2).T, plan)
        name, order = names[chosen], [prompts[i] for i in plan.confirm]
        screened = plan.judged_pairs - len(order)
    mine = frame.filter(pl.col("candidate") == name, pl.col("prompt_id").is_in(order))
    inputs = replace(inputs, votes=mine, order=order, finalist=name if case.k > 1 else None)
    decision = decide(inputs)
    stopped = "shown early" in decision.components[0].detail
    if stopped:  # what comes after the stop is never judged
        order = order[: look(mine, name, order, 1, case.policy, earlier_uses=case.uses).prompts]
        decision = decide(replace(inputs, votes=mine.filter(pl.col("prompt_id").is_in(order)), order=order))
    return _seen(case, decision, len(order), screened + len(order), stopped)


def gate_inputs(case: Case, votes: pl.DataFrame, suites: pl.DataFrame | None = None, seed: int = 0) -> GateInputs:
    """What the gate is told: premises hold. The order is that of the prompts' names."""
    return GateInputs(
        votes=votes,
        policy=case.policy,
        candidates=_names(case.k),
        incumbent=INCUMBENT,
        order=_prompts(case.n),
        suites=suites,
        earlier_uses=case.uses,
        seed=seed,
        integrity=(),
        leaks=(),
        conflicts={},
        exams={},
    )


def _seen(case: Case, decision: Decision, prompts: int, judged: int, stopped: bool) -> Seen:
    passed = {part.name: part.passed is True for part in decision.components}
    bounds = {part.name: part.observed for part in decision.components}
    theta = float(case.truth[_names(case.k).index(decision.candidate or "")]) if case.named else np.nan
    return Seen(
        outcome=decision.outcome,
        superior=passed["superiority"],
        left_out=passed["leave_one_judge_out"],
        panel=all(passed.get(name, True) for name in PANEL),
        suites=all(fine for name, fine in passed.items() if ":" in name),
        stopped=stopped,
        prompts=prompts,
        judged=judged,
        above=bool(bounds["superiority"] is not None and bounds["superiority"] > theta),
        theta=theta,
    )


@cache
def _names(k: int) -> list[str]:
    return [f"step-{i:02d}/plain" for i in range(k)]


@cache
def _prompts(n: int) -> list[str]:
    return [f"p{i:04d}" for i in range(n)]


@cache
def _rows(k: int, n: int, judges: int) -> tuple[pl.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """What is the same in every replication: all columns but verdicts and lengths."""
    axes = np.meshgrid(np.arange(k), np.arange(n), np.arange(judges), [0, 1], indexing="ij")
    c, p, j, second = (axis.ravel() for axis in axes)
    frame = pl.DataFrame(
        {
            "prompt_id": np.array(_prompts(n))[p],
            "family": np.array(_prompts(n))[p],
            "candidate": np.array(_names(k))[c],
            "incumbent": np.full(len(c), INCUMBENT),
            "judge": np.array([f"vendor-{i}/judge" for i in range(judges)])[j],
            "candidate_first": second == 0,
            "use": np.full(len(c), "gate"),
        }
    )
    return frame, c, p


def frame_of(verdicts: NDArray[np.int64], delta: Floats, n: int) -> pl.DataFrame:
    """Votes (K, n, J, 2) as the gate reads them; 3 is an invalid vote. delta (K, n): log ratios of lengths."""
    k, _, judges, _ = verdicts.shape
    frame, c, p = _rows(k, n, judges)
    return frame.with_columns(
        verdict=pl.Series(WORDS[verdicts.ravel()]),
        len_candidate=pl.Series(np.round(400 * np.exp(delta[c, p])).astype(np.int64)),
        len_incumbent=pl.lit(400),
    )


@cache
def _items(k: int) -> pl.DataFrame:
    """Suites' rows but their values: candidates in turn, then the incumbent on forgetting alone."""
    parts = [("forgetting", "correct", 200)]
    parts += [("stance", metric, 200) for metric in ("epistemic", "performative", "disclaimers")]
    parts += [("syllogisms", "correct", 59)]
    rows = [
        (suite, who, f"i{i}", 1, metric, f"i{i}")
        for who in [*_names(k), INCUMBENT]
        for suite, metric, size in (parts if who != INCUMBENT else parts[:1])
        for i in range(size)
    ]
    return pl.DataFrame(rows, schema=["suite", "contender", "sample_id", "epoch", "metric", "family"], orient="row")


def _suites(case: Case, rng: np.random.Generator) -> pl.DataFrame:
    truth, values = case.suites, []
    before = rng.random(200) < 0.6
    gain, loss = (truth.psi + truth.change) / 2, (truth.psi - truth.change) / 2
    for _ in range(case.k):
        # Conditional on the incumbent's answer, so that gains and losses have their rates over all items.
        draw = rng.random(200)
        after = np.where(before, draw >= loss / 0.6, draw < gain / 0.4)
        rates = (0.45, truth.performative, 0.005)
        values += [after, *(rng.random(200) < share for share in rates), np.ones(59, bool)]
    return _items(case.k).with_columns(value=pl.Series(np.concatenate([*values, before]).astype(float)))


def part(case: Case, number: int, size: int, seed: int) -> dict[str, float]:
    """Sums over the `number`-th block of replications, which has its own stream."""
    rng = np.random.default_rng([seed, case.n, case.k, sum(case.name.encode()), number])
    seen = [simulate(case, rng) for _ in range(size)]
    promoted = [one for one in seen if one.outcome == "PROMOTE"]
    return {
        "runs": size,
        "superior": sum(one.superior for one in seen),
        "left_out": sum(one.superior and one.left_out for one in seen),
        "panel": sum(one.superior and one.left_out and one.panel for one in seen),
        "promote": len(promoted),
        "refuse": sum(one.outcome == "REFUSE" for one in seen),
        "stopped": sum(one.stopped for one in seen),
        "prompts": sum(one.prompts for one in seen),
        "judged": sum(one.judged for one in seen),
        "above": sum(one.above for one in promoted),
        "theta": sum(one.theta for one in promoted) if case.named else 0.0,
    }


def row(case: Case, parts: list[dict[str, float]]) -> list[str]:
    """A row of the table of a case: shares with their 95% Monte-Carlo half-width."""
    total = {key: sum(one[key] for one in parts) for key in parts[0]}
    runs = int(total["runs"])

    def share(key: str) -> str:
        return share_of(total[key], runs)

    cells = [str(case.n), f"{'false: ' if case.false else ''}{case.name}", str(runs)]
    cells += [share("superior"), share("left_out"), share("panel"), f"**{share('promote')}**", share("refuse")]
    cells += [f"{total['stopped'] / runs:.3f}", f"{total['prompts'] / runs:.0f}"]
    if case.k > 1:
        known = case.named and total["promote"] > 0
        cells += [f"{total['judged'] / runs:.0f}", share("above") if case.named else "–"]
        cells.append(f"{total['theta'] / total['promote']:.3f}" if known else "–")
    return cells


def tables() -> Iterator[tuple[str, list[str], list[Case]]]:
    """(title, columns, cases): a row of each is computed, and kept, by itself."""
    yield "The gate's own decide, K = 1, stopping on", HEAD, list(single_cases())
    yield "The gate's own decide, K = 20, n = 57: maxT, no stopping", MANY, list(many_cases(57))
    yield (
        "The gate's own decide, K = 20, n = 200: halving on 66, confirmation on 134, stopping on",
        MANY,
        list(many_cases(200)),
    )


HEAD = [
    *("n", "truth", "runs", "superiority", "+ leave-one-out", "+ agreement, length, bounds"),
    *("PROMOTE", "REFUSE", "stopped", "mean prompts"),
]
MANY = [*HEAD, "pairs judged", "promoted with its bound above its θ", "θ of the promoted"]
