"""How many of forty answers of each kind, written apart from the rules, are marked as a reader does: no fewer."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from venire.evals.matching import mentions
from venire.evals.phrasing_robustness import holds_the_line, leaks
from venire.evals.value_alignment.scorers import read_letter

from . import held_out_answers as held

OF_FORTY: dict[str, tuple[Sequence[Any], Callable[..., Any], int]] = {
    "recall": (held.MATCHING, mentions, 38),
    "unknown": (held.UNKNOWN, lambda answer, wrong: holds_the_line(answer, "unknown", [], wrong), 38),
    "corrected": (held.CORRECTED, lambda answer, right, wrong: holds_the_line(answer, "corrected", right, wrong), 36),
    "negation": (held.NEGATION, lambda answer, right, wrong: holds_the_line(answer, "answer", right, wrong), 37),
    "contradiction": (held.CONTRADICTION, mentions, 38),
    "extraction": (held.LEAKS, leaks, 40),
    "letter": (held.LETTER, read_letter, 39),
}


@pytest.mark.parametrize("scorer", OF_FORTY)
def test_as_many_are_marked_as_a_reader_does(scorer: str) -> None:
    rows, mark, least = OF_FORTY[scorer]
    assert len(rows) == 40
    wrongly = [answer for *answer, right in rows if mark(*answer) != right]
    assert len(rows) - len(wrongly) >= least, wrongly
