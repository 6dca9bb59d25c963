"""`venire data`: build a dataset from a person's answers and facts, check it, and write its card."""

import ctypes
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from venire._common.errors import InputError
from venire.options import refuse, refuse_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inspect_ai import Task

    from venire.datasets.check import Measured
    from venire.datasets.findings import Report

_READ_AT_ONCE = 16


@click.group()
def data() -> None:
    """Datasets from answers, facts and pairs; leaks; cards.

    Example: venire data build my/spec.yaml --out my/data
    """


@data.command("build")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write (it is made if need be); needed but for --schema.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of specs, for an editor.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one JSON object.")
def build(spec: Path | None, out: Path | None, schema: bool, as_json: bool) -> None:
    """Build a dataset from a spec. The same inputs and seed give the same bytes.

    Where a teacher writes part of it, this is also where you accept, edit or reject what it wrote; stopped at any
    moment, the same command goes on.

    Example: venire data build datasets/example.yaml --out my/data
    """
    if schema:
        refuse_beside("schema", "not beside --schema, which builds nothing")
        from venire.datasets.spec import Spec

        click.echo(json.dumps(Spec.model_json_schema(), indent=2))
        return
    if spec is None or out is None:
        raise InputError("name a spec and a folder: venire data build SPEC --out DIR (or ask for --schema)")
    from venire.data_review import review
    from venire.datasets import build as builder
    from venire.progress import Teller

    _quiet()
    with Teller("build") as say:
        built = builder.build(spec, out, say, say.aside(review) if _somebody_sits_there() else None)
    if as_json:
        click.echo((out / builder.MANIFEST).read_text("utf-8"), nl=False)
        return
    for file in built.files:
        rows, families = "row " if file.rows == 1 else "rows", "family" if file.families == 1 else "families"
        click.echo(f"{file.name:<22} {file.rows:>6} {rows} in {file.families} {families}")
    for note in built.notes:
        click.echo(f"note: {_safe(note)}")
    click.echo(f"the card is {out / 'README.md'}; look for leaks with: venire data check {out} --against suites")


@data.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--against",
    multiple=True,
    help="What must not be trained on: `suites` (all of Venire's), a task such as venire/value_alignment, an "
    "experiment, a file of scenarios or of rows. May be repeated.",
)
@click.option(
    "--meaning/--no-meaning", default=True, show_default=True, help="Also compare by meaning, with the embedded models."
)
@click.option("--allow", multiple=True, help="A code of findings that do not make the command fail. May be repeated.")
@click.option("--allow-text", multiple=True, help="A name or an address that may stand in the data. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(
    files: tuple[Path, ...],
    against: tuple[str, ...],
    meaning: bool,
    allow: tuple[str, ...],
    allow_text: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look for what is wrong: schema, duplicates, leaks, cut answers, balance, personal data, licences.

    FILES are JSONL files of rows, or folders that a build wrote; or suites: folders with a task file, whose page, rows
    and schemas are checked. A file's name says its part (…validation.jsonl,
    …evaluation.jsonl, else training). Exits 1 if there is an error or a warning whose code is not allowed.

    Example: venire data check my/data --against suites --allow-text "Odile Brandt"
    """
    from venire.datasets.check import check as run
    from venire.datasets.findings import CODES
    from venire.progress import Teller

    if unknown := [code for code in allow if code not in CODES]:
        raise InputError(f"--allow {unknown[0]}: no such code; there are {', '.join(CODES)}")
    _quiet()
    if suites := [path for path in files if path.is_dir() and any(path.glob("*.py"))]:
        refuse(
            f"not of {suites[0]}, a suite: its page, task and rows are all that is looked at; leaks are looked for in "
            "training data, with the suite behind --against",
            *("against", "meaning", "allow", "allow_text"),
        )
        _check_suites(files, suites, as_json)
        return
    measured = [text for name in against for text in _measured(name)]
    embed = None
    if meaning:
        from venire.engine import embed
    with Teller("check") as say:
        report = run(files, measured, embed, allow_text, partial(_likelihoods, say=say) if meaning else None)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        _tell(report, allow)
    if report.wrong(allow):
        sys.exit(1)


def _likelihoods(
    items: "Sequence[tuple[list[dict[str, str]], str]]", say: "Callable[[str], object]" = lambda _: None
) -> list[float]:
    """Log-likelihoods under the embedded model: a few at a time and alike in length, for memory's sake."""
    from venire._common.progress import counted
    from venire.engine import loglikelihoods

    _give_back()
    order = sorted(range(len(items)), key=lambda i: len(items[i][0][-1]["content"]) + len(items[i][1]))
    found, began = [0.0] * len(items), time.monotonic()
    for start in range(0, len(order), _READ_AT_ONCE):
        some = order[start : start + _READ_AT_ONCE]
        for i, score in zip(some, loglikelihoods("venire/smollm2-135m", [items[i] for i in some]), strict=True):
            found[i] = score.logprob
        done = start + len(some)
        if len(order) > _READ_AT_ONCE:  # a few are over at once
            say(counted("in doubt, read again", done, len(order), "questions", time.monotonic() - began))
    return found


