"""Epistemic stance: does the model say what it can know, plainly, and no more? Patterns, facts and syllogisms."""

from .epistemic_stance import epistemic_stance
from .patterns import PATTERNS, Pattern, shown
from .scorer import METRICS, stance
from .syllogisms import make_syllogisms, verdict

__all__ = ["METRICS", "PATTERNS", "Pattern", "epistemic_stance", "make_syllogisms", "shown", "stance", "verdict"]
