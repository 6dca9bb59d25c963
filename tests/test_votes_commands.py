"""The votes commands as a user calls them: what they print, where they write, and their exit codes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire import cli
from venire.judges.statistics.power import n_required
from venire.judges.votes import mirrored, read_votes, write_votes

from .judges.panels import INCUMBENT, JUDGES, simulate, with_lengths

MT_BENCH = Path(__file__).parent / "data" / "mt_bench_votes"


@pytest.fixture
def venire(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["venire", *map(str, arguments)])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, error = capsys.readouterr()
        return int(code), out, error

    return call


def stored(path: Path, votes: pl.DataFrame, columns: Sequence[str] | None = None) -> Path:
    write_votes(votes if columns is None else votes.select(columns), path)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return stored(tmp_path / "good.parquet", with_lengths(simulate(100, 0.7, seed=1)))


REQUIRED = ["prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict"]


def test_import_of_other_formats_and_analysis_of_what_came(venire: Any, tmp_path: Path):
    out = tmp_path / "votes.parquet"
    files = [MT_BENCH / "gpt4_pair.jsonl", MT_BENCH / "human.jsonl"]
    code, text, _ = venire("votes", "import", *files, "--repeats", "keep", "-o", out, "--json")
    summary = json.loads(text)
    assert code == 0 and summary["n_votes"] == read_votes(out).height == 8155
    code, text, _ = venire("votes", "analyze", out, "--json")
    result = json.loads(text)
    assert code == 0 and len(result["comparisons"]) == 15 and "pooled" in result
    assert {w["code"] for w in result["warnings"]} >= {"votes_not_counted", "one_judge"}
    code, text, _ = venire(
        "votes", "import", MT_BENCH / "human.jsonl", "--use", "gate", "--repeats", "first", "-o", out
    )
    assert code == 0 and "votes" in text
    code, text, _ = venire("votes", "analyze", out, "--orders", "any", "--json")
    assert code == 0 and json.loads(text)["orders"] == "any"


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_analyze_takes_a_file_with_the_required_columns_alone(venire: Any, tmp_path: Path, ending: str):
    path = stored(tmp_path / f"v.{ending}", simulate(20, 0.5), REQUIRED)
    code, text, _ = venire("votes", "analyze", path, "--json", "--bootstrap", "100")
    result = json.loads(text)
    assert code == 0 and result["n_votes"] == 160 and result["comparisons"][0]["bootstrap"]["draws"] == 100


def test_analyze_as_a_table(venire: Any, good: Path):
    code, text, _ = venire("votes", "analyze", good)
    assert code == 0 and "win rate 0." in text and "A_flip" in text and JUDGES[0] in text


def test_one_order_alone_is_refused_with_the_way_out(venire: Any, tmp_path: Path):
    path = stored(tmp_path / "v.csv", simulate(20, 0.5).filter("candidate_first"), REQUIRED)
    code, _, error = venire("votes", "analyze", path)
    assert code == 2 and "--orders any" in error
    code, text, _ = venire("votes", "analyze", path, "--orders", "any", "--json")
    assert code == 0 and any(w["code"] == "single_order" for w in json.loads(text)["warnings"])


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda v: v.drop("judge"), "'judge' is missing"),
        (lambda v: v.with_columns(verdict=pl.lit("A")), "row 1: verdict is 'A'"),
        (lambda v: pl.concat([v, v.tail(1)]), "row 161: a second vote"),
    ],
)
def test_unfit_files_exit_2_with_the_row(venire: Any, tmp_path: Path, change: Any, said: str):
    path = tmp_path / "v.csv"
    change(simulate(20, 0.5).select(REQUIRED)).write_csv(path)
    for command in (("votes", "analyze"), ("gate", "--votes")):
        code, out, error = venire(*command, path)
        assert code == 2 and said in error and not out
    assert venire("votes", "import", path, "-o", tmp_path / "w.parquet")[0] == 2
    assert not (tmp_path / "w.parquet").exists()


def test_repeats_are_admitted_by_name(venire: Any, tmp_path: Path):
    path = tmp_path / "v.csv"
    votes = simulate(20, 0.5).select(REQUIRED)
    pl.concat([votes, votes.tail(4)]).write_csv(path)
    kept = json.loads(venire("votes", "analyze", path, "--repeats", "keep", "--json")[1])
    first = json.loads(venire("votes", "analyze", path, "--repeats", "first", "--json")[1])
    assert (kept["n_votes"], first["n_votes"]) == (164, 160)
    code, _, error = venire("gate", "--votes", path)  # which has no such option
    assert code == 2 and "or have `venire votes import --repeats keep` (or first) do it" in error


def test_repeats_across_files_are_admitted_by_name(venire: Any, tmp_path: Path):
    votes, out = simulate(20, 0.5).select(REQUIRED), tmp_path / "out.parquet"
    files = [tmp_path / "a.csv", tmp_path / "b.jsonl"]
    pl.concat([votes, votes.tail(4)]).write_csv(files[0])
    votes.tail(8).write_ndjson(files[1])
    code, _, error = venire("votes", "import", files[1], files[1], "-o", out)
    assert code == 2 and "row 9: a second vote" in error and "--repeats keep" in error and not out.exists()
    for repeats, heights in (("keep", [160, 8, 4]), ("first", [160])):
        assert venire("votes", "import", *files, "--repeats", repeats, "-o", out)[0] == 0
        read = read_votes(out)["repeat"]
        assert [(read == i).sum() for i in range(read.max() + 1)] == heights  # type: ignore[operator]
    code, _, error = venire("votes", "import", out, files[1], "--repeats", "keep", "-o", tmp_path / "more.parquet")
    assert code == 2 and "number them in the column 'repeat'" in error  # the user's own numbers are not overruled


def test_audit_exits_1_for_an_error_and_0_for_none(venire: Any, good: Path, tmp_path: Path):
    code, text, _ = venire("votes", "audit", good, "--json")
    assert code == 0 and all(f["severity"] != "error" for f in json.loads(text)["findings"])
    single = stored(tmp_path / "single.csv", simulate(20, 0.5).filter("candidate_first"), REQUIRED)
    code, text, _ = venire("votes", "audit", single, "--json")
    findings = json.loads(text)["findings"]
    assert code == 1 and findings[0]["code"] == "single_order"
    assert set(findings[0]) == {"code", "severity", "rows", "message", "effect"}
    code, text, _ = venire("votes", "audit", single)
    assert code == 1 and "error: single_order" in text
    assert venire("votes", "audit", tmp_path / "none.csv")[0] == 2


def test_the_gate_on_votes_from_anywhere(venire: Any, good: Path, tmp_path: Path):
    code, text, _ = venire("gate", "--votes", good, "--json", "--require", "promote")
    decision = json.loads(text)
    assert code == 0 and decision["outcome"] == "PROMOTE" and decision["incumbent"] == INCUMBENT
    strict = tmp_path / "policy.yaml"
    strict.write_text("gate: {agreement: 0.9}\n")
    code, text, _ = venire("gate", "--votes", good, "--policy", strict, "--require", "promote")
    assert code == 1 and text.startswith("HOLD") and "agreement" in text
    assert venire("gate", "--votes", good, "--policy", strict)[0] == 0
    for text, said in (
        ("agreemnt: 0.9\n", "unknown key 'agreemnt'"),
        ("gate: 5\n", "gate: 5 is no mapping"),
        ("alpha: 1e-300\n", "alpha: Input should be greater than or equal to 0.000001"),
        ("leave_one_out_alpha: 1.0e-17\n", "leave_one_out_alpha: Input should be greater than or equal to 0.000001"),
    ):
        strict.write_text(text)
        code, _, error = venire("gate", "--votes", good, "--policy", strict)
        assert code == 2 and said in error


def test_the_gate_refuses_votes_that_the_audit_finds_wrong(venire: Any, tmp_path: Path):
    wrong = simulate(60, 0.8).with_columns(judgment=pl.lit("Error code: 429 - rate limit"))
    code, text, _ = venire("gate", "--votes", stored(tmp_path / "v.parquet", wrong), "--json")
    assert code == 0 and json.loads(text)["outcome"] == "REFUSE"


def test_votes_that_decide_nothing_refuse_nothing(venire: Any, good: Path, tmp_path: Path):
    votes = pl.read_parquet(good)
    shown = votes.filter(pl.col("judge") == JUDGES[0]).with_columns(
        use=pl.lit("display"), judge=pl.lit("xai/shown"), judgment=pl.lit("Error code: 429 - rate limit")
    )
    path = stored(tmp_path / "v.parquet", pl.concat([votes, shown]))
    assert venire("votes", "audit", path)[0] == 1
    decision = json.loads(venire("gate", "--votes", path, "--json")[1])
    assert decision["outcome"] == "PROMOTE" and all(f["severity"] != "error" for f in decision["audit"])


def screened(finalist: str = "step-1/plain") -> pl.DataFrame:
    """A run's own votes: two candidates on 60 prompts that screen, the finalist alone on 120 that decide."""
    both = [simulate(180, shift, seed, candidate=f"step-{seed}/plain") for seed, shift in ((0, 0.0), (1, 0.1))]
    use = pl.when(pl.col("prompt_id") < "p0060").then(pl.lit("screen")).otherwise(pl.lit("gate"))
    votes = pl.concat(both).with_columns(use=use)
    return votes.filter((pl.col("use") == "screen") | (pl.col("candidate") == finalist))


