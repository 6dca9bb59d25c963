"""Training rows are refused by file and row, in one sentence."""

import json
import math
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.datasets.rows import Method, dump_rows, load_rows, training_texts

ASK = {"role": "user", "content": "Where?"}
ANSWER = {"role": "assistant", "content": "Here."}
SFT = {"messages": [ASK, ANSWER], "category": "facts"}
DPO = {"prompt": [ASK], "chosen": [ANSWER], "rejected": [{"role": "assistant", "content": "It depends."}]}


def written(folder: Path, *rows: object) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), "utf-8")
    return file


def test_rows_know_their_line_and_their_texts(tmp_path: Path) -> None:
    data = load_rows(written(tmp_path, SFT, "", SFT | {"category": "replay", "teacher": "qwen2.5"}), "sft")
    assert [data.place(i).rpartition("/")[2] for i in range(2)] == ["rows.jsonl, row 1", "rows.jsonl, row 3"]
    assert data.families == {"facts": 1, "replay": 1}
    assert data.teacher_families == ["qwen2.5"]
    assert [text for _, text in training_texts(data)] == ["Where?", "Here."] * 2
    pair = load_rows(written(tmp_path, DPO), "dpo")
    assert [text for _, text in training_texts(pair)] == ["Where?", "Here.", "It depends."]


@pytest.mark.parametrize("method, row", [("sft", SFT), ("dpo", DPO)])
def test_what_is_written_is_read_again(method: Method, row: dict[str, object], tmp_path: Path) -> None:
    rows = load_rows(written(tmp_path, row), method).rows
    again = tmp_path / "again.jsonl"
    again.write_text(dump_rows(rows), "utf-8")
    assert load_rows(again, method).rows == rows


@pytest.mark.parametrize(
    ("method", "row", "message"),
    [
        ("sft", {"messages": [ASK]}, "the last message is not the assistant's: the answer is missing"),
        ("sft", {"messages": []}, "the answer is missing"),
        ("sft", {"messages": [ASK, {"role": "assistant", "content": " "}]}, r"messages\[1\]\.content: an empty text"),
        ("sft", {"messages": [ASK, {"content": "Here."}]}, r"messages\[1\]\.role: Field required"),
        ("sft", {"messages": [ASK, ASK, ANSWER]}, "roles are user, user, assistant; user and assistant take turns"),
        ("sft", DPO, "no 'messages'; a row for sft has messages, and this one has the keys prompt, chosen, rejected"),
        ("dpo", SFT, "no 'prompt'; a row for dpo has prompt, chosen, rejected"),
        ("dpo", {**DPO, "chosen": []}, "chosen: not one assistant message: the answer is missing"),
        ("dpo", {**DPO, "prompt": [ASK, ANSWER]}, "prompt: the last message is not the user's"),
        ("sft", SFT | {"emotion": 3}, "emotion: unknown key"),
        ("sft", SFT | {"weight": 0}, "weight: Input should be greater than 0"),
        ("sft", SFT | {"weight": math.inf}, "weight: Input should be a finite number"),
        (
            "sft",
            {"messages": [ASK, ANSWER | {"content": "a \ud83d b"}]},
            r"half a character \(\\ud83d\) after 'a '",
        ),
        ("dpo", DPO | {"family": "\ud83d"}, r"family: half a character \(\\ud83d\) at the start"),
        ("sft", "[1, 2]", "not a JSON object"),
        ("sft", '{"messages": [', "not a JSON object on one line"),
    ],
)
def test_a_bad_row_is_named(method: Method, row: object, message: str, tmp_path: Path) -> None:
    good = SFT if method == "sft" else DPO
    with pytest.raises(InputError, match=message) as refused:
        load_rows(written(tmp_path, good, row), method)
    assert "rows.jsonl, row 2" in str(refused.value)


def test_a_missing_an_empty_and_a_wrongly_encoded_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_rows(tmp_path / "nowhere.jsonl", "sft")
    with pytest.raises(InputError, match="no rows"):
        load_rows(written(tmp_path, ""), "sft")
    file = tmp_path / "latin.jsonl"
    file.write_bytes(json.dumps(SFT).encode() + b'\n{"messages": "\xe9"}\n')
    with pytest.raises(InputError, match=r"latin\.jsonl, row 2: not UTF-8"):
        load_rows(file, "sft")
