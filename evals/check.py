"""Are the suites' files what their schemas say? Every data file of ours, the model of its rows, and its JSON Schema.

    python -m venire.evals.check            # reads every file and compares the schemas; exit 1 where one is wrong
    python -m venire.evals.check --write    # writes the schemas anew, after a model was changed

A file `x.jsonl` has its schema in `x.schema.json` beside it, for editors that check rows as they are typed.
"""

import argparse
import json
import sys
from pathlib import Path

from venire._common.errors import InputError

from .epistemic_stance.validity import Labelled
from .forgetting import Item
from .kernel.kernel import KernelPrompt
from .phrasing_robustness import Fact
from .phrasing_robustness.boundaries import Boundary
from .phrasing_robustness.contradiction import Contradiction
from .scenarios import Row, Scenario, load_rows
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
}


def schema_of(model: type[Row]) -> str:
    """The JSON Schema of one row, as its file holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def problems() -> list[str]:
    """What is wrong with our data files, one sentence each; none if all is well."""
    found = []
    for name, model in DATA.items():
        path = HOME / name
        try:
            load_rows(path, model)
        except InputError as error:
            found.append(str(error))
        schema = path.with_suffix(".schema.json")
        if not schema.is_file() or schema.read_text("utf-8") != schema_of(model):
            found.append(
                f"{schema}: not the schema of {model.__name__}; write it with: python -m venire.evals.check --write"
            )
    return found


def main() -> None:
    """Print what is wrong, or write the schemas."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the schemas")
    if parser.parse_args().write:
        for name, model in DATA.items():
            (HOME / name).with_suffix(".schema.json").write_text(schema_of(model), "utf-8")
    found = problems()
    print("\n".join(found) or f"{len(DATA)} files, as their schemas say")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
