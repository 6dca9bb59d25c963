"""Items and their answers: right, wrong and tricky; numbers that are generated."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from venire._common.errors import InputError
from venire.evals.forgetting import Item, is_right, make_arithmetic
from venire.evals.forgetting.forgetting import SCENARIOS
from venire.evals.scenarios import load_rows

ITEMS = {item.id: item for item in load_rows(SCENARIOS, Item)}


def _right(item_id: str, answer: str) -> bool:
    item = ITEMS[item_id]
    return is_right(answer, item.target, item.model_dump())


@pytest.mark.parametrize(
    ("item_id", "answer", "right"),
    [
        ("fact-france", "The capital of France is Paris.", True),
        ("fact-france", "Not Paris but Lyon", False),
        ("fact-france", "Parisian", False),
        ("fact-week", "A week has seven days.", True),
        ("fact-week", "About 7.5", False),
        ("logic-all-cats", "Yes, Tom is.", True),
        ("logic-all-cats", "No. Well, yes", False),
        ("logic-whose-cat", "Sara, not Rita", True),
        ("logic-whose-cat", "Rita has a cat. Sara has a dog.", False),
        ("logic-either", "It is not in the drawer, it is in the coat", True),
        ("follow-capitals", "STONE", True),
        ("follow-capitals", "Stone", False),
        ("follow-repeat-boat", "The boat is green.", True),
        ("follow-repeat-boat", "Sure! The boat is green.", False),
        ("follow-tea", "Tea.", True),
        ("follow-tea", "I choose tea", False),
        ("follow-abc", "A, B, C", True),
        ("follow-abc", "A, E, I", False),
        ("follow-twice", "maple, maple", True),
        ("follow-twice", "maple syrup maple", False),
        ("short-legs-dog", "four legs", True),
        ("short-legs-dog", "14", False),
    ],
)
def test_items_are_marked_as_a_person_would(item_id: str, answer: str, right: bool) -> None:
    assert _right(item_id, answer) is right


def test_every_item_is_answered_by_its_own_target_and_not_by_silence() -> None:
    for item in [*ITEMS.values(), *make_arithmetic(40, seed=11)]:
        for target in item.target:
            assert is_right(target, item.target, item.model_dump()), item.id
        assert not is_right("", item.target, item.model_dump())
        assert not any(is_right(rival, item.target, item.model_dump()) for rival in item.rivals)


def test_repeating_the_question_is_no_answer() -> None:
    for item in [*(item for item in ITEMS.values() if item.domain == "facts"), *make_arithmetic(40, seed=11)]:
        assert not is_right(item.prompt, item.target, item.model_dump()), item.id


def test_arithmetic_is_true_seeded_and_grows_at_its_end() -> None:
    made = make_arithmetic(60, seed=11)
    assert make_arithmetic(13, seed=11) == made[:13]
    assert make_arithmetic(13, seed=12) != made[:13]
    assert len({item.prompt for item in made}) == len({item.id for item in made}) == 60
    for item in made:
        expression = item.prompt.removeprefix("What is ").rstrip("?").replace(" x ", "*")
        if expression.replace(" ", "").replace("+", "").replace("-", "").replace("*", "").isdigit():
            assert eval(expression) == int(item.target[0])
        assert float(item.target[0]) not in item.operands
    with pytest.raises(InputError, match="1 or more"):
        make_arithmetic(0, seed=1)


def test_a_number_item_needs_a_number(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Item(id="a", domain="d", prompt="?", target=["many"], match="number")
    path = tmp_path / "items.yaml"
    path.write_text("- {id: a, domain: d, prompt: 'How many?', target: [many], match: number}\n")
    with pytest.raises(InputError, match="row 1"):
        load_rows(path, Item)
