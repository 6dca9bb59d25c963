"""What the untrained base scores, with intervals and item by item: committed, and reproduced by running this again.

    python bench/evals/reference.py                     # asks everything again; exit 1 where it differs
    python bench/evals/reference.py --suite style       # only this suite
    python bench/evals/reference.py --write --suite style   # puts what it measures into reference.json

Greedy, on SmolLM2-135M-Instruct. A suite agrees if at least 99% of its items are equal and every metric is within a
point (0.01) of the committed one. `items` has a sign for each sample in the suite's order: 1, 0, h for a half, a dot
where the metric does not apply or is unscored. Intervals are by family (Wilson at their effective number).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

FILE = Path(__file__).parent / "reference.json"
MODEL = "venire/smollm2-135m"
SIGNS = {0.0: "0", 0.5: "h", 1.0: "1", None: "."}
# The tasks, their arguments, and how long an answer may be.
SUITES: dict[str, dict[str, Any]] = {
    "value_alignment": {"max_tokens": 48, "likelihood": True, "forced_choice": True},
    "epistemic_stance": {"max_tokens": 48},
    "forgetting": {},
    "phrasing_robustness": {},
    "fact_boundaries": {},
    "fact_contradiction": {},
    "fact_extraction": {"max_tokens": 32},
    "style": {"max_tokens": 48},
    "kernel": {"max_tokens": 48},
}


def measure(suites: Sequence[str], limit: int | None = None, logs: Path | None = None) -> dict[str, dict[str, Any]]:
    """suite -> metric -> what `summarise` says of the base, on the first `limit` items; answers stay in `logs`."""
    from inspect_ai import eval_set

    from venire.evals import load_task, read_results

    tasks = {
        name: load_task(f"venire/{name}", SUITES[name] | ({} if limit is None else {"limit": limit})) for name in suites
    }
    with tempfile.TemporaryDirectory() as passing:
        folder = str(logs or passing)
        eval_set(
            list(tasks.values()), log_dir=folder, model=MODEL, temperature=0, display="none", max_connections=64,
            adaptive_connections=False, max_tasks=len(tasks), log_realtime=False,
        )  # fmt: skip
        results = read_results(sorted(Path(folder).glob("*.eval")))
    found = {}
    for name, task in sorted(tasks.items()):
        mine = results.filter(suite=f"venire/{name}")
        found[name] = summarise(mine, [str(sample.id) for sample in task.dataset])
    return found


def summarise(results: pl.DataFrame, order: Sequence[str]) -> dict[str, Any]:
    """Of one suite: metric -> its rate with its 95% interval, and its items in the suite's order."""
    from venire.judges.statistics.winrate import winrate_ci

    found: dict[str, Any] = {}
    for (metric,), rows in results.drop_nulls("value").sort("metric").group_by("metric", maintain_order=True):
        rate = winrate_ci(rows["value"].to_numpy(), rows["family"].to_list())
        values = dict(rows.select("sample_id", "value").iter_rows())
        found[str(metric)] = {
            "rate": round(rate.estimate, 4),
            "low": round(rate.low, 4),
            "high": round(rate.high, 4),
            "n": rows.height,
            "items": "".join(SIGNS[values.get(name)] for name in order),
        }
    return found


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What of one suite does not agree: metrics that are missing or off by more than a point, items that differ."""
    told = []
    for metric in sorted({*mine, *theirs}):
        here, there = mine.get(metric), theirs.get(metric)
        if here is None or there is None:
            told.append(f"{metric}: only in {'the file' if here is None else 'this run'}")
        elif abs(here["rate"] - there["rate"]) > 0.01:
            told.append(f"{metric}: {there['rate']:.4f} in the file, {here['rate']:.4f} here")
    shared = sorted({*mine} & {*theirs})
    pairs = [pair for metric in shared for pair in zip(mine[metric]["items"], theirs[metric]["items"], strict=True)]
    equal = sum(one == other for one, other in pairs)
    if equal < 0.99 * len(pairs):
        told.append(f"{equal} of {len(pairs)} items are equal: below 99%")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what was measured into reference.json")
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this suite (may be given again)")
    parser.add_argument("--logs", type=Path, help="keep the logs in this folder; a run that was stopped goes on there")
    options = parser.parse_args()
    committed = json.loads(FILE.read_text("utf-8"))
    mine = measure(options.suite or list(SUITES if options.write else committed["suites"]), logs=options.logs)
    for suite, metrics in mine.items():
        for metric, rate in metrics.items():
            print(f"{suite:22}{metric:26}{rate['rate']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] {rate['n']:5}")
    if options.write:
        committed["suites"] = dict(sorted({**committed["suites"], **mine}.items()))
        FILE.write_text(json.dumps(committed, indent=1) + "\n", "utf-8")
        return
    told = [
        f"{suite}.{line}" for suite in mine for line in differences(mine[suite], committed["suites"].get(suite, {}))
    ]
    print("\n".join(told) or "equal to the committed reference: 99% of the items, every metric within a point")
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
