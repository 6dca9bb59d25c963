"""One recipe on several bases: each is trained, called by its base, and found again by the candidate that asked."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire.engine import Base
from venire.experiment import Experiment
from venire.run import Run
from venire.stages.train import train
from venire.training.recipe import Recipe
from venire.trainings import training_of


def experiment(candidates: list[dict[str, Any]], bases: list[str]) -> dict[str, Any]:
    return {
        "name": "several",
        "bases": bases,
        "incumbent": f"{bases[0]}/plain",
        "candidates": candidates,
        "suites": [{"task": "venire/forgetting"}],
    }


def test_a_recipe_is_trained_on_each_base_that_the_experiment_names_for_it(
    small_recipe: Callable[..., Recipe], byte_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(byte_base.path, tmp_path / "byte-b"))
    given = small_recipe(epochs=1, grid={"seed": [1]}).model_dump(mode="json", exclude_unset=True, exclude={"name"})
    (tmp_path / "style.yaml").write_text(yaml.safe_dump(given))
    recipe = {"recipe": str(tmp_path / "style.yaml")}
    named = experiment([recipe, {**recipe, "base": str(other)}], [byte_base.name])
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(named))
    run = Run(tmp_path / "e.yaml", tmp_path / "runs")
    monkeypatch.setattr(run, "require_lock", lambda: {"sha256": "a" * 64})
    for _ in range(2):  # the second time all of it is there, and found
        train(run, lambda _: None, device="cpu")
        assert [c.candidate for c in run.candidate_contenders()] == [
            f"style-{which}seed1-step{n}" for which in ("", "byte-b-") for n in (2, 3)
        ]
    assert [c.base for c in run.candidate_contenders()] == [byte_base.name] * 2 + [str(other)] * 2


@pytest.mark.parametrize(
    ("bases", "names"),
    [
        ([None], ["style"]),
        (["org/Base-0.5B"], ["style"]),  # one base has always been left unsaid
        ([None, "first", None], ["style", "style", "style"]),
        ([None, "org/Base-0.5B"], ["style", "style-Base-0_5B"]),
        (["a/same", "b/same"], ["style-a_same", "style-b_same"]),
    ],
)
def test_a_base_is_in_the_name_only_where_it_tells_trainings_apart(
    bases: list[str | None], names: list[str], small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    given = small_recipe().model_dump(mode="json", exclude_unset=True, exclude={"name"})
    (tmp_path / "style.yaml").write_text(yaml.safe_dump(given))
    specs = [{"recipe": str(tmp_path / "style.yaml")} | ({"base": base} if base else {}) for base in bases]
    found = Experiment.model_validate(experiment(specs, ["first"]))
    assert [training_of(found, spec)[0].run_name for spec in found.candidates] == names
