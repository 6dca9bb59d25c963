"""Other tools' judgement files: what becomes of each kind of record, and what is refused with its row."""

import json
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.judges.importers import FORMATS, detect_format, import_votes
from venire.judges.verdict_text import parse_verdict, read_mapping, verdict_of
from venire.judges.votes import complete_orders, value, write_votes

RANKED = '{"ordered_models": [{"model": "%s", "rank": 1}, {"model": "%s", "rank": 2}]}'


def put(path: Path, records: list[dict[str, Any]]) -> Path:
    text = json.dumps(records) if path.suffix == ".json" else "".join(json.dumps(r) + "\n" for r in records)
    path.write_text(text)
    return path


def alpaca(**changes: Any) -> dict[str, Any]:
    return {
        "instruction": "Name a river.",
        "output_1": "Rhine.",
        "generator_1": "gpt4_1106_preview",
        "dataset": "koala",
        "output_2": "The Rhine is one.",
        "generator_2": "mine",
        "annotator": "alpaca_eval_gpt4_turbo_fn",
        "preference": 2.0,
        "price_per_example": 0.01,
        "time_per_example": 1.5,
        "raw_completion": RANKED % ("m", "M"),
        **changes,
    }


def pair(**changes: Any) -> dict[str, Any]:
    return {
        "question_id": 81,
        "model_1": "zed",
        "model_2": "abe",
        "g1_winner": "model_1",
        "g2_winner": "model_1",
        "judge": ["gpt-4", "pair-v2"],
        "g1_judgment": "Fine. [[A]]",
        "g2_judgment": "Fine. [[B]]",
        "turn": 1,
        "tstamp": 1.0,
        **changes,
    }


def arena(**changes: Any) -> dict[str, Any]:
    return {
        "question_id": "q1",
        "model": "mine",
        "judge": "gpt-4-1106-preview",
        "games": [{"judgment": "[[B>>A]]", "score": "B>>A"}, {"judgment": "[[A>B]]", "score": "A>B"}],
        **changes,
    }


# AlpacaEval


def test_alpaca_preferences_are_soft_votes_for_the_second_model(tmp_path: Path):
    shares = [1.0, 1.25, 1.5, 2.0, 0]
    records = [alpaca(instruction=f"q{i}", preference=p, raw_completion=None) for i, p in enumerate(shares)]
    votes = import_votes(put(tmp_path / "annotations.json", records))
    assert votes["preference"].to_list() == [0, 0.25, 0.5, 1, 0.5]
    assert votes["verdict"].to_list() == ["incumbent", "incumbent", "tie", "candidate", "tie"]
    assert votes["candidate"].unique().to_list() == ["mine"]
    row = votes.row(0, named=True)
    assert (row["incumbent"], row["domain"], row["judge_family"]) == (
        "gpt4_1106_preview",
        "koala",
        "alpaca_eval_gpt4_turbo_fn",
    )
    assert (row["len_candidate"], row["len_incumbent"], row["cost_usd"], row["seconds"]) == (17, 6, 0.01, 1.5)


@pytest.mark.parametrize(
    "completion, preference, first",
    [
        (RANKED % ("m", "M"), 2.0, True),  # the first won, and the candidate won
        (RANKED % ("M", "m"), 2.0, False),
        (RANKED % ("m", "M"), 1.0, False),
        (RANKED % ("M", "m"), 1.0, True),
        ({"message": {"content": "M"}, "logprobs": {}}, 1.999, False),
        ("[{'model': 'model_2', 'rank': 1}, {'model': 'model_1', 'rank': 2}]", 1.0, True),
    ],
)
def test_alpaca_place_is_read_from_the_labels(completion: Any, preference: float, first: bool, tmp_path: Path):
    record = alpaca(raw_completion=completion, preference=preference)
    row = import_votes(put(tmp_path / "a.json", [record])).row(0, named=True)
    assert row["candidate_first"] is first
    mapping = read_mapping(row["label_mapping"])
    labels = tuple(mapping)
    assert verdict_of(parse_verdict(row["judgment"], (labels[0], labels[1])), mapping) == row["verdict"]


@pytest.mark.parametrize(
    "instruction, switched", [("How do I make escargot?", True), ("How did US states get their names?", True)]
)
def test_alpaca_place_follows_its_seeded_rule_where_no_label_is_shown(instruction: str, switched: bool, tmp_path: Path):
    """Two rows of AlpacaEval's published results, whose completions show that the second output came first."""
    record = alpaca(instruction=instruction, raw_completion=None)
    assert import_votes(put(tmp_path / "a.json", [record]))["candidate_first"].to_list() == [switched]


