"""What happens while the trainer runs: metrics, progress, candidates at their steps, and a stop at a broken loss."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import VenireError
from venire._common.files import write_atomic, write_json
from venire._common.progress import Count

from . import processes
from .estimate import clock

if TYPE_CHECKING:
    from transformers import TrainerCallback

Progress = Callable[[str], None]
DONE = "venire.json"  # in a trainer checkpoint: written last, so a checkpoint without it was interrupted
_EVERY_S = 10.0
# Not measured by training: TRL's own epoch, and speeds of the machine that would differ from run to run.
_CLOCKS = ("epoch", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_model_preparation_time")


class Metrics:
    """One JSON object a step, in a file that a resumed training goes on with."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`, and a line that a kill tore."""
        kept = [line for line in self._lines() if line["step"] <= step]
        write_atomic(self.file, "".join(json.dumps(line) + "\n" for line in kept))

    def add(self, line: dict[str, Any]) -> None:
        """Append one step's values."""
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def at(self, step: int) -> dict[str, float]:
        """The values of a step, those on held-out rows as `eval_…`, and `seconds` of all steps up to it."""
        lines = [line for line in self._lines() if line["step"] <= step]
        values: dict[str, float] = {}
        for line in lines:
            if line["step"] == step:
                values |= {k: v for k, v in line.items() if k not in ("step", "seconds")}
        return {**values, "seconds": round(sum(line["seconds"] for line in lines), 1)}

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for line in self.file.read_text("utf-8").splitlines() if self.file.is_file() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found


@dataclass(frozen=True)
class Watched:
    """What the callback acts on: `save(step, epoch, weights)` makes a candidate at the steps of `saves`.

    Held-out rows, where there are some, are measured there and every `evaluate_every` steps.
    """

    name: str
    metrics: Metrics
    progress: Progress
    save: Callable[[int, float, Path], None]
    saves: frozenset[int]
    held_out: bool = False
    evaluate_every: int = 0


def watch(what: Watched) -> "TrainerCallback":
    """The trainer's callback: see the module's first line."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.first = state.global_step
            self.began = self.last_time = time.monotonic()
            self.told = -math.inf

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            step = state.global_step
            control.should_save = step in what.saves
            between = what.evaluate_every and step % what.evaluate_every == 0
            control.should_evaluate = bool(what.held_out and (control.should_save or between))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not state.is_world_process_zero or not logs or not ("loss" in logs or "eval_loss" in logs):
                return
            step, now = state.global_step, time.monotonic()
            values = {k: float(v) for k, v in logs.items() if isinstance(v, int | float) and k not in _CLOCKS}
            check_finite(what.name, step, values)
            line = {"step": step, "epoch": round(state.epoch, 4), **values, "seconds": round(now - self.last_time, 3)}
            what.metrics.add(line)
            self.last_time = now
            if "eval_loss" in values:
                what.progress(f"{what.name}: step {step}, held out: {measured(values)}")
            elif step == state.max_steps or now - self.told >= _EVERY_S:
                self.told = now
                each = (now - self.began) / (step - self.first)
                what.progress(describe(what.name, step, state.max_steps, values["loss"], each))

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            processes.wait()  # every one has written its random state: the checkpoint is whole
            if not state.is_world_process_zero:
                return
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            what.save(state.global_step, state.epoch, folder)
            write_json(folder / DONE, {"step": state.global_step})
            self.last_time = time.monotonic()

    return Watch()


def measured(values: dict[str, float]) -> str:
    """What was measured on held-out rows, in words."""
    accuracy = values.get("eval_rewards/accuracies")
    words = f"loss {values['eval_loss']:.3f}"
    return words if accuracy is None else f"{words}, {accuracy:.0%} of the pairs preferred as wanted"


def best_step(found: dict[int, dict[str, float]]) -> tuple[int, str, float]:
    """Of the saved steps with their metrics the one of the lowest loss, which loss says so, and its value.

    Held-out rows decide where there are some; the loss on the training rows is a poor second, and named as such.
    """
    by = "eval_loss" if all("eval_loss" in values for values in found.values()) else "loss"
    step = min(found, key=lambda step: (found[step][by], step))
    return step, by, found[step][by]


def check_finite(name: str, step: int, values: dict[str, float]) -> None:
    """Raises VenireError if the loss or the gradient is no number any more."""
    for key, what in (("loss", "loss"), ("grad_norm", "gradient"), ("eval_loss", "loss on held-out rows")):
        if not math.isfinite(values.get(key, 0.0)):
            raise VenireError(
                f"recipe {name!r}, step {step}: the {what} is {values[key]}, so the "
                "training has diverged; lower learning_rate or raise warmup. Candidates of earlier steps are kept"
            )


def describe(name: str, step: int, steps: int, loss: float, seconds_a_step: float) -> Count:
    """One line of progress with an estimate."""
    left = seconds_a_step * (steps - step)
    ends = "done" if step == steps else f"{clock(left)} left"
    note = f"loss {loss:.3f}, {seconds_a_step:.1f} s a step, {ends}"
    return Count(f"{name}: step {step}/{steps}, {note}", name, step, steps, note, over=step == steps)
