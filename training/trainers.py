"""TRL's trainers, given rows that are already tokens: no second rendering, no model cards, no telemetry."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError

from . import processes
from .estimate import Device, lora_config
from .recipe import Recipe
from .tokens import Columns, lengths

if TYPE_CHECKING:
    from venire.engine import Base

_TRACKERS = {"tensorboard": "tensorboard", "trackio": "trackio", "wandb": "wandb"}


@dataclass(frozen=True)
class Plan:
    """What was worked out before the trainer is made: where it writes, on what, how long, and how."""

    work: Path
    device: Device
    steps: int
    warmup: int
    gradient_checkpointing: bool = False
    parent: Path | None = None


def make_trainer(recipe: Recipe, train: Columns, held_out: Columns | None, base: "Base", plan: Plan) -> Any:
    """A trainer of the recipe's method over `train` (training/tokens.py), which measures `held_out` when asked.

    The reference model is the base without its adapter; where a training goes on from a parent, it is the parent.
    """
    from datasets import disable_progress_bars
    from transformers.trainer_callback import PrinterCallback

    from venire.engine import load_tokenizer

    disable_progress_bars()
    os.environ.setdefault("TQDM_DISABLE", "1")  # TRL asks this before it draws a bar over the reference's pass
    if plan.device != "cuda":
        _score_answers_only()
    given: dict[str, Any] = {
        "model": _load(recipe, base, plan),
        "train_dataset": _dataset(train, plan.work / "rows" / "train"),
        "eval_dataset": _dataset(held_out, plan.work / "rows" / "held_out") if held_out else None,
        "processing_class": load_tokenizer(base),
    }
    if recipe.weights == "adapter" and plan.parent is None:
        given["peft_config"] = lora_config(recipe.lora, given["model"].config)
    trainer = _MAKERS[recipe.method](recipe, _arguments(recipe, plan), given)
    trainer.recipe = recipe
    trainer.row_lengths = lengths(train) if recipe.group_by_length else None
    if "weight" in train:
        trainer.data_collator = _carrying_weights(trainer.data_collator)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _dataset(rows: Columns, folder: Path) -> Any:
    """The rows as TRL reads them. Of several processes all read one file: TRL puts the reference's pass beside it."""
    from datasets import Dataset

    if processes.count() == 1:
        return Dataset.from_dict(rows)
    with processes.first_then_others():
        if processes.first():
            shutil.rmtree(folder, ignore_errors=True)
            Dataset.from_dict(rows).save_to_disk(folder)
        return Dataset.load_from_disk(folder)