def test_alpaca_without_preference_is_invalid_and_says_why(tmp_path: Path):
    records = [
        alpaca(instruction="a", preference=None, raw_completion="Error code: 429"),
        alpaca(instruction="b", preference=float("nan"), raw_completion=None),
    ]
    votes = import_votes(put(tmp_path / "a.json", records))
    assert votes["verdict"].to_list() == ["invalid", "invalid"]
    assert votes["reason"].to_list() == ["error", "empty"]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"preference": 3}, "row 2: preference is 3"),
        ({"preference": "2"}, "row 2: preference is '2'"),
        ({"generator_1": None}, "row 2: 'generator_1' is missing"),
        ({"instruction": "first"}, "row 2: a second vote"),
    ],
)
def test_alpaca_refusals(changes: dict[str, Any], said: str, tmp_path: Path):
    path = put(tmp_path / "a.json", [alpaca(instruction="first"), alpaca(**changes)])
    with pytest.raises(InputError, match=said):
        import_votes(path)


# FastChat


def test_a_pair_becomes_two_votes_by_contender(tmp_path: Path):
    votes = import_votes(put(tmp_path / "gpt-4_pair.jsonl", [pair()]))
    assert votes.select("candidate", "incumbent", "candidate_first", "verdict").rows() == [
        ("abe", "zed", False, "incumbent"),
        ("abe", "zed", True, "incumbent"),
    ]
    assert votes["judge"].unique().to_list() == ["gpt-4"]
    assert votes["prompt_id"].unique().to_list() == ["81-turn1"]
    assert votes["domain"].unique().to_list() == ["writing"]
    for row in votes.iter_rows(named=True):
        assert verdict_of(parse_verdict(row["judgment"]), read_mapping(row["label_mapping"])) == row["verdict"]


def test_ties_and_errors_of_a_pair(tmp_path: Path):
    record = pair(g1_winner="tie", g2_winner="error", g2_judgment="$ERROR$")
    votes = import_votes(put(tmp_path / "p.jsonl", [record]))
    assert votes["verdict"].to_list() == ["tie", "invalid"]
    assert votes["reason"].to_list() == [None, "error"]


def test_grades_are_compared_in_both_orders(tmp_path: Path):
    grades = {"abe": 7, "bo": 7.1, "cy": 8, "di": -1}
    records = [
        {"question_id": 81, "model": m, "judge": ["gpt-4", "single-v1"], "judgment": "…", "score": s, "turn": 1}
        for m, s in grades.items()
    ]
    votes = import_votes(put(tmp_path / "gpt-4_single.jsonl", records))
    assert votes.height == 12 and complete_orders(votes).height == 6
    assert votes["note"].unique().to_list() == ["merged"]  # a grade has no place
    by_pair = {(r["candidate"], r["incumbent"]): r["verdict"] for r in votes.iter_rows(named=True)}
    assert by_pair[("abe", "bo")] == "tie"
    assert by_pair[("abe", "cy")] == "incumbent"
    assert by_pair[("abe", "di")] == "invalid"
    with pytest.raises(InputError, match="row 5: a second grade"):
        import_votes(put(tmp_path / "twice.jsonl", [*records, records[0]]))


def test_votes_of_people_and_combined_rows(tmp_path: Path):
    base = {"question_id": 160, "model_a": "zed", "model_b": "abe", "turn": 2}
    records = [
        base | {"winner": "model_a", "judge": "expert_1"},
        base | {"winner": "tie (bothbad)", "judge": "author_2"},
        base | {"winner": "tie (inconsistent)", "judge": "gpt4_pair"},
    ]
    votes = import_votes(put(tmp_path / "v.jsonl", records))
    assert votes.select("judge", "candidate_first", "verdict", "use", "note").rows() == [
        ("human:expert_1", False, "incumbent", "human", None),
        ("human:author_2", False, "tie", "human", "both_bad"),
        ("gpt4_pair", True, "tie", "gate", "inconsistent"),
        ("gpt4_pair", False, "tie", "gate", "inconsistent"),
    ]


@pytest.mark.parametrize(
    "record, said",
    [
        (pair(g1_winner="model_3"), "row 1: winner 'model_3' is neither"),
        (pair(judge=None), "row 1: 'judge' is missing"),
        ({"question_id": 1, "judge": "x"}, "no known format|neither a pair"),
        ({"question_id": 1, "judge": "x", "model": "m", "score": "good"}, "row 1: score is 'good'"),
    ],
)
def test_fastchat_refusals(record: dict[str, Any], said: str, tmp_path: Path):
    with pytest.raises(InputError, match=said):
        import_votes(put(tmp_path / "x.jsonl", [record]))


