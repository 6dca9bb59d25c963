"""Planted leaks that are found, and clean rows that are accused, over the data and the suites that ship.

    python bench/datasets/leaks.py

Planted: scenarios of the value suite copied in another dress, reworded by hand, and typed as a fragment
(planted.yaml). Clean: every distinct question of the rows that ship, against every suite; what is accused there is
listed with what it is accused of, so that a reader can tell a false alarm from a true one.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from venire import engine
from venire.data_commands import _measured
from venire.datasets.check import Measured
from venire.datasets.leaks import Leak, find_leaks
from venire.datasets.rewordings import find_rewordings
from venire.datasets.rows import read_rows
from venire.datasets.split import asked

HERE = Path(__file__).parent
SHIPPED = ("quickstart", "categories", "contrast", "replay")


def planted() -> dict[str, list[tuple[str, str]]]:
    """(scenario, planted text) by the way in which it was planted."""
    rows = yaml.safe_load((HERE / "planted.yaml").read_text("utf-8"))
    kinds = {kind: [(row["scenario"], row[kind]) for row in rows] for kind in ("reworded", "fragment")}
    dressed = [(row["scenario"], row["scenario"].upper().replace(".", " ...")) for row in rows]
    quoted = [(row["scenario"], f"A friend wrote to me. {row['scenario']} Please be brief.") for row in rows]
    return {"copied": dressed, "quoted": quoted, **kinds}


_vectors: dict[str, np.ndarray] = {}


def embed(texts: Sequence[str]) -> np.ndarray:
    """Sentence vectors; the suites' are the same for every way of planting, and are made once."""
    if new := [text for text in dict.fromkeys(texts) if text not in _vectors]:
        _vectors.update(zip(new, engine.embed(new), strict=True))
    return np.array([_vectors[text] for text in texts])


def find(train: list[tuple[str, str]], measured: list[Measured]) -> list[Leak]:
    """What `venire data check --against suites` finds: by letters, then by meaning where the matter is not taught."""
    by_letters = find_leaks(train, [(m.place, m.text) for m in measured])
    meant = [(m.place, m.text) for m in measured if m.question and not m.taught]
    return by_letters + find_rewordings(train, meant, embed).leaks


def main() -> None:
    """Print both rates as Markdown."""
    suites = list(_measured("suites"))
    places = {m.text: m.place for m in reversed(suites) if m.question}
    print("| planted as | of | found | by letters | by meaning |\n|---|---|---|---|---|")
    for kind, texts in planted().items():
        # A scenario that the suite has reworded since stands in for itself.
        missing = [
            Measured(f"planted:{n}", scenario) for n, (scenario, _) in enumerate(texts) if scenario not in places
        ]
        where = {scenario: places.get(scenario, f"planted:{n}") for n, (scenario, _) in enumerate(texts)}
        leaks = find([(str(n), text) for n, (_, text) in enumerate(texts)], suites + missing)
        right: dict[int, str] = {}
        for leak in leaks:
            if leak.evaluation == where[texts[int(leak.train)][0]]:
                right.setdefault(int(leak.train), leak.kind)
        counts = Counter("meaning" if how == "meaning" else "letters" for how in right.values())
        print(f"| {kind} | {len(texts)} | {len(right)} | {counts['letters']} | {counts['meaning']} |", flush=True)
    rows: dict[str, str] = {}
    for folder in SHIPPED:
        for path in sorted((HERE.parent.parent / "datasets" / folder).glob("*.jsonl")):
            data, _ = read_rows(path)
            for index, row in enumerate(data.rows):
                if row.category != "facts":
                    rows.setdefault(asked(row), f"{folder}/{path.name}, row {data.lines[index]}")
    accused = find([(place, text) for text, place in rows.items()], suites)
    letters = [leak for leak in accused if leak.kind != "meaning"]
    share = len(accused) / len(rows)
    print(f"\nClean: {len(rows)} distinct questions that ship, against {len(suites)} texts of the suites: ", end="")
    print(f"{len(letters)} accused by letters, {len(accused) - len(letters)} by meaning ({share:.1%}).\n")
    texts = {place: text for text, place in rows.items()}
    theirs = {m.place: m.text for m in suites}
    for leak in accused:
        print(f"- {leak.score:.2f} {leak.train}: “{texts[leak.train]}”  ")
        print(f"  {leak.evaluation}: “{theirs[leak.evaluation]}”")


if __name__ == "__main__":
    main()
