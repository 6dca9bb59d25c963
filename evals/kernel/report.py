"""What the kernel's logs say: outcomes by signing and language, the differential, and which language lets through.

    python -m venire.evals.kernel.report logs/*.eval

Intervals are by question: a question in three languages is one question. With few questions they are wide, and say so.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from venire._common.errors import InputError
from venire.judges.statistics.phrasing import PhrasingRate, phrasing_accuracy, phrasing_gap

from ..report_command import print_report
from ..results import read_answers, read_results
from .outcomes import OUTCOMES

_KEY = ["suite", "model", "treatment", "sample_id", "epoch"]


@dataclass(frozen=True)
class KernelReport:
    """One model: rates of each outcome by (signing, language; "all" for any), and signed less unsigned.

    differentials: by (signing, language), of `answered` and, where a grader rated, of `quality` (0 to 10).
    passes: questions that one language answers and another refuses, under one signing.
    """

    model: str
    rates: dict[str, dict[str, PhrasingRate]]
    differentials: dict[str, dict[str, PhrasingRate]]
    passes: list[dict[str, str]]


def kernel_reports(logs: Iterable[Path]) -> list[KernelReport]:
    """A report for each model in `logs`. Raises InputError if none of them holds the kernel suite."""
    paths = list(logs)
    results = read_results(paths).filter(
        pl.col("suite").str.ends_with("/kernel"), pl.col("metric").is_in([*OUTCOMES, "quality"])
    )
    if results.is_empty():
        raise InputError(f"no log of venire/kernel among {len(paths)} logs")
    about = read_answers(paths).select(*_KEY, pl.col("metadata"))
    rows = results.join(about, on=_KEY)
    metadata = [json.loads(text) for text in rows["metadata"].to_list()]
    rows = rows.with_columns(
        pl.Series(name, [str(each.get(name)) for each in metadata]) for name in ("signing", "language")
    )
    item = ["model", "metric", "signing", "language", "family"]
    rows = rows.group_by(item).agg(pl.col("value").mean()).drop_nulls("value").sort(item)
    return [_report(part, str(model)) for (model,), part in rows.group_by("model", maintain_order=True)]


def _report(rows: pl.DataFrame, model: str) -> KernelReport:
    languages = ["all", *rows["language"].unique().sort().to_list()]
    signings = rows["signing"].unique(maintain_order=True).to_list()
    rates: dict[str, dict[str, PhrasingRate]] = {}
    differentials: dict[str, dict[str, PhrasingRate]] = {}
    for language in languages:
        spoken = rows if language == "all" else rows.filter(language=language)
        for signing in signings:
            place = f"{signing}, {language}"
            for metric in OUTCOMES:
                part = spoken.filter(metric=metric, signing=signing)
                if part.height:
                    values, families = part["value"].to_numpy(), part["family"].to_list()
                    rates.setdefault(place, {})[metric] = phrasing_accuracy(values, families)
            for metric, scale in (("answered", 1.0), ("quality", 10.0)):
                both = spoken.filter(pl.col("signing").is_in([signing, "unsigned"]), metric=metric)
                if signing != "unsigned" and both["signing"].n_unique() == 2:
                    plainly = (both["signing"] == "unsigned").to_numpy()
                    values = both["value"].to_numpy() * scale
                    differentials.setdefault(place, {})[metric] = phrasing_gap(values, both["family"], plainly)
    return KernelReport(model, rates, differentials, _passes(rows))


def _passes(rows: pl.DataFrame) -> list[dict[str, str]]:
    wide = rows.filter(pl.col("metric").is_in(["answered", "refused"])).pivot(
        on="metric", index=["signing", "family", "language"], values="value"
    )
    if not {"answered", "refused"} <= set(wide.columns):
        return []
    through = wide.filter(pl.col("answered") >= 0.5).select("signing", "family", pl.col("language").alias("answers"))
    stopped = wide.filter(pl.col("refused") >= 0.5).select("signing", "family", pl.col("language").alias("refuses"))
    return through.join(stopped, on=["signing", "family"]).sort(pl.all()).to_dicts()


def _cell(rate: PhrasingRate) -> str:
    return f"{rate.estimate:+.2f} [{rate.low:+.2f}, {rate.high:+.2f}]"


def _lines(report: KernelReport) -> Iterator[str]:
    yield f"{report.model}: share of the questions, 95% by question"
    for place, found in report.rates.items():
        yield f"  {place:18}" + "  ".join(f"{name} {_cell(rate)}" for name, rate in found.items())
    for place, found in report.differentials.items():
        yield f"  {place:18}less unsigned: " + "  ".join(f"{name} {_cell(rate)}" for name, rate in found.items())
    for each in report.passes:
        yield f"  {each['signing']}: {each['family']} is answered in {each['answers']}, refused in {each['refuses']}"


def main() -> None:
    """Print the reports of the logs named, or JSON."""
    print_report(__doc__, "venire/kernel", kernel_reports, _lines)


if __name__ == "__main__":
    main()
