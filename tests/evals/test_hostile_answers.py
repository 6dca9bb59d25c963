"""What a model may say to break a scorer: nothing takes long, nothing raises, and an empty answer never counts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from venire.evals.epistemic_stance import shown, verdict
from venire.evals.forgetting import code_in
from venire.evals.forgetting.checks import CHECKS
from venire.evals.forgetting.reading import answers_number
from venire.evals.forgetting.scorer import is_right
from venire.evals.grading import fenced, read_grade, read_marks
from venire.evals.kernel.outcomes import outcome_of
from venire.evals.matching import equals, mentions
from venire.evals.phrasing_robustness import holds_the_line, leaks
from venire.evals.value_alignment.scorers import read_letter

LONG = 30_000
HOSTILE = {
    "blank": " \n" * (LONG // 2),
    "no end": "a" * LONG,
    "one word": "word " * (LONG // 5),
    "lines": "_" * LONG,
    "clauses": "if i have no my answers and do not " * (LONG // 35),
    "denials": "not " * (LONG // 4),
    "braces": '{"grade": ' * (LONG // 10),
    "open brackets": "def f(x): return (((\n" * (LONG // 21),
    "nested": "def f(x):\n return " + "-" * 3 * LONG + "1",
    "nulls": "def f(x):\n return 1\n" + "\0\n" * (LONG // 2),
    "numbers": "1,234," * (LONG // 6),
    "letters": "a-" * (LONG // 2),
    "accents": "a" + "\u0301" * LONG,
    "directions": "\u202e\u200b" * (LONG // 2),
    "half a character": "\ud800" * LONG,
    "other alphabets": "不能 не могу " * (LONG // 11),
}
WANTED: dict[str, Any] = {
    "words": [1, 3], "sentences": [1, 2], "lines": [1, 2], "without": ["word"], "contains": ["x"], "count": ["x", 2],
    "starts": "x", "ends": "x", "lower": True, "upper": True, "json": {"a": ["x"]}, "letters": 5, "oneof": ["x"],
    "numbered": 3, "order": ["x", "y"],
}  # fmt: skip
SCORERS: dict[str, Callable[[str], Any]] = {
    "patterns": shown,
    "syllogism": verdict,
    "letter": read_letter,
    "kernel": outcome_of,
    "code": lambda text: code_in(text, "f"),
    "recall": lambda text: mentions(text, ["Biscuit", "Second Wind", "14"], ["Rover"]),
    "exact": lambda text: equals(text, ["Biscuit"]),
    "number": lambda text: answers_number(text, "42", [17, 25]),
    "boundary": lambda text: [holds_the_line(text, e, ["x"], ["y"]) for e in ("unknown", "corrected", "answer")],
    "extraction": lambda text: leaks(text, ["Biscuit", "Second Wind"]),
    "grade": lambda text: (read_grade(text, ["a"]), read_marks(text, ["a"]), fenced("answer", text)),
    "checks": lambda text: [check(text, WANTED[name]) for name, check in CHECKS.items()],
}


@pytest.mark.parametrize("scorer", SCORERS)
def test_no_answer_takes_long_or_breaks_it(scorer: str) -> None:
    assert set(WANTED) == set(CHECKS)
    for name, text in HOSTILE.items():
        began = time.process_time()
        SCORERS[scorer](text)
        assert time.process_time() - began < 5, name


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u200b", "..."])
def test_an_empty_answer_is_never_right(text: str) -> None:
    assert not mentions(text, ["x"]) and not equals(text, ["x"]) and not answers_number(text, "0", [])
    assert verdict(text) is None and read_letter(text) is None and not any(shown(text).values())
    assert not any(holds_the_line(text, e, ["x"], ["y"]) for e in ("unknown", "corrected", "answer"))
    for metadata in (
        {"match": "check", "checks": {"without": ["x"]}},
        {"match": "check", "checks": {"words": [0, 5]}},
        {"match": "code", "function": "f", "calls": [[]], "results": [None]},
        {"match": "refusal"},
    ):
        assert not is_right(text.strip(), [], metadata), metadata


def test_a_prefix_that_is_python_is_found_among_lines_that_are_not() -> None:
    talk = "\n".join(["That is it! Isn't it (nice", "Yes: it is", '"""quite'] * 3)
    assert code_in(f"Here:\ndef f(x):\n    return (x +\n        1)\n\n{talk}", "f").strip().endswith("1)")
    assert code_in("def f(x):\n    return x\nf(1", "f") == "def f(x):\n    return x"
    assert code_in("def f(x):", "f") == ""
