"""The interview through a real pseudo-terminal and through a pipe: what is typed is in a valid file at every moment."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire.calibrate_command import calibrate
from venire.datasets.calibration import Calibration, FigureAnswer, load_calibration, save_calibration

QUESTIONS = {
    "axes.yaml": "- {id: truth_comfort, low: truth, high: comfort}\n",
    "contemporary.yaml": """
- id: kite
  title: The kite
  ask: "A boy's kite hangs in your tree. Do you climb?"
  why: Shows how much trouble a kite is worth.
  category: kindness
  text: A boy's kite hangs in your tree.
  options:
    A: {text: Climb, stance: I climb up and get it., contrast: B, leans: {truth_comfort: 2}}
    B: {text: Leave it, stance: I leave it to the wind., contrast: A, leans: {truth_comfort: -2}}
  usual: B
  views:
    claim: Kites should be rescued.
    pro: {figure: P, work: W, quote: up, argument: It is his.}
    con: {figure: C, work: W, quote: down, argument: It is high.}
- id: soup
  title: The soup
  ask: "The soup is bad and the cook asks. What do you say?"
  why: Shows how you praise.
  category: kindness
  text: The soup is bad and the cook asks.
  options:
    A: {text: Say so, stance: I say that it is salty., contrast: B, leans: {truth_comfort: -2}}
    B: {text: Praise it, stance: I say that it is good., contrast: A, leans: {truth_comfort: 2}}
  usual: B
""",
    "figures.yaml": """
- id: ahab
  title: Ahab
  name: Captain Ahab
  fictional: true
  known_for: hunted a whale
  ask: What do you think of Ahab?
  why: Shows what you think of obstinacy.
  admired: He meant it.
  doubted: He drowned them.
