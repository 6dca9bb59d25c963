"""The audit of what is in a file too often, or not at all: copies under other names, and judges without a vote."""

import pytest

from venire.judges.audit import audit

from .test_audit import found, one, sound, table, vote


def essays(n: int = 57) -> list[dict]:
    """Sound votes with two sentences on each prompt, and no word of what the answers were."""
    long = "The essay on topic {} by the first writer dwells on the history of the idea, whereas the other one "
    long += "moves to examples at once and loses the thread somewhere in its middle, says {}. "
    rows = [dict(r, judgment=long.format(r["prompt_id"], r["judge"]) + r["judgment"]) for r in sound(n)]
    return [{name: value for name, value in row.items() if not name.startswith(("sha_", "len_"))} for row in rows]


def test_pairs_that_are_counted_twice_without_hashes():
    rows = essays()
    again = [dict(row, prompt_id=f"{row['prompt_id']}-again") for row in rows if int(row["prompt_id"][1:]) < 15]
    finding = one(table(rows + again), "repeated_rows")
    assert finding.severity == "error" and finding.rows == list(range(len(rows) + 1, len(rows + again) + 1))
    assert "90 copies under another prompt's id, word for word" in finding.message
    assert audit(table(rows)) == []


@pytest.mark.parametrize(
    "said",
    [
        "Winner: {}",
        "Both are correct and clear, and both answer the question that was asked of them in full. Winner: {}",
        '{{"scores": {{"depth": {{"A": 4, "B": 3}}, "clarity": {{"A": 4, "B": 3}}, "honesty": {{"A": 4, "B": 3}}, '
        '"warmth": {{"A": 4, "B": 3}}, "use": {{"A": 4, "B": 3}}, "form": {{"A": 4, "B": 3}}}}, "winner": "{}"}}',
    ],
)
def test_what_a_judge_says_of_two_prompts_is_no_copy(said: str):
    rows = essays()
    for row in rows[:12]:
        row["judgment"] = said.format(row["judgment"].rsplit(" ", 1)[1])
    assert found(table(rows), "repeated_rows") == []


def test_a_set_phrase_of_any_length_is_no_copy():
    rows = essays()
    for row in rows:
        words, label = row["judgment"].split(". ")[0].replace(row["prompt_id"], "x"), row["judgment"].rsplit(" ", 1)[1]
        row["judgment"] = f"{words}. Winner: {label}"
    assert found(table(rows), "repeated_rows") == []


def test_a_copy_is_said_to_be_equal_only_in_what_is_known():
    bare = [vote(f"p{i}", "candidate" if i % 3 else "incumbent", first) for i in range(30) for first in (True, False)]
    finding = found(table(bare + bare[:20]), "repeated_rows")[0]
    assert "20 copies of the same judge, prompt, order and verdict" in finding.message
    told = [dict(row, judgment=f"{i}") for i, row in enumerate(bare)]
    assert "order, verdict and raw text" in found(table(told + told[:20]), "repeated_rows")[0].message
    few = one(table([dict(row, prompt_id=f"p{i % 12}") for i, row in enumerate(bare)]), "few_prompts")
    assert "rest on 12 distinct prompts" in few.message and "answer pair" not in few.message


def test_a_file_with_few_hashes_is_not_said_to_hold_few_answers():
    rows = sound()
    for row in rows[12:]:
        row |= {"sha_candidate": None, "sha_incumbent": None}
    assert found(table(rows), "few_prompts") == []


def test_one_judge_under_two_unlike_names():
    rows = sound(40, ("anthropic/claude-y", "openai/gpt-4o"))
    rows = [dict(row, judgment=None, label_mapping=None) for row in rows]
    copy = [dict(row, judge="google/gemini-x") for row in rows if row["judge"] == "anthropic/claude-y"]
    finding = one(table(rows + copy), "judge_identity")
    assert finding.severity == "warning" and "anthropic/claude-y = google/gemini-x" in finding.message
    assert len(finding.rows) == 160 and "may be 2 judges, not 3" in finding.effect
    soft = [dict(row, preference={"candidate": 0.9, "tie": 0.5, "incumbent": 0.1}[row["verdict"]]) for row in copy]
    assert found(table(rows + soft), "judge_identity") == []  # other shares: another judge
    differ = [dict(row, verdict="tie") if i == 7 else row for i, row in enumerate(copy)]
    assert found(table(rows + differ), "judge_identity") == []
    one_sided = [dict(row, verdict="candidate") for row in rows + copy]
    assert found(table(one_sided), "judge_identity") == []
    assert found(table([row for row in rows + copy if int(row["prompt_id"][1:]) < 29]), "judge_identity") == []


def test_a_judge_without_one_valid_vote_is_missing():
    rows = sound()
    for row in rows:
        if row["judge"] == "openai/gpt-4o":
            row |= {"verdict": "invalid", "reason": "error", "judgment": None}
    finding = one(table(rows), "missing_votes")
    assert finding.severity == "warning" and "openai/gpt-4o 0 of 40" in finding.message
    assert "all judged who have a valid vote, the headline stays as it is" in finding.effect
    none = [dict(row, verdict="invalid", reason="error", judgment=None) for row in rows]
    finding = one(table(none), "missing_votes")
    assert finding.severity == "error" and "not one of 240 votes is valid" in finding.message


@pytest.mark.parametrize("number", ["epoch", "repeat"])
def test_numbered_looks_at_few_prompts_are_noted_and_the_prompts_counted(number: str):
    rows = [dict(row, prompt_id=f"p{i // 2 % 5}") | {number: 1 + i // 10} for i, row in enumerate(sound())]
    findings = found(table(rows), "few_prompts")
    assert [f.severity for f in findings] == ["warning", "note"]
    assert "5 prompts; below 15" in findings[0].message and "of 5 distinct prompts" in findings[1].message
