"""What was learned before the experiment: the data of candidates and parents that Venire trained, by their lineages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError
from venire._common.files import read_json
from venire._common.hashing import sha256_json
from venire.run import RUNS

if TYPE_CHECKING:
    from venire.run import Run


@dataclass
class Learned:
    """(place, text) of what was learned, and what of it could not be looked at, one sentence each."""

    texts: dict[tuple[str, str], None] = field(default_factory=dict)
    unchecked: dict[str, None] = field(default_factory=dict)

    def take(self, lineage: dict[str, Any]) -> None:
        """Add what the candidate of this lineage was trained on."""
        from venire.training.learned import learned

        name = lineage.get("name") or "a candidate"
        texts, missing = learned(lineage)
        self.texts |= dict.fromkeys((f"{place} (learned by {name})", text) for place, text in texts)
        self.unchecked |= dict.fromkeys(f"{name}: {why}" for why in missing)


def learned_before(run: "Run", recipes: list[Any]) -> Learned:
    """What candidates that are brought in, parents of recipes, and their own parents were trained on."""
    found, seen = Learned(), set()
    for name, folder in _folders(run, recipes):
        if not (folder / "lineage.json").is_file():
            why = "was trained elsewhere, on what nobody here knows" if folder.is_dir() else "is not here yet"
            found.unchecked.setdefault(f"{name}: {why}")
            continue
        for lineage in _line(folder, found):
            made = sha256_json([lineage.get("data"), lineage.get("seed")])
            if made not in seen:  # the checkpoints of one training have learned the same
                seen.add(made)
                found.take(lineage)
    return found


def _folders(run: "Run", recipes: list[Any]) -> Iterator[tuple[str, Path]]:
    """Name and folder of all weights that were there before: candidates brought in, parents, bases with a lineage."""
    from venire import store
    from venire.engine import resolve_base

    for spec in run.experiment.candidates:
        path = spec.path or (store.find(spec.name).path if spec.name else None)
        if path:
            yield spec.name or spec.path or "", Path(path)
    parents = [variant.parent for recipe in recipes for variant in recipe.variants() if variant.parent]
    yield from ((parent, Path(parent)) for parent in dict.fromkeys(parents))
    for base in run.experiment.bases:  # full weights of ours serve as a base
        folder = Path(resolve_base(base).path)
        if (folder / "lineage.json").is_file():
            yield base, folder


def _line(folder: Path, found: Learned) -> Iterator[dict[str, Any]]:
    """The lineage in a folder, and those of its parents as far as they are here."""
    home: Path | None = folder
    while home is not None:
        lineage = read_json(home / "lineage.json")
        if not isinstance(lineage, dict):
            raise InputError(f"{home / 'lineage.json'}: a lineage is an object; put back the one that Venire wrote")
        yield lineage
        parent = lineage.get("parent")
        home = _home_of(parent, home) if parent else None
        if parent and home is None:
            found.unchecked.setdefault(f"{parent.get('name')}, a parent of {lineage.get('name')}: is not here")


def _home_of(parent: dict[str, Any], child: Path) -> Path | None:
    """The folder of a parent: beside its child, below runs/, or among the candidates that were added."""
    from venire.engine.bases import home

    added = [Path(str(read_json(file).get("path"))) for file in sorted((home() / "candidates").glob("*.json"))]
    for folder in (child.parent / str(parent.get("name")), *sorted(RUNS.glob("*/candidates/*")), *added):
        file = folder / "lineage.json"
        if file.is_file() and read_json(file).get("sha256") == parent.get("sha256"):
            return folder
    return None
