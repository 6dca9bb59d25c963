"""The interview in the terminal: one question a screen, every step saved, left and taken up again at any moment.

Everything is read by lines, so that a keyboard, a screen reader and a pipe work alike: a letter and Enter for a choice,
lines up to an empty one for a text. What has been typed is in the file before the next thing is asked.
"""

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from venire._common.errors import InputError
from venire._common.hashing import sha256_file, sha256_text
from venire.datasets.calibration import LISTS, OTHER, Calibration, Phase, Unfinished, save_calibration
from venire.datasets.questions import Dilemma, Figure, Framework, Interview, Question, View
from venire.screen import Left, Screen

TITLES: dict[Phase, str] = {
    "contemporary": "Questions of the day",
    "timeless": "Timeless questions",
    "priorities": "Your own life",
    "figures": "People",
    "frameworks": "Ways of thinking",
}
_INTRO: dict[Phase, str] = {
    "contemporary": "Questions on which decent people disagree. Take the answer that comes nearest to yours.",
    "timeless": "Old questions, in small scenes. What would you do?",
    "priorities": "Now without choices: a few sentences of your own.",
    "figures": "People of history and of fiction. You need not know them well; say whether they speak to you.",
    "frameworks": "Ways of thinking about right and wrong. You may agree with several that contradict each other.",
}
_PACE: dict[Phase, float] = {"contemporary": 75, "timeless": 75, "priorities": 120, "figures": 35, "frameworks": 40}
_AWAY = 900.0  # seconds; who takes longer has been away
_NARROW = 60
_COMMANDS = {"s": "skip", "p": "back", "q": "leave", "w": "why", "v": "views", "e": "editor"}
_NAMES = {
    "skip": "s",
    "back": "p",
    "<": "p",
    "quit": "q",
    "exit": "q",
    "leave": "q",
    "why": "w",
    "?": "w",
    "views": "v",
}
_FEW_WORDS = "This one needs a few words. :s skips the question."
_CERTAIN = "How certain are you? 1 is a guess, 10 means that nothing would change it."
_WEIGHT = "How much does it matter to you? 1 leaves you cold, 10 keeps you awake."


class _Command(Exception):
    """`skip` or `back` in place of an answer."""


@dataclass(frozen=True)
class _Step:
    """One thing to be asked for: a field of the answer."""

    name: str
    label: str
    kind: Literal["choice", "text", "scale", "yes"]
    needed: bool = True


