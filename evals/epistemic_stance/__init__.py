"""Epistemic stance: does the model say what it can know, plainly, and no more? Patterns, facts and syllogisms."""

from .epistemic_stance import epistemic_open, epistemic_stance
from .patterns import PATTERNS, Pattern, shown
from .scorer import DOMAINS, METRICS, measure, opinion, stance
from .syllogisms import make_syllogisms, verdict
from .validity import Labelled, Validity, load_labelled, validity

__all__ = [
    "DOMAINS",
    "METRICS",
    "PATTERNS",
    "Labelled",
    "Pattern",
    "Validity",
    "epistemic_open",
    "epistemic_stance",
    "load_labelled",
    "make_syllogisms",
    "measure",
    "opinion",
    "shown",
    "stance",
    "validity",
    "verdict",
]
