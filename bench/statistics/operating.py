"""Operating characteristics: coverage of every interval, size and power of every rule, and of the whole gate.

    python bench/statistics/operating.py [--reps 3000] [--seed 20251121] [--only NAME] [--state FILE] [--out FILE]

`--only` picks a module (intervals, others, rules, decisions) or a table's name. With `--state` every finished table,
and every row of the whole gate's, is kept in that file: a run that was killed goes on where it stopped, and `--one`
stops by itself after the next of them. `--out` writes the page, of which `results.md` is one. About an hour and a half
of one core at the default.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import decisions
import intervals
import numpy as np
import others
import rules


class Kept:
    """Results by name, on disk as soon as they are there; those of another seed or size are not taken."""

    def __init__(self, path: Path | None, reps: int, seed: int, one: bool = False) -> None:
        self._path, self._mark, self._one = path, f"{seed}/{reps}/", one
        self._known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path and path.is_file() else {}

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The result of that name, made if need be."""
        key = self._mark + name
        if key not in self._known:
            start = time.process_time()
            made = make()
            self._known[key] = [made, round(time.process_time() - start)]
            print(f"{name}: {self._known[key][1]} s", flush=True)
            if self._path:
                self._path.write_text(json.dumps(self._known, ensure_ascii=False, indent=1), "utf-8")
            if self._one:
                raise SystemExit(0)
        return self._known[key][0]


def pages(kept: Kept, reps: int, seed: int, only: str) -> list[str]:
    """The tables asked for, as Markdown."""
    found = []
    for title, head, cases in decisions.tables():
        if only in ("", "decisions"):
            rows = [
                kept.get(f"{title}: {case.n}, {case.name}", lambda case=case: decisions.row(case, reps, seed))
                for case in cases
            ]
            found.append(intervals.table(title, head, rows))
    for module in (rules, intervals, others):
        for make in module.TABLES:
            if only in ("", module.__name__, make.__name__):
                # Each table has its own stream, so that one run alone gives what the whole run gives.
                rng = np.random.default_rng([seed, sum(make.__name__.encode())])
                found.append(kept.get(make.__name__, lambda make=make, rng=rng: make(rng, reps)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20251121)
    parser.add_argument("--only", default="")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--one", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = pages(Kept(args.state, args.reps, args.seed, args.one), args.reps, args.seed, args.only)
    text = f"Seed {args.seed}, --reps {args.reps}; ± is the 95% Monte-Carlo half-width.\n\n" + "\n".join(found)
    if args.out:
        args.out.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
