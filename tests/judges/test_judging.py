"""Judging goes on where it was killed, adds a judge without asking another, and stops cleanly at its budget."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from venire._common.errors import InputError, VenireError
from venire.judges.judging import open_judging, run_panel
from venire.judges.pairs import Pair, make_pairs
from venire.judges.panel import resolve_panel

from .helpers import CANDIDATE, INCUMBENT, answers_frame, mock_panel, origin, prefers_bread

# A judge that writes down every call, and is slow enough to be killed in between.
SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from inspect_ai.model._providers.mockllm import MockLLM
from helpers import answers_frame, mock_panel, prefers_bread, say, CANDIDATE, INCUMBENT
from venire.judges.judging import run_panel
from venire.judges.pairs import make_pairs
import anyio

async def generate(self, input, tools, tool_choice, config):
    with open({calls!r}, "a") as out:
        out.write(input[-1].text[-400:].replace(chr(10), " ") + chr(10))
    await anyio.sleep({pause})
    return say(prefers_bread(input[-1].text))

MockLLM.generate = generate
pairs = make_pairs(answers_frame(n=12), [CANDIDATE], INCUMBENT, seed=7)
run_panel(pairs, mock_panel("one", max_connections=2), Path({run!r}), seed=7, anchors=8)
"""


def start(tmp_path: Path, name: str, pause: float) -> tuple[subprocess.Popen, Path, Path]:
    run, calls = tmp_path / name, tmp_path / f"{name}.calls"
    script = tmp_path / f"{name}.py"
    script.write_text(SLOW.format(here=str(Path(__file__).parent), calls=str(calls), pause=pause, run=str(run)))
    env = os.environ | {"INSPECT_CACHE_DIR": str(tmp_path / f"{name}.cache")}
    return subprocess.Popen([sys.executable, str(script)], env=env, start_new_session=True), run, calls


def test_killed_judging_goes_on_and_ends_with_the_same_votes(tmp_path: Path) -> None:
    whole, run_whole, calls_whole = start(tmp_path, "whole", 0.0)
    assert whole.wait(120) == 0

    process, run, calls = start(tmp_path, "killed", 0.25)
    deadline = time.monotonic() + 60
    while (not calls.exists() or len(calls.read_text().splitlines()) < 9) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    asked_before = len(calls.read_text().splitlines())
    assert 9 <= asked_before < 40
    assert not (run / "votes.parquet").exists()

    process, _, _ = start(tmp_path, "killed", 0.0)
    assert process.wait(120) == 0
    asked = calls.read_text().splitlines()
    assert len(calls_whole.read_text().splitlines()) == 40
    assert 40 <= len(asked) <= 42  # at most the two in flight again
    columns = ["sample_id", "prompt_id", "candidate_first", "verdict", "judgment", "label_mapping", "use"]
    one, two = (pl.read_parquet(folder / "votes.parquet").select(columns) for folder in (run_whole, run))
    assert one.equals(two)


