"""Build a dataset from a spec: gather, split by families, write rows, suites, card. Same inputs and seed, same bytes.

<out>/sft_train.jsonl, sft_validation.jsonl, sft_evaluation.jsonl, dpo_…      rows, families apart
<out>/value_alignment.yaml          scenarios for the suite of that name, from the answers of the evaluation part
<out>/phrasing_robustness.yaml      the facts, for that suite; facts_held_out.jsonl the questions never trained
<out>/trl/ axolotl/ llamafactory/ mlx/      for other trainers, where the spec asks for them
<out>/README.md, data.json          the card, for people and for programs
<out>/teacher/                      what teachers wrote, and what a person made of it
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json, write_atomic
from venire._common.hashing import sha256_file, sha256_json, sha256_text

from .card import FileFacts, SourceFacts, file_facts, render_card
from .exports import Parts, export
from .imports import same_rows
from .leaks import find_leaks
from .phrasings import DRESS, Fact
from .questions import Stance
from .rows import KEYS, Row, dump_rows, method_of
from .similarity import plain
from .sources import Builder, Gathered, Review, draw, replay_count
from .spec import PARTS, Part, Replay, Spec, load_spec
from .split import family_of, missed_shares, small_talk, split_families, turns_asked

MANIFEST = "data.json"
_FACT = ("id", "domain", "statement", "noun", "answer", "accept", "keywords", "cloze", "indirect")  # for the suite


@dataclass(frozen=True)
class Built:
    """What a build wrote."""

    out: Path
    files: list[FileFacts]
    sources: list[SourceFacts]
    notes: list[str]


def build(path: Path, out: Path, say: Callable[[str], None], review: Review | None = None) -> Built:
    """Build the spec in `path` into the folder `out`.

    `say` is told how it goes; `review` shows a teacher's drafts to a person. Nothing but the drafts is written before
    everything is known. Raises InputError for what is wrong in the spec or a file, VenireError where drafts wait for a
    person or training text stands in the evaluation part.
    """
    spec = load_spec(path)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder to write")
    gathered = _gather(spec, Builder(spec, path, out, say, review))
    rows = [row for source in gathered for row in source.rows]
    pinned = _pinned(spec, gathered)
    parts = split_families(rows, pinned, spec.split, spec.seed)
    by_file = _files(rows, parts)
    contents = {f"{method}_{part}.jsonl": dump_rows(own, full=True) for (method, part), own in by_file.items() if own}
    contents |= _suites(gathered, parts)
    _check_apart(by_file, gathered)
    for format in spec.export:
        contents |= export(by_file, format)
    files = [
        file_facts(f"{method}_{part}.jsonl", sha256_text(contents[f"{method}_{part}.jsonl"]), own)
        for (method, part), own in by_file.items()
        if own
    ]
    sources = [SourceFacts(g.name, g.licence, len(g.rows), g.kind, g.origin, g.sha256) for g in gathered]
    notes = [f"{source.name}: {note}" for source in gathered for note in source.notes]
    notes += _fact_notes(gathered)
    notes += missed_shares(rows, parts, pinned, spec.split)
    built = Built(out, files, sources, notes)
    _write(built, spec, contents)
    return built


def _gather(spec: Spec, builder: Builder) -> list[Gathered]:
    """Every source in the spec's order; replay last, for its number follows from the others."""
    made = {id(source): builder.gather(source) for source in spec.sources}
    others = [row for source in spec.sources if not isinstance(source, Replay) for row in made[id(source)].rows]
    for source in spec.sources:
        if isinstance(source, Replay):
            own = made[id(source)]
            wanted = replay_count(source, others)
            if wanted > len(own.rows):
                own.notes.append(f"{wanted} rows are {source.ratio:g} times the others; there are {len(own.rows)}")
            own.rows = draw(own.rows, wanted, spec.seed)
    _drop_repeats(list(made.values()))
    return list(made.values())


def _drop_repeats(gathered: Sequence[Gathered]) -> None:
    """A row that a source shares word for word with an earlier one stays with the earlier."""
    seen: set[int] = {id(row) for row in same_rows([row for source in gathered for row in source.rows])[0]}
    for source in gathered:
        kept = [row for row in source.rows if id(row) in seen]
        if len(kept) < len(source.rows):
            source.notes.append(f"{len(source.rows) - len(kept)} rows stand in an earlier source and were left out")
        source.rows = kept


def _pinned(spec: Spec, gathered: Sequence[Gathered]) -> dict[str, Part]:
    pinned: dict[str, Part] = {}
    for source, made in zip(spec.sources, gathered, strict=True):
        for row in made.rows if source.part else ():
            if pinned.setdefault(family_of(row), source.part or "train") != source.part:
                raise InputError(
                    f"the family {family_of(row)!r} of {made.name} is to be in {source.part}, and that of another "
                    f"source in {pinned[family_of(row)]}; families never stand in two parts"
                )
    return pinned


def _files(rows: Sequence[Row], parts: Mapping[str, Part]) -> dict[tuple[Any, str], list[Row]]:
    """The rows of each file."""
    files: dict[tuple[Any, str], list[Row]] = {(method, part): [] for method in KEYS for part in PARTS}
    for row in rows:
        files[method_of(row), parts[row.family]].append(row)
    return files


