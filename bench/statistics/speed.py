"""One million votes: ours against row resampling and `scipy.stats.bootstrap`, in one run, as ratios.

    python bench/statistics/speed.py [--prompts 125000] [--draws 2000] [--row-draws 40]

Like is compared with like: percentile intervals of the panel's win rate, of each judge's and of A_flip. Row
resampling is measured over `--row-draws` draws and scaled to `--draws` (its cost is the same for every draw);
everything else runs in full. Ours is also measured in a process of its own, from a parquet file of shuffled votes to
the whole analysis, with its peak memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from model import World
from scipy import stats

from venire.judges.statistics.a_flip import flip_sums
from venire.judges.statistics.bootstrap import bootstrap
from venire.judges.statistics.panel import order_mean, prompt_means
from venire.judges.statistics.patterns import bootstrap_sums, collapse, percentile_interval

WHOLE = """
import json, resource, sys, time
start = time.perf_counter()
import polars as pl
from venire.judges.analysis import analyze
ready = time.perf_counter()
result = analyze(pl.read_parquet(sys.argv[1]), bootstrap=int(sys.argv[2]), seed=1)
done = time.perf_counter()
used = resource.getrusage(resource.RUSAGE_SELF)
peak, cpu = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
one = result["comparisons"][0]
print(json.dumps({"import": ready - start, "run": done - ready, "cpu": cpu, "gib": peak,
                  "patterns": one["bootstrap"]["patterns"], "interval": one["bootstrap"]["win_rate"]}))
"""


def frame(votes: np.ndarray, missing: float, rng: np.random.Generator) -> pl.DataFrame:
    """A shuffled frame of (n, J, 2) votes, a share of them missing."""
    n, judges, _ = votes.shape
    prompt, judge, second = (
        axis.ravel() for axis in np.meshgrid(np.arange(n), np.arange(judges), [0, 1], indexing="ij")
    )
    rows = rng.permutation(prompt.size)
    rows = rows[rng.random(rows.size) >= missing]
    names = np.array([f"prompt-{i:07d}" for i in range(n)])
    verdicts = np.array(["incumbent", "tie", "candidate"])[(votes.ravel() * 2).astype(int)]
    return pl.DataFrame(
        {
            "prompt_id": names[prompt[rows]],
            "candidate": "candidate/plain",
            "incumbent": "base/plain",
            "judge": np.array([f"vendor-{j}/judge-{j}" for j in range(judges)])[judge[rows]],
            "candidate_first": second[rows] == 0,
            "verdict": verdicts[rows],
        }
    )


def row_resampling(votes: np.ndarray, draws: int, rng: np.random.Generator) -> float:
    """Seconds for `draws` draws that gather every vote of resampled prompts and compute everything anew."""
    n, judges, _ = votes.shape
    judge = np.tile(np.repeat(np.arange(judges), 2), n)
    y = votes.ravel()
    per_prompt = judges * 2
    start = time.perf_counter()
    for _ in range(draws):
        picked = rng.integers(0, n, n)
        rows = (picked[:, None] * per_prompt + np.arange(per_prompt)).ravel()
        cell = np.repeat(np.arange(n), per_prompt) * judges + judge[rows]
        cells = np.bincount(cell, y[rows], n * judges).reshape(n, judges) / 2
        agreement, squares = flip_sums(2 * cells - 1)
        _ = prompt_means(cells).mean(), cells.mean(axis=0), agreement.sum() / squares.sum()
    return time.perf_counter() - start


def scipy_bootstrap(cells: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Seconds of `scipy.stats.bootstrap` from collapsed prompt sums: panel's mean alone; with judges and A_flip."""

    def ratio(top: np.ndarray, bottom: np.ndarray, axis: int = -1) -> np.ndarray:
        return top.sum(axis=axis) / bottom.sum(axis=axis)

    options = {"n_resamples": draws, "batch": 20, "vectorized": True, "method": "percentile", "rng": rng}
    start = time.perf_counter()
    stats.bootstrap((prompt_means(cells),), np.mean, **options)
    alone = time.perf_counter() - start
    for judge in cells.T:
        stats.bootstrap((judge.copy(),), np.mean, **options)
    stats.bootstrap(flip_sums(2 * cells - 1), ratio, paired=True, **options)
    return alone, time.perf_counter() - start


def pattern_bootstrap(cells: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """Seconds of ours for the same two: collapse and draw the panel's mean; `bootstrap` of everything."""
    start = time.perf_counter()
    patterns = collapse(prompt_means(cells)[:, None])
    percentile_interval(bootstrap_sums(patterns, draws, seed)[:, 0] / len(cells))
    alone = time.perf_counter() - start
    bootstrap(cells, None, draws, seed)
    return alone, time.perf_counter() - start - alone


def whole(path: Path, draws: int) -> dict:
    """Import seconds, run seconds, peak GiB and interval of a process that analyses the file."""
    env = os.environ | {"OMP_NUM_THREADS": "2", "POLARS_MAX_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, str(path), str(draws)], check=True, capture_output=True, text=True, env=env
    )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=125_000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--row-draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    votes = World(0.6).votes(rng, 1, args.prompts)[0]
    votes_soft = World(0.6).votes(rng, 1, args.prompts)[0]
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for name, missing in (("complete", 0.0), ("3% missing", 0.03)):
            path = Path(folder) / f"{missing}.parquet"
            frame(votes, missing, rng).write_parquet(path)
            results[name] = whole(path, args.draws)
        families = frame(votes_soft, 0.03, rng).with_columns(
            family=pl.col("prompt_id").str.slice(0, 13)  # ten prompts a family: every family is its own pattern
        )
        path = Path(folder) / "families.parquet"
        families.write_parquet(path)
        results["families of 10, 3% missing"] = whole(path, args.draws)
    rows = row_resampling(votes, args.row_draws, rng) * args.draws / args.row_draws
    cells = order_mean(votes)
    scipy_alone, scipy_all = scipy_bootstrap(cells, args.draws, rng)
    alone, everything = pattern_bootstrap(cells, args.draws, args.seed)
    print(f"seed {args.seed}; {votes.size:,} votes, {args.prompts:,} prompts, {args.draws} draws, 2 threads\n")
    print("| method | what | s | × ours |\n|---|---|---|---|")
    print(f"| ours | bootstrap of panel, judges, A_flip | {everything:.2f} | 1 |")
    print(f"| scipy.stats.bootstrap | the same, from prompt sums | {scipy_all:.1f} | {scipy_all / everything:.0f} |")
    what = f"the same, from votes; {args.row_draws} draws scaled"
    print(f"| row resampling, numpy | {what} | {rows:.1f} | {rows / everything:.0f} |")
    print(f"| ours | bootstrap of the panel's mean alone | {alone:.3f} | 1 |")
    print(f"| scipy.stats.bootstrap | the same, from prompt means | {scipy_alone:.1f} | {scipy_alone / alone:.0f} |")
    for name, found in results.items():
        what = f"whole analysis from parquet, {name}: {found['patterns']:,} patterns, peak {found['gib']:.2f} GiB, "
        what += f"{found['cpu']:.1f} s of processor time with imports"
        print(f"| ours | {what} | {found['run']:.2f} | |")
    print(
        f"\nimports take {results['complete']['import']:.2f} s more; "
        f"this process peaked at {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"
    )


if __name__ == "__main__":
    main()
