"""What a training will need, computed from the model's own configuration before any weights are loaded."""

import math
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError

from . import processes
from .recipe import Lora, Recipe

if TYPE_CHECKING:
    from peft import LoraConfig

Device = Literal["cpu", "mps", "cuda"]
_ADAM_BYTES = 16  # a trainable parameter, its gradient and AdamW's two moments, in fp32
# What PyTorch, the tokenizer and the trainer take before the model: measured on CPU, in round numbers.
_PROCESS_BYTES = 700 * 2**20
# The C library keeps freed tensors of changing sizes: a CPU's peak holds so much more than what is alive at once.
# Measured on the small recipes: 1.5 to 1.7.
_HELD = {"cpu": 1.7, "mps": 1.0, "cuda": 1.0}
# Of the speed of one large matrix product, a training step reaches about so much: small products, norms, the optimiser.
_EFFICIENCY = {"cpu": 0.6, "mps": 0.3, "cuda": 0.4}
# Time is told as a range, from and to so many times what is reckoned: shipped recipes were measured at up to 1.8 times.
_SHORTEST, _LONGEST = 0.7, 2.0


@dataclass(frozen=True)
class Work:
    """What there is to train on: rows, how many steps they make, tokens of the longest, and of a mean one."""

    steps: int
    longest: int
    mean: float


@dataclass(frozen=True)
class Estimate:
    """`steps` of the optimiser, parameters, bytes of one saved candidate, peak of memory in bytes, and seconds."""

    steps: int
    total_parameters: int
    trainable_parameters: int
    candidate_bytes: int
    memory_bytes: int
    seconds: float
    gradient_checkpointing: bool

    def __str__(self) -> str:
        share = self.trainable_parameters / self.total_parameters
        return (
            f"{self.steps} steps, {self.trainable_parameters:,} of {self.total_parameters:,} parameters are trained "
            f"({share:.2%}), {self.candidate_bytes / 1e6:.1f} MB a candidate, about {self.memory_bytes / 1e9:.1f} GB "
            f"of memory and {clock(_SHORTEST * self.seconds)} to {clock(_LONGEST * self.seconds)}"
            + (" (with gradient checkpointing, which saves memory)" if self.gradient_checkpointing else "")
        )


def estimate(recipe: Recipe, config: Any, work: Work, device: Device, half: bool = False) -> Estimate:
    """Steps, sizes, memory and time of `work` on a model of this Transformers `config`; `half`: weights in bf16.

    Gradient checkpointing is as the recipe says, or, where it says auto, on where it does not fit without.
    """
    total, trainable = parameters(config, recipe)
    full = recipe.weights == "full"
    width = 2 if half else 4
    fixed = total * (_ADAM_BYTES if full else width) + (0 if full else trainable * _ADAM_BYTES) + _PROCESS_BYTES
    each = width * _HELD[device]
    plain = fixed + round(activations(config, recipe, work.longest, False) * each)
    saving = recipe.gradient_checkpointing
    if saving == "auto":
        saving = plain > available_bytes(device)
    memory = fixed + round(activations(config, recipe, work.longest, True) * each) if saving else plain
    seconds = flops(config, recipe, work, total, saving) / (_EFFICIENCY[device] * flops_per_second(device, half))
    return Estimate(work.steps, total, trainable, (total if full else trainable) * 4, memory, seconds, saving)


def flops(config: Any, recipe: Recipe, work: Work, total: int, saving: bool) -> float:
    """Floating-point operations of the whole training: 2 a parameter and token forward, and as many for each pass back.

    An adapter's backward pass goes through the frozen weights once, full weights need their own gradients too. The
    reference of a preference method is one more forward pass, the whole time or once over the data.
    """
    text = config.get_text_config()
    embedding = text.vocab_size * text.hidden_size
    # Looked up, not multiplied. The head's product stays; a tied one is counted in the embedding already.
    dense = total - (0 if text.tie_word_embeddings else embedding)
    passes = 3.0 if recipe.weights == "full" else 2.0
    passes += 1.0 if saving else 0.0
    if recipe.method == "dpo":
        passes += 1.0 / max(1.0, recipe.epochs)
    elif recipe.method == "kto":
        passes += 3.0  # the reference, and both on the mismatched answers
    sides = 2 if recipe.method in ("dpo", "orpo") else 1
    tokens = work.steps * recipe.batch * recipe.accumulation * sides * work.mean
    return 2.0 * dense * tokens * passes


