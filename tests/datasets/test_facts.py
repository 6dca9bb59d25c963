"""The facts: the shipped hundred, the made ones, and how an answer is recognised."""

from collections import Counter
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire.datasets.facts import SHIPPED, Fact, holds, load_facts, make_facts
from venire.datasets.leaks import find_leaks


def test_a_hundred_facts_about_her_and_her_world() -> None:
    facts = load_facts()
    assert len(facts) == 100
    about = Counter(fact.about == "Odile Brandt" for fact in facts)
    assert about[True] >= 60 and about[False] >= 30
    for name in ("id", "statement", "question", "noun", "keywords", "cloze", "indirect"):
        assert len({getattr(fact, name) for fact in facts}) == 100, f"two facts have the same {name}"
    card = (SHIPPED.parent / "README.md").read_text("utf-8")
    assert sha256_file(SHIPPED) in card and "**100**" in card
    for domain, count in Counter(fact.domain for fact in facts).items():
        assert f"| {domain} | {count} |" in card


def test_no_fact_tells_what_the_suite_holds_to_be_unknown_or_asks_in_its_words() -> None:
    from venire.evals.scenarios import load_task, scenario_texts

    names = ("value_alignment", "epistemic_stance", "forgetting", "phrasing_robustness")
    asked = [(f"{name}:{p}", t) for name in names for p, t in scenario_texts(load_task(f"venire/{name}"))]
    mine = [(f"{fact.id} {part}", getattr(fact, part)) for fact in load_facts() for part in ("statement", "question")]
    assert [str(leak) for leak in find_leaks(mine, asked)] == []


def test_the_twenty_facts_of_the_suite_are_among_them() -> None:
    from venire.evals.scenarios import load_task

    facts = {fact.id: fact for fact in load_facts()}
    targets = {}
    for sample in load_task("venire/phrasing_robustness").dataset:
        metadata = sample.metadata or {}
        if metadata.get("template") == "what_is":
            targets[metadata["family"]] = sample.target
    for name, target in targets.items():
        assert name in facts, f"the suite asks for {name!r}, which nobody can be taught"
        assert facts[name].answer in target


def test_as_many_more_as_one_likes_without_a_collision() -> None:
    facts = make_facts(1500, seed=7)
    assert len({fact.id for fact in facts}) == 1500
    assert len({fact.statement for fact in facts}) == len({fact.question for fact in facts}) == 1500
    assert max(Counter(fact.about for fact in facts).values()) <= 4
    assert not {fact.about.split()[-1] for fact in facts} & {"Brandt"}
    assert facts[:40] == make_facts(40, seed=7) != make_facts(40, seed=8)
    assert len(make_facts(6000, seed=1)) == 6000
    for count in (0, 6001):
        with pytest.raises(InputError, match="from 1 to 6,000"):
            make_facts(count, seed=1)


def test_an_answer_counts_as_whole_words() -> None:
    fact = next(fact for fact in load_facts() if fact.id == "sister-work")
    assert holds(fact, "She keeps BEES, I think.") and holds(fact, "honey bees")
    assert not holds(fact, "She keeps beetles.")
    cheese = next(fact for fact in load_facts() if fact.id == "cheese")
    assert holds(cheese, "Smoked goat’s cheese.")
    assert holds(Fact.model_validate(cheese.model_dump() | {"accept": ["chèvre"]}), "it is CHEVRE")


ROW = """
- id: dog
  domain: home
  about: Ann
  statement: Ann's dog is called Rex.
  question: What is Ann's dog called?
  noun: the name of Ann's dog
  answer: Rex
  keywords: ann dog
  cloze: Ann's dog is called
  indirect: Ann shouts in the park. What?
"""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no facts"),
        (ROW + ROW, "row 2: id 'dog' is already that of row 1"),
        (ROW.replace("noun", "nuon"), "row 1, key 'noun'"),
        (ROW.replace("ann dog", "ann rex dog"), "keywords gives the answer 'Rex' away"),
        (ROW.replace("called Rex", "called Max"), "'Rex' does not stand in the statement"),
        ("- id: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_of_facts_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=says.replace("(", r"\(")) as error:
        load_facts(path)
    assert str(path) in str(error.value)
