"""The items behind a suite's figures: what was asked, both answers in every epoch with their values, and their logs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from .contenders import with_contender
from .files import RunFiles
from .logs import Log
from .pairs import Text, cut

MOST_EPOCHS = 8  # of one item on the page


@dataclass(frozen=True)
class Take:
    """One epoch of an item: both values (None: not scored), both answers, and where they stand."""

    epoch: int
    before: float | None
    after: float | None
    answer_before: Text | None
    answer_after: Text | None
    log_before: Log | None
    log_after: Log | None


@dataclass(frozen=True)
class Item:
    """An item with its values, means over `epochs`, and its first `takes`; `anchor` is its place on the page.

    `metrics`: where it stands for a whole suite, what each metric gave it before and after.
    """

    sample_id: str
    domain: str
    before: float | None
    after: float | None
    prompt: Text | None
    takes: list[Take]
    epochs: int
    anchor: str = ""
    metrics: dict[str, float] | None = None

    @property
    def characters(self) -> int:
        """Of its texts."""
        texts = [self.prompt, *(text for take in self.takes for text in (take.answer_before, take.answer_after))]
        return sum(len(text.shown) for text in texts if text)


Rows = dict[tuple[str, str], list[dict[str, Any]]]  # (contender, sample_id) to its rows, by epoch


def answers_of(files: RunFiles, suite: str, contenders: Iterable[str], samples: list[str]) -> Rows:
    """What these contenders answered to these samples of a suite."""
    if files.answers is None:
        return {}
    mine = files.answers.filter(pl.col("suite") == suite, pl.col("sample_id").is_in(samples))
    return values_of(with_contender(mine, files), contenders, samples)


def values_of(rows: pl.DataFrame, contenders: Iterable[str], samples: list[str]) -> Rows:
    """The rows of these contenders and samples, epoch by epoch."""
    wanted = pl.col("contender").is_in(list(contenders)) & pl.col("sample_id").is_in(samples)
    found: Rows = {}
    for row in rows.filter(wanted).sort("epoch").iter_rows(named=True):
        found.setdefault((row["contender"], row["sample_id"]), []).append(row)
    return found


def make_item(
    row: dict[str, Any], sides: tuple[str, str], answers: Rows, values: Rows, files: RunFiles, anchor: str = ""
) -> Item:
    """The item of a row (sample_id, domain, value before, after). sides: the candidate and the incumbent."""
    sample = row["sample_id"]
    texts = [{r["epoch"]: r for r in answers.get((side, sample), [])} for side in sides]
    scored = [{r["epoch"]: r["value"] for r in values.get((side, sample), [])} for side in sides]
    epochs = sorted({epoch for told in (*texts, *scored) for epoch in told})
    takes = [
        Take(
            epoch=epoch,
            before=scored[1].get(epoch),
            after=scored[0].get(epoch),
            answer_before=cut(texts[1].get(epoch, {}).get("answer")),
            answer_after=cut(texts[0].get(epoch, {}).get("answer")),
            log_before=_log(texts[1].get(epoch), files),
            log_after=_log(texts[0].get(epoch), files),
        )
        for epoch in epochs[:MOST_EPOCHS]
    ]
    prompt = next((r["prompt"] for told in texts for r in told.values()), None)
    return Item(sample, row["domain"], row.get("value"), row.get("after"), cut(prompt), takes, len(epochs), anchor)


def _log(row: dict[str, Any] | None, files: RunFiles) -> Log | None:
    return files.logs.find(row.get("log"), row["sample_id"]) if row else None


def suite_logs(files: RunFiles) -> dict[str, dict[str, list[Log]]]:
    """Contender to suite to the logs of its answers."""
    if files.answers is None or "log" not in files.answers.columns:
        return {}
    named = with_contender(files.answers, files).select("contender", "suite", "log").drop_nulls().unique()
    found: dict[str, dict[str, list[Log]]] = {}
    for contender, suite, path in named.sort("contender", "suite", "log").iter_rows():
        if log := files.logs.find(path):
            found.setdefault(contender, {}).setdefault(suite, []).append(log)
    return found
