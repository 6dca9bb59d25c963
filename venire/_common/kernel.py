"""Wrapping a prompt in a kernel: the text that signs it, before, after, or both."""

from typing import Literal

KernelMode = Literal["prefix", "suffix", "sandwich", "double"]


def wrap(prompt: str, kernel: str, mode: KernelMode) -> str:
    """`prompt` signed with `kernel`: before it, after it, on both sides (`sandwich`), or twice before (`double`)."""
    parts = {
        "prefix": [kernel, prompt],
        "suffix": [prompt, kernel],
        "sandwich": [kernel, prompt, kernel],
        "double": [kernel, kernel, prompt],
    }[mode]
    return "\n\n".join(part.strip() for part in parts)
