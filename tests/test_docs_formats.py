"""docs/formats.md names what is really in the files: its tables against the code, and against output made here."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from venire._common.files import read_json, write_json
from venire.engine import Base
from venire.judges.analysis import analyze
from venire.judges.audit import CODES, audit
from venire.judges.gate import GateInputs, PostHoc, decide
from venire.judges.policy import parse_policy
from venire.judges.votes import NOTES, REASONS, REQUIRED, SCHEMA, USES, VERDICTS, validate, write_votes
from venire.registry import Registry
from venire.votes_commands import votes as command

from .judges.panels import INCUMBENT, JUDGES, simulate, with_lengths

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "formats.md").read_text("utf-8")
NAMES = re.compile(r"`([^`]+)`")
BY_NAME = ("judges", "domains")
TYPES = {pl.String: "text", pl.Boolean: "true or false", pl.Int64: "whole number", pl.Float64: "number"}


def tables(section: str) -> list[list[list[str]]]:
    """The tables of a section: rows of cells, the header left out."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        found.append(rows[2:])
    return found


def names(cell: str) -> list[str]:
    return NAMES.findall(cell)


def described(rows: list[list[str]]) -> dict[str, tuple[set[str], bool]]:
    """Key to the keys that its value holds, and may it be absent ("Only …")."""
    return {key: (set(names(row[1])), row[-1].startswith("Only")) for row in rows for key in names(row[0])}


def agree(real: dict[str, Any], rows: list[list[str]], absent: Sequence[str] = (), by_name: Sequence[str] = ()) -> None:
    """The object has the page's keys, `absent` left out, and its values hold what the page says they hold.

    `by_name`: keys whose value goes from names to objects; the page describes the objects.
    """
    page = described(rows)
    assert set(real) == set(page) - set(absent)
    for key, value in real.items():
        if key in by_name:
            value = next(iter(value.values()), None)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if page[key][0] and isinstance(value, dict):
            assert set(value) == page[key][0], key


@pytest.fixture(scope="module")
def rich() -> pl.DataFrame:
    """Votes that let an analysis say everything: preferences, lengths, domains, people, gaps, three contenders."""
    parts = []
    for number, name in enumerate(("step-1/plain", "step-2/plain")):
        votes = with_lengths(simulate(210, 0.3 + number, seed=number, candidate=name))
        votes = votes.with_columns(
            preference=pl.when(pl.col("verdict") == "candidate").then(0.9).otherwise(pl.lit(None, pl.Float64)),
            domain=pl.when(pl.col("prompt_id") < "p0100").then(pl.lit("law")).otherwise(pl.lit("care")),
        )
        said = votes.filter(judge="openai/one", candidate_first=True).head(40)
        parts += [votes.slice(2), said.with_columns(judge=pl.lit("human:ann"), use=pl.lit("human"))]
    return validate(pl.concat(parts).with_columns(judge_family=pl.lit(None, pl.String)), "rich")


def test_the_columns_of_votes_are_those_of_the_schema() -> None:
    rows = tables("Votes")[0]
    assert [names(row[0]) for row in rows] == [[name] for name in SCHEMA]
    assert [row[1] for row in rows] == [TYPES[kind] for kind in SCHEMA.values()]
    assert [names(row[0])[0] for row in rows if row[2].startswith("required")] == list(REQUIRED)
    holds = {names(row[0])[0]: tuple(names(row[3])) for row in rows}
    assert [holds[key] for key in ("verdict", "reason", "use", "note")] == [VERDICTS, REASONS, USES, NOTES]


def test_what_the_page_says_of_an_import_is_so() -> None:
    """The required columns suffice, and the defaults are those of the table."""
    least = pl.DataFrame([["p", "a", "b", "anthropic/x", "yes", "tie"]], schema=list(REQUIRED), orient="row")
    row = validate(least, "least").row(0, named=True)
    for cells in tables("Votes")[0]:
        key = names(cells[0])[0]
        if cells[2] == "else empty":
            assert row[key] is None, key
    assert (row["family"], row["judge_family"], row["repeat"], row["epoch"], row["use"]) == (
        "p",
        "anthropic",
        0,
        0,
        "gate",
    )


def test_a_full_analysis_has_every_key_of_the_page(rich: pl.DataFrame) -> None:
    top, comparison = tables("Analysis")
    result = analyze(rich, bootstrap=50)
    agree(result, top)
    for row in result["comparisons"]:
        agree(row, comparison, by_name=BY_NAME)
    meaning = {key: set(names(row[-1])) for row in (*top, *comparison) for key in names(row[0])}
    first = result["comparisons"][0]
    assert set(result["ranking"]["contenders"][0]) <= meaning["ranking"]
    agreement = first["agreement"]
    assert set(agreement["a_flip"]) | set(agreement["intervals"]["raw"]) <= meaning["agreement"]
    assert set(first["judges"]["openai/one"]["position_bias"]) <= meaning["judges"]


