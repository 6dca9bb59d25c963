"""Scenarios: the rows a suite is made of, read from its file and checked, and known by their content."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from inspect_ai import Task
from inspect_ai.dataset import Sample
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from venire._common.errors import InputError
from venire._common.hashing import sha256_json
from venire._common.reading import first_fault, parse_yaml, read_text


class Row(BaseModel):
    """What a row of any suite has: an id that never changes, and the domain that results are split by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="stable and unique in its suite")
    domain: str = Field(min_length=1, description="free label; results are also given by it")


class Scenario(Row):
    """One prompt and what is known about a good answer to it."""

    prompt: str = Field(min_length=1, description="what the model is asked, word for word")
    family: str = Field(default="", description="paraphrases of one question share it; default: the id")
    weight: float = Field(default=1.0, gt=0, description="how much it matters to the person")
    reference: str | None = Field(default=None, description="the person's own answer, in their own voice")
    contrast: str | None = Field(default=None, description="a conventional or opposed answer of like length")
    target: list[str] = Field(default=[], description="answers that count as right")

    def sample(self, **metadata: Any) -> Sample:
        """The Inspect sample; `metadata` is added to the family, domain, weight, reference and contrast."""
        known = {
            "family": self.family or self.id,
            "domain": self.domain,
            "weight": self.weight,
            "reference": self.reference,
            "contrast": self.contrast,
        }
        kept = {key: value for key, value in {**known, **metadata}.items() if value is not None}
        return Sample(id=self.id, input=self.prompt, target=self.target or "", metadata=kept)


AnyRow = TypeVar("AnyRow", bound=Row)
Anything = TypeVar("Anything")


def load_rows(path: Path, model: type[AnyRow]) -> list[AnyRow]:
    """The rows of a YAML list or a JSONL file, in the file's order.

    Raises InputError naming the file and the row (from 1) for a missing or empty file, an unknown or missing key, a
    value of the wrong kind, or an id used twice.
    """
    rows: list[AnyRow] = []
    first_seen: dict[str, int] = {}
    for number, raw in enumerate(read_raw(path), start=1):
        try:
            row = model.model_validate(raw)
        except ValidationError as error:
            raise InputError(f"{path}, row {number}{complaint(error)}") from error
        if row.id in first_seen:
            raise InputError(f"{path}, row {number}: id {row.id!r} is already that of row {first_seen[row.id]}")
        first_seen[row.id] = number
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: an empty suite; give it at least one row")
    return rows


def load_scenarios(path: Path) -> list[Scenario]:
    """`load_rows` of scenarios."""
    return load_rows(path, Scenario)


def interleave(groups: Iterable[Sequence[Anything]]) -> list[Anything]:
    """One of each group in turn until all are used up, so that a short run still holds every group."""
    missing = object()
    return [row for turn in zip_longest(*groups, fillvalue=missing) for row in turn if row is not missing]  # type: ignore[misc]


def by_domain(rows: Iterable[AnyRow]) -> list[list[AnyRow]]:
    """Rows grouped by domain, in the order in which the domains first appear."""
    groups: dict[str, list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(row.domain, []).append(row)
    return list(groups.values())


def load_task(name: str, args: Mapping[str, Any] | None = None) -> Task:
    """The Inspect task `package/task` made with `args`: a suite of ours, or of any installed package.

    Raises InputError if there is no such package or task, or it does not take these arguments.
    """
    package, _, task = name.rpartition("/")
    found = [entry for entry in entry_points(group="inspect_ai") if entry.name == package]
    if package == "venire":
        from venire import evals as home
    elif found:
        home = found[0].load()
    else:
        raise InputError(f"suite {name!r}: no installed package offers Inspect tasks under {package!r}")
    make = getattr(home, task, None)
    if not callable(make):
        raise InputError(f"suite {name!r}: {package!r} has no task {task!r}")
    try:
        made = make(**(args or {}))
    except (TypeError, ValueError) as error:
        raise InputError(f"suite {name!r} cannot be made with {dict(args or {})}: {error}") from error
    if not isinstance(made, Task):
        raise InputError(f"suite {name!r}: {task!r} is no Inspect task")
    return made


def suite_hash(name: str, args: Mapping[str, Any] | None = None) -> str:
    """Hex sha256 of what a suite asks: ids, prompts, targets and metadata of its samples, in order, and its version.

    A treatment among `args` belongs to the contender and does not count.
    """
    task = load_task(name, {key: value for key, value in (args or {}).items() if key != "treatment"})
    return sha256_json({"version": str(task.version), "samples": [sample_content(sample) for sample in task.dataset]})


def scenario_texts(task: Task) -> list[tuple[str, str]]:
    """(id, text) of every text that must not stand in training data: prompts, references and contrasts."""
    texts: list[tuple[str, str]] = []
    for sample in task.dataset:
        texts.append((str(sample.id), input_text(sample.input)))
        metadata = sample.metadata or {}
        for key in ("reference", "contrast"):
            if metadata.get(key):
                texts.append((f"{sample.id}#{key}", str(metadata[key])))
    return texts


def input_text(content: Any) -> str:
    """The text of a sample's input: itself, or what its chat messages say, one a line."""
    return content if isinstance(content, str) else "\n".join(message.text for message in content)


def sample_content(sample: Sample) -> dict[str, Any]:
    """What a sample asks and what it would count as right, as plain JSON values."""
    plain = json.loads(json.dumps(sample.metadata or {}, default=str))
    target = sample.target if isinstance(sample.target, str) else list(sample.target)
    return {
        "id": str(sample.id),
        "input": input_text(sample.input),
        "choices": sample.choices,
        "target": target,
        "metadata": plain,
    }


def read_raw(path: Path) -> Iterator[Any]:
    """The rows of a YAML list or a JSONL file, as they stand. Raises InputError naming the line that is neither."""
    text = read_text(path, "suite")
    if path.suffix == ".jsonl":
        yield from read_lines(path, text)
        return
    rows = parse_yaml(text, str(path))
    if rows is not None and not isinstance(rows, list):
        raise InputError(f"{path}: a suite's file is a list of rows")
    yield from rows or []


def read_lines(path: Path, text: str) -> Iterator[Any]:
    """The rows of a JSONL file's text. Raises InputError naming the line that is none."""
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a string may hold U+2028
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not valid JSON: {error}") from error


def complaint(error: ValidationError) -> str:
    """The key and the first fault, as they follow a row's number in a sentence."""
    key, message, _ = first_fault(error)
    return f", key {key!r}: {message}" if key else f": {message}"
