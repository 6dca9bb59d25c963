"""Operating characteristics: coverage of every interval, and false promotion and power of the whole gate.

    python bench/statistics/operating.py [--reps 4000] [--seed 20251121] [--only gate|intervals|others|NAME]

Prints the seed and Markdown tables; `results.md` holds what it printed. About a quarter of an hour on two cores.
"""

import argparse
import time

import gate
import intervals
import numpy as np
import others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20251121)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.reps} replications; ± is the 95% Monte-Carlo half-width\n")
    for module in (intervals, others, gate):
        for make in module.TABLES:
            if args.only in ("", module.__name__, make.__name__):
                start = time.perf_counter()
                # Each table has its own stream, so that one run alone prints what the whole run prints.
                rng = np.random.default_rng([args.seed, sum(make.__name__.encode())])
                print(make(rng, args.reps))
                print(f"({make.__name__}, {time.perf_counter() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
