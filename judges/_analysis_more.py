"""What an analysis adds where the votes allow it: a ranking of many contenders, people, and latent verdicts.

None of it gates. `ranking`: Davidson's model over all comparisons that hang together. `people`: what people would have
said, from the few pairs that they judged and the many that the panel did (PPI++). `latent`: one-coin Dawid-Skene.
"""

import itertools
from typing import Any

import numpy as np
import polars as pl

from venire.judges.statistics.categories import SIGNS, one_hot
from venire.judges.statistics.davidson import davidson_of_sums
from venire.judges.statistics.dawid_skene import dawid_skene
from venire.judges.statistics.frames import Comparison
from venire.judges.statistics.human_calibration import ppi
from venire.judges.statistics.kappa import cohen_kappa
from venire.judges.statistics.panel import Orders, order_mean, prompt_means
from venire.judges.statistics.patterns import collapse
from venire.judges.statistics.winrate import MIN_PROMPTS

LATENT_FROM = 200  # prompts, each a family of its own
_ABSENT = 9.0


def ranking(found: list[Comparison], orders: Orders) -> dict[str, Any] | None:
    """Log worths of three contenders or more with jackknife-t intervals over families, the best first; else None.

    A prompt of a comparison weighs one, its votes sharing it. None, too, where the comparisons fall into parts that
    never meet, or rest on one family.
    """
    names = sorted({name for c in found for name in (c.candidate, c.incumbent)})
    if len(names) < 3 or not _connected(found, names):
        return None
    seat = {name: i for i, name in enumerate(names)}
    families = {name: i for i, name in enumerate(sorted({str(f) for c in found for f in c.families}))}
    pair = {key: p for p, key in enumerate(itertools.combinations(range(len(names)), 2))}
    sums = np.zeros((3, len(families), len(pair)))
    for c in found:
        wins, losses, ties = _shares(c, orders)
        i, j = seat[c.candidate], seat[c.incumbent]
        if i > j:
            i, j, wins, losses = j, i, losses, wins
        rows = np.array([families[str(f)] for f in c.families])
        for total, share in zip(sums, (wins, losses, ties), strict=True):
            np.add.at(total[:, pair[i, j]], rows, share)
    sums = sums[:, sums.sum(axis=(0, 2)) > 0]
    if sums.shape[1] < 2:
        return None
    result = davidson_of_sums(sums, len(names))
    order = np.argsort(-result.fit.beta, kind="stable")
    return {
        "method": "davidson/jackknife-t",
        "ties": result.fit.nu,
        "families": sums.shape[1],
        "contenders": [
            {
                "name": names[i],
                "log_worth": result.fit.beta[i],
                "low": result.low[i],
                "high": result.high[i],
                "worth": result.fit.worth[i],
            }
            for i in order
        ],
    }


def _connected(found: list[Comparison], names: list[str]) -> bool:
    reached = {names[0]}
    for _ in names:
        for c in found:
            if reached & {c.candidate, c.incumbent}:
                reached |= {c.candidate, c.incumbent}
    return len(reached) == len(names)


def _shares(c: Comparison, orders: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) shares of wins, losses and ties among a prompt's votes, summing to 1, or to 0 where none counts."""
    y = np.where(np.isfinite(c.panel.cells(orders))[..., None], c.panel.y, np.nan)
    count = np.isfinite(y).sum(axis=(1, 2))
    lean = np.nan_to_num(2 * y - 1)
    scale = 1 / np.maximum(count, 1)
    wins, losses = (np.maximum(side, 0).sum(axis=(1, 2)) * scale for side in (lean, -lean))
    return wins, losses, np.where(count > 0, 1 - wins - losses, 0)


def people(panel: np.ndarray, c: Comparison, human: Comparison | None) -> dict[str, Any] | None:
    """The win rate that people would have given, from panel means (n,) of `c` and people's votes on the same pair."""
    if human is None:
        return None
    place = {str(name): i for i, name in enumerate(c.prompts)}
    said = prompt_means(order_mean(human.panel.y, "any"))  # a person sees a pair once, place balanced
    labels = np.full(len(panel), np.nan)
    for name, value in zip(human.prompts, said, strict=True):
        if str(name) in place:
            labels[place[str(name)]] = value
    judged = np.isfinite(panel)
    both = judged & np.isfinite(labels)
    if np.unique(c.panel.clusters[both]).size < 2:
        return None
    result = ppi(panel[judged], labels[judged], c.panel.clusters[judged])
    signs = [np.sign(np.round(2 * values[both] - 1, 12)) for values in (panel, labels)]
    table = np.einsum("ia,ib->ab", *(one_hot(sign, SIGNS) for sign in signs))
    return {
        "estimate": result.estimate,
        "low": result.low,
        "high": result.high,
        "level": 0.95,
        "method": "ppi++",
        "people_alone": result.human_only,
        "weight": result.weight,
        "labelled": result.labelled,
        "n": result.n,
        "people": len(human.panel.judges),
        "panel_agrees": float(np.trace(table) / table.sum()),
        "kappa": float(cohen_kappa(table)),
        "inconclusive": result.labelled < MIN_PROMPTS,
    }


def latent(verdicts: np.ndarray, judges: tuple[str, ...], clusters: np.ndarray) -> dict[str, Any] | None:
    """One-coin Dawid-Skene: a latent win rate and each judge's accuracy; None below 200 prompts or 3 judges.

    Only where every prompt is a family of its own. Judges that share errors fool it: a diagnostic, never a gate.
    """
    seen = np.isfinite(verdicts).any(axis=1)
    n = int(seen.sum())
    if n < LATENT_FROM or len(judges) < 3 or np.unique(clusters[seen]).size < n:
        return None
    signs = np.sign(verdicts[seen])
    patterns = collapse(np.where(np.isfinite(signs), signs, _ABSENT))
    rows = np.where(patterns.features == _ABSENT, np.nan, patterns.features)
    fit = dawid_skene(one_hot(rows, SIGNS), one_coin=True, times=patterns.counts)
    return {
        "method": "dawid-skene/one coin",
        "win_rate": float(fit.marginals @ np.array([0.0, 0.5, 1.0])),
        "accuracy": {name: float(fit.errors[j, 0, 0]) for j, name in enumerate(judges)},
    }


def merged_orders(votes: pl.DataFrame) -> set[tuple[str, str, str]]:
    """(candidate, incumbent, judge) of votes from rows that stood for both orders at once.

    Nothing about places can be read off such votes: both orders say the same because they were written so.
    """
    if "note" not in votes.columns or votes["note"].null_count() == votes.height:
        return set()
    marked = votes.filter(pl.col("note").is_in(["merged", "inconsistent"]))
    return set(marked.select("candidate", "incumbent", "judge").unique().rows())