def test_a_file_of_votes_is_analyzed_into_the_keys_that_the_page_promises_always(tmp_path: Path) -> None:
    write_votes(simulate(20, 0.5), tmp_path / "votes.csv")
    done = CliRunner().invoke(command, ["analyze", str(tmp_path / "votes.csv"), "--json"])
    result = yaml.safe_load(done.stdout)
    top, comparison = tables("Analysis")
    for real, rows in ((result, top), (result["comparisons"][0], comparison)):
        agree(real, rows, [key for key, (_, only) in described(rows).items() if only], BY_NAME)


def test_the_codes_of_the_audit_are_those_of_the_page(rich: pl.DataFrame) -> None:
    keys, codes = tables("Audit")
    assert [names(row[0]) for row in codes] == [[code] for code in CODES]
    found = audit(rich)
    assert found
    agree({"findings": [finding.to_dict() for finding in found]}, keys)


def suites(candidate: str) -> pl.DataFrame:
    rows = [
        (suite, contender, str(i), 0, "right", 1.0, str(i))
        for suite in ("forgetting", "stance")
        for contender in (candidate, INCUMBENT)
        for i in range(200)
    ]
    columns = ["suite", "contender", "sample_id", "epoch", "metric", "value", "family"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_a_decision_has_the_keys_and_components_of_the_page() -> None:
    asked = {"gate": {}, "suites": {"forgetting": {"non_inferiority": {"delta": 0.05}}}}
    asked["suites"]["stance"] = {"thresholds": {"right": {"at_least": 0.3}}}
    votes = with_lengths(simulate(60, 0.6))
    one_sided = audit(votes.filter("candidate_first"))
    inputs = GateInputs(
        votes, parse_policy(asked, "page"), ("step-1/plain",), INCUMBENT,
        suites=suites("step-1/plain"), conflicts={},
        panel=JUDGES,
        sealed=[], integrity=[], leaks=[], audit=one_sided,
        post_hoc=PostHoc(("panel",), "a judge was added"),
    )  # fmt: skip
    decision = decide(inputs).to_dict()
    keys, components = tables("Decision")
    agree(decision, keys)
    rows = [(names(row[0])[0].split(":")[0], row[2].split(";")[0]) for row in components]
    real = [(row["name"].split(":")[0], row["outcome_if_failed"]) for row in decision["components"]]
    assert rows == real


def test_a_lineage_has_the_keys_of_the_page(tiny_base: Base, tmp_path: Path) -> None:
    from venire.training.recipe import Recipe
    from venire.training.run import train

    recipe = Recipe.model_validate(
        {"name": "tiny", "method": "sft", "data": str(ROOT / "datasets/quickstart/sft.jsonl"), "epochs": 0.1}
        | {"lora": {"r": 4, "alpha": 8, "targets": "all-linear"}, "batch": 8, "max_length": 256}
        | {"learning_rate": 1e-3, "checkpoint_every": 3}
    )
    made = train(
        recipe, tmp_path, lock_sha256="a" * 64, base=tiny_base, device="cpu", quick=True, price=1.0,
        progress=lambda _: None,
    )  # fmt: skip
    lineage = read_json(made[-1].path / "lineage.json")
    (rows,) = tables("Lineage")
    page = described(rows)
    assert set(lineage) == set(page) - {"trained_with"}
    for key in ("base", "recipe", "data", "roles"):
        assert set(lineage[key]) <= page[key][0]
    assert set(lineage["base"]) == page["base"][0]


def test_a_registry_has_the_keys_of_the_page(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.json")
    write_json(tmp_path / "decision.json", {"outcome": "PROMOTE", "candidate": "a"})
    registry.record_use("run", {"f"}, "a" * 64)
    promoted = registry.promote(tmp_path / "decision.json", {"name": "a"})
    (rows,) = tables("Registry")
    agree(read_json(registry.path), rows)
    assert set(promoted) - set(registry.rollback("worse")) == {"decision", "decision_sha256"}


def test_a_lock_has_the_keys_of_the_page(tiny_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from venire.run import Run
    from venire.stages.plan import freeze

    monkeypatch.chdir(tmp_path)
    name = str(tiny_base.path)
    data = {
        "name": "tiny",
        "bases": [name],
        "treatments": {"plain": {}, "told": {"kind": "system", "text": "Be brief."}},
        "incumbent": f"{name}/plain",
        "candidates": [{"base": name, "treatment": "told"}],
        "suites": [{"task": "venire/value_alignment", "limit": 16, "judge": True}],
        "panel": {"judges": [{"embedding": "all-minilm"}]},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(data))
    freeze(Run(Path("tiny.yaml")))
    lock = read_json(Path("runs/tiny/experiment.lock"))
    agree(lock, tables("Lock")[0])


def test_the_files_of_the_page_are_named_in_the_code() -> None:
    code = "".join(path.read_text("utf-8") for path in sources())
    for row in tables("Where things lie")[0]:
        for file in names(row[0]):
            assert f'"{file}"' in code, file


def sources() -> Iterator[Path]:
    for folder in ("venire", "judges", "reports", "training"):
        yield from (ROOT / folder).rglob("*.py")
