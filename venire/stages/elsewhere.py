"""Logs made elsewhere: judge logs join the run's ledger, two contenders' answers become a comparison of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from venire._common.errors import InputError, VenireError
from venire._common.files import write_atomic, write_json
from venire._common.hashing import sha256_file, sha256_json
from venire.reports.numbers import count

from .judge import Asker

if TYPE_CHECKING:
    import polars as pl

    from venire.judges.judging import Judging
    from venire.judges.pairs import Pair
    from venire.judges.panel import Panel
    from venire.run import Run

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stranger:
    """A contender of whom only a log is known: the model's family, and no training."""

    name: str
    family: str
    teachers: tuple[str, ...] = ()


def bring(run: "Run", logs: tuple[Path, Path], say: Say) -> None:
    """Do with two logs, or folders of logs, what they are good for."""
    from venire.judges.foreign import kind_of, log_files

    groups = [log_files([path]) for path in logs]
    files = list(dict.fromkeys(file.resolve() for group in groups for file in group))
    kinds = {file: kind_of(file) for file in files}
    if set(kinds.values()) == {"answers"}:
        compare(run, groups[0], groups[1], say)
        return
    if "answers" in kinds.values():
        answers = next(file for file, kind in kinds.items() if kind == "answers")
        raise InputError(
            f"--logs: {answers} holds answers and another log holds verdicts; give two logs of answers, or judge logs"
        )
    for file, kind in kinds.items():
        if kind == "sheet":
            adopt(run, file, say)
        else:
            take_in(run, file, say)


def adopt(run: "Run", log: Path, say: Say) -> None:
    """A log of one of our own sheets, judged with Inspect's command line: it joins that judge's logs, once checked."""
    from venire.judges.foreign import read_header
    from venire.judges.ledger import judge_folder, write_ledger
    from venire.judges.manifest import read_manifest

    manifest = read_manifest(run.folder / "manifest.json")
    name = str((read_header(log).eval.metadata or {}).get("judge"))
    if name not in manifest.parts:
        raise InputError(f"{log}: judge {name!r} is not on this run's panel: {', '.join(manifest.parts)}")
    folder = judge_folder(run.folder, manifest.parts[name].judge.slug)
    known = {sha256_file(path) for path in folder.glob("*.eval")}
    if sha256_file(log) in known:
        say(f"    {log.name}: is in the run already")
        return
    copy = folder / f"{log.stem}-{sha256_file(log)[:8]}.eval"
    write_atomic(copy, log.read_bytes())
    try:
        ledger = write_ledger(run.folder, manifest)
    except VenireError:
        copy.unlink()
        raise
    votes = ledger.votes.filter(ledger.votes["judge"] == name).height
    say(f"    {log.name}: checked against the manifest; {name} has {count(votes, 'vote')} now")


def take_in(run: "Run", log: Path, say: Say) -> None:
    """Somebody else's judge log: its votes are in the ledger for display."""
    from venire.judges.foreign import Sides
    from venire.judges.foreign import take_in as copy
    from venire.judges.ledger import write_ledger
    from venire.judges.manifest import read_manifest

    manifest = read_manifest(run.folder / "manifest.json")
    candidates = {c.name: c.name for c in run.candidate_contenders()} | {
        c.model: c.name for c in run.candidate_contenders()
    }
    champion = run.incumbent()
    incumbent = {champion.name: champion.name, champion.model: champion.name}
    for shared in candidates.keys() & incumbent.keys():  # one model under two treatments: its name says nothing
        candidates.pop(shared)
        incumbent.pop(shared)
    n = copy(run.folder, log, Sides(candidates, incumbent))
    write_ledger(run.folder, manifest)
    say(f"    {log.name}: {count(n, 'vote')} imported; shown, not counted: nobody sealed or examined that judge")


