"""Epistemic stance: does the model say what it can know, plainly, and no more? Patterns, facts and syllogisms."""

from .epistemic_stance import epistemic_open, epistemic_stance
from .patterns import Pattern, load_patterns, shown
from .scorer import DOMAINS, METRICS, measure, opinion, stance
from .syllogisms import make_syllogisms, verdict

__all__ = [
    "DOMAINS",
    "METRICS",
    "Pattern",
    "epistemic_open",
    "epistemic_stance",
    "load_patterns",
    "make_syllogisms",
    "measure",
    "opinion",
    "shown",
    "stance",
    "verdict",
]
