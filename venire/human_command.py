"""`venire judge human`: the page where people judge the pairs that the panel judges, blind."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError
from venire._common.files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from venire.judges.manifest import Manifest
    from venire.judges.people import Texts
    from venire.judges.rubric import Rubric


@click.command("judge human")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--rater", "names", multiple=True, help="A pseudonym; may be repeated. Default: everybody known, or one.")
@click.option("--pairs", "most", type=click.IntRange(min=1), help="Pairs for each rater; default: all of them.")
@click.option("--shared", type=click.IntRange(min=0), help="How many of these are everybody's; default: all of them.")
@click.option("--candidate", "candidates", multiple=True, help="Default: the decision's candidate, else every one.")
@click.option("--rubric", "rubric_name", help="A rubric's name or .md file; default: what the panel's judges read.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the one used last, else any that is free.")
@click.option("--open", "open_browser", is_flag=True, help="Open the first link in a browser.")
def human(
    experiment: Path,
    names: tuple[str, ...],
    most: int | None,
    shared: int | None,
    candidates: tuple[str, ...],
    rubric_name: str | None,
    port: int | None,
    open_browser: bool,
) -> None:
    """People judge, blind: a page on this machine, one link for each rater. Ctrl-C ends; the same command goes on.

    A link opens once, in one browser; a vote is on disk when the next pair appears. Keys: A, B, T (tie), X (both bad),
    S (skip; offered again after the last), U (undo), R (reason), H (what counts). At the end the votes enter the
    ledger, for `venire gate`.

    Example: venire judge human experiments/quickstart.yaml --rater ana --rater ben --pairs 40 --shared 20
    """
    from venire.judges.manifest import read_manifest
    from venire.judges.people import Ballots, shown_texts
    from venire.reports.judging_page import Booth, JudgingServer

    run = run_folder(experiment)
    manifest = read_manifest(run / "manifest.json")
    ballots = Ballots(run, manifest)
    if shared is not None and most is not None and shared > most:
        raise InputError(f"--shared {shared} is more than --pairs {most}: a rater's shared pairs are among their own")
    given = _candidates(run, manifest, candidates)
    known = {rater.name: rater for rater in ballots.raters()}
    asked_anew = most is not None or shared is not None or bool(candidates)
    raters = [
        known[name] if name in known and not asked_anew else ballots.enrol(name, given, most, shared)
        for name in names or tuple(known) or ("rater1",)
    ]
    texts = shown_texts(run, manifest)
    rubric = _rubric(manifest, texts.values(), rubric_name)
    ballots.keep_rubric(rubric.text)
    booth = Booth(ballots, texts, rubric, lambda rater: click.echo(f"{rater.name} is done", err=True))
    server = JudgingServer(booth, port)
    links = [server.link(rater) for rater in raters]
    click.echo(f"people judge on {server.address}, reachable from this machine only; Ctrl-C ends", err=True)
    for rater, link in zip(raters, links, strict=True):
        click.echo(f"{rater.name}: {len(ballots.done(rater))} of {len(ballots.turns(rater))} pairs done\n  {link}")
    if open_browser:
        click.launch(links[0])
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        server.server_close()
        cast = any(ballots.done(rater) for rater in ballots.raters())
        ballots.close()
    if cast:
        _enter(run, manifest)


def run_folder(path: Path) -> Path:
    """The folder of a run: of an experiment file, or named itself."""
    if path.is_dir():
        return path
    from venire.run import Run

    return Run(path).folder


def _candidates(run: Path, manifest: "Manifest", named: tuple[str, ...]) -> list[str]:
    """Whose pairs are shown: those named, the decision's, else all that the panel judges."""
    judged = sorted({pair.candidate for pair in manifest.pairs if pair.use in ("gate", "screen")})
    for name in named:
        if name not in judged:
            raise InputError(f"--candidate {name!r} is not judged here; one of {', '.join(judged)} is wanted")
    if named:
        return list(named)
    decision: dict[str, Any] = read_json(run / "decision.json") if (run / "decision.json").is_file() else {}
    return [decision["candidate"]] if decision.get("candidate") in judged else judged


def _rubric(manifest: "Manifest", texts: "Iterable[Texts]", name: str | None) -> "Rubric":
    """What people are told: the rubric named, else that of the panel's judges who read, else one of ours."""
    from venire.judges.rubric import load_rubric, parse_rubric

    read = (part.rubric for part in manifest.parts.values() if part.judge.kind == "model")
    if not name and (text := next(filter(None, read), None)):
        return parse_rubric(text)
    return load_rubric(name or ("stance" if all(text.reference for text in texts) else "plain"))


def _enter(run: Path, manifest: "Manifest") -> None:
    from venire.judges.ledger import write_ledger

    votes = write_ledger(run, manifest).votes
    people = votes.filter(votes["use"] == "human")
    judged, persons = people.unique(["judge", "sample_id"]).height, people["judge"].n_unique()
    click.echo(
        f"{judged} judgements of {persons} {'person' if persons == 1 else 'people'} are in {run / 'votes.parquet'}; "
        "`venire gate` works out what they say beside the panel, and then `venire report` shows it",
        err=True,
    )
