"""The person's own preferences in the exam: read row by row, balanced, held out from training."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from venire._common.errors import InputError, VenireError
from venire.judges.anchors import INTACT, make_anchors
from venire.judges.judging import open_judging
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel
from venire.judges.preferences import load_preferences, preference_texts

from .helpers import CANDIDATE, INCUMBENT, answers_frame, fenced, mock_panel
from .staging import mock_judges_of, sensible

PAIRS = make_pairs(answers_frame(n=32), [CANDIDATE], INCUMBENT, seed=7)


def write(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows(n: int = 30) -> list[dict]:
    return [
        {
            "prompt": f"Would you sell the boat of family {i}, which nobody uses since the flood?",
            "chosen": f"No. The boat of family {i} stays; somebody will need it.",
            "rejected": f"Yes, sell boat {i} at once and invest what it brings.",
            "family": f"boat-{i}",
        }
        for i in range(n)
    ]


def test_rows_are_texts_or_chats(tmp_path: Path) -> None:
    chat = {
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Sell it?"}],
        "chosen": [{"role": "assistant", "content": "No."}],
        "rejected": [{"role": "assistant", "content": "Yes."}],
        "reference": "I never sell.",
    }
    one, two = load_preferences(write(tmp_path / "p.jsonl", [rows(1)[0], chat]))
    assert one.chosen.startswith("No. The boat") and one.family == "boat-0" and one.reference is None
    assert (two.prompt, two.chosen, two.rejected) == ("Be brief.\n\nSell it?", "No.", "Yes.")
    assert two.reference == "I never sell." and two.family == "preference-2"
    assert preference_texts([two])[1] == (f"{tmp_path / 'p.jsonl'}, row 2", "No.")


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"prompt": "x", "chosen": "y"}, r"row 2, rejected: .*a preference has prompt, chosen and rejected"),
        ({"prompt": "x", "chosen": "y", "rejected": " "}, "row 2, rejected"),
        ({"prompt": "x", "chosen": "y", "rejected": "y "}, "row 2: the chosen and the rejected answer are the same"),
        ({"prompt": "x", "chosen": "y", "rejected": "z", "colour": "red"}, "row 2, colour"),
        ("text", "row 2"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, bad: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_preferences(write(tmp_path / "p.jsonl", [rows(1)[0], bad]))


def test_a_file_that_is_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_preferences(tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match="no preference in it"):
        load_preferences(write(tmp_path / "p.jsonl", []))


def test_preferences_make_half_of_the_exam_with_balanced_sides(tmp_path: Path) -> None:
    preferences = load_preferences(write(tmp_path / "p.jsonl", rows()))
    anchors = make_anchors(PAIRS, seed=7, preferences=preferences)
    kinds = Counter(pair.domain for pair in anchors)
    assert len(anchors) == 40 and kinds["anchor/preference"] == 20
    assert sum(pair.candidate.contender == INTACT for pair in anchors) == 20
    mine = [pair for pair in anchors if pair.domain == "anchor/preference"]
    assert sum(pair.candidate.contender == INTACT for pair in mine) == 10
    for pair in mine:
        good = pair.candidate if pair.candidate.contender == INTACT else pair.incumbent
        assert good.text.startswith("No.")
    assert len({pair.id for pair in anchors}) == 40
    few = make_anchors(PAIRS, seed=7, preferences=preferences[:3])
    assert Counter(pair.domain for pair in few)["anchor/preference"] == 3 and len(few) == 40


def test_the_seed_chooses_them_not_their_order(tmp_path: Path) -> None:
    preferences = load_preferences(write(tmp_path / "p.jsonl", rows()))
    one, two = (make_anchors(PAIRS, seed=7, preferences=p) for p in (preferences, list(reversed(preferences))))
    assert [pair.id for pair in one] == [pair.id for pair in two]
    assert [pair.id for pair in make_anchors(PAIRS, seed=8, preferences=preferences)] != [pair.id for pair in one]


def test_a_judge_that_compares_with_the_person_needs_their_answer_before_anything_is_sealed(tmp_path: Path) -> None:
    preferences = load_preferences(write(tmp_path / "p.jsonl", rows()))
    panel = resolve_panel({"judges": [{"embedding": "all-minilm"}]})
    with pytest.raises(InputError, match=r"row 1: no `reference`, and judge 'embedding:all-minilm'"):
        open_judging(PAIRS, panel, tmp_path / "run", seed=7, preferences=preferences)
    assert not (tmp_path / "run").exists()
    open_judging(PAIRS, mock_panel(), tmp_path / "run", seed=7, preferences=preferences)


def test_a_judge_is_examined_on_them(stage, models, tmp_path: Path) -> None:
    """Degradations alone, 20 of 40, do not show that a judge knows the person; the kinds show where it failed."""

    def stranger(prompt: str) -> str:
        return sensible(prompt) if "the boat of family" not in prompt else '{"winner": "tie"}'

    models(one=stranger, two=lambda p: prefers_no(p) if "the boat of family" in p else sensible(p))
    path = write(tmp_path / "mine.jsonl", rows())
    it = stage(panel={"judges": mock_judges_of("one", "two"), "anchors": {"preferences": str(path)}})
    said = it.judge()
    assert "mockllm/one: 20 of 40 anchors right, 80 calls: failed" in said
    assert "mockllm/two: 40 of 40 anchors right, 80 calls: passed" in said
    it.gate()
    exams = json.loads((it.run.folder / "qualification.json").read_text())
    assert exams["mockllm/one"]["kinds"]["preference"] == [0, 20]
    assert exams["mockllm/two"]["kinds"]["preference"] == [20, 20]
    # They are frozen by content.
    write(path, rows(29))
    with pytest.raises(VenireError, match=r"differs from .* in judging"):
        it.judge()


def prefers_no(prompt: str) -> str:
    blocks = fenced(prompt)
    label = "A" if blocks["Answer A"].startswith("No.") else "B"
    return f'{{"winner": "{label}"}}'


def test_one_that_stands_in_the_training_data_is_a_leak(stage, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", rows())
    row = rows()[4]
    training = [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": "Some answer that stands nowhere else at all."},
            ]
        }
    ]
    write(tmp_path / "train.jsonl", training)
    recipe = {"method": "sft", "data": "train.jsonl", "lora": {"r": 4, "alpha": 8, "targets": "all-linear"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe | {"learning_rate": 1e-3, "epochs": 1, "batch": 1}))
    with pytest.raises(VenireError, match=r"train and eval mix: .*train\.jsonl, row 1 .*mine\.jsonl, row 5"):
        stage(
            panel={"judges": mock_judges_of("one"), "anchors": {"preferences": str(path)}},
            candidates=[{"recipe": "mine.yaml"}],
        )
