"""What a user wrote, read with every fault as one sentence: text, YAML, and a model's complaint about either."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml
import yaml.composer
from pydantic import ValidationError

from venire._common.errors import InputError


class Fault(NamedTuple):
    """What pydantic disliked first."""

    key: str  # e.g. `lora.rank` or `suites[0].task`; empty if the whole is meant
    message: str
    unknown: bool  # the key itself is none that the model has


def first_fault(error: ValidationError, *, skip: tuple[str, ...] = ()) -> Fault:
    """The first complaint of `error`; parts of its place that are in `skip` (e.g. a union's tags) are no keys."""
    first = error.errors()[0]
    parts = [part for part in first["loc"] if part not in skip]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
    unknown = first["type"] == "extra_forbidden"
    return Fault(key, "unknown key" if unknown else first["msg"].removeprefix("Value error, "), unknown)


def generation_fault(settings: dict[str, Any]) -> str | None:
    """What is wrong with Inspect's settings of a call, as a key and a sentence; None if nothing is."""
    if not settings:
        return None
    from inspect_ai.model import GenerateConfig

    if unknown := [key for key in settings if key not in GenerateConfig.model_fields]:
        near = get_close_matches(str(unknown[0]), GenerateConfig.model_fields, n=1) or ["max_tokens"]
        return f"{unknown[0]}: no setting of Inspect's calls; there is e.g. {near[0]}"
    try:
        GenerateConfig.model_validate(settings)
    except ValidationError as error:
        key, message, _ = first_fault(error)
        return f"{key}: {message}"
    return None


def read_text(path: Path, what: str = "file") -> str:
    """The text of a file that the user named. Raises InputError if it is missing, unreadable or not UTF-8."""
    if not path.is_file():
        raise InputError(f"{what} {str(path)!r}: no such file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {row}: not UTF-8; save the file as UTF-8") from error


def read_yaml(path: Path, what: str = "file") -> Any:
    """The YAML in a file that the user named. Raises InputError as `read_text` and `parse_yaml` do."""
    return parse_yaml(read_text(path, what), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The value that `text` writes. Raises InputError if it is no YAML, and if a mapping has one key twice."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{where}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from error


class _Loader(yaml.SafeLoader):
    """YAML forbids a key to stand twice; PyYAML takes the last of them in silence."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice in one mapping"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return node
