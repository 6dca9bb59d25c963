"""The suites before and after: both contenders' rates on the same items, paired, and what was lost."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from venire.judges.statistics.clusters import cluster_mean
from venire.judges.statistics.mcnemar import mcnemar
from venire.judges.statistics.rao_scott import design_effect
from venire.judges.statistics.tango import tango_interval
from venire.judges.statistics.winrate import MIN_PROMPTS, winrate_ci

from .contenders import with_contender
from .files import RunFiles
from .items import Item, answers_of, make_item, values_of
from .numbers import as_set

LEVEL = 0.95
MOST_ITEMS = 60  # changed items of one metric on the page; the frames hold the rest
OTHER_TEXTS = 200_000  # characters of items that no metric shows as changed, on the page
_BESIDES = 800  # characters of such an item beside its texts


@dataclass(frozen=True)
class Rate:
    """A metric's mean over items with its interval (Wilson at the effective sample size); `n` items."""

    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Change:
    """One metric of one suite, incumbent (`before`) against candidate (`after`) on the n items that both answered.

    `better` is `higher`, `lower` or None where nothing says which way is good. `gained`, `lost`: items that got better
    or worse (without a direction: that rose or fell). difference, low, high: after − before. `p_mid`: McNemar's mid-p,
    None unless all values are 0 or 1. `role` says what the gate asks of the metric. `unpaired`: items left out.
    `same_items`: sample to value, of those that neither gained nor lost.
    """

    suite: str
    metric: str
    role: str
    better: str | None
    n: int
    unpaired: int
    families: int
    before: Rate
    after: Rate
    difference: float
    low: float | None
    high: float | None
    method: str
    p_mid: float | None
    gained: int
    lost: int
    lost_items: list[Item]
    gained_items: list[Item]
    same_items: dict[str, float]
    number: int = 0

    @property
    def telling(self) -> bool:
        """Does the gate ask about it, or are there items enough for an interval to say something?"""
        return bool(self.role) or self.n >= MIN_PROMPTS


def changes(files: RunFiles) -> list[Change]:
    """Every metric of every suite for the decision's finalist; in the lock's order of suites."""
    candidate, incumbent = files.finalist
    if files.suites is None or candidate is None or incumbent is None:
        return []
    frame = with_contender(files.suites, files)
    order = [suite["name"] for suite in files.frozen.get("suites", [])]
    found = []
    for suite, metric in frame.select("suite", "metric").unique().sort("suite", "metric").iter_rows():
        rows = frame.filter(pl.col("suite") == suite, pl.col("metric") == metric)
        change = _change(rows, suite, metric, candidate, incumbent, files)
        if change is not None:
            found.append(change)
    rank = {name: i for i, name in enumerate(order)}
    found.sort(key=lambda c: (rank.get(short(c.suite), len(rank)), not c.role, c.metric))
    return [_numbered(change, number) for number, change in enumerate(found, start=1)]


@dataclass(frozen=True)
class Others:
    """The items of a suite that no metric shows among its changed ones; `dropped` of them did not fit on the page."""

    suite: str
    items: list[Item]
    dropped: int