def _give_back() -> None:
    """Before a second model is loaded, memory that is free goes back to the system; glibc would keep it (0.3 GB)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _check_suites(files: tuple[Path, ...], suites: list[Path], as_json: bool) -> None:
    from venire.evals.check import suite_problems

    if other := set(files) - set(suites):
        raise InputError(f"{other.pop()}: no suite, as {suites[0]} is; check suites and training data apart")
    found = {str(path): suite_problems(path) for path in suites}
    if as_json:
        click.echo(json.dumps({"suites": found}, indent=2, ensure_ascii=False))
    for path, wrong in {} if as_json else found.items():
        told = [f"error    {_safe(each)}" for each in wrong]
        click.echo("\n".join(told) or f"{path}: page, task and rows are in order")
    if any(found.values()):
        sys.exit(1)


@data.command("card")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write it there; default: print it.")
@click.option("--licence", help="SPDX name of the licence of every source that no card names one for.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def card(file: Path, out: Path | None, licence: str | None, force: bool) -> None:
    """Print or write the card of a file of rows, or the card of a folder that a build wrote.

    Example: venire data card my/sft.jsonl --licence CC0-1.0 --out my/README.md
    """
    from venire._common.files import write_atomic

    if file.is_dir():
        refuse("not of a folder that a build wrote: its sources have named their licences", "licence")
    if out is None:
        refuse("nothing is written without --out", "force")
    text = _card(file, licence or "")
    if out is None:
        click.echo(text, nl=False)
        return
    if out.exists() and not force:
        raise InputError(f"{out} is there already; --force writes over it")
    write_atomic(out, text)
    click.echo(f"wrote {out}")


def _card(file: Path, licence: str) -> str:
    from venire.datasets.card import card_of
    from venire.datasets.rows import read_rows

    if file.is_dir():
        if not (file / "data.json").is_file():
            raise InputError(f"{file}: no folder that `venire data build` wrote; name a file of rows")
        return (file / "README.md").read_text("utf-8")
    rows, bad = read_rows(file)
    if bad:
        raise InputError(f"{file}, row {bad[0].line}{bad[0].message}")
    return card_of(rows, file.stem, licence)


def _measured(name: str) -> "Iterator[Measured]":
    """The texts that `--against NAME` means."""
    path = Path(name)
    if name == "suites":
        for task_name, task in _shipped_tasks():
            yield from _samples(task_name, task)
    elif path.is_dir() or path.suffix == ".jsonl":
        yield from _file_texts(path)
    elif path.suffix in (".yaml", ".yml"):
        yield from _yaml_texts(path)
    else:
        yield from _task_texts(name, {})


def _shipped_tasks() -> "Iterator[tuple[str, Task]]":
    """Every task of ours that can be made without being told more."""
    from inspect import signature

    from inspect_ai import Task

    from venire import evals

    for name in evals.__all__:
        value = getattr(evals, name)
        if callable(value) and not isinstance(value, type):
            made = signature(value)
            needed = any(p.default is p.empty and p.kind < p.VAR_POSITIONAL for p in made.parameters.values())
            # What takes a `suite` asks the questions of that one once more.
            if made.return_annotation in (Task, "Task") and not needed and "suite" not in made.parameters:
                yield f"venire/{name}", cast(Task, value())


def _task_texts(name: str, args: dict[str, Any]) -> "Iterator[Measured]":
    from venire.evals.scenarios import load_task

    yield from _samples(name, load_task(name, args))


def _samples(name: str, task: "Task") -> "Iterator[Measured]":
    from venire.datasets.check import Measured
    from venire.evals.scenarios import input_text

    for sample in task.dataset:
        about = sample.metadata or {}
        place = f"{name}:{sample.id}"
        # A suite that asks for taught facts in several templates measures their wording, not their matter.
        taught, of_facts = "template" in about, name.rpartition("/")[2].startswith("fact_")
        yield Measured(place, input_text(sample.input), taught=taught, of_facts=of_facts)
        for key in ("reference", "contrast"):
            if about.get(key):
                yield Measured(f"{place}#{key}", str(about[key]), question=False)


def _yaml_texts(path: Path) -> "Iterator[Measured]":
    """The suites of an experiment, or the scenarios of a suite's file."""
    from venire._common.reading import read_yaml
    from venire.experiment import load_experiment

    if isinstance(read_yaml(path, "--against"), dict):
        for suite in load_experiment(path).suites:
            yield from _task_texts(suite.task, suite.args)
    else:
        yield from _scenario_texts(path)


