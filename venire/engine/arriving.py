"""How much of a download has arrived, as the disk says: the same whatever library fetches, and by which way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from venire._common.progress import Count, counted

_EVERY_S = 0.5
_MB = 1_000_000


@contextmanager
def arriving(folder: Path, what: str, size: int, say: Callable[[str], None]) -> Iterator[None]:
    """Tell now and then how many of `size` bytes are below `folder`, until what is done inside is over."""
    over, began, before, total = threading.Event(), time.monotonic(), _below(folder), -(-size // _MB)

    def look() -> None:
        while size and not over.wait(_EVERY_S):
            there = min(_below(folder), size - 1)  # it is all here only when the library says so
            say(counted(what, there // _MB, total, "MB", time.monotonic() - began, before // _MB))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        say(Count("", f"{what} (MB)", total, total, over=True))


def _below(folder: Path) -> int:
    found = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it was moved to its place meanwhile
            found += path.stat().st_size * path.is_file()
    return found
