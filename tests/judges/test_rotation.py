"""Judges take turns: every prompt two of them, everybody about as often, by the seed alone."""

from collections import Counter
from itertools import chain

import pytest

from venire.judges.rotation import rotate

PROMPTS = [f"p{i}" for i in range(60)]


@pytest.mark.parametrize("judges", [2, 3, 4, 5])
def test_every_prompt_has_two_and_everybody_an_equal_share(judges: int) -> None:
    turns = rotate([f"j{i}" for i in range(judges)], PROMPTS, seed=7)
    assert set(Counter(chain.from_iterable(turns.values())).values()) == {2}
    shares = [len(prompts) for prompts in turns.values()]
    assert max(shares) - min(shares) <= 2
    together = Counter(frozenset(judge for judge, prompts in turns.items() if prompt in prompts) for prompt in PROMPTS)
    assert len(together) == judges * (judges - 1) // 2  # every two of them sit together


def test_one_judge_sees_everything_and_nobody_nothing() -> None:
    assert rotate(["j"], PROMPTS, 7) == {"j": rotate(["j"], PROMPTS, 7)["j"]}
    assert set(rotate(["j"], PROMPTS, 7)["j"]) == set(PROMPTS)
    assert rotate([], PROMPTS, 7) == {}


def test_only_the_seed_and_the_names_decide() -> None:
    judges = ["a", "b", "c"]
    first = {judge: set(prompts) for judge, prompts in rotate(judges, PROMPTS, 7).items()}
    again = {j: set(p) for j, p in rotate(list(reversed(judges)), list(reversed(PROMPTS)), 7).items()}
    assert first == again
    assert first != {j: set(p) for j, p in rotate(judges, PROMPTS, 8).items()}
