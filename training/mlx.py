"""Recipes for mlx-lm on Apple silicon, and its adapters brought back.

export_mlx(recipe, base, Path("mlx")) writes

    mlx/data/train.jsonl, valid.jsonl     the recipe's rows, an answer a row
    mlx/lora.yaml                         its configuration, to be run as: python -m mlx_lm lora --config mlx/lora.yaml
    mlx/adapters/venire.json              recipe, data and teachers, which come back with what mlx-lm writes beside it

and import_mlx(Path("mlx/adapters"), base, Path("mine")) makes of what it trained an adapter that PEFT reads.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from venire._common.errors import InputError
from venire._common.files import read_json, write_atomic, write_json
from venire.datasets.rows import SftRow

from .candidates import Candidate, describe_base, write_candidate
from .mixture import Mixture, Rows
from .recipe import Recipe

if TYPE_CHECKING:
    from venire.engine import Base

COMMAND = "python -m mlx_lm lora --config"
MADE_OF = "venire.json"
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
        _write_made_of(variant, data, place / "adapters")
        write_atomic(place / "data" / "train.jsonl", rows)
        (place / "data" / "valid.jsonl").unlink(missing_ok=True)
        held_out = _answers(data.held_out) if data.held_out else ""
        if held_out.count("\n") >= variant.batch:  # of fewer than a batch, mlx-lm makes an error and not a batch
            write_atomic(place / "data" / "valid.jsonl", held_out)
        config = configuration(variant, base, place, len(data.train.rows), answers)
        write_atomic(place / "lora.yaml", _DOES + yaml.safe_dump(config, sort_keys=False))
        commands.append(f"{COMMAND} {place / 'lora.yaml'}")
    return commands


def _write_made_of(recipe: Recipe, data: Mixture, adapters: Path) -> None:
    """What is trained here goes where mlx-lm writes. Raises InputError where it has written what was made of other."""
    file, made_of = adapters / MADE_OF, _made_of(recipe, data)
    if any(adapters.glob("*.safetensors")) and not (file.is_file() and read_json(file) == made_of):
        raise InputError(
            f"{adapters} holds adapters of another recipe, or of other data; name another folder, or remove it"
        )
    write_json(file, made_of)


def _made_of(recipe: Recipe, data: Mixture) -> dict[str, Any]:
    named = {"name": recipe.name, "sha256": recipe.sha256} | ({"variant": recipe.variant} if recipe.variant else {})
    return {"recipe": named, "data": data.described, "teacher_families": data.teacher_families}


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


def import_mlx(
    adapters: Path, base: "Base", folder: Path, recipe: Recipe | None = None, teachers: Sequence[str] | None = None
) -> Candidate:
    """Make a candidate in `folder` of what mlx-lm left in `adapters`. Raises InputError if that is no LoRA adapter.

    What it was made of stands beside it where export_mlx wrote the recipe; else `recipe` says it, or `teachers` at
    least who wrote or rewarded its data: unknown, they could be its judges.

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
    known = _known(file.parent, recipe, teachers)
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
        batches = int(step[1]) if step else int(config["iters"])
        lineage = {
            "name": folder.name,
            "kind": "adapter",
            "base": describe_base(base),
            "parent": None,
            **known,
            "step": batches // int(config.get("grad_accumulation_steps") or 1),
            "seed": config.get("seed"),
            "trained_with": "mlx-lm",
            "trainable_parameters": sum(t.numel() for t in tensors.values()),
        }
        return write_candidate(Path(scratch), folder, lineage)


def _known(adapters: Path, recipe: Recipe | None, teachers: Sequence[str] | None) -> dict[str, Any]:
    """The lineage's recipe, data and teachers. Raises InputError where nobody says who taught it, or two differ."""
    file = adapters / MADE_OF
    made_of: dict[str, Any] = read_json(file) if file.is_file() else {}
    variants = recipe.variants() if recipe else []
    if made_of and recipe and made_of["recipe"]["sha256"] not in [variant.sha256 for variant in variants]:
        raise InputError(f"{file}: trained by recipe {made_of['recipe']['name']!r}, and not as --recipe has it now")
    if not made_of and len(variants) > 1:
        raise InputError(f"{adapters}: no {MADE_OF} says which of the recipe's grid this is; bring that file, too")
    if not made_of and variants:
        made_of = _made_of(variants[0], variants[0].load())
    if not made_of and teachers is None:
        raise InputError(
            f"{adapters}: no {MADE_OF} says what it was trained on; give its --recipe, or --teacher FAMILY for who "
            "wrote or rewarded its data (--teacher none where people alone did)"
        )
    made_of = made_of or {"recipe": {"name": "mlx-lm", "sha256": ""}}
    return made_of | {"teacher_families": sorted({*made_of.get("teacher_families", []), *(teachers or [])})}


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