def _file_texts(path: Path) -> "Iterator[Measured]":
    """The rows of files of rows, or scenarios."""
    from venire.datasets.check import Measured
    from venire.datasets.rows import read_rows

    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        rows, bad = read_rows(file)
        if bad and not rows.rows:
            yield from _scenario_texts(file)
            continue
        for index, row in enumerate(rows.rows):
            for text in row.texts:
                yield Measured(rows.place(index), text)


def _scenario_texts(path: Path) -> "Iterator[Measured]":
    from venire.datasets.check import Measured
    from venire.evals.scenarios import load_scenarios

    for row in load_scenarios(path):
        yield Measured(f"{path}:{row.id}", row.prompt)
        for key in ("reference", "contrast"):
            if text := getattr(row, key):
                yield Measured(f"{path}:{row.id}#{key}", text, question=False)


def _tell(report: "Report", allowed: tuple[str, ...]) -> None:
    for finding in report.findings:
        mark = "allowed" if finding.code in allowed and finding.severity != "note" else finding.severity
        click.echo(f"{mark:<8} {finding.code:<14} {_safe(finding.message)}")
    counts = Counter(finding.severity for finding in report.findings)
    found = ", ".join(
        f"{n} {what}{'s' if n > 1 else ''}" for what in ("error", "warning", "note") if (n := counts[what])
    )
    rows, compared = sum(report.files.values()), report.compared
    against = f" against {compared['texts_measured']} texts" if compared.get("texts_measured") else ""
    if "by_meaning" in compared:
        against += f" ({compared['by_meaning']} of {compared['by_meaning_of']} questions also by meaning)"
    click.echo(f"{_many(rows, 'row')} in {_many(len(report.files), 'file')}{against}: {found or 'nothing wrong'}")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _somebody_sits_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _safe(text: str) -> str:
    from venire.data_review import safe

    return safe(text).replace("\n", "\\n")


def _quiet() -> None:
    """Loading bars of the libraries would drown our own lines."""
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
