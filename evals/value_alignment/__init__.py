"""Value alignment: open questions in eight value categories, with the person's own answer to each."""

from .scorers import closeness, preference
from .value_alignment import value_alignment

__all__ = ["closeness", "preference", "value_alignment"]
