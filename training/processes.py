"""One training over several processes, as `accelerate launch` and `torchrun` start them.

Each process trains its share of every step. What is read and checked, the first does before the others, so that a
mistake is said once and they find what it settled; it alone writes candidates, metrics and lineage, and speaks.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from venire._common.errors import InputError, VenireError


def count() -> int:
    """How many processes train together; 1 where nobody launched several."""
    return int(os.environ.get("WORLD_SIZE") or 1) if "RANK" in os.environ else 1


def on_this_machine() -> int:
    """How many of them share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE") or 1) if count() > 1 else 1


def first() -> bool:
    """Whether this is the process that writes and speaks."""
    return count() == 1 or os.environ["RANK"] == "0"


def join(device: str) -> None:
    """Meet the other processes; from here on they can wait for one another."""
    if count() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu")


def wait() -> None:
    """Go on when every process is here. Where one is gone, this one ends too: that one has said why."""
    if count() > 1:
        from torch import distributed

        try:
            distributed.barrier()
        except RuntimeError as error:
            if not first():
                sys.exit(1)
            raise VenireError(
                "another process of this training has ended; run the same again and it goes on"
            ) from error


@contextmanager
def first_then_others() -> Iterator[None]:
    """The first process passes through, then the others. Where it fails, they never get in."""
    if not first():
        wait()
    yield
    if first():
        wait()


def only_one(what: str) -> None:
    """Raises InputError where several processes were launched for something that one does."""
    if count() > 1:
        raise InputError(
            f"{what} under accelerate launch or torchrun: {count()} processes would each do all of it; "
            "launch nothing but `venire train EXPERIMENT`"
        )
