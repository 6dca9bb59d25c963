"""How a series of candidates went: what each gained and what it cost, and how well each knows facts by other words."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from venire.judges.statistics.phrasing import phrasing_accuracy

from .contenders import lineage_of, with_contender
from .figures import Estimate
from .files import RunFiles
from .suites import Rate, difference, guarded, short

PHRASING = "phrasing_robustness"


@dataclass(frozen=True)
class Damage:
    """The change of one guarded metric against the incumbent (below 0 is a loss) with its paired 95% interval."""

    metric: str
    change: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Checkpoint:
    """One candidate of a series: `series` is its recipe, `step` its place in it; `finalist` the one decided on."""

    name: str
    series: str
    step: int
    finalist: bool
    gain: Estimate | None
    damage: list[Damage]

    @property
    def worst(self) -> Damage | None:
        """The guarded metric that fell most."""
        return min(self.damage, key=lambda damage: damage.change, default=None)


@dataclass(frozen=True)
class PhrasingPoint:
    """Accuracy of one contender on facts asked for in trained and in novel kinds of phrasing.

    `at`: how many phrasings of each fact it was trained on, where the recipe says so; else its training step. The
    incumbent is at 0.
    """

    name: str
    series: str
    at: int
    trained: Rate | None
    novel: Rate | None


def checkpoints(files: RunFiles, compared: list[Estimate]) -> list[Checkpoint]:
    """Every judged candidate, by recipe and step."""
    gains = {row.label: row for row in compared}
    incumbent = files.finalist[1]
    found = [
        Checkpoint(name, *_place(name, files), name == files.finalist[0], gain, _damage(name, incumbent, files))
        for name, gain in gains.items()
    ]
    return sorted(found, key=lambda c: (c.series, c.step, c.name))


def phrasing_points(files: RunFiles) -> tuple[list[PhrasingPoint], str]:
    """The points of the phrasing curve, and what its axis counts; nothing where that suite did not run."""
    rows = _phrasing_rows(files)
    if rows is None:
        return [], ""
    counts = {name: (lineage_of(name, files).get("data") or {}).get("phrasings") for name in rows["contender"].unique()}
    by_count = any(counts.values())
    points = []
    for (contender,), mine in rows.partition_by("contender", as_dict=True).items():
        name = str(contender)
        series, step = _place(name, files)
        trained_here = bool(lineage_of(name, files))
        at = (counts[name] or 0) if by_count else step
        sides = {side: mine.filter(pl.col("split") == side) for side in ("trained", "novel")}
        points.append(
            PhrasingPoint(
                name, series if trained_here else "", at, *(_accuracy(sides[side]) for side in ("trained", "novel"))
            )
        )
    axis = "phrasings of each fact in training" if by_count else "training step"
    return sorted(points, key=lambda p: (p.series, p.at, p.name)), axis


def _place(name: str, files: RunFiles) -> tuple[str, int]:
    lineage = lineage_of(name, files)
    recipe = lineage.get("recipe") or {}
    series = recipe.get("name") if isinstance(recipe, dict) else str(recipe)
    return str(series or "added by hand"), int(lineage.get("step") or 0)


def _damage(candidate: str, incumbent: str | None, files: RunFiles) -> list[Damage]:
    if files.suites is None or incumbent is None:
        return []
    frame = with_contender(files.suites, files)
    found = []
    for suite, metric in frame.select("suite", "metric").unique().sort("suite", "metric").iter_rows():
        if not {(short(suite), metric), (short(suite), None)} & set(guarded(files)):
            continue
        rows = frame.filter(pl.col("suite") == suite, pl.col("metric") == metric)
        if change := difference(rows, candidate, incumbent):
            found.append(Damage(f"{short(suite)} · {metric}", *change))
    return found


def _phrasing_rows(files: RunFiles) -> pl.DataFrame | None:
    """contender, value, family, template, split of every item of the phrasing suite."""
    if files.suites is None or files.answers is None:
        return None
    values = with_contender(files.suites, files).filter(
        pl.col("suite").str.ends_with(PHRASING), pl.col("value").is_not_null()
    )
    answers = with_contender(files.answers, files).filter(pl.col("suite").str.ends_with(PHRASING))
    if values.is_empty() or answers.is_empty():
        return None
    about = [_about(text) for text in answers["metadata"]]
    told = answers.select("contender", "sample_id", "epoch").with_columns(
        template=pl.Series([a.get("template") for a in about], dtype=pl.String),
        split=pl.Series([a.get("split") for a in about], dtype=pl.String),
    )
    rows = values.join(told, on=["contender", "sample_id", "epoch"], how="inner")
    rows = rows.filter(pl.col("split").is_in(["trained", "novel"]))
    return None if rows.is_empty() else rows.sort("contender", "sample_id")


def _about(metadata: Any) -> dict[str, Any]:
    """A sample's metadata; {} where it is not the suite's own."""
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _accuracy(rows: pl.DataFrame) -> Rate | None:
    if rows["family"].n_unique() < 2:
        return None
    templates = rows["template"].to_numpy() if not rows["template"].has_nulls() else None
    rate = phrasing_accuracy(rows["value"].to_numpy(), rows["family"].to_numpy(), templates)
    return Rate(rate.estimate, rate.low, rate.high, rows.height)
