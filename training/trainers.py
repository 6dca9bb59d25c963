"""TRL's trainers, given rows that are already tokens: no second rendering, no model cards, no telemetry."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .estimate import Device, lora_config
from .recipe import Recipe

if TYPE_CHECKING:
    from venire.engine import Base


def make_trainer(
    recipe: Recipe,
    columns: dict[str, list[list[int]]],
    base: "Base",
    work: Path,
    device: Device,
    steps: int,
    warmup: int,
) -> Any:
    """An SFTTrainer or DPOTrainer over `columns` (training/tokens.py). Its reference model is the adapterless base."""
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from venire.engine import load_tokenizer

    set_verbosity_error()
    disable_progress_bar()
    if device != "cuda":
        _score_answers_only()
    common = _arguments(recipe, work, device, steps, warmup)
    given: dict[str, Any] = {
        "model": _load(base, device),
        "train_dataset": Dataset.from_dict(columns),
        "processing_class": load_tokenizer(base),
        "peft_config": lora_config(recipe.lora),
    }
    trainer = _sft(common, given) if recipe.method == "sft" else _dpo(recipe, common, given)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _sft(common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Sft(_Quiet, SFTTrainer):
        pass

    # The rows carry their labels, so TRL leaves the loss on the answers alone.
    return Sft(args=SFTConfig(**common, max_length=None), **given)


def _dpo(recipe: Recipe, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from datasets import disable_progress_bars
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Dpo(_Quiet, DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    disable_progress_bars()
    os.environ.setdefault("TQDM_DISABLE", "1")  # TRL asks this before it draws a bar over the reference's pass
    # Reference log-probabilities are computed once where a pair is seen more than once.
    args = DPOConfig(**common, max_length=None, beta=recipe.beta, precompute_ref_log_probs=recipe.epochs > 1)
    return Dpo(args=args, **given)


class _Quiet:
    """What TRL does beside training that has no place here."""

    def _send_telemetry(self) -> None:
        """Nothing leaves this machine."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The card is rendered from the lineage, by reports."""


def _score_answers_only() -> None:
    """Let TRL's head project the positions that are learned, and not the prompts, without Triton too.

    TRL scores every position where Triton does not run, for the sake of devices that compile once a shape. On a CPU
    that is more than half of a training's time for a small model. The values are the same.
    """
    utils: Any = import_module("trl.trainer.utils")
    if hasattr(utils, "_use_triton"):
        utils._use_triton = lambda device: True


def _load(base: "Base", device: Device) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return AutoModelForCausalLM.from_pretrained(str(base.path), dtype=dtype)


def _arguments(recipe: Recipe, work: Path, device: Device, steps: int, warmup: int) -> dict[str, Any]:
    return {
        "output_dir": str(work),
        "max_steps": steps,
        "per_device_train_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if recipe.schedule == "constant" else recipe.schedule,
        "warmup_steps": warmup,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.clip,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "bf16": device == "cuda",
        "use_cpu": device == "cpu",
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "save_strategy": "steps",  # the steps themselves are chosen by the callback
        "save_steps": steps,
        "save_total_limit": 2,  # one whole, one perhaps being written
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a broken loss must be seen
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": device == "cuda",
    }
