"""The gate's components that rest on suites: nothing forgotten, and absolute thresholds.

An item without a score is no failure, and may hide one: where a few are missing, a component that passes must pass
again with all of them against the candidate.
"""

import math
from dataclasses import replace

import numpy as np
import polars as pl

from venire.judges._gate_component import Component
from venire.judges.policy import ZERO_FAILURE_CERTIFIES, ZERO_FAILURE_ITEMS, GatePolicy, NonInferiority, Threshold
from venire.judges.statistics.rao_scott import design_effect, paired_non_inferiority
from venire.judges.statistics.tango import most_losses
from venire.judges.statistics.thresholds import certifying_hits, threshold_test, zero_failure_bound

_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("suite", "contender", "sample_id", "metric", "family"), pl.String),
    "epoch": pl.Int64,
    "value": pl.Float64,
}
_UNSCORED = 0.1  # above this share of unscored items a suite says nothing


def suite_components(
    suites: pl.DataFrame | None, policy: GatePolicy, candidate: str, incumbent: str
) -> list[Component]:
    """One component for each non-inferiority margin and each threshold of the policy.

    `suites` has the columns suite, contender, sample_id, epoch, metric, value (0 to 1, null: unscored) and family.
    """
    found = []
    for suite, asked in policy.suites.items():
        rows = _rows(suites, suite)
        if asked.non_inferiority:
            name = f"non_inferiority:{suite}"
            found.append(_non_inferiority(name, rows, asked.metric, asked.non_inferiority, candidate, incumbent))
        for metric, threshold in asked.thresholds.items():
            found.append(_threshold(f"threshold:{suite}.{metric}", rows, metric, threshold, candidate, incumbent))
    return found


def _rows(suites: pl.DataFrame | None, suite: str) -> pl.DataFrame:
    if suites is None:
        return pl.DataFrame(schema=_COLUMNS)
    named = pl.col("suite").str.split("/").list.last()
    return suites.filter((pl.col("suite") == suite) | (named == suite))


def _undefined(name: str, required: float, why: str) -> Component:
    return Component(name, None, None, required, f"undefined: {why}")


def _non_inferiority(
    name: str, rows: pl.DataFrame, metric: str | None, asked: NonInferiority, candidate: str, incumbent: str
) -> Component:
    required = -asked.delta
    metrics = rows["metric"].unique().sort().to_list()
    if metric is None and len(metrics) > 1:
        return _undefined(name, required, f"the suite has several metrics ({', '.join(metrics)}); name one: metric")
    if metric and metrics and metric not in metrics:
        return _undefined(name, required, _no_metric(metric, metrics))
    wanted = rows.filter(pl.col("metric") == (metric or (metrics[0] if metrics else "")))
    sides = [wanted.filter(pl.col("contender") == contender) for contender in (candidate, incumbent)]
    if not all(side.height for side in sides):
        return _undefined(name, required, f"no results of {candidate if sides[1].height else incumbent}")
    pairs = sides[0].join(sides[1], on=["sample_id", "epoch"], suffix="_incumbent", how="full", coalesce=True)
    pairs = pairs.sort("sample_id", "epoch").with_columns(pl.coalesce("family", "family_incumbent"))
    scored = pairs.filter(pl.col("value").is_not_null(), pl.col("value_incumbent").is_not_null())
    if scored.height < (1 - _UNSCORED) * pairs.height:
        return _undefined(name, required, f"{pairs.height - scored.height} of {pairs.height} items lack a score")
    own, other = scored["value"].to_numpy(), scored["value_incumbent"].to_numpy()
    if not (np.isin(own, (0, 1)).all() and np.isin(other, (0, 1)).all()):
        return _undefined(name, required, "Tango's test takes right or wrong; this metric has values between")
    found = paired_non_inferiority(own, other, asked.delta, scored["family"].to_numpy(), asked.alpha)
    gains, losses = int(((own - other) > 0).sum()), int(((own - other) < 0).sum())
    lacking, worst = pairs.height - scored.height, None
    if lacking:
        ours, theirs = pairs["value"].fill_null(0).to_numpy(), pairs["value_incumbent"].fill_null(1).to_numpy()
        worst = paired_non_inferiority(ours, theirs, asked.delta, pairs["family"].to_numpy(), asked.alpha)
    shown = found.shown and (worst is None or worst.shown)
    verdict = (
        f"a loss of {asked.delta:g} is excluded"
        if shown
        else f"a loss of {asked.delta:g} is excluded on these items only"
        if found.shown
        else f"a loss greater than {asked.delta:g} is shown"
        if found.violated
        else f"a loss of {asked.delta:g} is not excluded" + _too_few(scored.height, asked)
    )
    detail = (
        f"{other.mean():.3f} before, {own.mean():.3f} after on {scored.height} items ({gains} gained, {losses} lost"
        + (f", design effect {found.deff:.2f}" if found.deff > 1 else "")
        + f"); difference {found.estimate:+.3f}, lower bound {found.low:+.3f} (one-sided {asked.alpha:g}): {verdict}"
        + (_lacking(lacking, pairs.height) + f"the lower bound is {worst.low:+.3f}" if worst else "")
    )
    return Component(name, shown, found.low, required, detail, "REFUSE" if found.violated else "HOLD")


def _no_metric(metric: str, metrics: list[str]) -> str:
    return f"the suite's results hold no metric {metric!r}; they hold {', '.join(metrics)}"


def _lacking(lacking: int, n: int) -> str:
    return f"; {lacking} of {n} items lack a score: with all of them against the candidate "