""",
}  # fmt: skip


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "questions"
    folder.mkdir()
    for name, text in QUESTIONS.items():
        (folder / name).write_text(text, "utf-8")
    return folder


class Terminal:
    """`venire calibrate` in a pseudo-terminal, typed into by hand."""

    def __init__(self, file: Path, questions: Path, columns: int = 90, **environment: str) -> None:
        self.file, self.seen = file, ""
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        code = "import sys; from venire.cli import main; sys.argv[0] = 'venire'; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "calibrate", str(file), "--questions", str(questions)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            | {"TERM": "xterm"}
            | environment,
            preexec_fn=lambda: _own_terminal(slave),
        )
        os.close(slave)

    def wait_for(self, text: str, timeout: float = 300) -> None:
        """Read until `text` is there, from where the last one was found."""
        end = time.monotonic() + timeout
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come; on the screen: {self.seen[-1500:]}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
                except OSError:
                    assert text in self.seen, f"ended without {text!r}: {self.seen[-1500:]}"
        self.seen = self.seen.split(text, 1)[1]

    def type(self, line: str, then: str) -> Calibration | None:
        """Type a line, wait for what follows it, and read the file, which must be whole and valid."""
        os.write(self.master, f"{line}\n".encode())
        self.wait_for(then)
        return load_calibration(self.file) if self.file.exists() else None

    def line(self, line: str, then: str) -> Calibration | None:
        """Type a line at the next prompt."""
        self.wait_for("> ")
        return self.type(line, then)

    def interrupt(self) -> int:
        for _ in range(6):  # one that comes while the interpreter cannot raise it is lost: a person presses again
            os.write(self.master, b"\x03")
            if self.wait_for_end(20):
                break
        return self.end()

    def end(self) -> int:
        self.wait_for_end()
        return self.process.wait(timeout=120)

    def wait_for_end(self, timeout: float = 300) -> bool:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    part = os.read(self.master, 65536)
                except OSError:
                    return True
                if not part:
                    return True
                self.seen += part.decode("utf-8", "replace").replace("\r\n", "\n")
            elif self.process.poll() is not None:
                return True
        return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)


def _own_terminal(slave: int) -> None:
    os.setsid()
    ioctl(slave, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def said(kept: Calibration | None, place: int) -> tuple[str, str, str, int, int]:
    """What the file holds of the answer at this place of the first phase."""
    assert kept is not None
    answer = kept.phase1_contemporary[place]
    return answer.choice, answer.other, answer.reasoning, answer.certainty, answer.emotional_weight


def test_the_whole_interview_left_in_the_middle_and_finished(
    tmp_path: Path, questions: Path, terminals: list[Terminal]
) -> None:
    file = tmp_path / "me.json"
    first = Terminal(file, questions)
    terminals.append(first)
    first.wait_for("pseudonym")
    made = first.type("Ann", "Your choice?")
    assert made is not None and made.username == "Ann"

    first.type("maybe", "'maybe' is not one of A, B or O")
    first.type("?", "how much trouble a kite is worth")
    first.type("v", "Kites should be rescued")
    first.type("a", "Why?")
    kept = first.line("It is the boy's.", "> ")
    assert kept is not None and kept.unfinished is not None and kept.unfinished.draft == "It is the boy's."
    first.type("And I like trees.", "> ")
    first.type("", "How certain")
    first.type("eleven", "'eleven' is not a number from 1 to 10")
    first.type("10", "How much does it matter")
    kept = first.type("7", "The soup")
    assert said(kept, 0) == ("A", "", "It is the boy's.\nAnd I like trees.", 10, 7)
    assert kept is not None and kept.unfinished is None

    first.wait_for("Your choice?")
    first.type("O", "What would you do?")
    first.line("I eat it", "> ")
    first.type("and ask for bread.", "> ")
    os.write(first.master, b"half a li")
    assert first.interrupt() == 130
    assert "goes on where it stopped" in first.seen
    kept = load_calibration(file)
    assert kept.unfinished is not None
    assert kept.unfinished.given == {"choice": "Other"}
    assert kept.unfinished.draft == "I eat it\nand ask for bread."

    second = Terminal(file, questions)
    terminals.append(second)
    second.wait_for("You had begun this one")
    second.wait_for("What would you do?")
    second.wait_for("and ask for bread.")
    second.line("", "Why?")
    second.line("", "How certain")
    second.type("8", "How much does it matter")
    assert said(second.type("9", "Captain Ahab"), 1) == ("Other", "I eat it\nand ask for bread.", "", 8, 9)

    second.wait_for("speak to you?")
    second.type("p", "The soup")  # back, and everything kept
    second.wait_for("You have answered this")
    second.wait_for("[O] > ")
    second.type("b", "Why?")
    second.line("", "[8] > ")
    second.type("", "[9] > ")
    assert said(second.type("", "Captain Ahab"), 1) == ("B", "", "", 8, 9)
    second.wait_for("speak to you?")
    second.type("n", "Why?")
    second.line("", "How strongly?")
    second.type("4", "What was understood of Ann")
    second.wait_for("3 of 3 questions answered")
    assert second.end() == 0
    kept = load_calibration(file)
    assert [a.id for _, a in kept.answers()] == ["kite", "soup", "ahab"]
    assert kept.unfinished is None and not kept.skipped


def test_the_editor_missing_emptied_and_used(tmp_path: Path, questions: Path, terminals: list[Terminal]) -> None:
    file, editor = tmp_path / "me.json", tmp_path / "editor"
    terminal = Terminal(file, questions, columns=200, EDITOR=str(editor), TMPDIR=str(tmp_path))
    terminals.append(terminal)
    terminal.wait_for("pseudonym")
    terminal.type("Ann", "Your choice?")
    terminal.type("O", "What would you do?")
    terminal.line("typed", "> ")
    terminal.type(":e", "Editing")

    editor.write_text('#!/bin/sh\n: > "$1"\n', "utf-8")
    editor.chmod(0o755)
    terminal.line(":e", "needs a few words")
    editor.write_text('#!/bin/sh\necho "in the editor" >> "$1"\n', "utf-8")
    kept = terminal.line(":e", "Why?")
    assert kept is not None and kept.unfinished is not None
    assert kept.unfinished.given == {"choice": "Other", "other": "typed\n\nin the editor"}

    editor.write_text("#!/bin/sh\nprintf 'Gr\\374\\337e' > \"$1\"\n", "utf-8")
    terminal.line("because", "> ")
    kept = terminal.type(":e", "does not save UTF-8")
    assert kept is not None and kept.unfinished is not None and kept.unfinished.draft == "because"
    assert [file.read_bytes() for file in tmp_path.glob("venire-*.txt")] == [b"Gr\xfc\xdfe"]
    terminal.line("", "How certain")


def test_killed_outright_it_keeps_every_line(tmp_path: Path, questions: Path, terminals: list[Terminal]) -> None:
    file = tmp_path / "me.json"
    terminal = Terminal(file, questions)
    terminals.append(terminal)
    terminal.wait_for("pseudonym")
    terminal.type("Ann", "Your choice?")
    terminal.type("b", "Why?")
    kept = terminal.line("A first line", "> ")
    assert kept is not None and kept.unfinished is not None and kept.unfinished.draft == "A first line"
    kept = terminal.type("\nq\n\n7\nits end", "its end\n> ")  # pasted: an empty line in it is no end of the text
    assert kept is not None and kept.unfinished is not None and kept.unfinished.given == {"choice": "B"}
    terminal.process.send_signal(signal.SIGKILL)
    terminal.process.wait()
    kept = load_calibration(file)
    assert kept.unfinished is not None and kept.unfinished.draft == "A first line\n\nq\n\n7\nits end"


def test_no_colour_and_a_narrow_window(tmp_path: Path, questions: Path, terminals: list[Terminal]) -> None:
    terminal = Terminal(tmp_path / "me.json", questions, columns=30, NO_COLOR="1")
    terminals.append(terminal)
    terminal.wait_for("pseudonym")
    os.write(terminal.master, b"Ann\n")
    terminal.wait_for("Ann")
    terminal.seen = ""
    terminal.wait_for("A boy's")
    os.write(terminal.master, b"q\n")
    terminal.end()
    shown = terminal.seen
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown), "a colour although NO_COLOR is set"
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).splitlines()
    assert [line for line in lines if len(line) > 30 and "/" not in line] == []  # a path stays whole


def piped(file: Path, questions: Path, text: str, *more: str) -> str:
    done = CliRunner().invoke(calibrate, [str(file), "--questions", str(questions), *more], input=text)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_a_pipe_answers_and_its_end_saves(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    shown = piped(file, questions, "Ann\nA\nbecause\n\n5\n6\nS\n")
    assert "1 answered, 1 to come" in shown
    assert "\x1b" not in shown
    kept = load_calibration(file)
    assert kept.skipped == ["soup"]
    shown = piped(file, questions, "y\nHe meant it.\n\n8\n")
    assert "2 of 3 questions answered" in shown and "1 skipped" in shown
    shown = piped(file, questions, "A\n\n9\n9\n", "--skipped")
    assert "3 of 3 questions answered" in shown


def test_what_was_skipped_stays_so_until_it_is_answered(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nS\nS\n")
    piped(file, questions, "q\n", "--skipped")
    assert load_calibration(file).skipped == ["kite", "soup"]
    shown = piped(file, questions, "A\n\n5\n6\nq\n", "--skipped")
    assert load_calibration(file).skipped == ["soup"] and "--skipped` goes on" in shown.replace("\n", " ")


def test_what_goes_on_is_said_with_its_options(tmp_path: Path, questions: Path) -> None:
    file, more = tmp_path / "me.json", tmp_path / "more of them"
    more.mkdir()
    (more / "figures.yaml").write_text(QUESTIONS["figures.yaml"].replace("id: ahab", "id: ishmael"), "utf-8")
    shown = "".join(piped(file, questions, "Ann\nq\n", "--more", str(more)).split())
    assert f"`venirecalibrate{file}--questions{questions}--more'{more}'`goeson".replace(" ", "") in shown
    with pytest.raises(InputError, match="folder of questions that were asked \\(--questions, --more\\)"):
        save_calibration(
            file,
            load_calibration(file).model_copy(
                update={"phase4_resonant_figures": [FigureAnswer(figure="ishmael", resonates=True)]}
            ),
        )
        piped(file, questions, "")


def test_the_shipped_interview_can_be_gone_through_to_its_end(tmp_path: Path) -> None:
    from venire.datasets.questions import load_interview

    file, typed = tmp_path / "me.json", ["Ann"]
    steps = {"figures": ["n", "Because.", "", "4"], "frameworks": ["3", "Because.", ""]}
    steps |= {"priorities": ["My answer", "in two lines.", "", "5", "6"]}
    for phase, _ in load_interview():
        typed += steps.get(phase, ["B", "Because.", "", "7", "8"])
    done = CliRunner().invoke(calibrate, [str(file)], input="\n".join(typed) + "\n")
    assert done.exit_code == 0, done.output[-500:]
    kept = load_calibration(file)
    assert [a.id for _, a in kept.answers()] == [question.id for _, question in load_interview()]
    assert "100%" not in done.output and "99% done" in done.output
    assert "What was understood of Ann" in done.output and "Traceback" not in done.output


def test_one_question_is_asked_again(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\nbecause\n\n5\n6\nA\n\n5\n6\ny\n\n8\n")
    piped(file, questions, "b\n\n\n\n", "--again", "kite")
    kept = load_calibration(file)
    assert [a.choice for a in kept.phase1_contemporary] == ["B", "A"]
    assert kept.phase1_contemporary[0].reasoning == "because"
    with pytest.raises(InputError, match="no question has this id"):
        piped(file, questions, "", "--again", "kites")


def test_a_new_reason_that_was_begun_is_taken_up_again(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\nold\n\n5\n6\n")
    piped(file, questions, "\nnew, first line\n", "--again", "kite")  # and the input ends
    assert load_calibration(file).phase1_contemporary[0].reasoning == "old"
    shown = piped(file, questions, "second line\n\n\n\n")
    assert "new, first line" in shown
    assert load_calibration(file).phase1_contemporary[0].reasoning == "new, first line\nsecond line"


def test_going_back_within_a_question_keeps_the_reasons_that_were_begun(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nB\nfirst line\nsecond line\n:p\nA\n")  # and the input ends
    kept = load_calibration(file).unfinished
    assert kept is not None and (kept.given, kept.draft) == ({"choice": "A"}, "first line\nsecond line")
    shown = piped(file, questions, ":p\nO\nI wait.\n\n\n5\n6\n")
    assert "second line" in shown
    assert said(load_calibration(file), 0) == ("Other", "I wait.", "first line\nsecond line", 5, 6)


def test_going_back_to_another_question_keeps_the_one_that_was_begun(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\nold\n\n5\n6\nB\none\ntwo\n:p\np\nB\nnew\n")  # back at the kite, and the end
    kept = load_calibration(file)
    assert kept.unfinished is not None and (kept.unfinished.id, kept.unfinished.draft) == ("kite", "new")
    assert [(entry.id, entry.given, entry.draft) for entry in kept.set_aside] == [("soup", {"choice": "B"}, "one\ntwo")]
    shown = piped(file, questions, "\n\n\n\n7\n8\n")  # Enter through the kite, then the reasons, as they were begun
    assert "You had begun this one" in shown
    kept = load_calibration(file)
    assert said(kept, 0) == ("B", "", "new", 5, 6) and said(kept, 1) == ("B", "", "one\ntwo", 7, 8)
    assert kept.unfinished is None and kept.set_aside == []


def test_a_look_back_at_an_answer_begins_nothing(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\nold\n\n5\n6\np\n\n:p\np\n")  # back, on to its reasons, and away
    assert load_calibration(file).unfinished is None


def test_the_summary_plays_back_and_points_out(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\n\n8\n9\nA\n\n9\n7\ny\n\n8\n")
    summary = json.loads(piped(file, questions, "", "--json"))
    assert summary["answered"] == 3 and summary["own_words"] == 0 and summary["open"] == []
    assert [answer["id"] for answer in summary["contradictions"][0]["answers"]] == ["soup", "kite"]
    before = file.read_bytes()
    shown = piped(file, questions, "", "--summary")
    assert "Between truth and comfort" in shown and "Nothing was changed" in shown
    assert file.read_bytes() == before


def test_a_file_of_version_1_stays_as_it_was_beside_the_new_one(tmp_path: Path, questions: Path) -> None:
    file, old = tmp_path / "me.json", tmp_path / "me.v1.json"
    answer = {"dilemma_id": "kite", "choice": "a", "certainty": 8, "emotional_weight": 9, "second_thoughts": "none"}
    before = json.dumps(
        {"version": "1.0", "username": "Ann", "calibration_date": "2025-03-01"} | {"phase1_x": [answer]}
    )
    file.write_text(before, "utf-8")
    shown = piped(file, questions, "q\n")
    assert "is written anew; as it was, it stays in" in " ".join(shown.split()) and old.name in shown.replace("\n", "")
    assert old.read_text("utf-8") == before and load_calibration(file).phase1_contemporary[0].choice == "A"
    assert "version 1" not in piped(file, questions, "q\n")
    file.write_text(before + "\n", "utf-8")
    piped(file, questions, "q\n")
    assert old.read_text("utf-8") == before and (tmp_path / "me.v1-2.json").read_text("utf-8") == before + "\n"


def test_what_was_typed_cannot_steer_the_terminal(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "An\x1b[31mn\nO\n[bold]\x1b]0;title\x07 words\n\n\n5\n6\n")
    kept = load_calibration(file)
    assert kept.username == "An[31mn"
    assert kept.phase1_contemporary[0].other == "[bold]]0;title words"
    assert "[bold]" in piped(file, questions, "", "--summary")


def test_no_letter_or_space_of_what_was_typed_is_lost(tmp_path: Path, questions: Path) -> None:
    file, typed = (
        tmp_path / "me.json",
        "I\u00a0would, at 5\u202f€: \u0645\u06cc\u200c\u0631\u0648\u0645 \U0001f468\u200d\U0001f33e",
    )
    piped(file, questions, f"Ann\nO\n{typed}\u202ex\u2069\n\n\n5\n6\n")
    spaced = typed.replace("\u00a0", " ").replace("\u202f", " ")
    assert load_calibration(file).phase1_contemporary[0].other == spaced + "x"


def test_answers_to_other_questions_are_not_mixed_in(tmp_path: Path, questions: Path) -> None:
    file = tmp_path / "me.json"
    piped(file, questions, "Ann\nA\n\n5\n6\n")
    with pytest.raises(InputError, match=r"kite.*no question of phase contemporary"):
        CliRunner().invoke(calibrate, [str(file)], catch_exceptions=False)
    with pytest.raises(InputError, match="holds the answers of 'Ann'"):
        piped(file, questions, "", "--name", "Bea")


def test_a_file_written_by_another_program_is_not_written_over(tmp_path: Path, questions: Path) -> None:
    from venire.datasets.questions import load_interview
    from venire.interviewing import Session, open_questions
    from venire.screen import Screen

    file = tmp_path / "me.json"
    piped(file, questions, "Ann\n")
    interview, calibration = load_interview([questions]), load_calibration(file)

    class Meanwhile(Screen):
        asked = 0

        def read(self, prompt: str = "> ") -> str:
            self.asked += 1
            assert self.asked == 1, "it wrote, and went on"
            save_calibration(file, calibration.model_copy(update={"username": "Bea"}))
            return "a"

    with pytest.raises(InputError, match="changed by another program"):
        Session(file, calibration, interview, Meanwhile(), open_questions(calibration, interview)).run()
    assert load_calibration(file).username == "Bea"


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, questions: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        piped(tmp_path / "nowhere" / "me.json", questions, "Ann\n")
    torn = tmp_path / "torn.json"
    torn.write_text('{"version": 2, "username": "An', "utf-8")
    with pytest.raises(InputError, match="not whole JSON"):
        piped(torn, questions, "A\n")
    assert torn.read_text("utf-8").endswith('"An'), "a file that cannot be read must not be written over"


def test_the_questions_can_be_copied_to_edit(tmp_path: Path) -> None:
    done = CliRunner().invoke(calibrate, ["--copy-questions", str(tmp_path / "mine")])
    assert done.exit_code == 0
    from venire.datasets.questions import load_interview

    assert load_interview([tmp_path / "mine"]).sha256 == load_interview().sha256
    again = CliRunner().invoke(calibrate, ["--copy-questions", str(tmp_path / "mine")])
    assert isinstance(again.exception, InputError)
