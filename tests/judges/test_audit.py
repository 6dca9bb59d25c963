"""The audit: every known way to fool oneself is found in a replica of the project that had them all, and none where
there is none.

The replica follows SOURCES.md §3: fixed labels, a de-blinding bug that inverts results, provider errors recorded as
verdicts, a parser that finds a tie in "qualities", 57 rows of 25 prompts, a judge's name kept after another model had
judged, pairs counted twice, one order.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from venire.judges.analysis import analyze
from venire.judges.audit import CODES, Finding, audit, audit_file, has_errors
from venire.judges.local import Measured
from venire.judges.markers import UNIT
from venire.judges.rubric import Shown
from venire.judges.statistics.gwet import gwet_of_sums
from venire.judges.statistics.kappa import unit_features
from venire.judges.votes import validate, write_votes

C, I = "brie/plain", "base/plain"  # noqa: E741


def vote(prompt: str, verdict: str, first: bool = False, judge: str = "openai/gpt-4o", **more) -> dict:
    return {
        "prompt_id": prompt,
        "candidate": C,
        "incumbent": I,
        "judge": judge,
        "candidate_first": first,
        "verdict": verdict,
        **more,
    }


def table(rows: list[dict]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, strict=False)
    votes = validate(frame.drop("repeat", strict=False), "test", "keep", extras=True)
    return votes.with_columns(frame["repeat"] if "repeat" in names else pl.lit(0).alias("repeat"))


def found(votes: pl.DataFrame, code: str) -> list[Finding]:
    return [finding for finding in audit(votes) if finding.code == code]


def one(votes: pl.DataFrame, code: str) -> Finding:
    findings = found(votes, code)
    assert len(findings) == 1, (code, findings)
    return findings[0]


def sound(
    n: int = 40, judges: tuple[str, ...] = ("openai/gpt-4o", "google/gemini-x", "anthropic/claude-y")
) -> list[dict]:
    """Votes without a fault: both orders, labels that move, raw text that says what is recorded."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(n):
        for judge in judges:
            opinion = str(rng.choice(["candidate", "incumbent", "tie"], p=[0.5, 0.4, 0.1]))
            for first in (True, False):
                a_is_candidate = bool(rng.random() < 0.5)
                verdict = opinion if rng.random() < 0.9 else "tie"
                label = "tie" if verdict == "tie" else "A" if (verdict == "candidate") == a_is_candidate else "B"
                rows.append(
                    vote(
                        f"p{i}",
                        verdict,
                        first,
                        judge,
                        label_mapping="A=candidate;B=incumbent" if a_is_candidate else "A=incumbent;B=candidate",
                        judgment=f"I read prompt {i} as {judge} would. Both have qualities.\nWinner: {label}",
                        sha_candidate=f"c{i}",
                        sha_incumbent=f"i{i}",
                        len_candidate=int(rng.integers(100, 200)),
                        len_incumbent=int(rng.integers(100, 200)),
                    )
                )
    return rows


def test_nothing_is_found_where_nothing_is_wrong():
    assert audit(table(sound())) == []


# The replica


def golden(n: int = 57, wins: int = 52) -> list[str]:
    return ["candidate"] * wins + ["incumbent"] * (n - wins)


def labelled(said: list[str], first: list[bool]) -> list[dict]:
    """Rows as the project wrote them: A was always the base; `said` is who won by the judge's own words."""
    return [
        vote(
            f"p{i}",
            who,
            first[i],
            label_mapping="A=incumbent;B=candidate",
            judgment=f"{i}: both show subtle qualities.\nWinner: [{'B' if who == 'candidate' else 'A'}]\nIt has depth.",
        )
        for i, who in enumerate(said)
    ]


def test_a_bug_in_deblinding_that_inverts_results():
    """52 of 57 read as 28 of 57: the code undid a coin that had never been tossed."""
    rng = np.random.default_rng(1)
    flipped = np.zeros(57, bool)
    flipped[rng.permutation(52)[:24]] = True  # 52 − 24 = 28
    rows = labelled(golden(), [False] * 57)
    for row, flip in zip(rows, flipped, strict=True):
        if flip:
            row["verdict"] = "incumbent"
    assert sum(row["verdict"] == "candidate" for row in rows) == 28
    finding = one(table(rows), "winner_mismatch")
    assert finding.severity == "error"
    assert finding.rows == [int(i) + 1 for i in np.flatnonzero(flipped)]
    assert "24 verdicts of 57" in finding.message and "24 are inverted" in finding.message
    assert "0.491" in finding.effect and "0.912" in finding.effect


