"""What memory, disk and libraries throw, in words; and libraries that talk, made silent."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venire._common.errors import VenireError

from .recipe import Recipe


@contextmanager
def explained(recipe: Recipe, work: Path) -> Iterator[None]:
    """Turn an exhausted memory or disk into a VenireError that says what to change; leave the rest as it is."""
    try:
        yield
    except VenireError:
        raise
    except Exception as error:
        if _is_memory(error):
            raise VenireError(_memory_words(recipe)) from error
        if _is_disk(error):
            raise VenireError(
                f"recipe {recipe.name!r}: the disk of {work} is full; make room and run again: it goes on after the "
                "last checkpoint"
            ) from error
        raise


@contextmanager
def hushed() -> Iterator[None]:
    """Without the libraries' progress bars, and their talk of their next versions."""
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    set_verbosity_error()
    disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _is_memory(error: BaseException) -> bool:
    import torch

    words = ("out of memory", "can't allocate memory", "cannot allocate memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(w in str(error).lower() for w in words)


def _is_disk(error: BaseException) -> bool:
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return True
    # torch.save and safetensors raise errors of their own, with the system's words or only a failed write in them
    return any(w in str(error) for w in ("No space left on device", "os error 28", "PytorchStreamWriter failed"))


def _memory_words(recipe: Recipe) -> str:
    if recipe.batch > 1:
        advice = f"set batch: {recipe.batch // 2} and accumulation: {recipe.accumulation * 2}, which trains the same"
    elif not recipe.gradient_checkpointing:
        advice = "set gradient_checkpointing: true"
    else:
        advice = "take a smaller base"
    return f"recipe {recipe.name!r}: out of memory; {advice}. Candidates of earlier steps are kept"
