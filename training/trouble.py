"""What memory, disk and libraries throw, in words; and libraries that talk, made silent."""

import errno
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from venire._common.errors import VenireError
from venire._common.files import read_json, write_json

from .begun import FILE
from .recipe import Recipe


@contextmanager
def explained(recipe: Recipe, work: Path, kept: Callable[[], bool]) -> Iterator[None]:
    """Turn an exhausted memory or disk into a VenireError that says what to do; leave the rest as it is.

    `kept` says whether candidates of this training are there by then.
    """
    try:
        yield
    except VenireError:
        raise
    except Exception as error:
        if _is_memory(error):
            raise VenireError(_memory_words(recipe, work, kept())) from error
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


def _memory_words(recipe: Recipe, work: Path, kept: bool) -> str:
    """What to do. What is begun goes on as it is, so another recipe is offered as the beginning that it is."""
    where, file = f"recipe {recipe.name!r}: out of memory", work / FILE
    begun = read_json(file) if file.is_file() else {}
    if recipe.gradient_checkpointing == "auto" and begun.get("gradient_checkpointing") is False:
        write_json(file, begun | {"gradient_checkpointing": True})  # computed again, not kept: the same steps
        again = "it goes on after the last checkpoint" if kept else "it begins again"
        return f"{where}; run again: {again}, with gradient_checkpointing, which needs less of it"
    half = recipe.batch // 2 if recipe.batch % 2 == 0 else 1
    if half < recipe.batch and not (recipe.method == "kto" and half < 2):
        split = recipe.accumulation * recipe.batch // half
        advice = f"set batch: {half} and accumulation: {split}, the same rows a step"
    elif recipe.gradient_checkpointing is False:
        advice = "set gradient_checkpointing: true"
    else:
        advice = "take a smaller base"
    anew = ", under another name: it is trained anew, and candidates of earlier steps are kept" if kept else ""
    return f"{where}; {advice}{anew}"