def test_a_published_figure_that_is_inverted_as_a_whole():
    """40.4% where the raw text gives 59.6%."""
    rows = labelled(golden(57, 34), [False] * 57)
    for row in rows:
        row["verdict"] = "incumbent" if row["verdict"] == "candidate" else "candidate"
    finding = one(table(rows), "winner_mismatch")
    assert len(finding.rows) == 57 and "0.404" in finding.effect and "0.596" in finding.effect


def test_labels_that_never_move():
    finding = one(table(labelled(golden(), [False] * 57)), "fixed_labels")
    assert finding.severity == "error" and len(finding.rows) == 57
    assert "A=incumbent;B=candidate" in finding.message


def test_labels_that_never_move_in_two_spellings():
    rows = labelled(golden(), [False] * 57)
    for row in rows[::2]:
        row["label_mapping"] = "B = Candidate, A=incumbent"
    finding = one(table(rows), "fixed_labels")
    assert len(finding.rows) == 57 and "(A=incumbent;B=candidate)" in finding.message


def test_labels_that_never_move_and_are_not_recorded():
    """Leaving the column out must not turn an error into a warning; what also fits the order is not accused."""
    rows = labelled(golden(), [bool(i % 2) for i in range(57)])
    recorded = one(table(rows), "fixed_labels")
    for row in rows:
        del row["label_mapping"]
    finding = one(table(rows), "fixed_labels")
    assert finding.severity == "error" and finding.rows == recorded.rows and finding.effect == recorded.effect
    assert "not recorded, but their verdicts obey in both orders: A is always the incumbent" in finding.message
    other = [dict(row, verdict="incumbent" if row["verdict"] == "candidate" else "candidate") for row in rows]
    assert "A is always the candidate" in one(table(other), "fixed_labels").message
    assert found(table([dict(row, candidate_first=False) for row in rows]), "fixed_labels") == []
    assert found(table(rows[:18]), "fixed_labels") == []  # nine in one order: too few to tell
    following = [
        dict(r, verdict="candidate" if ("[A]" in r["judgment"]) == r["candidate_first"] else "incumbent") for r in rows
    ]
    assert found(table(following), "fixed_labels") == []
    tossed = sound()
    for row in tossed:
        del row["label_mapping"]
    assert found(table(tossed), "fixed_labels") == []


def test_one_order():
    finding = one(table(labelled(golden(), [False] * 57)), "single_order")
    assert finding.severity == "error" and len(finding.rows) == 57
    assert "place never changes" in finding.message and "nothing" in finding.effect


def test_labels_that_are_not_recorded_show_what_the_verdicts_obey():
    first = [bool(i % 2) for i in range(57)]
    rows = labelled(golden(), first)
    for row in rows:
        del row["label_mapping"]
    finding = one(table(rows), "label_mapping")
    assert finding.severity == "warning"
    assert "“A is always the incumbent”" in finding.message and "A is always the incumbent: 100%" in finding.message
    assert "0.088" in finding.effect  # if A had been the candidate
    for row, place in zip(rows, first, strict=True):  # the bug: read as if A had been shown first
        row["verdict"] = "candidate" if ("[A]" in row["judgment"]) == place else "incumbent"
    finding = one(table(rows), "label_mapping")
    assert "“A is what is recorded as shown first”" in finding.message
    assert "0.912" in finding.effect
    rng = np.random.default_rng(0)
    for row in rows:
        row["verdict"] = str(rng.choice(["candidate", "incumbent"]))
    assert one(table(rows), "label_mapping").severity == "error"