def compare(run: "Run", ours: Sequence[Path], theirs: Sequence[Path], say: Say) -> None:
    """Judge two contenders' answers, `ours` being the candidate's, by the experiment's panel and budget."""
    from venire.evals.results import read_answers
    from venire.judges.analysis import analyze
    from venire.judges.houses import family_of_judge
    from venire.judges.judging import open_judging
    from venire.judges.pairs import make_pairs
    from venire.judges.panel import resolve_panel

    from .design import preferences_of, sealed_merged

    frames = [read_answers(ours), read_answers(theirs)]
    names = contender_names(frames, (ours[0], theirs[0]))
    answers = _named(frames, names)
    identity = sha256_json([[sha256_file(path) for path in paths] for paths in (ours, theirs)])[:8]
    folder = run.folder / "elsewhere" / f"{ours[0].stem}-{theirs[0].stem}"[:60].rstrip("-_") / identity
    merged = sealed_merged(folder, answers)
    pairs = make_pairs(answers, [names[0]], names[1], seed=run.experiment.seed, merged=merged)
    panel = fitting(resolve_panel(run.experiment.panel), pairs, say)
    origins = [Stranger(n, family_of_judge(str(f["model"][0]))) for n, f in zip(names, frames, strict=True)]
    judging = open_judging(
        pairs,
        panel,
        folder,
        seed=run.experiment.seed,
        origins=origins,
        anchors=panel.anchors.n,
        preferences=preferences_of(panel),
    )
    say(f"    {names[0]} (candidate) against {names[1]} on {count(len(pairs), 'prompt')}, in {folder}")
    asker = Asker(run, judging, say, panel.judges)
    asker.introduce()
    try:
        if asker.examine():
            asker.ask(judging.manifest.ids(use=["gate"]), "answers made elsewhere")
    finally:
        asker.conclude()
    report(run, judging, analyze, say)


def report(run: "Run", judging: "Judging", analyze: Callable[..., dict], say: Say) -> None:
    """The win rate, and how to go on."""
    votes = judging.ledger().votes
    if votes.filter(votes["use"] == "gate").is_empty():
        say("    no vote counts, so there is no win rate")
        return
    analysis = analyze(votes, seed=run.experiment.seed)
    write_json(judging.run / "analysis.json", analysis)
    rate = analysis["comparisons"][0]["win_rate"]
    shown = count(rate["n"], "prompt")
    say(f"    win rate {rate['estimate']:.3f}, 95% {rate['low']:.3f} to {rate['high']:.3f}, on {shown}")
    say(f"    decide with: venire gate --votes {judging.run / 'votes.parquet'} --policy {run.path}")


def contender_names(frames: "Sequence[pl.DataFrame]", files: tuple[Path, Path]) -> tuple[str, str]:
    """`<model>/<treatment>` of each side; the files' names where that is the same, or more than one."""
    import polars as pl

    found = []
    for frame, file in zip(frames, files, strict=True):
        if frame.is_empty():
            raise InputError(f"log {str(file)!r} holds no answer")
        whole = frame.select(pl.format("{}/{}", "model", "treatment")).to_series().unique().to_list()
        found.append(whole[0] if len(whole) == 1 else file.stem)
    return (found[0], found[1]) if found[0] != found[1] else (files[0].stem, files[1].stem)


def _named(frames: "Sequence[pl.DataFrame]", names: tuple[str, str]) -> "pl.DataFrame":
    import polars as pl

    if names[0] == names[1]:
        raise InputError(f"--logs: both are called {names[0]!r}; give the two answers' logs different file names")
    both = [frame.with_columns(contender=pl.lit(name)) for frame, name in zip(frames, names, strict=True)]
    return pl.concat(both)


def fitting(panel: "Panel", pairs: "Sequence[Pair]", say: Say) -> "Panel":
    """The judges that can judge these pairs: without the person's own answers, some have nothing to compare with."""
    from venire.judges.panel import needs_reference

    if all(pair.reference for pair in pairs):
        return panel
    kept = [judge for judge in panel.judges if not needs_reference(judge)]
    for judge in panel.judges:
        if judge not in kept:
            say(f"    {judge.name}: left out, it compares with the person's own answers, and these logs hold none")
    if not kept:
        raise InputError("--logs: every judge of the panel compares with the person's own answers; name one that reads")
    return panel.model_copy(update={"judges": kept})
