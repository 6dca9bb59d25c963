"""The train stage: every recipe of the experiment, on its base, into candidates with lineage."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venire.run import Run


def train(
    run: "Run",
    say: Callable[[str], None],
    device: str = "auto",
    quick: bool = False,
    price: float | None = None,
    on: str | None = None,
) -> None:
    """Train what is not trained yet; the trainer itself goes on where it was killed.

    `price` of an hour of this machine puts the cost into the lineages; `on` is a Ray cluster for the grids.
    """
    from venire.engine import resolve_base
    from venire.training.run import train as train_recipe
    from venire.trainings import training_of

    lock = run.require_lock()
    for spec in run.experiment.candidates:
        if spec.recipe is None:
            continue
        recipe, named = training_of(run.experiment, spec)
        base = resolve_base(named)
        start = time.monotonic()
        made = train_recipe(
            recipe,
            run.folder,
            lock_sha256=lock["sha256"],
            base=base,
            device=device,
            quick=quick,
            price=price,
            on=on,
            progress=say,
        )
        names = ", ".join(candidate.name for candidate in made)
        say(f"    {recipe.name}: {names} ({time.monotonic() - start:.0f} s)")