@pytest.mark.parametrize("finalist", ["step-0/plain", "step-1/plain"])
def test_votes_that_screened_do_not_decide_again(venire: Any, tmp_path: Path, finalist: str):
    votes = screened(finalist)
    text = venire("gate", "--votes", stored(tmp_path / "v.parquet", votes), "--json")[1]
    decision = json.loads(text)
    held_out = votes.filter(pl.col("use") == "gate")
    alone = json.loads(venire("gate", "--votes", stored(tmp_path / "held.parquet", held_out), "--json")[1])
    assert (decision["design"], decision["candidate"], decision["win_rate"]["n"]) == ("halving", finalist, 120)
    assert decision["win_rate"] == alone["win_rate"]


@pytest.mark.parametrize(
    "change, said",
    [
        (pl.lit("screen"), "nobody has them"),
        (pl.when(pl.col("prompt_id") < "p0030").then(pl.lit("gate")).otherwise("use"), "2 candidates (step-0/plain, "),
        (
            pl.when(
                (pl.col("prompt_id") == "p0003")
                & (pl.col("judge") == JUDGES[0])
                & pl.col("candidate").eq("step-1/plain")
            )
            .then(pl.lit("gate"))
            .otherwise("use"),
            "prompt family 'f0003' (1 in all)",
        ),
    ],
)
def test_a_screen_without_one_finalist_is_refused(venire: Any, tmp_path: Path, change: pl.Expr, said: str):
    path = stored(tmp_path / "v.parquet", screened().with_columns(use=change))
    code, _, error = venire("gate", "--votes", path)
    assert code == 2 and said in error and path.name in error


