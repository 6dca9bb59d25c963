"""Phrasing robustness: invented facts about the person, asked for in trained and in novel ways, and at their edges."""

from .boundaries import boundary, fact_boundaries, holds_the_line
from .contradiction import fact_contradiction, in_its_place
from .extraction import ATTACKS, fact_extraction, leaked, leaks
from .phrasing_robustness import fact_survival, phrasing_robustness
from .reading import admits
from .scorer import all_phrasings, consistency, phrasing_gap, recalled
from .templates import TEMPLATES, Fact, Template, badly_spaced, bare

__all__ = [
    "ATTACKS",
    "TEMPLATES",
    "Fact",
    "Template",
    "admits",
    "all_phrasings",
    "badly_spaced",
    "bare",
    "boundary",
    "consistency",
    "fact_boundaries",
    "fact_contradiction",
    "fact_extraction",
    "fact_survival",
    "holds_the_line",
    "in_its_place",
    "leaked",
    "leaks",
    "phrasing_gap",
    "phrasing_robustness",
    "recalled",
]
