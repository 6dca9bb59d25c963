"""What a person at a terminal, or a pipe in their place, is shown and types: folded lines, plain text, $EDITOR."""

import contextlib
import select
import sys
import tempfile
import unicodedata

from rich.console import Console
from rich.text import Text

from venire._common.errors import InputError

_WIDE = 88  # columns
# Bidi classes of what turns the letters that stand after it.
_TURNS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_PASTE = 0.05  # seconds within which the rest of a paste is there, and nobody types


class Left(Exception):
    """The person leaves the interview, or the input has ended. What was typed is saved."""


class Screen:
    """What is shown and read. In a pipe nothing is cleared and nothing coloured."""

    def __init__(self) -> None:
        self.live = sys.stdin.isatty() and sys.stdout.isatty()
        for stream in (sys.stdin, sys.stdout):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        self.console = Console(markup=False, highlight=False)
        if self.live:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401  (input() edits lines with it)

    @property
    def width(self) -> int:
        """Of a line of text; the window may have been made narrower meanwhile."""
        return max(20, min(self.console.width, _WIDE)) if self.live else 80

    def clear(self) -> None:
        """A fresh screen, where there is a screen."""
        if self.live:
            self.console.clear()
        else:
            self.say("")

    def say(self, text: str, style: str = "", label: str = "") -> None:
        """A text, folded to the width; what stands before it in `label` has a column of its own."""
        folded = Text(plain(text), style=style).wrap(self.console, self.width - len(label))
        for number, line in enumerate(folded or [Text()]):
            line.rstrip()
            before = Text(label if number == 0 else " " * len(label), style="bold")
            self.console.print(Text.assemble(before, line), soft_wrap=True)

    def read(self, prompt: str = "> ") -> str:
        """One line, without what a terminal would obey. Raises Left at the end of the input."""
        try:
            return plain(input(prompt))
        except EOFError as error:
            raise Left from error

    def pasting(self) -> bool:
        """Does more wait than was read, as after several paragraphs were pasted? In a pipe an empty line is an end."""
        with contextlib.suppress(OSError, ValueError):  # where a terminal cannot be asked
            return self.live and bool(select.select([sys.stdin], [], [], _PASTE)[0])
        return False

    def edit(self, text: str, question: str) -> str | None:
        """The text as the person leaves it in $EDITOR; None, and a word about it, if there is no editor to be had."""
        import click

        if not self.live:
            raise InputError("the editor needs a terminal; write the text in lines, with an empty one at its end")
        about = "".join(f"# {line}\n" for line in [*question.splitlines(), "Lines that begin with # are left out."])
        try:
            edited = click.edit(f"{text}\n\n{about}", extension=".txt", require_save=False) or ""
        except click.ClickException as error:
            self.say(f"{plain(error.message)}; set EDITOR to one that there is, or go on here line by line.", "yellow")
            return None
        except UnicodeDecodeError as error:
            self.say(f"{set_aside(error)} Or go on here line by line; what you had typed stays.", "yellow")
            return None
        return plain("\n".join(line for line in edited.splitlines() if not line.startswith("#"))).strip()


def set_aside(error: UnicodeDecodeError) -> str:
    """Keep what an editor saved in another encoding than UTF-8; a sentence that says where."""
    with tempfile.NamedTemporaryFile(prefix="venire-", suffix=".txt", delete=False) as file:
        file.write(error.object)
    return (
        f"Your editor does not save UTF-8. What it saved is kept in {file.name}; set it to UTF-8, and paste it there."
    )


def plain(text: str) -> str:
    """`text` without what can move the cursor, change a colour or turn the order of letters; all else that was typed.

    Joiners stay, without which Persian and an emoji are other words, and a space of any kind is a space.
    """
    return "".join(_plain(c) for c in text.replace("\t", "    "))


def _plain(char: str) -> str:
    if char == "\n" or char.isprintable():
        return char
    kind = unicodedata.category(char)
    if kind.startswith("Z"):
        return " "
    return "" if kind in ("Cc", "Cs") or unicodedata.bidirectional(char) in _TURNS else char
