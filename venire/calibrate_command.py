"""`venire calibrate`: the interview in which a person says who they are, and what was understood of it."""

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from venire._common.errors import InputError
from venire.options import refuse, refuse_beside

if TYPE_CHECKING:
    from venire.datasets.calibration import Calibration
    from venire.datasets.questions import Interview
    from venire.screen import Screen

FOLDERS = click.Path(path_type=Path, file_okay=False)
_MOST = 5  # of a kind that the summary names


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="calibration.json")
@click.option("--name", help="Whose answers these are; a pseudonym will do. Asked for if the file is new.")
@click.option("--again", multiple=True, metavar="ID", help="Ask this question again; may be repeated.")
@click.option("--skipped", is_flag=True, help="Ask again what was skipped.")
@click.option("--questions", multiple=True, type=FOLDERS, help="Questions of your own instead of the shipped ones.")
@click.option("--more", multiple=True, type=FOLDERS, help="Questions of your own besides the shipped ones.")
@click.option("--copy-questions", type=FOLDERS, help="Only write the shipped questions there, to edit or translate.")
@click.option("--summary", is_flag=True, help="Only show what was understood.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object; asks nothing.")
@click.option("--schema", is_flag=True, help="Only print the JSON Schema of the file.")
def calibrate(
    file: Path,
    name: str | None,
    again: tuple[str, ...],
    skipped: bool,
    questions: tuple[Path, ...],
    more: tuple[Path, ...],
    copy_questions: Path | None,
    summary: bool,
    as_json: bool,
    schema: bool,
) -> None:
    """The interview: dilemmas, priorities, people and ways of thinking, from which a dataset is made.

    Every answer is in FILE before the next question; leave with Q or Ctrl-C, and the same command goes on.

    Example: venire calibrate me.json
    """
    from venire.datasets.answers import load_answers
    from venire.datasets.calibration import calibration_schema
    from venire.datasets.questions import SHIPPED, load_interview

    if schema:
        refuse_beside("schema", "not beside --schema, which only prints")
        click.echo(json.dumps(calibration_schema(), indent=2))
        return
    if copy_questions:
        refuse_beside("copy_questions", "not beside --copy-questions, which only copies")
        _copy(SHIPPED, copy_questions)
        return
    interview = load_interview([*questions, *more] if questions else [SHIPPED, *more])
    if summary or as_json:
        refuse("not beside --summary or --json, which ask nothing", "name", "again", "skipped")
        calibration = load_answers(file, interview)
        if as_json:
            click.echo(json.dumps(summarize(calibration, interview, str(file)), indent=2, ensure_ascii=False))
            return
        from venire.screen import Screen

        _show(Screen(), summarize(calibration, interview, str(file)))
        return
    options = [word for option in ("questions", "more") for folder in {"questions": questions, "more": more}[option]
               for word in (f"--{option}", str(folder))]  # fmt: skip
    goes_on = shlex.join(["venire", "calibrate", str(file), *options, *["--skipped"] * skipped])
    _interview(file, name, interview, again, skipped, goes_on)


def _interview(
    file: Path, name: str | None, interview: "Interview", again: Sequence[str], skipped: bool, goes_on: str
) -> None:
    from venire.datasets.answers import unasked, unasked_note
    from venire.datasets.calibration import keep_version_1
    from venire.datasets.questions import stances
    from venire.interviewing import Session, open_questions
    from venire.screen import Left, Screen

    ids = [question.id for _, question in interview]
    for wanted in again:
        if wanted not in ids:
            near = get_close_matches(wanted, ids, n=3, cutoff=0.4) or ids[:3]
            raise InputError(f"--again {wanted!r}: no question has this id; near to it are {', '.join(near)}")
    screen, notice = Screen(), ""
    try:
        calibration = _begin(file, name, interview, screen)
        stances(calibration, interview, str(file))
        copy = keep_version_1(file) if file.exists() else None
        if copy:  # said at the end: a terminal is cleared for the first question
            notice = f"{file} was of version 1 and is written anew; as it was, it stays in {copy}."
            notice = f"{notice} {unasked_note(unasked(calibration))}".strip()
        chosen = sorted(set(again), key=ids.index) or open_questions(calibration, interview)
        if skipped:  # they stay skipped until they are answered
            chosen = sorted({*chosen, *(name for name in calibration.skipped if name in ids)}, key=ids.index)
        Session(file, calibration, interview, screen, chosen).run()
    except Left:
        left = _count(file, interview)
        screen.say("")
        screen.say(f"{left} Saved in {file}; `{goes_on}` goes on.")
        if notice:
            screen.say(notice)
        return
    from venire.datasets.calibration import load_calibration

    screen.clear()
    _show(screen, summarize(load_calibration(file), interview, str(file)))
    if notice:
        screen.say("")
        screen.say(notice)


