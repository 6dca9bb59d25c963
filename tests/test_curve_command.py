"""`venire curve`: places on the axis, changes on shared items, and what is said when there is nothing to draw."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire.curve_command import curve, curve_points, draw_curves
from venire.run import Contender


def _contender(name: str, folder: Path | None = None, step: int = 0, rows: int = 0, families: int = 1) -> Contender:
    if folder:
        folder.mkdir()
        data = folder / "data.jsonl"
        facts = [{"category": "facts", "family": f"f{i % families}"} for i in range(rows)]
        data.write_text("".join(json.dumps(row) + "\n" for row in [*facts, {"category": "replay", "family": "r"}]))
        described = {"path": str(data), "sha256": sha256_file(data), "rows": rows}
        lineage = {"recipe": {"name": "facts"}, "epoch": 2.0, "data": described}
        (folder / "lineage.json").write_text(json.dumps(lineage))
    path = str(folder) if folder else None
    return Contender(f"{name}/plain", f"venire/{name}", "plain", "b", "adapter", "0" * 64, "f", path=path, step=step)


def _results(values: dict[str, list[float]]) -> pl.DataFrame:
    rows = [
        {
            "suite": "venire/forgetting",
            "metric": "exact",
            "contender": name,
            "sample_id": f"s{i}",
            "epoch": 1,
            "value": value,
            "family": f"f{i // 2}",
        }
        for name, column in values.items()
        for i, value in enumerate(column)
    ]
    return pl.DataFrame(rows)


@pytest.fixture
def contenders(tmp_path: Path) -> list[Contender]:
    return [
        _contender("b"),
        _contender("one", tmp_path / "one", step=10, rows=20, families=20),
        _contender("five", tmp_path / "five", step=20, rows=100, families=20),
    ]


VALUES = {
    "b/plain": [1.0, 0, 1, 0, 1, 0, 1, 0],
    "one/plain": [1.0, 1, 1, 1, 1, 0, 1, 0],
    "five/plain": [1.0, 1, 1, 1, 1, 1, 1, 1],
}


@pytest.mark.parametrize(
    ("by", "places"), [("step", [0, 10, 20]), ("phrasings", [0, 1, 5]), ("rows", [0, 20, 100]), ("epoch", [0, 2, 2])]
)
def test_candidates_stand_where_their_lineage_says(contenders: list[Contender], by: str, places: list[float]) -> None:
    points = curve_points(_results(VALUES), contenders, "b/plain", by)
    assert sorted(p.at for p in points) == places
    assert {p.series for p in points} == {"b/plain", "facts/plain"}


def test_data_that_changed_since_tells_no_phrasings(contenders: list[Contender]) -> None:
    (Path(str(contenders[1].path)) / "data.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="changed since"):
        curve_points(_results(VALUES), contenders, "b/plain", "phrasings")
    assert len(curve_points(_results(VALUES), contenders, "b/plain", "rows")) == 3


def test_the_change_is_on_shared_items_and_by_family(contenders: list[Contender]) -> None:
    points = {p.contender: p for p in curve_points(_results(VALUES), contenders, "b/plain", "step")}
    assert points["b/plain"].change is None and points["b/plain"].rate == 0.5
    assert points["five/plain"].change == pytest.approx((0.5, 0.5, 0.5))  # every family gains alike
    one = points["one/plain"].change
    assert one and one[0] == pytest.approx(0.25) and one[1] < 0 < one[2]
    assert (points["one/plain"].items, points["one/plain"].families) == (8, 4)


def test_without_shared_items_there_is_no_change(contenders: list[Contender]) -> None:
    frame = _results({name: VALUES[name] for name in ("one/plain", "five/plain")})
    assert all(p.change is None for p in curve_points(frame, contenders, "b/plain", "step"))


def test_the_same_points_draw_the_same_picture(contenders: list[Contender]) -> None:
    points = curve_points(_results(VALUES), contenders, "b/plain", "phrasings")
    drawn = draw_curves(points, "phrasings")
    assert drawn == draw_curves(points, "phrasings") and drawn.count("forgetting: exact") == 1
    many = [p for i in range(13) for p in [points[0].__class__(**{**points[0].__dict__, "metric": f"m{i}"})]]
    with pytest.raises(InputError, match="13 metrics"):
        draw_curves(many, "step")


def test_before_anything_was_evaluated_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = "name: none\nbases: [smollm2-135m]\nincumbent: smollm2-135m/plain\ncandidates: [{base: smollm2-135m}]\n"
    (tmp_path / "e.yaml").write_text(made + "suites: [{task: venire/forgetting}]\n")
    done = CliRunner().invoke(curve, ["e.yaml"])
    assert isinstance(done.exception, InputError) and "venire run e.yaml" in str(done.exception)
    done = CliRunner().invoke(curve, ["e.yaml", "--out", "x.png"])
    assert isinstance(done.exception, InputError) and ".svg" in str(done.exception)
