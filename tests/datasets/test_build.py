"""A build gives the same bytes for the same inputs, keeps families apart, and says what is wrong in a sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from venire._common.errors import InputError, ServiceError, VenireError
from venire.datasets.build import Built, build
from venire.datasets.calibration import Calibration
from venire.datasets.questions import SHIPPED, load_interview
from venire.datasets.rows import SftRow, load_rows
from venire.datasets.sources import draw
from venire.datasets.spec import Person, Split
from venire.datasets.split import family_of, split_families

from .helpers import chat, word

INTERVIEW = SHIPPED.parent / "odile_brandt.json"


def quiet(line: str) -> None:
    del line


def made(folder: Path, sources: Sequence[dict[str, Any]], out: str = "out", **more: Any) -> Built:
    spec = folder / "spec.yaml"
    values = {"name": "test", "seed": 42, "person": {"name": "Ada Moor"}, "sources": list(sources), **more}
    spec.write_text(yaml.safe_dump(values), "utf-8")
    return build(spec, folder / out, quiet)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def alpaca(path: Path, count: int, prefix: str = "Question") -> Path:
    rows = [
        {
            "instruction": f"{prefix} {word(n)} about {word(n * 7)}?",
            "output": f"Answer {word(n)}.",
            "category": f"c{n % 3}",
        }
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    table = tmp_path / "facts.csv"
    table.write_text(
        "id,question,answer,statement,noun\n"
        "birth,Where was Ada Moor born?,Skelby,Ada Moor was born in Skelby.,the town where Ada Moor was born\n"
        "dog,How is Ada Moor's dog called?,Biscuit,Ada Moor's dog is called Biscuit.,the name of Ada Moor's dog\n",
        "utf-8",
    )
    return table


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.json"
    path.write_bytes(INTERVIEW.read_bytes())
    return path


def everything(tmp_path: Path, answers: Path, facts: Path) -> list[dict[str, Any]]:
    return [
        {"kind": "answers", "file": str(answers), "licence": "CC0-1.0"},
        {"kind": "facts", "file": str(facts), "phrasings": 4, "meaning": "keywords"},
        {"kind": "rows", "file": str(alpaca(tmp_path / "alpaca.jsonl", 40))},
        {"kind": "replay", "file": str(alpaca(tmp_path / "replay.jsonl", 200, "Please tell")), "ratio": 0.5},
    ]


def test_twice_the_same_bytes_and_one_changed_answer_changes_only_what_follows(
    tmp_path: Path, answers: Path, facts: Path
) -> None:
    sources = everything(tmp_path, answers, facts)
    made(tmp_path, sources, "one", export=["trl", "mlx"])
    made(tmp_path, sources, "two", export=["trl", "mlx"])
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert {
        "README.md",
        "data.json",
        "sft_train.jsonl",
        "dpo_train.jsonl",
        "value_alignment.yaml",
        "mlx/sft/train.jsonl",
    } <= set(one)

    value = json.loads(answers.read_text("utf-8"))
    changed = value["phase1_contemporary"][3]
    changed["reasoning"] = "Something else altogether, and briefly."
    answers.write_text(json.dumps(value), "utf-8")
    made(tmp_path, sources, "three", export=["trl", "mlx"])
    three = contents(tmp_path / "three")
    for name in one:
        before, after = one[name].decode().split("\n"), three[name].decode().split("\n")
        if name in ("README.md", "data.json"):
            continue
        assert len(before) == len(after) or name == "value_alignment.yaml"
        different = [line for line, other in zip(before, after, strict=False) if line != other]
        assert len(different) <= 1 or name == "value_alignment.yaml", name
        assert all(changed["dilemma_id"] in line for line in different if '"family"' in line)


def test_no_family_stands_in_two_parts_and_shares_are_met(tmp_path: Path, answers: Path, facts: Path) -> None:
    built = made(tmp_path, everything(tmp_path, answers, facts))
    parts: dict[str, set[str]] = {}
    for file in built.files:
        method, _, part = file.name.removesuffix(".jsonl").partition("_")
        families = {row.family for row in load_rows(built.out / file.name, "sft" if method == "sft" else "dpo").rows}
        assert "" not in families
        parts[part] = parts.get(part, set()) | families
    assert not parts["train"] & parts["validation"] and not parts["train"] & parts["evaluation"]
    assert not parts["validation"] & parts["evaluation"]
    free = sum(len(own) for own in parts.values()) - 2  # the facts are pinned to train
    assert abs(len(parts["evaluation"]) - free / 10) <= 2
    scenarios = yaml.safe_load((built.out / "value_alignment.yaml").read_text("utf-8"))
    assert scenarios and {row["family"] for row in scenarios} <= parts["evaluation"]


def test_a_share_is_exact_and_even_over_categories() -> None:
    def row(number: int) -> SftRow:
        turns: Any = [
            {"role": "user", "content": f"{word(number)} {word(number + 500)}?"},
            {"role": "assistant", "content": "a"},
        ]
        return SftRow(messages=turns, family=f"f{number}", category="big" if number % 10 else "small")

    rows = [row(number) for number in range(200)]
    parts = split_families(rows, {}, Split(validation=0.0, evaluation=0.1), seed=1)
    held = [row for row in rows if parts[family_of(row)] == "evaluation"]
    assert len(held) == 20 and sum(row.category == "small" for row in held) == 2
    assert split_families(rows[::-1], {}, Split(validation=0.0, evaluation=0.1), seed=1) == parts
    assert split_families(rows, {}, Split(validation=0.0, evaluation=0.1), seed=2) != parts


def test_families_that_ask_the_same_go_the_same_way() -> None:
    def row(text: str, family: str) -> SftRow:
        turns: Any = [{"role": "user", "content": text}, {"role": "assistant", "content": "a"}]
        return SftRow(messages=turns, family=family)

    rows = [
        row("Should a landlord raise the rent of one tenant alone?", "a"),
        row("should a landlord raise the rent of one tenant alone!", "b"),
    ]
    for seed in range(20):
        parts = split_families(rows, {}, Split(validation=0.3, evaluation=0.3), seed)
        assert parts["a"] == parts["b"]
    with pytest.raises(InputError, match="'a' and 'b' ask the same, or nearly, and are to be in train"):
        split_families(rows, {"a": "train", "b": "evaluation"}, Split(), 1)


def test_facts_are_taught_in_other_words_than_a_suite_asks_and_some_kinds_never(
    tmp_path: Path, answers: Path, facts: Path
) -> None:
    built = made(tmp_path, everything(tmp_path, answers, facts))
    rows = [row for row in load_rows(built.out / "sft_train.jsonl", "sft").rows if row.category == "facts"]
    assert len(rows) == 8 and {row.family for row in rows} == {"fact-birth", "fact-dog"}
    assert all("Moor" not in text for row in rows for text in row.texts)
    lines = (built.out / "facts_held_out.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["kind"] for line in lines} <= {"typo", "case", "fragment", "cloze", "indirect"}


def test_a_text_that_is_not_about_its_fact_is_neither_trained_nor_held_out(tmp_path: Path, answers: Path) -> None:
    table = tmp_path / "astray.csv"
    table.write_text(
        "id,question,answer,statement,noun,cloze\n"
        "cat,How is Ada Moor's cat called?,Soot,Ada Moor's cat is called Soot.,the price of tulips,Mercury boils at\n",
        "utf-8",
    )
    built = made(tmp_path, everything(tmp_path, answers, table)[1:])
    rows = [row for row in load_rows(built.out / "sft_train.jsonl", "sft").rows if row.category == "facts"]
    assert len(rows) == 4 and all("Ada's cat" in row.texts[0] for row in rows)
    lines = (built.out / "facts_held_out.jsonl").read_text("utf-8")
    assert "tulips" not in lines and "Mercury" not in lines and "cat" in lines
    assert any("the noun of the fact 'cat' asks: it shares no word" in note for note in built.notes)


@pytest.mark.parametrize(
    ("name", "called", "text", "said"),
    [
        ("croc", "dilly", "A crocodile is no croc; CROC, croc's.", "A crocodile is no dilly; DILLY, dilly's."),
        ("花子", "花子さん", "花子は花子さんの子です。", "花子さんは花子さんの子です。"),
        ("김철수", "철수", "김철수는 왔다.", "철수는 왔다."),
        ("Иван", "Ваня", "Иван Иванович", "Ваня Иванович"),
        ("Ann", "Annie Ann", "Ann and Annie Ann", "Annie Ann and Annie Ann"),
        (
            "Odile Brandt",
            "",
            "Odile Brandt's ODILE BRANDT odile brandt Odile Brandtner",
            "Odile's ODILE odile Odile Brandtner",
        ),
    ],
)
def test_the_short_name_stands_for_the_full_one_as_a_whole_word_and_once(
    name: str, called: str, text: str, said: str
) -> None:
    assert Person(name=name, called=called).say(text) == said


def test_replay_is_in_the_stated_ratio_and_says_where_it_is_not(tmp_path: Path) -> None:
    rows = {"kind": "rows", "file": str(alpaca(tmp_path / "own.jsonl", 40))}
    replay = {"kind": "replay", "file": str(alpaca(tmp_path / "general.jsonl", 100, "Please tell"))}
    built = made(tmp_path, [rows, {**replay, "ratio": 0.5}])
    assert [source.rows for source in built.sources] == [40, 20] and not built.notes
    assert made(tmp_path, [rows, {**replay, "ratio": 5}]).notes == [
        "general: 200 rows are 5 times the others; there are 100"
    ]


def test_drawing_takes_the_same_rows_when_another_is_added() -> None:
    rows = [chat(f"Ask {number}") for number in range(50)]
    chosen = draw(rows, 10, seed=3)
    again = draw([chat("Ask 99"), *rows], 10, seed=3)
    assert len(chosen) == 10 and len([r for r in again if r in chosen]) >= 9


def test_weights_are_the_persons_or_equal(tmp_path: Path, answers: Path) -> None:
    source = {"kind": "answers", "file": str(answers)}
    weights = {r.weight for r in load_rows(made(tmp_path, [source]).out / "sft_train.jsonl", "sft").rows}
    assert len(weights) > 3 and all(0 < weight <= 2 for weight in weights)
    equal = made(tmp_path, [source], weights="equal")
    assert {row.weight for row in load_rows(equal.out / "sft_train.jsonl", "sft").rows} == {1.0}


def test_the_card_names_hashes_sources_licences_and_teachers(tmp_path: Path, answers: Path, facts: Path) -> None:
    built = made(tmp_path, everything(tmp_path, answers, facts))
    card = (built.out / "README.md").read_text("utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    assert {"name": "answers", "license": "CC0-1.0"} in front["sources"]
    assert all(file.sha256 in card for file in built.files)
    assert "family anthropic" in card, "the shipped questions' contrasts are a model's"
    manifest = json.loads((built.out / "data.json").read_text("utf-8"))
    assert set(manifest["files"]) == set(contents(built.out)) - {"data.json"}


def test_files_of_an_earlier_build_that_are_not_made_any_more_go(tmp_path: Path) -> None:
    rows = {"kind": "rows", "file": str(alpaca(tmp_path / "own.jsonl", 20))}
    assert (made(tmp_path, [rows], export=["trl"]).out / "trl").is_dir()
    (tmp_path / "out" / "mine.txt").write_text("kept", "utf-8")
    assert not list((made(tmp_path, [rows]).out / "trl").glob("*"))
    assert (tmp_path / "out" / "mine.txt").is_file()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("README.md", "# My notes\n", "no build wrote it"),
        ("sft_train.jsonl", "{}", "no build wrote it"),
        ("data.json", "[]", "no manifest of a build"),
    ],
)
def test_a_folder_with_somebody_elses_files_is_left_alone(tmp_path: Path, name: str, content: str, says: str) -> None:
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir()
    theirs.write_text(content, "utf-8")
    with pytest.raises(InputError, match=says):
        made(tmp_path, [{"kind": "rows", "file": str(alpaca(tmp_path / "rows.jsonl", 20))}])
    assert contents(tmp_path / "out") == {name: content.encode()}


def test_a_built_file_that_was_edited_since_is_not_written_over(tmp_path: Path) -> None:
    source = {"kind": "rows", "file": str(alpaca(tmp_path / "rows.jsonl", 20))}
    file = made(tmp_path, [source], export=["mlx"]).out / "mlx" / "sft" / "train.jsonl"
    before = contents(tmp_path / "out")
    file.write_text("{}\n", "utf-8")
    for export in (["mlx"], []):
        with pytest.raises(InputError, match=r"train.jsonl was changed after it was built; move it, or choose another"):
            made(tmp_path, [source], export=export)
    assert contents(tmp_path / "out") == before | {"mlx/sft/train.jsonl": b"{}\n"}
    file.unlink()
    assert contents(made(tmp_path, [source], export=["mlx"]).out) == before
    (tmp_path / "out" / "data.json").unlink()
    assert contents(made(tmp_path, [source], export=["mlx"]).out) == before, "a build that broke off goes on"


def test_the_author_of_the_shipped_options_is_known_by_the_question_itself(tmp_path: Path, answers: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "contemporary.yaml").write_text(
        "- {id: kite, title: Kite, ask: Climb it, why: x, category: kindness, text: A kite, usual: B, options: {A: "
        "{text: Climb, stance: I climb., contrast: B}, B: {text: Leave, stance: I leave it., contrast: A}}}\n",
        "utf-8",
    )
    value = json.loads(answers.read_text("utf-8"))
    value["phase1_contemporary"].append({"dilemma_id": "kite", "choice": "A", "certainty": 5, "emotional_weight": 5})
    answers.write_text(json.dumps(value), "utf-8")
    built = made(tmp_path, [{"kind": "answers", "file": str(answers), "questions": [str(SHIPPED), str(own)]}])
    rows = [
        row
        for p in ("train", "validation", "evaluation")
        for row in load_rows(built.out / f"dpo_{p}.jsonl", "dpo").rows
    ]
    assert {row.family for row in rows if row.teacher != "anthropic"} == {"kite"}


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: str | bytes) -> None:
        raise OSError(28, "No space left on device")

    source = {"kind": "rows", "file": str(alpaca(tmp_path / "rows.jsonl", 20))}
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(InputError, match="file is a file; name a folder"):
        made(tmp_path, [source], out="file")
    monkeypatch.setattr("venire.datasets.build.write_atomic", full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        made(tmp_path, [source])


def test_training_text_in_the_evaluation_part_is_an_error(tmp_path: Path) -> None:
    long = "A landlord offers his tenant a lower rent if she signs the new contract tonight and tells no one."
    one = [{"instruction": long, "output": "a"}]
    two = [{"instruction": f"Listen to this, my friend. {long} I ask because I have to know it soon.", "output": "b"}]
    for name, rows in (("one", one), ("two", two)):
        (tmp_path / f"{name}.json").write_text(json.dumps(rows), "utf-8")
    pinned = [
        {"kind": "rows", "file": str(tmp_path / "one.json"), "part": "evaluation"},
        {"kind": "rows", "file": str(tmp_path / "two.json"), "part": "train"},
    ]
    with pytest.raises(VenireError, match="train and evaluation mix"):
        made(tmp_path, pinned)
    assert not (tmp_path / "out").exists(), "nothing is half written"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": []}, "sources: List should have at least 1 item"),
        ({"sources": [{"kind": "poem", "file": "x"}]}, "sources"),
        ({"sources": [{"kind": "rows", "file": "x", "colour": 1}]}, r"unknown key 'sources\[0\].colour'"),
        (
            {"sources": [{"kind": "rows", "file": "x"}, {"kind": "rows", "file": "x", "name": "y"}]},
            "'x' is named twice",
        ),
        ({"sources": [{"kind": "rows", "file": "no.jsonl"}]}, "rows 'no.jsonl' is no file here"),
        ({"split": {"validation": 0.6, "evaluation": 0.5}}, "leave nothing to train on"),
        ({"person": None, "sources": [{"kind": "facts", "file": "f.csv"}]}, "facts need person"),
        ({"sources": [{"kind": "facts", "file": "f", "held_out": ["shout"]}]}, "'shout' is no kind of phrasing"),
        ({"export": ["csv"]}, "export"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_a_wrong_spec_is_one_sentence(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    rows = {"kind": "rows", "file": str(alpaca(tmp_path / "own.jsonl", 5))}
    with pytest.raises(InputError, match=message) as refused:
        made(tmp_path, **{"sources": [rows], **change})
    assert "spec.yaml" in str(refused.value) and "\n" not in str(refused.value)


def test_rows_that_are_left_out_stand_in_the_card(tmp_path: Path) -> None:
    file = alpaca(tmp_path / "own.jsonl", 5)
    file.write_text(file.read_text("utf-8") + '{"instruction": "And?", "output": " "}\n', "utf-8")
    made(tmp_path, [{"kind": "rows", "file": str(file), "bad_rows": "leave_out"}])
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "- own: 1 unfit row left out, first row 6, messages[1].content: an empty text" in card


def test_answers_to_the_shipped_questions_are_all_used(tmp_path: Path, answers: Path) -> None:
    given = Calibration.model_validate_json(answers.read_text("utf-8"))
    built = made(tmp_path, [{"kind": "answers", "file": str(answers)}])
    count = sum(file.rows for file in built.files if file.name.startswith("sft"))
    assert count == len(list(given.answers())) <= len(load_interview())


def test_a_dataset_of_the_hub_is_built_at_a_commit_that_the_card_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    asked, commit = list[Any](), "0a" * 20

    def load(name: str, config: str | None, split: str, revision: str) -> Any:
        asked.append((name, config, split, revision))
        return datasets.Dataset.from_list([{"question": f"{word(n)}?", "answer": word(n * 3)} for n in range(9)])

    monkeypatch.setattr(datasets, "load_dataset_builder", lambda name, config, revision: SimpleNamespace(hash=commit))
    monkeypatch.setattr(datasets, "load_dataset", load)
    built = made(tmp_path, [{"kind": "rows", "file": "imdb", "config": "plain", "split": "test"}])
    assert asked == [("imdb", "plain", "test", commit)]
    assert built.sources[0].origin == f"imdb, config plain, commit {commit}"
    assert f"`revision: {commit}` in the spec" in (tmp_path / "out" / "README.md").read_text("utf-8")
    source = {"kind": "rows", "file": "org/imdb", "revision": commit}
    assert not [note for note in made(tmp_path, [source], "again").notes if "revision" in note]
    with pytest.raises(ServiceError, match=f"what is kept here is of the commit {commit}"):
        made(tmp_path, [source | {"revision": "1b" * 20}], "other")
    monkeypatch.setattr(datasets, "load_dataset_builder", Mock(side_effect=ConnectionError("no net")))
    with pytest.raises(ServiceError, match=r"rows 'imdb' is no file here.*the hub did not answer: no net"):
        made(tmp_path, [{"kind": "rows", "file": "imdb"}], "none")
