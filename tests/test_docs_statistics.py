"""docs/statistics.md against the code: modules, defaults, sizes; and whoever cites a page finds its section there."""

import re
from pathlib import Path

import pytest

from venire.judges.policy import GatePolicy
from venire.judges.statistics import red_flags, stopping
from venire.judges.statistics.clopper_pearson import minimum_right
from venire.judges.statistics.halving import SPLIT_FROM
from venire.judges.statistics.power import n_required
from venire.judges.statistics.spending import alpha_of_use
from venire.judges.statistics.tango import most_losses
from venire.judges.statistics.thresholds import certifying_hits

from .test_docs_formats import NAMES, ROOT, names

TEXT = (ROOT / "docs" / "statistics.md").read_text("utf-8")
FOLDERS = ("bench", "datasets", "evals", "experiments", "judges", "reports", "tests", "training", "venire")
CITED = re.compile(r"docs/(\w+)\.md,?\s+\"([^\"]+)\"")


def table(first: str) -> list[list[str]]:
    """The rows of the table whose header begins so."""
    block = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, flags=re.MULTILINE)
    assert block, first
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in block[1].splitlines()]


def test_the_policy_is_described_with_its_defaults() -> None:
    page = {names(row[0])[0]: row[1] for row in table("key")}
    fields = {name: field.default for name, field in GatePolicy.model_fields.items() if name != "suites"}
    assert page == {name: str(value).lower() for name, value in fields.items()}


def test_every_module_of_the_statistics_has_its_place_and_no_other_is_named() -> None:
    folder = ROOT / "judges" / "statistics"
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    told = set(NAMES.findall(TEXT))
    assert modules - {"frames", "panel"} <= told  # those two only bring votes into shape
    paths = [name for name in told if re.fullmatch(r"(judges|reports|venire)/\w+", name)]
    assert paths
    for name in paths:
        assert (ROOT / f"{name}.py").is_file(), name
    for row in [*table("what"), *table("candidates, judged prompts")]:
        for name in names(row[-1]):
            assert (folder / f"{name}.py").is_file() or (ROOT / f"{name}.py").is_file(), name


def test_the_sizes_of_suites_are_those_that_the_tests_give() -> None:
    rows = [
        [most_losses(n, 0.05) for n in (57, 100, 200, 400)],
        [certifying_hits(n, at_least=0.30) for n in (57, 100, 200, 400)],
        [certifying_hits(n, at_most=0.10) for n in (57, 100, 200, 400)],
        [certifying_hits(n, at_most=0.05) for n in (57, 100, 200, 400)],
    ]
    written = [["none" if size is None else str(size) for size in row] for row in rows]
    assert [row[1:] for row in table("items")] == written


def test_numbers_in_sentences_are_those_of_the_code() -> None:
    bounds = stopping.boundaries()
    assert f"26 of 40{'' if minimum_right(40) == 26 else '!'}" in TEXT
    assert f"{n_required(0.6)} prompts" in TEXT
    assert f"several, {SPLIT_FROM} or more" in TEXT
    assert f"from {stopping.FIRST_LOOK} prompts" in TEXT
    assert (round(2.718281828459045**bounds.stop), round(bounds.final, 3)) == (200, 0.02) and "E ≥ 200" in TEXT
    assert alpha_of_use(0.025, 1, "spend") == 0.0125 and "first at .0125" in TEXT
    assert red_flags.identical_seeds_p(57, 0.95, 3) == pytest.approx(0.15, abs=0.005)


def test_the_bench_has_the_tables_that_the_page_names() -> None:
    results = (ROOT / "bench" / "statistics" / "results.md").read_text("utf-8")
    headings = re.findall(r"^\*\*([^*]+)\*\*$", results, flags=re.MULTILINE)
    prose = [" ".join(part.split()) for part in TEXT.split("\n\n") if "n the bench:" in part or "in the bench." in part]
    named = [name for part in prose for name in re.findall(r"\*([^*]+)\*", part)]
    assert len(named) > 15
    for name in named:
        assert any(heading.startswith(name) for heading in headings), name


def files() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    return [*found, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_what_is_cited_stands_in_the_repository() -> None:
    cited = 0
    for path in files():
        text = path.read_text("utf-8")
        assert not re.search(r"\bSTATISTICS\b|\bARCHITECTURE\.md", text), path
        for page, section in CITED.findall(text):
            cited += 1
            there = re.findall(r"^## (.+)$", (ROOT / "docs" / f"{page}.md").read_text("utf-8"), flags=re.MULTILINE)
            assert " ".join(section.split()) in there, f"{path}: {section}"
    assert cited > 10
    for page in ("statistics", "formats"):
        for start in ("README.md", "CONTRIBUTING.md"):
            assert f"(docs/{page}.md)" in (ROOT / start).read_text("utf-8")
