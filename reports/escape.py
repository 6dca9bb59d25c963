"""What models and people wrote, made harmless: nothing unseen, nothing that turns the text, no live Markdown."""

import re
from typing import Any

# Controls and marks that could turn, hide or reorder the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~<>])")


def visible(text: Any) -> str:
    """Text whose invisible and direction-turning characters are written out, as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda m: f"⟨U+{ord(m[0]):04X}⟩", str(text).replace("\r\n", "\n"))


def harmless(value: Any) -> Any:
    """The same object with every text in it made `visible`: names in a file of votes are anybody's."""
    if isinstance(value, dict):
        return {harmless(key): harmless(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(part) for part in value]
    return visible(value) if isinstance(value, str) else value


def markdown(text: Any) -> str:
    """Text as Markdown that renders as that text: on one line, no link, image, table cell or mention in it."""
    line = " ".join(visible(text).split())
    return _MARKDOWN.sub(r"\\\1", line).replace("@", "@\u2060").replace("://", ":\u2060//")


def code(text: Any) -> str:
    """Text as a Markdown code span: a name, a hash."""
    return f"`{' '.join(visible(text).split()).replace('`', 'ˋ').replace('|', '¦')}`"
