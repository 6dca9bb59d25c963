"""Running a few lines of somebody else's Python: another process, little time and memory, no files, no network.

Good against what a language model writes by accident: endless loops, memory, deleted files, `sys.exit`. It is no wall
against an attacker; who must expect one runs the whole evaluation in a container. The right results never enter the
process, so code cannot pass by finding them.
"""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WALL_SECONDS = 20  # generous: a busy machine is no wrong answer; the processor's time is what is bounded
CPU_SECONDS = 2
MEMORY_BYTES = 512 * 2**20
OUTPUT_BYTES = 64 * 2**10

_BLOCK = re.compile(r"```[\w+-]*\n(.*?)(?:```|\Z)", re.DOTALL)

# Runs in the child. Hard limits cannot be raised again; the audit hook cannot be taken off.
_CHILD = """
import json, os, sys
task = json.loads(sys.stdin.read())
try:
    import resource
    for name, most in task["limits"].items():
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError):
            pass
except ImportError:
    pass
out = sys.stdout
sys.stdout = sys.stderr = open(os.devnull, "w")
import builtins, collections, functools, itertools, math, re, string
closed = ("socket", "subprocess", "os.", "shutil", "ctypes", "urllib", "http", "ftplib", "smtplib", "webbrowser",
          "pty", "signal", "mmap", "tempfile", "sqlite3", "import_ctypes", "winreg", "_winapi", "msvcrt", "fcntl")
readable = tuple(os.path.realpath(p) for p in {sys.base_prefix, sys.prefix, *sys.path} if p)
real = os.path.realpath
def watch(event, args):
    if event in ("os.listdir", "os.scandir") or event == "open":
        if event == "open":
            path, mode, flags = (tuple(args) + (None, None, 0))[:3]
            if (mode and set(str(mode)) & set("wax+")) or (isinstance(flags, int) and flags & 3):
                raise PermissionError("writing is closed")
            if isinstance(path, (str, bytes)) and not real(os.fsdecode(path)).startswith(readable):
                raise PermissionError("this file is closed")
        return
    if event.startswith(closed):
        raise PermissionError(event + " is closed")
sys.addaudithook(watch)
space = {"__name__": "answer"}
results = []
try:
    exec(compile(task["source"], "answer", "exec"), space)
    for call in task["calls"]:
        try:
            results.append({"value": space[task["function"]](*call)})
        except Exception as error:
            results.append({"error": type(error).__name__})
    text = json.dumps(results)
except BaseException as error:
    text = json.dumps([{"error": type(error).__name__} for _ in task["calls"]])
out.write(text)
out.flush()
"""


def code_in(answer: str, function: str) -> str:
    """The Python in an answer: the fenced block that defines `function`, else the lines from the first that is code.

    Without a fence, lines are dropped from the end until what is left is Python ("" if nothing is).
    """
    blocks = _BLOCK.findall(answer)
    for block in blocks:
        if re.search(rf"\bdef\s+{re.escape(function)}\b", block) or re.search(rf"\b{re.escape(function)}\s*=", block):
            return block
    lines = (blocks[0] if blocks else answer).partition("\0")[0].splitlines()
    begin = next((i for i, line in enumerate(lines) if re.match(r"(?:def|import|from|class|@)\b", line)), None)
    if begin is None:
        return ""
    end = len(lines)
    while end > begin:
        source = "\n".join(lines[begin:end])
        try:
            ast.parse(source)
        except SyntaxError as error:  # no prefix that holds the line where it stopped is Python either
            end = min(end - 1, begin + (error.lineno or 1) - 1)
        except (ValueError, RecursionError, MemoryError):
            return ""
        else:
            return source
    return ""


def run_function(source: str, function: str, calls: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """What `function`, defined by `source`, gives for each of `calls`: {"value": …} or {"error": why}, as JSON has it.

    Blocks for as long as the code runs, `WALL_SECONDS` at most.
    """
    limits = {
        "RLIMIT_CPU": CPU_SECONDS,
        "RLIMIT_AS": MEMORY_BYTES,
        "RLIMIT_FSIZE": OUTPUT_BYTES,
        "RLIMIT_NOFILE": 32,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    task = json.dumps({"source": source, "function": function, "calls": list(calls), "limits": limits})
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        with output.open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", _CHILD],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={},
                start_new_session=True,
            )
            try:
                child.communicate(task.encode(), timeout=WALL_SECONDS)
            except subprocess.TimeoutExpired:
                return [{"error": "Timeout"} for _ in calls]
            finally:
                _end(child)
        text = output.read_bytes()[:OUTPUT_BYTES]
    try:
        results = json.loads(text)
    except ValueError:
        return [{"error": "Killed" if child.returncode else "NoResult"} for _ in calls]
    well_formed = isinstance(results, list) and all(isinstance(each, dict) for each in results)
    return results if well_formed and len(results) == len(calls) else [{"error": "NoResult"} for _ in calls]


def same_value(given: Any, wanted: Any) -> bool:
    """Are two JSON values equal, True no 1, numbers to within a billionth?"""
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, int | float) and isinstance(wanted, int | float):
        return abs(given - wanted) <= 1e-9 * max(1.0, abs(wanted))
    if isinstance(given, list) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(same_value, given, wanted))
    return type(given) is type(wanted) and given == wanted


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The child and whatever it may have started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()
