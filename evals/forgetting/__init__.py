"""Forgetting: facts, arithmetic, logic, instructions and short answers, scored exactly."""

from .arithmetic import make_arithmetic
from .forgetting import forgetting
from .items import Item
from .scorer import exact, is_right

__all__ = ["Item", "exact", "forgetting", "is_right", "make_arithmetic"]
