"""Build and check 100,000 rows: seconds, processor seconds and peak memory, each command in a process of its own.

    python bench/datasets/speed.py [--rows 100000] [--no-meaning]

The rows are general instructions in Alpaca's form, made by rule, half of them with an answer of several sentences.
"""

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from venire.datasets.rows import read_rows
from venire.datasets.split import asked

SHIPPED = Path(__file__).resolve().parent.parent.parent / "datasets"


def running_words() -> list[str]:
    """Every word of the questions that ship, as often as it stands there: what rows and suites share is realistic."""
    texts = [
        asked(row)
        for folder in ("categories", "contrast", "replay")
        for path in sorted((SHIPPED / folder).glob("*.jsonl"))
        for row in read_rows(path)[0].rows
    ]
    return re.findall(r"[a-z']+", " ".join(texts).lower())


WORDS = running_words()


def sentence(chance: random.Random, words: int) -> str:
    """So many words, drawn as often as they occur: as varied as text, and cheap to make."""
    return " ".join(chance.choices(WORDS, k=words)).capitalize()


def write_rows(path: Path, count: int) -> None:
    """Alpaca rows that no two are alike."""
    chance = random.Random(20251121)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            answer = ". ".join(sentence(chance, chance.randint(8, 20)) for _ in range(chance.randint(1, 4)))
            row = {
                "instruction": f"{sentence(chance, chance.randint(8, 24))}?",
                "input": "",
                "output": f"{answer}.",
                "category": f"kind_{number % 9}",
            }
            out.write(json.dumps(row) + "\n")


def timed(name: str, command: list[str], count: int) -> None:
    """Run a command and print what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"| {name} | {count:,} | {wall:.1f} | {cpu:.1f} | {after.ru_maxrss / 1e6:.2f} |", flush=True)
    tail = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1:]
    print(f"<!-- {name}: exit {done.returncode}; {' '.join(tail)} -->", flush=True)


def main() -> None:
    """Build, then check what was built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--no-meaning", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_rows(home / "rows.jsonl", options.rows)
        spec = "name: speed\nseed: 42\nsources:\n  - {kind: rows, file: rows.jsonl, licence: CC0-1.0}\n"
        (home / "spec.yaml").write_text(spec, "utf-8")
        print(f"{os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}\n")
        print("| command | rows | seconds | processor seconds | peak GB |\n|---|---|---|---|---|")
        venire = [sys.executable, "-m", "venire.cli", "data"]
        timed("build", [*venire, "build", str(home / "spec.yaml"), "--out", str(home / "out")], options.rows)
        check = [*venire, "check", str(home / "out"), "--against", "suites"]
        timed("check", [*check, "--no-meaning"], options.rows)
        if not options.no_meaning:
            timed("check, by meaning too", check, options.rows)


if __name__ == "__main__":
    main()
