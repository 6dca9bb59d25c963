"""A training in the background: started, followed, and what it ended with.

<folder>/job.json    pid, command, when it was started
<folder>/train.log   what it says
<folder>/exit.json   its exit code, once it has ended
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_json

_EVERY_S = 0.3
VENIRE = (sys.executable, "-m", "venire.cli")


def start(folder: Path, words: Sequence[str]) -> int:
    """Run `venire WORDS` on its own, beyond the end of this terminal; gives its pid.

    Raises VenireError if one that was started here is still running.
    """
    if (pid := running(folder)) is not None:
        raise VenireError(f"a training already runs here in the background (pid {pid}); follow it with --follow")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exit.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "venire.training.detached", str(folder / "exit.json"), *VENIRE, *words]
    with (folder / "train.log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    started = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / "job.json", {"pid": process.pid, "command": ["venire", *words], "started": started})
    return process.pid


def running(folder: Path) -> int | None:
    """The pid of the training in the background, or None if there is none or it has ended."""
    if not (folder / "job.json").is_file() or (folder / "exit.json").is_file():
        return None
    pid = int(read_json(folder / "job.json")["pid"])
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return None  # gone, or its number belongs to somebody else by now
    return pid


def follow(folder: Path, say: Callable[[str], None]) -> int:
    """Say what the training says until it ends; gives its exit code. What was said before comes first.

    Raises InputError if none was started here, VenireError if it was killed.
    """
    log = folder / "train.log"
    if not (folder / "job.json").is_file():
        raise InputError("no training was started here in the background; start one with --detach")
    with log.open(encoding="utf-8", errors="replace") as lines:
        rest = ""
        while True:
            ended = running(folder) is None  # asked before the log is read, so that its last words are not missed
            rest += lines.read()
            *whole, rest = rest.split("\n")
            for line in whole:
                say(line)
            if ended:
                break
            time.sleep(_EVERY_S)
    if rest:
        say(rest)
    if not (folder / "exit.json").is_file():
        raise VenireError("the training in the background was killed; start it again and it goes on where it stopped")
    return int(read_json(folder / "exit.json")["exit_code"])


def main() -> None:
    """The process in the background: run the command, and leave its exit code behind."""
    exit_file, *command = sys.argv[1:]
    code = subprocess.run(command, check=False).returncode
    write_json(Path(exit_file), {"exit_code": code if code >= 0 else 128 - code})


if __name__ == "__main__":
    main()
