"""Recipes for mlx-lm on Apple silicon, and its adapters brought back.

export_mlx(recipe, base, Path("mlx")) writes

    mlx/data/train.jsonl, valid.jsonl     the recipe's rows, an answer a row
    mlx/lora.yaml                         its configuration, to be run as: python -m mlx_lm lora --config mlx/lora.yaml

and import_mlx(Path("mlx/adapters"), base, Path("mine")) makes of what it trained an adapter that PEFT reads.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from venire._common.errors import InputError
from venire._common.files import read_json, write_atomic
from venire.datasets.rows import SftRow

from .candidates import Candidate, describe_base, write_candidate
from .mixture import Rows
from .recipe import Recipe

if TYPE_CHECKING:
    from venire.engine import Base

COMMAND = "python -m mlx_lm lora --config"
_PLACES = {
    **dict.fromkeys(("q_proj", "k_proj", "v_proj", "o_proj"), "self_attn"),
    **dict.fromkeys(("gate_proj", "up_proj", "down_proj"), "mlp"),
}
_KEY = re.compile(r"(?P<module>(?:language_model\.)?model\.layers\.\d+\..+)\.lora_(?P<side>[ab])")


def export_mlx(recipe: Recipe, base: "Base", folder: Path) -> list[str]:
    """Write the recipe's data and configuration for mlx-lm into `folder`; gives the commands that train, one a variant.

    Raises InputError for what mlx-lm does not do: preference methods, weighted rows, modules it has no name for.
    """
    if recipe.method != "sft":
        raise InputError(f"recipe {recipe.name!r}: method {recipe.method}; mlx-lm trains sft alone")
    if recipe.parent:
        raise InputError(f"recipe {recipe.name!r}: parent; mlx-lm goes on from its own adapters alone")
    commands = []
    variants = recipe.variants()
    for variant in variants:
        place = folder / variant.run_name if len(variants) > 1 else folder
        data = variant.load()
        _check_weights(data.train)
        rows = _answers(data.train)
        answers = rows.count("\n")
        if answers < variant.batch:
            raise InputError(
                f"recipe {recipe.name!r}: batch: {variant.batch} is more than the {answers} answers there are, and "
                "mlx-lm trains on whole batches; make it smaller"
            )
        write_atomic(place / "data" / "train.jsonl", rows)
        (place / "data" / "valid.jsonl").unlink(missing_ok=True)
        held_out = _answers(data.held_out) if data.held_out else ""
        if held_out.count("\n") >= variant.batch:  # of fewer than a batch, mlx-lm makes an error and not a batch
            write_atomic(place / "data" / "valid.jsonl", held_out)
        config = configuration(variant, base, place, len(data.train.rows), answers)
        write_atomic(place / "lora.yaml", _DOES + yaml.safe_dump(config, sort_keys=False))
        commands.append(f"{COMMAND} {place / 'lora.yaml'}")
    return commands


_DOES = "# Written by Venire from its recipe. Paths are below the folder that this was written from.\n"


def configuration(recipe: Recipe, base: "Base", place: Path, rows: int, answers: int) -> dict[str, Any]:
    """mlx-lm's configuration of the recipe. Its iterations are batches, ours are steps of the optimiser."""
    steps = recipe.max_steps or recipe.steps(answers)
    every = recipe.checkpoints(rows)[0] if recipe.max_steps is None else recipe.checkpoint_every or steps
    config: dict[str, Any] = {
        "model": str(base.path) if base.revision.startswith(("local-", "pypi-")) else base.model_id,
        "train": True,
        "fine_tune_type": "full" if recipe.weights == "full" else "lora",
        "data": str(place / "data"),
        "adapter_path": str(place / "adapters"),
        "seed": recipe.seed,
        "mask_prompt": True,  # the loss on the answers alone
        "optimizer": "adamw",
        "optimizer_config": {"adamw": {"weight_decay": recipe.weight_decay}},
        "learning_rate": recipe.learning_rate,
        "batch_size": recipe.batch,
        "grad_accumulation_steps": recipe.accumulation,
        "iters": steps * recipe.accumulation,
        "save_every": every * recipe.accumulation,
        "steps_per_eval": (recipe.evaluate_every or every) * recipe.accumulation,
        "steps_per_report": 10,
        "val_batches": -1,
        "max_seq_length": recipe.max_length,
        "grad_checkpoint": recipe.gradient_checkpointing is True,
        "num_layers": -1 if recipe.lora.layers is None else recipe.lora.layers,
    }
    if recipe.weights == "adapter":
        config["num_layers"] = recipe.lora.layers or _layers(base)
        config["lora_parameters"] = {
            "keys": _keys(recipe),
            "rank": recipe.lora.r,
            "scale": recipe.lora.alpha / recipe.lora.r,
            "dropout": recipe.lora.dropout,
        }
    schedule = _schedule(recipe, steps)
    return config | ({"lr_schedule": schedule} if schedule else {})