def test_provider_errors_recorded_as_verdicts():
    """46 of 57 rows of one judge are HTTP 429."""
    rows = labelled(golden(), [False] * 57)
    gemini = [dict(row, judge="google/gemini-x") for row in rows]
    for row in gemini[:46]:
        row |= {"judgment": "HTTP 429: Resource has been exhausted (e.g. check quota).", "verdict": "tie"}
    finding = one(table(rows + gemini), "error_as_verdict")
    assert finding.severity == "error" and finding.rows == list(range(58, 104))
    assert "46 of 57 votes of google/gemini-x" in finding.message
    assert "goes from" in finding.effect and "0.912" in finding.effect


def test_a_tie_that_was_found_in_qualities():
    rows = labelled(golden(), [False] * 57)
    for row in rows[:9]:
        row["verdict"] = "tie"  # "tie" in text.lower()
    finding = one(table(rows), "winner_mismatch")
    assert finding.rows == list(range(1, 10)) and "inverted" not in finding.message
    for row in rows[:9]:
        row["judgment"] = "The qualities of both are subtle, and"
    finding = one(table(rows), "unparseable")
    assert finding.rows == list(range(1, 10)) and finding.severity == "error" and "9 of them ties" in finding.message


def test_a_tie_for_a_winner_in_brackets():
    rows = labelled(["candidate"] * 57, [False] * 57)
    for row in rows:
        row["verdict"] = "tie"
    assert len(one(table(rows), "winner_mismatch").rows) == 57


def test_a_winner_where_the_judge_said_tie():
    rows = labelled(golden(), [False] * 57)
    for row in rows[:5]:
        row["judgment"] = "[[C]]"
    assert one(table(rows), "winner_mismatch").rows == [1, 2, 3, 4, 5]


def test_losses_that_are_recorded_as_invalid():
    """Set aside, 29 losses of 57 leave a win rate of one; the raw text says what they were."""
    rows = labelled(golden(57, 28), [False] * 57)
    for row in rows[28:]:
        row |= {"verdict": "invalid", "reason": "parse"}
    finding = one(table(rows), "winner_mismatch")
    assert finding.severity == "warning" and finding.rows == list(range(29, 58))
    assert "29 votes of 57" in finding.message and "29 incumbent" in finding.message
    assert "goes from 1.000" in finding.effect and "to 0.491" in finding.effect
    for row in rows[28:]:
        row["judgment"] = "Both have their qualities, and"
    assert found(table(rows), "winner_mismatch") == []


def test_57_rows_of_25_prompts():
    rows = labelled(golden(), [False] * 57)
    for i, row in enumerate(rows):
        row["prompt_id"] = f"p{i % 25}"
    votes = table(rows)
    finding = one(votes, "few_prompts")
    assert "57 votes a judge and order rest on 25 distinct prompts" in finding.message
    assert "n = 57" in finding.effect and "n = 25" in finding.effect
    assert {f.severity for f in found(votes, "repeated_rows")} == {"warning"}  # other texts: repeats, not copies


def test_57_rows_of_25_answer_pairs_under_57_ids():
    rows = labelled(golden(), [False] * 57)
    for i, row in enumerate(rows):
        row |= {"sha_candidate": f"c{i % 25}", "sha_incumbent": f"i{i % 25}"}
    finding = one(table(rows), "few_prompts")
    assert "25 distinct answer pairs" in finding.message


def test_pairs_that_are_counted_twice():
    rows = labelled(golden(), [False] * 57)
    finding = one(table(rows + [dict(row) for row in rows[:15]]), "repeated_rows")
    assert finding.severity == "error" and finding.rows == list(range(58, 73))
    long = "The first answer is patient with the question and the second is not, which matters most here. "
    known = [
        dict(r, sha_candidate=f"c{i}", sha_incumbent=f"i{i}", judgment=f"{long}{i} {r['judgment']}")
        for i, r in enumerate(rows)
    ]
    again = [dict(row, prompt_id=f"again-{i}") for i, row in enumerate(known[:15])]
    assert one(table(known + again), "repeated_rows").rows == list(range(58, 73))


def test_a_call_that_serves_two_epochs_is_no_copy():
    """Equal answers in both epochs are one sealed pair: judged once, and its text stands in both rows."""
    long = "The first answer is patient with the question and the second is not, which matters most here. "
    once = [dict(row, judgment=long + row["judgment"], epoch=0) for row in sound()]
    assert found(table(once + [dict(row, epoch=1) for row in once]), "repeated_rows") == []


