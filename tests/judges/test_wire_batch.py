"""Batch mode, by one switch: one batch a judge, the same votes, and a request that fails within it is one bad vote."""

from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire.judges.judging import run_panel
from venire.judges.panel import resolve_panel
from venire.judges.tasks import BATCH_LIMITS

from .helpers import CANDIDATE, INCUMBENT, answers_frame, prefers_bread
from .vendors.server import Fault, Vendors

# Inspect looks every 15 seconds; a test does not wait.
QUICK = {"batch": {"tick": 0.02, "send_delay": 0.02}, "max_retries": 0}


def pairs(n: int) -> list[Any]:
    from venire.judges.pairs import make_pairs

    return make_pairs(answers_frame(n=n), [CANDIDATE], INCUMBENT, seed=7)


@pytest.mark.parametrize(
    "model",
    ["openai/gpt-4o-mini", "openai/gpt-5.4-mini", "anthropic/claude-sonnet-4-6", "google/gemini-3.6-flash"],
)
def test_a_judge_in_batch_mode_gives_the_votes_of_one_that_is_not(model: str, tmp_path: Path, vendors: Vendors) -> None:
    faults = {"case 1?": Fault("content_filter"), "case 2?": Fault("truncated"), "case 3?": Fault("empty")}
    if not model.startswith("openai/"):  # where Inspect 0.3.285 takes one failed request for the whole batch's failure
        faults["case 4?"] = Fault("server_error")
    vendors.begin(prefers_bread, faults)
    panel = resolve_panel({"judges": [{"model": model, "rubric": "plain", "generation": QUICK, "max_connections": 2}]})
    votes = run_panel(pairs(12), panel, tmp_path, seed=7, anchors=0).votes
    assert vendors.calls == []
    assert len(vendors.batches.asked) == 24
    assert vendors.batches.made == 1
    assert all(dialect.form(request) for dialect, request in vendors.batches.asked)
    reasons = {int(p.split("/s")[1]): r for p, r in votes.select("prompt_id", "reason").iter_rows()}
    expected = {1: "refusal", 2: "parse", 3: "empty"} | ({4: "error"} if len(faults) == 4 else {})
    assert reasons == dict.fromkeys(range(12)) | expected
    assert votes["verdict"].to_list().count("candidate") == 2 * (12 - len(faults))
    assert set(votes.filter(votes["verdict"] == "candidate")["input_tokens"]) == {100}

    run_panel(pairs(12), panel, tmp_path, seed=7, anchors=0)
    assert vendors.batches.made == 1


def settled(panel: dict[str, Any]) -> list[Any]:
    return [judge.generation.get("batch", False) for judge in resolve_panel(panel).judges]


def test_one_switch_on_the_panel_or_on_a_judge() -> None:
    judges = ["anthropic/claude-haiku-5-5", "openai/gpt-6-luna", "google/gemini-3.8-flash", "openai-api/mine/m"]
    assert settled({"judges": judges, "batch": True}) == [True, True, True, False]
    assert settled({"judges": judges}) == [False] * 4
    one = {"model": "openai/gpt-6-luna", "batch": True}
    assert settled({"judges": [one, "anthropic/claude-haiku-5-5"]}) == [True, False]
    assert settled({"preset": "vendors", "batch": True}) == [True] * 3
    assert settled({"batch": True, "judges": [{"model": "openai/gpt-6-luna", "batch": False}]}) == [False]


@pytest.mark.parametrize("judge", [{"model": "vllm/any"}, {"markers": "commitment"}])
def test_a_judge_without_a_batch_mode_is_told_so(judge: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="batch: anthropic, google"):
        resolve_panel({"judges": [judge | {"batch": True}]})


def test_a_setting_that_inspect_does_not_know_is_told_before_anybody_is_asked() -> None:
    with pytest.raises(InputError, match=r"judge 'openai/gpt-6-luna': generation.*temprature"):
        resolve_panel({"judges": [{"model": "openai/gpt-6-luna", "generation": {"temprature": 0}}]})


def test_a_batch_is_waited_for_longer_than_vendors_take() -> None:
    assert BATCH_LIMITS["attempt_timeout"] > 24 * 3600 and BATCH_LIMITS["timeout"] is None
