"""Several runs side by side: what each gained and what it cost, what differs between them, and by how much they differ.

Two candidates that met the same prompts under the same judges are compared prompt by prompt: D_i is the
difference of their panel means, its interval t with the cluster-robust error (docs/statistics.md, "Win rate"). What is
not the same is said first.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from venire._common.errors import InputError
from venire.judges.statistics.clusters import cluster_mean
from venire.judges.statistics.sign_flip import sign_flip_p
from venire.judges.votes import complete_orders, value

from .charts import Chart, forest
from .components import components
from .contenders import lineage_of, with_contender
from .figures import Estimate, win_rate_of
from .files import RunFiles, read_run
from .numbers import is_number, plain_json
from .suites import difference, rates, short
from .words import post_hoc

LEVEL = 0.95
FORMAT = "venire.compare/1"


@dataclass(frozen=True)
class Metric:
    """One metric of one entry: the incumbent's rate, the candidate's, and the paired change with its interval."""

    name: str
    before: float | None
    after: float
    change: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Entry:
    """One candidate of one run. `outcome` is the decision's where it is about this one, else "not decided".

    `post_hoc`: what differs from the lock where that decision was not made by the frozen plan, and the reason given.
    """

    name: str
    run: str
    finished: str | None
    candidate: str
    incumbent: str
    base: str
    recipe: str | None
    step: int | None
    data_sha256: str | None
    outcome: str
    post_hoc: str | None
    in_the_way: list[str]
    win_rate: Estimate
    judges: dict[str, Estimate]
    agreement: float | None
    agreement_low: float | None
    metrics: list[Metric]
    trainable: int | None
    bytes: int | None
    seconds: float | None
    loss: float | None

    @property
    def said(self) -> str:
        """The outcome, and whether it was made after the fact."""
        return f"{self.outcome}, post hoc" if self.post_hoc else self.outcome


@dataclass(frozen=True)
class Difference:
    """`one` minus `other` in win rate, prompt by prompt, over the judges that both were judged by."""

    one: str
    other: str
    estimate: float
    low: float | None
    high: float | None
    p_value: float
    n: int
    clusters: int
    judges: list[str]


@dataclass(frozen=True)
class Unlike:
    """Something that is not the same in all runs, what each has, and what follows for the reader."""

    what: str
    values: dict[str, str]
    means: str


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: the entries in the order given, their differences from the first, and what differs."""

    entries: list[Entry]
    differences: list[Difference]
    not_compared: list[str]
    unlike: list[Unlike]

    @cached_property
    def plot(self) -> Chart | None:
        """Each entry's win rate against its own incumbent."""
        rows = [Estimate("candidate", e.name, *_ends(e.win_rate), e.win_rate.n) for e in self.entries]
        return forest("compare-plot", "win rate of each candidate against its own incumbent", rows)

    @property
    def metrics(self) -> list[str]:
        """Every metric that some entry has."""
        return list(dict.fromkeys(metric.name for entry in self.entries for metric in entry.metrics))

    @property
    def judges(self) -> list[str]:
        """Every judge that some entry has."""
        return sorted({name for entry in self.entries for name in entry.judges})


