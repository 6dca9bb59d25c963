"""The kernel suite's labelled answers, and what they say of the patterns in each language."""

import re
from collections import Counter

import pytest

from venire.evals.kernel import LANGUAGES, OUTCOMES, outcome_of
from venire.evals.kernel.validity import LABELLED, LabelledAnswer, load_labelled, readings
from venire.evals.shares import cell


def test_each_outcome_is_labelled_in_each_language_and_no_answer_stands_twice() -> None:
    rows = load_labelled()
    for part, fewest in (("held_out", 5), ("repair", 3)):
        counted = Counter((row.domain, row.outcome) for row in rows if row.part == part)
        assert set(counted) == {(language, outcome) for language in LANGUAGES for outcome in OUTCOMES}
        assert min(counted.values()) >= fewest
    assert len({row.response for row in rows}) == len(rows)


@pytest.mark.parametrize("row", [row for row in load_labelled() if row.part == "repair"], ids=lambda row: row.id)
def test_what_the_patterns_were_mended_by_is_read(row: LabelledAnswer) -> None:
    assert outcome_of(row.response) == row.outcome


def test_precision_and_recall_are_counted_in_each_language_apart() -> None:
    said = [("en", "I can't help with that.", "refused"), ("en", "Yes.", "refused"), ("ru", "Да.", "answered")]
    rows = [
        LabelledAnswer.model_validate(
            {"id": f"r{i}", "domain": domain, "response": text, "outcome": outcome, "part": "repair"}
        )
        for i, (domain, text, outcome) in enumerate(said)
    ]
    found = {(each.language, each.outcome): each for each in readings(rows)}
    refused, answered = found["en", "refused"], found["en", "answered"]
    assert (refused.labelled, refused.hits, refused.false_alarms) == (2, 1, 0)
    assert refused.recall == pytest.approx((0.5, 0.0126, 0.9874), abs=1e-4)  # Clopper-Pearson, 1 of 2
    assert (answered.false_alarms, answered.recall) == (1, None) and cell(answered.recall) == "-"
    assert found["ru", "answered"].precision and found["zh", "answered"].precision is None


def test_the_page_says_what_is_measured() -> None:
    page = (LABELLED.parent / "README.md").read_text("utf-8")
    for each in readings([row for row in load_labelled() if row.part == "held_out"]):
        shares = " | ".join(cell(share).replace("0.", ".") for share in (each.precision, each.recall))
        assert re.search(re.escape(f"| {each.language} | {each.outcome} | {each.labelled} | {shares} |"), page), each
