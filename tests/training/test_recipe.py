"""Recipes are checked key by key, and count their steps and candidates before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.training.recipe import HOME, Recipe, load_recipe

GOOD = """
method: sft
data: rows.jsonl
learning_rate: 1.0e-4
lora: {r: 4, targets: [q_proj]}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, "utf-8")
    return file


def test_a_recipe_is_called_as_its_file(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, GOOD))
    assert recipe.name == "mine"
    assert recipe.lora.alpha == 16
    with pytest.raises(InputError, match="called as its file is, here 'mine'"):
        load_recipe(written(tmp_path, GOOD + "name: other\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "learning_rat: 2\n", "unknown key 'learning_rat'; there are: method, base, data"),
        (GOOD.replace("r: 4", "rank: 4"), "unknown key 'lora.rank'; there are: r, alpha"),
        (GOOD.replace("sft", "rlhf"), "method: Input should be 'sft', 'dpo', 'kto' or 'orpo'"),
        (GOOD + "beta: 0.1\n", "beta belongs to method dpo"),
        (GOOD + "epochs: 0\n", "epochs: Input should be greater than 0"),
        ("- a\n- b\n", "a recipe is a mapping"),
        ("method: [\n", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as refused:
        load_recipe(written(tmp_path, text))
    assert "mine.yaml" in str(refused.value)


def test_a_missing_recipe_and_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"recipe: 'nowhere\.yaml' is no file"):
        load_recipe("nowhere.yaml")
    with pytest.raises(InputError, match=r"recipe mine, data: 'rows\.jsonl' is no file"):
        load_recipe(written(tmp_path, GOOD)).load()


def test_steps_and_candidates_are_counted(small_recipe: Callable[..., Recipe]) -> None:
    recipe = small_recipe(epochs=2, batch=4, accumulation=2, checkpoint_every=3)
    assert recipe.steps(12) == 4  # three batches an epoch are two steps
    assert recipe.checkpoints(12) == [3, 4]
    assert small_recipe(checkpoint_every=0).checkpoints(12) == [6]
    assert small_recipe(checkpoint_every=6).checkpoints(12) == [6]
    assert small_recipe(checkpoint_every=100).n_checkpoints == 1


def test_warm_up_is_a_share_or_a_number_of_steps(small_recipe: Callable[..., Recipe]) -> None:
    assert small_recipe(warmup=0.1).warmup_steps(24) == 3
    assert small_recipe(warmup=50).warmup_steps(60) == 50
    assert small_recipe(warmup=50).warmup_steps(6, quick=True) == 5


def test_every_value_is_part_of_the_identity(small_recipe: Callable[..., Recipe]) -> None:
    assert small_recipe().sha256 == small_recipe().sha256 != small_recipe(learning_rate=0.02).sha256


@pytest.mark.parametrize("file", sorted((HOME / "training" / "recipes").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_recipes_and_their_data_load(file: Path) -> None:
    recipe = load_recipe(file)
    assert recipe.n_checkpoints >= 1
    assert recipe.warmup_steps(recipe.steps(96)) < recipe.steps(96) / 2


def test_the_quickstart_has_four_candidates() -> None:
    recipes = [load_recipe(f"training/recipes/quickstart_{method}.yaml") for method in ("sft", "dpo")]
    assert [recipe.steps(96) for recipe in recipes] == [24, 12]
    assert [recipe.n_checkpoints for recipe in recipes] == [2, 2]
