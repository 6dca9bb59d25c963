"""What people would have said: power-tuned PPI++ from few human labels and many judge votes; Rogan-Gladen beside it.

θ̂ = λ·mean_U f + mean_L(h − λf), λ = clip(Cov_L(h, f)/(Var f·(1 + m/(N−m))), 0, 1), L the m prompts with a human label
h and U the N−m without, f the panel's value; interval: Wilson at n_eff(θ̂, SE, G = m), df = m − 1
(Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453, §6). Rogan and Gladen (1978): (t + spec − 1)/(sens + spec − 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .clusters import cluster_codes
from .winrate import rate_interval


@dataclass(frozen=True)
class HumanCalibrated:
    """estimate, low, high: the human win rate in [0, 1]; weight: λ in [0, 1]; labelled: m; n: N prompts in all.

    human_only: the mean of the labels alone.
    """

    estimate: float
    low: float
    high: float
    se: float
    weight: float
    labelled: int
    n: int
    human_only: float


def ppi(panel: ArrayLike, human: ArrayLike, clusters: ArrayLike | None = None, level: float = 0.95) -> HumanCalibrated:
    """From panel values f (N,) in [0, 1] and human values h (N,) in [0, 1], nan where a prompt has no human label.

    clusters (N,): families of paraphrases, whose errors go together; G and df then count families with a label.
    """
    f, h = np.asarray(panel, float), np.asarray(human, float)
    if f.shape != h.shape or np.isnan(f).any():
        raise ValueError("panel and human values have one length, and the panel has a value everywhere")
    labelled = ~np.isnan(h)
    m, n = int(labelled.sum()), f.size
    if m < 2:
        raise ValueError(f"{m} human labels: at least two are needed")
    own, rest, labels = f[labelled], f[~labelled], h[labelled]
    spread = float(f.var(ddof=1))
    weight = 0.0
    if n > m and spread > 0:
        covariance = float(np.cov(labels, own)[0, 1])
        weight = float(np.clip(covariance / (spread * (1 + m / (n - m))), 0, 1))
    residual = labels - weight * own
    estimate = float(residual.mean()) + (weight * float(rest.mean()) if n > m else 0.0)
    codes, groups = cluster_codes(clusters, n)
    on_labels, on_rest = np.zeros(groups), np.zeros(groups)
    np.add.at(on_labels, codes[labelled], (residual - residual.mean()) / m)
    if n > m:
        np.add.at(on_rest, codes[~labelled], weight * (rest - rest.mean()) / (n - m))
    seen, others = np.unique(codes[labelled]).size, np.unique(codes[~labelled]).size
    if seen < 2:
        raise ValueError("all human labels are on one family: at least two are needed")
    variance = seen / (seen - 1) * float(on_labels @ on_labels) + 2 * float(on_labels @ on_rest)
    variance += others / (others - 1) * float(on_rest @ on_rest) if others > 1 else 0.0
    se = float(np.sqrt(max(variance, 0.0)))
    low, high, _ = rate_interval(estimate, se, seen - 1, seen, level)
    return HumanCalibrated(float(np.clip(estimate, 0, 1)), low, high, se, weight, m, n, float(labels.mean()))


def rogan_gladen(rate: float, sensitivity: float, specificity: float) -> float:
    """The true rate behind an observed one; it may leave [0, 1]: clip it only for showing. nan for a blind judge."""
    gain = sensitivity + specificity - 1
    return (rate + specificity - 1) / gain if gain > 0 else float("nan")
