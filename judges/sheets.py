"""Sheets: what one judge is shown, as a file of texts and opaque ids that the judge task reads instead of the manifest.

The first line says who judges and under which seal, every further line is one sample: a pair in one order. The two
orders of a pair stand together, in the seeded order, so that judging that stops early leaves whole pairs.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from venire._common.errors import InputError
from venire._common.files import write_atomic
from venire._common.hashing import sha256_file

from .manifest import Manifest
from .pairs import Pair
from .panel import Judge
from .rubric import Rubric, Shown, parse_rubric

FORMAT = "venire.sheet/1"
ORDERS = (1, 2)  # asked first, asked second


class Head(BaseModel):
    """A sheet's first line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["venire.sheet/1"]
    judge: Judge
    rubric: str | None  # the rubric's whole text
    manifest_sha256: str  # the seal under which this judge is asked
    part_sha256: str  # this judge's part of it


@dataclass(frozen=True)
class Sheet:
    """A judge's sheet: its head, its rubric, what is shown, and the sha256 of its file."""

    head: Head
    rubric: Rubric | None
    rows: list[Shown]
    sha256: str


def sample_id(pair: str, asked: int) -> str:
    """The id of a sample: the pair's, and whether it is asked first or second."""
    return f"{pair}-{asked}"


def split_id(sample: str) -> tuple[str, int]:
    """Undo `sample_id`. Raises ValueError for an id of another making."""
    pair, _, asked = sample.rpartition("-")
    if asked not in ("1", "2"):
        raise ValueError(f"sample id {sample!r} is not <pair>-1 or <pair>-2")
    return pair, int(asked)


def write_sheet(manifest: Manifest, judge: str, pairs: Iterable[Pair], folder: Path) -> Path:
    """The sheet of `judge` for every sealed pair, in `folder`; left as it is if it stands there already.

    Raises InputError if the judge needs the person's answer and a pair has none.
    """
    part = manifest.parts[judge]
    rubric = parse_rubric(part.rubric) if part.rubric else None
    texts = {pair.id: pair for pair in pairs}
    _check_needs(part.judge, rubric, texts.values())
    head = Head(
        format=FORMAT,
        judge=part.judge,
        rubric=part.rubric,
        manifest_sha256=manifest.seal_of(judge),
        part_sha256=part.sha256,
    )
    lines: list[dict[str, Any]] = [head.model_dump(mode="json")]
    for pair_id, entry in part.entries.items():
        for asked in ORDERS:
            sides = texts[pair_id].sides
            first = part.first_side(pair_id, asked)
            second = "high" if first == "low" else "low"
            shown = Shown(
                id=sample_id(pair_id, asked),
                prompt=texts[pair_id].prompt,
                reference=texts[pair_id].reference,
                contrast=texts[pair_id].contrast,
                first_label=entry.first_label,
                first=sides[first].shown,
                second=sides[second].shown,
                flags=texts[pair_id].flags,
            )
            lines.append(shown.model_dump(mode="json"))
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path = folder / f"{part.judge.slug}.jsonl"
    if not path.is_file() or path.read_text("utf-8") != content:
        write_atomic(path, content)
    return path


def read_sheet(path: Path) -> Sheet:
    """The sheet in a file. Raises InputError naming the line that is wrong."""
    if not path.is_file():
        raise InputError(f"sheet {str(path)!r}: no such file; it is written by: venire judge")
    number = 1
    try:
        with path.open(encoding="utf-8") as lines:
            head = Head.model_validate_json(next(lines, ""))
            rows = []
            for line in lines:
                number += 1
                rows.append(Shown.model_validate_json(line))
    except ValidationError as error:
        raise InputError(f"{path}, line {number}: {error.errors()[0]['msg']}; is it a sheet?") from error
    return Sheet(head, parse_rubric(head.rubric) if head.rubric else None, rows, sha256_file(path))


def _check_needs(judge: Judge, rubric: Rubric | None, pairs: Iterable[Pair]) -> None:
    needs = (rubric is not None and "reference" in rubric.needs) or judge.kind in ("embedding", "likelihood")
    bare = next((pair for pair in pairs if needs and not pair.reference), None)
    if bare is not None:
        raise InputError(
            f"judge {judge.name!r} compares with the person's own answer, and prompt {bare.prompt_id!r} has no "
            "`reference`; write one, or take another rubric or judge"
        )
