"""Operating characteristics: coverage of every interval, size and power of every rule, and of the whole gate.

    python bench/statistics/operating.py [--reps 500] [--seed 20251121] [--only NAME] [--state FILE] [--out FILE]

`--only` picks a module (batch, rules, intervals, others, decisions) or a table's name. With `--state` every finished
table, and every few hundred replications of the gate's own `decide`, are kept in that file: a run that was killed goes
on where it stopped, and `--seconds S` stops by itself (exit code 9) after S seconds. `--out` writes the page, of which
`results.md` is one. Tables have four times `--reps` replications, `decide` has what its rows say. About ten minutes of
one core at the default.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batch
import decisions
import intervals
import numpy as np
import others
import rules

BLOCK = 200  # replications of the whole gate that are kept together


class Kept:
    """Results by name, on disk as soon as they are there; those of another seed or size are not taken."""

    def __init__(self, path: Path | None, mark: str, seconds: float) -> None:
        self._path, self._mark, self._until = path, mark, time.monotonic() + seconds
        self._known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path and path.is_file() else {}

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The result of that name, made if need be."""
        key = self._mark + name
        if key not in self._known:
            if time.monotonic() > self._until:
                raise SystemExit(9)
            self._known[key] = make()
            if self._path:
                self._path.write_text(json.dumps(self._known, ensure_ascii=False, indent=1), "utf-8")
        return self._known[key]


def decision_row(kept: Kept, title: str, case: decisions.Case, reps: int, seed: int) -> list[str]:
    """A row of the whole gate's tables, from blocks that are kept one by one."""
    left, parts = max(1, int(reps * case.weight)), []
    while left > 0:
        number, size = len(parts), min(BLOCK, left)
        name = f"{title}: {case.n}, {case.name}, block {number}"
        parts.append(kept.get(name, lambda number=number, size=size: decisions.part(case, number, size, seed)))
        left -= size
    return decisions.row(case, parts)


def pages(kept: Kept, reps: int, seed: int, only: str) -> list[str]:
    """The tables asked for, as Markdown."""
    found = []
    for module in (batch, rules, intervals, others):
        for make in module.TABLES:
            if only in ("", module.__name__, make.__name__):
                # Each table has its own stream, so that one run alone gives what the whole run gives.
                rng = np.random.default_rng([seed, sum(make.__name__.encode())])
                found.append(kept.get(make.__name__, lambda make=make, rng=rng: make(rng, 4 * reps)))
    for title, head, cases in decisions.tables():
        if only in ("", "decisions"):
            rows = [decision_row(kept, title, case, reps, seed) for case in cases]
            found.append(intervals.table(title, head, rows))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20251121)
    parser.add_argument("--only", default="")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = pages(Kept(args.state, f"{args.seed}/{args.reps}/", args.seconds), args.reps, args.seed, args.only)
    text = f"Seed {args.seed}, --reps {args.reps}; ± is the 95% Monte-Carlo half-width.\n\n" + "\n".join(found)
    if args.out:
        args.out.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
