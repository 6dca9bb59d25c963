"""What is trained on: replay in the stated ratio, whole families held out, the same ones in every run."""

import json
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.datasets.split import family_of
from venire.training.mixture import Mixture, mix


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def row(question: str, family: str = "", **more: Any) -> dict[str, Any]:
    chat = [{"role": "user", "content": question}, {"role": "assistant", "content": f"Yes, {question}"}]
    return {"messages": chat, "family": family, **more}


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """Twelve families of five phrasings each."""
    rows = [row(f"fact {f}, asked {i}", f"fact-{f}", category="fact") for i in range(5) for f in range(12)]
    return write(tmp_path / "values.jsonl", rows)


@pytest.fixture
def general(tmp_path: Path) -> Path:
    return write(tmp_path / "general.jsonl", [row(f"general {i}", category="replay") for i in range(10)])


def mixed(file: Path, **changes: Any) -> Mixture:
    usual: dict[str, Any] = {"written": "v", "held_out": None, "replay": None, "phrasings": None, "seed": 1}
    return mix(file, "sft", **{**usual, **changes})


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75])
def test_replay_makes_up_its_share_even_where_there_are_few_rows(values: Path, general: Path, share: float) -> None:
    found = mixed(values, replay=(general, share))
    of_replay = sum(r.category == "replay" for r in found.train.rows)
    assert of_replay / len(found.train.rows) == pytest.approx(share, abs=0.01)
    assert found.described["replay"]["rows"] == of_replay
    assert found.described["families"] == {"fact": 60, "replay": of_replay}
    if of_replay >= 20:  # more than there are: all of them as often, but for one
        counts = [sum(r.texts == g.texts for r in found.train.rows) for g in mixed(general).train.rows]
        assert max(counts) - min(counts) <= 1


def test_the_seed_chooses_the_replay_and_every_row_keeps_its_place(values: Path, general: Path) -> None:
    one, again, other = (mixed(values, replay=(general, 0.1), seed=s) for s in (1, 1, 2))
    assert one.train == again.train != other.train
    places = {one.train.place(i) for i, r in enumerate(one.train.rows) if r.category == "replay"}
    assert all(f"{general}, row " in place for place in places)


def test_whole_families_are_held_out_the_same_ones_for_every_seed(values: Path) -> None:
    one, other = mixed(values, held_out=0.25), mixed(values, held_out=0.25, seed=9)
    assert one.held_out is not None and one.held_out == other.held_out
    apart = {family_of(r) for r in one.held_out.rows}
    assert len(apart) == 3 and not apart & {family_of(r) for r in one.train.rows}
    assert one.described["held_out"]["rows"] == len(one.held_out.rows) == 15


def answers(file: Path, questions: range, said: str = "Answer", **more: Any) -> Path:
    """Five answers to each question."""
    rows = [row(f"What of my value number {q}?", **more) for q in questions for _ in range(5)]
    for i, made in enumerate(rows):
        made["messages"][1]["content"] = f"{said} {i}"
    return write(file, rows)


def test_rows_without_a_family_are_held_out_by_their_question(tmp_path: Path) -> None:
    file = answers(tmp_path / "bare.jsonl", range(20))
    found = mixed(file, held_out=0.2)
    assert found.held_out is not None and len(found.held_out.rows) == 20
    trained = {r.texts[0] for r in found.train.rows}
    assert not trained & {r.texts[0] for r in found.held_out.rows}
    assert len(mixed(file, phrasings=1).train.rows) == 20
    other = answers(tmp_path / "other.jsonl", range(19, 21), "Another answer", family="new")
    with pytest.raises(InputError, match=r"other\.jsonl, row 1: held out, and .*bare\.jsonl, row \d+ .* question"):
        mixed(file, held_out=other)


