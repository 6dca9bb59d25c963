"""A frame of votes becomes the Analysis object: every figure of every comparison, with what to mind about them.

The object's keys are described in docs/formats.md, "Analysis", definitions in `venire.judges.statistics`. Only votes
whose `use` is `gate` (or what is asked for) count. Nothing is withdrawn here: judges that fail an exam or answer too
rarely are the gate's. Among the keys:

- `agreement.intervals` {coefficient: {`low`, `high`}}: jackknife over families on Fisher's z, null if not estimable;
- `vote_icc`: correlation of two votes on a prompt, what `venire power --correlation` asks for;
- `complete_case` {`estimate`, `low`, `high`, `n`}, where judges skipped prompts: the prompts that all of them judged;
- `bootstrap` {`draws`, `patterns`, `seed`, `win_rate` {`low`, `high`, `se`}, `judges` {name: {`low`, `high`}}, `a_flip`
  {`low`, `high`}}, where draws are asked for: BCa for the panel, percentile for the rest;
- `people`, `latent` and, for three contenders or more, `ranking`: see `_analysis_more`.
"""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from venire._common.errors import InputError
from venire.judges._analysis_more import latent, merged_orders, people, ranking
from venire.judges._analysis_warnings import Warnings, both_ways, mind, saturated, warn
from venire.judges.statistics import agreement as _agreement
from venire.judges.statistics import frames
from venire.judges.statistics.bootstrap import bootstrap as _bootstrap
from venire.judges.statistics.complete_case import complete_case
from venire.judges.statistics.effective_judges import effective_judges
from venire.judges.statistics.frames import INVALID, Comparison, Repeats
from venire.judges.statistics.icc import vote_icc
from venire.judges.statistics.leave_one_out import LeftOut, leave_one_family_out, leave_one_judge_out
from venire.judges.statistics.length import length_controlled
from venire.judges.statistics.panel import Orders, order_mean, panel_majority, prompt_means
from venire.judges.statistics.position import position
from venire.judges.statistics.sign_flip import sign_flip_p
from venire.judges.statistics.two_way import judges_like_these
from venire.judges.statistics.unreliable import reliability
from venire.judges.statistics.winrate import WinRate, winrate_ci


def votes_for(votes: pl.DataFrame, use: str) -> pl.DataFrame:
    """The rows of a `use` (`gate` where the column is missing or empty)."""
    if "use" not in votes.columns:
        return votes if use == "gate" else votes.clear()
    return votes.filter(pl.col("use").fill_null("gate") == use)


def comparisons(votes: pl.DataFrame, repeats: Repeats = "refuse") -> list[Comparison]:
    """The arrays behind an analysis, one `Comparison` a (candidate, incumbent); InputError where votes are unfit."""
    try:
        return frames.comparisons(votes, repeats)
    except ValueError as error:
        raise InputError(f"votes: {error}") from error


def analyze(
    votes: pl.DataFrame,
    *,
    orders: Orders = "both",
    repeats: Repeats = "refuse",
    bootstrap: int = 0,
    seed: int = 0,
    use: str = "gate",
) -> dict[str, Any]:
    """The Analysis object of `votes` (at least the six required columns), ready for JSON: nan is null.

    orders: "both" leaves out a (prompt, judge) whose other order is missing; "any" admits it, with a warning.
    repeats: see `frames.comparisons`. bootstrap: draws of the cluster bootstrap, 0 for none. seed: of every draw.
    use: which votes count.
    """
    counted = votes_for(votes, use)
    if counted.is_empty():
        raise InputError(_none_counts(votes, use))
    found = comparisons(counted, repeats)
    warnings: Warnings = []
    if len(counted) < len(votes):
        warn(warnings, "votes_not_counted", f"{len(votes) - len(counted)} votes whose use is not `{use}`")
    _check_orders(found, orders)
    said = _said_by_people(votes) if use != "human" else {}
    merged = merged_orders(counted)
    result = {
        "n_votes": int(sum(c.verdicts.sum() for c in found)),
        "n_invalid": int(sum(c.verdicts[:, INVALID].sum() for c in found)),
        "n_prompts": len(set().union(*(c.prompts.tolist() for c in found))),
        "n_families": len(set().union(*(c.families.tolist() for c in found))),
        "orders": orders,
        "warnings": warnings,
        "comparisons": [_comparison(c, orders, bootstrap, seed, warnings, said, merged) for c in found],
    }
    if len(found) > 1:
        result["pooled"] = _pooled(found, orders, merged)
    saturated(result["comparisons"], warnings)
    both_ways(found, warnings)
    ranked = ranking(found, orders)
    if ranked is not None:
        result["ranking"] = ranked
    return _plain(result)


def _none_counts(votes: pl.DataFrame, use: str) -> str:
    """What to do about a file without a vote of that use."""
    if votes.is_empty():
        return "votes: there is no vote in it"
    uses = votes["use"].fill_null("gate").value_counts(sort=True) if "use" in votes.columns else None
    there = ", ".join(f"{n} are `{name}`" for name, n in uses.iter_rows()) if uses is not None else "all are `gate`"
    return f"votes: no row has `use` = {use} ({there}): nothing to analyze; `--use` names those that shall count" + (
        " (people see a pair once: `--use human --orders any`)" if "human" in there else ""
    )


