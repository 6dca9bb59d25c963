"""Train a recipe: rows in, candidates with lineage out, stopped and resumed at will.

    <out>/candidates/<recipe>-step<N>/    safetensors, config, lineage
    <out>/train/<recipe>/                 metrics.jsonl, begun.json, and what the trainer needs to resume

A kill loses the steps since the last checkpoint; the same call goes on there with the optimiser, the schedule, the
order of the data and the random state as they were, and ends with the bytes of an unbroken run (same machine,
versions and threads).
"""

import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json
from venire.datasets.rows import TrainingData

from .candidates import Candidate, describe_base, list_candidates, write_candidate
from .progress import DONE, Metrics, Progress, watch
from .recipe import Recipe
from .trouble import explained

if TYPE_CHECKING:
    from venire.engine import Base

    from .estimate import Device

PACKAGES = ("venire", "torch", "transformers", "trl", "peft")


def train(
    recipe: Recipe,
    out: Path,
    *,
    lock_sha256: str,
    base: "Base",
    device: str = "auto",
    quick: bool = False,
    progress: Progress | None = None,
) -> list[Candidate]:
    """Train `recipe` on `base` under the run folder `out`; gives its candidates by step.

    What is finished is not done again. `lock_sha256` is the experiment's lock: nothing is trained before it is
    frozen. `quick` trains a tenth of the steps. `progress` is told lines of text (default: stderr).

    Raises InputError for a bad row, a device that is not there, a training that does not fit in memory, or one that
    was begun otherwise; VenireError where it diverges, or memory or disk give out.
    """
    if not lock_sha256:
        raise VenireError("training needs a frozen experiment; run: venire plan EXPERIMENT")
    tell = progress or (lambda line: print(line, file=sys.stderr, flush=True))
    work = out / "train" / recipe.name
    data = recipe.load()
    wanted = recipe.checkpoints(len(data.rows), quick)
    made = list_candidates(out / "candidates", recipe.name)
    begun = _begin(work, recipe, data, base, quick, made)
    if [c.step for c in made] == wanted:
        return made
    with explained(recipe, work), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL's and Transformers' talk of their own next versions
        _run(recipe, data, base, out, _device(device), quick, tell, {**begun, "lock_sha256": lock_sha256})
    return list_candidates(out / "candidates", recipe.name)


def _begin(
    work: Path, recipe: Recipe, data: TrainingData, base: "Base", quick: bool, made: list[Candidate]
) -> dict[str, Any]:
    """Record what is trained, or check that it is what was begun, and what candidates were made of, here."""
    now = {
        "recipe": {"name": recipe.name, "sha256": recipe.sha256},
        "data": {"path": recipe.data, "sha256": data.sha256, "rows": len(data.rows), "families": data.families},
        "base": describe_base(base),
        "quick": quick,
    }
    file = work / "begun.json"
    earlier = [candidate.lineage for candidate in made] + ([read_json(file)] if file.is_file() else [])
    changed = [key for key in now if any(before.get(key) != now[key] for before in earlier)]
    if changed:
        raise InputError(
            f"recipe {recipe.name!r} was begun in {work} with another {' and '.join(changed)}; give the "
            f"{'recipe' if 'recipe' in changed else 'experiment'} another name, or remove that folder and its "
            "candidates to train anew"
        )
    write_json(file, now)
    return now


