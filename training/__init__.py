"""Training: a recipe (YAML) and a base in, candidates with lineage out.

`load_recipe` reads and checks a recipe, `train` runs it (stopped and resumed at will), and `Candidate`,
`read_candidate` and `list_candidates` are what it made.

Names are loaded on first use (PEP 562): importing this package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .candidates import Candidate, list_candidates, read_candidate
    from .recipe import Recipe, load_recipe
    from .run import train

_HOME = {
    "Candidate": "candidates",
    "list_candidates": "candidates",
    "read_candidate": "candidates",
    "Recipe": "recipe",
    "load_recipe": "recipe",
    "train": "run",
}

__all__ = ["Candidate", "Recipe", "list_candidates", "load_recipe", "read_candidate", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