@dataclass
class Session:
    """One sitting: the file, the questions, and those of them that are still to be asked in it."""

    path: Path
    calibration: Calibration
    interview: Interview
    screen: Screen
    todo: list[str]
    _file: str | None = field(init=False, default=None)  # its hash as we know it

    def run(self) -> None:
        """Ask what is to be asked. Left or KeyboardInterrupt end it early, with every whole line in the file."""
        self._file = _hash(self.path)
        self._save(self.calibration)
        everything = list(self.interview)
        ids = [question.id for _, question in everything]
        current = [self.calibration.unfinished] if self.calibration.unfinished else []
        # Also what had been answered, and was being answered anew.
        begun = [entry.id for entry in [*current, *self.calibration.set_aside] if entry.id in ids]
        self.todo = begun + [name for name in self.todo if name not in begun]
        place = ids.index(self.todo[0]) if self.todo else 0
        while self.todo:
            move = self._ask(*everything[place])
            if move == "back":
                place = max(0, place - 1)
                continue
            self.todo = [name for name in self.todo if name != ids[place]]
            following = sorted(ids.index(name) for name in self.todo)
            place = next((i for i in following if i > place), following[0] if following else place)

    def _ask(self, phase: Phase, question: Question) -> str:
        """Put one question, step by step; `next`, `skip` or `back`, whichever way the person goes on."""
        started = time.monotonic()
        given, drafts = self._known(question)
        self._show(phase, question, given)
        position = 0
        if self.calibration.begun(question.id):
            steps = _steps(question, given)
            open_ = (i for i, step in enumerate(steps) if step.name not in given or step.name in drafts)
            position = next(open_, len(steps) - 1)
        while position < len(steps := _steps(question, given)):
            step = steps[position]
            try:
                given[step.name] = self._read(step, question, given, drafts)
            except _Command as command:
                if str(command) == "back" and position > 0:
                    position -= 1
                    continue
                return self._leave_open(question, str(command), given, drafts)
            drafts.pop(step.name, None)
            self._keep(question, given, drafts)
            position += 1
        fields = {step.name: given[step.name] for step in _steps(question, given) if given.get(step.name) != ""}
        key = next(iter(set(LISTS[phase][1].model_fields) & {"dilemma_id", "priority_id", "figure", "framework"}))
        seconds = round(min(time.monotonic() - started, _AWAY), 1)
        answer = LISTS[phase][1].model_validate({key: question.id, **fields, "seconds": seconds})
        self._save(self.calibration.with_answer(phase, answer))
        return "next"

    def _leave_open(self, question: Question, command: str, given: dict[str, Any], drafts: dict[str, str]) -> str:
        """Skipping keeps an earlier answer, and going back keeps everything."""
        if command == "skip" and self.calibration.answer_to(question.id) is None:
            self._save(self.calibration.without(question.id, skip=True))
        elif command == "skip" or (not drafts and given == self._answered(question)):
            self._save(self.calibration.not_begun(question.id))
        return command

    def _known(self, question: Question) -> tuple[dict[str, Any], dict[str, str]]:
        """What is known of the answer: what was begun, or what was answered before; and the texts not yet ended."""
        begun = self.calibration.begun(question.id)
        if begun is None:
            return self._answered(question), {}
        given, drafts = dict(begun.given), dict(begun.drafts)
        if begun.draft and (name := _next(question, given)):
            drafts[name] = begun.draft
        return given, drafts

    def _answered(self, question: Question) -> dict[str, Any]:
        answer = self.calibration.answer_to(question.id)
        known = answer.model_dump(exclude={"seconds"}) if answer else {}
        return {name: value for name, value in known.items() if value not in (None, "", question.id)}

    def _keep(self, question: Question, given: dict[str, Any], drafts: dict[str, str]) -> None:
        others = dict(drafts)
        draft = others.pop(_next(question, given), "")
        unfinished = Unfinished(id=question.id, given=given, draft=draft, drafts=others)
        self._save(self.calibration.with_begun(unfinished))

    def _save(self, calibration: Calibration) -> None:
        """Into the file, unless somebody else has written it since we did."""
        if _hash(self.path) != self._file:
            raise InputError(f"{self.path} was changed by another program while you answered; run the command again")
        try:
            save_calibration(self.path, calibration)
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written: {error.strerror}; name a file in a folder of yours"
            ) from error
        self.calibration, self._file = calibration, _hash(self.path)

    def _show(self, phase: Phase, question: Question, given: dict[str, Any]) -> None:
        screen = self.screen
        screen.clear()
        self._progress(phase, question)
        screen.say("")
        if question.id == self.interview.questions[phase][0].id:
            screen.say(_INTRO[phase], style="italic")
            screen.say("")
        screen.say(question.label, style="bold")
        screen.say("")
        for paragraph in _paragraphs(question):
            screen.say(paragraph)
        if isinstance(question, Dilemma):
            screen.say("")
            for letter, option in question.options.items():
                screen.say(option.text, label=f"  {letter}  ")
            screen.say("something else, in your own words", label="  O  ")
        if self.calibration.answer_to(question.id):
            screen.say("")
            screen.say("You have answered this. Enter keeps what you said, anything else replaces it.", style="dim")
        elif given:
            screen.say("")
            screen.say("You had begun this one; here it goes on.", style="dim")
        screen.say("")
        views = "V both views, " if isinstance(question, Dilemma) and question.views else ""
        screen.say(f"W why this question, {views}S skip, P back, Q save and leave", style="dim")

    def _progress(self, phase: Phase, question: Question) -> None:
        mine = [q.id for q in self.interview.questions[phase]]
        done = {answer.id for _, answer in self.calibration.answers()} | set(self.calibration.skipped)
        share = sum(q.id in done for _, q in self.interview) / len(self.interview)
        where = f"{TITLES[phase]} {mine.index(question.id) + 1} of {len(mine)}"
        left = f"{share:.0%} done, {_span(self._left())} left"
        if self.screen.width < _NARROW:
            self.screen.say(f"{where}\n{left}", style="cyan")
            return
        bar = "━" * round(20 * share) + "·" * (20 - round(20 * share))
        self.screen.say(f"{where}   {bar}   {left}", style="cyan")

    def _left(self) -> float:
        """Seconds that the questions still to come will take, at this person's own pace where it is known."""
        took: dict[Phase, list[float]] = {phase: [] for phase in LISTS}
        for phase, answer in self.calibration.answers():
            if answer.seconds:
                took[phase].append(answer.seconds)
        pace = {phase: statistics.median(s) if len(s) >= 3 else _PACE[phase] for phase, s in took.items()}
        return sum(pace[phase] for phase, question in self.interview if question.id in self.todo)

    def _read(self, step: _Step, question: Question, given: dict[str, Any], drafts: dict[str, str]) -> Any:
        self.screen.say("")
        self.screen.say(step.label)
        if step.kind == "text":
            return self._read_text(step, question, given, drafts)
        old = given.get(step.name)
        known = {True: "y", False: "n", OTHER: "O", None: ""}.get(old, str(old)) if step.kind != "scale" else old
        prompt = f"[{known}] > " if known not in (None, "") else "> "
        while True:
            line = self.screen.read(prompt).strip()
            if not line and old is not None:
                return old
            if self._command(line, question):
                continue
            value = _value(step, line, question)
            if value is not None:
                return value
            self.screen.say(
                f"{line[:40]!r} is not {_wanted(step, question)}."
                if line
                else f"Please type {_wanted(step, question)}.",
                style="yellow",
            )

    def _read_text(self, step: _Step, question: Question, given: dict[str, Any], drafts: dict[str, str]) -> str:
        """Lines up to an empty one that is no part of a paste. What was typed is kept after each, also in the file."""
        screen, old = self.screen, str(given.get(step.name, ""))
        lines = drafts.get(step.name, "").splitlines()
        before = {name: value for name, value in given.items() if name != step.name}
        screen.say("An empty line ends it. :e opens your editor, :s skips, :p goes back, :q saves and leaves.", "dim")
        for line in ("\n".join(lines) or old).splitlines():
            screen.say(line, label="  ┃ ")
        while True:
            line = screen.read()
            if line.startswith(":") and line[1:].strip().lower() in _COMMANDS | _NAMES:
                name = line[1:].strip().lower()
                if _NAMES.get(name, name) != "e":
                    self._command(name, question)
                    continue
                written = screen.edit("\n".join(lines) or old, question.ask)
                if written or (written is not None and not step.needed):
                    return written
                if written is not None:
                    screen.say(_FEW_WORDS, style="yellow")
            elif line.strip() or screen.pasting():
                lines.append(line.rstrip())
                drafts[step.name] = "\n".join(lines)
                self._keep(question, before, drafts)
            elif (text := "\n".join(lines).strip("\n")) or old or not step.needed:
                return text or old
            else:
                screen.say(_FEW_WORDS, style="yellow")

    def _command(self, line: str, question: Question) -> bool:
        """Obey `line` if it is a command; skipping and going back are for whoever asks the question."""
        name = line.removeprefix(":").lower()
        command = _COMMANDS.get(_NAMES.get(name, name))
        if command in ("skip", "back"):
            raise _Command(command)
        if command == "leave":
            raise Left
        if command == "why":
            self.screen.say(question.why, style="italic")
        elif command == "views":
            self._views(question)
        return command in ("why", "views")

    def _views(self, question: Question) -> None:
        """Both sides of a contested question; which comes first goes by the question, evenly."""
        views = question.views if isinstance(question, Dilemma) else None
        if views is None:
            self.screen.say("There are no views to show for this one.", style="dim")
            return
        sides = [("For", views.pro), ("Against", views.con)]
        if int(sha256_text(question.id)[:2], 16) % 2:
            sides.reverse()
        self.screen.say(f"The claim: {views.claim}", style="italic")
        for name, view in sides:
            self.screen.say(_view(view), label=f"  {name:<8}")


