"""General instructions for replay, against forgetting: rows written by hand, and rows made by rule and computed.

    python -m venire.datasets.replay      # writes replay/sft.jsonl anew: the written rows, then the made ones

Both are plain and correct, and none is about anybody's values. What the rules draw from is in `replay/tables.yaml`.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from venire._common.files import write_atomic
from venire._common.reading import read_yaml

from .rows import Message, SftRow, dump_rows

HOME = Path(__file__).parent / "replay"
SHIPPED = HOME / "sft.jsonl"
SEED = 20240607
EACH = 18  # rows of a rule
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS = (
    ("kilometres", "metres", 1000), ("kilograms", "grams", 1000), ("litres", "millilitres", 1000),
    ("metres", "centimetres", 100), ("hours", "minutes", 60), ("days", "hours", 24), ("weeks", "days", 7),
    ("tonnes", "kilograms", 1000), ("centimetres", "millimetres", 10),
)  # fmt: skip
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
          (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
Made = tuple[str, str]  # a question and its answer
Rule = Callable[[random.Random, dict[str, Any]], Made]


def written_rows() -> list[SftRow]:
    """The rows of `replay/written.yaml`."""
    rows = read_yaml(HOME / "written.yaml")
    return [_row(row["id"], row["turns"], "written for Venire", "anthropic") for row in rows]


def made_rows(each: int = EACH, seed: int = SEED) -> list[SftRow]:
    """`each` rows of every rule, no question twice; the same for the same seed. The rows of a rule are one family."""
    tables = read_yaml(HOME / "tables.yaml")
    rows = []
    for name, rule in RULES.items():
        rng = random.Random(f"{seed}:{name}")
        seen: set[str] = set()
        while len(seen) < each:
            question, answer = rule(rng, tables)
            if question not in seen:
                seen.add(question)
                rows.append(_row(name, [question, answer], "made by rule", None))
    return rows


def _row(name: str, turns: list[str], source: str, teacher: str | None) -> SftRow:
    roles = ("user", "assistant")
    messages = [Message(role=roles[i % 2], content=turn.strip()) for i, turn in enumerate(turns)]
    return SftRow(category="replay", family=f"replay-{name}", source=source, teacher=teacher, messages=messages)


def _add(rng: random.Random, tables: dict[str, Any]) -> Made:
    a, b = rng.randint(120, 899), rng.randint(120, 899)
    return f"Add {a} and {b}.", f"{a} + {b} = {a + b}."


def _change(rng: random.Random, tables: dict[str, Any]) -> Made:
    cents, note = rng.randint(105, 1895), rng.choice([20, 50])
    paid, back = f"{cents / 100:.2f}", f"{(100 * note - cents) / 100:.2f}"
    return (
        f"I buy something for {paid} and pay with a note of {note}. How much change do I get?",
        f"You get {back} back.",
    )


def _discount(rng: random.Random, tables: dict[str, Any]) -> Made:
    thing, price, off = rng.choice(tables["things"]), 20 * rng.randint(2, 30), rng.choice([5, 10, 15, 20, 25, 30, 40])
    left = price * (100 - off) / 100
    question = f"A {thing} costs {price} and is reduced by {off} percent. What does it cost now?"
    return question, f"It is reduced by {price - left:g}, so it costs {left:g} now."


def _clock(rng: random.Random, tables: dict[str, Any]) -> Made:
    start, minutes = 60 * rng.randint(8, 20) + 5 * rng.randint(0, 11), 5 * rng.randint(5, 36)
    end = (start + minutes) % (24 * 60)
    what = rng.choice(["film", "concert", "meeting", "lesson", "train journey"])
    question = f"A {what} begins at {_time(start)} and lasts {minutes} minutes. When does it end?"
    return question, f"It ends at {_time(end)}."


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _units(rng: random.Random, tables: dict[str, Any]) -> Made:
    (large, small, factor), amount = rng.choice(_UNITS), rng.randint(3, 48)
    return f"Convert {amount} {large} to {small}.", f"{amount} {large} are {amount * factor:,} {small}."


def _numbers(rng: random.Random, tables: dict[str, Any]) -> Made:
    numbers = rng.sample(range(3, 400), 5)
    listed = ", ".join(map(str, numbers))
    return f"Sort these numbers from small to large: {listed}", ", ".join(map(str, sorted(numbers)))


def _alphabet(rng: random.Random, tables: dict[str, Any]) -> Made:
    words = rng.sample(tables["things"], 4)
    return f"Put these words in alphabetical order: {', '.join(words)}", ", ".join(sorted(words))


def _letters(rng: random.Random, tables: dict[str, Any]) -> Made:
    word = rng.choice([word for word in tables["things"] if " " not in word])
    return f"How many letters are there in the word {word}?", f"The word {word} has {len(word)} letters."


def _weekday(rng: random.Random, tables: dict[str, Any]) -> Made:
    day, ahead = rng.randrange(7), rng.randint(4, 25)
    question = f"A parcel is posted on a {_DAYS[day]} and travels for {ahead} days. On which weekday does it arrive?"
    return question, f"It arrives on a {_DAYS[(day + ahead) % 7]}."


def _python(rng: random.Random, tables: dict[str, Any]) -> Made:
    a, b, word = rng.randint(2, 9), rng.randint(10, 40), rng.choice(tables["things"]).replace(" ", "")
    numbers = rng.sample(range(1, 60), 4)
    code, value = rng.choice(
        [
            (f"sorted({numbers})", sorted(numbers)),
            (f"max({numbers})", max(numbers)),
            (f"sum({numbers})", sum(numbers)),
            (f"{b} // {a}", b // a),
            (f"{b} % {a}", b % a),
            (f"len({word!r})", len(word)),
            (f"{word!r}.upper()", word.upper()),
            (f"{word!r}[::-1]", word[::-1]),
            (f"[{a} * n for n in range(4)]", [a * n for n in range(4)]),
        ]
    )
    return f"What is the value of this Python expression? {code}", f"Its value is {value!r}."


def _roman(rng: random.Random, tables: dict[str, Any]) -> Made:
    number = rng.randint(12, 1999)
    left, numeral = number, ""
    for value, letters in _ROMAN:
        numeral += letters * (left // value)
        left %= value
    return f"Write {number} as a Roman numeral.", f"{number} is {numeral}."


def _json(rng: random.Random, tables: dict[str, Any]) -> Made:
    item, price, shop = rng.choice(tables["things"]), rng.randint(3, 95), rng.choice(tables["shops"])
    question = f"Turn this note into JSON with the fields item, price and shop: {item}, {price}, at {shop}'s"
    return question, json.dumps({"item": item, "price": price, "shop": shop})


def _average(rng: random.Random, tables: dict[str, Any]) -> Made:
    mean, spread = rng.randint(10, 80), rng.randint(1, 9)
    numbers = [mean - spread, mean, mean + spread]
    rng.shuffle(numbers)
    listed = f"{numbers[0]}, {numbers[1]} and {numbers[2]}"
    return f"What is the average of {listed}?", f"They add up to {sum(numbers)}, and a third of that is {mean}."


def _cheaper(rng: random.Random, tables: dict[str, Any]) -> Made:
    things, limit = rng.sample(tables["things"], 4), rng.choice([10, 20, 30])
    prices = [rng.choice([p for p in range(3, 60) if p != limit]) for _ in things]
    prices[0], prices[1] = rng.randint(2, limit - 1), rng.randint(limit + 1, 70)
    order = rng.sample(range(4), 4)
    listed = ", ".join(f"{things[i]} {prices[i]}" for i in order)
    found = ", ".join(things[i] for i in order if prices[i] < limit)
    return (
        f"Here is a price list: {listed}. Which of these cost less than {limit}?",
        f"These cost less than {limit}: {found}.",
    )


def _from_table(key: str, question: str, answer: str) -> Rule:
    """A rule that draws a row of a table and puts its cells `{0}`, `{1}`, … into the texts."""

    def rule(rng: random.Random, tables: dict[str, Any]) -> Made:
        row = rng.choice(tables[key])
        return question.format(*row), answer.format(*row)

    return rule


RULES: dict[str, Rule] = {
    "add": _add,
    "change": _change,
    "discount": _discount,
    "clock": _clock,
    "units": _units,
    "numbers": _numbers,
    "alphabet": _alphabet,
    "letters": _letters,
    "weekday": _weekday,
    "python": _python,
    "roman": _roman,
    "json": _json,
    "average": _average,
    "cheaper": _cheaper,
    "capital": _from_table("capitals", "Which city is the capital of {0}?", "{1} is the capital of {0}."),
    "translate": _from_table("words", "How does one say '{0}' in {1}?", "In {1} it is '{2}'."),
    "past": _from_table("verbs", "Put this sentence into the past tense: {0}", "{1}"),
    "group": _from_table("groups", "Is a {0} {1} or {2}?", "A {0} is {3}."),
}  # fmt: skip


def shipped_rows() -> list[SftRow]:
    """What `replay/sft.jsonl` holds."""
    return [*written_rows(), *made_rows()]


if __name__ == "__main__":
    write_atomic(SHIPPED, dump_rows(shipped_rows()))
