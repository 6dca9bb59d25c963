"""`venire curve`: places on the axis, changes on shared items, and what is said when there is nothing to draw."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire.curve import curve_points, too_alike
from venire.curve_command import curve, draw_curves
from venire.evals.phrasing_robustness.analysis import phrasings
from venire.lineages import seed_groups, series
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
            "template": None,
            "split": None,
        }
        for name, column in values.items()
        for i, value in enumerate(column)
    ]
    return pl.DataFrame(rows, schema_overrides={"template": pl.String, "split": pl.String})


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


def test_checkpoints_from_elsewhere_are_series_apart_at_the_step_that_their_trainer_left(tmp_path: Path) -> None:
    made = [_contender("b")]
    for name, state in (("one", {"global_step": 30, "epoch": 1.5}), ("five", None)):
        made.append(_contender(name, tmp_path / name))
        (tmp_path / name / "lineage.json").unlink()
        if state:
            (tmp_path / name / "trainer_state.json").write_text(json.dumps(state))
    for by, place in (("step", 30), ("epoch", 1.5), ("rows", 0)):
        points = curve_points(_results(VALUES), made, "b/plain", by)
        assert {(p.contenders, p.series, p.at) for p in points} == {
            (("b/plain",), "b/plain", 0.0),
            (("one/plain",), "one/plain", place),
            (("five/plain",), "five/plain", 0.0),
        }


def test_data_that_changed_since_tells_no_phrasings(contenders: list[Contender]) -> None:
    (Path(str(contenders[1].path)) / "data.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="changed since"):
        curve_points(_results(VALUES), contenders, "b/plain", "phrasings")
    assert len(curve_points(_results(VALUES), contenders, "b/plain", "rows")) == 3


def test_the_change_is_on_shared_items_and_by_family(contenders: list[Contender]) -> None:
    points = {p.contenders[0]: p for p in curve_points(_results(VALUES), contenders, "b/plain", "step")}
    assert points["b/plain"].change is None and points["b/plain"].rate == 0.5
    five, one = points["five/plain"].change, points["one/plain"].change
    assert five and five[0] == 0.5 and five[1] is not None and five[2] is not None
    assert 0 < five[1] < 0.1 and five[2] < 0.8  # every family gains alike, but there are only four
    assert one and one[0] == pytest.approx(0.25) and one[1] is not None and one[1] < 0
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


def _trained(folder: Path, phrasings: int, seed: int, step: int = 10, recipe: str = "facts") -> Contender:
    name = f"{recipe}-phrasings{phrasings}-seed{seed}-step{step}"
    (folder / name).mkdir()
    made = {
        "recipe": {"name": recipe, "variant": f"phrasings{phrasings}-seed{seed}", "sha256": f"{phrasings}.{seed}"},
        "data": {"path": "gone.jsonl", "sha256": "0", "rows": 400, "phrasings": phrasings},
        "seed": seed,
    }
    (folder / name / "lineage.json").write_text(json.dumps(made))
    model, where = f"venire/b:{name}", str(folder / name)
    return Contender(f"{name}/plain", model, "plain", "b", "adapter", "0" * 64, "f", path=where, step=step)


KINDS = {
    "what_is": "trained",
    "typo": "novel",
    "cloze": "novel",
    "indirect": "novel",
    "form": "novel",
    "slang": "novel",
}


def _phrased(known: dict[str, set[str]], facts: int = 12) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores with templates, and the answers they belong to: of each contender, the templates it knows all facts in."""
    key = ("suite", "contender", "sample_id", "epoch")
    rows = [
        {
            **dict(zip(key, ("venire/phrasing_robustness", name, f"f{f}.{kind}", 1), strict=True)),
            "metric": "recalled",
            "value": float(kind in templates or f == 0),
            "family": f"f{f}",
            "template": kind,
            "split": split,
            "metadata": json.dumps({"template": kind, "split": split}),
        }
        for name, templates in known.items()
        for f in range(facts)
        for kind, split in KINDS.items()
    ]
    frame = pl.DataFrame(rows)
    return frame.drop("metadata"), frame.select(*key, "metadata")


def test_seeds_stand_together_where_their_recipe_says_and_templates_widen_the_interval(tmp_path: Path) -> None:
    trained = [_trained(tmp_path, count, seed) for count in (1, 30) for seed in (1, 2)]
    early = _trained(tmp_path, 30, 1, step=5)
    names = [c.name for c in trained]
    known = {"b/plain": set(), names[0]: {"what_is"}, names[1]: {"what_is", "typo"}, early.name: set()}
    known |= {names[2]: {"what_is", "typo", "cloze", "slang"}, names[3]: {"what_is", "typo", "cloze"}}
    frame, _ = _phrased(known)
    points = curve_points(frame, [_contender("b"), *trained, early], "b/plain", "phrasings")
    novel = [p for p in points if p.metric == "recalled, novel"]
    assert [(p.series, p.at, len(p.contenders)) for p in novel] == [
        ("b/plain", 0, 1),
        ("facts/plain", 1, 2),
        ("facts/plain", 30, 2),  # the last checkpoint of each training, not the early one
    ]
    one, thirty = novel[1:]
    assert one.rates == pytest.approx((1 / 12, 1 / 12 + 11 / 60)) and one.rate == pytest.approx(sum(one.rates) / 2)
    assert thirty.high - thirty.low > 0.5  # six templates, whatever the number of facts
    assert thirty.change and thirty.change[1] is not None and thirty.change[0] == pytest.approx(thirty.rate - 1 / 12)
    assert {p.metric for p in points} == {"recalled, trained", "recalled, novel"}


def test_a_grid_over_something_else_is_a_series_for_each_value(tmp_path: Path) -> None:
    made = _trained(tmp_path, 5, 3)
    assert series(made, "phrasings") == "facts/plain" and series(made) == "facts-phrasings5/plain"
    assert series(_contender("b")) == "b/plain"


def test_seeds_that_answer_alike_are_an_alarm_in_the_curve_and_in_the_gates_file(tmp_path: Path) -> None:
    trained = [_trained(tmp_path, 5, seed) for seed in (1, 2)]
    other = _trained(tmp_path, 10, 1)
    groups = seed_groups([_contender("b"), *trained, other])
    assert groups == [[c.name for c in trained]]
    frame, answers = _phrased({trained[0].name: {"typo"}, trained[1].name: {"typo"}, other.name: {"typo"}}, facts=40)
    (alarm,) = [said for said in too_alike(frame, [*trained, other]) if "novel" in said]
    assert trained[1].name in alarm and "identical results" in alarm and other.name not in alarm
    rows = {row["contender"]: {flag["code"] for flag in row["flags"]} for row in phrasings(frame, answers, groups)}
    assert "identical_seeds" in rows[trained[0].name] and "identical_seeds" not in rows[other.name]


def test_before_anything_was_evaluated_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = "name: none\nbases: [smollm2-135m]\nincumbent: smollm2-135m/plain\ncandidates: [{base: smollm2-135m}]\n"
    (tmp_path / "e.yaml").write_text(made + "suites: [{task: venire/forgetting}]\n")
    done = CliRunner().invoke(curve, ["e.yaml"])
    assert isinstance(done.exception, InputError) and "venire run e.yaml" in str(done.exception)
    done = CliRunner().invoke(curve, ["e.yaml", "--out", "x.png"])
    assert isinstance(done.exception, InputError) and ".svg" in str(done.exception)
