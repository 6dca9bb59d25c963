"""Is a suite what it says? Its page, its task file, and its rows against their JSON Schema; ours and anybody's.

    venire data check my/toasts                    # a suite's folder
    python -m venire.evals.check                   # all of ours; exit 1 where one is wrong
    python -m venire.evals.check --write           # the schemas of ours anew, after a model was changed
    python -m venire.evals.check --write my/toasts # schemas of plain scenarios, for files that have none

A file `x.jsonl` has its schema in `x.schema.json` beside it, for editors that check rows as they are typed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from venire._common.errors import InputError

from .epistemic_stance.validity import Labelled
from .forgetting import Item
from .kernel.kernel import KernelPrompt
from .kernel.validity import LabelledAnswer
from .phrasing_robustness import Fact
from .phrasing_robustness.boundaries import Boundary
from .phrasing_robustness.contradiction import Contradiction
from .scenarios import Row, Scenario, complaint, load_rows, read_raw
from .style.style import StylePrompt
from .value_alignment.value_alignment import Position

HOME = Path(__file__).parent
DATA: dict[str, type[Row]] = {
    "value_alignment/scenarios.jsonl": Position,
    "epistemic_stance/scenarios.jsonl": Scenario,
    "epistemic_stance/open.jsonl": Scenario,
    "epistemic_stance/labelled.jsonl": Labelled,
    "forgetting/scenarios.jsonl": Item,
    "phrasing_robustness/facts.jsonl": Fact,
    "phrasing_robustness/boundaries.jsonl": Boundary,
    "phrasing_robustness/contradictions.jsonl": Contradiction,
    "style/prompts.jsonl": StylePrompt,
    "kernel/prompts.jsonl": KernelPrompt,
    "kernel/labelled.jsonl": LabelledAnswer,
}
_LONG = 200  # characters of a complaint


def schema_of(model: type[Row]) -> str:
    """The JSON Schema of one row, as its file holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def problems() -> list[str]:
    """What is wrong with our own suites, one sentence each; none if all is well."""
    found = [each for folder in sorted({name.split("/")[0] for name in DATA}) for each in suite_problems(HOME / folder)]
    for name, model in DATA.items():
        try:
            load_rows(HOME / name, model)
        except InputError as error:
            found.append(str(error))
        schema = _schema_file(HOME / name)
        if not schema.is_file() or schema.read_text("utf-8") != schema_of(model):
            found.append(
                f"{schema}: not the schema of {model.__name__}; write it with: python -m venire.evals.check --write"
            )
    return found


def suite_problems(path: Path) -> list[str]:
    """What is wrong with a suite's folder, or with one of its files, one sentence each; none if all is well."""
    if not path.is_dir():
        return list(_wrong_rows(path))
    found = []
    page = path / "README.md"
    if not page.is_file() or not page.read_text("utf-8").strip():
        found.append(f"{path}: no README.md; say there what the suite measures, its source, its known weaknesses")
    if not any("@task" in file.read_text("utf-8") for file in path.glob("*.py")):
        found.append(f"{path}: no task file; a suite has a Python file with a function under @task")
    files = sorted(path.glob("*.jsonl"))
    if not files:
        found.append(f"{path}: no data; a suite's rows stand in a JSONL file")
    return found + [each for file in files for each in _wrong_rows(file)]


def _wrong_rows(file: Path) -> Iterator[str]:
    """Each row that is not what the file's schema says, or its model where that is ours; or whose id is taken.

    A schema cannot say that a row needs a target only for some kinds of comparing; the task, which loads the model,
    would refuse such a row later.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    schema = _schema_file(file)
    if not schema.is_file():
        yield f"{file}: no {schema.name} beside it; for plain scenarios: python -m venire.evals.check --write {file}"
        return
    try:
        held = json.loads(schema.read_text("utf-8"))
        Draft202012Validator.check_schema(held)
        rows = list(read_raw(file))
    except (ValueError, SchemaError) as error:
        yield f"{schema}: no JSON Schema: {str(error).splitlines()[0]}"
        return
    except InputError as error:
        yield str(error)
        return
    validator, model, seen = Draft202012Validator(held), _model_of(held), dict[Any, int]()
    if not rows:
        yield f"{file}: an empty suite; give it at least one row"
    for number, row in enumerate(rows, start=1):
        wrong = list(validator.iter_errors(row))
        for error in wrong:
            key = ".".join(map(str, error.path))
            yield f"{file}, row {number}{f', key {key!r}' if key else ''}: {error.message[:_LONG]}"
        if model and not wrong:
            try:
                model.model_validate(row)
            except ValidationError as error:
                yield f"{file}, row {number}{complaint(error)}"
        name = str(row.get("id")) if isinstance(row, dict) else ""
        if name in seen:
            yield f"{file}, row {number}: id {name!r} is already that of row {seen[name]}"
        seen.setdefault(name, number)


def _model_of(schema: Any) -> type[Row] | None:
    """The row model of ours that `schema` was written from: by its name and its keys; None for anybody's own."""
    if not isinstance(schema, dict):
        return None
    for model in DATA.values():
        ours = json.loads(schema_of(model))
        if schema.get("title") == ours["title"] and set(schema.get("properties", {})) == set(ours["properties"]):
            return model
    return None


def write_schemas(path: Path | None = None) -> list[Path]:
    """Writes the schemas of ours; or, under `path`, that of plain scenarios for every data file without one."""
    if path is None:
        made = {_schema_file(HOME / name): schema_of(model) for name, model in DATA.items()}
    else:
        files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        made = {_schema_file(file): schema_of(Scenario) for file in files if not _schema_file(file).is_file()}
    for file, text in made.items():
        file.write_text(text, "utf-8")
    return list(made)


def _schema_file(file: Path) -> Path:
    return file.with_suffix(".schema.json")


def main() -> None:
    """Print what is wrong, or write schemas."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the schemas")
    parser.add_argument("suite", nargs="?", type=Path, help="a suite's folder or file; default: all of ours")
    options = parser.parse_args()
    if options.suite and not options.suite.exists():
        parser.exit(2, f"{options.suite}: no such file or folder\n")
    if options.write:
        for file in write_schemas(options.suite):
            print(f"wrote {file}")
    found = suite_problems(options.suite) if options.suite else problems()
    print("\n".join(found) or f"{options.suite or f'{len(DATA)} files'}: as the schemas say")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
