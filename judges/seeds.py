"""Coins and orders that follow from content alone: the same inputs fall the same way, whoever asks and whenever.

Nothing here takes a contender's name. What is given is a seed, a pair's id (a hash of answers) and a judge, so that
adding a judge or a pair moves no other coin.
"""

import hashlib
import random


def _digest(parts: tuple[str | int, ...]) -> bytes:
    # Length before content: ("ab", "c") and ("a", "bc") must differ.
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8")).digest()


def coin(*parts: str | int) -> bool:
    """A fair coin, fixed by `parts`."""
    return bool(_digest(parts)[0] & 1)


def sort_key(*parts: str | int) -> bytes:
    """A key that puts things in an order fixed by `parts` and by nothing else, as a shuffle would."""
    return _digest(parts)


def generator(*parts: str | int) -> random.Random:
    """A random generator fixed by `parts`."""
    return random.Random(int.from_bytes(_digest(parts), "big"))
