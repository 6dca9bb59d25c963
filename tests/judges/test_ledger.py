"""The ledger derives every winner from raw text and manifest, and believes nothing else."""

import json
from pathlib import Path

import polars as pl
import pytest
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from venire._common.errors import VenireError
from venire._common.hashing import sha256_file
from venire.judges.judging import Judging, open_judging
from venire.judges.ledger import build_ledger, check_votes
from venire.judges.manifest import read_manifest
from venire.judges.pairs import Pair, make_pairs
from venire.judges.votes import SCHEMA, read_votes

from .helpers import CANDIDATE, INCUMBENT, answers_frame, mock_panel, prefers_bread


@pytest.fixture
def judged(pairs: list[Pair], tmp_path: Path, mock_judges) -> Judging:
    mock_judges(prefers_bread)
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    judging.ask()
    return judging


def edit_log(judging: Judging, change) -> None:
    path = next(judging.run.glob("logs/judge/*/*.eval"))
    log = read_eval_log(str(path))
    change(log)
    write_eval_log(log, str(path))


def test_rows_follow_the_schema_and_say_where_the_raw_text_is(judged: Judging) -> None:
    ledger = judged.ledger()
    votes = read_votes(judged.run / "votes.parquet")
    assert votes.equals(ledger.votes)
    assert list(votes.columns) == list(SCHEMA)
    row = votes.row(0, named=True)
    assert (judged.run / row["log"]).is_file()
    assert json.loads(row["judgment"])["reason"] == "bread"
    assert row["label_mapping"] in ("A=incumbent;B=candidate", "A=candidate;B=incumbent")
    assert row["len_candidate"] > row["len_incumbent"] > 0
    assert row["judge_family"] == "mockllm" and row["use"] == "gate"


def test_sources_are_listed_with_their_hashes(judged: Judging) -> None:
    judged.ledger()
    record = json.loads((judged.run / "ledger.json").read_text())
    assert record["manifest_sha256"] == judged.manifest.sha256
    assert record["votes_sha256"] == sha256_file(judged.run / "votes.parquet")
    (source,) = record["sources"]
    assert source["sha256"] == sha256_file(judged.run / source["path"])
    assert source["samples"] == 8
    assert record["judges"]["mockllm/one"]["input_tokens"] == 80


def test_the_winner_can_be_derived_from_the_parquet_alone(judged: Judging) -> None:
    from venire.judges.verdict_text import parse_verdict, read_mapping, verdict_of

    for row in judged.ledger().votes.iter_rows(named=True):
        assert verdict_of(parse_verdict(row["judgment"]), read_mapping(row["label_mapping"])) == row["verdict"]


def test_a_vote_that_was_inverted_is_found(judged: Judging) -> None:
    ledger = judged.ledger()
    check_votes(ledger.votes, ledger)
    first = pl.int_range(pl.len()) == 0
    inverted = ledger.votes.with_columns(verdict=pl.when(first).then(pl.lit("incumbent")).otherwise("verdict"))
    with pytest.raises(VenireError, match=r"1 of 8 votes.*recorded 'incumbent'.*give 'candidate'"):
        check_votes(inverted, ledger)
    with pytest.raises(VenireError, match="1 of 7 votes"):
        check_votes(ledger.votes[1:], ledger)


def invert_score(log: EvalLog) -> None:
    assert log.samples and log.samples[0].scores
    score = log.samples[0].scores["verdict"]
    score.answer = "B" if score.answer == "A" else "A"


def swap_answers(log: EvalLog) -> None:
    assert log.samples
    metadata = log.samples[3].metadata
    metadata["first"], metadata["second"] = metadata["second"], metadata["first"]


def swap_label(log: EvalLog) -> None:
    assert log.samples
    metadata = log.samples[3].metadata
    metadata["first_label"] = "B" if metadata["first_label"] == "A" else "A"


def another_model(log: EvalLog) -> None:
    log.eval.model = "mockllm/other"


