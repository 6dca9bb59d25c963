"""Progress of long work, calm in a terminal and in a pipe: how much is done, and about how long it still takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inspect_ai.hooks import Hooks, SampleEnd, hooks

_EVERY_S = 15.0


class Progress:
    """Counts finished samples and says so at most every quarter of a minute."""

    def __init__(self, what: str, total: int, say: Callable[[str], None]) -> None:
        self.what, self.total, self.say = what, total, say
        self.done = 0
        self.start = self.told = time.monotonic()

    def tick(self) -> None:
        """One more sample is done."""
        self.done += 1
        now = time.monotonic()
        if now - self.told >= _EVERY_S and self.done < self.total:
            self.told = now
            self.say(f"    {self.what}: {self.done} of {self.total} samples{self._left(now)}")

    def _left(self, now: float) -> str:
        """Samples of a batch end together: before a tenth is done, an estimate would be far too long."""
        if self.done * 10 < self.total:
            return ""
        return f", about {_span((now - self.start) / self.done * (self.total - self.done))} left"

    def end(self) -> None:
        """Say what it came to."""
        if self.done:
            self.say(f"    {self.what}: {self.done} samples in {_span(time.monotonic() - self.start)}")


_watching: list[Progress] = []


@contextmanager
def watch(what: str, total: int, say: Callable[[str], None]) -> Iterator[None]:
    """Tell of the samples that Inspect finishes inside; those that were done before are not counted."""
    progress = Progress(what, total, say)
    _watching.append(progress)
    try:
        yield
    finally:
        _watching.remove(progress)
        progress.end()


@hooks(name="venire_progress", description="Tells `venire run` how far Inspect is.")
class _Counter(Hooks):
    def enabled(self) -> bool:
        return bool(_watching)

    async def on_sample_end(self, data: SampleEnd) -> None:
        for progress in _watching:
            progress.tick()


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