def _said_by_people(votes: pl.DataFrame) -> dict[tuple[str, str], Comparison]:
    """People's votes by (candidate, incumbent)."""
    rows = votes_for(votes, "human")
    return {(c.candidate, c.incumbent): c for c in frames.comparisons(rows, "keep")} if rows.height else {}


def _check_orders(found: list[Comparison], orders: Orders) -> None:
    if any(np.isfinite(c.panel.cells(orders)).any() for c in found):
        return
    if orders == "both" and any(np.isfinite(c.panel.y).any() for c in found):
        raise InputError(
            "votes: no judge has a valid vote in both orders on any prompt, so nothing remains; "
            "`--orders any` admits single-order votes (position bias then goes unchecked)"
        )


def _comparison(
    c: Comparison,
    orders: Orders,
    draws: int,
    seed: int,
    warnings: Warnings,
    said: dict[tuple[str, str], Comparison],
    merged: set[tuple[str, str, str]],
) -> dict[str, Any]:
    cells, judges, clusters = c.panel.cells(orders), c.panel.judges, c.panel.clusters
    verdicts, means = 2 * cells - 1, prompt_means(cells)
    valid = int(c.verdicts[:, :INVALID].sum())
    against = prompt_means(order_mean(c.against, orders))
    agreed = _agreement.agreement(verdicts, judges, clusters)
    result: dict[str, Any] = {
        "candidate": c.candidate,
        "incumbent": c.incumbent,
        "totals": _totals(c.verdicts.sum(axis=0)),
        "win_rate": _win_rate(means, clusters, seed),
    }
    if c.soft is not None:
        result["win_rate_soft"] = _win_rate(prompt_means(order_mean(c.soft, orders)), clusters, seed)
    result |= {
        "invalid_against_candidate": _rate(against, clusters, ("estimate", "low", "low_one_sided_95")),
        "coverage": valid / int(c.verdicts.sum()),
        "panel_majority": _mean(panel_majority(verdicts)),
        "judges_like_these": _bounds(judges_like_these(cells, clusters)),
        "judges": _judges(c.panel.y, cells, judges, clusters, c.verdicts, _placeless(merged, c)),
        "domains": _domains(means, c.domains, clusters),
        "agreement": _agreement_block(agreed),
        "effective_judges": effective_judges(verdicts),
        "vote_icc": vote_icc(np.where(np.isfinite(cells)[..., None], c.panel.y, np.nan).reshape(len(cells), -1)),
        "leave_one_judge_out": [_left_out(row) for row in leave_one_judge_out(cells, judges, clusters)],
        "leave_one_family_out": [_left_out(row) for row in leave_one_family_out(cells, c.judge_families, clusters)],
        "length": _length(means, c),
    }
    more = {
        "complete_case": _complete_case(c, cells),
        "people": people(means, c, said.get((c.candidate, c.incumbent))),
        "latent": latent(verdicts, judges, clusters),
        "bootstrap": _bootstrap_block(cells, judges, clusters, draws, seed) if draws else None,
    }
    result |= {key: value for key, value in more.items() if value is not None}
    mind(c, orders, result, agreed.non_majority, warnings, _placeless(merged, c))
    return result


def _complete_case(c: Comparison, cells: np.ndarray) -> dict[str, Any] | None:
    """The win rate where all judged; None where all did everywhere, or nowhere."""
    if len(c.panel.judges) < 2 or np.isfinite(cells).all():
        return None
    full = complete_case(cells, c.panel.clusters)
    return full and {"estimate": full.estimate, "low": full.low, "high": full.high, "n": full.n}


def _placeless(merged: set[tuple[str, str, str]], c: Comparison) -> set[str]:
    """Judges of a comparison whose two orders are one row of the source, written twice."""
    return {judge for judge in c.panel.judges if (c.candidate, c.incumbent, judge) in merged}


def _totals(counts: np.ndarray) -> dict[str, int]:
    losses, ties, wins, invalid = (int(value) for value in counts)
    return {"wins": wins, "losses": losses, "ties": ties, "invalid": invalid}


def _interval(means: np.ndarray, clusters: np.ndarray) -> WinRate | None:
    kept = np.isfinite(means)
    return winrate_ci(means[kept], clusters[kept]) if kept.any() else None


def _win_rate(means: np.ndarray, clusters: np.ndarray, seed: int) -> dict[str, Any]:
    rate, kept = _interval(means, clusters), np.isfinite(means)
    if rate is None:
        keys = ("estimate", "low", "high", "level", "method", "p_value", "n_eff", "se", "df", "low_one_sided_95")
        return dict.fromkeys(keys) | {"n": 0, "clusters": 0, "inconclusive": True}
    return asdict(rate) | {"p_value": sign_flip_p(means[kept], clusters[kept], seed=seed)}


def _rate(means: np.ndarray, clusters: np.ndarray, keys: tuple[str, ...]) -> dict[str, Any]:
    rate = _interval(means, clusters)
    return {key: None if rate is None else getattr(rate, key) for key in keys}


