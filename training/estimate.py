"""What a training will need, computed from the model's own configuration before any weights are loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError

from .recipe import Lora, Recipe

if TYPE_CHECKING:
    from peft import LoraConfig

Device = Literal["cpu", "mps", "cuda"]
_ADAM_BYTES = 16  # a trainable parameter, its gradient and AdamW's two moments, in fp32
# What PyTorch, the tokenizer and the trainer take before the model: measured on CPU, in round numbers.
_PROCESS_BYTES = 700 * 2**20


@dataclass(frozen=True)
class Estimate:
    """`steps` of the optimiser, parameters, the bytes of one saved adapter, and the peak of memory in bytes."""

    steps: int
    total_parameters: int
    trainable_parameters: int
    adapter_bytes: int
    memory_bytes: int

    def __str__(self) -> str:
        share = self.trainable_parameters / self.total_parameters
        return (
            f"{self.steps} steps, {self.trainable_parameters:,} of {self.total_parameters:,} parameters are trained "
            f"({share:.2%}), {self.adapter_bytes / 1e6:.1f} MB an adapter, about {self.memory_bytes / 1e9:.1f} GB of "
            "memory"
        )


def estimate(recipe: Recipe, config: Any, rows: int, longest: int, device: Device, quick: bool = False) -> Estimate:
    """Steps, sizes and memory for `rows` rows of at most `longest` tokens on a model of this Transformers `config`."""
    total, trainable = parameters(config, recipe.lora)
    width = 2 if device == "cuda" else 4  # bf16 on CUDA, fp32 elsewhere
    memory = total * width + trainable * _ADAM_BYTES + activations(config, recipe, longest) * width + _PROCESS_BYTES
    return Estimate(recipe.steps(rows, quick), total, trainable, trainable * 4, memory)


def parameters(config: Any, lora: Lora) -> tuple[int, int]:
    """(all, trained) parameters of a model of this configuration with the recipe's adapter, as PEFT counts them.

    The model is built on the meta device: shapes without memory. `all` leaves the adapter out.
    """
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        total = sum(p.numel() for p in model.parameters())
        trainable, _ = get_peft_model(model, lora_config(lora)).get_nb_trainable_parameters()
    return total, trainable


def lora_config(lora: Lora) -> "LoraConfig":
    """PEFT's configuration of a recipe's adapter."""
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        bias="none",
        task_type="CAUSAL_LM",
    )


def activations(config: Any, recipe: Recipe, longest: int) -> int:
    """Numbers kept for the backward pass by one batch, roughly: what a Llama-like layer saves, for every token."""
    config = config.get_text_config()
    hidden, layers = config.hidden_size, config.num_hidden_layers
    heads = config.num_attention_heads
    kv = hidden * getattr(config, "num_key_value_heads", heads) // heads
    inner = getattr(config, "intermediate_size", None) or 4 * hidden
    # Two norms, queries, keys, values, attention, two residuals; gate, up, their product; LoRA's copies of its inputs.
    per_layer = 10 * hidden + 3 * kv + 4 * inner
    tokens = longest * recipe.batch * (2 if recipe.method == "dpo" else 1)
    kept = layers * hidden + per_layer if recipe.gradient_checkpointing else layers * per_layer
    return tokens * (kept + 2 * hidden) + 4 * 256 * config.vocab_size  # the head's log-probabilities come in chunks


def available_bytes(device: Device) -> int:
    """Memory that is free now: of the GPU for CUDA, else of the machine."""
    if device == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    import psutil  # where there is no /proc; accelerate brings it

    return int(psutil.virtual_memory().available)


def check_memory(recipe: Recipe, need: Estimate, device: Device) -> None:
    """Raises InputError if the training will not fit, with what to change."""
    free = available_bytes(device)
    if need.memory_bytes <= free:
        return
    if recipe.batch > 1:
        advice = f"set batch: {recipe.batch // 2} and accumulation: {recipe.accumulation * 2}"
    else:
        advice = "take a smaller base"
    if not recipe.gradient_checkpointing:
        advice += ", or gradient_checkpointing: true"
    raise InputError(
        f"recipe {recipe.name!r} needs about {need.memory_bytes / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
        f"free; {advice}"
    )
