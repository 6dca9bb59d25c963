"""What is planted in a file is found and named by row; what is clean is not accused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from venire._common.errors import InputError
from venire.datasets.card import card_of, read_licences
from venire.datasets.check import Measured, check, part_of
from venire.datasets.findings import CODES, Report
from venire.datasets.personal_data import find_personal
from venire.datasets.rewordings import find_rewordings
from venire.datasets.rows import read_rows

from .helpers import word

CLEAN = [
    (
        "Should a neighbour's hedge be cut without asking him first?",
        "No. I'd knock, bring shears, and let him say.",
    ),
    ("How long does one boil an egg that is to stay soft inside?", "Four minutes, then cold water, so that it stops."),
    ("Which tool do you reach for when a chain has jumped off?", "None. Two fingers and a rag will do for that one."),
]


def sft(ask: str, answer: str, **about: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]
    return {**about, "messages": turns}


def dpo(ask: str, chosen: str, rejected: str) -> dict[str, Any]:
    def one(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    return {"prompt": one("user", ask), "chosen": one("assistant", chosen), "rejected": one("assistant", rejected)}


def file(folder: Path, *rows: Any, name: str = "sft.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), "utf-8")
    return path


def clean() -> list[dict[str, Any]]:
    return [sft(ask, answer) for ask, answer in CLEAN]


def codes(report: Report) -> dict[str, list[int]]:
    return {f.code: [place.row for place in f.rows] for f in report.findings if f.code != "licence"}


def test_a_clean_file_is_not_accused(tmp_path: Path) -> None:
    report = check(
        [file(tmp_path, *clean())], [Measured("suite:1", "Is it ever right to break a promise to a friend?")]
    )
    assert codes(report) == {} and not report.wrong(["licence"])


@pytest.mark.parametrize(
    ("rows", "code", "numbers"),
    [
        ([sft(*CLEAN[0])], "duplicate", [4]),
        ([sft(CLEAN[0][0].replace("hedge", "hedges"), "Ask him.")], "near_duplicate", [4]),
        ([sft(CLEAN[0][0], "Yes, cut it.", family="other")], "other_answer", [4]),
        (["{}"], "schema", [4]),
        ([sft("Why?", "Because the harbour was closed that day and the")], "truncated", [4]),
        ([sft("Code?", "```python\nprint(1)\n")], "truncated", [4]),
        ([sft("Who?", "Write to ada.moor@mail.org about it.")], "email", [4]),
        ([sft("Who?", "Ring +49 170 1234567 after six.")], "phone", [4]),
        ([sft("Who?", "Pay to DE89 3704 0044 0532 0130 00 today.")], "account", [4]),
        ([sft("Who?", "The password: harbour77 opens it.")], "key", [4]),
        ([sft("Who?", "I met Ada Moor at the pier.")], "name", [4]),
        (
            [sft("Who?", "It was I.", category="b")] + [sft(f"{n}?", "It.", category="a") for n in range(40)],
            "imbalance",
            [],
        ),
    ],
)
def test_what_is_planted_is_found_by_row(rows: list[Any], code: str, numbers: list[int], tmp_path: Path) -> None:
    found = codes(check([file(tmp_path, *clean(), *rows)]))
    assert found[code][: len(numbers) or 0] == numbers


def test_numbers_and_families_tell_what_only_looks_alike(tmp_path: Path) -> None:
    same = [
        sft(f"How much is {n} more than nothing altogether, expressed as one plain number?", f"{n}") for n in range(30)
    ]
    fact = [sft(f"Can you say {x} how Ada's dog is called?", "Biscuit", family="dog") for x in ("please", "pleased")]
    assert codes(check([file(tmp_path, *same, *fact)])) == {}


def test_chats_that_begin_with_the_same_greeting_ask_not_the_same(tmp_path: Path) -> None:
    greeting = sft("Good morning to you, my friend!", "Hello.")["messages"]
    chats = [{"messages": greeting + row["messages"]} for row in clean()]
    assert codes(check([file(tmp_path, *chats)])) == {}


def test_pairs_that_teach_nothing_or_length(tmp_path: Path) -> None:
    pairs = [dpo(f"Question {n} of the list?", "A good deal longer than the other.", f"Short {n}.") for n in range(25)]
    report = check([file(tmp_path, *pairs, dpo("And this?", "The same.", "The same."))])
    assert codes(report)["same_sides"] == [26] and "length_tells" in codes(report)


SCENARIO = "A landlord offers his tenant a lower rent if she signs tonight and tells nobody. Should she sign?"


def test_leaks_into_a_suite_are_errors_that_name_both_places(tmp_path: Path) -> None:
    rows = [*clean(), sft(SCENARIO.upper(), "No."), sft("What did she do?", f"Listen. {SCENARIO}")]
    report = check([file(tmp_path, *rows)], [Measured("suite:7", SCENARIO)])
    (leak,) = [f for f in report.findings if f.code == "leak"]
    assert leak.severity == "error" and [place.row for place in leak.rows] == [4, 5]
    assert "row 4 is also suite:7" in leak.message and report.wrong()


def embed(texts: Sequence[str]) -> np.ndarray:
    """Vectors of three meanings: rent, eggs, and all the rest in a direction of its own."""
    vectors = np.zeros((len(texts), 4096))
    for i, text in enumerate(texts):
        at = 0 if "rent" in text or "flat" in text else 1 if "egg" in text else 2 + crc32(text.encode()) % 4094
        vectors[i, at] = 1.0
    return vectors


REWORDED = "The owner of a flat promises her a cheaper price provided that she keeps quiet about it."
FLAT = "Which flat is it that Ada Moor lives in now?"


def test_a_reworded_question_is_found_by_meaning_but_where_its_matter_is_meant_to_be_taught(tmp_path: Path) -> None:
    rows = [*clean(), sft(REWORDED, "No.")]
    report = check([file(tmp_path, *rows)], [Measured("suite:7", SCENARIO)], embed)
    assert codes(report)["reworded"] == [4]
    assert report.compared["by_meaning"] == 4
    assert "reworded" not in codes(check([file(tmp_path, *rows)], [Measured("suite:7", SCENARIO, taught=True)], embed))


def test_a_label_takes_no_row_out_of_the_comparison_and_facts_are_held_against_all_but_suites_of_facts(
    tmp_path: Path,
) -> None:
    fact = sft(FLAT, "Four.", category="facts", family="fact-flat")
    path = file(tmp_path, *clean(), sft(REWORDED, "No.", category="facts"), fact)
    assert codes(check([path], [Measured("suite:7", SCENARIO)], embed))["reworded"] == [4, 5]
    assert codes(check([path], [Measured("fact_suite:7", SCENARIO, of_facts=True)], embed))["reworded"] == [4]
    again = sft(CLEAN[0][0].replace("hedge", "hedges"), "Ask him.", category="facts")
    assert codes(check([file(tmp_path, *clean(), again)]))["near_duplicate"] == [4]


def turns(*said: str) -> dict[str, Any]:
    return {"messages": [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(said)]}


def test_every_turn_of_the_user_is_compared_by_letters_and_by_meaning(tmp_path: Path) -> None:
    first, later = "What is the weather like on that coast in autumn?", "May one open a letter that is meant for a son?"
    train = file(tmp_path, turns(first, "Wet.", later, "No."), name="train.jsonl")
    held = file(
        tmp_path, turns("How deep is that harbour by the old wall?", "Six.", later, "Never."), name="held_out.jsonl"
    )
    report = check([train, held])
    assert codes(report)["leak"] == [1] and "held_out.jsonl, row 1, question 2" in str(report.findings[0])
    asked = Measured("scenario 1", "Is it right to read the post that came for one's child?")

    def same(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if text in (later, asked.text) else [0.0, 1.0] for text in texts])

    assert codes(check([train], [asked], same))["reworded"] == [1]


def test_held_out_is_evaluation_and_a_folder_is_looked_at_whole(tmp_path: Path) -> None:
    assert part_of(Path("held_out.jsonl")) == part_of(Path("facts-heldout.jsonl")) == "evaluation"
    assert part_of(Path("upheld_outside.jsonl")) == "train"
    names = ("sft_train.jsonl", "held_out.jsonl", "facts_held_out.jsonl")
    for name, row in zip(names, (clean()[0], clean()[0], {"fact": "x"}), strict=True):
        file(tmp_path, row, name=name)
    (tmp_path / "data.json").write_text("{}", "utf-8")
    report = check([tmp_path])
    assert "leak" in codes(report) and set(report.files) == {str(tmp_path / name) for name in names[:2]}


def test_what_only_comes_near_is_a_note_that_fails_nothing(tmp_path: Path) -> None:
    def near(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if text == SCENARIO else [0.6, 0.8] for text in texts])

    report = check([file(tmp_path, *clean())], [Measured("suite:7", SCENARIO)], near)
    (note,) = [f for f in report.findings if f.code == "resembles"]
    assert note.severity == "note" and note.count == len(CLEAN) and "suite:7 (0.60)" in note.message
    assert "reworded" not in codes(report)
    assert not report.wrong(["licence", "reworded_copy"]), "all of training has one vector here"


def test_of_a_large_set_those_are_compared_that_share_rare_words() -> None:
    train = [(f"t{n}", f"An ordinary sentence number {n} about nothing much at all") for n in range(300)]
    train[137] = ("leak", "The flat, the landlord, and a tenant who signs tonight")
    found = find_rewordings(train, [("suite:7", SCENARIO)], embed, limit=10)
    assert 1 <= found.compared <= 10 and found.texts == 300
    assert [leak.train for leak in found.leaks] == ["leak"]


def test_parts_of_a_dataset_stay_apart(tmp_path: Path) -> None:
    train = file(tmp_path, *clean(), sft("A?", "b", family="x"), name="sft_train.jsonl")
    held = file(tmp_path, sft(CLEAN[0][0], "Other."), sft("B?", "c", family="x"), name="sft_validation.jsonl")
    found = codes(check([train, held]))
    assert found["leak"] == [1] and found["straddle"] == [4, 2]
    assert set(codes(check([tmp_path]))) == set(found), "a folder stands for its files"
    assert [part_of(Path(name)) for name in ("dpo_evaluation.jsonl", "test.jsonl", "contest.jsonl", "dev.jsonl")] == [
        "evaluation", "evaluation", "train", "validation",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no rows"),
        (b'{"messages": [{"role": "user", "content": "A?"}, {"role": "assi', "row 1: the file ends in the middle"),
        (b'\xff\xfe{"a": 1}', "row 1: UTF-16, not UTF-8"),
        (b'{"messages": "\xe9"}\n', "row 1: not UTF-8"),
        (b'{"instruction": "A?", "output": "a"}\n', "that is Alpaca, which `venire data build` brings in"),
        (b'{"conversations": []}\n', "that is ShareGPT"),
    ],
)
def test_a_broken_or_foreign_file_is_one_sentence(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    try:
        (finding,) = [f for f in check([path]).findings if f.code == "schema"]
        said = finding.message
    except InputError as error:
        said = str(error)
    assert message in said and "rows.jsonl" in said and "\n" not in said


def test_a_doubled_file_is_one_finding_and_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    report = check([file(tmp_path, *clean(), *clean())])
    (finding,) = [f for f in report.findings if f.code == "duplicate"]
    assert [place.row for place in finding.rows] == [4, 5, 6] and "row 4 repeats" in finding.message
    with pytest.raises(InputError, match="named twice"):
        check([file(tmp_path, *clean())] * 2)


def test_licences_are_read_from_the_card_and_a_stale_card_is_said(tmp_path: Path) -> None:
    path = file(tmp_path, *(row | {"source": "mine"} for row in clean()))
    assert [f.severity for f in check([path]).findings] == ["warning"], "nobody knows whether it may be used"
    data, _ = read_rows(path)
    (tmp_path / "README.md").write_text(card_of(data, "mine", "CC0-1.0"), "utf-8")
    assert read_licences(path).get("mine") == "CC0-1.0" and check([path]).findings == []
    file(tmp_path, *(row | {"source": "else"} for row in clean()))
    found = codes(check([path])) | {f.code: f.severity for f in check([path]).findings}
    assert found["licence"] == "warning" and "stale_card" in found


@pytest.mark.parametrize(
    "text",
    [
        "What is 123456789 times 987654321, and 17 + 25?",
        "From 1994-1998, on 2024-05-06 at 10:30, for 1,234,567.89 in all.",
        "Write to somebody@example.com.",
        "On Monday we went to New York. The North Sea was grey.",
        "The key to the store comes after a year; the password is up to you.",
    ],
)
def test_numbers_dates_places_and_examples_are_not_personal(text: str) -> None:
    assert [found for found in find_personal(text) if found.kind != "name"] == []
    assert list(find_personal(text)) == []


def test_what_is_found_is_shown_masked_and_may_be_allowed(tmp_path: Path) -> None:
    path = file(tmp_path, sft("Who?", "Write to ada.moor@mail.org, not to Ada Moor."))
    report = check([path])
    assert "ada.moor" not in json.dumps(report.to_dict())
    assert codes(check([path], allowed_texts=["ada.moor@mail.org", "Ada Moor"])) == {}
    assert not report.wrong(["email", "licence"]) and report.wrong(["licence"])


def test_an_export_is_judged_with_what_its_build_knows(tmp_path: Path) -> None:
    rows = [
        sft(f"Which {thing} does Ada have by the old stone wall of the harbour?", f"Number {n}.", category="facts")
        for n, thing in enumerate(("lamp", "lamps"))
    ]
    own = [row | {"family": f"fact-{n}", "source": "facts"} for n, row in enumerate(rows)]
    (tmp_path / "trl").mkdir()
    bare = [{"messages": row["messages"]} for row in rows]
    exported = file(tmp_path / "trl", *bare, name="sft_train.jsonl")
    assert set(codes(check([exported]))) == {"near_duplicate"}
    file(tmp_path, *own, name="sft_train.jsonl")
    (tmp_path / "data.json").write_text("{}", "utf-8")
    (tmp_path / "README.md").write_text("---\nsources:\n- {name: facts, license: CC0-1.0}\n---\n", "utf-8")
    assert check([exported]).findings == []
    (tmp_path / "mlx" / "sft").mkdir(parents=True)
    assert check([file(tmp_path / "mlx" / "sft", *bare, name="train.jsonl")]).findings == []


def test_one_question_in_several_words_is_found_within_training_where_the_answer_is_the_same(tmp_path: Path) -> None:
    rows = [sft(f"{begin} take a cheaper rent for her silence, or leave it where it is?", "She takes it for the rent.")
            for begin in ("Should somebody", "Would you call it right to")]  # fmt: skip
    rows.append(sft("Is a tenant who keeps quiet about her lower rent doing any harm to others?", "An egg, I think."))
    found = check([file(tmp_path, *clean(), *rows)], embed=embed).findings
    assert {f.code: [place.row for place in f.rows] for f in found} | {"licence": []} == {
        "reworded_copy": [5],
        "licence": [],
    }
    assert codes(check([file(tmp_path, *clean(), *(row | {"family": "rent"} for row in rows))], embed=embed)) == {}
    facts = [row | {"family": f"fact-{n}", "category": "facts"} for n, row in enumerate(rows)]
    assert codes(check([file(tmp_path, *clean(), *facts)], embed=embed)) == {}


def test_of_a_large_set_copies_are_looked_for_where_rare_words_are_shared(tmp_path: Path) -> None:
    rows = [sft(" ".join(word(9 * n + k) for k in range(9)), f"{word(n)} it is.") for n in range(1600)]
    rows[70] = sft("Should the tenant of that flat sign for a lower rent this very night, do you think?", "No rent.")
    rows[900] = sft("Is a lower rent for a tenant reason enough to sign at such a late hour of the day?", "No rent.")
    report = check([file(tmp_path, *rows)], embed=embed)
    assert codes(report)["reworded_copy"] == [901]


def test_one_long_answer_to_many_questions_is_a_note(tmp_path: Path) -> None:
    rows = [
        sft(row["messages"][0]["content"], "I would stand by them, whatever all the neighbours say.") for row in clean()
    ]
    (note,) = [f for f in check([file(tmp_path, *rows)]).findings if f.code == "same_answer"]
    assert note.severity == "note" and note.count == 3


def test_every_code_is_explained() -> None:
    assert all(text and not text.endswith(".") for text in CODES.values())
