"""How metrics move over a series of contenders: rates, changes on the same items, and what looks too alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .lineages import data_hash, on_axis, place, seed_groups, series

if TYPE_CHECKING:
    from .run import Contender

_ITEM = ["suite", "metric", "contender", "sample_id", "family", "template"]
_PLACE: dict[str, Any] = {"series": pl.String, "at": pl.Float64, "first": pl.Boolean, "data": pl.String}


@dataclass(frozen=True)
class Point:
    """One place of a series on one metric: its rate, and its change against the incumbent on the same items.

    at: its place on the axis (the incumbent stands at 0). contenders: who stands there, several if they differ by the
    seed of their training; rates: of each of them; rate: of their mean, item by item. Intervals are 95%, by family and,
    where templates repeat over families, by template too; they do not hold the noise between seeds, which `rates` show.
    change is None for the incumbent and where no item is shared.
    """

    suite: str
    metric: str
    series: str
    contenders: tuple[str, ...]
    at: float
    rate: float
    low: float
    high: float
    items: int
    families: int
    rates: tuple[float, ...]
    change: tuple[float, float | None, float | None] | None


def curve_points(results: pl.DataFrame, contenders: "Sequence[Contender]", incumbent: str, by: str) -> list[Point]:
    """A point for each place on each metric that was measured there, by suite, metric, series and place.

    results: `with_templates` of the scores with their `contender`. Trained and novel phrasings are metrics apart.
    """
    where = pl.DataFrame(
        [
            (c.name, series(c, by), 0.0 if c.name == incumbent else place(c, by), c.name == incumbent, data_hash(c))
            for c in on_axis(contenders, by)
        ],
        schema={"contender": pl.String, **_PLACE},
        orient="row",
    )
    asked = _items(results)
    theirs = asked.filter(contender=incumbent)
    placed = asked.join(where, on="contender").sort("suite", "metric", *_PLACE, "contender", "sample_id")
    made = [
        (not rows["first"][0], _point(rows, theirs.filter(suite=rows["suite"][0], metric=rows["metric"][0])))
        for _, rows in placed.group_by("suite", "metric", *_PLACE, maintain_order=True)
    ]
    made.sort(key=lambda pair: (pair[1].suite, pair[1].metric, pair[0], pair[1].series, pair[1].at))
    return [point for _, point in made]


def too_alike(results: pl.DataFrame, contenders: "Sequence[Contender]") -> list[str]:
    """A sentence for every metric on which several seeds gave the same answers, item by item: an alarm."""
    from venire.judges.statistics.red_flags import seed_flags

    asked, said = _items(results).filter(pl.col("value").is_in([0.0, 1.0])), []
    for names in seed_groups(contenders):
        mine = asked.filter(pl.col("contender").is_in(list(names)))
        for (suite, metric), rows in mine.group_by("suite", "metric", maintain_order=True):
            table = rows.pivot(on="contender", index="sample_id", values="value").drop_nulls().drop("sample_id")
            flags = seed_flags(table.to_numpy().T) if table.height else []
            said += [f"{_short(suite)}.{metric}, {', '.join(names)}: {flag.message}" for flag in flags if flag.alarm]
    return said


def _items(results: pl.DataFrame) -> pl.DataFrame:
    """One row an item that was scored: its mean over epochs; the metric of a phrasing suite also names the side."""
    named = pl.when(pl.col("split").is_null()).then("metric").otherwise(pl.format("{}, {}", "metric", "split"))
    scored = results.drop_nulls("value").with_columns(metric=named)
    return scored.group_by(_ITEM).agg(pl.col("value").mean()).sort(_ITEM)


def _point(rows: pl.DataFrame, theirs: pl.DataFrame) -> Point:
    names = tuple(rows["contender"].unique(maintain_order=True).to_list())
    item = ["sample_id", "family", "template"]
    mean = rows.group_by(item).agg(pl.col("value").mean()).sort(item)
    each = rows.group_by("contender", maintain_order=True).agg(pl.col("value").mean())["value"].to_list()
    rate, low, high = _rate(mean)
    is_incumbent = names == tuple(theirs["contender"].unique().to_list())
    return Point(
        suite=_short(rows["suite"][0]),
        metric=rows["metric"][0],
        series=rows["series"][0],
        contenders=names,
        at=rows["at"][0],
        rate=rate,
        low=low,
        high=high,
        items=mean.height,
        families=mean["family"].n_unique(),
        rates=tuple(each),
        change=None if is_incumbent else _change(mean, theirs),
    )


def _rate(items: pl.DataFrame) -> tuple[float, float, float]:
    from venire.judges.statistics.phrasing import phrasing_accuracy
    from venire.judges.statistics.winrate import winrate_ci

    values, families = items["value"].to_numpy(), items["family"].to_list()
    if items["template"].null_count():
        rate = winrate_ci(values, families)
        return rate.estimate, rate.low, rate.high
    of_facts = phrasing_accuracy(values, families, items["template"].to_list())
    return of_facts.estimate, of_facts.low, of_facts.high


def _change(mine: pl.DataFrame, theirs: pl.DataFrame) -> tuple[float, float | None, float | None] | None:
    """Mean difference on shared items with its interval: two-way where templates repeat, else as in the report."""
    from scipy.stats import t

    from venire.judges.statistics.two_way import two_way_variance
    from venire.reports.suites import difference

    both = mine.join(theirs.select("sample_id", before="value"), on="sample_id")
    if both.is_empty():
        return None
    d = (both["value"] - both["before"]).to_numpy()
    mean = float(d.mean())
    if not both["template"].null_count() and both["template"].n_unique() < both.height and np.ptp(d) > 0:
        variance, df, *_ = two_way_variance((d - mean) / d.size, both["family"].to_list(), both["template"].to_list())
        if df > 0:
            half = float(t.ppf(0.975, df) * np.sqrt(variance))
            return mean, max(-1.0, mean - half), min(1.0, mean + half)
    two = pl.concat(list(_sides(both)))
    told = difference(two, "mine", "theirs")
    return told[:3] if told else None


def _sides(both: pl.DataFrame) -> Iterator[pl.DataFrame]:
    shared = both.select("sample_id", "family", domain=pl.lit(""))
    yield shared.with_columns(value=both["value"], contender=pl.lit("mine"))
    yield shared.with_columns(value=both["before"], contender=pl.lit("theirs"))


def _short(suite: object) -> str:
    return str(suite).rsplit("/", 1)[-1]
