"""Progress of long work, calm in a terminal and in a pipe: how much is done, and about how long it still takes.

A command opens a `Teller` and gives it to the stages as their `say`. What they say is a line each, on standard error;
what they count (`Count`) is drawn under the lines while it goes on, where somebody looks. In a pipe, in CI and in a
terminal that cannot draw, it is a plain line now and then.
"""

import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

from venire._common.progress import Count

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

EVERY_S = 15.0  # between two plain lines of one count
_REFRESH = 4  # drawings a second
_BAR = 28  # columns

P = ParamSpec("P")
R = TypeVar("R")


class Teller:
    """Says lines, and while it is open draws what is counted, if standard error is a terminal that can."""

    def __init__(self, phase: str) -> None:
        """`phase` is what is shown while nothing is counted; a line `2/6 eval …` begins another."""
        self._phase, self._began = phase, time.monotonic()
        self._counts: dict[str, Count] = {}
        self._since: dict[str, float] = {}  # when each count began
        self._live: Any = None
        self._console: Console | None = None
        self._spinner: Any = None

    @property
    def live(self) -> bool:
        """Is it drawing?"""
        return self._live is not None

    def __enter__(self) -> "Teller":
        if can_draw():
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __call__(self, line: str) -> None:
        """Say a line; a count that goes on is drawn instead where that can be."""
        if isinstance(line, Count):
            self._since.setdefault(line.what, time.monotonic())
            self._counts[line.what] = line
            if self.live and not line.over:
                return
            self._forget(line.what)
        elif begun := re.match(r"\d+/\d+ \S+", line):
            self._phase, self._began = begun[0], time.monotonic()
            for what in list(self._counts):
                self._forget(what)
        self._print(line)

    def _forget(self, what: str) -> None:
        del self._counts[what], self._since[what]

    def aside(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function` with nothing drawn while it runs, since it speaks with the person itself."""

        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            drawing = self.live
            self._stop()
            try:
                return function(*args, **kwargs)
            finally:
                if drawing:
                    self._start()

        return run

    def _start(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._console = _console()
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line", style="dim")
        # Commands take what Inspect prints on standard output away themselves; warnings come above what is drawn.
        self._live = Live(
            get_renderable=self._drawing,
            console=self._console,
            transient=True,
            redirect_stdout=False,
            refresh_per_second=_REFRESH,
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _print(self, line: str) -> None:
        if not line:
            return
        line = fitted(line, sys.stderr)
        if self._console is not None and self.live:
            self._console.print(line, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _drawing(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        counts = [(count, self._since.get(what, self._began)) for what, count in list(self._counts.items())]
        if not counts:
            return self._headline(self._phase, self._began)
        parts: list[RenderableType] = []
        for count, began in counts:
            share = ProgressBar(count.total, count.done, width=_BAR, complete_style="cyan", finished_style="cyan")
            note = f", {count.note}" if count.note else ""
            bar = Table.grid(padding=(0, 1))
            for _ in range(3):
                bar.add_column(no_wrap=True, overflow="ellipsis")
            bar.add_row("", share, _text(f"{count.done:,} of {count.total:,}{note}"))
            parts += [self._headline(count.what, began), bar]
        return Group(*parts)

    def _headline(self, what: str, began: float) -> "RenderableType":
        from rich.table import Table

        line = Table.grid(padding=(0, 1))
        line.add_column()
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(self._spinner, _text(f"{what}, {span(time.monotonic() - began)}"))
        return line


def eased(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say` for counts that come often: where they are not drawn, one now and then, and the last after such a one."""
    began, told = time.monotonic(), dict[str, float]()

    def hear(line: str) -> None:
        if isinstance(line, Count) and not (isinstance(say, Teller) and say.live):
            now = time.monotonic()
            if now - told.get(line.what, began) < EVERY_S and not (line.over and line.what in told):
                return
            told[line.what] = now
        say(line)

    return hear


def can_draw() -> bool:
    """Is standard error a terminal whose lines can be drawn over, with somebody before it?"""
    return sys.stderr.isatty() and not os.environ.get("CI") and not _console().is_dumb_terminal


def _console() -> "Console":
    from rich.console import Console

    class Console_(Console):
        """One that leaves the cursor alone: whatever stops the program, its terminal needs no mending."""

        def show_cursor(self, show: bool = True) -> bool:
            return False

    return Console_(stderr=True, markup=False, highlight=False)


def fitted(text: str, stream: IO[str]) -> str:
    """`text` made harmless; where `stream` is a terminal, wrapped to its width, each line under its own indentation.

    Paths and other long words stay whole.
    """
    from venire.reports.escape import visible

    if not stream.isatty():
        return visible(text)
    paragraph = textwrap.TextWrapper(_console().width, break_long_words=False, break_on_hyphens=False)
    lines = []
    for line in visible(text).split("\n"):
        words = line.lstrip()
        paragraph.initial_indent = " " * (len(line) - len(words))
        paragraph.subsequent_indent = f"{paragraph.initial_indent}  "
        lines.append(paragraph.fill(words))
    return "\n".join(lines)


def _text(words: str) -> "RenderableType":
    from rich.text import Text

    from venire.reports.escape import visible

    return Text(visible(words), no_wrap=True, overflow="ellipsis")


class Progress:
    """Counts finished samples and tells of them: each where it is drawn, else at most every quarter of a minute."""

    def __init__(self, what: str, total: int, say: Callable[[str], None]) -> None:
        self.what, self.total, self.say = what, total, say
        self.done = self.failed = self.retries = 0
        self.start = self.told = time.monotonic()
        self._drawn = isinstance(say, Teller) and say.live
        if self._drawn:
            self.tell()

    def tick(self, *, failed: bool = False) -> None:
        """One more sample is done."""
        self.done += 1
        self.failed += failed
        self.tell()

    def retry(self) -> None:
        """A call failed and will be made again."""
        self.retries += 1
        self.tell()

    def tell(self) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if self.done < self.total and (self._drawn or now - self.told >= EVERY_S):
            self.told = now
            note = ", ".join(filter(None, (self._speed(now), self._trouble())))
            line = f"    {self.what}: {self.done} of {self.total} samples" + (f", {note}" if note else "")
            self.say(Count(line, self.what, self.done, self.total, note))

    def _speed(self, now: float) -> str:
        """Samples of a batch end together: before a tenth is done, an estimate would be far too long."""
        if not self.done or self.done * 10 < self.total:
            return ""
        each = (now - self.start) / self.done
        rate = f"{1 / each:.1f} a second" if each <= 1 else f"{each:.1f} s each"
        return f"{rate}, about {span(each * (self.total - self.done))} left"

    def _trouble(self) -> str:
        again = f"{self.retries} call{'s' * (self.retries > 1)} tried again"
        return ", ".join([f"{self.failed} failed"] * bool(self.failed) + [again] * bool(self.retries))

    def end(self) -> None:
        """Say what it came to."""
        trouble = f", {said}" if (said := self._trouble()) else ""
        line = f"    {self.what}: {self.done} samples in {span(time.monotonic() - self.start)}{trouble}"
        if self.done or self._drawn:
            self.say(Count(line if self.done else "", self.what, self.done, self.total, over=True))


_watching: list[Progress] = []


@contextmanager
def watch(what: str, total: int, say: Callable[[str], None]) -> Iterator[None]:
    """Tell of the samples that Inspect finishes inside; those that were done before are not counted."""
    _hear_of_samples()
    progress = Progress(what, total, say)
    _watching.append(progress)
    try:
        yield
    finally:
        _watching.remove(progress)
        progress.end()


@cache
def _hear_of_samples() -> None:
    from inspect_ai.hooks import Hooks, ModelRetry, SampleEnd, hooks

    @hooks(name="venire_progress", description="Tells `venire run` how far Inspect is.")
    class Counter(Hooks):
        def enabled(self) -> bool:
            return bool(_watching)

        async def on_sample_end(self, data: SampleEnd) -> None:
            error = data.sample.error
            if error is not None and error.message.startswith("CancelledError"):
                return  # an interrupt: neither done nor failed
            for progress in _watching:
                progress.tick(failed=error is not None)

        async def on_model_retry(self, data: ModelRetry) -> None:
            for progress in _watching:
                progress.retry()


def span(seconds: float) -> str:
    """A time in words, as exact as one needs to wait for it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
