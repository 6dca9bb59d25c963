"""What happens while the trainer runs: metrics, progress, candidates at their steps, and a stop at a broken loss."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import VenireError
from venire._common.files import write_atomic, write_json

if TYPE_CHECKING:
    from transformers import TrainerCallback

Progress = Callable[[str], None]
DONE = "venire.json"  # in a trainer checkpoint: written last, so a checkpoint without it was interrupted
_EVERY_S = 10.0


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
        """The values of a step, and `seconds` of all steps up to it."""
        lines = [line for line in self._lines() if line["step"] <= step]
        last = {k: v for k, v in lines[-1].items() if k not in ("step", "seconds")} if lines else {}
        return {**last, "seconds": round(sum(line["seconds"] for line in lines), 1)}

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for line in self.file.read_text("utf-8").splitlines() if self.file.is_file() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found


def watch(
    name: str, metrics: Metrics, progress: Progress, save: Callable[[int, float, Path], None], steps: set[int]
) -> "TrainerCallback":
    """The trainer's callback: see the module's first line. `save(step, epoch, weights)` makes a candidate."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.first = self.last_step = state.global_step
            self.began = self.last_time = time.monotonic()
            self.told = -math.inf

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_save = state.global_step in steps

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not logs or "loss" not in logs:
                return
            step, now = state.global_step, time.monotonic()
            values = {k: float(v) for k, v in logs.items() if isinstance(v, int | float) and k != "epoch"}
            check_finite(name, step, values)
            line = {"step": step, "epoch": round(state.epoch, 4), **values, "seconds": round(now - self.last_time, 3)}
            metrics.add(line)
            self.last_time = now
            if step == state.max_steps or now - self.told >= _EVERY_S:
                self.told = now
                progress(
                    describe(name, step, state.max_steps, values["loss"], (now - self.began) / (step - self.first))
                )

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            save(state.global_step, state.epoch, folder)
            write_json(folder / DONE, {"step": state.global_step})
            self.last_time = time.monotonic()

    return Watch()


def check_finite(name: str, step: int, values: dict[str, float]) -> None:
    """Raises VenireError if the loss or the gradient is no number any more."""
    for key in ("loss", "grad_norm"):
        if not math.isfinite(values.get(key, 0.0)):
            raise VenireError(
                f"recipe {name!r}, step {step}: the {'loss' if key == 'loss' else 'gradient'} is {values[key]}, so the "
                "training has diverged; lower learning_rate or raise warmup. Candidates of earlier steps are kept"
            )


def describe(name: str, step: int, steps: int, loss: float, seconds_a_step: float) -> str:
    """One line of progress with an estimate."""
    left = seconds_a_step * (steps - step)
    ends = "done" if step == steps else f"{_clock(left)} left"
    return f"{name}: step {step}/{steps}, loss {loss:.3f}, {seconds_a_step:.1f} s a step, {ends}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
