"""Coverage of the intervals that do not gate: people (PPI++), phrasings, rankings; run by `operating.py`."""

import numpy as np
from intervals import Rows, covered, rate, table
from numpy.typing import NDArray
from scipy import stats

from venire.judges.statistics.davidson import davidson, davidson_intervals
from venire.judges.statistics.human_calibration import ppi
from venire.judges.statistics.phrasing import phrasing_accuracy, phrasing_gap
from venire.judges.statistics.position import position
from venire.judges.statistics.winrate import winrate_ci

Floats = NDArray[np.float64]


def people(rng: np.random.Generator, reps: int) -> str:
    """PPI++ from m of N human labels and a judge with given sensitivity and specificity."""
    rows: Rows = []
    for n, m in ((400, 50), (1000, 100)):
        for sensitivity, specificity in ((0.9, 0.7), (0.8, 0.8)):
            for theta in (0.6, 0.912):
                found, judge, widths = [], [], []
                for _ in range(reps // 2):
                    truth = (rng.random(n) < theta).astype(float)
                    right = rng.random(n) < np.where(truth > 0, sensitivity, specificity)
                    f = np.where(right, truth, 1 - truth)
                    human = np.where(np.arange(n) < m, truth, np.nan)
                    result, alone, own = ppi(f, human), winrate_ci(f), winrate_ci(truth[:m])
                    found.append((result.low, result.high))
                    judge.append(alone.low <= theta <= alone.high)
                    widths.append((result.high - result.low, own.high - own.low))
                low, high = np.array(found).T
                mean = np.mean(widths, axis=0)
                rows.append(
                    [
                        f"{n}, {m}",
                        f"{sensitivity}, {specificity}",
                        str(theta),
                        covered(low, high, theta),
                        f"{mean[0]:.3f} / {mean[1]:.3f}",
                        f"{np.mean(judge):.2f}",
                    ]
                )
    head = ["N, m", "sens., spec.", "θ", "PPI++", "width, with people alone", "judge alone"]
    return table("People: coverage of the human win rate", head, rows)


def _answers(rng: np.random.Generator, facts: int, templates: int, shared: bool) -> tuple[Floats, Floats, Floats]:
    """Latent answers of facts × templates, with an effect of the template shared over facts or none; labels."""
    fact = 0.8 * rng.normal(size=(facts, 1))
    template = 0.5 * rng.normal(size=(1, templates)) if shared else 0.5 * rng.normal(size=(facts, templates))
    latent = fact + template + rng.normal(size=(facts, templates))
    f, t = np.meshgrid(np.arange(facts), np.arange(templates), indexing="ij")
    return latent.ravel(), f.ravel().astype(float), t.ravel().astype(float)


def phrasings(rng: np.random.Generator, reps: int) -> str:
    """Accuracy and gap where phrasings are unique to facts, and where templates are shared."""
    rows: Rows = []
    spread = np.sqrt(0.8**2 + 0.5**2 + 1)
    for facts, templates, shared in ((100, 5, False), (100, 5, True), (100, 10, True), (40, 10, True)):
        for accuracy in (0.8, 0.93):
            mean = spread * stats.norm.ppf(accuracy)
            inside, ignoring, gaps = [], [], []
            for _ in range(reps // 4):
                latent, f, t = _answers(rng, facts, 2 * templates, shared)
                x = (latent + mean > 0).astype(float)
                novel = t >= templates
                labels = t if shared else np.arange(x.size)
                own = phrasing_accuracy(x[novel], f[novel], labels[novel])
                by_fact = phrasing_accuracy(x[novel], f[novel])
                gap = phrasing_gap(x, f, novel, labels)
                inside.append(own.low <= accuracy <= own.high)
                ignoring.append(by_fact.low <= accuracy <= by_fact.high)
                gaps.append(gap.low <= 0 <= gap.high)
            name = f"{facts} facts × {templates} " + ("shared templates" if shared else "unique phrasings")
            rows.append([name, str(accuracy), rate(inside), rate(ignoring), rate(gaps)])
    head = ["design", "accuracy", "default", "fact alone", "gap (true 0)"]
    return table("Phrasing robustness: coverage", head, rows)


def places(rng: np.random.Generator, reps: int) -> str:
    """Position bias: coverage of its t interval, and flags of a sound judge."""
    rows: Rows = []
    for bias in (0.0, 0.3, 1.0):
        shared = rng.normal(0.25, 1, (reps, 57, 1))
        latent = np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.normal(size=(reps, 57, 2)) + bias * np.array([1, -1])
        votes = np.where(latent > 0.11, 1.0, np.where(latent < -0.11, 0.0, 0.5))
        truth = float((votes[..., 0] - votes[..., 1]).mean() / 2)
        results = [position(one) for one in votes]
        inside = [one.low <= truth <= one.high for one in results]
        warned, flagged = ([getattr(one, key) for one in results] for key in ("warned", "flagged"))
        rows.append([str(bias), f"{truth:.3f}", rate(inside), rate(warned), rate(flagged)])
    head = ["latent bias", "PB", "coverage", "warned", "flagged"]
    return table("Position bias, n = 57", head, rows)


def ranking(rng: np.random.Generator, reps: int) -> str:
    """Davidson, five contenders, 60 prompts, 4 votes a pair and prompt that correlate: coverage of log worths."""
    strengths = np.array([0.0, 0.2, 0.4, 0.6, 0.8])
    first, second = np.triu_indices(5, 1)

    def simulate(prompts: int) -> tuple[Floats, Floats]:
        wins, ties = np.zeros((prompts, 5, 5)), np.zeros((prompts, 5, 5))
        taste = 0.8 * rng.normal(size=(prompts, 5))
        gap = (strengths + taste)[:, first] - (strengths + taste)[:, second]
        latent = gap[..., None] + rng.logistic(size=(prompts, len(first), 4))
        won, lost = (latent > 0.3).sum(axis=2), (latent < -0.3).sum(axis=2)
        wins[:, first, second], wins[:, second, first] = won, lost
        ties[:, first, second] = ties[:, second, first] = 4 - won - lost
        return wins, ties

    big = simulate(100_000)
    truth = davidson(big[0].sum(axis=0), big[1].sum(axis=0)).beta
    jackknife, hessian = [], []
    for _ in range(reps // 4):
        result = davidson_intervals(*simulate(60))
        half = 1.96 * np.sqrt(np.diag(result.fit.hessian_cov))
        jackknife.extend((result.low <= truth) & (truth <= result.high))
        hessian.extend(np.abs(result.fit.beta - truth) <= half)
    rows = [["jackknife-t over prompts", rate(jackknife)], ["Hessian", rate(hessian)]]
    return table("Davidson: coverage of log worths (five intervals a replication)", ["interval", "covered"], rows)


TABLES = (people, phrasings, places, ranking)
