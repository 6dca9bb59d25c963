"""Where the raw text behind a figure stands: a log by its path in the run folder, a link where the file is there."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Log:
    """A log, `path` as seen from the run folder; `href` leads there from the page, None where the file is not there."""

    path: str
    href: str | None
    sample_id: str | None = None


class Logs:
    """The logs of one run folder, each looked for once."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve()
        self.known: dict[str, tuple[str, str | None]] = {}

    def find(self, path: str | None, sample_id: str | None = None) -> Log | None:
        """The log of a row; votes and answers name it from the run folder, or from where a command was given."""
        if not path:
            return None
        if path not in self.known:
            self.known[path] = self._look(path)
        return Log(*self.known[path], sample_id)

    def _look(self, path: str) -> tuple[str, str | None]:
        """The path from the folder, and the link: only to a file that lies in the folder, whatever the path says."""
        parts = Path(path.replace("\\", "/")).parts
        moved = [Path(*parts[i:]) for i, part in enumerate(parts) if part == "logs"][-1:]  # the folder was elsewhere
        for file in [*(self.root / place for place in (path, *moved)), Path(path)]:
            try:
                inside = file.resolve()
                if inside.is_relative_to(self.root) and inside.is_file():
                    below = inside.relative_to(self.root).as_posix()
                    return below, quote(below)
            except (OSError, ValueError):  # no path at all: a file of votes may say anything
                continue
        return path, None