def test_families_that_share_a_question_are_held_out_together(tmp_path: Path) -> None:
    rows = [row(f"What of value {n // 2}?", f"family-{n}") for n in range(20)]
    found = mixed(write(tmp_path / "shared.jsonl", rows), held_out=0.3)
    assert found.held_out is not None and len(found.held_out.rows) == 6
    assert not {r.texts[0] for r in found.train.rows} & {r.texts[0] for r in found.held_out.rows}


def test_more_phrasings_than_any_family_has_are_refused_and_fewer_in_some_are_told(values: Path) -> None:
    assert mixed(values, phrasings=5).described == mixed(values).described | {"phrasings": 5}
    with pytest.raises(InputError, match=r"values\.jsonl: phrasings: 6, and no family has more than 5 rows"):
        mixed(values, phrasings=6)
    values.write_text(values.read_text() + json.dumps(row("a thirteenth fact", "fact-12")) + "\n")
    assert mixed(values, phrasings=3).described["fewest_phrasings"] == 1


def test_fewer_phrasings_are_part_of_more(values: Path) -> None:
    few, more = mixed(values, phrasings=1).train, mixed(values, phrasings=3).train
    assert (len(few.rows), len(more.rows)) == (12, 36)
    assert {str(r.texts) for r in few.rows} <= {str(r.texts) for r in more.rows}
    assert all("asked 0" in r.texts[0] for r in few.rows)


def test_a_share_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    single = write(tmp_path / "one.jsonl", [row("a", "same"), row("b", "same")])
    with pytest.raises(InputError, match=r"one\.jsonl: held_out: 0\.9 of 2 rows in 1 families leaves nothing to train"):
        mixed(single, held_out=0.9)
    with pytest.raises(InputError, match="nothing to hold out"):
        mixed(single, held_out=0.1)


def test_a_bad_row_of_the_replay_is_named_with_its_file(values: Path, tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.jsonl", [row("a"), {"messages": [{"role": "user", "content": "a"}]}])
    with pytest.raises(InputError, match=r"bad\.jsonl, row 2.*the answer is missing"):
        mixed(values, replay=(bad, 0.5))


def test_teachers_of_the_replay_are_teachers_of_the_training(values: Path, tmp_path: Path) -> None:
    taught = write(tmp_path / "taught.jsonl", [row("a", teacher="gemini")])
    assert mixed(values, replay=(taught, 0.1)).teacher_families == ["gemini"]


def test_chats_that_begin_with_the_same_greeting_are_not_one_question(tmp_path: Path) -> None:
    greeted = [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}]
    chats = [{"messages": [*greeted, *row(f"what of thing {i}?")["messages"]]} for i in range(20)]
    found = mixed(write(tmp_path / "chats.jsonl", chats), held_out=0.2)
    assert found.held_out is not None and len(found.held_out.rows) == 4


def test_a_file_held_out_that_is_also_trained_is_refused_with_both_places(values: Path, tmp_path: Path) -> None:
    apart = write(tmp_path / "apart.jsonl", [row("something else"), row("in other words", "fact-3")])
    with pytest.raises(
        InputError, match=r"apart\.jsonl, row 2: held out, and .*values\.jsonl, row \d+ of the training"
    ):
        mixed(values, held_out=apart)
    assert mixed(values, held_out=write(apart, [row("something else")])).held_out is not None


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_is_held_out_does_not_come_back_as_replay(
    values: Path, general: Path, tmp_path: Path, share: float
) -> None:
    with pytest.raises(InputError, match=r"general\.jsonl, row \d+: replay, and .*general\.jsonl, row \d+ is held out"):
        mixed(values, held_out=general, replay=(general, share))
    apart = mixed(values, held_out=0.25).held_out
    assert apart is not None
    again = write(tmp_path / "again.jsonl", [row("in other words", family_of(apart.rows[0]))])
    with pytest.raises(InputError, match=r"again\.jsonl, row 1: replay, and .*values\.jsonl, row \d+ is held out"):
        mixed(values, held_out=0.25, replay=(again, share))
