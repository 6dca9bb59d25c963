"""The shipped recipes: they load, fit their methods, count as PEFT counts, and an editor knows their keys."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from venire.engine import Base, resolve_base
from venire.training.estimate import lora_config, parameters
from venire.training.recipe import HOME, Recipe, json_schema, load_recipe
from venire.training.run import train

RECIPES = sorted((HOME / "training" / "recipes").glob("*.yaml"))
QWEN: dict[str, dict[str, Any]] = {  # what the hub's configurations say of Qwen2.5 in these sizes
    "7B": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28},
    "3B": {"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16},
    "0.5B": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14},
}
KV_HEADS = {"7B": 4, "3B": 2, "0.5B": 2}
# By hand: rank × (in + out) of every targeted layer; of full weights, every parameter.
TRAINED = {
    "personal_ethics": 40_370_176,
    "personal_ethics_2": 80_740_352,
    "kernel_lora": 5_767_168,
    "style_transfer": 14_966_784,
    "epistemic_stance": 494_032_768,
    "epistemic_stance_lora": 8_798_208,
    "question_variation": 161_480_704,
}


def configuration(recipe: Recipe) -> Any:
    from transformers import AutoConfig, Qwen2Config

    if recipe.base is None:
        return AutoConfig.from_pretrained(str(resolve_base("smollm2-135m").path))
    size = recipe.base.split("-")[1]
    tied, vocabulary = size != "7B", 152064 if size == "7B" else 151936
    return Qwen2Config(
        vocab_size=vocabulary, num_key_value_heads=KV_HEADS[size], tie_word_embeddings=tied, **QWEN[size]
    )


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_loads_its_rows_and_makes_candidates(file: Path) -> None:
    recipe = load_recipe(file)
    assert recipe.n_checkpoints >= 1
    assert recipe.texts()
    assert file.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


_STEPS = re.compile(r"(\d+) (?:rows|pairs)(?: × (\d+) epochs)? in (?:steps|batches) of (\d+) are (\d+) steps")


def test_steps_that_a_recipe_s_header_names_are_those_it_makes() -> None:
    told = []
    for file in RECIPES:
        if found := _STEPS.search(file.read_text("utf-8")):
            recipe, (rows, epochs, at_once, steps) = load_recipe(file), (int(number or 1) for number in found.groups())
            assert (recipe.epochs, recipe.batch * recipe.accumulation) == (epochs, at_once), file.name
            assert recipe.steps(rows) == steps, file.name
            if recipe.base is None:  # with a base of its own, the rows are those of the project that it comes from
                assert len(recipe.load().train.rows) == rows, file.name
            told.append(file.stem)
    known = {"personal_ethics", "personal_ethics_small", "quickstart_dpo", "quickstart_sft", "style_small"}
    assert known <= set(told)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_trainable_parameters_are_what_peft_counts_and_what_the_layers_make(file: Path) -> None:
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    recipe = load_recipe(file)
    config = configuration(recipe)
    total, trained = parameters(config, recipe)
    if recipe.weights == "adapter":
        with torch.device("meta"):
            model = get_peft_model(AutoModelForCausalLM.from_config(config), lora_config(recipe.lora, config))
        assert trained == model.get_nb_trainable_parameters()[0]
        targeted = [m for n, m in model.named_modules() if n.endswith(".base_layer") and hasattr(m, "in_features")]
        assert trained == sum(recipe.lora.r * (m.in_features + m.out_features) for m in targeted)  # type: ignore[operator]
    assert trained == TRAINED.get(recipe.name, trained)
    assert total >= trained or recipe.weights == "adapter"


def test_every_configuration_of_the_five_projects_is_there_beside_a_small_one() -> None:
    names = {file.stem for file in RECIPES}
    assert TRAINED.keys() <= names
    small = {"personal_ethics_small", "kernel_small", "style_small", "epistemic_stance_small"}
    assert {*small, "question_variation_small"} <= names
    assert all(load_recipe(HOME / f"training/recipes/{name}.yaml").base is None for name in small)


def test_the_numbers_of_phrasings_are_of_as_many_rows_and_of_what_their_card_says() -> None:
    variants = load_recipe(HOME / "training/recipes/question_variation.yaml").variants()[::3]
    told = [variant.load().described for variant in variants]
    assert [data["phrasings"] for data in told] == [1, 5, 10, 20, 30]
    assert [data["rows"] for data in told] == [40, 200, 400, 800, 1190]
    assert [data.get("fewest_phrasings") for data in told] == [None, None, None, None, 24]
    assert told[0]["sha256"] in (HOME / "datasets/facts/README.md").read_text("utf-8")


def test_the_schema_for_editors_is_the_one_that_recipes_are_checked_by() -> None:
    file = HOME / "training" / "recipes" / "schema.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(json_schema())), (
        "write it anew: python -c 'import json; from venire.training.recipe import json_schema; "
        "print(json.dumps(json_schema(), indent=2, ensure_ascii=False))' > training/recipes/schema.json"
    )


def test_the_schema_takes_what_ships_and_refuses_a_slip() -> None:
    import jsonschema
    import yaml

    for file in RECIPES:
        jsonschema.validate(yaml.safe_load(file.read_text()), json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"method": "sft", "data": "x", "learning_rat": 1}, json_schema())


def test_the_contrast_pairs_report_loss_and_preference_on_held_out_pairs_at_every_checkpoint(
    tiny_base: Base, tmp_path: Path
) -> None:
    shipped = load_recipe(HOME / "training/recipes/epistemic_stance_small.yaml")
    recipe = shipped.model_copy(update={"epochs": 1.0, "checkpoint_every_epochs": 0.6})
    quiet: dict[str, Any] = {"lock_sha256": "a", "base": tiny_base, "device": "cpu", "progress": lambda _: None}
    made = train(recipe, tmp_path, **quiet)
    assert [candidate.step for candidate in made] == [3, 5]
    for candidate in made:
        metrics, data = candidate.lineage["metrics"], candidate.lineage["data"]
        assert (data["rows"], data["held_out"]["rows"]) == (25, 30)
        assert metrics["eval_loss"] > 0 and 0 <= metrics["eval_rewards/accuracies"] <= 1
        assert {"loss", "grad_norm", "rewards/accuracies"} <= metrics.keys()
    best = next(c for c in made if "best" in c.lineage["roles"])
    assert best.lineage["roles"]["best"]["by"] == "eval_loss"
    assert best.lineage["metrics"]["eval_loss"] == min(c.lineage["metrics"]["eval_loss"] for c in made)
    assert made[-1].lineage["teacher_families"] == ["anthropic"]  # who wrote pairs may not judge what they made
