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

KEYS = "[a]ccept  [e]dit  [r]eject  [s]kip  [b]ack  accept a[l]l  [q]uit"
_PARTS = ("question", "answer", "contrast")
_PART = re.compile(r"^## (question|answer|contrast)\n(.*?)(?=^## (?:question|answer|contrast)\n|\Z)", re.S | re.M)


def review(file: Path, waiting: Sequence[Draft]) -> None:
    """Show every waiting draft; each decision is saved at once, and can be gone back to until the last is made.

    What is skipped stays as it is, and after `q` the rest. What is accepted without having been shown is `unread`.
    """
    now, seen, at = list(waiting), set[int](), 0
    while at < len(now):
        _show(now[at], at + 1, len(now))
        seen.add(at)
        key = _key()
        if key == "q":
            click.echo("the rest waits for you; the same command goes on here", err=True)
            return
        if key == "l":
            if not _sure(sum(n not in seen for n in range(at, len(now)))):
                continue
            left = [n for n in range(at, len(now)) if now[n].status == "open"]
            _save(file, [replace(now[n], status="accepted" if n in seen else "unread") for n in left])
            return
        if key == "b":
            at = max(0, at - 1)
            continue
        if key != "s":
            decided = _decided(now[at], waiting[at], key)
            if decided is None:
                continue
            now[at] = decided
            _save(file, [decided])
        at += 1


def safe(text: str) -> str:
    """`text` without the control characters that would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text.replace("\r\n", "\n"))


def _key() -> str:
    """The next key that means something."""
    while (key := click.getchar().lower()) not in tuple("aersblq"):
        click.echo(KEYS, err=True)
    return key


def _sure(unseen: int) -> bool:
    """Would they be used as they are? Nothing is asked where all have been read."""
    if not unseen:
        return True
    many = "1 text that you have" if unseen == 1 else f"{unseen} texts that you have"
    click.echo(f"{many} not read will be used as they are; [y] takes them, any other key goes on reading", err=True)
    return click.getchar().lower() == "y"


def _decided(draft: Draft, written: Draft, key: str) -> Draft | None:
    """The draft with what was decided of it; `written` is as the teacher left it."""
    if key == "r":
        return replace(draft, status="rejected")
    if key == "a":
        same = all(getattr(draft, name) == getattr(written, name) for name in _PARTS)
        return replace(draft, status="accepted" if same else "edited")
    edited = _edit(draft)
    if edited is None:
        click.echo("nothing was changed", err=True)
    return edited


def _show(draft: Draft, number: int, total: int) -> None:
    width = min(100, shutil.get_terminal_size().columns)
    so_far = "" if draft.status == "open" else f"· {draft.status} so far "
    click.echo(f"\n── {number} of {total} · {safe(draft.label)} {so_far}" + "─" * max(0, width - 30), err=True)
    for name in _PARTS:
        if text := getattr(draft, name):
            click.echo(click.style(f"\n{name}", bold=True), err=True)
            for line in safe(text).split("\n"):
                click.echo(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  "), err=True)
    click.echo(f"\n{KEYS}", err=True)


def _edit(draft: Draft) -> Draft | None:
    """The draft as a person left it in their editor; None if nothing was changed or a part was emptied."""
    parts = [f"## {name}\n{getattr(draft, name)}\n" for name in _PARTS if getattr(draft, name)]
    try:
        text = click.edit("\n".join(parts), extension=".md", require_save=False)
    except click.ClickException as error:
        click.echo(f"{error.message}; set EDITOR to one that there is", err=True)
        return None
    except UnicodeDecodeError as error:
        click.echo(set_aside(error), err=True)
        return None
    found = dict(_PART.findall(text or ""))
    values = {name: found.get(name, "").strip() for name in _PARTS if getattr(draft, name)}
    if not all(values.values()) or all(values[name] == getattr(draft, name).strip() for name in values):
        return None
    return replace(draft, status="edited", **values)


def _save(file: Path, decided: Sequence[Draft]) -> None:
    own = {(draft.key, draft.attempt): draft for draft in decided}
    save_drafts(file, [own.get((draft.key, draft.attempt), draft) for draft in read_drafts(file)])
