"""Recipes: one YAML file that says how a dataset becomes candidates, checked key by key.

method: sft
data: datasets/quickstart/sft.jsonl
lora: {r: 8, alpha: 16}
learning_rate: 3.0e-4
epochs: 2
batch: 8
checkpoint_every: 12
"""

import math
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.hashing import sha256_json
from venire.datasets.rows import TrainingData, load_rows, training_texts

HOME = Path(__file__).resolve().parent.parent  # what Venire ships lies below it, in a checkout and in a wheel


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lora(_Strict):
    """The adapter: low-rank matrices beside the base's linear layers."""

    r: int = Field(default=8, ge=1, description="rank")
    alpha: int = Field(default=16, ge=1, description="scale; the update is multiplied by alpha / r")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: list[str] | Literal["all-linear"] = Field(
        default="all-linear", description="names of the modules that get an adapter, e.g. [q_proj, v_proj]"
    )


class Recipe(_Strict):
    """How to train. The base is named by the experiment; `name` is the file's own."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="the recipe's file name, without .yaml")
    method: Literal["sft", "dpo"]
    data: str = Field(description="a JSONL file of rows, here or among those that Venire ships")
    lora: Lora = Lora()
    learning_rate: float = Field(gt=0)
    epochs: float = Field(default=1.0, gt=0)
    batch: int = Field(default=8, ge=1, description="rows in memory at a time")
    accumulation: int = Field(default=1, ge=1, description="batches summed before a step")
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.1, ge=0, description="below 1 a share of all steps, from 1 on a number of steps")
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=1.0, gt=0, description="largest norm of the gradient")
    beta: float = Field(default=0.1, gt=0, description="dpo only: how closely the reference is kept")
    max_length: int = Field(default=1024, ge=8, description="tokens; a longer row is refused, never cut")
    checkpoint_every: int = Field(default=0, ge=0, description="steps between candidates; 0: the final one alone")
    gradient_checkpointing: bool = Field(default=False, description="less memory, about a third more time")
    seed: int = 42

    @model_validator(mode="after")
    def _fits_its_method(self) -> "Recipe":
        if self.method == "sft" and "beta" in self.model_fields_set:
            raise ValueError("beta belongs to method dpo")
        return self

    @property
    def sha256(self) -> str:
        """Identity of the recipe: hash of every value, given or default."""
        return sha256_json(self.model_dump(mode="json"))

    @property
    def data_file(self) -> Path:
        """The data's file: below the working folder, else among those that Venire ships."""
        return find(self.data, f"recipe {self.name}, data")

    def load(self) -> TrainingData:
        """The rows, checked."""
        return load_rows(self.data_file, self.method)

    def texts(self) -> list[tuple[str, str]]:
        """(place, text) of everything it trains on, for the leak check."""
        return training_texts(self.load())

    def steps(self, rows: int, quick: bool = False) -> int:
        """How many optimiser steps `rows` rows make; `quick` trains a tenth of them."""
        batches = math.ceil(rows / self.batch)
        steps = math.ceil(self.epochs * math.ceil(batches / self.accumulation))
        return max(1, round(steps / 10)) if quick else steps

    def checkpoints(self, rows: int, quick: bool = False) -> list[int]:
        """The steps at which a candidate is saved: every `checkpoint_every`, and the last."""
        steps = self.steps(rows, quick)
        every = self.checkpoint_every or steps
        return [*range(every, steps, every), steps]

    @property
    def n_checkpoints(self) -> int:
        """How many candidates the recipe makes."""
        return len(self.checkpoints(len(self.load().rows)))

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
    try:
        data = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict):
        raise InputError(f"{file}: a recipe is a mapping of keys such as method, data, learning_rate")
    if "name" in data:
        raise InputError(f"{file}: unknown key 'name'; a recipe is called as its file is, here {file.stem!r}")
    try:
        return Recipe.model_validate({**data, "name": file.stem})
    except ValidationError as error:
        raise _explain(error, file) from error


def _explain(error: ValidationError, file: Path) -> InputError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model = Lora if key.startswith("lora.") else Recipe
        return InputError(
            f"{file}: unknown key {key!r}; there are: {', '.join(k for k in model.model_fields if k != 'name')}"
        )
    message = first["msg"].removeprefix("Value error, ")
    return InputError(f"{file}: {key + ': ' if key else ''}{message}")
