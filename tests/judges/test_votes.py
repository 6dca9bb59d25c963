"""The vote table: what is required, what is refused and with which row, and what survives a round trip."""

import json
from pathlib import Path

import polars as pl
import pytest

from venire._common.errors import InputError
from venire.judges.houses import family_of_judge
from venire.judges.importers.records import read_records
from venire.judges.votes import (
    SCHEMA,
    complete_orders,
    mirrored,
    read_votes,
    validate,
    value,
    write_votes,
)


def rows(n: int = 3, **changes) -> pl.DataFrame:
    """`n` prompts, one judge, both orders; `changes` replace whole columns."""
    base = {
        "prompt_id": [f"p{i}" for i in range(n) for _ in range(2)],
        "candidate": ["c/plain"] * 2 * n,
        "incumbent": ["b/plain"] * 2 * n,
        "judge": ["openai/gpt-x"] * 2 * n,
        "candidate_first": [True, False] * n,
        "verdict": ["candidate", "tie"] * n,
    }
    return pl.DataFrame({**base, **changes}, strict=False)


def refusal(table: pl.DataFrame, **options) -> str:
    with pytest.raises(InputError) as error:
        validate(table, "votes.csv", **options)
    return str(error.value)


def test_defaults_and_order_of_columns():
    votes = validate(rows(), "x")
    assert votes.columns == list(SCHEMA)
    assert dict(votes.schema) == SCHEMA
    assert votes["family"].to_list() == votes["prompt_id"].to_list()
    assert votes["judge_family"].unique().to_list() == ["openai"]
    assert votes["use"].unique().to_list() == ["gate"]
    assert votes["repeat"].sum() == votes["epoch"].sum() == 0


@pytest.mark.parametrize("column", ["prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict"])
def test_a_missing_column_is_named(column: str):
    assert repr(column) in refusal(rows().drop(column))


def test_no_rows():
    assert "no vote" in refusal(rows().clear())


