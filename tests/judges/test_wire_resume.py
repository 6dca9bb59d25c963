"""Killed, offline, without a key, with one judge more: nothing is asked twice, and whoever need not be asked is not."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from venire._common.errors import InputError, ServiceError
from venire.judges.judging import MANIFEST, open_judging, run_panel
from venire.judges.ledger import finished
from venire.judges.manifest import read_manifest
from venire.judges.pairs import Pair, make_pairs
from venire.judges.panel import resolve_panel

from .helpers import CANDIDATE, INCUMBENT, answers_frame, prefers_bread
from .vendors.server import Fault, Kind, Vendors

AT_ONCE = 3
TWO: list[Any] = [
    {"model": "openai/gpt-4o", "max_connections": AT_ONCE},
    {"model": "anthropic/claude-haiku-5-5", "max_connections": AT_ONCE},
]
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers import CANDIDATE, INCUMBENT, answers_frame
from venire.judges.judging import run_panel
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel
pairs = make_pairs(answers_frame(n=10), [CANDIDATE], INCUMBENT, seed=7)
run_panel(pairs, resolve_panel({{"judges": {judges!r}}}), Path({run!r}), seed=7, anchors=0)
"""
SAMPLES = 2 * 2 * 10


def start(run: Path, vendors: Vendors) -> subprocess.Popen[bytes]:
    run.mkdir(exist_ok=True)
    script = run / "judge.py"
    script.write_text(RUN.format(tests=str(Path(__file__).parent), judges=TWO, run=str(run)))
    env = os.environ | vendors.environment() | {"INSPECT_CACHE_DIR": str(run / "cache")}
    return subprocess.Popen([sys.executable, str(script)], env=env, start_new_session=True)


def durable(run: Path) -> set[tuple[str, str]]:
    """(judge, sample) of every vote that stands in a log."""
    if not (run / MANIFEST).is_file():
        return set()
    manifest = read_manifest(run / MANIFEST)
    return {(judge, sample) for judge in manifest.parts for sample in finished(run, manifest, judge)}


def test_killed_at_any_moment_no_durable_vote_is_paid_for_again(tmp_path: Path, vendors: Vendors) -> None:
    run_panel(
        make_pairs(answers_frame(n=10), [CANDIDATE], INCUMBENT, seed=7),
        panel_of(*TWO),
        tmp_path / "whole",
        seed=7,
        anchors=0,
    )
    assert len(vendors.calls) == SAMPLES

    vendors.begin(prefers_bread, pause=0.15)
    run, kills = tmp_path / "killed", 0
    for enough in (7, 26):
        process, deadline = start(run, vendors), time.monotonic() + 180
        while len(vendors.calls) < enough and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kills += 1
        assert 0 < len(durable(run)) < SAMPLES
    assert not (run / "votes.parquet").exists()

    vendors.pause = 0.0
    before = len(vendors.calls)
    had = len(durable(run))
    assert start(run, vendors).wait(240) == 0
    assert len(vendors.calls) - before <= SAMPLES - had
    assert SAMPLES <= len(vendors.calls) <= SAMPLES + kills * AT_ONCE
    assert max(Counter((call.path, call.prompt) for call in vendors.calls).values()) <= 1 + kills

    columns = ["judge", "sample_id", "prompt_id", "candidate_first", "verdict", "judgment", "label_mapping", "use"]
    one, two = (pl.read_parquet(folder / "votes.parquet").select(columns) for folder in (tmp_path / "whole", run))
    assert one.equals(two)


def panel_of(*models: Any) -> Any:
    return resolve_panel({"judges": list(models)})


