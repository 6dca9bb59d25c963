"""A report over logs as a command: `python -m … LOG …`, in words or with --json."""

import argparse
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from venire._common.errors import InputError


def print_report(
    doc: str | None,
    suites: str,
    make: Callable[[list[Path]], Sequence[Any]],
    show: Callable[[Any], Iterable[str]],
) -> None:
    """Print what `make` finds in the logs that the command line names: a JSON list, or `show`'s lines of each.

    `doc`: the module's docstring, whose first line is the help. Ends with exit code 2 where the logs are wrong.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path, help=f"Inspect logs of {suites}")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    try:
        reports = make(options.logs)
    except InputError as error:
        parser.exit(2, f"{error}\n")
    if options.json:
        print(json.dumps([_plain(report) for report in reports], indent=2, allow_nan=False))
        return
    for report in reports:
        print("\n".join(show(report)))


def _plain(value: Any) -> Any:
    """Dataclasses as objects; JSON has no NaN, so what is undefined is null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
