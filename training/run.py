"""Train a recipe: rows in, candidates with lineage out, stopped and resumed at will.

    <out>/candidates/<recipe>-step<N>/    safetensors, config, lineage
    <out>/train/<recipe>/                 metrics.jsonl, begun.json, and what the trainer needs to resume

A grid trains each of its variants so, under `<recipe>-<variant>`. A kill loses the steps since the last checkpoint;
the same call goes on there with the optimiser, the schedule, the order of the data and the random state as they were,
and ends with the bytes of an unbroken run (same machine, versions and threads).
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json

from . import processes
from .begun import FILE, begin, discard, last_whole, step_of, tried_out
from .candidates import (
    Candidate,
    describe_base,
    list_candidates,
    name_roles,
    read_candidate,
    remove_half_written,
    write_candidate,
)
from .mixture import Mixture
from .progress import Metrics, Progress, Watched, best_step, watch
from .recipe import Recipe
from .trouble import explained, hushed

if TYPE_CHECKING:
    from venire.engine import Base

    from .estimate import Device, Estimate
    from .tokens import Columns
    from .trainers import Plan

PACKAGES = ("venire", "torch", "transformers", "trl", "peft")


def train(
    recipe: Recipe,
    out: Path,
    *,
    lock_sha256: str,
    base: "Base",
    device: str = "auto",
    quick: bool = False,
    price: float | None = None,
    on: str | None = None,
    progress: Progress | None = None,
) -> list[Candidate]:
    """Train `recipe` on `base` under the run folder `out`; gives its candidates by variant and step.

    What is finished is not done again. `lock_sha256` is the experiment's lock: nothing is trained before it is
    frozen. `quick` trains a tenth of the steps. `price` of an hour of this machine puts a cost into the lineage.
    `on` is the address of a Ray cluster that trains the points of a grid side by side. `progress` is told lines of
    text (default: stderr).

    Raises InputError for a bad row, a device that is not there, a training that does not fit in memory, or one that
    was begun otherwise; VenireError where it diverges, or memory or disk give out.
    """
    if not lock_sha256:
        raise VenireError("training needs a frozen experiment; run: venire plan EXPERIMENT")
    tell = progress or (lambda line: print(line, file=sys.stderr, flush=True))
    made: list[Candidate] = []
    if on is not None:
        processes.only_one("--on")
        from .cluster import train_on

        train_on(on, recipe.variants(), out, lock_sha256, base, device, quick, price, tell)
    found = _device(device if on is None else "auto")  # the cluster has trained; here it is only read
    processes.join(found)
    for variant in recipe.variants():
        job = _Job(variant, out, base, found, quick, price, lock_sha256, tell)
        made += job.run(on)
    return made


@dataclass(frozen=True)
class _Job:
    """One variant's training: what the steps below share."""

    recipe: Recipe
    out: Path
    base: "Base"
    device: "Device"
    quick: bool
    price: float | None
    lock_sha256: str
    tell: Progress

    @property
    def work(self) -> Path:
        return self.out / "train" / self.recipe.run_name

    @property
    def candidates(self) -> Path:
        return self.out / "candidates"

    @property
    def metrics(self) -> Metrics:
        return Metrics(self.work / "metrics.jsonl")

    def made(self) -> list[Candidate]:
        """The candidates of this variant that are there."""
        found = list_candidates(self.candidates, self.recipe.name)
        return [c for c in found if c.lineage["recipe"].get("variant", "") == self.recipe.variant]

    def run(self, on: str | None) -> list[Candidate]:
        """Train, or read what the cluster `on` has trained: that is paid for, and not done again here."""
        recipe = self.recipe
        with processes.first_then_others():
            data = recipe.load()
            parent = _parent(recipe, self.base)
            last = recipe.checkpoints(len(data.train.rows), self.quick)[-1]
            begun, made = _begin(self, data, parent)
        if last not in [candidate.step for candidate in made]:
            if on is not None:
                raise VenireError(
                    f"--on {on}: {recipe.run_name} was trained there, and its candidates are not in "
                    f"{self.candidates.resolve()}; all workers must see that folder, on one disk, under this path"
                )
            with alone(self.work), explained(recipe, self.work, lambda: bool(self.made())), hushed():
                _run(self, data, parent, begun)
            processes.wait()  # for the last candidate
        with processes.first_then_others():
            made = self.made()
            if any("roles" not in candidate.lineage for candidate in made):
                made = _name(self, made)
            self.tidy()
        return made

    def tidy(self) -> None:
        """Remove what the trainer would resume from, larger than what it has made: there is nothing left to do."""
        left = [folder for folder in (*self.work.glob("checkpoint-*"), self.work / "rows") if folder.is_dir()]
        if left and processes.first():
            with alone(self.work):
                discard(self.work, (folder for folder in left if folder.name == "rows"))