def others(files: RunFiles, found: list[Change]) -> list[Others]:
    """What the candidate and the incumbent answered where nothing changed, suite by suite, as long as there is room."""
    sides, room, made = _sides(files), OTHER_TEXTS, []
    for number, suite in enumerate(dict.fromkeys(change.suite for change in found), start=1):
        mine = [change for change in found if change.suite == suite]
        shown = {item.sample_id for change in mine for item in (*change.lost_items, *change.gained_items)}
        values: dict[str, dict[str, float]] = {}
        for change in mine:
            for sample, value in change.same_items.items():
                values.setdefault(sample, {})[change.metric] = value
        left = {sample: told for sample, told in values.items() if sample not in shown}
        first = list(left)[: max(0, room) // _BESIDES + 1]
        answers, items = answers_of(files, suite, sides, first), []
        for place, (sample, told) in enumerate(left.items(), start=1):
            row = {"sample_id": sample, "domain": ""}
            item = make_item(row, sides, answers, {}, files, f"other-{number}-{place}")
            room -= _BESIDES + item.characters
            if room < 0:
                break
            items.append(replace(item, metrics=told))
        if left:
            made.append(Others(suite, items, len(left) - len(items)))
    return made


def _sides(files: RunFiles) -> tuple[str, str]:
    candidate, incumbent = files.finalist
    return candidate or "", incumbent or ""


def _numbered(change: Change, number: int) -> Change:
    """With its number on the page, and that of each item."""
    lost, gained = (
        [replace(item, anchor=f"{side}-{number}-{place}") for place, item in enumerate(items, start=1)]
        for side, items in (("lost", change.lost_items), ("gained", change.gained_items))
    )
    return replace(change, number=number, lost_items=lost, gained_items=gained)


def rates(files: RunFiles) -> dict[str, dict[str, Rate]]:
    """Contender to `suite · metric` to rate, for all contenders."""
    if files.suites is None:
        return {}
    frame = with_contender(files.suites, files).filter(pl.col("value").is_not_null())
    found: dict[str, dict[str, Rate]] = {}
    for (contender, suite, metric), rows in sorted(
        frame.partition_by("contender", "suite", "metric", as_dict=True).items(), key=str
    ):
        items = _items(rows)
        found.setdefault(str(contender), {})[f"{short(str(suite))} · {metric}"] = _rate(
            items["value"].to_numpy(), items["family"].to_numpy()
        )
    return found


def difference(
    rows: pl.DataFrame, candidate: str, incumbent: str
) -> tuple[float, float | None, float | None, int] | None:
    """Candidate − incumbent on the items of one metric that both answered: estimate, low, high, items."""
    both = _both(rows.filter(pl.col("value").is_not_null()), candidate, incumbent)
    if both.is_empty():
        return None
    change = both["after"].to_numpy() - both["value"].to_numpy()
    low, high, _ = _interval(change, both["family"].to_numpy())
    return float(change.mean()), low, high, len(both)


def guarded(files: RunFiles) -> list[tuple[str, str | None]]:
    """(suite, metric) of which the gate asks that nothing is lost; metric None is the suite's only one."""
    specs = files.frozen.get("suites", [])
    return [(spec["name"], spec.get("metric")) for spec in specs if spec.get("non_inferiority")]


def short(suite: str) -> str:
    """`venire/forgetting` is `forgetting`."""
    return suite.rsplit("/", 1)[-1]


def _change(
    rows: pl.DataFrame, suite: str, metric: str, candidate: str, incumbent: str, files: RunFiles
) -> Change | None:
    known = rows.filter(pl.col("value").is_not_null())
    both = _both(known, candidate, incumbent)
    if both.is_empty():
        return None
    answered = [known.filter(pl.col("contender") == who)["sample_id"].n_unique() for who in (candidate, incumbent)]
    old, new = both["value"].to_numpy(), both["after"].to_numpy()
    families = both["family"].to_numpy()
    role, better = _role(suite, metric, files)
    sign = -1 if better == "lower" else 1
    worse, improved = sign * (new - old) < 0, sign * (new - old) > 0
    low, high, method = _interval(new - old, families)
    binary = set(np.unique([old, new]).tolist()) <= {0.0, 1.0}
    sides = (candidate, incumbent)
    order = np.argsort(-np.abs(new - old), kind="stable")
    largest = both[order]

    def items(mask: np.ndarray) -> list[Item]:
        shown = largest.filter(pl.Series(mask)[order]).head(MOST_ITEMS)
        samples = shown["sample_id"].to_list()
        answers, values = answers_of(files, suite, sides, samples), values_of(known, sides, samples)
        return [make_item(row, sides, answers, values, files) for row in shown.iter_rows(named=True)]

    return Change(
        suite=suite,
        metric=metric,
        role=role,
        better=better,
        n=len(both),
        unpaired=sum(answered) - 2 * len(both),
        families=len(np.unique(families)),
        before=_rate(old, families),
        after=_rate(new, families),
        difference=float((new - old).mean()),
        low=low,
        high=high,
        method=method,
        p_mid=mcnemar(int((new > old).sum()), int((new < old).sum())).mid_p if binary else None,
        gained=int(improved.sum()),
        lost=int(worse.sum()),
        lost_items=items(worse),
        gained_items=items(improved),
        same_items=dict(both.filter(pl.Series(new == old)).select("sample_id", "after").iter_rows()),
    )


def _both(rows: pl.DataFrame, candidate: str, incumbent: str) -> pl.DataFrame:
    """Items that both answered: `value` before, `after` after."""
    before = _items(rows.filter(pl.col("contender") == incumbent))
    after = _items(rows.filter(pl.col("contender") == candidate)).select("sample_id", after="value")
    return before.join(after, on="sample_id", how="inner").sort("sample_id")


def _items(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an item: its value averaged over epochs."""
    return (
        rows.group_by("sample_id")
        .agg(pl.col("value").mean(), pl.col("family").first(), pl.col("domain").first())
        .sort("sample_id")
    )


def _rate(values: np.ndarray, families: np.ndarray) -> Rate:
    rate = winrate_ci(np.clip(values, 0, 1), families, LEVEL)
    return Rate(rate.estimate, rate.low, rate.high, rate.n)


def _interval(difference: np.ndarray, families: np.ndarray) -> tuple[float | None, float | None, str]:
    """Tango's score interval where items are right or wrong (families divided by their design effect), else t."""
    n = len(difference)
    if set(np.unique(difference).tolist()) <= {-1.0, 0.0, 1.0}:
        deff = design_effect(difference, families)
        gains, losses = (difference > 0).sum() / deff, (difference < 0).sum() / deff
        low, high = tango_interval(float(gains), float(losses), n / deff, LEVEL)
        return low, high, "Tango" if deff == 1 else f"Tango, design effect {deff:.2f}"
    mean = cluster_mean(difference, families)
    if mean.clusters < 2:
        return None, None, "not estimable"
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, mean.df)) * mean.se
    return max(-1.0, mean.estimate - half), min(1.0, mean.estimate + half), "paired t"


