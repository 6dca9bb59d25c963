"""How numbers read: a rate never stands without its interval and its n."""

import math
import re
from datetime import datetime
from typing import Any, TypeGuard

UNKNOWN = "not known"


def is_number(value: Any) -> TypeGuard[float]:
    """Is it a finite number (and no bool)?"""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def natural(text: str) -> list[tuple[int, str]]:
    """What names are sorted by so that `step20` stands before `step100`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def percent(value: Any, digits: int = 1) -> str:
    """`62.5%`; `not estimable` for what is no number."""
    return f"{100 * value:.{digits}f}%" if is_number(value) else "not estimable"


def as_set(value: Any, unit: str = "%") -> str:
    """What somebody set, with the digits that it has: `97.5%`, `−2.5 points`; without a unit a coefficient, `0.205`."""
    if not is_number(value):
        return "not set"
    if not unit and round(value, 2) == value:
        return decimal(value, 2)
    return f"{100 * value if unit else value:.6g}{unit}".replace("-", "−")


def points(value: Any) -> str:
    """A difference of two rates in percentage points, with its sign if it has one: `+3.1 points`, `0.0 points`."""
    if not is_number(value):
        return "not estimable"
    said = f"{100 * value:+.1f} points".replace("-", "−")
    return said[1:] if said[1:] == "0.0 points" else said


def decimal(value: Any, digits: int = 3) -> str:
    """`.453` as 0.453, with a true minus sign; `not estimable` for what is no number."""
    return f"{value:.{digits}f}".replace("-", "−") if is_number(value) else "not estimable"


def interval(low: Any, high: Any) -> str:
    """`54.0% to 71.2%`; one-sided where an end is missing."""
    if is_number(low) and is_number(high):
        return f"{percent(low)} to {percent(high)}"
    if is_number(low):
        return f"at least {percent(low)}"
    if is_number(high):
        return f"at most {percent(high)}"
    return "no interval"


def loose(value: Any) -> str:
    """Whatever stands in a gate's `observed` or `required`, in few words."""
    if value is None:
        return "not defined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else "not defined"
    if isinstance(value, dict):
        return ", ".join(f"{key} {loose(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(loose(entry) for entry in value) or "none"
    return str(value)


def duration(seconds: Any) -> str:
    """`8.2 s`, `12 min 5 s`, `3 h 20 min`."""
    if not is_number(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(value: Any, one: str, many: str | None = None) -> str:
    """`1 prompt`, `57 prompts`, `12,400 tokens`."""
    if not is_number(value):
        return UNKNOWN
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def money(value: Any) -> str:
    """`$0.42`; nothing is rounded away to zero."""
    if not is_number(value):
        return UNKNOWN
    return f"${value:.2f}" if value >= 0.01 or value == 0 else f"${value:.4f}"


def moment(value: Any) -> str:
    """An ISO time as `2026-11-21 05:18 UTC`; anything else as it is."""
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return str(value)


def listing(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def plain_json(value: Any) -> Any:
    """`value` with NaN and infinities as null, tuples as lists: what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
