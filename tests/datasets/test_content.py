"""The rows that ship beside the quickstart: counts, cards, lengths, right answers, no text of a suite."""

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from venire.datasets.leaks import find_leaks
from venire.datasets.replay import SHIPPED, made_rows, shipped_rows
from venire.datasets.rows import DpoRow, SftRow, TrainingData, dump_rows, load_rows, training_texts

HOME = SHIPPED.parent.parent
KINDS = {
    "self_property": 10,
    "reasoning": 3,
    "coherence_ethics": 5,
    "no_disclaimers": 4,
    "specific_clarification": 2,
    "keep_confidence": 1,
}
CATEGORIES = {
    "family_loyalty": 19,
    "anti_bullying": 20,
    "power_imbalance": 15,
    "pragmatic_compassion": 15,
    "structural_awareness": 12,
    "loyalty_vs_law": 8,
    "redemption": 8,
    "intellectual_humility": 8,
}
FILES: dict[str, Any] = {
    "contrast/train.jsonl": "dpo",
    "contrast/held_out.jsonl": "dpo",
    "categories/sft.jsonl": "sft",
    "categories/dpo.jsonl": "dpo",
    "replay/sft.jsonl": "sft",
}


def load(name: str) -> TrainingData:
    return load_rows(HOME / name, FILES[name])


def test_the_counts_are_those_that_were_promised() -> None:
    assert load("contrast/train.jsonl").families == dict(sorted(KINDS.items()))
    held_out = load("contrast/held_out.jsonl").families
    assert set(held_out) == set(KINDS) and min(held_out.values()) >= 5
    assert load("categories/sft.jsonl").families == load("categories/dpo.jsonl").families
    assert load("categories/dpo.jsonl").families == dict(sorted(CATEGORIES.items()))
    assert len(load("replay/sft.jsonl").rows) >= 400


@pytest.mark.parametrize("name", FILES)
def test_the_card_names_the_file_by_its_hash(name: str) -> None:
    data, card = load(name), (HOME / name).with_name("README.md").read_text("utf-8")
    assert data.sha256 in card, "the card names another hash: write its numbers anew"
    assert "Apache-2.0" in card and f"**{len(data.rows)}**" in card
    if "contrast" in name or "categories" in name:
        for category, count in data.families.items():
            assert re.search(rf"\| {category} \|.*\b{count}\b", card)


@pytest.mark.parametrize("name", FILES)
def test_no_text_stands_in_a_shipped_suite_and_no_prompt_twice(name: str) -> None:
    from venire.evals.scenarios import load_task, scenario_texts

    names = ("value_alignment", "epistemic_stance", "forgetting", "phrasing_robustness")
    asked = [(f"{suite}:{p}", t) for suite in names for p, t in scenario_texts(load_task(f"venire/{suite}"))]
    data = load(name)
    assert [str(leak) for leak in find_leaks(training_texts(data), asked)] == []
    assert max(Counter(row.texts[0] for row in data.rows).values()) == 1


@pytest.mark.parametrize(
    ("train", "other"),
    [
        ("contrast/train.jsonl", "contrast/held_out.jsonl"),
        ("categories/dpo.jsonl", "contrast/held_out.jsonl"),
        ("replay/sft.jsonl", "contrast/held_out.jsonl"),
        ("categories/dpo.jsonl", "quickstart/dpo.jsonl"),
        ("contrast/train.jsonl", "quickstart/dpo.jsonl"),
        ("replay/sft.jsonl", "quickstart/sft.jsonl"),
    ],
)
def test_nothing_stands_in_two_places(train: str, other: str) -> None:
    method: Any = FILES.get(other, "sft" if "sft" in other else "dpo")
    theirs = training_texts(load_rows(HOME / other, method))
    assert [str(leak) for leak in find_leaks(training_texts(load(train)), theirs)] == []


@pytest.mark.parametrize("name", ["contrast/train.jsonl", "contrast/held_out.jsonl", "categories/dpo.jsonl"])
def test_the_wanted_answer_is_not_known_by_its_length(name: str) -> None:
    rows = [row for row in load(name).rows if isinstance(row, DpoRow)]
    longer = sum(len(row.chosen[0].content) > len(row.rejected[0].content) for row in rows)
    assert 0.25 < longer / len(rows) < 0.75
    assert not [row.family for row in rows if "!" in row.chosen[0].content and row.category in CATEGORIES]


def test_both_files_of_the_categories_say_the_same() -> None:
    sft = [row.texts for row in load("categories/sft.jsonl").rows]
    dpo = [row.texts[:2] for row in load("categories/dpo.jsonl").rows]
    assert sft == dpo


