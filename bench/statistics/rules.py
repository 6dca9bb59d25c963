"""The rules that join the parts, one by one, superiority alone: stopping, leave-one-out, halving, reuse.

What they are: docs/statistics.md, "Choosing among candidates" and the two sections after it.

The pieces are the functions that the gate itself uses, or their batch over replications; `decisions.py` runs the gate
itself with everything on.
"""

from itertools import pairwise

import numpy as np
from batch import Floats, hybrid, lows
from decisions import RAMP
from intervals import Rows, rate, table
from model import World

from venire.judges.statistics.e_process import log_e
from venire.judges.statistics.halving import finalist, halving_plan
from venire.judges.statistics.panel import order_mean
from venire.judges.statistics.spending import alpha_of_use
from venire.judges.statistics.stopping import FIRST_LOOK, boundaries, family_means, hybrid_look
from venire.judges.statistics.winrate import lower_bound


def stopping_costs(rng: np.random.Generator, reps: int) -> str:
    """What stopping and leave-one-out cost and save, without other components."""
    rows: Rows = []
    for n in (57, 94, 200):
        for theta in (0.5, 0.6, 0.65, 0.912):
            world = World(theta)
            votes = [world.votes(rng, 500, n) for _ in range(-(-reps // 500))]
            fixed = np.concatenate([lows(order_mean(v).mean(axis=2), 0.025) > 0.5 for v in votes])
            without = np.concatenate([hybrid(v, stopping=False).superior for v in votes])
            runs = [hybrid(v) for v in votes]
            used = np.concatenate([run.used for run in runs]).mean()
            found = np.concatenate([run.superior for run in runs])
            rows.append([str(n), str(theta), rate(fixed), rate(without), rate(found), f"{used:.0f}"])
    head = ["n", "θ", "bound alone", "+ LOJO", "+ LOJO, hybrid", "mean prompts"]
    return table("Superiority: fixed n, leave-one-out, stopping", head, rows)


def stopping_families(rng: np.random.Generator, reps: int) -> str:
    """Hybrid stopping by whole families of 1 to 6 prompts, in a random order: type I error and power."""
    rows: Rows = []
    bounds = boundaries()
    for theta in (0.5, 0.6):
        stopped, promoted, used = [], [], []
        for _ in range(reps // 2):
            sizes = rng.permutation(np.tile([1, 2, 3, 6], 14))
            world = World(theta, family=0.4, family_size=6)
            every = world.votes(rng, 1, len(sizes) * 6)[0]
            keep = np.concatenate([np.arange(size) + 6 * k for k, size in enumerate(sizes)])
            labels = np.repeat(np.arange(len(sizes)), sizes)
            cells = order_mean(every[keep])
            left_out = (cells.sum(axis=1, keepdims=True) - cells) / 3
            means, counts = family_means(cells.mean(axis=1), labels)
            without = np.stack([family_means(left_out[:, j], labels)[0] for j in range(4)])
            look = hybrid_look(means, without, counts, 6)
            last = lower_bound(cells.mean(axis=1), labels, bounds.final) > 0.5 and all(
                lower_bound(left_out[:, j], labels, bounds.final_left_out) > 0.5 for j in range(4)
            )
            stopped.append(look.stopped)
            promoted.append(look.stopped or last)
            used.append(look.prompts)
        rows.append([str(theta), rate(stopped), rate(promoted), f"{np.mean(used):.0f} of {14 * 12}"])
    head = ["θ", "stopped", "superiority shown", "mean prompts"]
    return table("Hybrid stopping by families of 1, 2, 3, 6 (56 families, 168 prompts)", head, rows)


def rounds(rng: np.random.Generator, reps: int) -> str:
    """⌈log₂K⌉ rounds leave the last with one survivor; ⌊log₂K⌋ use all of the screen."""
    rows: Rows = []
    plan = halving_plan([f"{i:04d}" for i in range(200)], 20)
    edges = [len(plan.screen) * r // 4 for r in range(5)]
    parts = tuple(plan.screen[start:stop] for start, stop in pairwise(edges))
    used = {"⌈log₂20⌉ = 5": plan, "⌊log₂20⌋ = 4": type(plan)(parts, plan.screen, plan.confirm, (20, 10, 5, 2), 738)}
    for name, one in used.items():
        best = []
        for _ in range(reps // 4):
            y = World(0.5).checkpoints(rng, RAMP, 200).mean(axis=(2, 3)).T
            best.append(RAMP[finalist(y, one)])
        rows.append(
            [name, f"{np.mean(best):.4f} ±{1.96 * np.std(best) / np.sqrt(len(best)):.4f}", str(one.judged_pairs)]
        )
    return table("Rounds of the screen, ramp, n = 200: mean θ of the finalist", ["rounds", "θ", "judged pairs"], rows)


def reuse(rng: np.random.Generator, reps: int) -> str:
    """Five candidates in turn, all θ = .5, on one confirm set of 134 prompts: any false superiority."""
    rows: Rows = []
    spent = [alpha_of_use(0.025, t, "spend") or 0.0 for t in range(1, 6)]
    found = {"each at α = .025": [], "spending α/(t(t+1))": []}
    for _ in range(reps):
        y = World(0.5).checkpoints(rng, np.full(5, 0.5), 134).mean(axis=(2, 3))
        found["each at α = .025"].append(bool((lows(y, 0.025) > 0.5).any()))
        bounds = [float(lows(y[k : k + 1], level)[0]) for k, level in enumerate(spent)]
        found["spending α/(t(t+1))"].append(max(bounds) > 0.5)
    for name, hits in found.items():
        rows.append([name, rate(hits)])
    return table("One confirm set, five uses", ["levels", "any false superiority"], rows)


def hidden_losses(rng: np.random.Generator, reps: int) -> str:
    """θ = .5, and a share of the losses comes as invalid votes: superiority on valid votes, and the bound beside it."""
    rows: Rows = []
    bounds = boundaries()
    for n in (57, 200):
        for share in (0.1, 0.2, 0.4):
            found = []
            for _ in range(-(-reps // 500)):
                votes = World(0.5).votes(rng, 500, n)
                valid = np.where((votes == 0) & (rng.random(votes.shape) < share), np.nan, votes)
                cells, against = order_mean(valid), order_mean(np.nan_to_num(valid)).mean(axis=2)
                y = _filled(cells)
                looks = np.arange(1, n + 1) >= FIRST_LOOK
                alone = looks & (log_e(y) >= bounds.stop)
                for j in range(4):
                    alone &= log_e(_filled(np.delete(cells, j, axis=2))) >= bounds.stop_left_out
                results = []
                for crossed in (alone, alone & (log_e(against) >= bounds.stop)):
                    stopped = np.asarray(crossed.any(axis=1))
                    last = np.where(stopped, crossed.argmax(axis=1), n - 1)
                    superior = stopped | (lows(y, bounds.final) > 0.5)
                    passed = superior.copy()
                    for r in np.flatnonzero(superior):
                        seen = against[r : r + 1, : last[r] + 1]
                        path = log_e(seen).ravel()[FIRST_LOOK - 1 :]
                        passed[r] = stopped[r] and path.max() >= bounds.stop
                        passed[r] |= lows(seen, bounds.final)[0] > 0.5
                    results += [superior, passed]
                found.append(results)
            rows.append([str(n), f"{share:.0%}", *map(rate, np.concatenate(found, axis=1))])
    head = ["n", "losses that come as invalid", "valid votes, stop at their E", "and the bound with losses"]
    head += ["valid votes, stop at both E", "and the bound with losses"]
    return table(
        "Invalid votes that are losses, θ = .5: superiority where judging stops by valid votes alone, and by both",
        head,
        rows,
    )


def _filled(cells: Floats) -> Floats:
    """(R, n) prompt means of the judges that are there; ½, which moves no e-process, where none is."""
    count = np.isfinite(cells).sum(axis=2)
    return np.where(count > 0, np.nan_to_num(cells).sum(axis=2) / np.maximum(count, 1), 0.5)


TABLES = (stopping_costs, stopping_families, rounds, reuse, hidden_losses)
