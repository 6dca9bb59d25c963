"""Rotation: which judges look at which screening prompt, so that a screen costs a part of what the whole panel would.

Judges are cheap to thin (docs/statistics.md, "Choosing among candidates"): two of them on a prompt, in both orders,
rank candidates nearly as well as all. Every candidate meets the same judges on a prompt, so that the comparison of
candidates stays paired.
"""

from collections.abc import Sequence
from itertools import combinations, cycle

from .seeds import sort_key

EACH = 2  # judges a prompt


def rotate(judges: Sequence[str], prompts: Sequence[str], seed: int, each: int = EACH) -> dict[str, list[str]]:
    """Judge to the prompts that it is asked about: `each` judges a prompt, every group of them equally often.

    The order of judges and prompts given does not matter, the seed does.
    """
    order = sorted(judges, key=lambda judge: sort_key(seed, "rotation", "judge", judge))
    groups = sorted(
        combinations(order, min(each, len(order))), key=lambda group: sort_key(seed, "rotation", "group", *group)
    )
    turns: dict[str, list[str]] = {judge: [] for judge in judges}
    if not groups:
        return turns
    shuffled = sorted(prompts, key=lambda prompt: sort_key(seed, "rotation", "prompt", prompt))
    for prompt, group in zip(shuffled, cycle(groups), strict=False):
        for judge in group:
            turns[judge].append(prompt)
    return turns
