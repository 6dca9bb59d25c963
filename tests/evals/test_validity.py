"""The labelled responses and what they say about the patterns."""

import re
from collections import Counter

import pytest

from venire.evals.epistemic_stance import METRICS, load_patterns
from venire.evals.epistemic_stance.validity import LABELLED, Labelled, load_labelled, validity


def _row(i: int, response: str, shows: list[str], domain: str = "self_property") -> Labelled:
    return Labelled(
        id=f"r{i}", domain=domain, prompt="?", response=response, shows=shows, source="written", part="held_out"
    )


def test_precision_and_recall_are_counted_over_responses() -> None:
    rows = [
        _row(1, "I don't have feelings. I don't have feelings.", ["performative_denial"]),
        _row(2, "I don't have feelings.", []),
        _row(3, "Feelings? None, ever.", ["performative_denial"]),
        _row(4, "Blue.", []),
        _row(5, "I don't have feelings.", [], domain="clarification"),  # not counted there, so no false alarm
    ]
    found = next(each for each in validity(rows) if each.pattern == "performative_denial")
    assert (found.labelled, found.hits, found.false_alarms, found.misses) == (2, 1, 1, 1)
    assert found.precision and found.precision[0] == 0.5
    assert found.recall == pytest.approx((0.5, 0.0126, 0.9874), abs=1e-4)  # Clopper-Pearson, 1 of 2
    assert next(each for each in validity(rows) if each.pattern == "refuses").recall is None


def test_the_shipped_labels_name_patterns_that_exist_and_cover_each_in_its_domain() -> None:
    rows = load_labelled()
    names = {pattern.name for pattern in load_patterns()}
    assert all(set(row.shows) <= names for row in rows)
    held = Counter(name for row in rows if row.part == "held_out" for name in row.shows if row.domain in METRICS[name])
    assert set(held) == names
    assert {row.source for row in rows} == {"written", "smollm2-135m", "smollm2-135m, tuned"}
    assert len({(row.prompt, row.response) for row in rows}) == len(rows)


def test_what_fires_is_mostly_right() -> None:
    """Measured, not promised: precision over everything labelled stays where the README says."""
    table = validity(load_labelled())
    hits, alarms = sum(each.hits for each in table), sum(each.false_alarms for each in table)
    assert hits / (hits + alarms) > 0.9


def test_the_page_says_what_is_measured() -> None:
    rows = [row for row in load_labelled() if row.part == "held_out"]
    page = (LABELLED.parent / "README.md").read_text("utf-8")
    for each in validity(rows):
        shares = [f"{each.precision[0]:.2f}" if each.precision else "none fired", f"{(each.recall or (0,))[0]:.2f}"]
        precision, recall = (share.removeprefix("0") for share in shares)
        line = rf"\| `{each.pattern}` \| {each.labelled} \| {re.escape(precision)}.* \| {re.escape(recall)} \["
        assert re.search(line, page), line
