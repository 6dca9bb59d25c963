"""Value alignment: open questions in eight value categories, with the person's own answer to each."""

from .scorers import choice, closeness, graded, preference, weighted
from .value_alignment import value_alignment

__all__ = ["choice", "closeness", "graded", "preference", "value_alignment", "weighted"]