def test_the_same_judge_asked_again_contradicts_itself():
    """The same 13 pairs gave 8 of 13 and then 11 of 13."""
    once = labelled(golden(13, 8), [False] * 13)
    again = [dict(row, judgment=f"Again: {row['judgment']}") for row in labelled(golden(13, 11), [False] * 13)]
    finding = one(table(once + again), "repeated_rows")
    assert finding.severity == "warning" and "in 3 cases they contradict each other" in finding.message
    numbered = [dict(r, repeat=0) for r in once] + [dict(r, repeat=1) for r in again]
    assert found(table(numbered), "repeated_rows") == []


def test_a_judges_name_that_was_kept_when_another_model_judged():
    rows = sound()
    for row in rows:
        if row["judge"] == "anthropic/claude-y":
            row["judgment"] = '{"model": "gpt-4o-2024-08-06", "text": "' + row["judgment"] + '"}'
    finding = one(table(rows), "judge_identity")
    assert finding.severity == "error" and len(finding.rows) == 80 and "anthropic/claude-y" in finding.message
    rows = [dict(row, judge_model="gpt-4o" if "claude" in row["judge"] else row["judge"]) for row in sound()]
    assert "anthropic/claude-y" in one(table(rows), "judge_identity").message


@pytest.mark.parametrize(
    "reason",
    [
        "Answer A cites a page on openai.com.",
        "One answer quotes 'model': 'gpt-4' from a log.",
        'It says "model": "gpt-4".',
    ],
)
def test_what_a_verdict_mentions_is_no_proof_of_another_model(reason: str):
    rows = sound()
    spoken = next(row for row in rows if row["judge"] == "anthropic/claude-y")
    spoken["judgment"] = f"{reason} {spoken['judgment']}"
    finding = one(table(rows), "judge_identity")
    assert finding.severity == "warning" and len(finding.rows) == 1
    failed = "Error code: 429 - rate limit reached, see api.openai.com/account/limits"
    spoken |= {"judgment": failed, "verdict": "invalid", "reason": "error"}
    assert one(table(rows), "judge_identity").severity == "error"


def test_four_judges_that_are_two_models():
    rows = sound(20, ("j1", "j2", "j3", "j4"))
    for row in rows:
        row["model_id"] = "gpt-4o" if row["judge"] in ("j1", "j2") else "gemini-x"
    findings = found(table(rows), "judge_identity")
    assert [f.severity for f in findings] == ["error", "error"]
    assert "one model, 2 judges' names: gpt-4o goes with j1, j2" in findings[0].message
    assert "2 models under 4 names" in findings[0].effect
    alike = sound(20, ("openai/gpt-4o-2024-08-06", "GPT-4o (run 2)", "google/gemini-x"))
    assert "openai/gpt-4o-2024-08-06 = GPT-4o (run 2)" in one(table(alike), "judge_identity").message
    assert found(table(sound(20, ("judge-1", "judge-2", "venire/x", "likelihood:x"))), "judge_identity") == []


def test_one_name_with_several_models_and_texts_under_two_names():
    rows = [dict(row, model_id=f"m{i % 2}") for i, row in enumerate(sound(20, ("j1",)))]
    assert "one name, 2 models: j1" in one(table(rows), "judge_identity").message
    rows = sound(20, ("j1", "j2"))
    for row in rows:
        row["judgment"] = (
            f"{row['prompt_id']} {row['candidate_first']}: " + "the same long words, again and again. " * 3
        )
    assert "word for word across the names j1, j2" in one(table(rows), "judge_identity").message