def _begin(file: Path, name: str | None, interview: "Interview", screen: "Screen") -> "Calibration":
    """The calibration in the file, or a new one."""
    from venire.datasets.answers import load_answers
    from venire.datasets.calibration import Calibration

    if file.exists():
        calibration = load_answers(file, interview)
        if name is not None and name != calibration.username:
            raise InputError(f"--name {name!r}: {file} holds the answers of {calibration.username!r}; use another file")
        if calibration.questions_sha256 not in (None, interview.sha256):
            screen.say(
                "The questions have changed since this interview was begun; the answers stay as they are.", "dim"
            )
        return calibration.model_copy(update={"questions_sha256": interview.sha256})
    if not file.parent.is_dir():
        raise InputError(f"{file}: there is no folder {str(file.parent)!r}; make it, or name another")
    screen.clear()
    screen.say("The interview", style="bold")
    screen.say("")
    screen.say(
        f"{len(interview)} questions about what you hold right, what you care about, and whom you admire. There are no "
        "right answers, and every question has reasons on more than one side. Take your time: an hour and a half in "
        "all, in as many sittings as you like. Your answers stay in a file on this machine, and what you write in your "
        "own words is worth the most."
    )
    screen.say("")
    while name is None or not name.strip():
        name = screen.read("Your name, or a pseudonym > ")
    today = datetime.now(UTC).astimezone().date()
    return Calibration(username=name.strip()[:100], calibration_date=today, questions_sha256=interview.sha256)


def _count(file: Path, interview: "Interview") -> str:
    from venire.datasets.calibration import load_calibration
    from venire.interviewing import open_questions

    if not file.exists():
        return "Nothing was answered yet."
    calibration = load_calibration(file)
    done = sum(1 for _ in calibration.answers())
    return f"{done} answered, {len(open_questions(calibration, interview))} to come."


