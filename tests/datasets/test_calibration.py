"""The calibration file: read and written whole, older versions too, and refused in one sentence."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from venire._common.errors import InputError
from venire.datasets.answers import load_answers, unasked, unasked_note
from venire.datasets.calibration import (
    Calibration,
    DilemmaAnswer,
    FigureAnswer,
    Unfinished,
    load_calibration,
    save_calibration,
)
from venire.datasets.questions import Interview, load_interview, stances

ANSWER = {"dilemma_id": "kite", "choice": "A", "reasoning": "why", "certainty": 7, "emotional_weight": 8}
WHOLE: dict[str, Any] = {
    "version": 2,
    "username": "Ann",
    "calibration_date": "2026-03-02",
    "phase1_contemporary": [ANSWER],
    "phase4_resonant_figures": [{"figure": "antigone", "resonates": True, "reasoning": "dirt"}],
    "skipped": ["soup"],
}


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "me.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    calibration = load_calibration(write(tmp_path, WHOLE))
    assert calibration.calibration_date == date(2026, 3, 2)
    assert [(phase, answer.id) for phase, answer in calibration.answers()] == [
        ("contemporary", "kite"),
        ("figures", "antigone"),
    ]
    save_calibration(tmp_path / "again.json", calibration)
    assert load_calibration(tmp_path / "again.json") == calibration
    assert json.loads((tmp_path / "again.json").read_text("utf-8"))["version"] == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 3}, "key 'version': 3 is unknown"),
        ({"mood": "good"}, "key 'mood': unknown key"),
        ({"username": ""}, "key 'username'"),
        ({"phase1_contemporary": [ANSWER | {"choice": "Z"}]}, r"key 'phase1_contemporary\[0\].choice'"),
        ({"phase1_contemporary": [ANSWER | {"choice": "Other"}]}, "choice Other goes with a text"),
        ({"phase1_contemporary": [ANSWER | {"other": "my own"}]}, "a letter goes without"),
        ({"phase1_contemporary": [ANSWER | {"certainty": 11}]}, r"phase1_contemporary\[0\].certainty"),
        ({"phase1_contemporary": [ANSWER | {"certainty": "7"}]}, r"phase1_contemporary\[0\].certainty"),
        ({"phase1_contemporary": [ANSWER, ANSWER]}, "'kite' stands twice"),
        ({"skipped": ["kite"]}, "'kite' stands twice"),
    ],
)
def test_a_wrong_file_names_the_key(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = write(tmp_path, WHOLE | change)
    with pytest.raises(InputError, match=says) as error:
        load_calibration(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not whole JSON: the file is empty"),
        (json.dumps(WHOLE).encode()[:-20], "not whole JSON"),
        (json.dumps(WHOLE | {"username": "Zoë"}, ensure_ascii=False).encode("latin-1"), "not UTF-8"),
        (b"[]", "one JSON object"),
        (b'{"instruction": "A?", "output": "a"}', "its keys are instruction, output"),
    ],
)
def test_a_torn_or_foreign_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "me.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        load_calibration(path)
    with pytest.raises(InputError, match="venire calibrate"):
        load_calibration(tmp_path / "nobody.json")


def test_version_1_is_read(tmp_path: Path) -> None:
    old = {
        "version": "1.0",
        "username": "Ann",
        "calibration_date": "2024-11-03T10:20:30",
        "phase1_contemporary": [ANSWER | {"choice": "b) Leave it", "timestamp": "10:21"}],
        "phase2_timeless": [ANSWER | {"dilemma_id": "soup", "choice": "Other: I eat it"}],
        "phase3_personal": [
            {"question": "First lesson", "response": "Put it back.", "certainty": 8, "emotional_weight": 9}
        ],
        "phase4_resonant_figures": [{"figure": "Simone Weil", "resonates": False, "reasoning": "hungry"}],
        "phase5_frameworks": [{"framework": "Care ethics", "score": 6}],
    }
    calibration = load_calibration(write(tmp_path, old))
    assert calibration.version == 2
    assert calibration.calibration_date == date(2024, 11, 3)
    assert calibration.phase1_contemporary[0].choice == "B"
    assert (calibration.phase2_timeless[0].choice, calibration.phase2_timeless[0].other) == ("Other", "I eat it")
    assert calibration.phase3_priorities[0].id == "first-lesson"
    assert calibration.phase3_priorities[0].answer == "Put it back."
    figure = calibration.phase4_resonant_figures[0]
    assert (figure.id, figure.emotional_weight) == ("simone-weil", None)
    assert calibration.phase5_frameworks[0].rating == 6
    with pytest.raises(InputError, match="are both phase 3"):
        load_calibration(write(tmp_path, old | {"phase3_priorities": []}))


OLD = ANSWER | {"dilemma_id": "street-cameras", "reasoning": None, "certainty": "8"}
OTHERS: dict[str, Any] = {
    "version": "1.0",
    "username": "Ann",
    "calibration_date": "2024-11-03",
    "phase1_contemporary": [OLD, ANSWER | {"dilemma_id": "gun_control"}, OLD | {"dilemma_id": "pay", "choice": "H"}],
    "phase5_frameworks": [{"framework": "Kantian Ethics", "rating": "7", "reasoning": None}],
}


def test_answers_of_version_1_to_other_questions_are_kept_apart(tmp_path: Path) -> None:
    shipped, path = load_interview(), write(tmp_path, OTHERS)
    read = load_answers(path, shipped)
    assert [(a.id, a.certainty, a.reasoning) for a in read.phase1_contemporary] == [("street-cameras", 8, "")]
    assert unasked(read) == ["gun_control", "pay", "kantian-ethics"] and len(stances(read, shipped)) == 1
    assert unasked_note(unasked(read)).startswith("3 answers are to questions not among these (gun_control, ")
    save_calibration(path, read)
    assert load_answers(path, shipped) == read

    ours = dict(shipped.questions)
    cameras = next(question for question in ours["contemporary"] if question.id == "street-cameras")
    ours["contemporary"] = [*ours["contemporary"], cameras.model_copy(update={"id": "gun_control"})]
    read = load_answers(path, Interview(ours, shipped.axes))
    assert [a.id for a in read.phase1_contemporary] == ["street-cameras", "gun_control"]
    assert unasked(read) == ["pay", "kantian-ethics"]


def test_a_file_of_version_1_with_none_of_the_questions_is_refused(tmp_path: Path) -> None:
    shipped, path = load_interview(), write(tmp_path, OTHERS | {"phase1_contemporary": [ANSWER]})
    with pytest.raises(InputError, match="name the folder of questions that were asked"):
        stances(load_answers(path, shipped), shipped)


def test_an_answer_takes_the_place_of_the_earlier_one() -> None:
    calibration = Calibration(username="Ann", calibration_date=date(2026, 3, 2), skipped=["soup"])
    first = DilemmaAnswer(dilemma_id="kite", choice="A", certainty=1, emotional_weight=2)
    soup = DilemmaAnswer(dilemma_id="soup", choice="B", certainty=1, emotional_weight=2)
    with_both = calibration.with_answer("contemporary", first).with_answer("contemporary", soup)
    assert with_both.skipped == []
    changed = with_both.with_answer("contemporary", first.model_copy(update={"choice": "B"}))
    assert [(a.id, a.choice) for a in changed.phase1_contemporary] == [("kite", "B"), ("soup", "B")]
    skipped = changed.without("soup", skip=True)
    assert skipped.answer_to("soup") is None and skipped.skipped == ["soup"]
    begun = changed.model_copy(update={"unfinished": Unfinished(id="kite", given={"choice": "A"})})
    answered = begun.with_answer("figures", FigureAnswer(figure="x", resonates=True))
    assert answered.unfinished == begun.unfinished  # another question's: it goes on there
    assert answered.with_answer("contemporary", first).unfinished is None
    other = Unfinished(id="soup", draft="It is")
    assert begun.with_begun(other).set_aside == [begun.unfinished] and begun.with_begun(other).begun("soup") == other


def test_an_answer_is_checked_where_it_is_made() -> None:
    with pytest.raises(ValidationError):
        DilemmaAnswer(dilemma_id="kite", choice="Other", certainty=1, emotional_weight=2)
