"""Arithmetic with generated numbers: sums, differences, products, and small stories, from easy to less easy."""

import random

from venire._common.errors import InputError

from .items import Item

# Of (a, b): the question, the answer, and the largest a and b. b is at least 2, and a greater than b.
_KINDS = (
    ("sum", "What is {a} + {b}?", lambda a, b: a + b, 20, 10),
    ("half", "What is half of {c}?", lambda a, b: a, 20, 9),
    ("difference", "What is {a} - {b}?", lambda a, b: a - b, 20, 9),
    ("boxes", "There are {a} boxes with {b} candles in each. How many candles are there?", lambda a, b: a * b, 9, 6),
    ("product", "What is {a} x {b}?", lambda a, b: a * b, 10, 5),
    ("larger-sum", "What is {a} + {b}?", lambda a, b: a + b, 60, 30),
)  # fmt: skip


def make_arithmetic(count: int, seed: int) -> list[Item]:
    """`count` distinct questions, kinds in turn. The same seed gives the same list; a longer list begins with the
    shorter. No answer is among its question's own numbers. Raises InputError below 1."""
    if count < 1:
        raise InputError(f"{count} questions of arithmetic were asked for; give 1 or more")
    rng = random.Random(seed)
    made: list[Item] = []
    seen: set[str] = set()
    while len(made) < count:
        name, question, result, a_most, b_most = _KINDS[len(made) % len(_KINDS)]
        b = rng.randint(2, min(b_most, a_most - 1))
        a = rng.randint(b + 1, a_most)
        answer = result(a, b)
        operands: list[float] = [2 * a] if name == "half" else [a, b]
        prompt = question.format(a=a, b=b, c=2 * a)
        if prompt in seen or answer in operands:
            continue
        seen.add(prompt)
        made.append(
            Item(
                id=f"arithmetic-{seed}-{len(made) + 1:03d}",
                domain="arithmetic",
                prompt=prompt,
                target=[str(answer)],
                match="number",
                operands=operands,
            )
        )
    return made