def summarize(calibration: "Calibration", interview: "Interview", place: str) -> dict[str, Any]:
    """What was understood of the answers, as `--json` prints it."""
    from venire.datasets.answers import unasked
    from venire.datasets.calibration import FigureAnswer, FrameworkAnswer
    from venire.datasets.contradictions import contradictions, in_short, leanings
    from venire.datasets.questions import stances
    from venire.interviewing import open_questions

    said = stances(calibration, interview, place)
    answers = {answer.id: answer for _, answer in calibration.answers()}
    asked = {question.id: question for _, question in interview}

    def line(name: str) -> dict[str, Any]:
        return {"id": name, "question": asked[name].label, "answer": in_short(asked[name], answers[name])}

    dilemmas = [stance for stance in said if stance.phase in ("contemporary", "timeless")]
    rated = [a for a in answers.values() if isinstance(a, FrameworkAnswer)]
    people = [a for a in answers.values() if isinstance(a, FigureAnswer)]
    weighty = sorted(dilemmas, key=lambda stance: (-stance.weight, -(stance.certainty or 0)))
    unsure = sorted((s for s in dilemmas if (s.certainty or 10) <= 5), key=lambda stance: stance.certainty or 0)
    return {
        "username": calibration.username,
        "questions": {phase: len(questions) for phase, questions in interview.questions.items()},
        "answered": len(answers),
        "skipped": list(calibration.skipped),
        "open": open_questions(calibration, interview),
        "unasked": unasked(calibration),
        "own_words": sum(stance.own_words for stance in said),
        "matters_most": [line(stance.id) | {"weight": stance.weight} for stance in weighty[:_MOST]],
        "least_certain": [line(stance.id) | {"certainty": stance.certainty} for stance in unsure[:_MOST]],
        "leanings": [
            {"axis": x.axis.id, "mean": round(x.mean, 2), "answers": x.answers, "text": str(x)}
            for x in leanings(calibration, interview)
        ],
        "speaks": [asked[a.id].label for a in people if a.resonates],
        "speaks_not": [asked[a.id].label for a in people if not a.resonates],
        "frameworks": [
            {"id": a.id, "name": asked[a.id].label, "rating": a.rating}
            for a in sorted(rated, key=lambda a: (-a.rating, a.id))
        ],
        "contradictions": [
            {
                "axis": pair.axis.id,
                "between": [pair.axis.low, pair.axis.high],
                "answers": [line(pair.low.question.id), line(pair.high.question.id)],
            }
            for pair in contradictions(calibration, interview)
        ],
    }


def _show(screen: "Screen", summary: dict[str, Any]) -> None:
    """The summary for people; a part that nothing is known for is left out."""
    from venire.datasets.answers import unasked_note

    screen.say(f"What was understood of {summary['username']}", style="bold")
    total = sum(summary["questions"].values())
    own = f"{summary['own_words']} of them in their own words" if summary["answered"] else "none in their own words"
    screen.say(f"{summary['answered']} of {total} questions answered, {own}, {len(summary['skipped'])} skipped.")
    if summary["unasked"]:
        screen.say(unasked_note(summary["unasked"]))
    _part(screen, "What matters most", [f"{x['question']}: {x['answer']}" for x in summary["matters_most"]])
    _part(screen, "Where the answers lean", [f"{x['text']} ({x['answers']} answers)" for x in summary["leanings"]])
    _part(screen, "Who speaks to them", [", ".join(summary["speaks"])] if summary["speaks"] else [])
    best = [f"{x['name']} ({x['rating']})" for x in summary["frameworks"] if x["rating"] >= 7]
    _part(screen, "Ways of thinking that are theirs", [", ".join(best)] if best else [])
    _part(screen, "Least certain", [f"{x['question']} ({x['certainty']} of 10)" for x in summary["least_certain"]])
    pairs = [
        "\n".join(
            [
                f"Between {x['between'][0]} and {x['between'][1]}",
                *(f"{answer['question']} ({answer['id']}): {answer['answer']}" for answer in x["answers"]),
            ]
        )
        for x in summary["contradictions"]
    ]
    _part(screen, "Answers that pull against each other", pairs)
    if pairs:
        screen.say("Nothing was changed: people hold both. If one of them is not meant, --again ID asks it again.")
    if summary["open"] or summary["skipped"]:
        screen.say("")
        open_, skipped = len(summary["open"]), len(summary["skipped"])
        screen.say(f"{open_} still to come and {skipped} skipped; --skipped asks those again.")


def _part(screen: "Screen", title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    screen.say("")
    screen.say(title, style="bold")
    for line in lines:
        screen.say(line, label="  · ")


def _copy(source: Path, target: Path) -> None:
    """The YAML files of a set of questions; nothing that is there is written over."""
    from venire._common.files import write_atomic

    files = sorted(source.glob("*.yaml"))
    there = [target / file.name for file in files if (target / file.name).exists()]
    if there:
        raise InputError(f"{there[0]} is there already; name an empty folder")
    for file in files:
        write_atomic(target / file.name, file.read_bytes())
    click.echo(f"{len(files)} files in {target}; `venire calibrate --questions {target}` asks them")