def test_a_second_call_asks_nobody(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    panel = mock_panel("one")
    run_panel(pairs, panel, tmp_path, seed=7, anchors=0)
    before = (tmp_path / "votes.parquet").read_bytes()
    judging = open_judging(pairs, panel, tmp_path, seed=7, anchors=0)
    assert [(a.new, a.before, a.left) for a in judging.ask()] == [(0, 8, 0)]
    judging.ledger()
    assert len(asked) == 8
    assert (tmp_path / "votes.parquet").read_bytes() == before


def test_a_judge_added_later_is_asked_alone(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    first = run_panel(pairs, mock_panel("one", "two"), tmp_path, seed=7, anchors=0)
    logs = {path: path.read_bytes() for path in tmp_path.glob("logs/judge/*/*.eval")}
    assert len(asked) == 16
    ledger = run_panel(pairs, mock_panel("one", "two", "three"), tmp_path, seed=7, anchors=0)
    assert len(asked) == 24
    assert all(path.read_bytes() == content for path, content in logs.items())
    old = ledger.votes.filter(pl.col("judge") != "mockllm/three")
    assert old.equals(first.votes)


def test_stages_ask_for_some_of_the_pairs(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    judging = open_judging(pairs, mock_panel("one", "two"), tmp_path, seed=7, anchors=8)
    judging.ask(pairs=judging.manifest.ids(use=["anchor"]))
    assert len(asked) == 2 * 16
    some = judging.manifest.ids(use=["gate"])[:2]
    judging.ask(["mockllm/two"], some)
    assert len(asked) == 2 * 16 + 4
    judging.ask()
    assert len(asked) == 2 * (16 + 8)
    assert judging.ledger().votes.height == 48


def test_a_budget_stops_with_whole_pairs_and_counts_what_earlier_runs_spent(
    pairs: list[Pair], tmp_path: Path, mock_judges
) -> None:
    asked = mock_judges(prefers_bread)
    judging = open_judging(pairs, mock_panel("one", "two"), tmp_path, seed=7, anchors=0)
    assert [(a.new, a.left) for a in judging.budgeted(calls=11).ask()] == [(8, 0), (2, 6)]
    assert len(asked) == 10
    votes = judging.ledger().votes
    both = votes.group_by("judge", "prompt_id").agg(pl.col("candidate_first").n_unique())
    assert both["candidate_first"].to_list() == [2] * both.height

    again = judging.budgeted(calls=11)
    assert again.purse.spent_calls == 10
    assert [(a.new, a.left) for a in again.ask()] == [(0, 0), (0, 6)]
    logs = sorted(tmp_path.glob("logs/judge/*/*.eval"))
    assert [(a.new, a.left) for a in judging.budgeted(calls=14).ask()] == [(0, 0), (4, 2)]
    assert len(asked) == 14
    assert len(sorted(tmp_path.glob("logs/judge/*/*.eval"))) == len(logs) + 1  # a spent budget writes no empty log


PRICE = {"input": 100.0, "output": 1000.0}  # a call of the mock judge (10 tokens in, 5 out) costs $0.006


def test_a_budget_in_dollars_is_never_exceeded(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    mock_judges(prefers_bread)
    panel = mock_panel(price=PRICE, generation={"max_tokens": 10})
    judging = open_judging(pairs, panel, tmp_path, seed=7, anchors=0)
    # At its longest a call could cost $0.06 and more, so that the last pairs are not begun.
    limited = judging.budgeted(usd=0.16)
    (asked,) = limited.ask()
    assert 0 < asked.new < 8 and asked.new % 2 == 0 and asked.left == 8 - asked.new
    assert limited.purse.spent_usd == pytest.approx(0.006 * asked.new) and limited.purse.spent_usd <= 0.16
    assert limited.purse.reserved_usd == pytest.approx(0) and limited.purse.reserved_calls == 0
    assert judging.ledger().votes["cost_usd"].to_list() == pytest.approx([0.006] * asked.new)
    assert judging.budgeted(usd=0.16).purse.spent_usd == pytest.approx(limited.purse.spent_usd)
    (asked,) = judging.budgeted(usd=5.0).ask()
    assert asked.left == 0


def test_what_is_in_flight_is_waited_for_before_the_budget_is_called_spent(tmp_path: Path, mock_judges) -> None:
    mock_judges(prefers_bread)
    pairs = make_pairs(answers_frame(n=12), [CANDIDATE], INCUMBENT, seed=7)
    panel = mock_panel(price=PRICE, generation={"max_tokens": 10}, max_connections=8)
    # Two pairs at their longest fill the budget; what they really cost leaves room for eight and more.
    limited = open_judging(pairs, panel, tmp_path, seed=7, anchors=0).budgeted(usd=0.3)
    (asked,) = limited.ask()
    assert asked.new >= 16 and limited.purse.spent_usd <= 0.3
    assert limited.purse.reserved_calls == 0


def test_dollars_need_a_price(pairs: list[Pair], tmp_path: Path) -> None:
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    with pytest.raises(InputError, match=r"price of judge 'mockllm/one' is not known.*price: \{input"):
        judging.budgeted(usd=1.0)
    judging.budgeted(calls=10)


def test_calls_without_a_price_are_not_free_but_unknown(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    mock_judges(prefers_bread)
    judging = open_judging(pairs, mock_panel("unpriced"), tmp_path, seed=7, anchors=0).budgeted(calls=100)
    judging.ask()
    assert judging.ledger().votes["cost_usd"].is_null().all()
    assert judging.purse.describe() == "8 of 100 paid calls (8 of them at a price that is not known)"


def test_identical_answers_cost_nothing(tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    frame = answers_frame(n=3, answer="The same.")
    judging = open_judging(make_pairs(frame, [CANDIDATE], INCUMBENT, seed=7), mock_panel(), tmp_path, seed=7, anchors=0)
    broke = judging.budgeted(calls=1)
    assert [(a.new, a.left) for a in broke.ask()] == [(6, 0)]
    assert asked == [] and broke.purse.spent_calls == 0
    assert judging.budgeted(calls=1).purse.spent_calls == 0


def failing(times: dict[str, int]):
    """A judge whose first calls about case 1 fail."""

    def reply(prompt: str) -> str:
        if "case 1?" in prompt and times["left"] > 0:
            times["left"] -= 1
            raise ConnectionError("the line is down")
        return "" if "case 2?" in prompt else prefers_bread(prompt)

    return reply


def test_a_failed_call_is_asked_again_only_on_request(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(failing({"left": 2}))
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    judging.ask()
    first = judging.ledger()
    assert sorted(first.votes.filter(pl.col("verdict") == "invalid")["reason"]) == ["empty"] * 2 + ["error"] * 2
    assert first.retried == []
    assert [a.new for a in judging.ask()] == [0]

    assert [(a.new, a.before) for a in judging.ask(retry=True)] == [(2, 6)]  # an empty reply is an answer
    assert len(asked) == 10
    now = judging.ledger()
    assert now.votes.filter(pl.col("verdict") == "invalid")["reason"].to_list() == ["empty"] * 2
    assert [(r["reason"], r["verdict_now"]) for r in now.retried] == [("error", "candidate")] * 2
    record = json.loads((tmp_path / "ledger.json").read_text())
    assert len(record["retried"]) == 2 and record["retried"][0]["log"] != record["retried"][0]["log_now"]
    assert [a.new for a in judging.ask(retry=True)] == [0]


def test_a_retry_that_fails_too_stays_invalid(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    mock_judges(failing({"left": 4}))
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    judging.ask()
    judging.ask(retry=True)
    ledger = judging.ledger()
    assert ledger.votes.height == 8
    assert ledger.votes["reason"].to_list().count("error") == 2
    assert len(ledger.retried) == 2


def test_a_judge_is_compared_with_itself(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    fickle = iter(["A", "B"] * 100)
    replies = {"steady": True}

    def reply(prompt: str) -> str:
        return prefers_bread(prompt) if replies["steady"] else f'{{"winner": "{next(fickle)}"}}'

    mock_judges(reply)
    judging = open_judging(pairs, mock_panel("one", "two"), tmp_path, seed=7, anchors=0)
    judging.ask()
    judging.ask(["mockllm/one"], repeat=1)
    replies["steady"] = False
    judging.ask(["mockllm/two"], repeat=1)
    votes = judging.ledger().votes
    judges = json.loads((tmp_path / "ledger.json").read_text())["judges"]
    assert judges["mockllm/one"]["retest"] | {"low": 0, "high": 1} == {
        "n": 8,
        "same": 8,
        "prompts": 4,
        "share": 1.0,
        "low": 0,
        "high": 1,
        "invalid": 0,
    }
    assert judges["mockllm/two"]["retest"]["share"] < 1
    # A second pass that the lock did not ask for decides nothing.
    assert set(votes.filter(pl.col("repeat") == 1)["use"]) == {"display"}
    assert set(votes.filter(pl.col("repeat") == 0)["use"]) == {"gate"}


def test_asked_again_on_purpose_is_a_repeat(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    asked = mock_judges(prefers_bread)
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    judging.ask()
    judging.ask(repeat=1)
    assert len(asked) == 16  # the response cache does not answer for the second time
    assert judging.ledger().votes["repeat"].value_counts().sort("repeat").rows() == [(0, 8), (1, 8)]


def test_a_conflicted_judge_is_shown_and_not_counted(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    mock_judges(prefers_bread)
    origins = [origin(CANDIDATE, family="mockllm"), origin(INCUMBENT, family="other")]
    ledger = run_panel(pairs, mock_panel(), tmp_path, seed=7, anchors=0, origins=origins)
    assert ledger.votes["use"].unique().to_list() == ["display"]


def test_a_judge_that_fails_its_exam_is_shown_and_not_counted(pairs: list[Pair], tmp_path: Path, mock_judges) -> None:
    mock_judges(lambda prompt: '{"winner": "A"}')
    ledger = run_panel(pairs, mock_panel(), tmp_path, seed=7, anchors=12)
    assert not ledger.exams["mockllm/one"].passed
    assert set(ledger.votes["use"]) == {"display", "anchor"}


def test_how_fast_a_judge_is_asked_is_no_part_of_the_seal(pairs: list[Pair], tmp_path: Path) -> None:
    slow = open_judging(pairs, mock_panel(max_connections=1), tmp_path, seed=7, anchors=0)
    fast = open_judging(pairs, mock_panel(max_connections=20), tmp_path, seed=7, anchors=0)
    assert fast.manifest == slow.manifest
    assert fast.panel["mockllm/one"].max_connections == 20


def test_a_judge_who_is_not_on_the_panel(pairs: list[Pair], tmp_path: Path) -> None:
    judging = open_judging(pairs, mock_panel(), tmp_path, seed=7, anchors=0)
    with pytest.raises(InputError, match="'mockllm/two' is not on the panel: mockllm/one"):
        judging.ask(["mockllm/two"])


def test_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pair to judge"):
        open_judging([], mock_panel(), tmp_path, seed=7)


def test_a_missing_key_is_named(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    panel = resolve_panel({"judges": [{"model": "openai/gpt-x"}]})
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        run_panel(pairs, panel, tmp_path, seed=7, anchors=0)


def test_a_judge_of_no_provider_is_named(pairs: list[Pair], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"judge 'nosuch/x': Model API nosuch .*provider/model"):
        run_panel(pairs, resolve_panel({"judges": [{"model": "nosuch/x"}]}), tmp_path, seed=7, anchors=0)


@pytest.mark.parametrize("status", ["cancelled", "error"])
def test_an_evaluation_that_breaks_off_says_so(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    import inspect_ai

    class Log:
        error = None
        samples = None

    log = Log()
    setattr(log, "status", status)  # noqa: B010
    monkeypatch.setattr(inspect_ai, "eval", lambda *_, **__: [log])
    with pytest.raises(VenireError, match="run the same command again"):
        run_panel(pairs, mock_panel(), tmp_path, seed=7, anchors=0)


def test_judging_leaves_standard_output_to_the_result(
    pairs: list[Pair], tmp_path: Path, mock_judges, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inspect greets once a process, with the hook that counts what judges cost."""
    from inspect_ai.hooks import _startup

    monkeypatch.setattr(_startup, "_registry_hooks_loaded", False)
    mock_judges(prefers_bread)
    run_panel(pairs, mock_panel("one"), tmp_path, seed=7, anchors=0)
    assert _startup._registry_hooks_loaded
    assert capsys.readouterr().out == ""


def test_an_interrupt_ends_the_judging(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def generate(*_: object, **__: object) -> None:
        import anyio

        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep(5)

    monkeypatch.setattr("inspect_ai.model._providers.mockllm.MockLLM.generate", generate)
    with pytest.raises(KeyboardInterrupt):
        run_panel(pairs, mock_panel("one"), tmp_path, seed=7, anchors=0)
