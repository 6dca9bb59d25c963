"""Recipes: one YAML file that says how a dataset becomes candidates, checked key by key.

method: sft
data: datasets/quickstart/sft.jsonl
held_out: 0.1
lora: {r: 8, alpha: 16}
learning_rate: 3.0e-4
epochs: 2
batch: 8
checkpoint_every: 12
grid: {lora.r: [8, 16], seed: [1, 2, 3]}
"""

import itertools
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from venire._common.errors import InputError
from venire._common.hashing import sha256_json
from venire._common.reading import first_fault, read_yaml
from venire.datasets.rows import Method as RowKind

from .mixture import Mixture, mix

HOME = Path(__file__).resolve().parent.parent  # what Venire ships lies below it, in a checkout and in a wheel
_OURS = ("name", "variant")  # what a file does not say
_SHORT = {"learning_rate": "lr", "checkpoint_every": "every", "checkpoint_every_epochs": "every", "weight_decay": "wd"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Lora(_Strict):
    """The adapter: low-rank matrices beside the base's linear layers."""

    r: int = Field(default=8, ge=1, description="rank")
    alpha: int = Field(default=16, ge=1, description="scale; the update is multiplied by alpha / r")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="TRL switches it off in dpo, kto and orpo")
    targets: Annotated[list[str], Field(min_length=1)] | Literal["all-linear"] = Field(
        default="all-linear", description="names of the modules that get an adapter, e.g. [q_proj, v_proj]"
    )
    layers: int | None = Field(
        default=None, ge=1, description="only the last so many layers, of modules named in targets; default: all layers"
    )

    @model_validator(mode="after")
    def _layers_of_named_modules(self) -> "Lora":
        if self.layers is not None and self.targets == "all-linear":
            raise ValueError("layers needs the modules named in targets, e.g. [q_proj, v_proj]")
        return self


class Replay(_Strict):
    """General rows among the value rows, against forgetting."""

    data: str = Field(description="a JSONL file of rows of the same kind")
    share: float = Field(gt=0, lt=1, description="of all rows; 0.3 puts 3 general rows to every 7 of the data")