def _run(
    recipe: Recipe,
    data: TrainingData,
    base: "Base",
    out: Path,
    device: "Device",
    quick: bool,
    tell: Progress,
    known: dict[str, Any],
) -> None:
    from transformers import AutoConfig

    from venire.engine import load_tokenizer

    from .estimate import check_memory, estimate
    from .trainers import make_trainer

    work = out / "train" / recipe.name
    columns = _columns(recipe, data, load_tokenizer(base), base)
    steps = recipe.steps(len(data.rows), quick)
    config = AutoConfig.from_pretrained(str(base.path))
    need = estimate(recipe, config, len(data.rows), _longest(columns), device, quick)
    check_memory(recipe, need, device)
    tell(f"{recipe.name}: {need}")
    warmup = recipe.warmup_steps(steps, quick)
    if warmup > steps / 2:
        tell(f"{recipe.name}: warning: {warmup} of {steps} steps are warm-up, so the full rate is hardly reached")

    checkpoint, metrics = _last_whole(work), Metrics(work / "metrics.jsonl")
    start = int(checkpoint.name.partition("-")[2]) if checkpoint else 0
    metrics.rewind(start)
    if checkpoint:
        tell(f"{recipe.name}: going on after step {start}")
    trainer = make_trainer(recipe, columns, base, work, device, steps, warmup)
    lineage = _lineage(recipe, data, known, trainer)

    def save(step: int, epoch: float, weights: Path) -> None:
        values = metrics.at(step)
        more = {"name": f"{recipe.name}-step{step}", "step": step, "epoch": round(epoch, 4)}
        seconds = values.pop("seconds")
        folder = out / "candidates" / more["name"]
        write_candidate(weights, folder, {**lineage, **more, "metrics": values, "seconds": seconds})
        tell(f"{recipe.name}: candidate {more['name']}")

    wanted = set(recipe.checkpoints(len(data.rows), quick))
    trainer.add_callback(watch(recipe.name, metrics, tell, save, wanted))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _columns(recipe: Recipe, data: TrainingData, tokenizer: Any, base: "Base") -> dict[str, list[list[int]]]:
    from transformers import AutoConfig

    from .tokens import dpo_columns, sft_columns

    for index, row in enumerate(data.rows):
        if row.weight != 1:
            raise InputError(
                f"{data.place(index)}: weight {row.weight:g}; the loss is not weighted, so write no weight"
            )
    config = AutoConfig.from_pretrained(str(base.path)).get_text_config()
    limit = min(recipe.max_length, getattr(config, "max_position_embeddings", None) or recipe.max_length)
    return (sft_columns if recipe.method == "sft" else dpo_columns)(tokenizer, data, limit)


def _longest(columns: dict[str, list[list[int]]]) -> int:
    if "input_ids" in columns:
        return max(map(len, columns["input_ids"]))
    rows = zip(columns["prompt_ids"], columns["chosen_ids"], columns["rejected_ids"], strict=True)
    return max(len(prompt) + max(len(chosen), len(rejected)) for prompt, chosen, rejected in rows)


def _last_whole(work: Path) -> Path | None:
    """The newest checkpoint that was written to its end; those that were not are removed."""
    whole = []
    for folder in work.glob("checkpoint-*"):
        if (folder / DONE).is_file():
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=lambda folder: int(folder.name.partition("-")[2]), default=None)


def _device(asked: str) -> "Device":
    import torch

    there: dict[str, bool] = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked == "auto":
        return next(name for name in there if there[name])  # type: ignore[return-value]
    if asked not in there:
        raise InputError(f"device {asked!r}: one of auto, {', '.join(there)}")
    if not there[asked]:
        raise InputError(f"device {asked!r} is not on this machine; use cpu, or auto")
    return asked  # type: ignore[return-value]


def _lineage(recipe: Recipe, data: TrainingData, known: dict[str, Any], trainer: Any) -> dict[str, Any]:
    from importlib.metadata import version

    import torch

    return {
        "kind": "adapter",
        "base": known["base"],
        "parent": None,
        "recipe": {"name": recipe.name, "sha256": recipe.sha256},
        "data": known["data"],
        "teacher_families": data.teacher_families,
        "seed": recipe.seed,
        "quick": known["quick"],
        "trainable_parameters": trainer.model.get_nb_trainable_parameters()[0],
        "device": str(trainer.args.device),
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in PACKAGES},
        "lock_sha256": known["lock_sha256"],
    }