def import_mlx(adapters: Path, base: "Base", folder: Path, recipe: Recipe | None = None) -> Candidate:
    """Make a candidate in `folder` of what mlx-lm left in `adapters`. Raises InputError if that is no LoRA adapter.

    mlx-lm keeps its matrices the other way round (in × rank, rank × out) and scales by `scale`, not alpha / r. A file
    of one step (`0000100_adapters.safetensors`) is named with its folder.
    """
    import torch
    from safetensors.torch import load_file, save_file

    file = adapters if adapters.is_file() else adapters / "adapters.safetensors"
    if not file.is_file() or not (file.parent / "adapter_config.json").is_file():
        raise InputError(f"{adapters}: no adapters.safetensors with an adapter_config.json; is it a folder of mlx-lm?")
    config = read_json(file.parent / "adapter_config.json")
    if config.get("fine_tune_type", "lora") != "lora":
        raise InputError(f"{adapters}: fine_tune_type {config['fine_tune_type']!r}; only lora is brought back")
    tensors, modules = {}, set()
    for key, value in load_file(str(file)).items():
        found = _KEY.fullmatch(key)
        if found is None:
            raise InputError(f"{file}: tensor {key!r} is no LoRA matrix of a linear layer")
        name = f"base_model.model.{found['module']}.lora_{found['side'].upper()}.weight"
        tensors[name] = value.to(torch.float32).T.contiguous()
        modules.add(found["module"])
    with tempfile.TemporaryDirectory() as scratch:
        save_file(tensors, Path(scratch) / "adapter_model.safetensors")
        peft = _peft_config(config["lora_parameters"], sorted(modules))
        (Path(scratch) / "adapter_config.json").write_text(json.dumps(peft))
        step = re.match(r"(\d+)_", file.name)
        lineage = {
            "name": folder.name,
            "kind": "adapter",
            "base": describe_base(base),
            "parent": None,
            "recipe": recipe and {"name": recipe.name, "sha256": recipe.sha256},
            "step": int(step[1]) if step else int(config["iters"]),
            "seed": config.get("seed"),
            "trained_with": "mlx-lm",
            "trainable_parameters": sum(t.numel() for t in tensors.values()),
        }
        lineage["recipe"] = lineage["recipe"] or {"name": "mlx-lm", "sha256": ""}
        if recipe:
            data = recipe.load()
            lineage |= {"data": data.described, "teacher_families": data.teacher_families}
        return write_candidate(Path(scratch), folder, lineage)


def _peft_config(lora: dict[str, Any], modules: list[str]) -> dict[str, Any]:
    """PEFT's configuration; only modules that exist in the file get an adapter."""
    from peft import LoraConfig

    rank = int(lora["rank"])
    alpha = rank * float(lora["scale"])
    made = LoraConfig(
        r=rank,
        lora_alpha=int(alpha) if alpha.is_integer() else alpha,  # type: ignore[arg-type]  (PEFT divides, no more)
        lora_dropout=float(lora.get("dropout", 0.0)),
        target_modules=modules,
        task_type="CAUSAL_LM",
        inference_mode=True,
    ).to_dict()
    return {key: sorted(value) if isinstance(value, set) else value for key, value in made.items()}


def _answers(rows: Rows) -> str:
    """A chat to each of its answers: mlx-lm learns the last message alone."""
    lines = []
    for row in rows.rows:
        assert isinstance(row, SftRow)
        chat = [message.model_dump() for message in row.messages]
        ends = [turn for turn, message in enumerate(chat) if message["role"] == "assistant"]
        lines += [json.dumps({"messages": chat[: end + 1]}, ensure_ascii=False) + "\n" for end in ends]
    return "".join(lines)


def _check_weights(rows: Rows) -> None:
    for index, row in enumerate(rows.rows):
        if row.weight != 1:
            raise InputError(f"{rows.place(index)}: weight {row.weight:g}; mlx-lm weighs no rows, so write no weight")


def _keys(recipe: Recipe) -> list[str]:
    targets = list(_PLACES) if recipe.lora.targets == "all-linear" else list(recipe.lora.targets)
    unknown = [name for name in targets if name not in _PLACES]
    if unknown:
        raise InputError(f"recipe {recipe.name!r}, lora.targets: mlx-lm is written for {', '.join(_PLACES)}")
    return [f"{_PLACES[name]}.{name}" for name in targets]


def _layers(base: "Base") -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(str(base.path)).get_text_config().num_hidden_layers)


def _schedule(recipe: Recipe, steps: int) -> dict[str, Any] | None:
    """mlx-lm's learning rate over the steps; None where it stays as it is from the start."""
    warmup = recipe.warmup_steps(steps)
    rate, left = recipe.learning_rate, max(1, steps - warmup)
    kinds: dict[str, tuple[str, list[float]]] = {
        "linear": ("linear_schedule", [rate, 0.0, left]),
        "cosine": ("cosine_decay", [rate, left]),
        "constant": ("linear_schedule", [rate, rate, left]),
    }
    if recipe.schedule == "constant" and warmup == 0:
        return None
    name, arguments = kinds[recipe.schedule]
    return {"name": name, "warmup": warmup, "warmup_init": 0.0, "arguments": arguments}
