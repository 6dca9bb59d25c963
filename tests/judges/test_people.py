"""People see a pair once, in balanced and mirrored places, and their votes enter the ledger as they were cast."""

import json
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from venire._common.errors import InputError, VenireError
from venire._common.hashing import sha256_file
from venire.judges.judging import Judging, open_judging
from venire.judges.pairs import make_pairs
from venire.judges.people import FILE, Ballots, Rater, assign, peoples_votes, shown_texts
from venire.judges.sheets import write_sheet
from venire.judges.votes import read_votes

from .helpers import CANDIDATE, INCUMBENT, answers_frame, mock_panel

OTHER = "brie_sft-step24/plain"


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    """Twenty sealed pairs, their sheet written, nobody asked yet."""
    pairs = make_pairs(answers_frame(20), [CANDIDATE], INCUMBENT, seed=7)
    found = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=8)
    write_sheet(found.manifest, "mockllm/one", found.pairs, tmp_path / "sheets")
    return found


def rater(number: int, most: int | None = None, shared: int | None = None) -> Rater:
    return Rater(f"r{number}", number, (CANDIDATE,), most, shared)


def candidate_first(judging: Judging, turn) -> bool:
    sides = {pair.pair: pair.candidate_side for pair in judging.manifest.pairs}
    return sides[turn.pair] == turn.first


def test_place_is_balanced_within_a_rater_and_mirrored_between_two(judging: Judging) -> None:
    one, two = assign(judging.manifest, rater(0)), assign(judging.manifest, rater(1))
    assert sum(candidate_first(judging, turn) for turn in one) == 10
    assert len({turn.pair for turn in one}) == 20
    first = {turn.pair: turn.first for turn in one}
    assert all(first[turn.pair] != turn.first for turn in two)
    assert [turn.pair for turn in one] != [turn.pair for turn in two]


def test_raters_share_what_they_are_told_to_and_split_the_rest(judging: Judging) -> None:
    one, two = ({turn.pair for turn in assign(judging.manifest, rater(n, most=8, shared=4))} for n in (0, 1))
    assert len(one) == len(two) == 8
    assert len(one & two) == 4
    turns = assign(judging.manifest, rater(1, most=8, shared=4))
    assert sum(candidate_first(judging, turn) for turn in turns) == 4


def test_anchors_and_equal_answers_are_shown_to_nobody(tmp_path: Path) -> None:
    same = answers_frame(4).with_columns(
        answer=pl.when(pl.col("sample_id") == "s1").then(pl.lit("The same.")).otherwise("answer")
    )
    judging = open_judging(make_pairs(same, [CANDIDATE], INCUMBENT, seed=7), mock_panel(), tmp_path, seed=7, anchors=8)
    shown = {turn.pair for turn in assign(judging.manifest, rater(0))}
    prompts = {pair.prompt_id for pair in judging.manifest.pairs if pair.pair in shown}
    assert prompts == {"value_alignment/s0", "value_alignment/s2", "value_alignment/s3"}


