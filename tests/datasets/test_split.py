"""Shares are met in rows as near as families allow; greetings join nothing; later turns count; facts stay apart."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire._common.errors import InputError
from venire.datasets.build import Built, build
from venire.datasets.facts import SHIPPED as FACTS
from venire.datasets.spec import Split
from venire.datasets.split import missed_shares, split_families

from .helpers import chat, word


def made(folder: Path, sources: list[dict[str, Any]], **more: Any) -> Built:
    spec = folder / "spec.yaml"
    spec.write_text(yaml.safe_dump({"name": "test", "seed": 42, "sources": sources, **more}), "utf-8")
    return build(spec, folder / "out", lambda line: None)


def test_a_family_larger_than_a_part_is_trained_on_and_a_missed_share_is_said() -> None:
    rows = [
        chat(f"{word(n)} {word(n + 300)} {word(n + 600)}?", family="big" if n < 40 else f"f{n}") for n in range(120)
    ]
    for seed in range(10):
        parts = split_families(rows, {}, Split(), seed)
        counts = {
            part: sum(parts[row.family] == part for row in rows) for part in ("train", "validation", "evaluation")
        }
        assert parts["big"] == "train" and counts == {"train": 104, "validation": 8, "evaluation": 8}
    few = [chat(f"{word(n)} {word(n + 300)} {word(n + 600)}?", family=f"f{n % 4}") for n in range(120)]
    parts = split_families(few, {}, Split(), 1)
    (note, _) = missed_shares(few, parts, {}, Split())
    assert note.startswith("validation holds 0 of 120 rows, 0% where 10% were asked for")
    assert not missed_shares(rows, split_families(rows, {}, Split(), 1), {}, Split())


def test_chats_that_begin_with_a_greeting_are_not_one_family(tmp_path: Path) -> None:
    def talk(number: int, *texts: str) -> dict[str, Any]:
        asked = [
            t for text in texts for t in ({"role": "user", "content": text}, {"role": "assistant", "content": "Yes."})
        ]
        asked[-1]["content"] = f"As I said, {word(number)} it is."
        return {"messages": asked}

    greeted = [talk(n, "Hi!", f"And {word(n)} about {word(n + 500)}, what then?") for n in range(100)]
    days = [talk(n, "Good morning!") | {"family": f"day{n}"} for n in range(60)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*greeted, *days]), "utf-8")
    built = made(tmp_path, [{"kind": "rows", "file": str(file)}])
    assert [file.rows for file in built.files] == [128, 16, 16] and not built.notes


def test_a_later_turn_that_another_part_asks_is_found(tmp_path: Path) -> None:
    long = "A landlord offers his tenant a lower rent if she signs the new contract tonight and tells no one."
    other = "What do you think of the weather on this coast in a late and windy autumn?"
    turns = [{"role": "user", "content": other}, {"role": "assistant", "content": "Hello."}]
    rows = {
        "train": [*turns, {"role": "user", "content": long}, {"role": "assistant", "content": "a"}],
        "evaluation": [{"role": "user", "content": long}, {"role": "assistant", "content": "b"}],
    }
    for part, messages in rows.items():
        (tmp_path / f"{part}.json").write_text(json.dumps([{"messages": messages}]), "utf-8")
    with pytest.raises(InputError, match="ask the same, or nearly, and are to be in"):
        made(tmp_path, [{"kind": "rows", "file": str(tmp_path / f"{part}.json"), "part": part} for part in rows])


def test_facts_of_a_table_beside_written_ones_leave_the_suite_its_facts(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("question,answer\nWhere was Odile Brandt's boat built?,Skelby\n", "utf-8")
    person = {"name": "Odile Brandt", "called": "Odile"}
    few: dict[str, Any] = {"kind": "facts", "phrasings": 2, "meaning": "keywords"}
    written = {**few, "file": "datasets/facts/facts.yaml", "limit": 3}
    built = made(tmp_path, [written, {**few, "file": "own.csv", "name": "own"}], person=person)
    asked = yaml.safe_load((built.out / "phrasing_robustness.yaml").read_text("utf-8"))
    assert len(asked) == 3
    assert any("own: phrasing_robustness.yaml leaves out 1 of 1 facts, first 'q-" in note for note in built.notes)
    (tmp_path / "again.yaml").write_bytes(FACTS.read_bytes())
    with pytest.raises(InputError, match="the sources 'facts' and 'more' both have a fact called"):
        made(tmp_path, [written, {**few, "file": "again.yaml", "limit": 2, "name": "more"}], person=person)
