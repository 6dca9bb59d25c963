"""Planted leaks that are found, and clean questions that are accused, over the data and the suites that ship.

    python bench/datasets/leaks.py        # writes leaks.md beside this file

Planted: scenarios in another dress, quoted, reworded by hand, and typed as a fragment; planted.yaml and
planted_second.yaml chose the rule's numbers, planted_held_out.yaml had no part in it. Clean: every distinct question of
the rows that ship, against every suite and the held-out pairs that ship; those of the interview against both, and those
of each suite against the other suites. All of these had a part in choosing the numbers; clean_held_out.yaml had none.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from venire import engine
from venire._common.files import write_atomic
from venire.data_commands import _likelihoods, _measured
from venire.datasets.checked import Measured, is_fact
from venire.datasets.leaking import once
from venire.datasets.leaks import Leak, find_leaks
from venire.datasets.questions import load_interview
from venire.datasets.rewordings import find_rewordings
from venire.datasets.rows import read_rows
from venire.datasets.split import asked

HERE = Path(__file__).parent
DATASETS = HERE.parent.parent / "datasets"
HELD_OUT = DATASETS / "contrast" / "held_out.jsonl"
SHIPPED = ("quickstart", "categories", "contrast", "replay")
# Suites about one person's facts ask the same of her again and again, and mean to.
FACTS = ("fact_boundaries", "fact_contradiction", "fact_extraction", "fact_survival", "phrasing_robustness")
PLANTED = ("planted.yaml", "planted_second.yaml", "planted_held_out.yaml")
Texts = Sequence[tuple[str, str]]  # (place, text)
embed = once(engine.embed)
_likely: dict[tuple[str, str], float] = {}


def read(items: Sequence[tuple[list[dict[str, str]], str]]) -> list[float]:
    """Log-likelihoods of the check's second reading, each text after each question once."""
    keys = [(messages[0]["content"], text) for messages, text in items]
    if new := [i for i, key in enumerate(keys) if key not in _likely]:
        _likely.update(zip([keys[i] for i in new], _likelihoods([items[i] for i in new]), strict=True))
    return [_likely[key] for key in keys]


