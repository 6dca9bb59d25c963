"""The points of a grid, trained side by side on a Ray cluster; a point whose worker dies goes on on another.

The folder that this was started in is on a disk that every worker sees under the same path, and so are the run's and
the base: a worker works there, whatever folder Ray was started in, and whoever takes a point over finds all of it.
"""

import os
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, ServiceError, VenireError

from .progress import Progress
from .recipe import Recipe

if TYPE_CHECKING:
    from venire.engine import Base

_RETRIES = 3


def train_on(
    address: str,
    variants: list[Recipe],
    out: Path,
    lock_sha256: str,
    base: "Base",
    device: str,
    quick: bool,
    price: float | None,
    tell: Progress,
) -> None:
    """Train `variants` on the cluster at `address`; each ends as it would have here.

    Raises InputError where Ray is not installed, ServiceError where no cluster answers, and what a training raises.
    """
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise InputError("--on needs Ray; install it with: pip install 'venire[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine
    try:
        ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)
    except Exception as error:  # Ray raises many kinds where nobody answers
        raise ServiceError(f"--on {address}: no Ray cluster answers there ({type(error).__name__})") from error

    here = Path.cwd()  # what data, parents and the run's folder are relative to

    def point(recipe: Recipe) -> str | None:
        from .run import train

        if not here.is_dir():
            return f"2 a worker has no folder {here}; start Ray where every machine sees it under this path"
        try:
            with chdir(here):
                train(recipe, out, lock_sha256=lock_sha256, base=base, device=device, quick=quick, price=price)
        except VenireError as error:  # our own sentence; Ray would wrap it in a traceback
            return f"{error.exit_code} {error}"
        return None

    needs: dict[str, Any] = {"num_cpus": 1, "max_retries": _RETRIES}
    if device == "cuda":
        needs["num_gpus"] = 1
    remote: Any = ray.remote(**needs)(point)
    waiting = {remote.remote(recipe): recipe.run_name for recipe in variants}
    tell(f"{len(waiting)} points of the grid on {address}")
    try:
        while waiting:
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            name = waiting.pop(done)
            _raise(name, ray.get(done))
            tell(f"{name}: done, {len(waiting)} to go")
    except RayError as error:
        raise ServiceError(f"--on {address}: {type(error).__name__}; run it again and it goes on") from error
    finally:
        ray.shutdown()


def _raise(name: str, said: str | None) -> None:
    if said is None:
        return
    code, _, sentence = said.partition(" ")
    kind = InputError if code == "2" else ServiceError if code == "3" else VenireError
    raise kind(f"{name}: {sentence}")
