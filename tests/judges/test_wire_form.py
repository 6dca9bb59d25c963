"""The form of the reply, as each vendor is asked for it; the thoughts of reasoning models; judges that take no form."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from inspect_ai.log import read_eval_log

from venire.judges.judging import run_panel
from venire.judges.pairs import Pair
from venire.judges.panel import resolve_panel

from .helpers import fenced, prefers_bread
from .vendors.server import Fault, Vendors

MODELS = ["openai/gpt-4o", "openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "google/gemini-3.5-flash-lite"]
CRITERIA = ("creativity", "coherence", "depth", "engagement", "writing_quality")


def judged(pairs: list[Pair], run: Path, *judges: dict[str, Any]) -> pl.DataFrame:
    return run_panel(pairs, resolve_panel({"judges": list(judges)}), run, seed=7, anchors=0).votes


def is_strict(schema: dict[str, Any]) -> bool:
    """OpenAI's rules: every key of every object is required, no other is allowed, and nothing has a default."""
    if "default" in schema:
        return False
    if schema.get("type") != "object":
        return True
    keys = list(schema["properties"])
    closed = schema.get("additionalProperties") is False and sorted(schema["required"]) == sorted(keys)
    return closed and all(is_strict(part) for part in schema["properties"].values())


def brie(prompt: str) -> str:
    """Scores and winner by bread."""
    blocks = fenced(prompt)
    best = next(label for label in ("A", "B") if "bread" in blocks[f"Answer {label}"])
    scores = {f"scores_{label}": dict.fromkeys(CRITERIA, 5 if label == best else 2) for label in ("A", "B")}
    return json.dumps(scores | {"winner": best, "reason": "It brings bread."})


@pytest.mark.parametrize("model", [*MODELS, "openai-api/loopback/any", "vllm/any"])
def test_five_criteria_are_asked_for_in_a_strict_form_and_kept_with_the_vote(
    model: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.begin(brie)
    votes = judged(pairs, tmp_path, {"model": model, "rubric": "brie5"})
    assert votes["verdict"].to_list() == ["candidate"] * 8
    for criteria, raw in votes.select("criteria", "judgment").iter_rows():
        scores = json.loads(criteria)
        assert len(scores) == 10
        assert scores["candidate.writing quality"] == 5 and scores["incumbent.depth"] == 2
        assert json.loads(raw)["reason"] == "It brings bread."
    form = vendors.calls[0].form
    assert form is not None and list(form["properties"]) == ["scores_A", "scores_B", "winner", "reason"]
    assert is_strict(form)
    depth = form["properties"]["scores_A"]["properties"]["depth"]
    assert depth["enum"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("model", MODELS)
def test_scores_that_break_the_form_make_no_vote(
    model: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.begin(lambda prompt: brie(prompt).replace("5", "6") if "case 1?" in prompt else brie(prompt))
    votes = judged(pairs, tmp_path, {"model": model, "rubric": "brie5"})
    bad = votes.filter(votes["verdict"] == "invalid")
    assert set(bad["prompt_id"]) == {"value_alignment/s1"} and bad["reason"].to_list() == ["parse"] * 2


@pytest.mark.parametrize("model", MODELS)
def test_a_vendor_that_rejects_the_form_is_asked_without_it(
    model: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.begin(prefers_bread, {"case": Fault("rejects_form")})
    votes = judged(pairs, tmp_path, {"model": model, "rubric": "plain", "max_connections": 1})
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert [bool(call.form) for call in vendors.calls] == [True] + [False] * 8


def test_a_judge_may_be_asked_for_no_form_at_all(pairs: list[Pair], tmp_path: Path, vendors: Vendors) -> None:
    vendors.begin(prefers_bread, {"case 1?": Fault("prose"), "case 2?": Fault("thinks_inline")})
    judge = {"model": "openai-api/loopback/small", "generation": {"response_schema": None}}
    votes = judged(pairs, tmp_path, judge)
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert not any(call.form for call in vendors.calls)


@pytest.mark.parametrize(
    ("model", "generation", "told"),
    [
        ("openai/gpt-6-luna", {"reasoning_effort": "low"}, '"reasoning": {"effort": "low"}'),
        ("openai/o4-mini", {"reasoning_effort": "medium"}, '"reasoning": {"effort": "medium"}'),
        ("anthropic/claude-sonnet-4-6", {"reasoning_tokens": 2048}, '"budget_tokens": 2048'),
        ("anthropic/claude-sonnet-5-5", {"reasoning_effort": "low"}, '"thinking": {"type": "adaptive"'),
        ("google/gemini-2.5-pro", {"reasoning_tokens": 1024}, '"thinking_budget": 1024'),
        ("google/gemini-3.8-flash", {"reasoning_effort": "low"}, '"thinking_level": "LOW"'),
        ("openai-api/loopback/thinker", {"reasoning_effort": "low"}, '"reasoning_effort": "low"'),
    ],
)
def test_what_a_model_thinks_is_never_its_verdict(
    model: str, generation: dict[str, Any], told: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.begin(prefers_bread, {"case": Fault("thinks")})
    votes = judged(pairs, tmp_path, {"model": model, "rubric": "plain", "generation": generation})
    # Its thoughts say A each time; bread is as often under B.
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert sorted(set(votes["judgment"])) == [
        '{"winner": "A", "reason": "bread"}',
        '{"winner": "B", "reason": "bread"}',
    ]
    assert len(vendors.calls) == 8  # and no further call, to find out what the model can do
    assert all(told in json.dumps(call.json) for call in vendors.calls)


@pytest.mark.parametrize("preset", ["vendors", "cheap"])
def test_the_presets_of_vendors_judge(preset: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors) -> None:
    panel = resolve_panel({"preset": preset})
    assert sorted(judge.family for judge in panel.judges) == ["anthropic", "google", "openai"]
    votes = run_panel(pairs, panel, tmp_path, seed=7, anchors=0).votes
    assert votes["verdict"].to_list() == ["candidate"] * 24
    assert all("What the person answered" in call.prompt for call in vendors.calls)


def test_the_log_says_what_was_asked(pairs: list[Pair], tmp_path: Path, vendors: Vendors) -> None:
    judged(pairs, tmp_path, {"model": "openai/gpt-4o", "rubric": "plain"})
    log = read_eval_log(str(next(tmp_path.glob("logs/judge/*/*.eval"))))
    assert log.plan.config.max_retries == 5 and log.plan.config.timeout == 600
    assert log.samples is not None
    call = next(event for event in log.samples[0].events if event.event == "model")
    assert call.config.response_schema is not None and call.config.response_schema.name == "verdict"
