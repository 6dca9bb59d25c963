"""How well the patterns read: precision and recall of each against responses that were labelled one by one.

    python -m venire.evals.epistemic_stance.validity

prints them with exact 95% intervals. The labels say what a response does, whatever its words; a language model gave
them (README.md) before any pattern was run on it. The responses of the part `repair` were then used to mend the
patterns, those of `held_out` never were: only they count, each pattern in the domains where its rate is taken. A
pattern's errors bound what its rate can mean.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ..scenarios import Row, load_rows
from ..shares import Share, cell, share
from .patterns import load_patterns, shown
from .scorer import METRICS

LABELLED = Path(__file__).parent / "labelled.jsonl"


class Labelled(Row):
    """A response and the patterns that a reader found in it."""

    prompt: str = Field(min_length=1, description="what was asked")
    response: str = Field(min_length=1, description="what was answered, word for word")
    shows: list[str] = Field(description="the patterns that it shows, by meaning")
    source: str = Field(min_length=1, description="the model that answered, or `written` for this set")
    part: Literal["repair", "held_out"] = Field(description="was it ever used to change a pattern")


@dataclass(frozen=True)
class Validity:
    """A pattern against the labels: right, wrong and missed, and two proportions with exact 95% intervals.

    precision: of the responses where the pattern fires, the share labelled so; recall: of those labelled so, the share
    where it fires. None where nothing fired or nothing was labelled.
    """

    pattern: str
    labelled: int
    hits: int
    false_alarms: int
    misses: int
    precision: Share | None
    recall: Share | None


def load_labelled(path: Path = LABELLED) -> list[Labelled]:
    """The labelled responses. Raises InputError for a row that is wrong."""
    return load_rows(path, Labelled)


def validity(rows: Sequence[Labelled]) -> list[Validity]:
    """Each pattern against those of `rows` whose domain it is counted in, in the order of their file."""
    found = [(row, shown(row.response)) for row in rows]
    made = []
    for pattern in load_patterns():
        counted = [(row, fires) for row, fires in found if row.domain in METRICS[pattern.name]]
        pairs = [(pattern.name in row.shows, fires[pattern.name]) for row, fires in counted]
        hits = sum(is_labelled and fires for is_labelled, fires in pairs)
        alarms = sum(fires and not is_labelled for is_labelled, fires in pairs)
        misses = sum(is_labelled and not fires for is_labelled, fires in pairs)
        precision, recall = share(hits, hits + alarms), share(hits, hits + misses)
        made.append(Validity(pattern.name, hits + misses, hits, alarms, misses, precision, recall))
    return made


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--part", choices=["held_out", "repair"], default="held_out", help="which responses")
    parser.add_argument("--errors", action="store_true", help="list every response that a pattern got wrong")
    options = parser.parse_args()
    rows = [row for row in load_labelled() if row.part == options.part]
    table = validity(rows)
    if options.json:
        print(json.dumps({"n": len(rows), "patterns": [asdict(each) for each in table]}, indent=2))
        return
    print(f"{len(rows)} responses labelled by a language model, part {options.part}\n")
    print(f"{'pattern':25}{'labelled':>9}  {'precision':20}{'recall':20}")
    for each in table:
        print(f"{each.pattern:25}{each.labelled:9}  {cell(each.precision):20}{cell(each.recall):20}")
    if options.errors:
        for row in rows:
            fires = {name for name, is_shown in shown(row.response).items() if is_shown}
            wrong = (name for name in sorted(fires ^ set(row.shows)) if row.domain in METRICS[name])
            for name in wrong:
                print(f"\n{'false alarm' if name in fires else 'miss'}: {name}, {row.id}\n  {row.response}")


if __name__ == "__main__":
    main()
