"""Two commands at work in one run would each do, count and pay for all of it: the second is refused."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from venire._common.errors import InputError
from venire._common.holding import held
from venire.run import Run

HOLD = "import sys; from pathlib import Path; from venire._common.holding import held\n"
AT_WORK = HOLD + "with held(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
TRY = HOLD + "with held(Path(sys.argv[1])): pass"


@contextmanager
def at_work(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that works in `folder`."""
    command = [sys.executable, "-c", AT_WORK, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "in\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    data = {"name": "one", "bases": ["smollm2-135m"], "incumbent": "smollm2-135m/plain", "candidates": [{"path": "a"}]}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(data | {"suites": [{"task": "venire/forgetting"}]}))
    return Run(tmp_path / "one.yaml")


def test_a_second_command_at_work_is_refused_and_readers_are_not(run: Run) -> None:
    with at_work(run.folder) as other:
        for stage in ("eval", "train", "judge", "gate"):
            refused = (
                f"one: another venire command \\(pid {other.pid}\\) is at work in this run; wait until it has ended"
            )
            with pytest.raises(InputError, match=refused), run.stage(stage):
                pytest.fail("let in")
        assert not (run.folder / "run.json").exists()
        for stage in ("plan", "report"):
            with run.stage(stage):
                pass


def test_run_is_refused_before_it_begins(run: Run) -> None:
    from venire.flow_commands import run as command

    with at_work(run.folder):
        result = CliRunner().invoke(command, [str(run.path)])
    assert isinstance(result.exception, InputError) and result.exception.exit_code == 2
    assert "is at work in this run" in str(result.exception) and not result.output


def test_a_training_in_the_background_is_refused_where_it_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venire.flow_commands import train
    from venire.stages import plan

    monkeypatch.setattr(plan, "require_lock", lambda _: None)
    monkeypatch.setattr(plan, "check_leaks", lambda _: None)
    with at_work(run.folder):
        result = CliRunner().invoke(train, [str(run.path), "--detach"])
    assert isinstance(result.exception, InputError) and "is at work in this run" in str(result.exception)
    assert not (run.folder / "train" / "job.json").exists()


def test_killed_it_holds_nothing_and_one_process_may_hold_twice(run: Run) -> None:
    with at_work(run.folder) as other:
        other.kill()
        other.wait()
        with held(run.folder), run.stage("judge"), held(Path("runs") / ".." / "runs" / "one"):
            assert subprocess.run([sys.executable, "-c", TRY, str(run.folder)], capture_output=True).returncode == 1
    assert subprocess.run([sys.executable, "-c", TRY, str(run.folder)]).returncode == 0
