"""Recipes for mlx-lm, asked of mlx-lm itself where it is installed, and its adapters brought back."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire._common.errors import InputError
from venire.engine import Base, check_adapter, load_tokenizer
from venire.training.mlx import export_mlx, import_mlx
from venire.training.recipe import Recipe, load_recipe

MakeRecipe = Callable[..., Recipe]


def config_of(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "lora.yaml").read_text("utf-8"))


def test_the_configuration_says_what_the_recipe_says(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    recipe = small_recipe(batch=3, accumulation=2, held_out=0.25, warmup=1, weight_decay=0.01, checkpoint_every=1)
    assert export_mlx(recipe, byte_base, tmp_path) == [f"python -m mlx_lm lora --config {tmp_path / 'lora.yaml'}"]
    config = config_of(tmp_path)
    assert config["iters"] == 2 * recipe.steps(9) and config["grad_accumulation_steps"] == 2
    assert config["save_every"] == 2 and config["mask_prompt"] is True
    keys = ["self_attn.q_proj", "self_attn.v_proj"]
    assert config["lora_parameters"] == {"keys": keys, "rank": 4, "scale": 2.0, "dropout": 0.1}
    assert config["num_layers"] == 2
    left = recipe.steps(9) - 1
    schedule = {"name": "linear_schedule", "warmup": 1, "warmup_init": 0.0, "arguments": [0.01, 0.0, left]}
    assert config["lr_schedule"] == schedule
    rows = [json.loads(line) for line in (tmp_path / "data" / "train.jsonl").open()]
    assert len(rows) == 9 and set(rows[0]) == {"messages"}
    assert len((tmp_path / "data" / "valid.jsonl").read_text().splitlines()) == 3


def test_mlx_lm_trains_and_validates_on_whole_batches(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    export_mlx(small_recipe(held_out=0.25, batch=3), byte_base, tmp_path)
    assert (tmp_path / "data" / "valid.jsonl").exists()
    export_mlx(small_recipe(held_out=0.25, batch=4), byte_base, tmp_path)  # three rows are held out
    assert not (tmp_path / "data" / "valid.jsonl").exists()
    with pytest.raises(InputError, match="batch: 64 is more than the 9 answers there are"):
        export_mlx(small_recipe(held_out=0.25, batch=64), byte_base, tmp_path)


def test_a_chat_becomes_a_row_for_each_of_its_answers(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    recipe = small_recipe(batch=2)
    chat = [("user", "One?"), ("assistant", "First."), ("user", "Two?"), ("assistant", "Second.")]
    row = {"messages": [{"role": role, "content": text} for role, text in chat]}
    Path(recipe.data).write_text(json.dumps(row) + "\n")
    export_mlx(recipe, byte_base, tmp_path)
    rows = [json.loads(line)["messages"] for line in (tmp_path / "data" / "train.jsonl").open()]
    assert [r[-1]["content"] for r in rows] == ["First.", "Second."]


def test_the_project_s_recipe_keeps_its_500_iterations(tmp_path: Path, byte_base: Base) -> None:
    recipe = load_recipe("training/recipes/kernel_lora.yaml")
    export_mlx(recipe, byte_base, tmp_path)
    config = config_of(tmp_path)
    assert (config["iters"], config["batch_size"], config["num_layers"]) == (500, 1, 8)
    assert config["learning_rate"] == 1e-5 and "lr_schedule" not in config
    assert config["lora_parameters"]["scale"] == 20.0


def test_what_mlx_lm_does_not_do_is_refused(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="method dpo; mlx-lm trains sft alone"):
        export_mlx(small_recipe("dpo"), byte_base, tmp_path)
    odd = small_recipe(lora={"targets": ["c_attn"]})
    with pytest.raises(InputError, match="mlx-lm is written for q_proj"):
        export_mlx(odd, byte_base, tmp_path)
    recipe = small_recipe()
    row = json.loads(Path(recipe.data).read_text().splitlines()[0])
    Path(recipe.data).write_text(json.dumps(row | {"weight": 2}) + "\n")
    with pytest.raises(InputError, match="row 1: weight 2; mlx-lm weighs no rows"):
        export_mlx(recipe, byte_base, tmp_path)


def as_mlx_lm_leaves_it(folder: Path, base: Base, scale: float = 2.0) -> dict[str, Any]:
    """A random adapter in mlx-lm's files: in × rank and rank × out, and its own configuration."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    tensors = {}
    for layer in (0, 1):
        for name, out in (("q_proj", 32), ("v_proj", 16)):
            tensors[f"model.layers.{layer}.self_attn.{name}.lora_a"] = torch.randn(32, 4) * 0.3
            tensors[f"model.layers.{layer}.self_attn.{name}.lora_b"] = torch.randn(4, out) * 0.3
    folder.mkdir()
    save_file(tensors, folder / "adapters.safetensors")
    save_file(tensors, folder / "0000100_adapters.safetensors")
    config = {"fine_tune_type": "lora", "iters": 200, "seed": 7, "num_layers": 2}
    parameters = {"keys": ["self_attn.q_proj", "self_attn.v_proj"], "rank": 4, "scale": scale, "dropout": 0.0}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"lora_parameters": parameters}))
    return tensors