def _suites(gathered: Sequence[Gathered], parts: Mapping[str, Part]) -> dict[str, str]:
    """What is measured with: scenarios of answers that were not trained, and the facts with their other questions."""
    contents: dict[str, str] = {}
    scenarios = [
        _scenario(stance)
        for source in gathered
        for stance in source.stances
        if parts.get(stance.family) == "evaluation" and stance.contrast.strip()
    ]
    if scenarios:
        contents["value_alignment.yaml"] = _yaml(scenarios)
    facts = [fact for source in gathered for fact in source.facts]
    if whole := [fact for fact in facts if not _lacking(fact)]:
        contents["phrasing_robustness.yaml"] = _yaml([{n: getattr(fact, n) for n in _FACT} for fact in whole])
    held_out = [phrasing for source in gathered for phrasing in source.held_out]
    if held_out:
        lines = [json.dumps(asdict(phrasing), ensure_ascii=False) for phrasing in held_out]
        contents["facts_held_out.jsonl"] = "\n".join(lines) + "\n"
    return contents


def _lacking(fact: Fact) -> list[str]:
    """What the suite asks a fact with, and this one does not have: a table need not give it."""
    return [name for name in _FACT if name != "accept" and not getattr(fact, name)]


def _fact_notes(gathered: Sequence[Gathered]) -> list[str]:
    """Which facts the suite leaves out. Raises InputError where two sources call a fact the same."""
    notes: list[str] = []
    owner: dict[str, str] = {}
    for source in gathered:
        for fact in source.facts:
            if owner.setdefault(fact.id, source.name) != source.name:
                raise InputError(
                    f"the sources {owner[fact.id]!r} and {source.name!r} both have a fact called {fact.id!r}; give "
                    "each fact an id of its own"
                )
        if short := [fact for fact in source.facts if _lacking(fact)]:
            notes.append(
                f"{source.name}: phrasing_robustness.yaml leaves out {len(short)} of {len(source.facts)} facts, first "
                f"{short[0].id!r}, which has no {', '.join(_lacking(short[0]))}"
            )
    return notes


def _scenario(stance: Stance) -> dict[str, Any]:
    return {
        "id": stance.id,
        "domain": stance.category,
        "family": stance.family,
        "weight": stance.weight,
        "prompt": stance.ask,
        "reference": stance.stance,
        "contrast": stance.contrast,
    }


def _check_apart(by_file: Parts, gathered: Sequence[Gathered]) -> None:
    """Raises VenireError if a question that is trained is also in the evaluation part, or among the held-out ones.

    Answers may repeat ("I don't know that."): only what is asked tells where an answer comes from.
    """
    asked_in: dict[str, list[tuple[str, str]]] = {part: [] for part in PARTS}
    passing = small_talk([row for rows in by_file.values() for row in rows])
    for (_, part), rows in by_file.items():
        for row in rows:
            own = [text for text in turns_asked(row) if plain(text) not in passing]
            asked_in[part] += [(f"{row.source} (family {row.family})", text) for text in own]
    measured = asked_in["evaluation"]
    measured += [
        (f"held out: {p.fact}.{p.template}", p.text)
        for source in gathered
        for p in source.held_out
        if p.kind not in DRESS
    ]
    if found := find_leaks(asked_in["train"], measured):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise VenireError(f"train and evaluation mix: {found[0]}{more}; take the text out of one of them")


def _write(built: Built, spec: Spec, contents: dict[str, str]) -> None:
    """Every file, the card and the manifest last; files of an earlier build that are not made any more go."""
    contents["README.md"] = render_card(spec.name, built.files, built.sources, built.notes)
    manifest = {
        "name": spec.name,
        "seed": spec.seed,
        "spec_sha256": sha256_json(spec.model_dump(mode="json")),
        "files": {name: sha256_text(content) for name, content in sorted(contents.items())},
        "rows": [asdict(file) for file in built.files],
        "sources": [asdict(source) for source in built.sources],
        "notes": built.notes,
    }
    earlier = _of_earlier_build(built.out, contents)
    contents[MANIFEST] = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    try:
        for name in sorted(earlier - set(contents)):
            if (built.out / name).resolve().is_relative_to(built.out.resolve()):
                (built.out / name).unlink(missing_ok=True)
        for name, content in contents.items():
            write_atomic(built.out / name, content)
    except OSError as error:
        raise InputError(f"{built.out} cannot be written: {error.strerror}; the same command goes on") from error


def _of_earlier_build(out: Path, made: Mapping[str, str]) -> set[str]:
    """The files of `out` that a build wrote. Raises InputError where another's file, or one edited since, would go."""
    known: dict[str, str] = {}
    if (out / MANIFEST).is_file():
        try:
            known = dict(read_json(out / MANIFEST)["files"])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{out / MANIFEST}: no manifest of a build; name an empty folder") from error
    for name in sorted({*known, *made} - {MANIFEST}):
        file = out / name
        if not file.resolve().is_relative_to(out.resolve()) or not file.is_file():
            continue
        there = sha256_file(file)  # what a build that broke off has written is as this one writes it
        if there != known.get(name) and (name not in made or there != sha256_text(made[name])):
            fault = "was changed after it was built" if name in known else "is there, and no build wrote it"
            raise InputError(f"{file} {fault}; move it, or choose another --out")
    return set(known)


def _yaml(rows: Sequence[Mapping[str, Any]]) -> str:
    return yaml.safe_dump([dict(row) for row in rows], sort_keys=False, allow_unicode=True, width=110)