def planted(file: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(how it was planted, [(scenario, planted text)])."""
    rows = yaml.safe_load((HERE / file).read_text("utf-8"))
    yield "copied", [(row["scenario"], row["scenario"].upper().replace(".", " ...")) for row in rows]
    yield "quoted", [(row["scenario"], f"A friend wrote to me. {row['scenario']} Please be brief.") for row in rows]
    for kind in ("reworded", "fragment"):
        yield kind, [(row["scenario"], row[kind]) for row in rows]


def find(train: Texts, measured: Sequence[Measured]) -> tuple[list[Leak], list[Leak], list[Leak]]:
    """What `venire data check --against suites` finds: by letters, by meaning, and what it only points at."""
    by_letters = find_leaks(train, [(m.place, m.text) for m in measured])
    meant = [(m.place, m.text) for m in measured if m.question and not m.taught]
    reworded = find_rewordings(train, meant, embed, len(train), read)
    return by_letters, reworded.leaks, reworded.near


def found_table(suites: Sequence[Measured]) -> Iterator[str]:
    """What is found of each kind of planting, a text counted once; `just this` is the planted scenario, not another."""
    places = {m.text: m.place for m in reversed(suites) if m.question}
    yield "| planted | as | of | accused | of just this | by letters | by meaning | only pointed at |"
    yield "|---|---|---|---|---|---|---|---|"
    for file in PLANTED:
        for kind, texts in planted(file):
            # A scenario that its suite has reworded since stands in for itself.
            where = {scenario: places.get(scenario, f"planted:{n}") for n, (scenario, _) in enumerate(texts)}
            missing = [Measured(place, text) for text, place in where.items() if text not in places]
            sets = find([(str(n), text) for n, (_, text) in enumerate(texts)], [*suites, *missing])
            letters, meaning, near = ({leak.train for leak in leaks} for leaks in sets)
            own = {k.train for k in (*sets[0], *sets[1]) if k.evaluation == where[texts[int(k.train)][0]]}
            found = letters | meaning
            counts = map(len, (texts, found, own, letters, meaning - letters, near - found))
            yield f"| {file} | {kind} | {' | '.join(map(str, counts))} |"


def shipped(facts: bool) -> dict[str, str]:
    """Every distinct question of the rows that ship for training, facts or others, by its text, with its place."""
    rows: dict[str, str] = {}
    for folder in SHIPPED:
        for path in sorted((DATASETS / folder).glob("*.jsonl")):
            data, _ = read_rows(path)
            for index, row in enumerate(data.rows):
                if path != HELD_OUT and is_fact(row) == facts:
                    rows.setdefault(asked(row), f"{folder}/{path.name}, row {data.lines[index]}")
    return rows


def clean_sets(suites: Sequence[Measured]) -> Iterator[tuple[str, Texts, Sequence[Measured]]]:
    """(name, questions, what they are compared with)."""
    held, _ = read_rows(HELD_OUT)
    pairs = [Measured(f"contrast/held_out.jsonl, row {held.lines[i]}", asked(row)) for i, row in enumerate(held.rows)]
    both = [*suites, *pairs]
    yield "held-out pairs", [(pair.place, pair.text) for pair in pairs], suites
    yield "rows that ship", [(place, text) for text, place in shipped(facts=False).items()], both
    apart = [m for m in both if not m.of_facts]  # as the check has it
    yield "facts that ship", [(place, text) for text, place in shipped(facts=True).items()], apart
    fresh = yaml.safe_load((HERE / "clean_held_out.yaml").read_text("utf-8"))
    yield "clean_held_out.yaml", [(f"clean:{n}", text) for n, text in enumerate(fresh)], both
    yield "the interview", [(f"interview:{q.id}", q.ask) for _, q in load_interview()], both
    open_ = [m for m in suites if m.question and not m.taught and suite(m) not in FACTS]
    for name in dict.fromkeys(map(suite, open_)):
        own = {m.text: m.place for m in open_ if suite(m) == name}
        others = [m for m in open_ if suite(m) != name]
        yield f"{name}, against the others", [(place, text) for text, place in own.items()], others


def suite(measured: Measured) -> str:
    """`value_alignment` of `venire/value_alignment:pc-runaway`."""
    return measured.place.split(":")[0].removeprefix("venire/")


def accused_table(suites: Sequence[Measured]) -> Iterator[str]:
    """Whom the check accuses of each clean set, and then each accusation."""
    listed: list[str] = []
    yield "| clean | questions | accused by letters | by meaning | share | only pointed at |\n|---|---|---|---|---|---|"
    for name, questions, against in clean_sets(suites):
        letters, meaning, near = find(questions, against)
        texts, theirs = dict(questions), {m.place: m.text for m in against}
        accused = {leak.train for leak in (*letters, *meaning)}
        share = len(accused) / len(questions)
        yield f"| {name} | {len(questions)} | {len(letters)} | {len(meaning)} | {share:.1%} | {len(near)} |"
        for leak in (*letters, *meaning):
            listed.append(f"- {leak.score:.2f} {leak.train}: “{texts[leak.train]}”  ")
            listed.append(f"  {leak.evaluation}: “{theirs[leak.evaluation]}”")
    yield "\nEvery accusation, so that a reader can tell a false one from a true one:\n"
    yield from listed or ["None."]


def main() -> None:
    """Write both rates."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    suites = list(_measured("suites"))
    lines = ["# Planted leaks found, clean questions accused", "", "    python bench/datasets/leaks.py", ""]
    lines += [*found_table(suites), "", f"Compared with {len(suites)} texts of the suites.", ""]
    lines += accused_table(suites)
    text = "\n".join(lines) + "\n"
    write_atomic(HERE / "leaks.md", text)
    print(text, end="")


if __name__ == "__main__":
    main()
