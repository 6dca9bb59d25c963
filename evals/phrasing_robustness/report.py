"""What a phrasing suite's logs say: accuracy, gap and consistency with the right intervals, and what looks too good.

    python -m venire.evals.phrasing_robustness.report runs/mine/logs/eval/*.eval

The figures are those of `analysis.py`, a contender being a model under a treatment.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from venire._common.errors import InputError

from ..report_command import print_report
from ..results import read_answers, read_results
from .analysis import phrasings


def phrasing_reports(logs: Iterable[Path]) -> list[dict[str, Any]]:
    """A row of `phrasings` for each model and treatment in `logs`. Raises InputError without a phrasing suite."""
    paths = list(logs)
    named = pl.concat_str("model", "treatment", separator=", ").alias("contender")
    found = phrasings(read_results(paths).with_columns(named), read_answers(paths).with_columns(named))
    if not found:
        raise InputError(
            f"no phrasing suite (venire/phrasing_robustness, venire/fact_survival) among {len(paths)} logs"
        )
    return found


def _lines(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['contender']}: {row['suite']}, {row['metric']}, {row['facts']} facts"
    for name in ("trained", "novel", "gap"):
        if rate := row[name]:
            yield f"  {name:9} {_interval(rate)} by {rate['method']}, {rate['n']} items"
    alike = row["consistency"]
    if alike["corrected"] is not None:
        yield f"  consistency beyond chance {alike['corrected']:.3f}"
    yield f"  facts right in all phrasings {_interval(alike['all_phrasings'])}"
    for flag in row["flags"]:
        yield f"  {'ALARM' if flag['alarm'] else 'note'}: {flag['message']}"


def _interval(rate: dict[str, Any]) -> str:
    low, high = ("-" if rate[end] is None else f"{rate[end]:+.3f}" for end in ("low", "high"))
    return f"{rate['estimate']:+.3f} [{low}, {high}]"


def main() -> None:
    """Print the reports of the logs named, or JSON."""
    print_report(__doc__, "phrasing suites", phrasing_reports, _lines)


if __name__ == "__main__":
    main()
