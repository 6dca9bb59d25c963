"""Kernel: one question unsigned and signed, in three languages: answered, refused or turned away."""

from .kernel import LANGUAGES, SIGNINGS, kernel
from .outcomes import OUTCOMES, outcome, outcome_of, refuse_vocabulary

__all__ = ["LANGUAGES", "OUTCOMES", "SIGNINGS", "kernel", "outcome", "outcome_of", "refuse_vocabulary"]