@contextmanager
def alone(work: Path) -> Iterator[None]:
    """Hold the folder of a training. Raises VenireError while another process trains in it that is not one of ours."""
    if not processes.first():
        yield
        return
    try:
        import fcntl
    except ImportError:  # Windows has no such lock, and opens no file twice for writing anyway
        yield
        return
    work.mkdir(parents=True, exist_ok=True)
    with (work / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise VenireError(
                f"another process trains in {work}; wait for it, or follow it with: venire train EXPERIMENT --follow"
            ) from error
        yield


def _begin(job: _Job, data: Mixture, parent: Candidate | None) -> tuple[dict[str, Any], list[Candidate]]:
    """What is trained, checked against what was begun here, and the candidates that were made of it."""
    recipe, made = job.recipe, job.made()
    named = {"name": recipe.name, "sha256": recipe.sha256} | ({"variant": recipe.variant} if recipe.variant else {})
    now = {
        "recipe": named,
        "data": data.described,
        "base": describe_base(job.base),
        "parent": parent and {"name": parent.name, "sha256": parent.sha256, "step": parent.step},
        "quick": job.quick,
    }
    lineages = [candidate.lineage for candidate in made]
    if tried_out(job.work, now, lineages):
        with alone(job.work):
            job.tell(f"{recipe.run_name}: what --quick made goes; it is trained anew")
            discard(job.work, [candidate.path for candidate in made])
        made, lineages = [], []
    return begin(job.work, recipe.run_name, now, lineages), made


def _run(job: _Job, data: Mixture, parent: Candidate | None, begun: dict[str, Any]) -> None:
    from .trainers import make_trainer

    recipe, tell, name = job.recipe, job.tell, job.recipe.run_name
    with processes.first_then_others():
        rows, held_out, plan, checkpoint = _prepare(job, data, parent, begun)
    trainer = make_trainer(recipe, rows, held_out, job.base, plan)
    start = step_of(checkpoint) if checkpoint else 0
    trainer._total_train_tokens = int(job.metrics.at(start).get("num_tokens", 0))  # TRL counts anew after a stop
    saves = frozenset(recipe.checkpoints(len(data.train.rows), job.quick))
    kept = frozenset(recipe.kept(len(data.train.rows), job.quick))
    lineage = _lineage(job, data, begun, trainer, parent)

    def save(step: int, epoch: float, weights: Path) -> None:
        more = {"name": f"{name}-step{step}", "step": step, "epoch": round(epoch, 4)}
        values = job.metrics.at(step)
        seconds = values.pop("seconds")
        cost: dict[str, float] = {}
        if job.price is not None:
            spent = seconds / 3600 * job.price * processes.count()
            cost = {"usd_per_hour": job.price, "cost_usd": round(spent, 4)}
        folder = job.candidates / more["name"]
        write_candidate(weights, folder, {**lineage, **more, "metrics": values, "seconds": seconds, **cost})
        tell(f"{name}: candidate {more['name']}")
        _drop(job, [s for s in sorted(saves) if s <= step], kept)

    watched = Watched(name, job.metrics, tell, save, saves, held_out is not None, recipe.evaluate_every)
    trainer.add_callback(watch(watched))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _prepare(
    job: _Job, data: Mixture, parent: Candidate | None, begun: dict[str, Any]
) -> "tuple[Columns, Columns | None, Plan, Path | None]":
    """The rows as tokens, those held out, what the trainer is made by, and the checkpoint to go on after."""
    from venire.engine import load_tokenizer

    from .tokens import columns
    from .trainers import Plan

    recipe, tell, name = job.recipe, job.tell, job.recipe.run_name
    tokenizer, limit = load_tokenizer(job.base), _limit(recipe, job.base)
    rows = columns(tokenizer, data.train, recipe, limit)
    held_out = columns(tokenizer, data.held_out, recipe, limit) if data.held_out else None
    (held_out or {}).pop("weight", None)  # measured as they are
    steps = recipe.steps(len(data.train.rows), job.quick)
    checkpoint = last_whole(job.work, steps)
    need = _estimate(job, rows, steps, begun, checkpoint is not None or bool(job.made()))
    warmup = recipe.warmup_steps(steps, job.quick)
    for warning in _warnings(recipe, steps, warmup):
        tell(f"{name}: warning: {warning}")
    if processes.first():
        remove_half_written(job.candidates, name)
        job.metrics.rewind(step_of(checkpoint) if checkpoint else 0)
    if checkpoint:
        tell(f"{name}: going on after step {step_of(checkpoint)}")
    return (
        rows,
        held_out,
        Plan(job.work, job.device, steps, warmup, need.gradient_checkpointing, parent and parent.path),
        checkpoint,
    )


def _estimate(job: _Job, rows: "Columns", steps: int, begun: dict[str, Any], goes_on: bool) -> "Estimate":
    """What one process will need, told, and written down as begun; what has left something goes on as it was begun.

    Raises InputError if it does not fit, or goes on over another number of processes.
    """
    from transformers import AutoConfig

    from .estimate import Work, check_memory, estimate
    from .tokens import lengths
    from .trainers import bf16

    file, found = job.work / FILE, lengths(rows)
    if not processes.first():
        begun = read_json(file)  # what the first has settled just now
    settled = {"processes": processes.count()}
    if goes_on and begun.get("processes", 1) != settled["processes"]:
        raise InputError(
            f"recipe {job.recipe.run_name!r} was begun over {begun.get('processes', 1)} processes, and goes on over as "
            f"many, or it would not end with the same weights; remove {job.work} to begin anew"
        )
    recipe = job.recipe.among(processes.count())
    if "gradient_checkpointing" in begun:  # decided then: the same steps, whatever memory is free now
        recipe = recipe.model_copy(update={"gradient_checkpointing": begun["gradient_checkpointing"]})
    config = AutoConfig.from_pretrained(str(job.base.path))
    half = recipe.weights == "adapter" and bf16(recipe, job.device)
    need = estimate(recipe, config, Work(steps, max(found), sum(found) / len(found)), job.device, half)
    check_memory(recipe, need, job.device)
    if processes.first():
        write_json(file, begun | settled | {"gradient_checkpointing": need.gradient_checkpointing})
    over = f" over {processes.count()} processes, for each of them:" if processes.count() > 1 else ""
    job.tell(f"{job.recipe.run_name}:{over} {need}")
    return need


def _warnings(recipe: Recipe, steps: int, warmup: int) -> list[str]:
    found = []
    if warmup > steps / 2:
        found.append(f"{warmup} of {steps} steps are warm-up, so the full rate is hardly reached; lower warmup")
    if recipe.lora.dropout and recipe.weights == "adapter" and recipe.method != "sft":
        found.append(f"lora.dropout {recipe.lora.dropout:g} has no effect: TRL's {recipe.method} switches dropout off")
    return found


def _limit(recipe: Recipe, base: "Base") -> int:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(str(base.path)).get_text_config()
    return min(recipe.max_length, getattr(config, "max_position_embeddings", None) or recipe.max_length)


def _parent(recipe: Recipe, base: "Base") -> Candidate | None:
    """The candidate that the recipe goes on from. Raises InputError where it is none, or not of this recipe's shape."""
    if recipe.parent is None:
        return None
    try:
        parent = read_candidate(Path(recipe.parent))
    except InputError as error:
        raise InputError(f"recipe {recipe.name!r}, parent: {error}") from error
    wanted = "adapter" if recipe.weights == "adapter" else "full"
    if parent.kind != wanted:
        raise InputError(
            f"recipe {recipe.name!r}, parent: {parent.name!r} is {parent.kind}, the recipe trains {wanted}"
        )
    theirs = parent.lineage["base"]
    if (theirs["model_id"], theirs["revision"]) != (base.model_id, base.revision):
        raise InputError(
            f"recipe {recipe.name!r}, parent: {parent.name!r} sits on {theirs['model_id']}@{theirs['revision']}, "
            f"and the base is {base.identity}"
        )
    if parent.kind == "adapter":
        config = read_json(parent.path / "adapter_config.json")
        found, asked = (config["r"], config["lora_alpha"]), (recipe.lora.r, recipe.lora.alpha)
        if found != asked:
            raise InputError(
                f"recipe {recipe.name!r}, parent: {parent.name!r} has lora {{r: {found[0]}, alpha: {found[1]}}}, "
                f"and the recipe asks for {{r: {asked[0]}, alpha: {asked[1]}}}; an adapter keeps its shape"
            )
    return parent


def _drop(job: _Job, saved: list[int], kept: frozenset[int]) -> None:
    """Of full weights, remove the candidates that neither stay by their step nor are the best so far."""
    best, _, _ = best_step({step: job.metrics.at(step) for step in saved})
    for step in saved:
        folder = job.candidates / f"{job.recipe.run_name}-step{step}"
        if step not in kept and step != best and folder.is_dir():
            shutil.rmtree(folder)


def _name(job: _Job, made: list[Candidate]) -> list[Candidate]:
    """Say which candidate is best and which is final."""
    best, by, value = best_step({candidate.step: candidate.lineage["metrics"] for candidate in made})
    named = name_roles(made, best, by, value)
    where = "on held-out rows" if by == "eval_loss" else "on the training rows, which says little"
    job.tell(f"{job.recipe.run_name}: best is step {best}, loss {value:.3f} {where}; final is step {named[-1].step}")
    return named


def _device(asked: str) -> "Device":
    from venire.engine.batch import check_device

    return cast("Device", check_device(asked))


def _lineage(job: _Job, data: Mixture, begun: dict[str, Any], trainer: Any, parent: Candidate | None) -> dict[str, Any]:
    from importlib.metadata import version

    import torch

    inherited = parent.lineage.get("teacher_families", []) if parent else []
    return {
        "kind": "full" if job.recipe.weights == "full" else "adapter",
        "base": begun["base"],
        "parent": begun["parent"],
        "recipe": begun["recipe"],
        "data": begun["data"],
        "teacher_families": sorted({*data.teacher_families, *inherited}),
        "seed": job.recipe.seed,
        "quick": job.quick,
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "device": str(trainer.args.device),
        "threads": torch.get_num_threads(),
        "processes": processes.count(),
        "versions": {name: version(name) for name in PACKAGES},
        "lock_sha256": job.lock_sha256,
    }