def _mean(values: np.ndarray) -> float | None:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else None


def _bounds(interval: Any) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}


def _left_out(row: LeftOut) -> dict[str, Any]:
    return {"without": row.without, "estimate": row.estimate, "low": row.low if row.n else None}


def _judges(
    y: np.ndarray,
    cells: np.ndarray,
    judges: tuple[str, ...],
    clusters: np.ndarray,
    counts: np.ndarray,
    placeless: set[str],
) -> dict[str, Any]:
    unreliable = reliability(2 * cells - 1, clusters).flagged
    rows = {}
    for j, name in enumerate(judges):
        rate, place = _interval(cells[:, j], clusters), position(y[:, j], clusters)
        rows[name] = _totals(counts[j]) | {
            "win_rate": rate.estimate if rate else None,
            "low": rate.low if rate else None,
            "high": rate.high if rate else None,
            "pairs_both_orders": place.pairs,
            "both_orders_candidate": place.candidate_both,
            "first_slot_both": place.first_slot_both,
            "second_slot_both": place.second_slot_both,
            "swap_consistency": place.same_verdict,
            "position_bias": {"estimate": place.bias, "low": place.low, "high": place.high},
            "flagged": bool(unreliable[j] or place.flagged),
        }
        if name in placeless:
            of_places = ("first_slot_both", "second_slot_both", "swap_consistency", "position_bias")
            rows[name] |= dict.fromkeys(of_places) | {"position_bias": dict.fromkeys(("estimate", "low", "high"))}
    return rows


def _domains(means: np.ndarray, domains: np.ndarray | None, clusters: np.ndarray) -> dict[str, Any]:
    rows = {}
    for name in [] if domains is None else np.unique(domains):
        rate = _interval(means[domains == name], clusters[domains == name]) if name else None
        if rate is not None:
            rows[str(name)] = {"n": rate.n, "win_rate": rate.estimate, "low": rate.low, "high": rate.high}
    return rows


_COEFFICIENTS = (
    "raw",
    "fleiss_kappa",
    "krippendorff_alpha_nominal",
    "krippendorff_alpha_interval",
    "gwet_ac1",
    "gwet_ac2",
)


def _agreement_block(agreed: _agreement.Agreement) -> dict[str, Any]:
    return {
        "n_units": agreed.n_units,
        **{name: getattr(agreed, name).value for name in _COEFFICIENTS},
        "intervals": {name: _bounds(getattr(agreed, name)) for name in _COEFFICIENTS},
        "a_flip": {"estimate": agreed.a_flip.estimate, "low": agreed.a_flip.low},
        "raw_pairs": agreed.raw_pairs,
        "cohen_kappa": agreed.cohen_kappa,
        "gwet_ac1_pairs": agreed.gwet_ac1_pairs,
    }


def _length(means: np.ndarray, c: Comparison) -> dict[str, Any]:
    result = length_controlled(means, c.log_ratio, c.panel.clusters)
    return {
        "controlled_win_rate": result.estimate,
        "low": result.low,
        "high": result.high,
        "identifiable": result.identifiable,
    }


def _bootstrap_block(
    cells: np.ndarray, judges: tuple[str, ...], clusters: np.ndarray, draws: int, seed: int
) -> dict[str, Any] | None:
    kept = np.isfinite(prompt_means(cells))
    if not kept.any():
        return None
    result = _bootstrap(cells[kept], clusters[kept], draws, seed)
    low, high = result.win_rate
    return {
        "draws": draws,
        "patterns": result.patterns,
        "seed": seed,
        "win_rate": {"low": low, "high": high, "se": result.se},
        "judges": {
            name: {"low": row[0], "high": row[1]} for name, row in zip(judges, result.judges.tolist(), strict=True)
        },
        "a_flip": {"low": result.a_flip[0], "high": result.a_flip[1]},
    }


def _pooled(found: list[Comparison], orders: Orders, merged: set[tuple[str, str, str]]) -> dict[str, Any]:
    """Agreement and judges over the units (prompt, candidate, incumbent) of all comparisons."""
    judges = tuple(sorted({name for c in found for name in c.panel.judges}))
    seat = {name: j for j, name in enumerate(judges)}
    n = sum(len(c.prompts) for c in found)
    y, counts = np.full((n, len(judges), 2), np.nan), np.zeros((len(judges), 4), dtype=np.int64)
    start = 0
    for c in found:
        seats = [seat[name] for name in c.panel.judges]
        y[start : start + len(c.prompts), seats] = c.panel.y
        counts[seats] += c.verdicts
        start += len(c.prompts)
    cells, clusters = order_mean(y, orders), np.concatenate([c.panel.clusters for c in found])
    return {
        "n_judges": len(judges),
        "n_pairs": int(np.isfinite(cells).any(axis=1).sum()),
        "agreement": _agreement_block(_agreement.agreement(2 * cells - 1, judges, clusters)),
        "judges": _judges(y, cells, judges, clusters, counts, set().union(*(_placeless(merged, c) for c in found))),
    }


def _plain(value: Any) -> Any:
    """Python's own types only, nan and infinity as None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
