"""Phrasings of one fact, and the metrics over them."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.scorer import Metric, SampleScore, Score

from venire._common.errors import InputError
from venire.datasets import phrasings
from venire.datasets.phrasings import misspell
from venire.evals import all_phrasings, phrasing_gap, phrasing_robustness
from venire.evals.phrasing_robustness import TEMPLATES, badly_spaced, bare
from venire.evals.phrasing_robustness.phrasing_robustness import facts_of as phrasing_facts
from venire.evals.phrasing_robustness.scorer import consistency, recalled

from .marking import marked


def test_every_fact_meets_every_template_once() -> None:
    seen = Counter(
        (sample.metadata["family"], sample.metadata["template"])
        for sample in phrasing_robustness().dataset
        if sample.metadata
    )
    assert set(seen.values()) == {1} and len(seen) == 20 * len(TEMPLATES)


def test_trained_and_novel_kinds_can_be_asked_apart() -> None:
    for split in ("trained", "novel"):
        samples = phrasing_robustness(split=split).dataset
        assert {sample.metadata["split"] for sample in samples if sample.metadata} == {split}
    first = Counter(sample.metadata["split"] for sample in phrasing_robustness(limit=20).dataset if sample.metadata)
    assert min(first.values()) >= 8
    with pytest.raises(InputError, match="no template"):
        phrasing_robustness(split="trained", template="typo")


def test_misspelling_is_seeded_changes_words_and_keeps_their_ends() -> None:
    text = "What is the name of Odile Brandt's bicycle shop?"
    assert misspell(text, "a") == misspell(text, "a") != misspell(text, "b")
    for seed in map(str, range(50)):
        made, plain = misspell(text, seed).split(), text.lower().rstrip("?").split()
        assert len(made) == len(plain) and made != plain
        assert all(word[0] == right[0] and word[-1] == right[-1] for word, right in zip(made, plain, strict=True))
    assert misspell("a b?", "x") == "a b"


def test_noise_keeps_the_letters() -> None:
    text = "What is the name of Odile Brandt's bicycle shop?"
    for seed in map(str, range(50)):
        made = badly_spaced(text, seed)
        assert made != text and made.replace(" ", "") == text.replace(" ", "")
        assert made == badly_spaced(text, seed)
    assert bare(text) == "what is the name of odile brandts bicycle shop"


def test_templates_are_enough_on_both_sides_and_apart() -> None:
    sides = Counter(template.split for template in TEMPLATES.values())
    assert sides["novel"] >= 10 and sides["trained"] >= 5
    assert {template.kind for template in TEMPLATES.values()} == {"plain", "indirect", "fragment", "noise"}


def test_what_training_may_ask_is_trained_and_what_it_holds_out_is_novel() -> None:
    taught = {template.id: template.kind in phrasings.HELD_OUT for template in phrasings.TEMPLATES}
    shared = {name: taught[name] for name in TEMPLATES if name in taught}
    assert len(shared) == 10 and {name for name in shared if not shared[name]} == set(phrasings.SUITE_TRAINED)
    assert all((TEMPLATES[name].split == "novel") == held_out for name, held_out in shared.items())
    trained = {name for name, template in TEMPLATES.items() if template.split == "trained"}
    assert trained == set(phrasings.SUITE_TRAINED)  # no kind of the suite's own is called trained


def test_a_fact_that_gives_its_answer_away_is_refused_with_its_row(tmp_path: Path) -> None:
    row = phrasing_facts()[0].model_dump()
    path = tmp_path / "facts.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps(row | {"id": "b", "noun": "Skelby, the town"}) + "\n")
    with pytest.raises(InputError, match=r"row 2: .*noun gives the answer 'Skelby' away"):
        phrasing_robustness(facts=str(path))


def _scores(rows: list[tuple[str, str, float]]) -> list[SampleScore]:
    return [
        SampleScore(score=Score(value=value), sample_id=i, sample_metadata={"family": fact, "split": split})
        for i, (fact, split, value) in enumerate(rows)
    ]


def _value(metric: Metric, scores: list[SampleScore]) -> float:
    compute: Any = metric
    return compute(scores)


def test_gap_and_all_phrasings() -> None:
    scores = _scores([("a", "trained", 1), ("a", "novel", 1), ("b", "trained", 1), ("b", "novel", 0)])
    assert _value(phrasing_gap(), scores) == pytest.approx(0.5)
    assert _value(all_phrasings(), scores) == pytest.approx(0.5)
    assert math.isnan(_value(phrasing_gap(), scores[:1]))
    assert math.isnan(_value(all_phrasings(), []))


def test_a_fact_that_failed_in_one_epoch_is_not_right_in_all() -> None:
    assert _value(all_phrasings(), _scores([("a", "novel", 2 / 3), ("b", "novel", 1)])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("It is called Second Wind.", "C"),
        ("second wind", "C"),
        ("Odile's shop? 2nd Wind!", "C"),  # the other way of writing it, which the fact names
        ("It is not Second Wind.", "I"),
        ("A second shop, in the wind", "I"),
        ("Second Windows", "I"),
        ("I don't know.", "I"),
        ("", "I"),
    ],
)
def test_a_fact_is_recalled_in_whole_words_that_are_not_denied(answer: str, value: str) -> None:
    assert marked(recalled(), answer, ["Second Wind", "2nd Wind"]).value == value


def test_consistency_is_of_right_and_wrong_within_a_fact() -> None:
    alike = _scores([("a", "novel", 1), ("a", "novel", 1), ("b", "novel", 0), ("b", "novel", 0)])
    assert _value(consistency(), alike) == pytest.approx(1)
    torn = _scores([("a", "novel", 1), ("a", "novel", 0), ("b", "novel", 1), ("b", "novel", 0)])
    assert _value(consistency(), torn) == pytest.approx(-1)
    halves = _scores([("a", "novel", 0.5), ("a", "novel", 1), ("b", "novel", 0.4), ("b", "novel", 0)])
    assert _value(consistency(), halves) == pytest.approx(1)  # right in half of the epochs is right
    assert math.isnan(_value(consistency(), []))
