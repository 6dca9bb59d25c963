"""`venire run` and its stages, each a command of its own."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError
from venire._common.quiet import unheard, without_bars
from venire.options import DEVICE, refuse, refuse_beside

if TYPE_CHECKING:
    from .progress import Teller

EXPERIMENT = click.argument("experiment", type=click.Path(path_type=Path))


def _run(path: Path, alone: bool = True) -> Any:
    """The run of an experiment; `alone`: of a command that is no training over several processes."""
    from venire.training import processes

    from .run import Run

    if alone:
        processes.only_one("this command")

    without_bars()
    return Run(path)


def _say(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def _telling(phase: str) -> "Iterator[Teller]":
    """What a stage says and counts, on standard error; what Inspect prints on standard output is dropped."""
    from .progress import Teller

    with Teller(phase) as say, unheard():
        yield say


@click.command()
@EXPERIMENT
@click.option("--require", type=click.Choice(["promote"]), help="Exit 1 unless the decision is PROMOTE.")
@click.option("--post-hoc", "post_hoc", help="Why a decision that departs from its lock may still promote; recorded.")
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print the decision as one JSON object.")
def run(experiment: Path, require: str | None, post_hoc: str | None, device: str, as_json: bool) -> None:
    """Run an experiment, from plan to report. Killed at any moment, the same command goes on where it stopped.

    One that asks for no decision (no judged suite, no panel, no gate) ends after eval, and says what to run next.

    \b
    Examples: venire run experiments/quickstart.yaml
              venire run experiments/phrasings.yaml
    """
    from venire._common.holding import held

    from .stages import flow

    the_run = _run(experiment)
    _device(device)
    with held(the_run.folder), _telling("run") as say:
        decision = flow.run_all(the_run, say, post_hoc, device, decide=as_json or require is not None)
    if decision is not None:
        _decided(the_run, decision, require, as_json)


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of experiment files, for an editor.")
@click.option("--json", "as_json", is_flag=True, help="Print the lock as one JSON object.")
def plan(experiment: Path | None, schema: bool, as_json: bool) -> None:
    """Check an experiment, say what it can show and what it costs, and freeze it.

    Example: venire plan experiments/quickstart.yaml
    """
    if schema:
        refuse_beside("schema", "not beside --schema, which plans nothing")
        from .experiment import schema as json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    if experiment is None:
        raise InputError("name an experiment file, or ask for --schema")
    from .stages import plan as stage

    the_run = _run(experiment)
    with unheard(), the_run.stage("plan"):
        lock = stage.freeze(the_run)
    if as_json:
        click.echo(json.dumps(lock, indent=2))
    else:
        stage.tell(lock, click.echo, the_run.experiment.budget)


@click.command("eval")
@EXPERIMENT
@DEVICE
def evaluate(experiment: Path, device: str) -> None:
    """Run the suites against the incumbents and every candidate there is.

    Example: venire eval experiments/quickstart.yaml
    """
    from .stages import flow

    _device(device)
    with _telling("eval") as say:
        flow.evaluate(_run(experiment), say)


@click.command()
@EXPERIMENT
@DEVICE
@click.option("--quick", is_flag=True, help="A tenth of the steps: to see that a recipe works.")
@click.option("--detach", is_flag=True, help="In the background, beyond the end of this terminal.")
@click.option("--follow", is_flag=True, help="Show what a training in the background says, until it ends.")
@click.option("--price", type=click.FloatRange(min=0), metavar="USD", help="Of an hour of one GPU: costs in lineages.")
@click.option("--on", metavar="ray://HOST:PORT", help="Train the points of grids on a Ray cluster (an extra).")
def train(
    experiment: Path, device: str, quick: bool, detach: bool, follow: bool, price: float | None, on: str | None
) -> None:
    """Train the recipes into candidates. Refuses before the experiment is frozen.

    \b
    Examples: venire train experiments/quickstart.yaml
              venire train experiments/quickstart.yaml --detach --device cuda --price 0.79
              venire train experiments/quickstart.yaml --follow
              accelerate launch --num_processes 8 -m venire.cli train experiments/quickstart.yaml
    """
    from venire._common.holding import held
    from venire.training import detached, processes

    from .stages import flow, plan
    from .stages import train as stage

    if follow and not detach:
        refuse("not beside --follow alone, which begins nothing", "device", "quick", "price", "on")
    the_run = _run(experiment, alone=False)
    folder = the_run.folder / "train"
    if detach or follow:
        processes.only_one("--detach and --follow")
    if detach:
        with unheard():
            plan.require_lock(the_run)
            plan.check_leaks(the_run)
        if detached.running(folder) is None:
            with held(the_run.folder):  # refused here rather than in its log; it holds the folder by itself
                pass
        words = ["train", str(experiment), "--device", device]
        words += ["--quick"] * quick + (["--price", str(price)] if price is not None else [])
        pid = detached.start(folder, [*words, *(["--on", on] if on else [])])
        _say(f"training in the background, pid {pid}; its words: {folder / 'train.log'}")
    if follow:
        sys.exit(detached.follow(folder, _say))
    if detach:
        return
    if not processes.first():  # the first one checks, keeps the time, and speaks
        with unheard():
            stage.train(the_run, lambda _: None, device, quick, price, on)
        return
    with _telling("train") as say:
        flow.train(the_run, say, device, quick, price, on)


@click.command()
@EXPERIMENT
@click.option("--add", "added", metavar="JUDGE", help="Have one more judge judge what the panel has judged. Post hoc.")
@click.option(
    "--logs",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="A B",
    help="Logs made elsewhere (which, stands above), or folders of them.",
)
@click.option("--retest", metavar="JUDGE", help="Ask a judge a second time: does it say the same?")
@click.option("--retry-invalid", is_flag=True, help="First ask again where a call failed (error, timeout).")
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="With --retest: print the result as one JSON object.")
def judge(
    experiment: Path,
    added: str | None,
    logs: tuple[Path, Path] | None,
    retest: str | None,
    retry_invalid: bool,
    device: str,
    as_json: bool,
) -> None:
    """Seal the manifest and have the panel judge, blind and in both orders. Stopped anywhere, it goes on.

    Example: venire judge experiments/quickstart.yaml

    A JUDGE is a model (openai/…), embedding:…, likelihood:…, markers:…, or YAML: '{model: openai/…, rubric: brie5}'.
    It is asked what the panel was asked, nobody else is asked anything, and the next decision is labelled post hoc.

    \b
    --logs takes two logs of Inspect (one named twice is one):
      judge logs of our own sheets (inspect eval venire/pairwise -T sheet=…) are checked, and count like any other;
      somebody else's pairwise judge logs are imported, shown, and not counted;
      two contenders' answers, candidate first: the panel judges them, in a folder of their own.

    People judge with: venire judge human EXPERIMENT
    """
    from .stages import flow

    if sum([added is not None, logs is not None, retest is not None, retry_invalid]) > 1:
        raise InputError("give one of --add, --logs, --retest, --retry-invalid at a time")
    if retest is None:
        refuse("belongs to --retest JUDGE; what the others come to stands in the run's folder", "as_json")
    the_run, result = _run(experiment), None
    _device(device)
    with _telling("judge") as say:
        if added is not None:
            flow.add_judge(the_run, added, say)
        elif logs is not None:
            flow.judge_logs(the_run, logs, say)
        elif retest is not None:
            result = flow.retest(the_run, retest, say)
        else:
            flow.judge(the_run, say, retry_invalid)
    if result is not None and as_json:
        click.echo(json.dumps(result, indent=2))


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path), required=False)
@click.option("--votes", type=click.Path(path_type=Path), help="Votes from anywhere, instead of an experiment's.")
@click.option("--policy", type=click.Path(path_type=Path), help="The gate's policy for them (YAML).")
@click.option("--require", type=click.Choice(["promote"]), help="Exit 1 unless the decision is PROMOTE.")
@click.option("--post-hoc", "post_hoc", help="Why a decision that departs from its lock may still promote; recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as one JSON object.")
def gate(
    experiment: Path | None,
    votes: Path | None,
    policy: Path | None,
    require: str | None,
    post_hoc: str | None,
    as_json: bool,
) -> None:
    """Decide: PROMOTE, HOLD or REFUSE, with every reason.

    Example: venire gate experiments/quickstart.yaml
    """
    if (experiment is None) == (votes is None):
        raise InputError("name an experiment, or give --votes FILE (and --policy FILE)")
    if votes is not None:
        refuse("belongs to an experiment; votes from anywhere have no lock to depart from", "post_hoc")
        from .votes_commands import gate_votes

        gate_votes(votes, policy, require=require, as_json=as_json)
        return
    refuse("belongs to --votes FILE; an experiment's policy stands in its own `gate`", "policy")
    from .stages import flow

    assert experiment is not None
    the_run = _run(experiment)
    with _telling("gate") as say:
        decision = flow.gate(the_run, say, post_hoc)
    _decided(the_run, decision, require, as_json)


@click.command()
@EXPERIMENT
def report(experiment: Path) -> None:
    """Write the page that shows why: report.html, report.md and report.json.

    Example: venire report experiments/quickstart.yaml
    """
    from .stages import flow

    the_run = _run(experiment)
    with _telling("report") as say:
        page = flow.report(the_run, say)
    click.echo(str(page))


def _device(device: str) -> None:
    """Where the local engine runs, which the stages reach through Inspect; training is told by itself."""
    import os

    if device != "auto":
        os.environ["VENIRE_DEVICE"] = device


def _decided(the_run: Any, decision: dict[str, Any], require: str | None, as_json: bool) -> None:
    from .progress import fitted

    page = the_run.folder / "report.html"
    if as_json:
        click.echo(json.dumps(decision, indent=2))
    else:
        lines = [f"{decision['outcome']}: {decision['candidate']} against {decision['incumbent']}"]
        lines += [
            f"  {part['name']}: {part['detail']}" for part in decision["components"] if part["passed"] is not True
        ]
        lines += [f"report: {page.resolve()}"] * page.is_file()
        click.echo(fitted("\n".join(lines), sys.stdout))
    if require == "promote" and decision["outcome"] != "PROMOTE":
        sys.exit(1)
