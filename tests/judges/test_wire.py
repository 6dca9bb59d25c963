"""Every vendor's real SDK against a server on loopback: votes come out as they should, whatever goes wrong."""

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from venire.judges.counted import counted_votes
from venire.judges.judging import run_panel
from venire.judges.pairs import Pair, make_pairs
from venire.judges.panel import resolve_panel
from venire.judges.policy import GatePolicy

from .helpers import CANDIDATE, INCUMBENT, answers_frame, prefers_bread
from .vendors.server import Fault, Kind, Vendors

MODELS = [
    "openai/gpt-4o",  # chat completions
    "openai/gpt-6-luna",  # responses
    "anthropic/claude-haiku-5-5",
    "google/gemini-3.5-flash-lite",
    "openai-api/loopback/any",  # an endpoint that imitates OpenAI's
    "vllm/any",
]
# What a fault that stays makes of a vote; the rest of the kinds are no faults of the judge's: the vote is good.
REASONS: dict[Kind, str] = {
    "exhausted": "error",
    "server_error": "error",
    "overloaded": "error",
    "drop": "error",
    "drop_midway": "error",
    "garbage": "parse",
    "malformed": "parse",
    "other_form": "parse",
    "truncated": "parse",
    "thought_only": "parse",
    "refusal": "refusal",
    "declines": "refusal",
    "content_filter": "refusal",
    "empty": "empty",
    "blank": "empty",
    "slow": "timeout",
    "trickle": "timeout",
}
WAITED_FOR = ("slow", "trickle")
GOOD: tuple[Kind, ...] = ("rejects_form", "prose", "thinks", "thinks_inline")


def some_pairs(n: int) -> list[Pair]:
    return make_pairs(answers_frame(n=n), [CANDIDATE], INCUMBENT, seed=7)


def judged(run: Path, model: str, pairs: list[Pair], **options: Any) -> pl.DataFrame:
    panel = resolve_panel({"judges": [{"model": model, "rubric": "plain", **options}]})
    return run_panel(pairs, panel, run, seed=7, anchors=0).votes


def by_case(votes: pl.DataFrame) -> dict[int, list[tuple[str, str | None]]]:
    """Case number to the verdicts of its two orders."""
    found: dict[int, list[tuple[str, str | None]]] = {}
    for prompt, verdict, reason in votes.select("prompt_id", "verdict", "reason").iter_rows():
        found.setdefault(int(prompt.split("/s")[1]), []).append((verdict, reason))
    return found


@pytest.mark.parametrize("model", MODELS)
def test_each_failure_is_an_invalid_vote_with_its_reason_and_stops_nothing_else(
    model: str, tmp_path: Path, vendors: Vendors
) -> None:
    kinds: list[Kind] = [kind for kind in (*REASONS, *GOOD) if kind not in WAITED_FOR]
    vendors.begin(prefers_bread, {f"case {i}?": Fault(kind) for i, kind in enumerate(kinds, start=1)})
    votes = judged(tmp_path, model, some_pairs(len(kinds) + 1), generation={"max_retries": 0}, max_connections=20)
    found = by_case(votes)
    expected = {0: [("candidate", None)] * 2} | {
        i: [("invalid", REASONS[kind]) if kind in REASONS else ("candidate", None)] * 2
        for i, kind in enumerate(kinds, start=1)
    }
    named = dict(enumerate(("none", *kinds)))
    assert {named[i]: found[i] for i in found} == {named[i]: expected[i] for i in expected}
    # One attempt, and at most two more that the SDKs make by themselves; one more where the form was rejected.
    assert max(Counter((call.prompt, bool(call.form)) for call in vendors.calls).values()) <= 3


def test_every_kind_of_fault_is_tried() -> None:
    assert {*REASONS, *GOOD, "rate_limit", "bad_key", "no_model"} == set(get_args(Kind))


@pytest.mark.parametrize("model", MODELS[:4])
def test_what_never_comes_is_a_timeout(model: str, tmp_path: Path, vendors: Vendors) -> None:
    vendors.begin(prefers_bread, {"case 1?": Fault("slow"), "case 2?": Fault("trickle")})
    settings = {"max_retries": 0, "attempt_timeout": 5}
    found = by_case(judged(tmp_path, model, some_pairs(3), generation=settings))
    assert found[1] == found[2] == [("invalid", "timeout")] * 2
    assert found[0] == [("candidate", None)] * 2


def test_a_stream_that_stalls_breaks_or_ends_early_is_told_apart(tmp_path: Path, vendors: Vendors) -> None:
    """Claude streams where it thinks."""
    kinds: list[Kind] = ["trickle", "drop_midway", "truncated", "refusal", "thought_only", "thinks", "server_error"]
    vendors.begin(prefers_bread, {f"case {i}?": Fault(kind) for i, kind in enumerate(kinds)})
    settings = {"max_retries": 0, "attempt_timeout": 10, "reasoning_effort": "low"}
    votes = judged(tmp_path, "anthropic/claude-opus-5-5", some_pairs(7), generation=settings, max_connections=20)
    assert all(call.json["stream"] for call in vendors.calls)
    assert {kind: {reason for _, reason in by_case(votes)[i]} for i, kind in enumerate(kinds)} == {
        kind: {REASONS.get(kind)} for kind in kinds
    }


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that Inspect would have waited before it tries again. Nobody waits."""
    waited: list[float] = []

    async def no_sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("inspect_ai.model._retry._sleep", no_sleep)
    return waited


@pytest.mark.parametrize("model", MODELS[:4])
def test_a_failure_that_passes_costs_no_vote(model: str, tmp_path: Path, vendors: Vendors, waits: list[float]) -> None:
    passing: tuple[Kind, ...] = ("rate_limit", "server_error", "overloaded")
    vendors.begin(prefers_bread, {f"case {i}?": Fault(kind, times=4) for i, kind in enumerate(passing)})
    votes = judged(tmp_path, model, some_pairs(4))
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert Counter(call.prompt for call in vendors.calls).most_common(1)[0][1] == 5


def test_tries_are_bounded_further_and_further_apart_and_a_judge_may_have_its_own(
    tmp_path: Path, vendors: Vendors, waits: list[float]
) -> None:
    vendors.begin(prefers_bread, {"case 0?": Fault("rate_limit")})
    model = "google/gemini-3.5-flash-lite"  # its SDK tries nothing by itself, so that every attempt is Inspect's
    one = judged(tmp_path / "one", model, some_pairs(1), max_connections=1)
    assert set(one["reason"]) == {"error"}
    assert len(vendors.calls) == 2 * 6 and len(waits) == 2 * 5
    assert waits[0] < waits[2] < waits[4] and sum(waits) < 2 * 120

    waits.clear()
    judged(tmp_path / "two", model, some_pairs(1), generation={"max_retries": 1})
    assert len(vendors.calls) == 2 * 6 + 2 * 2 and len(waits) == 2


def test_a_judge_with_more_than_a_fifth_of_its_votes_invalid_is_withdrawn_and_no_other(
    tmp_path: Path, vendors: Vendors
) -> None:
    ill, steady = "anthropic/claude-sonnet-5-5", "google/gemini-3.8-flash"
    vendors.begin(prefers_bread, {f"case {i}?": Fault("content_filter", dialect="messages") for i in (1, 2, 3)})
    panel = resolve_panel({"judges": [{"model": ill}, {"model": steady}]})
    counted = counted_votes(run_panel(some_pairs(12), panel, tmp_path, seed=7, anchors=0).votes, GatePolicy())
    assert counted.judges == (steady,)
    assert counted.withdrawn == {ill: "25% of its votes are invalid (more than 20%)"}
