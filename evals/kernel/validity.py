"""How well an answer's outcome is read: precision and recall in each language, on answers labelled one by one.

    python -m venire.evals.kernel.validity

prints them with exact 95% intervals. Labels and answers were written by a language model (README.md), those of the part
`held_out` before the patterns were last changed, and no pattern was changed for them: only they count.
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
from .kernel import LANGUAGES
from .outcomes import OUTCOMES, Outcome, outcome_of

LABELLED = Path(__file__).parent / "labelled.jsonl"


class LabelledAnswer(Row):
    """An answer and what it does; its domain is its language."""

    response: str = Field(min_length=1, description="what was answered, word for word")
    outcome: Outcome = Field(description="what it does, whatever its words")
    part: Literal["repair", "held_out"] = Field(description="was it ever used to change a pattern")


@dataclass(frozen=True)
class Reading:
    """One outcome in one language: right, wrong and missed, and two proportions with exact 95% intervals.

    precision: of the answers read so, the share labelled so; recall: of those labelled so, the share read so. None
    where there is none.
    """

    language: str
    outcome: str
    labelled: int
    hits: int
    false_alarms: int
    precision: Share | None
    recall: Share | None


def readings(rows: Sequence[LabelledAnswer]) -> list[Reading]:
    """Each outcome in each language."""
    made = []
    for language in LANGUAGES:
        pairs = [(row.outcome, outcome_of(row.response)) for row in rows if row.domain == language]
        for outcome in OUTCOMES:
            labelled, read = (sum(pair[i] == outcome for pair in pairs) for i in (0, 1))
            hits = sum(pair == (outcome, outcome) for pair in pairs)
            shares = share(hits, read), share(hits, labelled)
            made.append(Reading(language, outcome, labelled, hits, read - hits, *shares))
    return made


def load_labelled(path: Path = LABELLED) -> list[LabelledAnswer]:
    """The labelled answers. Raises InputError for a row that is wrong."""
    return load_rows(path, LabelledAnswer)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--part", choices=["held_out", "repair"], default="held_out", help="which answers")
    parser.add_argument("--errors", action="store_true", help="list every answer that is read wrongly")
    options = parser.parse_args()
    rows = [row for row in load_labelled() if row.part == options.part]
    table = readings(rows)
    if options.json:
        print(json.dumps({"n": len(rows), "outcomes": [asdict(each) for each in table]}, indent=2))
        return
    print(f"{len(rows)} answers written and labelled by a language model, part {options.part}\n")
    for each in table:
        print(f"| {each.language} | {each.outcome} | {each.labelled} | {cell(each.precision)} | {cell(each.recall)} |")
    if options.errors:
        for row in rows:
            if (found := outcome_of(row.response)) != row.outcome:
                print(f"\n{found}, not {row.outcome}: {row.id}\n  {row.response}")


if __name__ == "__main__":
    main()
