"""Standard output is for a command's result: what Inspect says there is dropped."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def unheard() -> Iterator[None]:
    """Drop what is printed inside: Inspect's greeting (`hooks enabled`), once a process, and its summaries."""
    with redirect_stdout(io.StringIO()):
        yield