def test_power(venire: Any):
    code, text, _ = venire("power", "--win-rate", "0.6", "--json", "--usd-in", 3, "--usd-out", 15, "--prompts", 93)
    row = json.loads(text)["win_rates"][0]
    assert code == 0 and row["prompts"] == 93 and row["judgements"] == 744 and row["power"] >= 0.8
    assert row["usd"] == pytest.approx(744 * (1500 * 3 + 300 * 15) / 1e6)
    suites = ["--non-inferiority", "0.05", "--at-most", "0.05:0.02", "--at-least", "0.3:0.45"]
    code, text, _ = venire("power", *suites, "--json")
    found = json.loads(text)
    assert code == 0 and [row["kind"] for row in found["suites"]] == ["non_inferiority", "at_most", "at_least"]
    assert all(row["power"] >= 0.8 and row["items"] > 0 for row in found["suites"])
    assert [row["prompts"] for row in found["win_rates"]] == [n_required(r) for r in (0.55, 0.60, 0.65, 0.70)]
    assert "Prompts needed" in venire("power")[1]


def test_power_knows_the_suite_in_which_nothing_may_fail(venire: Any):
    code, text, _ = venire("power", "--at-least", "1", "--at-least", "1:0.995", "--at-most", "0:0.005", "--json")
    plan = json.loads(text)
    assert code == 0 and [(row["items"], row["allowed"]) for row in plan["suites"]] == [(59, 0), (59, 59), (59, 59)]
    assert [row["power"] for row in plan["suites"]] == pytest.approx([0.995**59, 1, 0.995**59])
    assert any("59 items, which certify 95%" in note for note in plan["notes"])


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--win-rate", "0.5"], "between 0.5 and 1"),
        (["--win-rate", "0.99", "--ties", "0.2"], "no room for so many ties"),
        (["--usd-in", "3"], "go together"),
        (["--at-most", "x"], "'x'"),
        (["--at-most", "0.05:0.06"], "never certified"),
        (["--non-inferiority", "2"], "a margin between 0 and 1"),
        (["--alpha", "0.7"], "one-sided level"),
        (["--alpha", "1e-300"], "one-sided level from 1e-06"),
        (["--power", "0"], "between --alpha (0.025) and 1"),
        (["--power", "0.02"], "between --alpha (0.025) and 1"),
        (["--usd-in", "nan", "--usd-out", "15", "--json"], "--usd-in nan: a number from 0 on"),
        (["--usd-in", "-3", "--usd-out", "15"], "--usd-in -3: a number from 0 on"),
        (["--output-tokens", "inf"], "--output-tokens inf: a number from 0 on"),
    ],
)
def test_power_refuses_questions_without_an_answer(venire: Any, arguments: list[str], said: str):
    code, _, error = venire("power", *arguments)
    assert code == 2 and said in error


def test_a_power_plan_by_halving_judges_fewer_pairs_than_all_on_all(venire: Any):
    plan = json.loads(venire("power", "--win-rate", "0.55", "--candidates", "20", "--json")[1])["win_rates"][0]
    assert plan["design"] == "halving" and plan["judgements"] < plan["prompts"] * 8 * 20 / 4


