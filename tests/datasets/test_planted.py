"""Of the rewordings and fragments planted for bench/datasets/leaks.md no fewer are found than that page says."""

from pathlib import Path

import pytest
import yaml

from venire.data_commands import _likelihoods
from venire.datasets.rewordings import find_rewordings

BENCH = Path(__file__).parents[2] / "bench" / "datasets"


@pytest.mark.model
@pytest.mark.parametrize(
    ("file", "kind", "least"),
    [
        ("planted.yaml", "reworded", 23),
        ("planted.yaml", "fragment", 24),
        ("planted_second.yaml", "reworded", 18),
        ("planted_second.yaml", "fragment", 30),
        ("planted_held_out.yaml", "reworded", 41),
        ("planted_held_out.yaml", "fragment", 56),
    ],
)
def test_as_many_planted_questions_are_found_as_the_page_says(file: str, kind: str, least: int) -> None:
    from venire import engine

    rows = yaml.safe_load((BENCH / file).read_text("utf-8"))
    asked = [(str(n), row["scenario"]) for n, row in enumerate(rows)]
    planted = [(str(n), row[kind]) for n, row in enumerate(rows)]
    found = find_rewordings(planted, asked, engine.embed, likelihoods=_likelihoods)
    assert sum(leak.train == leak.evaluation for leak in found.leaks) >= least
    line = next(x for x in (BENCH / "leaks.md").read_text("utf-8").splitlines() if x.startswith(f"| {file} | {kind} "))
    assert int(line.split("|")[5]) >= least
