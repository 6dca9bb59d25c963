"""Identity is content: the sha256 of bytes, files, JSON values and model folders."""

import hashlib
import json
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Hex sha256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_text(text: str) -> str:
    """Hex sha256 of the UTF-8 bytes of `text`."""
    return sha256_bytes(text.encode("utf-8"))


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text. NaN is refused (ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_json(value: Any) -> str:
    """Hex sha256 of `canonical_json(value)`."""
    return sha256_text(canonical_json(value))


def sha256_files(paths: dict[str, Path]) -> str:
    """Hex sha256 of several files under the names given: of the lines `<name> <sha256>`, sorted by name."""
    return sha256_text("".join(f"{name} {sha256_file(path)}\n" for name, path in sorted(paths.items())))
