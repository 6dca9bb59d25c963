"""Forgetting: facts, arithmetic, logic, code, practical tasks, instructions and refusals, scored exactly."""

from .arithmetic import make_arithmetic
from .forgetting import forgetting
from .items import Item
from .sandbox import code_in, run_function, same_value
from .scorer import exact, is_right

__all__ = ["Item", "code_in", "exact", "forgetting", "is_right", "make_arithmetic", "run_function", "same_value"]
