"""What the untrained base scores, with intervals: committed, and reproduced by running this again.

    python bench/evals/reference.py                                   # asks it again; exit 1 where it differs
    python bench/evals/reference.py --write --suite style --limit 27  # adds or replaces a suite in reference.json

Greedy, on SmolLM2-135M-Instruct; the file says of how many items of each suite (`limit`, null for all). A metric agrees
if it is within a point (0.01) of the committed one. Intervals are by family (Wilson at their effective number).
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

FILE = Path(__file__).parent / "reference.json"
MODEL = "venire/smollm2-135m"
# Every task, its arguments, and how long an answer may be.
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


def measure(limits: dict[str, int | None], logs: Path | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """suite -> metric -> rate with its interval, of the base on so many items of each suite; answers stay in `logs`."""
    from inspect_ai import eval_set

    from venire.evals import load_task, read_results

    tasks = [
        load_task(f"venire/{name}", SUITES[name] | ({} if limit is None else {"limit": limit}))
        for name, limit in limits.items()
    ]
    with tempfile.TemporaryDirectory() as passing:
        folder = str(logs or passing)
        eval_set(
            tasks, log_dir=folder, model=MODEL, temperature=0, display="none", max_connections=64,
            adaptive_connections=False, max_tasks=len(tasks), log_realtime=False,
        )  # fmt: skip
        results = read_results(sorted(Path(folder).glob("*.eval")))
    return summarise(results)


def summarise(results: pl.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Rates and 95% intervals by (suite, metric), from the scored rows."""
    from venire.judges.statistics.winrate import winrate_ci

    found: dict[str, dict[str, dict[str, float]]] = {}
    for (suite, metric), rows in results.drop_nulls("value").group_by("suite", "metric", maintain_order=True):
        rate = winrate_ci(rows["value"].to_numpy(), rows["family"].to_list())
        found.setdefault(str(suite).removeprefix("venire/"), {})[str(metric)] = {
            "rate": round(rate.estimate, 4),
            "low": round(rate.low, 4),
            "high": round(rate.high, 4),
            "items": rows.height,
        }
    return {suite: dict(sorted(metrics.items())) for suite, metrics in sorted(found.items())}


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Metrics that are not within a point of the committed ones, or are missing on one side."""
    keys = {(suite, metric) for side in (mine, theirs) for suite, metrics in side.items() for metric in metrics}
    told = []
    for suite, metric in sorted(keys):
        here, there = mine.get(suite, {}).get(metric), theirs.get(suite, {}).get(metric)
        if here is None or there is None:
            told.append(f"{suite}.{metric}: only in {'the file' if here is None else 'this run'}")
        elif abs(here["rate"] - there["rate"]) > 0.01:
            told.append(f"{suite}.{metric}: {there['rate']:.4f} in the file, {here['rate']:.4f} here")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what was measured into reference.json")
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this suite (may be given again)")
    parser.add_argument("--limit", type=int, help="with --write: items a suite (the kernel's count questions)")
    parser.add_argument("--logs", type=Path, help="keep the logs in this folder; a run that was stopped goes on there")
    options = parser.parse_args()
    committed = json.loads(FILE.read_text("utf-8"))
    wanted = options.suite or list(SUITES if options.write else committed["suites"])
    limits = {name: options.limit if options.write else committed["suites"][name]["limit"] for name in wanted}
    mine = measure(limits, options.logs)
    for suite, metrics in mine.items():
        for metric, rate in metrics.items():
            print(f"{suite:22}{metric:26}{rate['rate']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] {rate['items']:5}")
    if options.write:
        made = {name: {"limit": limits[name], "metrics": metrics} for name, metrics in mine.items()}
        committed["suites"] = dict(sorted({**committed["suites"], **made}.items()))
        FILE.write_text(json.dumps(committed, indent=1) + "\n", "utf-8")
        return
    told = differences(mine, {name: committed["suites"][name]["metrics"] for name in wanted})
    print("\n".join(told) or "equal to the committed reference, within a point")
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
