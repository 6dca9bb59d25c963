"""The stages in order, each from files to files: what `venire run` does, and its commands one by one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import VenireError

from . import plan as planning
from .design import judged_suites, only_measured

if TYPE_CHECKING:
    from venire.run import Contender, Run

Say = Callable[[str], None]


def run_all(
    run: "Run", say: Say, post_hoc: str | None = None, device: str = "auto", decide: bool = False
) -> dict[str, Any] | None:
    """Everything, from plan to report; gives the decision, or None of an experiment that only measures.

    decide: A decision is wanted, whatever the experiment asks for.

    Raises InputError if no suite is judged though a decision is asked for, if a judge cannot be asked, or if its price
    is not known under a budget in dollars: before anything is trained that nobody could decide on.
    """
    if only_measured(run) and not decide and post_hoc is None:
        measure(run, say, device)
        return None
    judged_suites(run)
    planning.check_panel(run)
    say(f"1/6 plan     {run.path}")
    with run.stage("plan"):
        lock = planning.freeze(run)
    planning.tell(lock, say, run.experiment.budget)
    say("2/6 eval     the incumbents, before anything is trained")
    evaluate(run, say, incumbents_only=True)
    say("3/6 train    recipes into candidates")
    train(run, say, device)
    say("4/6 eval     the candidates on the same suites")
    evaluate(run, say)
    say("5/6 judge    blind, in both orders")
    judge(run, say)
    say("6/6 gate and report")
    decision = gate(run, say, post_hoc)
    report(run, say)
    return decision


def measure(run: "Run", say: Say, device: str = "auto") -> None:
    """Plan, train and eval of an experiment in which nothing is judged; says which command shows what came of it."""
    say(f"1/3 plan     {run.path}")
    with run.stage("plan"):
        lock = planning.freeze(run)
    planning.tell(lock, say, run.experiment.budget)
    say("2/3 train    recipes into candidates")
    train(run, say, device)
    say("3/3 eval     every contender on the suites")
    evaluate(run, say)
    say(f"nothing here is judged, so nothing is decided; what was measured: venire curve {run.path}{_axis(run)}")


def _axis(run: "Run") -> str:
    """The option of `venire curve` for trainings that differ in phrasings a fact."""
    from venire.lineages import lineage

    told = [(lineage(contender).get("data") or {}).get("phrasings") for contender in run.candidate_contenders()]
    return " --by phrasings" if len(set(told) - {None}) > 1 else ""


def contenders(run: "Run") -> list["Contender"]:
    """The incumbent, the bases under their treatments, then every candidate there is; each once."""
    everyone = [run.incumbent(), *run.base_contenders(), *run.candidate_contenders()]
    return list({contender.name: contender for contender in everyone}.values())


def evaluate(run: "Run", say: Say, incumbents_only: bool = False) -> None:
    """The suites against the incumbents and, unless they are to come first, the candidates."""
    from venire.reports.numbers import count

    from .evaluate import evaluate as stage

    planning.require_lock(run)
    who = [run.incumbent(), *run.base_contenders()] if incumbents_only else contenders(run)
    who = list({contender.name: contender for contender in who}.values())
    say(f"    {count(len(who), 'contender')} × {count(len(run.experiment.suites), 'suite')}")
    with run.stage("eval"):
        stage(run, who, say)


def train(
    run: "Run",
    say: Say,
    device: str = "auto",
    quick: bool = False,
    price: float | None = None,
    on: str | None = None,
) -> None:
    """Every recipe that is not trained yet. Raises VenireError without a lock, or for a leak."""
    from .train import train as stage

    planning.require_lock(run)
    planning.check_leaks(run)
    with run.stage("train"):
        stage(run, say, device, quick, price, on)


def judge(run: "Run", say: Say, retry: bool = False) -> None:
    """Pairs from logs, the sealed manifest, the exam, the panel's votes; `retry` asks failed calls again."""
    from .judge import judge as stage

    planning.require_lock(run)
    for told in planning.told_left_out(run):
        say(f"    {told}")
    with run.stage("judge"):
        stage(run, contenders(run), say, retry)


def add_judge(run: "Run", name: str, say: Say) -> None:
    """A further judge on a finished comparison, post hoc."""
    from .post_hoc import add

    planning.require_lock(run)
    with run.stage("judge"):
        add(run, contenders(run), name, say)


def retest(run: "Run", name: str, say: Say) -> dict[str, Any]:
    """A judge's second pass over what it has judged; gives how often it said the same."""
    from .post_hoc import retest as stage

    planning.require_lock(run)
    with run.stage("judge"):
        return stage(run, contenders(run), name, say)


def judge_logs(run: "Run", logs: tuple[Path, Path], say: Say) -> None:
    """Logs made elsewhere: judge logs join the run, two contenders' answers are judged in a folder of their own."""
    from .elsewhere import bring

    with run.stage("judge"):
        bring(run, logs, say)


def gate(run: "Run", say: Say, post_hoc: str | None = None) -> dict[str, Any]:
    """Votes, suites and policy to a decision; gives what it wrote to decision.json."""
    from .gate import gate as stage

    run.require_lock()
    with run.stage("gate"):
        return stage(run, contenders(run), say, post_hoc)


def report(run: "Run", say: Say) -> Path:
    """The page that shows why; gives its path."""
    from venire.reports import build_report

    if not (run.folder / "decision.json").is_file():
        raise VenireError(f"{run.folder}/decision.json is not there: decide first with: venire gate {run.path}")
    with run.stage("report"):
        return build_report(run.folder)
