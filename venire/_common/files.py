"""Files that are either the old content or the new, never half of it."""

import io
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_BINARY = getattr(os, "O_BINARY", 0)  # Windows writes line ends of its own otherwise


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path`, flush it to disk, and rename it into place. Makes missing folders.

    A file that is there keeps its permissions; a new one gets what the process gives to any.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    mode = path.stat().st_mode & 0o777 if path.is_file() else None
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """`write_atomic` of indented JSON with a final newline. NaN is refused (ValueError)."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_parquet(path: Path, frame: "pl.DataFrame") -> None:
    """`write_atomic` of a frame as parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    write_atomic(path, buffer.getvalue())


def read_json(path: Path) -> Any:
    """The JSON value in `path`."""
    return json.loads(path.read_text("utf-8"))
