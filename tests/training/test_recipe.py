"""Recipes are checked key by key, and count their steps and candidates before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.engine import Base
from venire.training.recipe import HOME, Recipe, load_recipe
from venire.training.run import _warnings

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
        (GOOD.replace("[q_proj]", "[]"), r"lora\.targets.*at least 1 item"),
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


@pytest.mark.parametrize("name", ["quickstart_sft", "quickstart_dpo", "personal_ethics_small", "style_small"])
def test_the_warm_up_of_what_fits_the_embedded_model_fits_its_steps(name: str) -> None:
    recipe = load_recipe(HOME / "training" / "recipes" / f"{name}.yaml")
    steps = recipe.steps(len(recipe.load().train.rows))
    assert recipe.warmup_steps(steps) < steps / 2


def test_a_warm_up_that_does_not_fit_is_warned_of(tmp_path: Path) -> None:
    recipe = load_recipe("training/recipes/personal_ethics.yaml")
    assert _warnings(recipe, 68, recipe.warmup_steps(68)) == [
        "50 of 68 steps are warm-up, so the full rate is hardly reached; lower warmup"
    ]
    dpo = load_recipe(written(tmp_path, GOOD.replace("sft", "dpo").replace("r: 4", "r: 4, dropout: 0.1")))
    assert "has no effect" in _warnings(dpo, 68, 1)[0]


def test_the_quickstart_has_four_candidates() -> None:
    recipes = [load_recipe(f"training/recipes/quickstart_{method}.yaml") for method in ("sft", "dpo")]
    assert [recipe.steps(96) for recipe in recipes] == [24, 12]
    assert [recipe.n_checkpoints for recipe in recipes] == [2, 2]


def test_a_grid_makes_every_combination_with_a_name_of_its_own(tmp_path: Path) -> None:
    text = GOOD + "grid: {lora.r: [8, 16], learning_rate: [1.0e-4, 0.00003], seed: [1, 2, 3]}\n"
    recipe = load_recipe(written(tmp_path, text))
    variants = recipe.variants()
    assert len(variants) == len({v.run_name for v in variants}) == len({v.sha256 for v in variants}) == 12
    assert variants[0].run_name == "mine-r8-lr0.0001-seed1"
    assert (variants[-1].lora.r, variants[-1].learning_rate, variants[-1].seed) == (16, 3e-5, 3)
    assert all(v.lora.targets == ["q_proj"] and v.name == "mine" and v.variants() == [v] for v in variants)


def test_a_variant_has_the_identity_of_the_recipe_it_stands_for(tmp_path: Path) -> None:
    variant = load_recipe(written(tmp_path, GOOD + "grid: {seed: [7]}\n")).variants()[0]
    assert variant.sha256 == load_recipe(written(tmp_path, GOOD + "seed: 7\n")).sha256


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("grid: {colour: [1]}", "grid: 'colour' is no key to vary"),
        ("grid: {method: [sft, dpo]}", "grid: 'method' is no key to vary"),
        ("grid: {base: [smollm2-135m, org/x]}", "grid: one training, one base; write a recipe for each base"),
        ("grid: {seed: []}", r"grid\.seed: give at least one value"),
        ("grid: {seed: [1, 1]}", r"grid\.seed: give at least one value, each of them once"),
        ("grid: {epochs: [1, -1]}", "greater than 0"),
        ("grid: {learning_rate: [0.00010000001, 0.00010000002]}", "two points of it would have the same name"),
        ("weights: full", "lora belongs to weights: adapter"),
        ("epochs: 2\nmax_steps: 5", "give epochs or max_steps, not both"),
        ("checkpoint_every: 2\ncheckpoint_every_epochs: 1", "not both"),
        ("evaluate_every: 2", "evaluate_every needs held_out"),
        ("held_out: 1.5", "held_out: a share of the rows lies between 0 and 1"),
        ("replay: {data: x, share: 1}", r"replay\.share: Input should be less than 1"),
        ("replay: {data: x, share: 0.5, part: 1}", r"unknown key 'replay\.part'; there are: data, share"),
        ("epochs: .inf", "epochs: Input should be a finite number"),
        ("warmup: .inf", "warmup: Input should be a finite number"),
        ("weight_decay: .nan", "weight_decay: Input should be"),
        ("seed: -1", "seed: Input should be greater than or equal to 0"),
        ("seed: 4294967296", "seed: Input should be less than or equal to 4294967295"),
        ("grid: {epochs: [1, .inf]}", "finite number"),
        ("grid: {seed: [1, -1]}", "greater than or equal to 0"),
        ("grid: {weight_decay: [0.01, 1e-2]}", "grid: wd0.01 and wd1e-2 are one training"),
        ("replay: {data: ./rows.jsonl, share: 0.5}", "replay.data is the data itself"),
        ("variant: x", "unknown key 'variant'; `grid` makes the variants"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(lines: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_recipe(written(tmp_path, GOOD + lines + "\n"))


def test_kto_needs_a_batch_to_compare_and_full_weights_their_method(tmp_path: Path) -> None:
    kto = GOOD.replace("sft", "kto")
    with pytest.raises(InputError, match="batch is at least 2"):
        load_recipe(written(tmp_path, kto + "batch: 1\n"))
    with pytest.raises(InputError, match="kto trains adapters alone"):
        load_recipe(written(tmp_path, kto.replace("lora: {r: 4, targets: [q_proj]}", "weights: full")))


def test_full_weights_keep_final_and_every_fifty_epochs(small_recipe: Callable[..., Recipe]) -> None:
    values = small_recipe("dpo").model_dump(exclude_unset=True, exclude={"lora", "checkpoint_every"})
    long = {**values, "weights": "full", "epochs": 200, "batch": 1, "checkpoint_every_epochs": 10}
    recipe = Recipe.model_validate(long)
    assert len(recipe.checkpoints(25)) == 20
    assert recipe.kept(25) == [1250, 2500, 3750, 5000]
    assert Recipe.model_validate({**long, "keep": "all"}).kept(25) == recipe.checkpoints(25)


def test_a_grid_is_trained_point_by_point_and_each_knows_its_own(
    small_recipe: Callable[..., Recipe], byte_base: Base, tmp_path: Path
) -> None:
    from venire.training.candidates import list_candidates
    from venire.training.run import train

    recipe = small_recipe(checkpoint_every=0, epochs=1, grid={"seed": [1, 2], "lora.r": [2, 4]})
    quiet = {"lock_sha256": "a", "base": byte_base, "device": "cpu", "progress": lambda _: None}
    made = train(recipe, tmp_path, **quiet)  # type: ignore[arg-type]
    assert [c.name for c in made] == [f"tiny_sft-{v}-step3" for v in ("seed1-r2", "seed1-r4", "seed2-r2", "seed2-r4")]
    assert {c.lineage["recipe"]["variant"] for c in made} == {"seed1-r2", "seed1-r4", "seed2-r2", "seed2-r4"}
    assert len({c.sha256 for c in made}) == 4 == recipe.n_checkpoints
    assert len(list_candidates(tmp_path / "candidates", "tiny_sft")) == 4  # found by the recipe's own name
    before = [(c.path / "lineage.json").stat().st_mtime_ns for c in made]
    assert [(c.path / "lineage.json").stat().st_mtime_ns for c in train(recipe, tmp_path, **quiet)] == before  # type: ignore[arg-type]


def test_a_tracker_that_is_not_installed_says_what_to_install(
    small_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.training.trainers import tracker

    assert tracker(small_recipe()) == "none"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"track: wandb needs its package; install it with: pip install 'venire\[wandb"
    ):
        tracker(small_recipe(track="wandb"))
    assert small_recipe(track="wandb").sha256 == small_recipe().sha256  # where the metrics go changes no training