@pytest.mark.parametrize(
    "column, cells, said",
    [
        ("verdict", ["candidate", "tie", "A", "tie", "tie", "tie"], "row 3: verdict is 'A'"),
        ("verdict", ["candidate", "tie", "tie", None, "tie", "tie"], "row 4: verdict is empty"),
        ("prompt_id", ["p0", "p0", "", "p1", "p2", "p2"], "row 3: prompt_id is empty"),
        ("candidate_first", ["yes", "no", "1", "0", "TRUE", "maybe"], "row 6: candidate_first is 'maybe'"),
        ("reason", [None, "bored", None, None, None, None], "row 2: reason is 'bored'"),
        ("reason", [None, "parse", None, None, None, None], "row 2: reason 'parse' stands beside"),
        ("use", ["gate"] * 5 + ["judge"], "row 6: use is 'judge'"),
        ("len_candidate", [1, 2, -3, 4, 5, 6], "row 3: len_candidate is -3"),
        ("len_candidate", ["1", "2", "x", "4", "5", "6"], "row 3: len_candidate is 'x'"),
        ("repeat", [0, 0, 0, 0.5, 0, 0], "row 4: repeat is 0.5"),
        ("preference", [0.9, 0.5, 1.2, 0.5, 1, 0.5], "row 3: preference is 1.2"),
        ("preference", [0.9, 0.5, 0.2, 0.5, 1, 0.5], "row 3: verdict 'candidate' contradicts"),
        ("preference", [0.9, 1.0, 0.9, 0.5, 1, 0.5], "row 2: verdict 'tie' contradicts its preference 1.0"),
        ("candidate_first", [1.0, 0.0, 0.4, 0.0, 1.0, 0.0], "row 3: candidate_first is 0.4"),
        ("candidate_first", [1.0, 0.0, 1.0, 0.99, 1.0, 0.0], "row 4: candidate_first is 0.99"),
        ("prompt_id", ["p0", "p0", "  ", "p1", "p2", "p2"], "row 3: prompt_id is empty"),
        ("note", [None, "both_bad", None, "bored", None, None], "row 4: note is 'bored'; one of both_bad, merged"),
        ("criteria", ['{"style": 4}', None, "style: 4", None, None, None], "row 3: criteria is 'style: 4'"),
        ("criteria", ["[4]", None, None, None, None, None], "row 1: criteria is '[4]'"),
        ("incumbent", ["b", "b", "b", "b", "c/plain", "b"], "row 5: 'c/plain' is both"),
        ("family", ["f", "f", "f", "g", "f", "f"], "row 4: prompt 'p1' is in family 'g'"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_row(column: str, cells: list, said: str):
    assert said in refusal(rows().with_columns(pl.Series(column, cells, strict=False)))


def test_a_text_that_holds_separators_of_lines_survives_jsonl(tmp_path: Path):
    said = "first\u2028second\x85third\x0bfourth"
    write_votes(validate(rows().with_columns(judgment=pl.lit(said)), "x"), tmp_path / "v.jsonl")
    assert read_votes(tmp_path / "v.jsonl")["judgment"].unique().to_list() == [said]


def test_a_second_vote_is_refused_with_its_row_and_can_be_admitted_by_name():
    twice = pl.concat([rows(), rows().head(2)])
    message = refusal(twice)
    assert "row 7" in message and "--repeats keep" in message
    kept = validate(twice, "x", "keep")
    assert kept.height == 8 and kept["repeat"].to_list() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert validate(twice, "x", "first").height == 6
    assert "repeats" in refusal(twice, repeats="sometimes")


def test_numbered_repeats_are_no_duplicates_and_a_doubled_number_is_refused_whatever_is_asked():
    twice = pl.concat([rows(repeat=[0] * 6), rows(repeat=[1] * 6)])
    assert validate(twice, "x").height == 12
    assert "row 7" in refusal(pl.concat([rows(repeat=[0] * 6)] * 2), repeats="keep")


def test_epochs_and_orders_and_judges_are_no_duplicates():
    assert validate(pl.concat([rows(epoch=[0] * 6), rows(epoch=[1] * 6)]), "x").height == 12
    assert validate(pl.concat([rows(), rows(judge=["other"] * 6)]), "x").height == 12


def test_a_soft_vote_rounds_to_its_verdict():
    soft = rows(preference=[0.9, 0.5, 0.1, 0.51, 1.0, 0.0]).drop("verdict")
    votes = validate(soft, "x")
    assert votes["verdict"].to_list() == ["candidate", "tie", "incumbent", "candidate", "candidate", "incumbent"]
    assert votes.select(value()).to_series().to_list() == [0.9, 0.5, 0.1, 0.51, 1.0, 0.0]


def test_values_and_their_mirror():
    votes = validate(rows(verdict=["candidate", "incumbent", "tie", "invalid", "tie", "candidate"]), "x")
    assert votes.select(value()).to_series().to_list() == [1.0, 0.0, 0.5, None, 0.5, 1.0]
    assert mirrored(votes).select(value()).to_series().to_list() == [0.0, 1.0, 0.5, None, 0.5, 0.0]
    assert mirrored(mirrored(votes)).equals(votes)


def test_only_pairs_of_orders_are_complete():
    votes = validate(rows(verdict=["candidate", "tie", "candidate", "invalid", "candidate", "incumbent"]), "x")
    assert complete_orders(votes)["prompt_id"].to_list() == ["p0", "p0", "p2", "p2"]
    assert complete_orders(votes.filter("candidate_first")).height == 0


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_round_trip(ending: str, tmp_path: Path):
    judgment = ['I say "B",\nand mean it', "", None, "Winner: [A]", "tie", "ü"]
    votes = validate(rows(prompt_id=[f"00{i // 2}" for i in range(6)], judgment=judgment, len_candidate=[1] * 6), "x")
    path = tmp_path / f"votes.{ending}"
    write_votes(votes, path)
    again = read_votes(path)
    empty = pl.col("judgment").replace("", None)  # CSV cannot tell empty from missing
    assert again.with_columns(empty).equals(votes.with_columns(empty))


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_name_is_one_however_it_is_spaced_and_composed(ending: str, tmp_path: Path):
    """Spaces and the two ways to compose a letter made two judges of one, each with half of the orders."""
    twice = rows(judge=["Ren\u00e9", "Rene\u0301 ", " Ren\u00e9"] * 2, prompt_id=["p0", "p0 ", "p1", "p1", "p2", "p2"])
    path = tmp_path / f"votes.{ending}"
    write_votes(twice, path)
    votes = read_votes(path)
    assert votes["judge"].unique().to_list() == ["Ren\u00e9"] and votes["prompt_id"].n_unique() == 3
    assert complete_orders(votes).height == 6


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n  \r\n\t\n"])
def test_blank_lines_at_the_end_of_a_csv_are_no_rows(end: str, tmp_path: Path):
    path = tmp_path / "votes.csv"
    path.write_bytes((rows(judgment=["x"] * 5 + [" "]).write_csv().rstrip("\n") + end).encode())
    votes = read_votes(path)
    assert votes.height == 6 and votes["judgment"][5] == " "


@pytest.mark.parametrize("judge", ['"j"', '"\\ud83dj"'])
def test_half_a_character_is_replaced(judge: str, tmp_path: Path):
    """A text cut inside an emoji, as JSON may hold it, cannot be written as UTF-8."""
    path = tmp_path / "votes.jsonl"
    write_votes(validate(rows(judgment=["cut"] * 6), "x"), path)
    lines = path.read_text().replace('"cut"', '"cut \\ud83d \\ud83d\\ude00"').replace('"openai/gpt-x"', judge)
    path.write_text(lines)
    votes = read_votes(path)
    assert votes["judgment"].unique().to_list() == ["cut \ufffd \U0001f600"]
    assert votes["judge"][0] == judge[1:-1].replace("\\ud83d", "\ufffd")
    (tmp_path / "all.json").write_text(json.dumps([json.loads(line) for line in lines.splitlines()]))
    assert read_records(tmp_path / "all.json")[0]["judgment"] == read_records(path, 1)[0]["judgment"]
    write_votes(votes, tmp_path / "votes.parquet")


def test_a_long_judgment_survives_csv(tmp_path: Path):
    long = "so, on the whole, " * 10_000
    write_votes(validate(rows().with_columns(judgment=pl.lit(long)), "x"), tmp_path / "v.csv")
    assert read_votes(tmp_path / "v.csv")["judgment"].unique().to_list() == [long]


@pytest.mark.parametrize("column", ["judgment", "criteria", "prompt_id", "candidate_first", "len_candidate"])
@pytest.mark.parametrize("cell", [["a", "b"], {"a": 1}])
def test_a_column_of_lists_or_records_is_refused_by_name(column: str, cell: object, tmp_path: Path):
    table = rows().with_columns(pl.Series(column, [cell] * 6))
    table.write_parquet(tmp_path / "v.parquet")
    with pytest.raises(InputError, match=f"column '{column}' holds lists or records"):
        read_votes(tmp_path / "v.parquet")


def test_numbers_that_json_made_of_ids_stay_ids(tmp_path: Path):
    path = tmp_path / "votes.jsonl"
    write_votes(validate(rows(), "x"), path)
    path.write_text(path.read_text().replace('"p1"', "81").replace('"p2"', "82.0"))
    assert set(read_votes(path)["prompt_id"]) == {"p0", "81", "82.0"}


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("votes.jsonl", '{"prompt_id": 1}\n{broken\n', "row 2"),
        ("votes.jsonl", "[1]\n", "row 1"),
        ("votes.csv", "prompt_id,verdict\np,tie\np,tie,x\n", "row 2: 3 cells where the header has 2"),
        ("votes.csv", "prompt_id,verdict,verdict\np,tie,tie\n", "the header has the column 'verdict' twice"),
        ("votes.csv", "prompt_id,verdict\np,tie\np\rq,tie\n", "row 2: not valid CSV"),
        ("votes.csv", 'prompt_id,verdict\n"p,tie\n' + "p,tie\n" * 30_000, "row 1: 1 cells where the header has 2"),
        ("votes.xlsx", "", "file's ending"),
        ("votes.parquet", "no parquet", "cannot be read as parquet"),
    ],
)
def test_broken_files(name: str, text: str, said: str, tmp_path: Path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read_votes(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_votes(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    "judge, family",
    [
        ("anthropic/claude-x", "anthropic"),
        ("human:ann", "human"),
        ("embedding:all-minilm", "embedding"),
        ("venire/smollm2-135m", "smollm2"),
        ("gpt-4-0613", "openai"),
        ("openai-api/mine/Qwen/Qwen3-8B", "qwen3"),
        ("openai-api/mine/qwen3-8b-instruct", "qwen3"),
        ("openai-api/mine/Meta-Llama-3.1-8B", "meta"),
        ("openai-api/mine/my-claude-proxy", "claude"),
        ("openai-api/mine/judge-1", "mine"),
        ("openai-api/mine/outer-space", "mine"),
        ("openai-api/google/gemini-x", "gemini"),
        ("openai-api/mine/gpt-oss-120b", "gpt"),
        ("openrouter/anthropic/claude-x", "claude"),
        ("bedrock/us.anthropic.claude-x-v1:0", "anthropic"),
        ("azureai/deployment-1", "azureai"),
        ("groq/o3-mini", "o3"),
        ("ollama/qwen2.5:7b", "qwen2.5"),
        ("vllm/judge-1", "judge"),
        ("gpt4_pair", "openai"),
        ("alpaca-judge", "alpaca-judge"),
        ("judge-1", "judge-1"),
    ],
)
def test_families_of_judges(judge: str, family: str):
    assert family_of_judge(judge) == family
