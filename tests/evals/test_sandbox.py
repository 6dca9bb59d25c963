"""Code that models write: it runs, it is stopped, and it reaches nothing."""

import sys
from pathlib import Path

import pytest

from venire.evals.forgetting.sandbox import code_in, run_function, same_value

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")

ADD = "def add(a, b):\n    return a + b\n"


def outcome(body: str, *args: object) -> object:
    (result,) = run_function(f"def f(*args):\n    {body}\n", "f", [list(args)])
    return result.get("value", result.get("error"))


def test_a_function_is_called_with_each_of_the_arguments() -> None:
    assert run_function(ADD, "add", [[2, 3], ["a", "b"], [1, "x"]]) == [
        {"value": 5},
        {"value": "ab"},
        {"error": "TypeError"},
    ]
    assert outcome("import math; return math.sqrt(args[0])", 9) == 3
    assert run_function("import re\n" + ADD, "add", [[1, 1]]) == [{"value": 2}]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import os; os.remove('x')", "PermissionError"),
        ("open('x', 'w').write('y')", "PermissionError"),
        ("return open('/etc/passwd').read()", "PermissionError"),
        ("import socket; socket.socket()", "PermissionError"),
        ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')", "PermissionError"),
        ("import subprocess; subprocess.run(['true'])", "PermissionError"),
        ("import os; os.system('true')", "PermissionError"),
        ("import os; os.fork()", "PermissionError"),
        ("import os; os.kill(1, 9)", "PermissionError"),
        ("return 'x' * (2 ** 33)", "MemoryError"),
        ("return f(*args)", "RecursionError"),
        ("return undefined", "NameError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("return {1, 2}", "TypeError"),
        ("import os; os._exit(0)", "NoResult"),
    ],
)
def test_what_it_may_not_do_is_an_error_and_no_harm(body: str, error: str) -> None:
    assert outcome(body) == error


def test_an_endless_loop_ends() -> None:
    assert outcome("while True: pass") == "Killed"


def test_what_it_prints_is_no_result_and_a_false_result_does_not_help() -> None:
    assert outcome("print('[{\"value\": 5}]'); return 4") == 4
    forged = "import os\nos.write(1, b'[{\"value\": 5}]')\nos._exit(0)\n"
    assert run_function(forged + ADD, "add", [[2, 3], [1, 1]]) == [{"error": "NoResult"}] * 2


def test_it_runs_without_our_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert outcome("import os; return os.environ.get('OPENAI_API_KEY', 'none')") == "none"


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (f"Here it is:\n```python\n{ADD}```\nIt adds.", ADD),
        (f"```\n{ADD}", ADD),
        (f"```python\nprint(1)\n```\n```python\n{ADD}```", ADD),
        ("```python\nadd = lambda a, b: a + b\n```", "add = lambda a, b: a + b\n"),
        (f"Sure!\n{ADD}This returns the sum.", ADD.rstrip()),
        ("I can't write code.", ""),
        ("", ""),
    ],
)
def test_the_code_is_found_in_the_answer(answer: str, source: str) -> None:
    assert code_in(answer, "add") == source


def test_values_are_compared_strictly() -> None:
    assert same_value(3, 3.0) and same_value(0.1 + 0.2, 0.3) and same_value([[1], "a"], [[1], "a"])
    assert not any([same_value(1, True), same_value("1", 1), same_value([1], [1, 2]), same_value(None, 0)])
