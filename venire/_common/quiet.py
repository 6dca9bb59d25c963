"""What other libraries say is kept from our own lines: standard output is for a command's result."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def unheard() -> Iterator[None]:
    """Drop what is printed inside: Inspect's greeting (`hooks enabled`), once a process, and its summaries."""
    with redirect_stdout(io.StringIO()):
        yield


def without_bars() -> None:
    """Loading bars of the libraries would drown our own lines; their warnings still come through. Call it first."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # where a library asks for no leave
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning)
