"""Build and check 100,000 rows: seconds, processor seconds and peak memory, each command in a process of its own.

    python bench/datasets/speed.py [--rows 100000] [--no-meaning]        # writes speed.md beside this file

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

from venire._common.files import write_atomic
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


def timed(name: str, command: list[str], count: int, home: Path) -> str:
    """Run a command, and a row of the table: what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = " ".join((done.stdout.strip() or done.stderr.strip()).splitlines()[-1:]).replace(f"{home}/", "")
    load = os.getloadavg()[0]
    peak = after.ru_maxrss / 1e6
    row = f"| {name} | {count:,} | {wall:.1f} | {cpu:.1f} | {peak:.2f} | {load:.1f} | {done.returncode} | {said[:90]} |"
    print(row, flush=True)
    return row


def main() -> None:
    """Build, then check what was built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--no-meaning", action="store_true")
    options = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    lines = [
        "# Speed",
        "",
        "    python bench/datasets/speed.py",
        "",
        f"{os.cpu_count()} cores, OMP_NUM_THREADS {threads}.",
    ]
    lines += [
        "Peak memory is the largest of this command and those above it. `load` is that of the machine at its end:"
    ]
    lines += [
        "above the number of cores, the seconds are shared with others and the processor's seconds are the measure.",
        "",
    ]
    lines += ["| command | rows | seconds | processor seconds | peak GB | load | exit | it said |", "|---" * 8 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_rows(home / "rows.jsonl", options.rows)
        spec = "name: speed\nseed: 42\nsources:\n  - {kind: rows, file: rows.jsonl, licence: CC0-1.0}\n"
        (home / "spec.yaml").write_text(spec, "utf-8")
        venire = [sys.executable, "-m", "venire.cli", "data"]
        build, check = [*venire, "build", str(home / "spec.yaml"), "--out", str(home / "out")], [*venire, "check"]
        check.append(str(home / "out"))
        runs = {"build": build, "check": [*check, "--no-meaning"]}
        runs["check against the suites"] = [*check, "--no-meaning", "--against", "suites"]
        if not options.no_meaning:
            runs["check, by meaning too"] = check
            runs["check against the suites, by meaning too"] = [*check, "--against", "suites"]
        lines += [timed(name, command, options.rows, home) for name, command in runs.items()]
    write_atomic(Path(__file__).with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