def _role(suite: str, metric: str, files: RunFiles) -> tuple[str, str | None]:
    """What the gate asks of this metric, and which way is better."""
    spec: dict[str, Any] = next((s for s in files.frozen.get("suites", []) if s["name"] == short(suite)), {})
    said, better = [], None
    limit = (spec.get("thresholds") or {}).get(metric)
    if limit:
        better = "lower" if limit.get("at_most") is not None else "higher"
        bound = limit["at_most"] if better == "lower" else limit["at_least"]
        said.append(f"threshold: at {'most' if better == 'lower' else 'least'} {as_set(bound)}")
    margin = spec.get("non_inferiority")
    if margin and spec.get("metric") in (None, metric):
        better = better or "higher"
        said.append(f"may not lose {as_set(margin['delta'])} or more")
    return "; ".join(said), better or _known_direction(suite, metric)


def _known_direction(suite: str, metric: str) -> str | None:
    """Which way is better where the lock does not say: our own suites score 1 for right, and name unwanted patterns."""
    if not suite.startswith("venire/"):
        return None
    if suite != "venire/epistemic_stance":
        return "higher"
    wanted = _stance_patterns()
    return ("higher" if wanted[metric] else "lower") if metric in wanted else "higher"


@cache
def _stance_patterns() -> dict[str, bool]:
    from venire.evals.epistemic_stance import load_patterns

    return {pattern.name: pattern.wanted for pattern in load_patterns()}
