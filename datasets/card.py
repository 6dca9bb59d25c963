"""The card of a dataset: counts, hashes, sources and licences, as a README.md that Hugging Face's hub reads too.

A card begins with YAML between two lines `---`: `license`, and `sources` with the licence of each. That part is also
where `venire data check` finds the licence of a row, by the row's `source`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from venire._common.reading import parse_yaml

from .rows import Row, TrainingData
from .split import family_of

FRONT = "---\n"


@dataclass(frozen=True)
class SourceFacts:
    """One source of rows, as a card lists it."""

    name: str
    licence: str
    rows: int
    kind: str = ""
    origin: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class FileFacts:
    """One file of rows, as a card lists it."""

    name: str
    sha256: str
    rows: int
    families: int
    categories: dict[str, int]
    teachers: list[str]


def file_facts(name: str, sha256: str, rows: Sequence[Row]) -> FileFacts:
    """What a card says of the rows of one file."""
    categories = Counter(row.category or "uncategorised" for row in rows)
    teachers = sorted({row.teacher for row in rows if row.teacher})
    families = len({family_of(row) for row in rows})
    return FileFacts(name, sha256, len(rows), families, dict(sorted(categories.items())), teachers)


def render_card(
    name: str, files: Sequence[FileFacts], sources: Sequence[SourceFacts], notes: Sequence[str] = ()
) -> str:
    """The card as Markdown."""
    licences = sorted({source.licence for source in sources})
    front: dict[str, Any] = {"license": licences[0].lower() if len(licences) == 1 and licences[0] else "other"}
    front["sources"] = [{"name": source.name, "license": source.licence or "unknown"} for source in sources]
    parts = [f"{FRONT}{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}{FRONT}", f"# {name}\n"]
    parts.append(_files_table(files))
    parts.append(_categories_table(files))
    parts.append(_sources_table(sources))
    teachers = sorted({teacher for file in files for teacher in file.teachers})
    if teachers:
        parts.append(
            f"Models wrote part of it (family {', '.join(teachers)}): they may not judge what is trained on it.\n"
        )
    if notes:
        parts.append("## Notes\n\n" + "".join(f"- {note}\n" for note in notes))
    return "\n".join(parts)


def card_of(data: TrainingData, name: str, licence: str = "") -> str:
    """The card of a file of rows, with the licences that the card beside it names, or else `licence`."""
    licences = read_licences(data.path)
    counts = Counter(row.source for row in data.rows)
    sources = [SourceFacts(s or "not named", licences.get(s, licence), rows) for s, rows in sorted(counts.items())]
    return render_card(name, [file_facts(data.path.name, data.sha256, data.rows)], sources)


class Licences:
    """Which licence each source has, as the card beside the rows says."""

    def __init__(self, default: str = "", by_source: Mapping[str, str] | None = None) -> None:
        self.default, self.by_source = default, dict(by_source or {})

    def get(self, source: str, otherwise: str = "") -> str:
        """The licence of a source; the card's own where the card lists no sources."""
        if self.by_source:
            known = self.by_source.get(source, "")
            return otherwise if known.lower() in ("", "unknown") else known
        return self.default or otherwise


def read_licences(path: Path) -> Licences:
    """The licences in the card beside a file of rows. Raises InputError where its head is no YAML."""
    card = path.parent / "README.md"
    if not card.is_file():
        return Licences()
    text = card.read_text("utf-8", "replace")
    head, closed, _ = text.removeprefix(FRONT).partition(f"\n{FRONT}")
    if not (text.startswith(FRONT) and closed):
        return Licences()
    front = parse_yaml(head, f"{card}, its head")
    front = front if isinstance(front, dict) else {}
    sources = front.get("sources") if isinstance(front.get("sources"), list) else []
    named = {str(s.get("name")): str(s.get("license") or "") for s in sources or [] if isinstance(s, dict)}
    return Licences(str(front.get("license") or ""), named)


def _files_table(files: Sequence[FileFacts]) -> str:
    lines = ["| file | rows | families | sha256 |", "|---|---|---|---|"]
    lines += [f"| {file.name} | {file.rows} | {file.families} | `{file.sha256}` |" for file in files]
    return "\n".join(lines) + "\n"


def _categories_table(files: Sequence[FileFacts]) -> str:
    names = sorted({category for file in files for category in file.categories})
    lines = ["| category | " + " | ".join(file.name for file in files) + " |", "|---" * (len(files) + 1) + "|"]
    for category in names:
        counts = " | ".join(str(file.categories.get(category, 0)) for file in files)
        lines.append(f"| {_cell(category)} | {counts} |")
    return "\n".join(lines) + "\n"


def _sources_table(sources: Sequence[SourceFacts]) -> str:
    lines = ["| source | rows | licence | from | sha256 |", "|---|---|---|---|---|"]
    for source in sources:
        origin = " ".join(part for part in (source.kind, source.origin) if part)
        digest = f"`{source.sha256}`" if source.sha256 else ""
        lines.append(
            f"| {_cell(source.name)} | {source.rows} | {source.licence or 'unknown'} | {_cell(origin)} | {digest} |"
        )
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A text that somebody else wrote, in one cell of a table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