def test_saved_logs_make_a_second_run_free_and_offline(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is shut down, the keys are gone, and calls are forbidden."""
    panel = panel_of("openai-api/shortlived/m", "openai-api/shortlived/n")
    with Vendors(prefers_bread) as server:
        monkeypatch.setenv("SHORTLIVED_BASE_URL", f"{server.url}/compatible/v1")
        monkeypatch.setenv("SHORTLIVED_API_KEY", "sk-none")
        monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
        first = run_panel(pairs, panel, tmp_path / "run", seed=7, anchors=0).votes
    monkeypatch.setenv("INSPECT_DISABLE_MODEL_API", "1")

    # From the responses' cache: the logs are lost, the votes come again.
    other = run_panel(pairs, panel, tmp_path / "other", seed=7, anchors=0).votes
    columns = ["judge", "sample_id", "verdict", "judgment", "input_tokens"]
    assert other.select(columns).equals(first.select(columns))

    # From the logs: not even a key is needed.
    monkeypatch.delenv("SHORTLIVED_API_KEY")
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "no-cache"))
    again = run_panel(pairs, panel, tmp_path / "run", seed=7, anchors=0).votes
    assert again.equals(first)


def test_what_was_never_answered_is_no_vote_where_calls_are_forbidden(
    pairs: list[Pair], tmp_path: Path, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_DISABLE_MODEL_API", "1")
    judging = open_judging(pairs, panel_of("openai/gpt-4o"), tmp_path, seed=7, anchors=0)
    with pytest.raises(ServiceError, match="INSPECT_DISABLE_MODEL_API forbids"):
        judging.ask()
    assert judging.ledger().votes.height == 0 and vendors.calls == []
    monkeypatch.delenv("INSPECT_DISABLE_MODEL_API")
    judging.ask()
    assert judging.ledger().votes["verdict"].to_list() == ["candidate"] * 8


@pytest.mark.parametrize(
    ("fault", "model", "complaint"),
    [
        ("bad_key", "anthropic/claude-haiku-5-5", r"refuses the key \(401\)"),
        ("no_model", "openai/gpt-6-luna", r"no such model \(404\)"),
        ("no_model", "google/gemini-3.5-flash-lite", r"no such model \(404\)"),
    ],
)
def test_a_mistake_of_the_users_is_told_and_spoils_no_vote(
    fault: Kind, model: str, complaint: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.begin(prefers_bread, {"case": Fault(fault)})
    judging = open_judging(pairs, panel_of(model), tmp_path, seed=7, anchors=0)
    with pytest.raises(ServiceError, match=complaint) as told:
        judging.ask()
    assert "cret" not in str(told.value)
    assert judging.ledger().votes.height == 0
    vendors.begin(prefers_bread)
    judging.ask()
    assert judging.ledger().votes["verdict"].to_list() == ["candidate"] * 8


def test_a_judge_added_later_is_the_only_one_that_is_asked(pairs: list[Pair], tmp_path: Path, vendors: Vendors) -> None:
    three = ["openai/gpt-4o", "anthropic/claude-haiku-5-5", "google/gemini-3.5-flash-lite"]
    first = run_panel(pairs, panel_of(*three), tmp_path, seed=7, anchors=0).votes
    vendors.begin(prefers_bread)
    votes = run_panel(pairs, panel_of(*three, "openai-api/loopback/fourth"), tmp_path, seed=7, anchors=0).votes
    assert {call.path for call in vendors.calls} == {"/compatible/v1/chat/completions"} and len(vendors.calls) == 8
    assert votes.filter(pl.col("judge") != "openai-api/loopback/fourth").equals(first)


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-6-terra", "OPENAI_API_KEY"),
        ("anthropic/claude-opus-5-5", "ANTHROPIC_API_KEY"),
        ("google/gemini-3.1-pro-preview", "GOOGLE_API_KEY"),
        ("openai-api/elsewhere/m", "ELSEWHERE_API_KEY"),
    ],
)
def test_a_missing_key_is_named_before_anybody_is_asked(
    model: str, variable: str, pairs: list[Pair], tmp_path: Path, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    judging = open_judging(pairs, panel_of("openai-api/loopback/any", model), tmp_path, seed=7, anchors=0)
    with pytest.raises(InputError, match=variable) as told:
        judging.ask()  # the first of the two could be asked
    assert told.value.exit_code == 2
    assert "[bold]" not in str(told.value) and "\n" not in str(told.value)
    assert vendors.calls == []


def test_without_any_key_judges_that_are_no_vendors_go_on(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    votes = run_panel(pairs, panel_of({"markers": "commitment"}), tmp_path, seed=7, anchors=0).votes
    assert votes["verdict"].to_list() == ["candidate"] * 8
    assert set(votes["judge"]) == {"markers:commitment"} and set(votes["judge_family"]) == {"markers"}


def test_many_pairs_are_asked_at_once_but_never_more_than_allowed(tmp_path: Path, vendors: Vendors) -> None:
    vendors.begin(prefers_bread, pause=0.1)
    many = make_pairs(answers_frame(n=8), [CANDIDATE], INCUMBENT, seed=7)
    judge = {"model": "openai-api/loopback/busy", "max_connections": 4}
    run_panel(many, panel_of(judge), tmp_path, seed=7, anchors=0)
    assert vendors.most_at_once == 4
