"""Long work tells how far it is: drawn in a terminal, a plain line now and then in a pipe, and nothing left behind."""

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venire import progress
from venire._common.progress import Count, counted
from venire.progress import Progress, Teller, eased, fitted

WORK = """
import os, signal, sys, time
from venire.progress import Progress, Teller
with Teller("run") as say:
    say("1/6 plan     an experiment")
    time.sleep(0.5)
    say("2/6 eval     the suites")
    eval = Progress("eval", 4, say)
    for _ in range(4):
        eval.tick()
        time.sleep(0.3)
    eval.end()
    say("3/6 train    recipes \\x1b[2J into candidates")
    if {interrupted}:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
"""
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(environment: dict[str, str] | None = None, *, interrupted: bool = False) -> str:
    """What the work writes to a terminal of 80 columns."""
    there, here = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "LC_ALL": "C.UTF-8"} | (environment or {})
    code = WORK.format(interrupted=interrupted)
    work = subprocess.Popen([sys.executable, "-c", code], stdin=here, stdout=here, stderr=here, env=env)
    os.close(here)
    said: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(there, 65536):
                said.append(part)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    work.wait(60)
    reader.join(10)
    os.close(there)
    return b"".join(said).decode()


def screen(said: str) -> list[str]:
    """The lines that stand there in the end: a terminal in ten lines, for what Rich uses."""
    lines, at = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r\n|\r|\n|[^\x1b\r\n]+", said):
        if part == "\x1b[2K":
            lines[at] = ""
        elif re.fullmatch(r"\x1b\[\d*A", part):
            at -= int(part[2:-1] or 1)
        elif part in ("\r\n", "\n"):
            at += 1
            lines += [""] * (at == len(lines))
        elif not part.startswith("\x1b") and part != "\r":
            lines[at] = part
    return [line.rstrip() for line in lines if line.strip()]


def test_a_terminal_sees_a_bar_and_in_the_end_only_lines() -> None:
    said = in_terminal()
    drawn = CODES.sub("", said)
    assert re.search(r"1/6 plan, \d s", drawn)  # what is under way while nothing is counted
    assert re.search(r"eval, \d s", drawn) and re.search(r"━.* 3 of 4, \d\.\d a second, about 0 s left", drawn)
    assert screen(said) == [
        "1/6 plan     an experiment",
        "2/6 eval     the suites",
        "    eval: 4 samples in 1 s",
        "3/6 train    recipes ⟨U+001B⟩[2J into candidates",
    ]
    assert "\x1b[2J" not in said


def test_a_terminal_is_left_whole_by_an_interrupt() -> None:
    said = in_terminal(interrupted=True)
    assert "\x1b[?25l" not in said  # the cursor was never hidden
    lines = screen(said)
    assert lines[3].startswith("3/6 train") and lines[4].startswith("Traceback")  # here no command line catches it
    assert not [line for line in lines if "━" in line]


def test_no_color_is_honoured() -> None:
    assert re.search(r"\x1b\[[0-9;]*3[0-7]", in_terminal())
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", in_terminal({"NO_COLOR": "1"}))


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}])
def test_where_nothing_can_be_drawn_lines_are_plain(environment: dict[str, str]) -> None:
    said = in_terminal(environment)
    assert "\x1b" not in said
    assert said.splitlines()[:3] == [
        "1/6 plan     an experiment",
        "2/6 eval     the suites",
        "    eval: 4 samples in 1 s",
    ]


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    told: list[str] = []
    counted = Progress("eval", 100, told.append)
    for _ in range(100):
        clock.now += 0.5
        counted.tick()
    counted.retry()
    counted.end()
    assert told == [
        "    eval: 30 of 100 samples, 2.0 a second, about 35 s left",
        "    eval: 60 of 100 samples, 2.0 a second, about 20 s left",
        "    eval: 90 of 100 samples, 2.0 a second, about 5 s left",
        "    eval: 100 samples in 50 s, 1 call tried again",
    ]


def test_a_count_from_elsewhere_is_a_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    with Teller("train") as say:
        say(Count("sft: step 1/2, loss 3.0", "sft", 1, 2, "loss 3.0"))
        say(Count("", "sft", 2, 2, over=True))
    assert out.getvalue() == "sft: step 1/2, loss 3.0\n"


def test_counts_that_come_often_are_eased_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    told: list[str] = []
    say = eased(told.append)
    say("a line")
    for done in range(1, 41):
        clock.now += 1.0
        say(counted("model", done, 40, "MB", clock.now))
    assert told == [
        "a line",
        "    model: 15 of 40 MB, about 25 s left",
        "    model: 30 of 40 MB, about 10 s left",
        "    model: 40 of 40 MB",
    ]
    assert counted("model", 2, 40, "MB", 1.0) == "    model: 2 of 40 MB"  # too early to say
    assert counted("model", 30, 40, "MB", 10.0, before=20) == "    model: 30 of 40 MB, about 10 s left"


def test_lines_wrap_at_words_and_paths_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "30")
    line = "  note: the words of a long line, and /a/path/that/is/longer/than/the/whole/terminal"
    assert fitted(line, Terminal()).splitlines() == [
        "  note: the words of a long",
        "    line, and",
        "    /a/path/that/is/longer/than/the/whole/terminal",
    ]
    assert fitted(line, io.StringIO()) == line


def test_an_interrupt_ends_the_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai import Task, task
    from inspect_ai.dataset import Sample
    from inspect_ai.solver import Generate, TaskState, solver

    from venire.stages.evaluate import _evaluate

    @solver
    def stops():
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            import anyio

            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep(5)
            return state

        return solve

    @task
    def stopped() -> Task:
        return Task(dataset=[Sample(input="?", id=1)], solver=stops(), model="mockllm/model")

    run: Any = SimpleNamespace(eval_logs=tmp_path)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt), progress.watch("eval", 1, told.append):
        _evaluate(run, [stopped()])
    assert told == []  # what was cancelled is neither done nor failed
