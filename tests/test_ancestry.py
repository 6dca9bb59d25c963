"""A suite that was learned before the experiment: found by lineage, through parents, and said where it cannot be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from venire import store
from venire._common.errors import VenireError
from venire._common.hashing import sha256_file
from venire.engine import Base
from venire.run import Run
from venire.stages import plan
from venire.training.candidates import Candidate, describe_base, write_candidate

QUESTION = "My brother took money from our mother's purse for his medicine. Should I tell her what I saw?"
ANSWER = "I would speak to my brother first and give him a day to tell her himself."
OTHER = "What do you do with the boots of a neighbour who has moved away for good?"
Make = Callable[..., Candidate]


def sft(file: Path, *questions: str) -> Path:
    rows = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": f"Nothing to {n} here."}]}
        for n, q in enumerate(questions)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    scenario = {"id": "s1", "family": "s1", "domain": "d", "prompt": QUESTION, "reference": ANSWER}
    # five prompts are enough for the judge's exam
    umbrellas = "Somebody left {} umbrellas in the hall, and nobody fetches them. What becomes of them?"
    more = [{"id": f"s{n}", "family": f"s{n}", "prompt": umbrellas.format(n)} for n in range(2, 6)]
    (tmp_path / "mine.yaml").write_text(
        yaml.safe_dump(
            [scenario | one | {"contrast": "You should tell her at once.", "weight": 5} for one in ({}, *more)]
        )
    )
    sft(tmp_path / "clean.jsonl", OTHER)
    return tmp_path


@pytest.fixture
def make(here: Path, tiny_base: Base, tiny_adapters: list[Path]) -> Make:
    def candidate(name: str, data: Path, at: int = 0, parent: Candidate | None = None, **more: Any) -> Candidate:
        weights = shutil.copytree(tiny_adapters[at], here / f"weights-{name}")
        lineage: dict[str, Any] = {
            "name": name,
            "kind": "adapter",
            "base": describe_base(tiny_base),
            "parent": parent and {"name": parent.name, "sha256": parent.sha256, "step": 1},
            "recipe": {"name": "old", "sha256": "0" * 64},
            "data": {"path": data.name, "sha256": sha256_file(data), **more},
            "seed": 3,
            "step": 1,
        }
        return write_candidate(weights, here / "runs" / f"old-{name}" / "candidates" / name, lineage)

    return candidate


def frozen(here: Path, base: Base, spec: dict[str, Any]) -> dict[str, Any]:
    name = str(base.path)
    experiment = {
        "name": "again",
        "bases": [name],
        "incumbent": f"{name}/plain",
        "candidates": [spec],
        "suites": [{"task": "venire/value_alignment", "judge": True, "args": {"scenarios": "mine.yaml"}}],
        "panel": {"judges": [{"embedding": "all-minilm"}]},
    }
    (here / "again.yaml").write_text(yaml.safe_dump(experiment))
    return plan.freeze(Run(here / "again.yaml"))


@pytest.mark.parametrize("how", ["path", "name", "parent", "its parent"])
def test_a_suite_that_was_learned_before_is_a_leak(how: str, here: Path, make: Make, tiny_base: Base) -> None:
    old = make("old-step1", sft(here / "old.jsonl", OTHER, QUESTION))
    spec: dict[str, Any] = {"path": str(old.path)}
    if how == "name":
        store.add(old.path, str(tiny_base.path), None)
        spec = {"name": "old-step1"}
    elif how == "parent":
        recipe = {"method": "sft", "data": "clean.jsonl", "learning_rate": 1e-3, "parent": str(old.path)}
        (here / "young.yaml").write_text(yaml.safe_dump(recipe))
        spec = {"recipe": "young.yaml"}
    elif how == "its parent":
        spec = {"path": str(make("new-step1", here / "clean.jsonl", 1, old).path)}
    with pytest.raises(VenireError, match=r"train and eval mix: old\.jsonl, row 2 \(learned by old-step1\) is also"):
        frozen(here, tiny_base, spec)


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_what_cannot_be_looked_at_is_a_note_of_the_plan(
    change: str, here: Path, make: Make, tiny_base: Base, tiny_adapters: list[Path]
) -> None:
    old = make("old-step1", sft(here / "old.jsonl", OTHER, QUESTION))
    (here / "old.jsonl").unlink() if change == "gone" else sft(here / "old.jsonl", OTHER)
    notes = [
        f for f in frozen(here, tiny_base, {"path": str(old.path)})["plan"]["findings"] if f["component"] == "leaks"
    ]
    assert len(notes) == 1 and notes[0]["severity"] == "note"
    assert notes[0]["message"].startswith("old-step1: old.jsonl ") and "was not checked" in notes[0]["message"]


def test_rows_that_name_the_best_checkpoint_and_stand_in_a_suite_are_a_note(here: Path, tiny_base: Base) -> None:
    sft(here / "held.jsonl", "Which boots are yours?", QUESTION)
    recipe = {"method": "sft", "data": "clean.jsonl", "held_out": "held.jsonl", "learning_rate": 0.001}
    (here / "mine_sft.yaml").write_text(yaml.safe_dump(recipe))
    findings = frozen(here, tiny_base, {"recipe": "mine_sft.yaml"})["plan"]["findings"]
    (told,) = [f for f in findings if f["component"] == "leaks"]
    assert told["severity"] == "note"
    assert told["message"].startswith("held out: held.jsonl, row 2") and "hold out other rows" in told["message"]


def test_rows_held_out_were_not_learned(here: Path, make: Make, tiny_base: Base) -> None:
    from venire.training.mixture import mix

    file = sft(
        here / "old.jsonl", *(f"Would you mend the fence of house number {n} by the river?" for n in range(9)), QUESTION
    )
    for share in (0.2, 0.5):
        mixed = mix(file, "sft", written="old.jsonl", held_out=share, replay=None, phrasings=None, seed=1)
        assert mixed.held_out is not None
        apart = QUESTION in [text for row in mixed.held_out.rows for text in row.texts]
        old = make(f"old{share * 10:.0f}-step1", file, 0, None, held_out=mixed.described["held_out"])
        if apart:
            frozen(here, tiny_base, {"path": str(old.path)})
        else:
            with pytest.raises(VenireError, match="train and eval mix"):
                frozen(here, tiny_base, {"path": str(old.path)})
