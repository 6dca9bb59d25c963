"""A/A: how often a contender is promoted against itself, by judges good and crooked; and B/A, to see that it can be.

    python bench/judges/aa.py [--seeds 1000] [--prompts 60] [--out bench/judges/results.md] [--state FILE]

Each seed is one sealed comparison through manifest, sheets, ledger and gate (see judged.py). About 0.3 s of one core a
seed. With `--state` finished seeds are kept in that file, and a run that was killed goes on.
"""

import argparse
import json
import tempfile
from pathlib import Path

from judged import CROOKED, PANEL, Mind, answers, decision, seal, vote

from venire.judges.statistics.clopper_pearson import clopper_pearson

CASES: dict[str, tuple[dict[str, Mind], int, float]] = {
    "A/A, four judges that vote well": (PANEL, 1, 0.0),
    "A/A, a judge for the first place and one that tosses coins": (CROOKED, 1, 0.0),
    "A/A, the best of four": (PANEL, 4, 0.0),
    "B/A, better by half a standard deviation": (PANEL, 1, 0.5),
    "B/A, better by one": (PANEL, 1, 1.0),
    "B/A, better by one, the crooked panel": (CROOKED, 1, 1.0),
}


def once(minds: dict[str, Mind], candidates: int, better: float, prompts: int, seed: int) -> list[bool]:
    """Was anybody promoted, and was superiority alone shown."""
    names = [f"step-{k}/plain" for k in range(candidates)]
    frame = answers([*names, "base/plain"], prompts, seed, better)
    with tempfile.TemporaryDirectory() as folder:
        judging = seal(frame, names, "base/plain", Path(folder), seed, minds)
        found = decision(vote(judging, minds), names, "base/plain", seed)
    shown = next((part.passed for part in found.components if part.name == "superiority"), None)
    return [found.outcome == "PROMOTE", shown is True]


def row(title: str, results: list[list[bool]]) -> str:
    """One line of the table, with exact 95% intervals."""
    cells = []
    for which in (0, 1):
        hits, n = sum(result[which] for result in results), len(results)
        low, high = clopper_pearson(hits, n)
        cells.append(f"{hits / n:.3f} ({low:.3f} to {high:.3f})")
    return f"| {title} | {len(results)} | {cells[0]} | {cells[1]} |"


def main() -> None:
    """Run what is not known yet, and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=1000)
    options.add_argument("--prompts", type=int, default=60)
    options.add_argument("--out", type=Path)
    options.add_argument("--state", type=Path)
    given = options.parse_args()
    known = json.loads(given.state.read_text()) if given.state and given.state.is_file() else {}
    lines = []
    for title, (minds, candidates, better) in CASES.items():
        results = known.setdefault(f"{title} on {given.prompts}", [])
        while len(results) < given.seeds:
            results.append(once(minds, candidates, better, given.prompts, len(results)))
            if given.state and len(results) % 20 == 0:
                given.state.write_text(json.dumps(known))
        lines.append(row(title, results[: given.seeds]))
        print(lines[-1], flush=True)
    page = [
        "# A contender against itself",
        "",
        f"`python bench/judges/aa.py --seeds {given.seeds} --prompts {given.prompts}`: each seed is one comparison on "
        f"{given.prompts} prompts, both orders, by simulated judges through manifest, sheets, ledger and gate "
        "(defaults; one-sided alpha .025). In brackets: exact 95% intervals.",
        "",
        "| case | seeds | promoted | superiority alone shown |",
        "|---|---|---|---|",
        *lines,
        "",
    ]
    if given.out:
        given.out.write_text("\n".join(page))


if __name__ == "__main__":
    main()
