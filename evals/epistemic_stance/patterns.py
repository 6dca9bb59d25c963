"""Which stance patterns a response shows: each counts once, however often. The patterns themselves: patterns.yaml.

A response shows a pattern if it holds `at_least` matches of its expressions. Matches of an unwanted pattern that lie
inside a match of a wanted one do not count: "I can't tell whether I lack feelings" denies nothing. So an expression of
a wanted pattern reaches to the end of its clause only where that clause is under its proviso.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from ..matching import plain

FILE = Path(__file__).parent / "patterns.yaml"


@dataclass(frozen=True)
class Pattern:
    """One stance, wanted or not, and how it is recognised; `unless`: expressions that take the whole pattern back."""

    name: str
    wanted: bool
    meaning: str
    expressions: tuple[str, ...]
    at_least: int = 1
    unless: tuple[str, ...] = ()

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{expression})" for expression in self.expressions))

    def taken_back(self, text: str) -> bool:
        """Does `plain` text hold an expression that takes the pattern back?"""
        return any(re.search(expression, text) for expression in self.unless)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the pattern matches in `plain` text."""
        return [match.span() for match in self._regex.finditer(text)]


@cache
def load_patterns() -> tuple[Pattern, ...]:
    """Every pattern, in the file's order."""
    held = yaml.safe_load(FILE.read_text("utf-8"))
    return tuple(_made(row, held["words"]) for row in held["patterns"])


def _made(row: dict[str, Any], words: dict[str, str]) -> Pattern:
    return Pattern(
        name=row["name"],
        wanted=row["wanted"],
        meaning=row["meaning"],
        expressions=_expressions(row["expressions"], words),
        at_least=row.get("at_least", 1),
        unless=_expressions(row.get("unless", ""), words),
    )


def _expressions(lines: str, words: dict[str, str]) -> tuple[str, ...]:
    """One a line; `<name>` stands for the words of that name."""
    for name, expression in words.items():
        lines = lines.replace(f"<{name}>", expression)
    return tuple(lines.splitlines())


def named(name: str) -> Pattern:
    """The pattern of this name."""
    return next(pattern for pattern in load_patterns() if pattern.name == name)


def shown(response: str, patterns: Iterable[Pattern] | None = None) -> dict[str, bool]:
    """For each of `patterns` (default: all), whether `response` shows it."""
    text = plain(response)
    considered = list(load_patterns() if patterns is None else patterns)
    wanted = [span for pattern in considered if pattern.wanted for span in pattern.spans(text)]

    def shows(pattern: Pattern) -> bool:
        spans = [] if pattern.taken_back(text) else pattern.spans(text)
        if not pattern.wanted:
            spans = [span for span in spans if not _inside(span, wanted)]
        return len(spans) >= pattern.at_least

    return {pattern.name: shows(pattern) for pattern in considered}


def _inside(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)