class Recipe(_Strict):
    """How to train. The experiment may name another base; `name` is the file's own."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="the recipe's file name, without .yaml")
    variant: str = Field(default="", description="the base where there are several, and the point of the grid")
    method: Literal["sft", "dpo", "kto", "orpo"] = Field(
        description="sft learns answers; dpo, kto and orpo learn to prefer one answer of a pair to the other"
    )
    base: str | None = Field(
        default=None, description="alias, hub id or folder; comes after a base that the experiment gives the candidate"
    )
    data: str = Field(description="a JSONL file of rows, here or among those that Venire ships")
    held_out: float | str | None = Field(
        default=None,
        description="rows to measure on and never to train on: a share of the data (whole families), or a file",
    )
    replay: Replay | None = None
    phrasings: int | None = Field(default=None, ge=1, description="the first so many rows of every family")
    weights: Literal["adapter", "full"] = Field(default="adapter", description="full trains every parameter")
    lora: Lora = Lora()
    parent: str | None = Field(default=None, description="folder of a candidate to go on from, instead of the base")
    learning_rate: float = Field(gt=0)
    epochs: float = Field(default=1.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1, description="steps, instead of epochs")
    batch: int = Field(default=8, ge=1, description="rows in memory at a time")
    accumulation: int = Field(default=1, ge=1, description="batches summed before a step")
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.1, ge=0, description="below 1 a share of all steps, from 1 on a number of steps")
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0, description="largest norm of the gradient")
    beta: float = Field(default=0.1, gt=0, description="not in sft: how closely the reference is kept")
    max_length: int = Field(default=1024, ge=8, description="tokens; a longer row is refused, never cut")
    checkpoint_every: int = Field(default=0, ge=0, description="steps between candidates; 0: the final one alone")
    checkpoint_every_epochs: float = Field(default=0, ge=0, description="the same in epochs")
    evaluate_every: int = Field(default=0, ge=0, description="steps between measurements beside those at checkpoints")
    keep: Literal["auto", "all"] = Field(
        default="auto", description="auto: of full weights only best, final and every 50 epochs stay; adapters all do"
    )
    gradient_checkpointing: bool | Literal["auto"] = Field(
        default="auto", description="less memory, about a third more time; auto: only where memory asks"
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        default="auto", description="auto: bf16 on a GPU that has it, else fp32"
    )
    group_by_length: bool = Field(default=False, description="rows of like length share a batch: less padding")
    padding_free: bool = Field(default=False, description="sft on CUDA with FlashAttention: batches without padding")
    compile: bool = Field(default=False, description="torch.compile: pays in long trainings on CUDA")
    track: Literal["none", "tensorboard", "trackio", "wandb"] = Field(
        default="none", description="where metrics also go, beside metrics.jsonl"
    )
    seed: int = Field(default=42, ge=0, le=2**32 - 1)
    grid: dict[str, list[Any]] = Field(
        default={},
        description="values to try for a key, each with each: {lora.r: [8, 16], seed: [1, 2, 3], phrasings: [1, 10]}",
    )

    @field_validator("held_out")
    @classmethod
    def _a_share_or_a_file(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, float | int) and not 0 < value < 1:
            raise ValueError("a share of the rows lies between 0 and 1")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        given = self.model_fields_set
        for wrong, message in (
            (self.method == "sft" and "beta" in given, "beta belongs to method dpo, kto or orpo"),
            (self.weights == "full" and "lora" in given, "lora belongs to weights: adapter"),
            (self.weights == "full" and self.method in ("kto", "orpo"), f"{self.method} trains adapters alone"),
            (self.method == "kto" and self.batch < 2, "kto compares the rows of a batch: batch is at least 2"),
            (self.max_steps is not None and "epochs" in given, "give epochs or max_steps, not both"),
            (
                self.checkpoint_every > 0 and self.checkpoint_every_epochs > 0,
                "give checkpoint_every or checkpoint_every_epochs, not both",
            ),
            (self.evaluate_every > 0 and self.held_out is None, "evaluate_every needs held_out"),
            (self.method == "kto" and self.group_by_length, "kto settles the order of its rows: no group_by_length"),
            (
                self.replay is not None and Path(self.replay.data) == Path(self.data),
                "replay.data is the data itself; replay takes general rows, of another file",
            ),
            (self.padding_free and self.method != "sft", "padding_free belongs to method sft"),
        ):
            if wrong:
                raise ValueError(message)
        self._check_grid()
        return self

    def _check_grid(self) -> None:
        if "base" in self.grid:
            raise ValueError("grid: one training, one base; write a recipe for each base")
        for key, values in self.grid.items():
            if key in ("grid", "method", *_OURS) or not (key in Recipe.model_fields or key.startswith("lora.")):
                raise ValueError(f"grid: {key!r} is no key to vary; take e.g. learning_rate, beta, lora.r, seed")
            if not values or len({repr(value) for value in values}) < len(values):
                raise ValueError(f"grid.{key}: give at least one value, each of them once")
        variants = self.variants()
        names = [variant.variant for variant in variants]
        made = [variant.sha256 for variant in variants]
        if len(set(made)) < len(made):
            one = next(sha256 for sha256 in made if made.count(sha256) > 1)
            same = [name for name, sha256 in zip(names, made, strict=True) if sha256 == one]
            raise ValueError(f"grid: {' and '.join(same)} are one training; take each value once")
        if len(set(names)) < len(names):
            raise ValueError("grid: two points of it would have the same name; take values that differ more")

    def variants(self) -> "list[Recipe]":
        """The recipes that the grid makes, in its order; without a grid the recipe itself."""
        if not self.grid:
            return [self]
        given = self.model_dump(mode="json", include=self.model_fields_set - {"grid"})
        if "lora" in given:
            given["lora"] = self.lora.model_dump(mode="json", include=self.lora.model_fields_set)
        made = []
        for point in itertools.product(*self.grid.values()):
            values: dict[str, Any] = {**given, "lora": dict(given["lora"])} if "lora" in given else dict(given)
            for key, value in zip(self.grid, point, strict=True):
                outer, _, inner = key.partition(".")
                if inner:
                    values.setdefault(outer, {})[inner] = value
                else:
                    values[outer] = value
            named = zip(self.grid, point, strict=True)
            point = "-".join(f"{_short(key)}{_plain(value)}" for key, value in named)
            variant = f"{self.variant}-{point}" if self.variant else point
            made.append(Recipe.model_validate({**values, "variant": variant}))
        return made

    @property
    def run_name(self) -> str:
        """What the recipe's folder and its candidates are called."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def sha256(self) -> str:
        """Identity of the recipe: hash of every value, given or default; where the metrics also go is none of it."""
        return sha256_json(self.model_dump(mode="json", exclude={"variant", "track"}))

    @property
    def row_kind(self) -> RowKind:
        """Which kind of rows the method reads: answers, or pairs."""
        return "sft" if self.method == "sft" else "dpo"

    @property
    def data_file(self) -> Path:
        """The data's file: below the working folder, else among those that Venire ships."""
        return find(self.data, f"recipe {self.name}, data")

    def load(self) -> Mixture:
        """The rows, checked, mixed and held out."""
        held_out = self.held_out
        if isinstance(held_out, str):
            held_out = find(held_out, f"recipe {self.name}, held_out")
        replay = self.replay and (find(self.replay.data, f"recipe {self.name}, replay.data"), self.replay.share)
        mixture = mix(
            self.data_file,
            self.row_kind,
            written=self.data,
            held_out=held_out,
            replay=replay or None,
            phrasings=self.phrasings,
            seed=self.seed,
        )
        if self.replay:
            mixture.described["replay"]["path"] = self.replay.data
        return mixture

    def texts(self, *, held_out: bool = False) -> list[tuple[str, str]]:
        """(place, text) of everything that any variant trains on, or only measures, for the leak check."""
        found: dict[tuple[str, str], None] = {}
        for variant in self.variants():
            data = variant.load()
            rows = data.held_out if held_out else data.train
            if rows is not None:
                for index, row in enumerate(rows.rows):
                    found.update(dict.fromkeys((rows.place(index), text) for text in row.texts))
        return list(found)

    def steps(self, rows: int, quick: bool = False) -> int:
        """How many optimiser steps `rows` rows make; `quick` trains a tenth of them."""
        steps = self.max_steps or math.ceil(self.epochs * self.steps_per_epoch(rows))
        return max(1, round(steps / 10)) if quick else steps

    def steps_per_epoch(self, rows: int) -> int:
        """How many optimiser steps see `rows` rows once. KTO sees both sides of a pair as rows of their own."""
        shown = 2 * rows if self.method == "kto" else rows
        return math.ceil(math.ceil(shown / self.batch) / self.accumulation)

    def checkpoints(self, rows: int, quick: bool = False) -> list[int]:
        """The steps at which a candidate is saved: every `checkpoint_every`, and the last."""
        steps = self.steps(rows, quick)
        every = self.checkpoint_every or steps
        if self.checkpoint_every_epochs:
            every = max(1, round(self.checkpoint_every_epochs * self.steps_per_epoch(rows)))
        return [*range(every, steps, every), steps]

    def kept(self, rows: int, quick: bool = False) -> list[int]:
        """The checkpoints that stay whatever they measure; of full weights, the best one stays beside them."""
        checkpoints = self.checkpoints(rows, quick)
        if self.weights == "adapter" or self.keep == "all":
            return checkpoints
        fifty = 50 * self.steps_per_epoch(rows)
        milestones = {min((c for c in checkpoints if c >= m), default=0) for m in range(fifty, checkpoints[-1], fifty)}
        return [step for step in checkpoints if step in milestones or step == checkpoints[-1]]

    @property
    def n_checkpoints(self) -> int:
        """How many candidates the recipe makes, at most."""
        count = 0
        for variant in self.variants():
            rows = len(variant.load().train.rows)
            checkpoints, kept = variant.checkpoints(rows), variant.kept(rows)
            count += len(kept) + (len(kept) < len(checkpoints))
        return count

    def among(self, processes: int) -> "Recipe":
        """One process's share: together so many make the steps of one. Raises InputError where rows do not divide."""
        fewer = math.gcd(self.accumulation, processes)
        batch, rest = divmod(self.batch * fewer, processes)
        if rest or batch < (2 if self.method == "kto" else 1):
            raise InputError(
                f"recipe {self.name!r}: batch {self.batch} × accumulation {self.accumulation} do not divide among "
                f"{processes} processes{', two rows each' if self.method == 'kto' else ''}; launch another number, or "
                f"set accumulation: {processes}"
            )
        return self.model_copy(update={"batch": batch, "accumulation": self.accumulation // fewer})

    def warmup_steps(self, steps: int, quick: bool = False) -> int:
        """How many of `steps` the learning rate climbs."""
        if self.warmup < 1:
            return math.ceil(self.warmup * steps)
        return round(self.warmup / 10) if quick else round(self.warmup)


def find(name: str, what: str) -> Path:
    """The file `name` below the working folder, else below what Venire ships. Raises InputError naming `what`."""
    for folder in (Path(), HOME):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{what}: {name!r} is no file here, nor among those that Venire ships")


def load_recipe(path: Path | str) -> Recipe:
    """Read and check a recipe. Raises InputError naming the file and the key."""
    file = find(str(path), "recipe")
    data = read_yaml(file, "recipe")
    if not isinstance(data, dict):
        raise InputError(f"{file}: a recipe is a mapping of keys such as method, data, learning_rate")
    if "name" in data:
        raise InputError(f"{file}: unknown key 'name'; a recipe is called as its file is, here {file.stem!r}")
    if "variant" in data:
        raise InputError(f"{file}: unknown key 'variant'; `grid` makes the variants")
    try:
        return Recipe.model_validate({**data, "name": file.stem})
    except ValidationError as error:
        raise _explain(error, file) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of recipe files, for an editor; training/recipes/schema.json is this."""
    schema = Recipe.model_json_schema()
    for key in _OURS:
        del schema["properties"][key]
    schema["required"] = [key for key in schema["required"] if key not in _OURS]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Venire recipe"}


def _short(key: str) -> str:
    inner = key.rpartition(".")[2]
    return _SHORT.get(inner, inner.replace("_", ""))


def _plain(value: Any) -> str:
    """A value as part of a name, e.g. 0.0003 or q_proj."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isalnum() or c in "-." else "_" for c in text).strip("_.") or "none"


def _explain(error: ValidationError, file: Path) -> InputError:
    key, message, unknown = first_fault(error)
    if unknown:
        model = {"lora": Lora, "replay": Replay}.get(key.split(".")[0] if "." in key else "", Recipe)
        known = ", ".join(k for k in model.model_fields if k not in _OURS)
        return InputError(f"{file}: unknown key {key!r}; there are: {known}")
    return InputError(f"{file}: {key + ': ' if key else ''}{message}")
