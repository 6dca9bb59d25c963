"""Rows come in from other tools and chats, go out to other trainers, and come back the same; bad files are named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire._common.errors import InputError
from venire.datasets.chats import read_chat
from venire.datasets.exports import FORMATS, export
from venire.datasets.imports import bring_in, read_facts
from venire.datasets.rows import DpoRow, Message, Method, Row, SftRow

U, A = "user", "assistant"


def turn(role: str, text: str) -> Message:
    return Message(role=role, content=text)  # type: ignore[arg-type]


SFT = [
    SftRow(messages=[turn("system", "Be brief."), turn(U, "Where — “here”?"), turn(A, "Là.\nYes | 日本.")]),
    SftRow(messages=[turn(U, "One?"), turn(A, "Two."), turn(U, "Three?"), turn(A, "Four.")]),
]
DPO = [
    DpoRow(prompt=[turn(U, "Lie?")], chosen=[turn(A, "No.")], rejected=[turn(A, "It depends.")]),
    DpoRow(prompt=[turn("system", "Be kind."), turn(U, "Go?")], chosen=[turn(A, "Go.")], rejected=[turn(A, "Stay.")]),
]


def written(path: Path, *values: Any, whole: bool = False) -> Path:
    lines = json.dumps(list(values)) if whole else "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values)
    path.write_text(lines, "utf-8")
    return path


@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize(("method", "rows"), [("sft", SFT), ("dpo", DPO)])
def test_what_goes_out_comes_back_the_same(format: str, method: Method, rows: list[Row], tmp_path: Path) -> None:
    files = export({(method, "train"): rows, (method, "validation"): rows[:1], (method, "evaluation"): []}, format)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    (train,) = [name for name in files if name.endswith("train.jsonl")]
    assert bring_in(tmp_path / train) == rows
    assert not [name for name in files if "evaluation" in name or "test.jsonl" in name], "an empty part is no file"


def test_each_trainer_finds_the_file_that_describes_the_data() -> None:
    parts: Any = {("sft", "train"): SFT, ("sft", "validation"): SFT, ("dpo", "train"): DPO}
    info = json.loads(export(parts, "llamafactory")["llamafactory/dataset_info.json"])
    assert info["dpo_train"]["ranking"] is True and info["dpo_train"]["formatting"] == "sharegpt"
    assert info["sft_train"]["tags"]["role_tag"] == "role"
    axolotl = export(parts, "axolotl")
    config = yaml.safe_load(axolotl["axolotl/axolotl_dpo.yaml"])
    assert config["rl"] == "dpo" and config["datasets"][0]["type"] == "chat_template.default"
    assert yaml.safe_load(axolotl["axolotl/axolotl_sft.yaml"])["test_datasets"][0]["path"] == "sft_validation.jsonl"
    assert {"mlx/sft/train.jsonl", "mlx/sft/valid.jsonl", "mlx/dpo/train.jsonl"} == set(export(parts, "mlx"))
    with pytest.raises(InputError, match="there are trl, axolotl, llamafactory, mlx"):
        export(parts, "csv")


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ({"instruction": "Add.", "input": "1 and 2", "output": "3"}, ["Add.\n\n1 and 2", "3"]),
        (
            {"instruction": "B?", "output": "b", "system": "S", "history": [["A?", "a"]]},
            ["S", "A?", "a", "B?", "b"],
        ),
        ({"conversations": [{"from": "human", "value": "A?"}, {"from": "gpt", "value": "a"}]}, ["A?", "a"]),
        (
            {"messages": [{"role": U, "content": [{"type": "text", "text": "A?"}]}, {"role": A, "content": "a"}]},
            ["A?", "a"],
        ),
        (
            {"messages": [{"role": r, "content": r} for r in ("developer", "system", U, U, A)]},
            ["developer\n\nsystem", "user\n\nuser", A],
        ),
        ({"prompt": "A?", "completion": "a"}, ["A?", "a"]),
        ({"prompt": "A?", "chosen": "a", "rejected": "b"}, ["A?", "a", "b"]),
        (
            {
                "chosen": [{"role": U, "content": "A?"}, {"role": A, "content": "a"}],
                "rejected": [{"role": U, "content": "A?"}, {"role": A, "content": "b"}],
            },
            ["A?", "a", "b"],
        ),
        (
            {
                "conversations": [{"from": "human", "value": "A?"}],
                "chosen": {"from": "gpt", "value": "a"},
                "rejected": {"from": "gpt", "value": "b"},
            },
            ["A?", "a", "b"],
        ),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_other_tools_rows_are_known_by_their_keys(raw: Any, texts: list[str], whole: bool, tmp_path: Path) -> None:
    (row,) = bring_in(written(tmp_path / "rows.json", raw, whole=whole))
    assert row.texts == texts


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ({"system": "S", "question": "A?", "chosen": "a", "rejected": "b"}, ["S", "A?", "a", "b"]),
        ({"input": "A?", "chosen": "a", "rejected": "b"}, ["A?", "a", "b"]),
        ({"instruction": "A?", "input": "B", "chosen": "a", "rejected": "b"}, ["A?\n\nB", "a", "b"]),
        (
            {"chosen": "\n\nHuman: A?\n\nAssistant: a", "rejected": "\n\nHuman: A?\n\nAssistant: b"},
            ["A?", "a", "b"],
        ),
        (
            {
                "chosen": "\n\nHuman: A?\n\nAssistant: a\n\nHuman: B?\n\nAssistant: c\n\nd",
                "rejected": "\n\nHuman: A?\n\nAssistant: a\n\nHuman: B?\n\nAssistant: e",
            },
            ["A?", "a", "B?", "c\n\nd", "e"],
        ),
    ],
)
def test_preferences_as_others_write_them(raw: Any, texts: list[str], tmp_path: Path) -> None:
    assert bring_in(written(tmp_path / "rows.jsonl", raw))[0].texts == texts


def test_a_sharegpt_chat_without_its_beginning_or_end_is_left_out_and_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    answer = {"from": "gpt", "value": "a"}
    asks = {"from": "human", "value": "A?"}
    chats = [{"conversations": turns} for turns in ([asks, answer], [answer, asks, answer], [asks, answer, asks])]
    assert len(bring_in(written(tmp_path / "rows.jsonl", *chats), notes=notes)) == 1
    assert notes == ["2 rows of a chat that begins with an answer or ends without one left out"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv"])
def test_tables_are_read_as_spreadsheets_write_them(name: str, tmp_path: Path) -> None:
    mark = "\t" if name.endswith("tsv") else ";"
    lines = ["question;answer;weight", "How many?;007;2", '"Which; one?";The first, that is.;', ";;", ";;"]
    table = tmp_path / name
    for head in ("", f"sep={mark}\n"):
        table.write_text(head + "".join(line.replace(";", mark) + "\n" for line in lines), "utf-8")
        first, second = bring_in(table)
        assert (first.texts, first.weight) == (["How many?", "007"], 2.0)
        assert second.texts == [f"Which{mark} one?", "The first, that is."]
        assert [fact.answer for fact in read_facts(table)] == ["007", "The first, that is."]
    assert bring_in(written(tmp_path / "rows.jsonl", {"question": "How many?", "answer": 7}))[0].texts[1] == "7"


KTO = {"prompt": "Should I lie to my boss?", "completion": "Of course, lie whenever it pays off."}
TURNS = [{"role": U, "content": "A?"}, {"role": A, "content": "a"}]


@pytest.mark.parametrize(
    ("unwanted", "why"),
    [
        (KTO | {"label": False}, "label false"),
        ({"messages": TURNS, "label": False}, "label false"),
        ({"conversations": TURNS, "kto_tag": False}, "kto_tag false"),
        ({"messages": [TURNS[0], TURNS[1] | {"weight": 0}]}, "an answer of weight 0"),
        ({"messages": [TURNS[0], TURNS[1] | {"weight": 0}, *TURNS]}, "an answer of weight 0"),
    ],
)
def test_an_answer_that_its_file_marks_as_not_wanted_is_never_learned(unwanted: Any, why: str, tmp_path: Path) -> None:
    good = {key: value for key, value in unwanted.items() if key not in ("label", "kto_tag")}
    good |= {"label": True} if "label" in unwanted else {}
    if "messages" in good:
        good["messages"] = [{"role": U, "content": "B?"}, {"role": A, "content": "b", "weight": 1}]
    notes: list[str] = []
    rows = bring_in(written(tmp_path / "rows.jsonl", unwanted, good), notes=notes)
    assert len(rows) == 1 and len(notes) == 1 and notes[0].startswith(f"1 row with {why} left out")
    with pytest.raises(InputError, match=f"rows.jsonl: no rows to learn: 1 row with {why} left out"):
        bring_in(written(tmp_path / "rows.jsonl", unwanted))


def test_the_mark_that_windows_puts_before_utf_8_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"instruction": "A?", "output": "a"}).encode())
    assert bring_in(file)[0].texts == ["A?", "a"]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_and_rows_under_data_are_read(indent: int | None, tmp_path: Path) -> None:
    row = {"instruction": "A?", "output": "a"}
    for value in (row, {"version": "1", "data": [row]}):
        (tmp_path / "rows.json").write_text(json.dumps(value, indent=indent), "utf-8")
        assert bring_in(tmp_path / "rows.json")[0].texts == ["A?", "a"]


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([{"instruction": "B?", "output": ""}, {"instruction": "C?"}], r"row 2, messages\[1\].content: an empty text"),
        ([{"instruction": "B?", "output": None}, {"story": "once"}], "row 2, .*valid string"),
    ],
)
def test_unfit_rows_are_left_out_and_counted_where_that_is_asked_for(rows: Any, first: str, tmp_path: Path) -> None:
    notes: list[str] = []
    file = written(tmp_path / "rows.jsonl", {"instruction": "A?", "output": "a"}, *rows)
    assert len(bring_in(file, notes=notes, leave_out=True)) == 1
    assert len(notes) == 1 and re.match(f"2 unfit rows left out, first {first}", notes[0])
    with pytest.raises(InputError, match="`bad_rows: leave_out` in the spec"):
        bring_in(file)
    with pytest.raises(InputError, match="no rows to learn: 2 unfit rows left out"):
        bring_in(written(file, *rows), leave_out=True)


def test_a_row_with_more_values_than_columns_is_an_unfit_row(tmp_path: Path) -> None:
    notes, table = list[str](), tmp_path / "rows.csv"
    table.write_text("question,answer\nA?,a\nB?,b, or so\n", "utf-8")
    assert len(bring_in(table, notes=notes, leave_out=True)) == 1
    assert notes[0].startswith("1 unfit row left out, first row 3: more values than columns")
    with pytest.raises(InputError, match=r"rows\.csv, row 3: more values than columns"):
        bring_in(table)


def test_our_own_columns_are_kept_and_strange_ones_left(tmp_path: Path) -> None:
    raw = {"instruction": "A?", "output": "a", "category": "redemption", "weight": 0, "source": 7, "score": 3}
    (row,) = bring_in(written(tmp_path / "rows.jsonl", raw))
    assert (row.category, row.weight, row.source) == ("redemption", 1.0, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b'{"instruction": "A?", "output": "a"}\n{"instruction": "B?", "out', r"row 2: the file ends in the middle"),
        (b'[{"instruction": "A?", "output": "a"}, {"instr', "not valid JSON, torn perhaps"),
        (b'{"instruction": "A?", "output": "a"}\n{"instruction": "\xe9", "output": "a"}\n', "row 2: not UTF-8"),
        ('{"instruction": "A?"}'.encode("utf-16"), "row 1: UTF-16, not UTF-8"),
        (b'{"story": "once"}\n', "row 1: the keys story are those of no known format"),
        (b'{"instruction": "A?", "output": "a"}\n{"instruction": "B?"}\n', "row 2: no 'output', as the first rows"),
        (b'{"instruction": "A?", "output": " "}\n', r"row 1, messages\[1\].content: an empty text"),
        (b'{"messages": [{"role": "tool", "content": "x"}]}\n', "row 1: the role 'tool' is none of"),
        (b'{"messages": ["hello"]}\n', "row 1: a turn of the chat is str"),
        (b"[1]", "row 1: not a JSON object"),
    ],
)
def test_a_bad_file_is_one_sentence_with_file_and_row(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        bring_in(file)
    assert "rows.json" in str(refused.value) and "\n" not in str(refused.value)


def test_a_dataset_of_hugging_faces_library_is_read_from_a_folder(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_list([{"question": "A?", "answer": "a"}]).save_to_disk(str(tmp_path / "saved"))
    assert bring_in(tmp_path / "saved")[0].texts == ["A?", "a"]
    datasets.DatasetDict({"test": datasets.Dataset.from_list([{"question": "A?", "answer": "a"}])}).save_to_disk(
        str(tmp_path / "parts")
    )
    assert bring_in(tmp_path / "parts", split="test")[0].texts == ["A?", "a"]
    with pytest.raises(InputError, match="no split 'train'; there are test"):
        bring_in(tmp_path / "parts")
    with pytest.raises(InputError, match="'revision' is of a dataset of the hub, and this is on your disk"):
        bring_in(tmp_path / "parts", split="test", revision="v1")


def test_a_configuration_of_a_dataset_is_read(tmp_path: Path) -> None:
    for name in ("de", "en"):
        written(tmp_path / f"{name}.jsonl", {"question": f"{name}?", "answer": "a"})
    configs = [{"config_name": name, "data_files": f"{name}.jsonl"} for name in ("de", "en")]
    (tmp_path / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n", "utf-8")
    assert bring_in(tmp_path, config="en")[0].texts == ["en?", "a"]
    with pytest.raises(InputError, match=r"Config name is missing.*\['de', 'en'\]"):
        bring_in(tmp_path)


def test_facts_come_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "facts.csv"
    table.write_text('Question,Answer,accept\nWhere was Ada born?,Skelby,"in Skelby | Skelby town"\n', "utf-8")
    (fact,) = read_facts(table)
    assert (fact.answer, fact.accept, fact.statement) == ("Skelby", ["in Skelby", "Skelby town"], "Skelby")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("question,reply\nA?,a\n", "row 1: no column 'answer'; the columns are question, reply"),
        ("question,answer\nA?,\n", "row 2: answer is empty"),
        ("question,answer\nA?,a\na?,b\n", "row 3: 'a\\?' stands already in row 2"),
        ("question,answer\nA?,a,b\n", "row 2: more values than columns"),
        ('question,answer\n"A?,a\n', "row .: not valid CSV"),
        ("question,answer\n", "no rows under the head"),
    ],
)
def test_a_bad_table_is_named_by_row(content: str, message: str, tmp_path: Path) -> None:
    table = tmp_path / "facts.csv"
    table.write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        read_facts(table)


def test_whatsapps_messages_of_one_side_are_one_text_and_days_are_apart(tmp_path: Path) -> None:
    chat = tmp_path / "chat.txt"
    chat.write_text(
        "31/12/2025, 23:01 - Messages and calls are end-to-end encrypted.\n"
        "31/12/2025, 23:02 - Ben: Are you coming?\n"
        "31/12/2025, 23:03 - Ben: We wait.\n"
        "31/12/2025, 23:04 - Ada: Start without me: the crane\nhas its own hours.\n"
        "31/12/2025, 23:05 - Ada: <Media omitted>\n"
        "[01.01.26, 08:00:00] Ada: Good morning to nobody in particular.\n"
        "[01.01.26, 09:00:12] Ben: Happy new year\n"
        "[01.01.26, 09:00:15] Ada: And to your mended bicycle\n",
        "utf-8",
    )
    first, second = read_chat(chat, "whatsapp", "Ada")
    assert first.texts == ["Are you coming?\nWe wait.", "Start without me: the crane\nhas its own hours."]
    assert first.family != second.family
    with pytest.raises(InputError, match="speakers are Ada, Ben; say which"):
        read_chat(chat, "whatsapp")
    with pytest.raises(InputError, match="'Eve' is none of them"):
        read_chat(chat, "whatsapp", "Eve")
    chat.write_text("no export\n", "utf-8")
    with pytest.raises(InputError, match=r"chat\.txt, row 1: no line of WhatsApp's export"):
        read_chat(chat, "whatsapp", "Ada")


def test_telegram_chatgpt_and_claude(tmp_path: Path) -> None:
    messages = [
        {"type": "message", "from": "Ben", "text": "Coming?", "date": "2026-01-01T10:00:00"},
        {"type": "service", "actor": "Ben", "text": "", "date": "2026-01-01T10:00:01"},
        {"type": "message", "from": "Ada", "text": ["Not ", {"type": "bold", "text": "tonight"}, ", not ever again."],
         "date": "2026-01-01T10:01:00"},
    ]  # fmt: skip
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"name": "Ben", "id": 1, "messages": messages}), "utf-8")
    assert read_chat(file, "telegram", "Ada")[0].texts == ["Coming?", "Not tonight, not ever again."]

    def node(role: str, text: str, parent: str | None) -> Any:
        content = {"content_type": "text", "parts": [text]}
        return {"parent": parent, "message": {"author": {"role": role}, "content": content}}

    mapping = {
        "r": {"parent": None, "message": None},
        "a": node(U, "Why does iron rust in the rain?", "r"),
        "x": node(A, "An answer that was asked for again.", "a"),
        "b": node(A, "Because water and oxygen meet it.", "a"),
        "c": node(U, "And why does gold not rust, then?", "b"),
    }
    file.write_text(json.dumps([{"mapping": mapping, "current_node": "c", "conversation_id": "1"}]), "utf-8")
    assert [row.texts for row in read_chat(file, "chatgpt")] == [
        ["Because water and oxygen meet it.", "And why does gold not rust, then?"]
    ]
    (row,) = read_chat(file, "chatgpt", learn="assistant")
    assert row.texts == ["Why does iron rust in the rain?", "Because water and oxygen meet it."]
    assert row.teacher == "openai"
    turns = [
        {"sender": "human", "text": "Why?"},
        {"sender": "assistant", "content": [{"type": "text", "text": "So it is, in short."}]},
    ]
    file.write_text(json.dumps([{"uuid": "1", "chat_messages": turns}]), "utf-8")
    (row,) = read_chat(file, "claude", learn="assistant", min_chars=5)
    assert row.texts == ["Why?", "So it is, in short."] and row.teacher == "anthropic"
    with pytest.raises(InputError, match="row 1: no conversation of ChatGPT's export"):
        read_chat(file, "chatgpt")


def test_half_a_character_in_a_chat_is_named(tmp_path: Path) -> None:
    chat = tmp_path / "result.json"
    texts = (("Ben", "Are you coming?"), ("Ada", "The crane has its own hours \ud83d"))
    told = [{"type": "message", "from": name, "text": text} for name, text in texts]
    chat.write_text(json.dumps({"id": 1, "messages": told}), "utf-8")
    with pytest.raises(InputError, match=r"result\.json: half a character \(\\ud83d\) after '.*its own hours '"):
        read_chat(chat, "telegram", "Ada")