def test_equal_words_that_nobody_copied():
    """A failed call's text, the numbers of judges that measure, and a set phrase on another pair are no copies."""
    quota = "Error code: 429 - You exceeded your current quota, please check your plan and billing details. " * 2
    rows = [
        row | {"judgment": quota, "verdict": "invalid", "reason": "error"} if row["prompt_id"] == "p1" else row
        for row in sound(20, ("openai/gpt-4o", "openai/o3"))
    ]
    assert found(table(rows), "judge_identity") == []
    blind = {"reference": None, "contrast": None, "first_label": "A", "flags": []}
    shown = Shown(id="p-1", prompt="p", first="x", second="y", **blind)
    rows = sound(20, ("markers:one", "markers:two", "openai/gpt-4o"))
    for row in rows[:6]:
        if row["judge"].startswith("markers:"):
            said = Measured(0, 0, f"{UNIT} (A: none; B: none)").reply(shown, 0)
            row |= {"judgment": said, "verdict": "tie"}
    assert found(table(rows), "judge_identity") == []
    rows = sound(20, ("j1", "j2"))
    for row in rows:
        if row["prompt_id"] == ("p1" if row["judge"] == "j1" else "p2"):
            row |= {
                "judgment": "Neither of these answers is of any use to the person. " * 2 + "Winner: tie",
                "verdict": "tie",
            }
    assert found(table(rows), "judge_identity") == []


def test_the_longer_answer_wins():
    rows = sound()
    for i, row in enumerate(rows):
        longer = row["verdict"] == "candidate" if i % 10 else row["verdict"] != "candidate"
        row |= {"len_candidate": 300 if longer else 100, "len_incumbent": 100 if longer else 300}
    per_prompt = {}
    for row in rows:  # one length a prompt and judge is enough for the test
        per_prompt.setdefault(
            (row["prompt_id"], row["judge"]), (row["len_candidate"], row["len_incumbent"], row["verdict"])
        )
    for row in rows:
        own, other, verdict = per_prompt[(row["prompt_id"], row["judge"])]
        row |= {"len_candidate": own, "len_incumbent": other}
        if verdict != row["verdict"]:
            row |= {"verdict": verdict, "judgment": None, "label_mapping": None}
    findings = found(table(rows), "longer_wins")
    assert findings and all("the longer answer wins" in f.message and "at equal length" in f.effect for f in findings)


def test_the_golden_table():
    """57 items, two judges: raw .912, κ .258, AC1 .907, though it reads as 91% agreement."""
    cells = [
        ("candidate", "candidate", 51),
        ("tie", "candidate", 3),
        ("candidate", "incumbent", 2),
        ("incumbent", "incumbent", 1),
    ]
    rows, i = [], 0
    for first, second, n in cells:
        for _ in range(n):
            for order in (True, False):
                rows += [vote(f"p{i}", first, order, "openai/gpt-4o"), vote(f"p{i}", second, order, "google/gemini-x")]
            i += 1
    agreement = analyze(table(rows))["comparisons"][0]["agreement"]
    pair = "google/gemini-x|openai/gpt-4o"
    assert agreement["raw"] == pytest.approx(0.912, abs=5e-4)
    assert agreement["cohen_kappa"][pair] == pytest.approx(0.258, abs=5e-4)
    assert agreement["gwet_ac1"] == pytest.approx(0.907, abs=5e-4)
    counts = np.array([[0, 0, 2]] * 51 + [[0, 1, 1]] * 3 + [[1, 0, 1]] * 2 + [[2, 0, 0]], float)
    assert gwet_of_sums(unit_features(counts).sum(axis=0), np.eye(3)) == pytest.approx(0.907, abs=5e-4)


def test_the_whole_story_in_one_file(tmp_path: Path):
    """Everything at once, from a CSV: each fault keeps its own finding."""
    rng = np.random.default_rng(7)
    said = golden()
    rows = []
    for judge in ("openai/gpt-4o", "anthropic/claude-y", "google/gemini-x"):
        for i, row in enumerate(labelled(said, [False] * 57)):
            row |= {"judge": judge, "prompt_id": f"p{i % 25}"}
            if judge == "openai/gpt-4o" and rng.random() < 0.4:
                row["verdict"] = "incumbent" if row["verdict"] == "candidate" else "candidate"
            if judge == "google/gemini-x" and i < 46:
                row |= {"judgment": "Error code: 429 - rate limit", "verdict": "tie"}
            if judge == "anthropic/claude-y":
                row["judgment"] = '{"model": "gpt-4o"} ' + row["judgment"]
            rows.append(row)
    rows += [dict(row) for row in rows[:15]]
    path = tmp_path / "votes.csv"
    pl.DataFrame(rows).write_csv(path)
    findings = audit_file(path)
    codes = {finding.code for finding in findings}
    wanted = {
        *("winner_mismatch", "fixed_labels", "single_order", "error_as_verdict", "repeated_rows"),
        *("few_prompts", "judge_identity"),
    }
    assert wanted <= codes and has_errors(findings)
    assert all(finding.rows and finding.effect and finding.code in CODES for finding in findings)
    assert [f.severity for f in findings] == sorted(
        (f.severity for f in findings), key=["error", "warning", "note"].index
    )
    json.dumps([finding.to_dict() for finding in findings], allow_nan=False)


