"""The shipped data files: each is what its model and its JSON Schema say, and no row escapes the check."""

import json
from pathlib import Path

from venire.evals.check import DATA, HOME, problems


def test_every_file_is_listed_and_right() -> None:
    assert problems() == []
    shipped = {str(path.relative_to(HOME)) for path in HOME.rglob("*.jsonl")}
    assert shipped == set(DATA)


def test_a_schema_names_every_key_that_rows_use() -> None:
    for name in DATA:
        schema = json.loads((HOME / name).with_suffix(".schema.json").read_text("utf-8"))
        rows = [json.loads(line) for line in (HOME / name).read_text("utf-8").splitlines()]
        assert {key for row in rows for key in row} <= set(schema["properties"])
        assert all(set(schema["required"]) <= set(row) for row in rows)


def test_a_row_that_is_wrong_is_told(tmp_path: Path) -> None:
    from venire._common.errors import InputError
    from venire.evals.scenarios import load_rows

    for name, model in DATA.items():
        first = json.loads((HOME / name).read_text("utf-8").splitlines()[0])
        path = tmp_path / "wrong.jsonl"
        path.write_text(json.dumps(first | {"colour": "red"}) + "\n")
        try:
            load_rows(path, model)
        except InputError as error:
            assert "row 1" in str(error) and "colour" in str(error)
        else:
            raise AssertionError(name)
