"""A conversation with one contender or two side by side: their answers, a vote at a turn's end, what is kept.

Each contender goes on from its own answers. With two, which is called A is a coin tossed for each conversation, and a
vote at a turn's end is an informal one: kept apart from the gate's, in a file that `venire votes` reads.
"""

import json
import os
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError
from venire._common.hashing import sha256_json, sha256_text

from .voices import Answer, Message, Settings, Voice, speak

if TYPE_CHECKING:
    from venire.chat_history import Past
    from venire.evals.treatments import Treatment

FORMAT = "venire.chat/1"
Choice = Literal["A", "B", "tie", "both_bad"]


class Conversation:
    """One conversation and its file. `first` is the voice that is called A; with one voice there is no other."""

    def __init__(
        self, voices: list[Voice], settings: Settings, folder: Path, who: str = "me", past: "Past | None" = None
    ) -> None:
        """A new one, or one that goes on in its file: `past` is what that holds."""
        if len({voice.name for voice in voices}) < len(voices):
            raise InputError(f"chat: {voices[0].name!r} would be compared with itself; name another contender")
        self.voices, self.settings, self.folder, self.who = voices, settings, folder, who
        self.blind = len(voices) == 2
        self.turn = 0
        self.answers: list[Answer] = []  # of the last turn, in the order shown
        self.question = ""
        self._voted = False
        if past is None:
            self._begin()
        else:
            self._go_on(past)

    def _begin(self) -> None:
        now = datetime.now(UTC)
        self.identity = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.file = self.folder / f"{self.identity}.jsonl"
        self.first = secrets.randbelow(len(self.voices))
        self._contenders = [voice.name for voice in self.voices]
        self._write(
            {
                "format": FORMAT,
                "begun": now.isoformat(timespec="seconds"),
                "contenders": self._contenders,
                "weights": [voice.weights for voice in self.voices],
                "models": [voice.model for voice in self.voices],
                "treatments": [voice.treatment.model_dump(mode="json") for voice in self.voices],
                "called_a": self._contenders[self.first],
                "who": self.who,
                "settings": vars(self.settings),
            }
        )

    def _go_on(self, past: "Past") -> None:
        self.identity, self.file, self.first = past.file.stem, past.file, past.first
        self._contenders = [voice.name for voice in self.voices]
        for event in past.events:
            match event:
                case {"user": question, "answers": answers}:
                    self._take_in(question, [Answer(**answer) for answer in answers])
                case {"treatment": treatment}:
                    self._put_under(treatment)
                case {"vote": _}:
                    self._voted = True
                case {"revealed": _}:
                    self.blind = False
        self._write({"turn": self.turn, "resumed": datetime.now(UTC).isoformat(timespec="seconds")})

    @property
    def may_vote(self) -> bool:
        """Is there something to choose between, unseen, that was not voted on yet?"""
        return self.blind and bool(self.answers) and not self._voted

    @property
    def shown(self) -> list[Voice]:
        """The voices in the order in which they are shown: A, B."""
        return self.voices[self.first :] + self.voices[: self.first]

    def ask(self, question: str, heard: Callable[[int, str], None]) -> list[Answer]:
        """Everybody's answer, in the order shown; `heard(place, text)` as they come. Interrupted, nothing is kept."""
        turn = self.turn + 1
        given = [voice.asked(question) for voice in self.shown]
        answers = self._answers_to(given, turn, heard)
        self._take_in(question, answers)
        said = [vars(answer) | {"contender": v.name} for v, answer in zip(self.shown, answers, strict=True)]
        self._write({"turn": self.turn, "user": question, "answers": said})
        return answers

    def _take_in(self, question: str, answers: list[Answer]) -> None:
        """A turn is over: everybody remembers it."""
        self.turn += 1
        for voice, answer in zip(self.shown, answers, strict=True):
            voice.messages += [voice.put(question), {"role": "assistant", "content": answer.text}]
        self.question, self.answers, self._voted = question, answers, False

    def _answers_to(self, given: list[list[Message]], turn: int, heard: Callable[[int, str], None]) -> list[Answer]:
        """Everybody at once, so that one batch serves both and neither is known by coming first."""
        stop = threading.Event()
        found: list[Any] = [None] * len(given)

        def one(place: int) -> None:
            try:
                found[place] = speak(
                    self.shown[place], given[place], self.settings, turn, lambda text: heard(place, text), stop
                )
            except BaseException as error:
                found[place] = error

        threads = [threading.Thread(target=one, args=(place,), daemon=True) for place in range(len(given))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            stop.set()
            raise
        for result in found:
            if isinstance(result, BaseException):
                raise result
        return found

    def vote(self, choice: Choice, reason: str = "") -> bool:
        """Keep a vote on this turn's answers. False if it does not count: nothing to choose, not blind, or a second."""
        if not self.may_vote:
            return False
        self._voted = True
        self._write({"turn": self.turn, "vote": choice, "reason": reason})
        _append(self.folder / "votes.jsonl", self._row(choice, reason))
        return True

    def _row(self, choice: Choice, reason: str) -> dict[str, Any]:
        """The vote as a row that `venire votes` reads; the contender named first is its candidate."""
        answers = dict(zip((voice.name for voice in self.shown), self.answers, strict=True))
        candidate, incumbent = (voice.name for voice in self.voices)
        called_a = self.shown[0].name
        a, b = ("candidate", "incumbent") if called_a == candidate else ("incumbent", "candidate")
        mapping = {"A": a, "B": b}
        winner = "tie" if choice == "both_bad" else choice
        return {
            "prompt_id": f"chat/{sha256_json([self.identity, self.turn, self.question])[:16]}",
            "family": f"chat/{self.identity}",
            "domain": "chat",
            "candidate": candidate,
            "incumbent": incumbent,
            "judge": f"human:{self.who}",
            "judge_family": "human",
            "candidate_first": called_a == candidate,
            "verdict": mapping.get(winner, "tie"),
            "len_candidate": len(answers[candidate].text),
            "len_incumbent": len(answers[incumbent].text),
            "log": f"chat/{self.file.name}",
            "sample_id": f"{self.identity}-{self.turn}",
            "judgment": json.dumps({"winner": winner, "reason": reason}, ensure_ascii=False),
            "label_mapping": f"A={a};B={b}",
            "sha_candidate": sha256_text(answers[candidate].text),
            "sha_incumbent": sha256_text(answers[incumbent].text),
            "use": "informal",
            "note": "both_bad" if choice == "both_bad" else None,
        }

    def treat(self, treatment: "Treatment") -> None:
        """Everybody goes on under another treatment. Raises InputError if two contenders would become one."""
        if len({voice.weights for voice in self.voices}) < len(self.voices):
            raise InputError("the two contenders differ in their treatment alone; begin a chat with other ones")
        self._put_under(treatment)
        self._write({"turn": self.turn, "treatment": treatment.model_dump(mode="json")})

    def _put_under(self, treatment: "Treatment") -> None:
        for voice in self.voices:
            voice.treatment = treatment
        self.answers = []  # a vote is on answers of the contenders as they are called now

    def reveal(self) -> list[str]:
        """Who is A and who is B; from here on votes do not count."""
        self.blind = False
        self._write({"turn": self.turn, "revealed": [voice.name for voice in self.shown]})
        return [voice.name for voice in self.shown]

    def renew(self) -> None:
        """A new conversation with the same contenders, who is A tossed anew."""
        for voice in self.voices:
            voice.messages.clear()
        self.turn, self.blind, self.answers, self._voted = 0, len(self.voices) == 2, [], False
        self._begin()

    def _write(self, event: dict[str, Any]) -> None:
        _append(self.file, event)


def _append(path: Path, row: dict[str, Any]) -> None:
    """One more line, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
