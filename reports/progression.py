"""How a series of candidates went: what each gained and what it cost, and how well each knows facts by other words."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from venire.judges.statistics.phrasing import phrasing_accuracy

from .contenders import lineage_of, with_contender
from .figures import Estimate
from .files import RunFiles
from .series import places
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
    """One candidate: its series, the training in it that saved it, its step there (None: not known).

    `finalist`: is it the one decided on?
    """

    name: str
    series: str
    training: str
    step: int | None
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
    incumbent is at 0, without a series. `training`: the points of a series that one line joins.
    """

    name: str
    series: str
    at: int
    trained: Rate | None
    novel: Rate | None
    training: str = ""


def checkpoints(files: RunFiles, compared: list[Estimate]) -> list[Checkpoint]:
    """Every judged candidate, by series and step."""
    gains = {row.label: row for row in compared}
    incumbent, where = files.finalist[1], places(gains, files)
    found = [
        Checkpoint(
            name=name,
            series=where[name].series,
            training=where[name].training,
            step=where[name].step,
            finalist=name == files.finalist[0],
            gain=gain,
            damage=_damage(name, incumbent, files),
        )
        for name, gain in gains.items()
    ]
    return sorted(found, key=lambda c: (c.series, c.training, c.step or 0, c.name))


def phrasing_points(files: RunFiles) -> tuple[list[PhrasingPoint], str]:
    """The points of the phrasing curve, and what its axis counts; nothing where that suite did not run."""
    rows = _phrasing_rows(files)
    if rows is None:
        return [], ""
    names = [str(name) for name in rows["contender"].unique().sort()]
    counts = {name: (lineage_of(name, files).get("data") or {}).get("phrasings") for name in names}
    by_count = any(counts.values())
    where = places(names, files, "phrasings" if by_count else "step")
    points = []
    for name in _last(names, files) if by_count else names:
        at = 0 if name == files.finalist[1] or not lineage_of(name, files) else where[name].step
        at = (counts[name] or 0) if by_count else at
        if at is None:  # made elsewhere, and nothing says at which step
            continue
        mine = rows.filter(pl.col("contender") == name)
        series = "" if name == files.finalist[1] else where[name].series
        sides = (_accuracy(mine.filter(pl.col("split") == side)) for side in ("trained", "novel"))
        points.append(PhrasingPoint(name, series, at, *sides, training=where[name].training))
    axis = "phrasings of each fact in training" if by_count else "training step"
    return sorted(points, key=lambda p: (p.series, p.at, p.name)), axis


def _last(names: list[str], files: RunFiles) -> list[str]:
    """Those that are the last checkpoint of their training: along the size of the data the others are no points."""
    where = places(names, files)
    last = {where[name].training: 0 for name in names}
    for name in names:
        last[where[name].training] = max(last[where[name].training], where[name].step or 0)
    return [name for name in names if (where[name].step or 0) == last[where[name].training]]


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
