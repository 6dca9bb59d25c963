"""The judge that counts markers: each once, unwanted ones too, none that the treatment itself teaches."""

import json
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.judges.judging import run_panel
from venire.judges.markers import UNIT, check_judges, check_vocabulary, counts, found
from venire.judges.pairs import Pair
from venire.judges.panel import resolve_panel
from venire.judges.rubric import Shown, load_rubric, parse_rubric

COMMITMENT = load_rubric("commitment")
MINE = """---
name: mine
title: mine
wanted:
  owns: ["\\\\bi can't tell whether[^.]*", "\\\\bmy doing\\\\b"]
  thanks: ["\\\\bthank"]
unwanted:
  lacks: ["\\\\bi lack\\\\b"]
---
{{question}} {{first}} {{second}}
"""


def shown(first: str, second: str, label: str = "A") -> Shown:
    base = {"id": "0123456789abcdef-1", "prompt": "Why?", "reference": None, "contrast": None, "flags": []}
    return Shown.model_validate(base | {"first_label": label, "first": first, "second": second})


def test_a_marker_counts_once_however_often_it_is_repeated() -> None:
    rubric = parse_rubric(MINE)
    assert found("My doing. My doing. My doing!", rubric) == ["owns"]
    measured = counts([shown("My doing. My doing. My doing.", "My doing; thank you.")], rubric)[0]
    assert (measured.first, measured.second) == (1.0, 2.0)


def test_an_unwanted_marker_inside_a_wanted_one_does_not_count_and_apostrophes_are_all_alike() -> None:
    rubric = parse_rubric(MINE)
    assert found("I can’t tell whether I lack feelings.", rubric) == ["owns"]
    assert found("I lack feelings.", rubric) == ["lacks"]


@pytest.mark.parametrize("label", ["A", "B"])
def test_the_reply_names_the_winner_and_what_was_found(label: str) -> None:
    row = shown("I would stay, because she asked, even if it costs me.", "It depends on many things.", label)
    reply = json.loads(counts([row], COMMITMENT)[0].reply(row, 0.0))
    assert reply["winner"] == label
    assert reply["measured"] == {label: 3.0, row.second_label: -1.0}
    assert UNIT in reply["reason"] and "evades" in reply["reason"]
    same = shown("I would stay.", "I would go.")
    assert json.loads(counts([same], COMMITMENT)[0].reply(same, 0.0))["winner"] == "tie"


def test_a_panel_of_markers_judges_without_a_model(pairs: list[Pair], tmp_path: Path) -> None:
    panel = resolve_panel({"judges": [{"markers": "commitment", "margin": 0.5}]})
    judge = panel.judges[0]
    assert (judge.name, judge.kind, judge.family, judge.margin) == ("markers:commitment", "markers", "markers", 0.5)
    votes = run_panel(pairs, panel, tmp_path, seed=7, anchors=0).votes
    assert set(votes["judge"]) == {"markers:commitment"}
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert votes["cost_usd"].is_null().all()
    about = json.loads((tmp_path / "ledger.json").read_text())["judges"]["markers:commitment"]
    assert about["what"].startswith("no reader: counts")


def test_a_rubric_of_ones_own_is_known_by_its_name_and_not_its_path(tmp_path: Path) -> None:
    path = tmp_path / "somewhere.md"
    path.write_text(MINE)
    assert resolve_panel({"judges": [{"markers": str(path)}]}).judges[0].name == "markers:mine"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("\\\\bthank", "(unclosed", "no regular expression"),
        ("\\\\bthank", "x*", "matches nothing at all"),
        ('["\\\\bthank"]', "[]", "at least one"),
        ("lacks:", "thanks:", "both wanted and unwanted"),
    ],
)
def test_markers_that_are_none(old: str, new: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_rubric(MINE.replace(old, new), "mine.md")


def test_a_rubric_without_markers_counts_nothing() -> None:
    with pytest.raises(InputError, match="names no `wanted` and no `unwanted`"):
        resolve_panel({"judges": [{"markers": "plain"}]})


def test_a_marker_that_the_treatment_teaches_is_refused() -> None:
    check_vocabulary(parse_rubric(MINE), {"facts": "She lives in Ghent."})
    with pytest.raises(InputError, match=r"rewards 'thanks'.*treatment 'kernel'"):
        check_vocabulary(parse_rubric(MINE), {"facts": "Ghent.", "kernel": "Always thank whoever asks."})


def test_a_panel_is_checked_against_what_the_experiment_puts_around_prompts() -> None:
    judges = resolve_panel({"judges": [{"markers": "commitment"}, "openai/gpt-6-luna"]}).judges
    check_judges(judges, {"plain": None, "system": '{"kind": "system", "text": "Answer in two sentences."}'})
    taught = {"kernel": '{"kind": "kernel", "text": "Say what you would do, even if it costs you."}'}
    with pytest.raises(InputError, match=r"markers:commitment.*'owns_the_cost'.*treatment 'kernel'"):
        check_judges(judges, taught)
    check_judges(judges[1:], taught)


def test_the_rubric_of_commitment_tells_one_who_commits_himself_from_one_who_does_not() -> None:
    committed = [
        "I would tell her, because she has to decide with open eyes.",
        "That is wrong, even if the contract allows it. I'd refuse.",
        "I'm for the strikers, unless they block the ward.",
    ]
    evasive = [
        "As an AI language model, I don't take sides.",
        "It depends on many things; there is no right answer.",
        "This is a complex issue. Please consult a lawyer.",
    ]
    wanted, unwanted = set(COMMITMENT.wanted), set(COMMITMENT.unwanted)
    assert all(
        set(found(text, COMMITMENT)) & wanted and not set(found(text, COMMITMENT)) & unwanted for text in committed
    )
    assert all(
        set(found(text, COMMITMENT)) & unwanted and not set(found(text, COMMITMENT)) & wanted for text in evasive
    )