# The rest of the codes


def test_identical_outputs_and_a_constant_answer():
    rows = sound()
    for row in rows[:60]:
        row["sha_incumbent"] = row["sha_candidate"]
    finding = one(table(rows), "identical_outputs")
    assert finding.severity == "warning" and len(finding.rows) == 60 and "name a winner" in finding.message
    rows = [dict(row, sha_candidate="same") for row in sound()]
    finding = one(table(rows), "constant_output")
    assert finding.severity == "error" and "40 of 40 prompts" in finding.message
    some = [dict(row, sha_candidate="same") if i < 72 else row for i, row in enumerate(sound())]
    assert one(table(some), "constant_output").severity == "warning"


def test_two_contenders_that_are_one_model():
    other = [dict(row, candidate="brie-2/plain") for row in sound()]
    finding = one(table(sound() + other), "identical_outputs")
    assert "brie/plain and brie-2/plain gave the same 40 answers" in finding.message


def test_position_bias_and_missing_votes():
    rows = [dict(row) for row in sound() if not (row["judge"] == "google/gemini-x" and int(row["prompt_id"][1:]) >= 20)]
    assert "google/gemini-x 20 of 40" in one(table(rows), "missing_votes").message
    for row in rows:
        if row["judge"] == "openai/gpt-4o":
            row |= {"verdict": "candidate" if row["candidate_first"] else "incumbent", "judgment": None}
    finding = one(table(rows), "position_bias")
    assert "openai/gpt-4o" in finding.message and "being shown first adds 0.50" in finding.message


def test_a_taste_for_the_second_place_and_a_judge_who_contradicts_himself():
    rows = sound(60)
    for row in rows:
        if row["judge"] == "openai/gpt-4o":
            row |= {"verdict": "incumbent" if row["candidate_first"] else "candidate", "judgment": None}
    assert "being shown second adds 0.50 (95% 0.50 to 0.50)" in one(table(rows), "position_bias").message
    for row in rows:
        if row["judge"] == "openai/gpt-4o":
            first = row["candidate_first"] == (int(row["prompt_id"][1:]) % 2 == 0)
            row |= {"verdict": "candidate" if first else "incumbent"}
    message = one(table(rows), "position_bias").message
    assert (
        "it contradicts itself when the order changes" in message and "(95% -0.1" in message and "0% of 60" in message
    )


def test_some_orders_missing_is_a_warning():
    rows = [row for i, row in enumerate(sound()) if i % 12 != 1]
    finding = one(table(rows), "single_order")
    assert finding.severity == "warning" and "both orders" in finding.effect


def test_people_and_anchors_are_other_designs():
    people = [vote(f"p{i}", "candidate", True, "human:ann", use="human") for i in range(40)]
    anchors = [dict(vote(f"a{i}", "candidate", True), use="anchor", incumbent="degraded") for i in range(40)]
    assert audit(table(sound() + people + anchors)) == []


def test_a_file_with_numbered_repeats_is_read_as_it_stands(tmp_path: Path):
    rows = [dict(row, repeat=0) for row in sound()]
    path = tmp_path / "votes.parquet"
    write_votes(table(rows), path)
    assert audit_file(path) == []
    twice = pl.concat([pl.read_parquet(path)] * 2)
    twice.write_parquet(path)
    assert (
        one(validate(twice.drop("repeat"), "x", "keep").with_columns(repeat=pl.lit(0)), "repeated_rows").severity
        == "error"
    )
    assert [f.code for f in audit_file(path)] == ["repeated_rows", "few_prompts"]
