"""Venire: fine-tune a language model on one person's values, and decide honestly whether it got better."""

__version__ = "0.1.0"
