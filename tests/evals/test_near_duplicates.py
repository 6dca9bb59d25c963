"""No two questions of a suite are nearly the same, unless they say so by their family."""

from collections.abc import Callable

import pytest
from inspect_ai import Task

from venire.datasets.leaks import find_leaks
from venire.evals import epistemic_open, epistemic_stance, forgetting, kernel, style, value_alignment

SUITES = [value_alignment, epistemic_stance, epistemic_open, forgetting, style, kernel]
WORDS = 8  # shorter questions share their frame: "What is the opposite of …?"
GENERATED = ("reasoning", "arithmetic")  # made from forms, on purpose


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_no_two_questions_are_nearly_the_same(suite: Callable[..., Task]) -> None:
    texts: dict[str, str] = {}
    for sample in suite().dataset:
        metadata = sample.metadata or {}
        if metadata["domain"] not in GENERATED and len(str(sample.input).split()) >= WORDS:
            texts.setdefault(str(metadata["family"]), str(sample.input))
    found = find_leaks(list(texts.items()), list(texts.items()))
    assert [leak for leak in found if leak.train != leak.evaluation] == []
