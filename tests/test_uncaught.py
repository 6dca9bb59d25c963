"""What a user of Inspect's own command sees of our errors."""

import sys
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.uncaught import tell_plainly


@pytest.mark.parametrize("program", ["/usr/bin/inspect", "/lib/inspect_ai/__main__.py"])
def test_under_inspect_our_errors_are_one_sentence_and_others_what_they_were(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others: list[BaseException] = []
    monkeypatch.setattr(sys, "argv", [program, "eval", "venire/value_alignment"])
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: others.append(error))
    tell_plainly()
    sys.excepthook(InputError, InputError("calibration 'x': no such file"), None)
    assert capsys.readouterr().err == "venire: calibration 'x': no such file\n" and not others
    fault = ValueError("ours to mend")
    sys.excepthook(ValueError, fault, None)
    assert others == [fault]


def test_another_program_keeps_its_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path("notebook.py"))])
    hook = sys.excepthook
    tell_plainly()
    assert sys.excepthook is hook
