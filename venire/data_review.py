"""The screen on which a person accepts, edits or rejects what a teacher wrote, before any of it is used."""

import re
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from venire.datasets.teachers import Draft, read_drafts, save_drafts
from venire.screen import set_aside

KEYS = "[a]ccept  [e]dit  [r]eject  [s]kip  accept a[l]l  [q]uit"
_EDITED = ("question", "answer", "contrast")
_PART = re.compile(r"^## (question|answer|contrast)\n(.*?)(?=^## (?:question|answer|contrast)\n|\Z)", re.S | re.M)


def review(file: Path, waiting: Sequence[Draft]) -> None:
    """Show every waiting draft; each decision is saved at once. What is skipped waits on, and after `q` the rest."""
    everything = False
    for number, draft in enumerate(waiting, start=1):
        decided: Draft | None = None
        if not everything:
            _show(draft, number, len(waiting))
        while decided is None:
            key = "l" if everything else click.getchar().lower()
            everything = everything or key == "l"
            if key == "q":
                click.echo("the rest waits for you; the same command goes on here", err=True)
                return
            if key == "s":
                break
            decided = _decided(draft, key)
        if decided:
            _save(file, decided)


def safe(text: str) -> str:
    """`text` without the control characters that would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text.replace("\r\n", "\n"))


def _decided(draft: Draft, key: str) -> Draft | None:
    if key in ("a", "l"):
        return replace(draft, status="accepted")
    if key == "r":
        return replace(draft, status="rejected")
    if key == "e":
        edited = _edit(draft)
        if edited is None:
            click.echo("nothing was changed; " + KEYS, err=True)
        return edited
    click.echo(KEYS, err=True)
    return None


def _show(draft: Draft, number: int, total: int) -> None:
    width = min(100, shutil.get_terminal_size().columns)
    click.echo(f"\n── {number} of {total} · {safe(draft.label)} " + "─" * max(0, width - 30), err=True)
    for name in _EDITED:
        if text := getattr(draft, name):
            click.echo(click.style(f"\n{name}", bold=True), err=True)
            for line in safe(text).split("\n"):
                click.echo(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  "), err=True)
    click.echo(f"\n{KEYS}", err=True)


def _edit(draft: Draft) -> Draft | None:
    """The draft as a person left it in their editor; None if nothing was changed or a part was emptied."""
    parts = [f"## {name}\n{getattr(draft, name)}\n" for name in _EDITED if getattr(draft, name)]
    try:
        text = click.edit("\n".join(parts), extension=".md", require_save=False)
    except click.ClickException as error:
        click.echo(f"{error.message}; set EDITOR to one that there is", err=True)
        return None
    except UnicodeDecodeError as error:
        click.echo(set_aside(error), err=True)
        return None
    found = dict(_PART.findall(text or ""))
    values = {name: found.get(name, "").strip() for name in _EDITED if getattr(draft, name)}
    if not all(values.values()) or all(values[name] == getattr(draft, name).strip() for name in values):
        return None
    return replace(draft, status="edited", **values)


def _save(file: Path, decided: Draft) -> None:
    own = (decided.key, decided.attempt)
    save_drafts(file, [decided if (draft.key, draft.attempt) == own else draft for draft in read_drafts(file)])