def _too_few(n: int, asked: NonInferiority) -> str:
    if most_losses(n, asked.delta, asked.alpha) is None:
        return f" (and cannot be with {n} items, whatever the model does)"
    return ""


def _threshold(
    name: str, rows: pl.DataFrame, metric: str, asked: Threshold, candidate: str, incumbent: str
) -> Component:
    limit = asked.at_most if asked.at_most is not None else asked.at_least
    assert limit is not None
    of_metric = rows.filter(pl.col("metric") == metric)
    mine = of_metric.filter(pl.col("contender") == candidate)
    scored = mine.filter(pl.col("value").is_not_null()).sort("sample_id", "epoch")
    if of_metric.height == 0 and rows.height:
        return _undefined(name, limit, _no_metric(metric, rows["metric"].unique().sort().to_list()))
    if scored.height == 0 or scored.height < (1 - _UNSCORED) * mine.height:
        lacking = f"{mine.height - scored.height} of {mine.height} items lack a score" if mine.height else "no results"
        return _undefined(name, limit, f"{lacking} for {metric!r} of {candidate}")
    if not scored["value"].is_in([0.0, 1.0]).all():
        return _undefined(name, limit, "an exact binomial test takes 0 and 1; this metric has values between")
    found = _tested(name, scored, asked, limit)
    asked_of = of_metric.filter(pl.col("contender").is_in([candidate, incumbent]))
    items = asked_of.select("sample_id", "epoch", "family").unique(["sample_id", "epoch"], maintain_order=True)
    everything = items.join(scored.select("sample_id", "epoch", "value"), on=["sample_id", "epoch"], how="left")
    if not found.passed or everything.height == scored.height:
        return found
    failed = 1.0 if asked.at_most is not None else 0.0
    worst = _tested(
        name, everything.sort("sample_id", "epoch").with_columns(pl.col("value").fill_null(failed)), asked, limit
    )
    note = _lacking(everything.height - scored.height, everything.height)
    said = found.detail + note + ("it passes" if worst.passed else "it does not pass")
    return replace(found, passed=worst.passed, detail=said, bound=worst.bound)


def _tested(name: str, scored: pl.DataFrame, asked: Threshold, limit: float) -> Component:
    """The test of one metric on the items of `scored`, whose values are 0 or 1."""
    sign = "at most" if asked.at_most is not None else "at least"
    values = scored["value"].to_numpy()
    if asked.zero_failure:
        return _zero_failure(name, values, scored["sample_id"].to_numpy(), asked, limit)
    hits, n, deff = _effective(values, scored["family"].to_numpy(), asked)
    mode = asked.mode_at(scored["sample_id"].n_unique())  # by items, as the plan says it, whatever families leave
    test = threshold_test(hits, n, at_most=asked.at_most, at_least=asked.at_least, mode=mode, alpha=asked.alpha)
    rate = float(values.mean())
    counted = f"{int(values.sum())} of {len(values)}" + (f", counted as {hits} of {n} (families)" if deff > 1 else "")
    if test.mode == "point" and test.verdict != "certified":
        verdict = f"{test.verdict} by the exact test; the bare rate decides: uncertified"
    else:
        possible = certifying_hits(n, at_most=asked.at_most, at_least=asked.at_least, alpha=asked.alpha)
        verdict = test.verdict + ("" if possible is not None else f" (no result of {n} items could certify it)")
    detail = f"{rate:.3f} ({counted}), {sign} {limit:g} wanted: {verdict}"
    bound = None if test.mode == "point" else test.high if asked.at_most is not None else test.low
    outcome = "REFUSE" if test.verdict == "violated" else "HOLD"
    return Component(name, test.passed, rate, limit, detail, outcome, bound)


def _effective(values: np.ndarray, families: np.ndarray, asked: Threshold) -> tuple[int, int, float]:
    """Hits and items divided by the design effect of families, rounded against the candidate."""
    deff = design_effect(values, families)
    n = math.floor(len(values) / deff)
    exact = float(values.sum()) / deff
    hits = math.ceil(exact - 1e-9) if asked.at_most is not None else math.floor(exact + 1e-9)
    return min(hits, n), n, deff


def _zero_failure(name: str, values: np.ndarray, items: np.ndarray, asked: Threshold, limit: float) -> Component:
    """Not one failure: passes with none, and is violated only where 95% itself is excluded.

    What is certified goes by distinct items: one that is asked again, in another epoch, is no further item.
    """
    good = values if asked.at_least is not None else 1 - values
    failures, n = int(len(good) - good.sum()), len(np.unique(items))
    deff = design_effect(good, items)
    counted = math.floor(len(good) / deff)
    successes = counted - math.floor(failures / deff + 1e-9)
    test = threshold_test(successes, counted, at_least=ZERO_FAILURE_CERTIFIES, alpha=asked.alpha)
    violated = test.verdict == "violated"
    bound = zero_failure_bound(n, asked.alpha)
    size = (
        ""
        if n == ZERO_FAILURE_ITEMS
        else f"; {ZERO_FAILURE_ITEMS} items are what certifies {ZERO_FAILURE_CERTIFIES:.0%}"
    )
    answers = f" ({len(good)} answers)" if len(good) > n else ""
    detail = f"{failures} failures in {n} items{answers}, none allowed: " + (
        f"certifies {bound:.1%}{size}" if not failures else "violated" if violated else "not shown"
    )
    observed = float(values.mean())
    return Component(name, not failures, observed, limit, detail, "REFUSE" if violated else "HOLD")