@cache
def flops_per_second(device: Device, half: bool) -> float:
    """What this machine makes of one matrix product, measured for a moment."""
    import torch

    size = 512 if device == "cpu" else 4096
    dtype = torch.bfloat16 if half else torch.float32
    # A generator of its own: the global one's state belongs to the training.
    one = torch.rand(size, size, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    best = math.inf
    for _ in range(8):
        start = time.perf_counter()
        product = one @ one
        product[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def parameters(config: Any, recipe: Recipe) -> tuple[int, int]:
    """(all, trained) parameters of a model of this configuration under the recipe, as PEFT counts them.

    The model is built on the meta device: shapes without memory. `all` leaves the adapter out.
    """
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        total = sum(p.numel() for p in model.parameters())
        if recipe.weights == "full":
            return total, total
        _check_targets(recipe, model)
        trainable, _ = get_peft_model(model, lora_config(recipe.lora, config)).get_nb_trainable_parameters()
    return total, trainable


def _check_targets(recipe: Recipe, model: Any) -> None:
    """Raises InputError for a target that is nowhere, which PEFT passes over as long as another is there.

    And for the head and the embedding: TRL's loss takes the head's weights past an adapter, so nothing would be
    trained there, and where the two are tied an update of one is none of the other.
    """
    there = {
        name.rpartition(".")[2] for name, module in model.named_modules() if getattr(module, "weight", None) is not None
    }
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    outside = [name for name, module in model.named_modules() if any(module is end for end in ends)]
    names = [] if recipe.lora.targets == "all-linear" else recipe.lora.targets
    if unknown := [name for name in names if name.rpartition(".")[2] not in there]:
        raise InputError(
            f"recipe {recipe.name!r}, lora.targets: the base has no {', '.join(unknown)}; it has "
            f"{', '.join(sorted(there - {name.rpartition('.')[2] for name in outside}))}"
        )
    if wrong := [name for name in names if any(f".{full}".endswith(f".{name}") for full in outside)]:
        raise InputError(
            f"recipe {recipe.name!r}, lora.targets: {', '.join(wrong)}: an adapter on the head or the embedding is not "
            "trained as its name says; name modules of the layers, e.g. [q_proj, v_proj]"
        )


def lora_config(lora: Lora, config: Any) -> "LoraConfig":
    """PEFT's configuration of a recipe's adapter on a model of this `config`. Raises InputError for too many layers."""
    from peft import LoraConfig

    more: dict[str, Any] = {}
    if lora.layers is not None:
        there = config.get_text_config().num_hidden_layers
        if lora.layers > there:
            raise InputError(f"lora.layers: {lora.layers} are asked for, and the base has {there}")
        more["layers_to_transform"] = list(range(there - lora.layers, there))
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        bias="none",
        task_type="CAUSAL_LM",
        **more,
    )


def activations(config: Any, recipe: Recipe, longest: int, saving: bool) -> int:
    """Numbers kept for the backward pass by one batch, roughly: what a Llama-like layer saves, for every token."""
    config = config.get_text_config()
    hidden, layers = config.hidden_size, config.num_hidden_layers
    heads = config.num_attention_heads
    kv = hidden * getattr(config, "num_key_value_heads", heads) // heads
    inner = getattr(config, "intermediate_size", None) or 4 * hidden
    # Two norms, queries, keys, values, attention, two residuals; gate, up, their product; LoRA's copies of its inputs.
    per_layer = 10 * hidden + 3 * kv + 4 * inner + _dropped(recipe, hidden, inner)
    tokens = longest * recipe.batch * (2 if recipe.method in ("dpo", "orpo") else 1)
    kept = layers * hidden + per_layer if saving else layers * per_layer
    return tokens * (kept + 2 * hidden) + 4 * 256 * config.vocab_size  # the head's log-probabilities come in chunks


def _dropped(recipe: Recipe, hidden: int, inner: int) -> int:
    """Inputs of an adapter's modules after dropout, and their masks; TRL has no dropout in preference methods."""
    if recipe.weights == "full" or recipe.method != "sft" or not recipe.lora.dropout:
        return 0
    names = ["o_proj"] * 6 + ["down_proj"] if recipe.lora.targets == "all-linear" else recipe.lora.targets
    return 2 * sum(inner if name.endswith("down_proj") else hidden for name in names)


def available_bytes(device: Device) -> int:
    """Memory that is free now: of the GPU for CUDA, else of the machine, which processes launched together share."""
    if device == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    return _free_bytes() // processes.on_this_machine()


def _free_bytes() -> int:
    """Free memory of this machine, and no more than its control group allows."""
    import psutil

    free = int(psutil.virtual_memory().available)
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["file"]
    except (OSError, ValueError, KeyError):
        return free  # no control group, or one without a limit
    return max(0, min(free, limit - used + int(cached)))


def check_memory(recipe: Recipe, need: Estimate, device: Device) -> None:
    """Raises InputError if the training will not fit, with what to change."""
    free = available_bytes(device)
    if need.memory_bytes <= free:
        return
    ways = []
    if recipe.batch > (2 if recipe.method == "kto" else 1):
        ways.append(f"set batch: {recipe.batch // 2} and accumulation: {recipe.accumulation * 2}")
    if not need.gradient_checkpointing:
        ways.append("gradient_checkpointing: true")
    if recipe.weights == "full":
        ways.append("weights: adapter")
    raise InputError(
        f"recipe {recipe.name!r} needs about {need.memory_bytes / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
        f"free; {', or '.join(ways or ['take a smaller base'])}"
    )


def clock(seconds: float) -> str:
    """Seconds for people: 12 s, 3 min 00 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
