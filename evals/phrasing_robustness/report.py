"""What a phrasing suite's logs say: accuracy, gap and consistency with the right intervals, and what looks too good.

    python -m venire.evals.phrasing_robustness.report runs/mine/logs/eval/*.eval

Templates repeat over facts, so intervals are taken by fact and by template (STATISTICS.md, Phrasing robustness).
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from venire._common.errors import InputError
from venire.judges.statistics.phrasing import Consistency, PhrasingRate, phrasing_accuracy
from venire.judges.statistics.phrasing import consistency as consistency_of
from venire.judges.statistics.phrasing import phrasing_gap as gap_of
from venire.judges.statistics.red_flags import RedFlag, phrasing_flags, seed_flags

from ..results import read_answers, read_results

SUITES = ("phrasing_robustness", "fact_survival")


@dataclass(frozen=True)
class PhrasingReport:
    """One model under one treatment: rates with intervals by fact and template, and red flags.

    trained, novel and gap are None where that side was not asked.
    """

    model: str
    treatment: str
    items: int
    accuracy: PhrasingRate
    trained: PhrasingRate | None
    novel: PhrasingRate | None
    gap: PhrasingRate | None
    consistency: Consistency
    flags: list[RedFlag]


def phrasing_reports(logs: Iterable[Path]) -> list[PhrasingReport]:
    """A report for each model and treatment in `logs`. Raises InputError if none of them holds a phrasing suite."""
    rows = _rows(list(logs))
    keys = rows.select("model", "treatment").unique().sort("model", "treatment").rows()
    return [_report(rows.filter(model=model, treatment=treatment), model, treatment) for model, treatment in keys]


def _rows(logs: list[Path]) -> pl.DataFrame:
    """One row an item: fact, template, split, correct (averaged over epochs)."""
    key = ["suite", "model", "treatment", "sample_id", "epoch"]
    results = read_results(logs).filter(pl.col("suite").str.split("/").list.last().is_in(SUITES), metric="recalled")
    if results.is_empty():
        raise InputError(f"no log of {' or '.join(SUITES)} among {len(logs)} logs")
    made = results.join(read_answers(logs).select(*key, "metadata"), on=key)
    about = [json.loads(text) for text in made["metadata"].to_list()]
    made = made.with_columns(
        template=pl.Series([each.get("template", "") for each in about], dtype=pl.String),
        split=pl.Series([each.get("split", "novel") for each in about], dtype=pl.String),
    )
    item = ["model", "treatment", "suite", "sample_id", "family", "template", "split"]
    return made.group_by(item).agg(pl.col("value").mean()).sort(item)


def _report(rows: pl.DataFrame, model: str, treatment: str) -> PhrasingReport:
    accuracy = _accuracy(rows)
    sides = {split: rows.filter(split=split) for split in ("trained", "novel")}
    trained, novel = (_accuracy(part) if part.height else None for part in sides.values())
    gap, flags = None, []
    if trained and novel:
        values, facts = rows["value"].to_numpy(), rows["family"].to_list()
        gap = gap_of(values, facts, rows["split"].to_numpy() == "novel", rows["template"].to_list())
        flags = phrasing_flags(trained, novel, gap, rows.height)
    rounded = (rows["value"].to_numpy() >= 0.5).astype(float)
    alike = consistency_of(rounded, rows["family"].to_list())
    return PhrasingReport(model, treatment, rows.height, accuracy, trained, novel, gap, alike, flags)


def _accuracy(rows: pl.DataFrame) -> PhrasingRate:
    return phrasing_accuracy(rows["value"].to_numpy(), rows["family"].to_list(), rows["template"].to_list())


def seeds_alike(logs: Iterable[Path], models: Sequence[str]) -> list[RedFlag]:
    """Flags over `models` that differ only by their seed: identical answers item by item, or equal accuracies."""
    rows = _rows(list(logs)).filter(pl.col("model").is_in(models))
    wide = rows.pivot(on="model", index=["suite", "treatment", "sample_id"], values="value").drop_nulls()
    present = [model for model in models if model in wide.columns]
    return seed_flags(wide.select(present).to_numpy().T) if len(present) > 1 else []


def main() -> None:
    """Print the reports of the logs named, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path, help="Inspect logs of phrasing suites")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    try:
        reports = phrasing_reports(options.logs)
    except InputError as error:
        parser.exit(2, f"{error}\n")
    if options.json:
        print(json.dumps([asdict(report) for report in reports], indent=2))
        return
    for report in reports:
        print(f"{report.model}, {report.treatment}: {report.items} items of {report.accuracy.facts} facts")
        for name in ("accuracy", "trained", "novel", "gap"):
            rate = getattr(report, name)
            if rate:
                print(f"  {name:9} {rate.estimate:+.3f} [{rate.low:+.3f}, {rate.high:+.3f}] by {rate.method}")
        alike, whole = report.consistency, report.consistency.all_correct
        print(f"  consistency beyond chance {alike.corrected:.3f}")
        print(f"  facts right in all phrasings {whole.estimate:.3f} [{whole.low:.3f}, {whole.high:.3f}]")
        for flag in report.flags:
            print(f"  {'ALARM' if flag.alarm else 'note'}: {flag.message}")


if __name__ == "__main__":
    main()
