"""One command at a time works in a folder: a lock of the operating system's, which ends with the process, however."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from venire._common.errors import InputError

NAME = ".busy"
_held: Counter[Path] = Counter()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Work in `folder` alone. What holds it already, in this process, may hold it again. Makes the folder.

    Raises InputError if another process is at work there. Where a file system knows no locks, there is none.
    """
    key = folder.resolve()
    if _held[key]:
        handle = None
    else:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _locked(folder)
    _held[key] += 1
    try:
        yield
    finally:
        _held[key] -= 1
        if handle is not None:
            os.close(handle)


def _locked(folder: Path) -> int:
    """The open file whose lock this process has, until it is closed; in it, for whoever is refused, the pid."""
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _try_lock(handle):
            raise InputError(
                f"{folder}: another venire command{_who(handle)} is at work in this run; "
                "wait until it has ended, then run the same again: it goes on from there"
            )
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
    except BaseException:
        os.close(handle)
        raise
    return handle


def _who(handle: int) -> str:
    try:
        pid = os.pread(handle, 20, 0).decode() if sys.platform != "win32" else ""
    except (OSError, ValueError):
        pid = ""
    return f" (pid {pid})" if pid.isdigit() else ""


def _try_lock(handle: int) -> bool:
    """False if another process has the lock; processes that this one starts or forks do not have it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # this file system has no locks
        return True
    return True
