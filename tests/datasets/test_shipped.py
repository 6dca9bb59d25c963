"""What ships to train on: counts and hashes as the card says, and no scenario of any shipped suite in it."""

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from venire.datasets.leaks import find_leaks
from venire.datasets.rows import DpoRow, TrainingData, load_rows, training_texts

FOLDER = Path(inspect.getfile(find_leaks)).parent / "quickstart"
CATEGORIES = {
    "family_loyalty",
    "anti_bullying",
    "power_imbalance",
    "pragmatic_compassion",
    "structural_awareness",
    "loyalty_vs_law",
    "redemption",
    "intellectual_humility",
}


@pytest.fixture(params=["sft", "dpo"])
def data(request: pytest.FixtureRequest) -> TrainingData:
    return load_rows(FOLDER / f"{request.param}.jsonl", request.param)


def test_the_card_says_what_is_there(data: TrainingData) -> None:
    card = (FOLDER / "README.md").read_text("utf-8")
    assert data.sha256 in card, "the card names another hash: write its numbers anew"
    for category, rows in data.families.items():
        line = next(line for line in card.splitlines() if line.startswith(f"| {category} "))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1 if data.path.stem == "sft" else 2] == str(rows)
    assert "Apache-2.0" in card


def test_every_value_has_its_rows_and_no_prompt_stands_twice(data: TrainingData) -> None:
    assert len(data.rows) == 96
    assert set(data.families) >= CATEGORIES
    prompts = Counter(row.texts[0] for row in data.rows)
    assert max(prompts.values()) == 1


def test_the_wanted_answer_is_not_known_by_its_length() -> None:
    rows = [row for row in load_rows(FOLDER / "dpo.jsonl", "dpo").rows if isinstance(row, DpoRow)]
    longer = sum(len(row.chosen[0].content) > len(row.rejected[0].content) for row in rows)
    assert 0.25 < longer / len(rows) < 0.75


def test_the_person_never_disclaims_and_never_shouts(data: TrainingData) -> None:
    wanted = [row.chosen[0].content if isinstance(row, DpoRow) else row.messages[-1].content for row in data.rows]
    assert not [text for text in wanted if re.search(r"as an ai|language model|it depends|!", text, re.IGNORECASE)]


def test_no_scenario_text_stands_in_training_data(data: TrainingData) -> None:
    from venire import evals
    from venire.evals.scenarios import load_task, scenario_texts

    asked = [
        (f"{name}:{place}", text)
        for name in ("value_alignment", "epistemic_stance", "forgetting", "phrasing_robustness")
        if hasattr(evals, name)
        for place, text in scenario_texts(load_task(f"venire/{name}"))
    ]
    assert len(asked) > 300
    assert [str(leak) for leak in find_leaks(training_texts(data), asked)] == []
