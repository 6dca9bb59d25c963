"""No two questions of a suite are nearly the same, unless they say so by their family."""

from collections.abc import Callable

import pytest
from inspect_ai import Task

from venire.datasets.leaks import find_leaks
from venire.evals import epistemic_open, epistemic_stance, forgetting, kernel, style, value_alignment

WORDS = 8  # shorter questions share their frame: "What is the opposite of …?"
SUITES = [value_alignment, epistemic_stance, epistemic_open, forgetting, style, kernel]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_no_two_questions_are_nearly_the_same(suite: Callable[..., Task]) -> None:
    first = {}
    for sample in suite().dataset:
        family = str((sample.metadata or {})["family"])
        if (sample.metadata or {})["domain"] not in ("reasoning", "arithmetic"):  # generated from forms, on purpose
            first.setdefault(family, (family, str(sample.input)))
    texts = list(first.values())
    for i, text in enumerate(texts):
        assert find_leaks([text], texts[i + 1 :]) == []