def test_votes_are_there_after_a_kill_and_enter_the_ledger_as_cast(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    pressed = {}
    for choice in ("A", "B", "tie", "both_bad", "skip"):
        turn = ballots.next(ana)
        assert turn is not None and ballots.cast(ana, turn.pair, choice, "because", 2.5)
        pressed[turn.pair] = (turn, choice)
    again = Ballots(judging.run, judging.manifest)  # without close(): the first process was killed
    assert list(again.done(ana).values()) == ["A", "B", "tie", "both_bad", "skip"]
    again.close()

    ledger = judging.ledger()
    assert ledger.exams == {}, "people sit no exam"
    rows = {row["sample_id"]: row for row in ledger.votes.iter_rows(named=True)}
    assert len(rows) == 4
    for pair, (turn, choice) in pressed.items():
        if choice == "skip":
            assert pair not in rows
            continue
        row = rows[pair]
        first = "candidate" if candidate_first(judging, turn) else "incumbent"
        second = "incumbent" if first == "candidate" else "candidate"
        assert row["verdict"] == {"A": first, "B": second}.get(choice, "tie")
        assert row["note"] == ("both_bad" if choice == "both_bad" else None)
        assert (row["judge"], row["judge_family"], row["use"]) == ("human:ana", "human", "human")
        assert row["candidate_first"] == candidate_first(judging, turn)
        assert json.loads(row["judgment"])["reason"] == "because" and row["seconds"] == 2.5
    (source,) = json.loads((judging.run / "ledger.json").read_text())["sources"]
    assert (source["path"], source["judge"], source["samples"]) == (FILE, "human:ana", 4)


def test_the_hash_in_the_ledger_is_that_of_the_file(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    turn = ballots.next(ana)
    assert turn and ballots.cast(ana, turn.pair, "A")
    ballots.close()
    found = peoples_votes(judging.run, judging.manifest)
    assert found is not None and found.sha256 == sha256_file(judging.run / FILE)


def test_a_winner_can_be_derived_from_the_parquet_alone(judging: Judging) -> None:
    from venire.judges.verdict_text import parse_verdict, read_mapping, verdict_of

    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    for choice in ("A", "B", "tie", "both_bad") * 5:
        turn = ballots.next(ana)
        assert turn and ballots.cast(ana, turn.pair, choice)
    ballots.close()
    judging.ledger()
    for row in read_votes(judging.run / "votes.parquet").iter_rows(named=True):
        assert verdict_of(parse_verdict(row["judgment"]), read_mapping(row["label_mapping"])) == row["verdict"]


def test_a_pair_is_voted_on_once_and_only_in_its_turn(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    first, second = ballots.turns(ana)[:2]
    assert not ballots.cast(ana, second.pair, "A"), "not its turn"
    assert ballots.cast(ana, first.pair, "A")
    assert not ballots.cast(ana, first.pair, "B"), "voted on already"
    assert ballots.done(ana) == {first.pair: "A"}


def test_undo_brings_the_last_pair_back_and_keeps_what_was_undone(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    assert not ballots.undo(ana)
    turn = ballots.turns(ana)[0]
    assert ballots.cast(ana, turn.pair, "A") and ballots.undo(ana)
    assert ballots.next(ana) == turn
    assert ballots.cast(ana, turn.pair, "B")
    ballots.close()
    rows = sqlite3.connect(judging.run / FILE).execute("SELECT choice, undone_at IS NULL FROM vote").fetchall()
    assert rows == [("A", 0), ("B", 1)]


def test_a_vote_that_was_changed_in_the_file_is_found(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    ana = ballots.enrol("ana", [CANDIDATE])
    turn = ballots.next(ana)
    assert turn and ballots.cast(ana, turn.pair, "A")
    ballots.close()
    with sqlite3.connect(judging.run / FILE) as db:
        db.execute("UPDATE vote SET first = CASE first WHEN 'low' THEN 'high' ELSE 'low' END")
    with pytest.raises(VenireError, match="not given pair"):
        judging.ledger()


def test_a_rater_keeps_the_pairs_given_at_first(judging: Judging) -> None:
    ballots = Ballots(judging.run, judging.manifest)
    assert ballots.enrol("ana", [CANDIDATE], 8, 4) == ballots.enrol("ana", [CANDIDATE], 8, 4)
    with pytest.raises(InputError, match="--pairs 8"):
        ballots.enrol("ana", [CANDIDATE], 6)
    with pytest.raises(InputError, match="pseudonym"):
        ballots.enrol("Ana Maria", [CANDIDATE])
    with pytest.raises(InputError, match="no pair"):
        ballots.enrol("ben", [OTHER])


def test_texts_on_a_sheet_that_was_changed_are_found(judging: Judging) -> None:
    texts = shown_texts(judging.run, judging.manifest)
    pair = judging.manifest.pairs[0]
    assert texts[pair.pair].sides[pair.candidate_side].count("bread") == 1
    sheet = next((judging.run / "sheets").glob("*.jsonl"))
    sheet.write_text(sheet.read_text("utf-8").replace("bread", "cake"), "utf-8")
    with pytest.raises(VenireError, match="not the texts"):
        shown_texts(judging.run, judging.manifest)


def test_a_hundred_raters_stay_balanced(judging: Judging) -> None:
    firsts: Counter[str] = Counter()
    for number in range(100):
        turns = assign(judging.manifest, replace(rater(number), most=10, shared=2))
        assert abs(2 * sum(candidate_first(judging, turn) for turn in turns) - 10) <= 2
        firsts.update(turn.pair for turn in turns)
    assert len(firsts) == 20


def test_votes_of_a_chat_enter_the_ledger_apart(judging: Judging) -> None:
    row = {
        "prompt_id": "chat/1",
        "candidate": CANDIDATE,
        "incumbent": INCUMBENT,
        "judge": "human:ana",
        "judge_family": "human",
        "candidate_first": True,
        "verdict": "candidate",
        "sample_id": "talk-1",
        "use": "informal",
    }
    (judging.run / "chat").mkdir()
    (judging.run / "chat" / "votes.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    ledger = judging.ledger()
    assert ledger.votes["use"].to_list() == ["informal"] and ledger.exams == {}
    (source,) = json.loads((judging.run / "ledger.json").read_text())["sources"]
    assert source["path"] == "chat/votes.jsonl"
    assert source["sha256"] == sha256_file(judging.run / "chat" / "votes.jsonl")