def test_agreement_with_people_is_one_command(venire: Any, tmp_path: Path, good: Path):
    out = tmp_path / "votes.parquet"
    venire("votes", "import", MT_BENCH / "gpt4_pair.jsonl", MT_BENCH / "human.jsonl", "--repeats", "keep", "-o", out)
    code, text, _ = venire("votes", "agree", out, "--json")
    rows = {(row["judge"], row["ties"]): row for row in json.loads(text)["agreement"]}
    assert code == 0 and len(rows) == 4
    turns = [json.loads((MT_BENCH / "expected.json").read_text())[f"turn{turn}"] for turn in (1, 2)]
    for ties, key in ((True, "with_ties"), (False, "no_ties")):
        judge = rows["gpt4_pair", ties]
        published = [turn[name][key] for turn in turns for name in ("gpt4_human", "gpt4_author")]
        assert [judge["agree"], judge["n"]] == [sum(counts) for counts in zip(*published, strict=True)]
    # Whoever is called the candidate, a pair is the same pair.
    turned = read_votes(out).with_columns(
        candidate="incumbent",
        incumbent="candidate",
        candidate_first=~pl.col("candidate_first"),
        verdict=pl.col("verdict").replace({"candidate": "incumbent", "incumbent": "candidate"}),
    )
    mixed = pl.concat([read_votes(out).filter(judge_family="human"), turned.filter(judge="gpt4_pair")])
    code, again, _ = venire("votes", "agree", stored(tmp_path / "mixed.parquet", mixed), "--json")
    assert json.loads(again) == json.loads(text)
    code, text, _ = venire("votes", "agree", out)
    assert "gpt4_pair" in text and "Cohen" in text
    code, _, error = venire("votes", "agree", good)
    assert code == 2 and "needs votes of people" in error


def test_a_newline_in_a_name_makes_no_line_of_its_own(venire: Any, tmp_path: Path):
    """A judge called `x\\nPROMOTE c against b` printed the line of a decision."""
    votes = simulate(20, 0.5).with_columns(
        judge=pl.col("judge").replace(JUDGES[0], "x\nPROMOTE c against b"), candidate=pl.lit("step-1\nHOLD")
    )
    path = stored(tmp_path / "v.parquet", votes)
    for words in (["votes", "analyze"], ["votes", "audit"], ["gate", "--votes"], ["votes", "import", "-o", path]):
        said = venire(*words, path)[1]
        assert said and not any(line.startswith(("PROMOTE c", "HOLD ⟨", "HOLD\n")) for line in said.splitlines())
        assert words[-1] == "audit" or "step-1⟨U+000A⟩HOLD" in said


def test_one_pair_in_both_directions_is_warned_of(venire: Any, tmp_path: Path):
    votes = simulate(20, 0.5)
    turned = mirrored(votes.filter(pl.col("prompt_id") < "p0008"))
    path = stored(tmp_path / "v.parquet", pl.concat([votes.filter(pl.col("prompt_id") >= "p0008"), turned]))
    result = json.loads(venire("votes", "analyze", path, "--json")[1])
    assert len(result["comparisons"]) == 2
    said = [w["message"] for w in result["warnings"] if w["code"] == "both_directions"]
    assert len(said) == 1 and "meet in both directions" in said[0] and INCUMBENT in said[0]
    assert "meet in both directions" in venire("votes", "analyze", path)[1]
    alone = json.loads(venire("votes", "analyze", stored(path, votes), "--json")[1])
    assert all(w["code"] != "both_directions" for w in alone["warnings"])


def test_a_seed_below_0_is_refused(venire: Any, good: Path):
    code, _, error = venire("votes", "analyze", good, "--seed", -1)
    assert code == 2 and "--seed" in error


def test_hostile_names_do_no_harm_in_the_terminal(tmp_path: Path, venire) -> None:
    file, bad = tmp_path / "votes.csv", '"\x1b[2J\u202e[red]<b>"'
    rows = [f"p{i},{bad},base,{bad},{first},candidate" for i in range(20) for first in ("true", "false")]
    head = "prompt_id,candidate,incumbent,judge,candidate_first,verdict"
    file.write_text("\n".join([head, *rows]), "utf-8")
    for words in (["analyze", file], ["audit", file], ["import", file, "--out", tmp_path / "votes.parquet"]):
        _, said, _ = venire("votes", *words)
        assert said and "\x1b" not in said and "\u202e" not in said
        assert words[0] == "audit" or "⟨U+001B⟩[2J⟨U+202E⟩[red]<b>" in said
    file.write_text("\n".join([head, f"p,a,b,j,true,{bad}"]), "utf-8")
    code, _, told = venire("votes", "analyze", file)
    assert code == 2 and "verdict is" in told and "\x1b" not in told and "\u202e" not in told