def another_seal(log: EvalLog) -> None:
    assert log.eval.metadata
    log.eval.metadata["manifest_sha256"] = "0" * 64


def unknown_pair(log: EvalLog) -> None:
    assert log.samples
    stranger = "feedfeedfeedfeedfeedfeed-1"
    ids = log.eval.dataset.sample_ids or []
    log.eval.dataset.sample_ids = [stranger if i == log.samples[0].id else i for i in ids]
    log.samples[0].id = stranger


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (invert_score, "the raw text says"),
        (swap_answers, "shown other texts or labels than were sealed"),
        (swap_label, "shown other texts or labels than were sealed"),
        (another_model, "mockllm/other answered in the place of judge 'mockllm/one'"),
        (another_seal, "judged under another manifest"),
        (unknown_pair, "no such pair was sealed"),
    ],
)
def test_a_log_that_does_not_agree_is_an_error(judged: Judging, change, complaint: str) -> None:
    edit_log(judged, change)
    with pytest.raises(VenireError, match=complaint):
        judged.ledger()


def test_a_raw_text_that_was_changed_contradicts_its_score(judged: Judging) -> None:
    def change(log: EvalLog) -> None:
        assert log.samples
        text = log.samples[0].output.completion
        log.samples[0].output.completion = text.replace('"A"', '"X"').replace('"B"', '"A"').replace('"X"', '"B"')

    edit_log(judged, change)
    with pytest.raises(VenireError, match="the raw text says"):
        judged.ledger()


def test_a_log_that_was_copied_counts_once(judged: Judging) -> None:
    path = next(judged.run.glob("logs/judge/*/*.eval"))
    path.with_name(f"2099-{path.name}").write_bytes(path.read_bytes())
    assert judged.ledger().votes.height == 8


def test_one_judgement_serves_two_comparisons_and_is_paid_once(tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    frame = answers_frame(contenders=(CANDIDATE, "twin/plain", INCUMBENT))
    twins = make_pairs(frame, [CANDIDATE, "twin/plain"], INCUMBENT, seed=7)
    judging = open_judging(twins, mock_panel(), tmp_path, seed=7, anchors=0)
    judging.ask()
    votes = judging.ledger().votes
    assert len(asked) == 8
    assert votes.height == 16 and set(votes["verdict"]) == {"candidate"}
    assert votes["input_tokens"].sum() == 80


def test_a_damaged_log_is_named(judged: Judging) -> None:
    path = next(judged.run.glob("logs/judge/*/*.eval"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VenireError, match=r"\.eval cannot be read"):
        judged.ledger()


def test_the_ledger_reads_the_manifest_file_like_the_one_in_memory(judged: Judging) -> None:
    again = build_ledger(judged.run, read_manifest(judged.run / "manifest.json"))
    assert again.votes.equals(judged.ledger().votes)


def test_our_own_votes_pass_the_audit(tmp_path: Path, mock_judges) -> None:
    """Shared judgements, identical answers, ties and invalid votes are no faults."""
    from venire.judges.audit import audit

    def reply(prompt: str) -> str:
        return "" if "case 3?" in prompt else "Winner: tie" if "case 4?" in prompt else prefers_bread(prompt)

    mock_judges(reply)
    same = (pl.col("contender") == "twin/plain") & (pl.col("sample_id") == "s1")
    frame = answers_frame(n=20, contenders=(CANDIDATE, "twin/plain", INCUMBENT)).with_columns(
        answer=pl.when(same).then(pl.lit("It depends on a debt number 1.")).otherwise("answer")
    )
    twins = make_pairs(frame, [CANDIDATE, "twin/plain"], INCUMBENT, seed=7)
    judging = open_judging(twins, mock_panel("one", "two"), tmp_path, seed=7, anchors=0)
    judging.ask()
    votes = judging.ledger().votes
    assert set(votes["verdict"]) == {"candidate", "tie", "invalid"}
    faults = [(finding.code, finding.message) for finding in audit(votes) if finding.severity == "error"]
    assert faults == []