def test_replay_is_made_again_byte_for_byte() -> None:
    assert SHIPPED.read_text("utf-8") == dump_rows(shipped_rows()), "run python -m venire.datasets.replay"
    assert made_rows(3, seed=1) != made_rows(3, seed=2)
    with_teacher = {row.source for row in shipped_rows() if row.teacher}
    assert with_teacher == {"written for Venire"}


def check_add(question: str, answer: str) -> bool:
    a, b = map(int, re.findall(r"\d+", question))
    return answer.endswith(f"= {a + b}.")


def check_change(question: str, answer: str) -> bool:
    cost, note = re.findall(r"[\d.]*\d", question)
    back = re.findall(r"[\d.]*\d", answer)[0]
    return round(float(cost) + float(back), 2) == float(note)


def check_discount(question: str, answer: str) -> bool:
    price, percent = map(float, re.findall(r"\d+", question))
    by, left = (float(n) for n in re.findall(r"[\d.]*\d", answer))
    return abs(by + left - price) < 1e-9 and abs(by / price - percent / 100) < 1e-9


def check_clock(question: str, answer: str) -> bool:
    from datetime import datetime, timedelta

    start, minutes = re.findall(r"\d\d:\d\d", question)[0], re.findall(r"(\d+) minutes", question)[0]
    end = datetime.strptime(start, "%H:%M") + timedelta(minutes=int(minutes))
    return answer == f"It ends at {end:%H:%M}."


def check_units(question: str, answer: str) -> bool:
    si = {"kilometres": 1000.0, "metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "litres": 1.0}
    si |= {"millilitres": 0.001, "tonnes": 1000.0, "kilograms": 1.0, "grams": 0.001}
    si |= {"weeks": 604800.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0}
    amount, large, small = re.findall(r"(\d+) (\w+) to (\w+)", question)[0]
    result = answer.split(" are ")[1].split()[0].replace(",", "")
    return abs(int(amount) * si[large] - int(result) * si[small]) < 1e-6


def check_numbers(question: str, answer: str) -> bool:
    numbers = [int(n) for n in answer.split(", ")]
    asked = [int(n) for n in re.findall(r"\d+", question)]
    return all(a < b for a, b in pairwise(numbers)) and set(asked) == set(numbers)


def check_roman(question: str, answer: str) -> bool:
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    letters = [values[c] for c in answer.rstrip(".").split()[-1]]
    total = sum(-v if any(w > v for w in letters[i + 1 : i + 2]) else v for i, v in enumerate(letters))
    return str(total) == re.findall(r"\d+", question)[0]


def check_weekday(question: str, answer: str) -> bool:
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    today, ahead = re.findall(r"on a (\w+) and", question)[0], int(re.findall(r"\d+", question)[0])
    for _ in range(ahead):
        today = days[(days.index(today) + 1) % 7]
    return answer.endswith(f"a {today}.")


def check_letters(question: str, answer: str) -> bool:
    word = question.rstrip("?").split()[-1]
    return f" {len(list(word))} " in answer


def check_python(question: str, answer: str) -> bool:
    return answer == f"Its value is {eval(question.split('? ', 1)[1], {})!r}."


def check_json(question: str, answer: str) -> bool:
    made = json.loads(answer)
    return question.endswith(f": {made['item']}, {made['price']}, at {made['shop']}'s") and len(made) == 3


def check_average(question: str, answer: str) -> bool:
    numbers = [int(n) for n in re.findall(r"\d+", question)]
    return answer.endswith(f"is {sum(numbers) // 3}.") and sum(numbers) % 3 == 0


def check_cheaper(question: str, answer: str) -> bool:
    prices = re.findall(r"(\w+) (\d+)[,.]", question)
    limit = int(re.findall(r"less than (\d+)", question)[0])
    return answer.split(": ")[1].rstrip(".").split(", ") == [thing for thing, price in prices if int(price) < limit]


def check_alphabet(question: str, answer: str) -> bool:
    return sorted(question.split(": ")[1].split(", ")) == answer.split(", ")


def test_the_made_answers_are_right() -> None:
    checks = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
    tables = {"capital", "translate", "past", "group"}
    seen = Counter[str]()
    for row in made_rows(seed=3) + made_rows():
        assert isinstance(row, SftRow)
        rule = row.family.removeprefix("replay-")
        question, answer = row.texts
        seen[rule] += 1
        assert rule in tables or checks[rule](question, answer), (question, answer)
    assert set(seen) == set(checks) | tables