# Arena-Hard


def test_arena_games_meet_the_baseline_in_both_orders(tmp_path: Path):
    votes = import_votes(put(tmp_path / "mine.jsonl", [arena()]))
    assert votes.select("candidate", "incumbent", "candidate_first", "verdict").rows() == [
        ("mine", "gpt-4-0314", False, "candidate"),
        ("mine", "gpt-4-0314", True, "candidate"),
    ]
    for row in votes.iter_rows(named=True):
        assert verdict_of(parse_verdict(row["judgment"]), read_mapping(row["label_mapping"])) == row["verdict"]


def test_arena_second_version(tmp_path: Path):
    record = {
        "uid": "u1",
        "category": "hard_prompt",
        "model": "mine",
        "judge": "gpt-4.1",
        "games": [{"score": "A=B", "judgment": {"answer": "[[A=B]]"}}, None],
    }
    votes = import_votes(put(tmp_path / "mine.jsonl", [record]))
    assert votes["incumbent"].unique().to_list() == ["o3-mini-2025-01-31"]
    assert votes["verdict"].to_list() == ["tie", "invalid"]
    assert import_votes(tmp_path / "mine.jsonl", incumbent="other")["incumbent"].unique().to_list() == ["other"]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"games": [{"score": "A", "judgment": ""}, {"score": "?", "judgment": ""}]}, "row 1: score is '\\?'"),
        ({"games": "x"}, "row 1: games is str"),
        ({"category": "poetry"}, "row 1: the baseline of category 'poetry' is unknown"),
        ({"model": "gpt-4-0314"}, "row 1: 'gpt-4-0314' would meet itself"),
    ],
)
def test_arena_refusals(changes: dict[str, Any], said: str, tmp_path: Path):
    with pytest.raises(InputError, match=said):
        import_votes(put(tmp_path / "x.jsonl", [arena(**changes)]))


# All of them


def test_formats_are_seen_from_their_contents(tmp_path: Path):
    assert detect_format(put(tmp_path / "a.json", [alpaca()])) == "alpaca_eval"
    assert detect_format(put(tmp_path / "b.jsonl", [pair()])) == "fastchat"
    assert detect_format(put(tmp_path / "c.jsonl", [arena()])) == "arena_hard"
    write_votes(import_votes(tmp_path / "c.jsonl"), tmp_path / "d.jsonl")
    assert detect_format(tmp_path / "d.jsonl") == "venire"
    assert set(FORMATS) == {"venire", "alpaca_eval", "fastchat", "arena_hard"}
    with pytest.raises(InputError, match="no known format"):
        detect_format(put(tmp_path / "e.jsonl", [{"what": 1}]))
    with pytest.raises(InputError, match="'csv' is none of"):
        import_votes(tmp_path / "a.json", "csv")


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_what_was_imported_can_be_written_and_read(ending: str, tmp_path: Path):
    votes = import_votes(put(tmp_path / "p.jsonl", [pair(), pair(question_id=82)]))
    write_votes(votes, tmp_path / f"v.{ending}")
    assert import_votes(tmp_path / f"v.{ending}").equals(votes)


def test_a_named_candidate_picks_its_comparisons(tmp_path: Path):
    path = put(tmp_path / "p.jsonl", [pair(), pair(model_1="bo")])
    votes = import_votes(path, candidate="zed")
    assert votes.select("candidate", "incumbent").unique().rows() == [("zed", "abe")]
    assert votes.select(value()).to_series().to_list() == [1.0, 1.0]
    with pytest.raises(InputError, match="no votes on nobody against any incumbent"):
        import_votes(path, candidate="nobody")


def test_an_empty_file(tmp_path: Path):
    (tmp_path / "e.jsonl").write_text("")
    with pytest.raises(InputError, match="missing"):
        import_votes(tmp_path / "e.jsonl")
    with pytest.raises(InputError, match="no such file"):
        import_votes(tmp_path / "none.jsonl")


def test_row_numbers_count_what_stands_in_the_file(tmp_path: Path):
    (tmp_path / "p.jsonl").write_text(json.dumps(pair()) + "\n{oops\n")
    with pytest.raises(InputError, match="row 2: not valid JSON"):
        import_votes(tmp_path / "p.jsonl")
