"""`venire chat`: talk to a contender, or to two side by side, blind."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from venire._common.errors import InputError, VenireError
from venire._common.quiet import without_bars
from venire.options import DEVICE, given

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from venire.chat import Choice, Conversation
    from venire.evals.treatments import Treatment
    from venire.voices import Voice

_VOTES: dict[str, "Choice"] = {"a": "A", "b": "B", "t": "tie", "x": "both_bad"}
_ASKED = "better: a, b, t (tie), x (both bad), or a: WHY; Enter for none"
_HELP = """\
a, b, t, x          after two answers, a vote; with a reason, a: WHY. Anything else is your next message
/treatment [NAME]   which treatments there are, or go on under one of them
/system TEXT        go on under this system prompt
/new                forget the talk and begin another
/reveal             who is A and who is B; votes do not count after that
/quit               end (as does Ctrl-D); Ctrl-C stops an answer"""


@click.command()
@click.argument("contenders", nargs=-1)
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with a conversation, from its file.")
@click.option("--experiment", type=click.Path(path_type=Path), help="Whose candidates and treatments may be named.")
@click.option(
    "--temperature", type=click.FloatRange(min=0), default=0.75, show_default=True, help="0: always the likeliest."
)
@click.option("--max-tokens", type=click.IntRange(min=1), default=512, show_default=True, help="Of one answer.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed and words give the same answers.")
@click.option("--as", "who", help="Your pseudonym in the votes; default: me, or that of the resumed conversation.")
@click.option("--save", type=click.Path(path_type=Path), help="Folder of the history; default: the run's, else chats/.")
@DEVICE
def chat(
    contenders: tuple[str, ...],
    resume: Path | None,
    experiment: Path | None,
    temperature: float,
    max_tokens: int,
    seed: int,
    who: str | None,
    save: Path | None,
    device: str,
) -> None:
    """Talk to a contender, or to two side by side without being told which is which.

    A contender is a candidate or a base, with a treatment if you like: smollm2-135m, stance_sft-step24/facts. With two,
    a vote is asked for after each turn. It is an informal one: with --experiment it enters that run's ledger, apart
    from the gate's; without, it stands in chats/votes.jsonl; with --save, in votes.jsonl of that folder alone. Type
    /help for what else can be done. A resumed conversation has the contenders, treatments and settings of its file,
    and the same one is A.

    \b
    Examples: venire chat quickstart_sft-step24 smollm2-135m --experiment experiments/quickstart.yaml
              venire chat --resume runs/quickstart/chat/20261121T101500-a1b2c3.jsonl
    """
    import os
    import re

    from venire.chat import Conversation
    from venire.chat_history import read_past
    from venire.voices import Settings, find_voice

    if resume and (contenders or save or given("temperature", "max_tokens", "seed")):
        raise InputError("chat: a resumed conversation has its contenders, settings and folder; leave these out")
    if not resume and len(contenders) not in (1, 2):
        raise InputError(f"chat: {len(contenders)} contenders; one or two are wanted, or --resume FILE")
    past = read_past(resume) if resume else None
    who = who or (past.who if past else "me")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", who):
        raise InputError(f"--as {who!r}: a pseudonym is up to 32 letters, digits, '-' and '_'")
    if device != "auto":
        os.environ["VENIRE_DEVICE"] = device
    without_bars()
    treatments, known, folder = _surroundings(experiment)
    if past:
        treatments |= {voice.treatment.name: voice.treatment for voice in past.voices}
        talk = Conversation(past.voices, past.settings, past.file.parent, who, past)
    else:
        voices = [find_voice(name, treatments, known) for name in contenders]
        talk = Conversation(voices, Settings(temperature, max_tokens, seed), save or folder, who)
    _Terminal(talk, treatments).run()


def _surroundings(experiment: Path | None) -> "tuple[dict[str, Treatment], dict[str, str], Path]":
    """Treatments by name, models by weights, and where the history goes."""
    from venire.evals.treatments import Treatment, parse_treatment

    plain = {"plain": Treatment()}
    if experiment is None:
        return plain, {}, Path("chats")
    from venire.run import Run
    from venire.stages.evaluate import treatments

    run = Run(experiment)
    found = [*run.base_contenders(), *run.candidate_contenders(), *run.left_out()]
    models = {contender.candidate or contender.base: contender.model for contender in found}
    return plain | {name: parse_treatment(arg) for name, arg in treatments(run).items()}, models, run.folder / "chat"


class _Terminal:
    """The talk on a terminal, or through pipes."""

    def __init__(self, talk: "Conversation", treatments: "dict[str, Treatment]") -> None:
        self.talk, self.treatments = talk, treatments
        self.votes = 0
        self.due = False  # a vote was not yet asked for, or what was typed instead of it was a command
        self.console = _console()

    def run(self) -> None:
        """Until the person ends it."""
        from contextlib import suppress

        from venire.reports.numbers import count

        with suppress(ImportError):  # there is none under Windows
            import readline  # noqa: F401  (arrow keys, and what was typed before)
        two = len(self.talk.voices) == 2
        names = "two contenders, A and B" if two else self.talk.voices[0].name
        self._say(f"{names}; /help says what can be done, /quit ends")
        try:
            if self.talk.turn:
                self._recall()
            while (line := self._next()) is not None:
                if line.startswith("/"):
                    if self._command(line) == "quit":
                        break
                elif line:
                    self._turn(line)
        finally:
            votes = count(self.votes, "informal vote")
            kept = f"; {votes} in {self.talk.folder / 'votes.jsonl'}" if self.votes else ""
            self._say(f"kept in {self.talk.file}{kept}")

    def _recall(self) -> None:
        """Where a resumed conversation stood."""
        turns = "1 turn" if self.talk.turn == 1 else f"{self.talk.turn} turns"
        self._say(f"{turns} before this" + (f"; the last:\n\nyou> {self.talk.question}" if self.talk.answers else ""))
        if self.talk.answers:
            self.console.print(self._columns([answer.text for answer in self.talk.answers]))
        self.due = True

    def _next(self) -> str | None:
        """The next message or command, votes taken; None at the end of the input."""
        while self.due and self.talk.may_vote:
            said = self._read(f"{_ASKED}> ")
            choice, reason = _vote_in(said or "")
            if choice:
                self.votes += self.talk.vote(choice, reason)
            elif said and said.isascii() and len(said) == 1:
                self._say(f"{said} is no vote; {_ASKED}")
            elif said or said is None:
                return said
            else:
                self.due = False
        return self._read("\nyou> ")

    def _turn(self, question: str) -> None:
        from venire.voices import Answer

        texts = [""] * len(self.talk.voices)

        def heard(place: int, text: str) -> None:
            texts[place] = text

        try:
            answers: list[Answer] = self._show(texts, lambda: self.talk.ask(question, heard))
        except KeyboardInterrupt:
            self._say("stopped; nothing of this turn is kept")
            return
        except VenireError as error:
            self._say(f"no answer: {error}")
            return
        cut = [answer for answer in answers if answer.stop_reason == "max_tokens"]
        if cut:
            self._say(f"cut at {self.talk.settings.max_tokens} tokens (--max-tokens)")
        self.due = True

    def _show(self, texts: list[str], ask: Callable) -> list:
        """The answers as they come where that can be shown; through a pipe, once they are whole."""
        from rich.live import Live
        from rich.spinner import Spinner

        if not self.console.is_terminal:
            answers = ask()
            for place, answer in enumerate(answers):
                self._say(f"{_label(self.talk.voices, place)}{answer.text}")
            return answers
        shown = {"console": self.console, "transient": True, "refresh_per_second": 8, "vertical_overflow": "crop"}
        waiting = Spinner("dots", style="dim")
        with Live(get_renderable=lambda: self._columns(texts) if any(texts) else waiting, **shown):
            answers = ask()
        self.console.print(self._columns([answer.text for answer in answers]))
        return answers

    def _columns(self, texts: list[str]) -> "RenderableType":
        """One text, or two beside each other where the window is wide enough."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from venire.reports.escape import visible

        said = [Text(visible(text)) for text in texts]
        if len(said) == 1:
            return said[0]
        if self.console.width < 80:
            return Group(
                *(part for label, text in zip("AB", said, strict=True) for part in (Text(label), text, Text()))
            )
        table = Table.grid(padding=(0, 3), expand=True)
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(Text("A", style="bold"), Text("B", style="bold"))
        table.add_row(*said)
        return table

    def _command(self, line: str) -> str:
        name, _, rest = line[1:].partition(" ")
        try:
            match name:
                case "quit" | "exit":
                    return "quit"
                case "treatment" if rest.strip():
                    self._treat(rest.strip())
                case "treatment":
                    now = self.talk.voices[0].treatment.name if not self.talk.blind else "not told while blind"
                    self._say(f"there are: {', '.join(self.treatments)}; now: {now}")
                case "system" if rest.strip():
                    self._system(rest.strip())
                case "new":
                    self.talk.renew()
                    self._say("a new conversation")
                case "reveal" if len(self.talk.voices) == 2:
                    a, b = self.talk.reveal()
                    self._say(f"A is {a}, B is {b}; votes do not count from here on (/new begins another)")
                case _:
                    self._say(_HELP)
        except InputError as error:
            self._say(str(error))
        return ""

    def _treat(self, name: str) -> None:
        if name not in self.treatments:
            raise InputError(f"treatment {name!r} is none of {', '.join(self.treatments)}")
        self.talk.treat(self.treatments[name])
        self._say(f"from here on: {name}")

    def _system(self, text: str) -> None:
        from venire._common.hashing import sha256_text
        from venire.evals.treatments import Treatment

        # By its content: votes under two system prompts are not votes on one contender.
        self.talk.treat(Treatment(name=f"system-{sha256_text(text)[:6]}", kind="system", text=text))
        self._say("from here on under this system prompt")

    def _read(self, prompt: str) -> str | None:
        """A line; None at the end of the input."""
        try:
            return input(prompt if sys.stdin.isatty() else "").strip()
        except EOFError:
            return None
        except KeyboardInterrupt:
            return "/quit" if prompt.startswith("\n") else ""

    def _say(self, text: str) -> None:
        from venire.reports.escape import visible

        self.console.print(visible(text), markup=False, highlight=False)


def _vote_in(line: str) -> "tuple[Choice | None, str]":
    """The vote that a line is, and its reason: a letter alone, or a colon after it, since "A man …" is a message."""
    key, _, reason = line.partition(":")
    return _VOTES.get(key.strip().lower()), reason.strip()


def _label(voices: "list[Voice]", place: int) -> str:
    return f"{'AB'[place]}: " if len(voices) == 2 else ""


def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)