def compare_runs(folders: Sequence[Path], *, everyone: bool = False) -> Comparison:
    """The decided candidate of each run side by side; of one run alone, or with `everyone`, all its candidates.

    Raises InputError for a folder that is no run, one named twice, and where nothing was judged.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("compare: a run is named twice; name different runs, or one alone to see its candidates")
    runs = [(read_run(folder), folder) for folder in folders]
    names = _run_names(runs)
    found: list[tuple[Entry, RunFiles]] = []
    for files, folder in runs:
        chosen = _chosen(files, everyone or len(runs) == 1)
        if not chosen:
            raise InputError(f"{folder}: nothing was judged and decided there; run: venire gate EXPERIMENT")
        found += [(_entry(files, names[folder], c, alone=len(runs) == 1), files) for c in chosen]
    differences, not_compared = _differences(found)
    about = {names[folder]: files for files, folder in runs}
    return Comparison([entry for entry, _ in found], differences, not_compared, _unlike(about))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """As JSON."""
    return plain_json({"format": FORMAT, **asdict(comparison)})


def _run_names(runs: Sequence[tuple[RunFiles, Path]]) -> dict[Path, str]:
    """The experiments' names; where two are one experiment, the folders', else the times."""
    named = {folder: str(files.frozen.get("name") or folder.name) for files, folder in runs}
    if len(set(named.values())) == len(named):
        return named
    by_folder = {folder: folder.name for folder in named}
    if len(set(by_folder.values())) == len(named):
        return by_folder
    return {folder: str(folder) for folder in named}


def _chosen(files: RunFiles, everyone: bool) -> list[dict[str, Any]]:
    comparisons = files.analysis.get("comparisons", [])
    if everyone or files.finalist[0] is None:
        return comparisons
    return [files.comparison] if files.comparison else []


def _entry(files: RunFiles, run: str, c: dict[str, Any], *, alone: bool) -> Entry:
    lineage = lineage_of(c["candidate"], files)
    decided = (c["candidate"], c["incumbent"]) == files.finalist and bool(files.decision)
    about = next((row for row in files.contenders if row["name"] == c["candidate"]), {})
    base = lineage.get("base") or {}
    flip = (c.get("agreement") or {}).get("a_flip") or {}
    stages = files.run.get("stages") or []
    recipe = lineage.get("recipe") or {}
    return Entry(
        name=c["candidate"] if alone else f"{run}: {c['candidate']}",
        run=run,
        finished=max((s["finished"] for s in stages if s.get("finished")), default=None),
        candidate=c["candidate"],
        incumbent=c["incumbent"],
        base=str(base.get("model_id") or about.get("base") or ""),
        recipe=recipe.get("name") if isinstance(recipe, dict) else str(recipe),
        step=lineage.get("step"),
        data_sha256=(lineage.get("data") or {}).get("sha256"),
        outcome=str(files.decision["outcome"]) if decided else "not decided",
        post_hoc=post_hoc(files.decision) if decided else None,
        in_the_way=[part.title for part in components(files) if part.state != "passed"] if decided else [],
        win_rate=win_rate_of(files if decided else None, c),
        judges={
            name: Estimate(
                "judge",
                name,
                _number(row["win_rate"]),
                _number(row["low"]),
                _number(row["high"]),
                row["pairs_both_orders"],
            )
            for name, row in (c.get("judges") or {}).items()
        },
        agreement=_number(flip.get("estimate")),
        agreement_low=_number(flip.get("low")),
        metrics=_metrics(files, c["candidate"], c["incumbent"]),
        trainable=lineage.get("trainable_parameters"),
        bytes=lineage.get("adapter_bytes"),
        seconds=lineage.get("seconds"),
        loss=_number((lineage.get("metrics") or {}).get("loss")),
    )


def _metrics(files: RunFiles, candidate: str, incumbent: str) -> list[Metric]:
    if files.suites is None:
        return []
    frame, measured = with_contender(files.suites, files), rates(files)
    found = []
    for suite, metric in frame.select("suite", "metric").unique().sort("suite", "metric").iter_rows():
        name = f"{short(suite)} · {metric}"
        after, before = measured.get(candidate, {}).get(name), measured.get(incumbent, {}).get(name)
        if after is None:
            continue
        rows = frame.filter(pl.col("suite") == suite, pl.col("metric") == metric)
        change = difference(rows, candidate, incumbent) or (None, None, None, after.n)
        found.append(Metric(name, before.estimate if before else None, after.estimate, *change))
    return found


def _differences(found: Sequence[tuple[Entry, RunFiles]]) -> tuple[list[Difference], list[str]]:
    """Every further entry against the first."""
    (first, first_files), *rest = found
    differences, refused = [], []
    for entry, files in rest:
        made = _difference(entry, files, first, first_files)
        (refused if isinstance(made, str) else differences).append(made)
    return differences, refused


def _difference(one: Entry, one_files: RunFiles, other: Entry, other_files: RunFiles) -> Any:
    judges = sorted(one.judges.keys() & other.judges.keys())
    pair = f"{one.name} and {other.name}"
    if not judges:
        return f"{pair}: no judge has judged both"
    if clash := _same_name_other_judge(judges, one_files, other_files):
        return f"{pair}: {clash} is not the same judge in both (another rubric, margin or model)"
    mine, theirs = (_prompt_means(files, entry, judges) for entry, files in ((one, one_files), (other, other_files)))
    both = mine.join(theirs, on=["prompt_id", "epoch"], how="inner", suffix="_other").sort("prompt_id", "epoch")
    if both.height < 2:
        return f"{pair}: they were not judged on the same prompts"
    if clash := _other_prompts(one_files, other_files):
        return f"{pair}: {clash} holds other scenarios under the same name"
    d = (both["y"] - both["y_other"]).to_numpy()
    families = both["family"].to_numpy()
    mean = cluster_mean(d, families)
    low = high = None
    if mean.clusters >= 2:
        from scipy.stats import t

        half = float(t.ppf((1 + LEVEL) / 2, mean.df)) * mean.se
        low, high = max(-1.0, mean.estimate - half), min(1.0, mean.estimate + half)
    # One-sided each way, doubled: which of the two is better was not said beforehand.
    p = min(1.0, 2 * min(sign_flip_p((1 + side * d) / 2, families) for side in (1, -1)))
    return Difference(one.name, other.name, mean.estimate, low, high, p, both.height, mean.clusters, judges)


def _prompt_means(files: RunFiles, entry: Entry, judges: Sequence[str]) -> pl.DataFrame:
    """prompt_id, epoch, family, y: the mean over the judges of the mean over both orders."""
    votes = files.votes
    if votes is None:
        return pl.DataFrame(schema={"prompt_id": pl.String, "epoch": pl.Int64, "family": pl.String, "y": pl.Float64})
    mine = votes.filter(
        pl.col("candidate") == entry.candidate,
        pl.col("incumbent") == entry.incumbent,
        pl.col("judge").is_in(list(judges)),
        pl.col("use") == "gate",
        pl.col("verdict") != "invalid",
    )
    orders = complete_orders(mine).group_by("prompt_id", "epoch", "family", "judge", "candidate_first")
    judged = (
        orders.agg(value().mean().alias("y")).group_by("prompt_id", "epoch", "family", "judge").agg(pl.col("y").mean())
    )
    return judged.group_by("prompt_id", "epoch", "family").agg(pl.col("y").mean())


def _same_name_other_judge(judges: Sequence[str], one: RunFiles, other: RunFiles) -> str | None:
    def about(files: RunFiles, name: str) -> Any:
        keys = ("model", "rubric_sha256", "margin", "weights", "generation")
        row = next((judge for judge in files.frozen.get("panel") or [] if judge.get("name") == name), {})
        return {key: row.get(key) for key in keys}

    return next((name for name in judges if about(one, name) != about(other, name)), None)


def _other_prompts(one: RunFiles, other: RunFiles) -> str | None:
    suites = [
        {suite["name"]: suite.get("sha256") for suite in files.frozen.get("suites") or [] if suite.get("judge")}
        for files in (one, other)
    ]
    return next((name for name in suites[0].keys() & suites[1].keys() if suites[0][name] != suites[1][name]), None)


# What differs, and what follows from it
_SUITES = "its rates are of other items; do not compare them"
_PANEL = "win rates of different panels are not on one scale: weak judges pull them to one half"
_INCUMBENT = "each win rate is against another opponent: compare what was gained, not who is best"


def _unlike(about: dict[str, RunFiles]) -> list[Unlike]:
    """Everything frozen that two runs do not share; nothing where there is one run."""
    if len(about) < 2:
        return []
    found = []
    names = list(dict.fromkeys(suite["name"] for files in about.values() for suite in files.frozen.get("suites") or []))
    for name in names:
        values = {run: _suite_words(files, name) for run, files in about.items()}
        found.append(Unlike(f"suite {name}", values, _SUITES))
    panels = {run: ", ".join(sorted(j["name"] for j in f.frozen.get("panel") or [])) for run, f in about.items()}
    found.append(Unlike("panel", panels, _PANEL))
    found.append(Unlike("incumbent", {run: str(f.finalist[1]) for run, f in about.items()}, _INCUMBENT))
    told = [
        ("generation", "answers were made under other settings"),
        ("treatments", "what is put around the prompts differs"),
        ("gate", "the policies differ: the same figures may lead to another outcome"),
    ]
    for key, means in told:
        found.append(Unlike(key, {run: _flat(files.frozen.get(key)) for run, files in about.items()}, means))
    versions = {run: _flat(files.run.get("versions")) for run, files in about.items()}
    found.append(Unlike("versions", versions, "made with other versions; small differences may come from them"))
    return [row for row in found if len(set(row.values.values())) > 1]


def _suite_words(files: RunFiles, name: str) -> str:
    suite = next((suite for suite in files.frozen.get("suites") or [] if suite["name"] == name), None)
    return f"{suite.get('n')} items, {str(suite.get('sha256'))[:12]}" if suite else "not run"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(entry)}" for key, entry in sorted(value.items()) if entry is not None)
    return str(value)


def _ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.estimate, estimate.low, estimate.high


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) and not np.isnan(value) else None