def open_questions(calibration: Calibration, interview: Interview) -> list[str]:
    """Ids of what is neither answered nor skipped, in order."""
    done = {answer.id for _, answer in calibration.answers()} | set(calibration.skipped)
    return [question.id for _, question in interview if question.id not in done]


def _steps(question: Question, given: dict[str, Any]) -> list[_Step]:
    why = _Step("reasoning", "Why? In as many lines as you like.", "text", needed=False)
    sure, weight = _Step("certainty", _CERTAIN, "scale"), _Step("emotional_weight", _WEIGHT, "scale")
    if isinstance(question, Dilemma):
        own = [_Step("other", "What would you do?", "text")] if given.get("choice") == OTHER else []
        return [_Step("choice", "Your choice?", "choice"), *own, why, sure, weight]
    if isinstance(question, Figure):
        speaks = _Step("resonates", f"Does {question.name} speak to you? y or n", "yes")
        return [speaks, why, _Step("emotional_weight", "How strongly? 1 to 10.", "scale")]
    if isinstance(question, Framework):
        return [_Step("rating", "How much is it yours? 1 is not at all, 10 is wholly.", "scale"), why]
    return [_Step("answer", "Your answer, in as many lines as you like.", "text"), sure, weight]


def _next(question: Question, given: dict[str, Any]) -> str:
    """The first field that is still to be given; empty where there is none."""
    return next((step.name for step in _steps(question, given) if step.name not in given), "")


def _paragraphs(question: Question) -> list[str]:
    if isinstance(question, Dilemma):
        return [question.text]
    if isinstance(question, Figure):
        return [f"{question.known_for[:1].upper()}{question.known_for[1:]}."]
    if isinstance(question, Framework):
        return [question.summary]
    return [question.ask, *([f"({question.hint})"] if question.hint else [])]


def _value(step: _Step, line: str, question: Question) -> Any:
    """What a line means for a step, or None where it means nothing."""
    word = line.rstrip(".)").upper()
    if step.kind == "choice" and isinstance(question, Dilemma):
        return OTHER if word in ("O", "OTHER") else word if word in question.options else None
    if step.kind == "yes":
        return {"Y": True, "YES": True, "N": False, "NO": False}.get(word)
    return int(word) if word.isdecimal() and word.isascii() and 1 <= int(word) <= 10 else None


def _wanted(step: _Step, question: Question) -> str:
    if step.kind == "choice" and isinstance(question, Dilemma):
        return f"one of {', '.join(question.options)} or O"
    return "y or n" if step.kind == "yes" else "a number from 1 to 10"


def _view(view: View) -> str:
    return f"{view.argument}\n“{view.quote}” {view.figure}, {view.work}"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes} min" if minutes < 90 else f"about {minutes / 60:.1f} h"


def _hash(path: Path) -> str | None:
    return sha256_file(path) if os.path.lexists(path) else None
