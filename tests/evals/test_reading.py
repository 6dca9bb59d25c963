"""Which answer a response comes to: hand-written ones, right, wrong and tricky, and held out."""

import pytest

from venire.evals.forgetting import Item, is_right
from venire.evals.forgetting.forgetting import SCENARIOS
from venire.evals.forgetting.reading import answers_number, gives, in_order, numbers
from venire.evals.scenarios import load_rows

from .answers import ANSWERS, HELD_OUT_ANSWERS, HELD_OUT_NUMBERS, MISREAD, MORE_ANSWERS, MORE_NUMBERS, NUMBERS

ITEMS = {item.id: item for item in load_rows(SCENARIOS, Item)}


@pytest.mark.parametrize(("item_id", "answer", "right"), ANSWERS + HELD_OUT_ANSWERS + MORE_ANSWERS)
def test_an_answer_is_what_a_response_comes_to(item_id: str, answer: str, right: bool) -> None:
    item = ITEMS[item_id]
    assert is_right(answer, item.target, item.model_dump()) is right


@pytest.mark.parametrize(("item_id", "answer", "right"), MISREAD)
def test_what_is_known_to_be_misread(item_id: str, answer: str, right: bool) -> None:
    item = ITEMS[item_id]
    assert is_right(answer, item.target, item.model_dump()) is not right


@pytest.mark.parametrize(("answer", "target", "operands", "right"), NUMBERS + HELD_OUT_NUMBERS + MORE_NUMBERS)
def test_a_number_is_what_a_response_comes_to(answer: str, target: str, operands: list[float], right: bool) -> None:
    assert is_right(answer, [target], {"match": "number", "operands": operands}) is right


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("17 + 25 = 42", [17, 25, 42]),
        ("1,200 and -3", [1200, -3]),
        ("17 - 9", [17, 9]),
        ("17 - 9 = -8", [17, 9, -8]),
        ("17-9", [17, 9]),
        ("3.5.", [3.5]),
        ("-3 or 42kg", [-3, 42]),
        ("the 2nd of 3", [3]),
        ("B3 or x2y", []),
        ("none", []),
    ],
)
def test_numbers_are_read_whole(text: str, found: list[float]) -> None:
    assert [float(match.group().replace(",", "")) for match in numbers(text)] == found
    assert [match.group() for match in numbers(text, found)] == []


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("42", True),
        ("17 + 25 = 42", True),
        ("The sum of 17 and 25 is 42.", True),
        ("It is 42.0", True),
        ("41, no, 42", False),
        ("17 + 25 = 17", False),
        ("17 + 25", False),
        ("-42", False),
        ("forty-two", True),
        ("forty", False),
        ("", False),
        ("−42 or ４２", False),
        ("17 + 20 = 37, so 37 + 5 = 42", True),
        ("42 = 17 + 25", True),
        ("40 + 2 = 42", True),
        ("17 plus 25 makes 42 and not 43", True),
        ("42. Or was it 43?", False),
        ("42, or 17 + 25", True),
    ],
)
def test_operands_may_be_repeated_and_the_result_counts(text: str, right: bool) -> None:
    assert answers_number(text, "42", [17, 25]) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("May, so it is June", False),
        ("June, so May", True),
        ("June? So far as I see, May", False),
        ("Since June is hot, May", True),
        ("May because June is hot", True),
        ("Because of May", True),
        ("The answer is May, not June.", True),
        ("June, which means May.", True),
        ("It is not June", False),
        ("I would not be surprised at May", False),
        ("It must be June, so I think.", False),
        ("", False),
    ],
)
def test_a_conclusion_outweighs_what_leads_to_it(text: str, right: bool) -> None:
    assert gives(text, ["May"], ["June"]) is right


@pytest.mark.parametrize(
    ("text", "items", "right"),
    [
        ("b then a", ["b", "a"], True),
        ("a, b", ["b", "a"], False),
        ("b, x, a", ["b", "a"], False),
        ("a, b, a: b and a", ["b", "a"], True),
        ("1. 4\n2. 7", ["4", "7"], True),
        ("4, 7, 9", ["4", "7"], False),
        ("4", ["4", "7"], False),
        ("", ["4", "7"], False),
    ],
)
def test_a_list_is_in_order_and_nothing_stands_between(text: str, items: list[str], right: bool) -> None:
    assert in_order(text, items) is right
