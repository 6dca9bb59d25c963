"""Coverage of the intervals and size of tests of docs/statistics.md, one function a table; run by `operating.py`."""

import numpy as np
from model import World
from numpy.typing import NDArray
from scipy import stats

from venire.judges.statistics.a_flip import a_flip
from venire.judges.statistics.clusters import cluster_mean
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.panel import order_mean
from venire.judges.statistics.patterns import bca_interval
from venire.judges.statistics.power import n_required
from venire.judges.statistics.rao_scott import design_effect
from venire.judges.statistics.sign_flip import sign_flip_p
from venire.judges.statistics.tango import tango_z
from venire.judges.statistics.two_way import judges_like_these
from venire.judges.statistics.winrate import rate_interval, wilson, wilson_n_eff

Rows = list[list[str]]


def rate(hits: NDArray[np.bool_] | list[bool]) -> str:
    """A share with its 95% Monte-Carlo half-width."""
    x = np.asarray(hits, float)
    return share_of(float(x.sum()), x.size)


def share_of(hits: float, runs: int) -> str:
    """The same from a count."""
    p = hits / runs
    return f"{p:.3f} ±{1.96 * np.sqrt(max(p * (1 - p), 0.25 / runs) / runs):.3f}"


def table(title: str, head: list[str], rows: Rows) -> str:
    """A Markdown table with its title."""
    lines = [f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def covered(low: NDArray, high: NDArray, theta: float) -> str:
    """Two-sided coverage and, in brackets, P(lower bound > θ)."""
    return f"{rate((low <= theta) & (theta <= high))} ({np.mean(low > theta):.3f})"


def win_rate(rng: np.random.Generator, reps: int) -> str:
    """Coverage of naive Wilson, CR1 t, BCa (a tenth of the replications) and the default."""
    rows: Rows = []
    z = stats.norm.ppf(0.975)
    for n in (15, 57, 200):
        for theta in (0.5, 0.6, 0.912):
            votes = World(theta).votes(rng, reps, n)
            y = votes.mean(axis=(2, 3))
            mean, se = y.mean(axis=1), y.std(axis=1, ddof=1) / np.sqrt(n)
            naive = wilson(mean, n * 8, z)
            t = stats.t.ppf(0.975, n - 1)
            low, high, _ = wilson_n_eff(mean, se, n - 1, n)
            few = y[: reps // 10]
            bca = np.array([_bca(rng, row) for row in few])
            width = f"{float(np.mean(high - low)):.3f}"
            rows.append(
                [
                    f"{n}, {theta}",
                    covered(*naive, theta),
                    covered(mean - t * se, mean + t * se, theta),
                    covered(bca[:, 0], bca[:, 1], theta),
                    covered(low, high, theta),
                    width,
                ]
            )
    head = ["n, θ", "naive Wilson on votes", "CR1 t", "BCa", "default", "width"]
    return table("Win rate: 95% coverage, (P(lower bound > θ), nominal .025)", head, rows)


def _bca(rng: np.random.Generator, y: NDArray[np.float64], draws: int = 999) -> tuple[float, float]:
    n = y.size
    drawn = rng.multinomial(n, np.full(n, 1 / n), draws) @ y / n
    return bca_interval(float(y.mean()), drawn, (y.sum() - y) / (n - 1))


def families(rng: np.random.Generator, reps: int) -> str:
    """Coverage with families of paraphrases: by prompt, and by family (CR1 or CR2)."""
    unequal = np.array([1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 9, 11, 12])
    designs = {
        "19 × 3": np.full(19, 3),
        "10 × 20": np.full(10, 20),
        "14 of 1 to 12 (CR2)": unequal,
    }
    rows: Rows = []
    for name, sizes in designs.items():
        labels = np.repeat(np.arange(len(sizes)), sizes)
        for theta in (0.5, 0.6, 0.912):
            prompt, family = [], []
            for _ in range(reps // 4):
                y = _family_votes(rng, theta, sizes).mean(axis=(1, 2))
                alone, grouped = cluster_mean(y), cluster_mean(y, labels)
                prompt.append(_covers(alone, theta))
                family.append(_covers(grouped, theta))
            rows.append([name, str(theta), rate(prompt), rate(family)])
    return table("Families (shared part of the prompt effect .40)", ["families", "θ", "by prompt", "by family"], rows)


def _family_votes(
    rng: np.random.Generator, theta: float, sizes: NDArray[np.int64], share: float = 0.40
) -> NDArray[np.float64]:
    """(n, J, 2) votes of families of the given sizes that share `share` of the prompt effect."""
    world = World(theta, family=share, family_size=int(sizes.max()))
    votes = world.votes(rng, 1, len(sizes) * int(sizes.max()))[0]
    keep = np.concatenate([np.arange(size) + k * sizes.max() for k, size in enumerate(sizes)])
    return votes[keep]


def _covers(mean, theta: float) -> bool:  # type: ignore[no-untyped-def]
    low, high, _ = rate_interval(mean.estimate, mean.se, mean.df, mean.clusters)
    return low <= theta <= high


def panels_of_judges(rng: np.random.Generator, reps: int) -> str:
    """Coverage of the rate of judges like these, when a panel of J is drawn from judges with sd .08 in rate."""
    rows: Rows = []
    for judges in (4, 8):
        for n in (57, 200):
            both, alone = [], []
            for _ in range(reps // 4):
                world = World(None, tuple(0.253 + 0.21 * rng.normal(size=judges)), (0.0,) * judges)
                cells = order_mean(world.votes(rng, 1, n)[0])
                interval = judges_like_these(cells)
                y = cells.mean(axis=1)
                low, high, _ = wilson_n_eff(y.mean(), y.std(ddof=1) / np.sqrt(n), n - 1, n)
                truth = TRUTH_OF_JUDGES
                both.append(interval.low <= truth <= interval.high)
                alone.append(bool(low <= truth <= high))
            rows.append([f"{judges}, {n}", rate(alone), rate(both)])
    return table("Judges like these (judge sd .08 in rate)", ["J, n", "this panel's interval", "two-way"], rows)


# E over judges N(.253, .21) of P(vote > 0) + ½P(tie): the latent sd grows to √(1 + .21²).
TRUTH_OF_JUDGES = float(np.mean(stats.norm.cdf(np.array([0.253 - 0.113, 0.253 + 0.113]) / np.sqrt(1 + 0.21**2))))


def agreement(rng: np.random.Generator, reps: int) -> str:
    """How often the agreement component passes, for panels that should and panels that must not."""
    panels = {f"good, θ = {theta}": theta for theta in (0.5, 0.6, 0.75, 0.912)}
    rows: Rows = []
    for n in (30, 57):
        for name, theta in panels.items():
            votes = World(theta).votes(rng, reps // 2, n)
            rows.append([name, str(n), rate(_passes(votes))])
        coins = rng.integers(0, 2, (reps // 2, n, 4, 2)).astype(float)
        rows.append(["coins", str(n), rate(_passes(coins))])
        mixed = coins.copy()
        mixed[:, :, 0] = World(0.6).votes(rng, reps // 2, n)[:, :, 0]
        rows.append(["one judge, three coins", str(n), rate(_passes(mixed))])
        first = np.where(rng.random((reps // 2, n, 4, 2)) < 0.9, [1.0, 0.0], [0.0, 1.0])
        rows.append(["90% first answer", str(n), rate(_passes(first))])
    return table("Agreement component, L95(A_flip) ≥ .20: share that pass", ["panel", "n", "passes"], rows)


def _passes(votes: NDArray[np.float64]) -> list[bool]:
    return [bool(a_flip(2 * order_mean(one) - 1).low >= 0.20) for one in votes]


def sign_flip(rng: np.random.Generator, reps: int) -> str:
    """Type I error of the p-value at .025."""
    rows = []
    for n in (10, 57, 200):
        y = World(0.5).votes(rng, reps // 2, n).mean(axis=(2, 3))
        rows.append([str(n), rate([sign_flip_p(row, draws=1999, seed=k) <= 0.025 for k, row in enumerate(y)])])
    return table("Sign-flip p ≤ .025 at θ = .5", ["n", "type I"], rows)


def length(rng: np.random.Generator, reps: int) -> str:
    """The length-controlled rate where judges prefer length and the candidate writes more."""
    rows: Rows = []
    for shift in (0.0, 0.5, 1.0, 2.5):
        delta = rng.normal(shift, 1.0, (reps // 2, 57))
        votes = World(0.5).votes(rng, reps // 2, 57, push=0.6 * np.tanh(delta)).mean(axis=(2, 3))
        results = [length_controlled(y, d) for y, d in zip(votes, delta, strict=True)]
        fine = [one for one in results if one.identifiable]
        estimates = np.array([one.estimate for one in fine])
        rows.append(
            [
                f"{shift}",
                f"{votes.mean() - 0.5:+.3f}",
                f"{len(fine) / len(results):.3f}",
                f"{estimates.mean() - 0.5:+.3f}" if len(fine) else "–",
                rate([one.low <= 0.5 <= one.high for one in fine]) if len(fine) else "–",
            ]
        )
    head = ["shift of Δ in sd", "raw bias", "identifiable", "bias", "coverage"]
    return table("Length-controlled rate, n = 57, true rate at equal length .5", head, rows)


def suites(rng: np.random.Generator, reps: int) -> str:
    """Size of the non-inferiority test at exactly −δ with families, with and without the design effect."""
    rows: Rows = []
    delta, psi = 0.05, 0.15
    critical = stats.norm.ppf(0.95)
    for groups, size in ((200, 1), (66, 3), (20, 10), (20, 3)):
        n, shown, ignoring, violated = groups * size, [], [], []
        for _ in range(reps):
            d = _family_changes(rng, groups, size, psi, delta)
            labels = np.repeat(np.arange(groups), size)
            gains, losses, deff = np.sum(d > 0), np.sum(d < 0), design_effect(d, labels)
            shown.append(tango_z(gains / deff, losses / deff, n / deff, -delta) > critical)
            violated.append(tango_z(gains / deff, losses / deff, n / deff, -delta) < -critical)
            ignoring.append(tango_z(gains, losses, n, -delta) > critical)
        rows.append([f"{groups} × {size}", rate(shown), rate(violated), rate(ignoring)])
    head = ["families × size", "shown (size)", "violated (size)", "shown, families ignored"]
    return table("Non-inferiority at a true loss of exactly δ = .05, discordance .15", head, rows)


def _family_changes(
    rng: np.random.Generator, groups: int, size: int, psi: float, delta: float, share: float = 0.4
) -> NDArray[np.float64]:
    """(n,) changes −1, 0, 1 with P(gain) = (ψ−δ)/2, P(loss) = (ψ+δ)/2, correlated inside families."""
    shared, own = rng.normal(size=(groups, 1)), rng.normal(size=(groups, size))
    u = stats.norm.cdf(np.sqrt(share) * shared + np.sqrt(1 - share) * own).ravel()
    return np.where(u < (psi + delta) / 2, -1.0, np.where(u > 1 - (psi - delta) / 2, 1.0, 0.0))


def planning(rng: np.random.Generator, reps: int) -> str:
    """Power that `n_required` promises (.80) against power found."""
    rows: Rows = []
    for theta in (0.55, 0.60, 0.65, 0.70):
        n = n_required(theta)
        y = World(theta).votes(rng, reps, n).mean(axis=(2, 3))
        low, _, _ = wilson_n_eff(y.mean(axis=1), y.std(axis=1, ddof=1) / np.sqrt(n), n - 1, n)
        rows.append([str(theta), "1", str(n), rate(low > 0.5)])
    for share in (0.4, 0.6):
        n = -(-n_required(0.60, family_size=3, family_icc=share) // 3) * 3
        y = World(0.60, family=share, family_size=3).votes(rng, reps, n).mean(axis=(2, 3))
        sums = y.reshape(reps, n // 3, 3).mean(axis=2)
        low, _, _ = wilson_n_eff(sums.mean(axis=1), sums.std(axis=1, ddof=1) / np.sqrt(n // 3), n // 3 - 1, n // 3)
        rows.append(["0.6", f"3, ρ_family {share}", str(n), rate(low > 0.5)])
    return table("Power of the prompts that `n_required` asks for (.80)", ["θ", "family", "n", "power"], rows)


TABLES = (win_rate, families, panels_of_judges, agreement, sign_flip, length, suites, planning)
