"""A training in the background: it outlives its starter, is followed to its end, and is never started twice."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from venire._common.errors import InputError, VenireError
from venire.training import detached


@pytest.fixture(autouse=True)
def a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a training, a program that counts to five, takes the time it is told, and ends with 2."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time\n"
        "for i in range(5):\n    print('step', i, flush=True); time.sleep(float(sys.argv[1]))\n"
        "sys.exit(2)\n"
    )
    monkeypatch.setattr(detached, "VENIRE", (sys.executable, str(program)))


def test_it_is_followed_from_its_first_word_to_its_exit_code(tmp_path: Path) -> None:
    pid = detached.start(tmp_path / "train", ["0.2"])
    assert detached.running(tmp_path / "train") == pid
    with pytest.raises(VenireError, match="already runs here"):
        detached.start(tmp_path / "train", ["0.2"])
    said: list[str] = []
    assert detached.follow(tmp_path / "train", said.append) == 2
    assert said == [f"step {i}" for i in range(5)]
    assert detached.running(tmp_path / "train") is None
    assert detached.follow(tmp_path / "train", said.append) == 2  # what was, can be read again


def test_one_that_was_killed_says_so(tmp_path: Path) -> None:
    pid = detached.start(tmp_path / "train", ["9"])
    time.sleep(0.3)
    os.killpg(pid, signal.SIGKILL)
    if sys.platform != "win32":
        os.waitpid(pid, 0)
    with pytest.raises(VenireError, match="was killed; start it again"):
        detached.follow(tmp_path / "train", lambda _: None)


def test_nothing_to_follow_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start one with --detach"):
        detached.follow(tmp_path, lambda _: None)
