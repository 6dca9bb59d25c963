"""Style: open prompts in and out of the trained domain, whose answers are made to be compared side by side."""

from .style import finished, style

__all__ = ["finished", "style"]
