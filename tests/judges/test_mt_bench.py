"""MT-Bench's published votes, through the importer and the general counts: the agreement figures of its paper's code.

Data: tests/data/mt_bench_votes (CC-BY-4.0, see its LICENSE and PROVENANCE.json).
"""

import json
from pathlib import Path

import polars as pl
import pytest

from venire.judges.concordance import between, item_verdicts, majority, within
from venire.judges.importers import detect_format, import_votes

DATA = Path(__file__).parents[1] / "data" / "mt_bench_votes"
EXPECTED = json.loads((DATA / "expected.json").read_text())


@pytest.fixture(scope="module")
def votes() -> pl.DataFrame:
    files = [import_votes(DATA / name, repeats="keep") for name in ("human.jsonl", "gpt4_pair.jsonl")]
    return pl.concat(files)


def chosen(votes: pl.DataFrame, judges: str, turn: int) -> pl.DataFrame:
    rows = votes.filter(pl.col("judge").str.starts_with(judges), pl.col("prompt_id").str.ends_with(f"-turn{turn}"))
    return item_verdicts(rows)


def test_what_was_imported(votes: pl.DataFrame):
    people, judge = votes.filter(use="human"), votes.filter(judge="gpt4_pair")
    assert detect_format(DATA / "human.jsonl") == "fastchat"
    assert people.height == 3355 and people["judge_family"].unique().to_list() == ["human"]
    assert judge.height == 2 * 2400  # both orders of every pair
    assert judge["judge_family"].unique().to_list() == ["openai"]
    assert (votes["candidate"] < votes["incumbent"]).all()
    assert votes["domain"].n_unique() == 8 and votes["family"].n_unique() == 80
    assert judge.filter(note="inconsistent")["verdict"].unique().to_list() == ["tie"]


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("ties", [True, False])
def test_agreement_of_gpt4_with_people_and_of_people(votes: pl.DataFrame, turn: int, ties: bool):
    expected = EXPECTED[f"turn{turn}"]
    gpt4, experts = chosen(votes, "gpt4_pair", turn), chosen(votes, "human:expert", turn)
    authors = chosen(votes, "human:author", turn)
    key = "with_ties" if ties else "no_ties"
    for found, name in (
        (between(gpt4, experts, ties=ties), "gpt4_human"),
        (within(experts, ties=ties), "human_human"),
        (between(gpt4, authors, ties=ties), "gpt4_author"),
    ):
        assert [found.agree, found.n] == expected[name][key]


def test_kappa_with_the_majority_of_people(votes: pl.DataFrame):
    expected = EXPECTED["majority_vs_gpt4_canonical"]
    people = majority(item_verdicts(votes.filter(use="human")))
    gpt4 = item_verdicts(votes.filter(judge="gpt4_pair"))
    found, without = between(people, gpt4), between(people, gpt4, ties=False)
    assert (found.n, without.n) == (expected["n"], expected["n_noties"])
    assert found.rate == pytest.approx(expected["agreement"], abs=1e-12)
    assert found.kappa == pytest.approx(expected["kappa"], abs=1e-12)
    assert round(found.kappa, 4) == 0.5047
    assert without.kappa == pytest.approx(expected["kappa_noties"], abs=1e-12)
    noted = votes.filter(judge="gpt4_pair", candidate_first=True).join(
        people, on=["prompt_id", "candidate", "incumbent"]
    )
    inconsistent = (noted["note"] == "inconsistent").sum() / noted.height
    assert inconsistent == pytest.approx(expected["position_inconsistent"], abs=1e-12)


def test_an_incumbent_turns_its_pairs_round_and_leaves_the_others():
    plain = import_votes(DATA / "gpt4_pair.jsonl")
    named = import_votes(DATA / "gpt4_pair.jsonl", incumbent="gpt-3.5-turbo")
    assert named["incumbent"].unique().to_list() == ["gpt-3.5-turbo"]
    about = plain.filter((pl.col("candidate") == "gpt-3.5-turbo") | (pl.col("incumbent") == "gpt-3.5-turbo"))
    assert named.height == about.height
    won = (pl.col("verdict") == "candidate").sum()
    alpaca = pl.col("candidate").is_in(["alpaca-13b"]) & (pl.col("incumbent") == "gpt-3.5-turbo")
    assert named.filter(alpaca).select(won).item() == plain.filter(alpaca).select(won).item()
    gpt4 = plain.filter(candidate="gpt-3.5-turbo", incumbent="gpt-4")
    turned = named.filter(candidate="gpt-4")
    assert (turned["verdict"] == "candidate").sum() == (gpt4["verdict"] == "incumbent").sum() > 0