def test_its_adapter_comes_back_with_the_same_update(byte_base: Base, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    tensors = as_mlx_lm_leaves_it(tmp_path / "adapters", byte_base)
    made = import_mlx(tmp_path / "adapters", byte_base, tmp_path / "mine", teachers=["anthropic"])
    check_adapter(made.path, byte_base)
    assert (made.step, made.lineage["seed"]) == (200, 7)
    base = AutoModelForCausalLM.from_pretrained(str(byte_base.path))
    merged = PeftModel.from_pretrained(base, str(made.path)).merge_and_unload()
    plain = AutoModelForCausalLM.from_pretrained(str(byte_base.path))
    for layer in (0, 1):
        for name in ("q_proj", "v_proj"):
            stem = f"model.layers.{layer}.self_attn.{name}"
            update = 2.0 * (tensors[f"{stem}.lora_a"] @ tensors[f"{stem}.lora_b"]).T  # as mlx-lm fuses it
            before = plain.get_parameter(f"{stem}.weight")
            assert torch.allclose(merged.get_parameter(f"{stem}.weight"), before + update, atol=1e-5)
    file = tmp_path / "adapters" / "0000100_adapters.safetensors"
    assert import_mlx(file, byte_base, tmp_path / "at", teachers=[]).step == 100


def test_its_recipe_data_and_teachers_come_back_too(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    as_mlx_lm_leaves_it(trained, byte_base)
    with pytest.raises(InputError, match=r"no venire\.json says what it was trained on; give its --recipe"):
        import_mlx(trained, byte_base, tmp_path / "mine")
    recipe = small_recipe(batch=2, accumulation=2, grid={"seed": [1, 2]})
    rows = [json.loads(line) | {"teacher": "anthropic"} for line in Path(recipe.data).read_text().splitlines()]
    Path(recipe.data).write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="which of the recipe's grid"):
        import_mlx(trained, byte_base, tmp_path / "mine", recipe)
    export_mlx(recipe, byte_base, tmp_path / "mlx")
    adapters = tmp_path / "mlx" / recipe.variants()[1].run_name / "adapters"
    config = json.loads((trained / "adapter_config.json").read_text()) | {"grad_accumulation_steps": 2}
    (adapters / "adapter_config.json").write_text(json.dumps(config))
    (trained / "adapters.safetensors").rename(adapters / "adapters.safetensors")
    lineage = import_mlx(adapters, byte_base, tmp_path / "mine", teachers=["qwen2.5"]).lineage
    assert lineage["teacher_families"] == ["anthropic", "qwen2.5"] and lineage["data"]["rows"] == 12
    second = recipe.variants()[1]
    assert lineage["recipe"] == {"name": recipe.name, "sha256": second.sha256, "variant": second.variant}
    assert lineage["step"] == 100  # of 200 batches
    export_mlx(recipe, byte_base, tmp_path / "mlx")  # the same again
    other = recipe.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(InputError, match="adapters of another recipe"):
        export_mlx(other, byte_base, tmp_path / "mlx")
    with pytest.raises(InputError, match="not as --recipe has it now"):
        import_mlx(adapters, byte_base, tmp_path / "again", other)


def test_what_is_no_adapter_of_mlx_lm_is_refused(byte_base: Base, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no adapters\.safetensors"):
        import_mlx(tmp_path, byte_base, tmp_path / "mine")
    as_mlx_lm_leaves_it(tmp_path / "adapters", byte_base)
    config = json.loads((tmp_path / "adapters" / "adapter_config.json").read_text())
    (tmp_path / "adapters" / "adapter_config.json").write_text(json.dumps(config | {"fine_tune_type": "dora"}))
    with pytest.raises(InputError, match="fine_tune_type 'dora'"):
        import_mlx(tmp_path / "adapters", byte_base, tmp_path / "mine")


def test_mlx_lm_s_own_parser_knows_every_key(small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path) -> None:
    lora = pytest.importorskip("mlx_lm.lora", reason="pip install 'venire[mlx]'")
    (command,) = export_mlx(small_recipe(held_out=0.25), byte_base, tmp_path)
    words = command.split()
    assert words[:4] == ["python", "-m", "mlx_lm", "lora"]
    parsed = lora.build_parser().parse_args(words[4:])
    assert parsed.config == str(tmp_path / "lora.yaml")
    unknown = config_of(tmp_path).keys() - vars(parsed).keys() - lora.CONFIG_DEFAULTS.keys()
    assert not unknown


def test_mlx_lm_trains_it_and_the_adapter_answers_the_same_here(
    small_recipe: MakeRecipe, byte_base: Base, tmp_path: Path
) -> None:
    """The whole way round on the CPU build: export, train with mlx-lm, bring back, compare the logits."""
    pytest.importorskip("mlx_lm.lora", reason="pip install 'venire[mlx]'")
    import mlx.core as mx  # pyright: ignore[reportMissingImports]
    import torch
    from mlx_lm import load  # pyright: ignore[reportMissingImports]
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    recipe = small_recipe(held_out=0.25, batch=3)
    (command,) = export_mlx(recipe, byte_base, tmp_path)
    done = subprocess.run([sys.executable, *command.split()[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = import_mlx(tmp_path / "adapters", byte_base, tmp_path / "mine", recipe)
    assert made.step == recipe.steps(9) and made.lineage["data"]["rows"] == 9
    theirs = load(str(byte_base.path), adapter_path=str(tmp_path / "adapters"))[0]
    base = AutoModelForCausalLM.from_pretrained(str(byte_base.path))
    ours = PeftModel.from_pretrained(base, str(made.path))
    ids = load_tokenizer(byte_base)("What about keys?")["input_ids"]
    with torch.no_grad():
        mine = ours(torch.tensor([ids])).logits[0]
    found = torch.tensor(theirs(mx.array([ids]))[0].astype(mx.float32).tolist())
    assert torch.allclose(mine, found, atol=2e-3)
    with torch.no_grad(), ours.disable_adapter():
        assert not torch.allclose(ours(torch.tensor([ids])).logits[0], found, atol=2e-3)