def _sft(recipe: Recipe, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Sft(_Ours, SFTTrainer):
        pass

    # The rows carry their labels, so TRL leaves the loss on the answers alone.
    return Sft(args=SFTConfig(**common, max_length=None, padding_free=recipe.padding_free), **given)


def _dpo(recipe: Recipe, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Dpo(_Ours, DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    # Reference log-probabilities are computed once where a pair is seen more than once; with full weights always,
    # so that no second model stands in memory.
    once = recipe.epochs > 1 or recipe.max_steps is not None or recipe.weights == "full"
    return Dpo(args=DPOConfig(**common, max_length=None, beta=recipe.beta, precompute_ref_log_probs=once), **given)


def _kto(recipe: Recipe, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    class Kto(_Ours, KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    return Kto(args=KTOConfig(**common, max_length=None, beta=recipe.beta), **given)


def _log_not(logps: Any) -> Any:
    """log(1 − p) of a tensor of log p below 0: exact near 0, and within a float's rounding of 1 far from it."""
    import torch

    return torch.log(-torch.expm1(logps))


def _orpo(recipe: Recipe, common: dict[str, Any], given: dict[str, Any]) -> Any:
    """ORPO's loss on DPO's machinery: TRL's own ORPOTrainer takes its likelihood over the prompt too."""
    import torch
    from torch.nn import functional
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Orpo(_Ours, DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def _compute_loss(self: Any, model: Any, inputs: Any, return_outputs: bool) -> Any:
            mask = inputs["completion_mask"]
            labels = inputs["input_ids"].masked_fill(mask == 0, -100)
            outputs = model(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                labels=labels,
                use_cache=False,
                fused_lm_head=True,
            )
            tokens = mask[:, 1:].sum(dim=1)
            logps = outputs.log_probs.sum(dim=1).float()
            chosen, rejected = (logps / tokens).chunk(2)
            odds = (chosen - rejected) - (_log_not(chosen) - _log_not(rejected))
            likelihood = -logps.chunk(2)[0].sum() / tokens.chunk(2)[0].sum()
            loss = likelihood - self.beta * functional.logsigmoid(odds).mean()
            seen = self._metrics["train" if self.model.training else "eval"]
            with torch.no_grad():
                for name, values in (("rewards/accuracies", (chosen > rejected).float()), ("log_odds", odds)):
                    seen[name].append(self.accelerator.gather(values.detach()).mean().item())
                seen["nll"].append(self.accelerator.gather(likelihood.detach()).mean().item())
            return (loss, outputs) if return_outputs else loss

    return Orpo(args=DPOConfig(**common, max_length=None, beta=recipe.beta), **given)


_MAKERS = {"sft": _sft, "dpo": _dpo, "kto": _kto, "orpo": _orpo}


class _Ours:
    """What every trainer of ours does otherwise than TRL's: rows may weigh, batches may be of like length."""

    recipe: Recipe
    row_lengths: list[int] | None

    def _send_telemetry(self) -> None:
        """Nothing leaves this machine."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The card is rendered from the lineage, by reports."""

    def _set_signature_columns_if_needed(self: Any) -> None:
        super()._set_signature_columns_if_needed()  # type: ignore[misc]
        if "weight" not in self._signature_columns:
            self._signature_columns.append("weight")

    def _get_train_sampler(self: Any, train_dataset: Any = None) -> Any:
        if self.row_lengths is None:
            return super()._get_train_sampler(train_dataset)  # type: ignore[misc]
        return like_lengths(
            self.row_lengths, self.recipe.batch * self.recipe.accumulation, self.recipe.batch, self.args.seed
        )

    def get_batch_samples(self: Any, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        """The batches of one step; a row's `weight` becomes what its gradient is multiplied by."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)  # type: ignore[misc]
        if batches and "weight" in batches[0]:
            scale_weights(batches, items, lambda total: self.accelerator.gather(total.to(device)).sum())
        return batches, items

    def compute_loss(self: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if "weight" in inputs:
            model = _weighing(model, inputs.pop("weight"))
        return super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]


def scale_weights(batches: list[dict[str, Any]], items: Any, everywhere: Any) -> None:
    """Turn the rows' weights of one step into factors of their gradients, so that 2 is the same as showing it twice.

    TRL divides a step by its tokens (sft) or its rows (dpo); a step with a row twice would have that many more. So a
    row's factor is its weight times the plain divisor over the weighted one. `everywhere` sums over processes.
    """
    counts = [
        (batch["labels"][:, 1:] != -100).sum(dim=1) if "labels" in batch else batch["weight"].new_ones(())
        for batch in batches
    ]
    weighted = everywhere(sum((batch["weight"] * n).sum() for batch, n in zip(batches, counts, strict=True)))
    processes = everywhere(batches[0]["weight"].new_ones(1))
    for batch, n in zip(batches, counts, strict=True):
        # Without a count for the whole step: a mean over each batch, then over the batches, then over the processes.
        plain = n.expand(len(batch["weight"])).sum() * len(batches) * processes if items is None else items
        batch["weight"] = batch["weight"] * (plain / weighted)


def _weighing(model: Any, factors: Any) -> Any:
    """`model`, whose rows' gradients are multiplied by `factors`; what it computes stays as it is.

    So the loss that is logged is the plain one, comparable between weights, and a loss that is no sum over rows
    (DPO's log-sigmoid) is still taken at the right point.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        outputs = model(*args, **kwargs)
        logps = outputs.log_probs
        each = factors.to(logps.device, logps.dtype).repeat(len(logps) // len(factors))[:, None]
        outputs.log_probs = logps.detach() + each * (logps - logps.detach())
        return outputs

    return call


def _carrying_weights(collator: Any) -> Any:
    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        batch = collator(rows)
        if "weight" in rows[0]:
            batch["weight"] = torch.tensor([row["weight"] for row in rows])
        return batch

    return collate


def like_lengths(row_lengths: list[int], step_rows: int, batch: int, seed: int) -> Any:
    """A sampler that puts rows of like length into one batch, in another order every epoch.

    Rows are shuffled, sorted within stretches of several steps, cut into batches, and the batches shuffled. The order
    follows from the seed and the epoch alone, so that a resumed training meets the same rows.
    """
    import torch
    from torch.utils.data import Sampler

    class LikeLengths(Sampler):
        epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __len__(self) -> int:
            return len(row_lengths)

        def __iter__(self) -> Iterator[int]:
            generator = torch.Generator().manual_seed(seed + self.epoch)
            order = torch.randperm(len(row_lengths), generator=generator).tolist()
            stretch = 16 * step_rows
            batches = []
            for start in range(0, len(order), stretch):
                rows = sorted(order[start : start + stretch], key=lambda row: row_lengths[row])
                batches += [rows[i : i + batch] for i in range(0, len(rows), batch)]
            ragged = [rows for rows in batches if len(rows) < batch]  # last, or whole batches would be cut anew
            whole = [rows for rows in batches if len(rows) == batch]
            for i in torch.randperm(len(whole), generator=generator).tolist():
                yield from whole[i]
            for rows in ragged:
                yield from rows

    return LikeLengths()


def _score_answers_only() -> None:
    """Let TRL's head project the positions that are learned, and not the prompts, without Triton too.

    TRL scores every position where Triton does not run, for the sake of devices that compile once a shape. On a CPU
    that is more than half of a training's time for a small model. The values are the same.
    """
    utils: Any = import_module("trl.trainer.utils")
    if hasattr(utils, "_use_triton"):
        utils._use_triton = lambda device: True


def bf16(recipe: Recipe, device: Device) -> bool:
    """Whether the recipe computes in bf16 on this device. Raises InputError where it asks for it in vain."""
    import torch

    there = device == "cuda" and torch.cuda.is_bf16_supported()
    if recipe.precision == "bf16" and not there:
        raise InputError(f"recipe {recipe.name!r}: precision: bf16 needs a CUDA device that has it; write auto")
    return there and recipe.precision != "fp32"


def _packed(recipe: Recipe, device: Device) -> dict[str, str]:
    """How a model is loaded whose batches have no padding. Raises InputError where that cannot be."""
    from transformers.utils.import_utils import is_flash_attn_2_available

    if not recipe.padding_free:
        return {}
    if device != "cuda" or not is_flash_attn_2_available():
        raise InputError(
            f"recipe {recipe.name!r}: padding_free needs a CUDA device and the package flash-attn; leave it out"
        )
    return {"attn_implementation": "flash_attention_2"}


def _load(recipe: Recipe, base: "Base", plan: Plan) -> Any:
    """The model to train. Full weights stay in fp32: steps of 1e-5 would be lost between two numbers of bf16."""
    import torch
    from transformers import AutoModelForCausalLM

    half = recipe.weights == "adapter" and bf16(recipe, plan.device)
    dtype = torch.bfloat16 if half else torch.float32
    full_parent = plan.parent if plan.parent and recipe.weights == "full" else None
    more = _packed(recipe, plan.device)
    model = AutoModelForCausalLM.from_pretrained(str(full_parent or base.path), dtype=dtype, **more)
    if plan.parent is None or full_parent:
        return model
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(plan.parent), is_trainable=True)


def _arguments(recipe: Recipe, plan: Plan) -> dict[str, Any]:
    share = recipe.among(processes.count())
    return {
        "output_dir": str(plan.work),
        "max_steps": plan.steps,
        "per_device_train_batch_size": share.batch,
        "per_device_eval_batch_size": share.batch,
        "gradient_accumulation_steps": share.accumulation,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if recipe.schedule == "constant" else recipe.schedule,
        "warmup_steps": plan.warmup,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.clip,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "bf16": bf16(recipe, plan.device),
        "use_cpu": plan.device == "cpu",
        "gradient_checkpointing": plan.gradient_checkpointing,
        "torch_compile": recipe.compile,
        "prediction_loss_only": True,
        "save_strategy": "steps",  # the steps themselves are chosen by the callback
        "save_steps": plan.steps,
        "save_total_limit": 2,  # one whole, one perhaps being written
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a broken loss must be seen
        "report_to": tracker(recipe),
        "run_name": recipe.run_name,
        "disable_tqdm": True,
        "dataloader_pin_memory": plan.device == "cuda",
        "ddp_find_unused_parameters": False,  # every trained weight takes part in every step
    }


def tracker(recipe: Recipe) -> str:
    """Transformers' name of where metrics also go. Raises InputError where its package is not installed."""
    from importlib.util import find_spec

    if recipe.track == "none":
        return "none"
    if find_spec(_TRACKERS[recipe.track]) is None:
        raise InputError(
            f"recipe {recipe.name!r}: track: {recipe.track} needs its package; install it with: "
            f"pip install 'venire[{recipe.track}]'"
        )
    return recipe.track
