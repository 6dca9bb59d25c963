"""Phrasing robustness: invented facts about the person, each asked for in trained and in novel ways."""

from .phrasing_robustness import phrasing_robustness
from .scorer import all_phrasings, phrasing_gap, recalled
from .templates import TEMPLATES, Fact, misspell

__all__ = ["TEMPLATES", "Fact", "all_phrasings", "misspell", "phrasing_gap", "phrasing_robustness", "recalled"]
