"""What models and people wrote, made harmless: nothing unseen, nothing that turns the text, no live Markdown."""

import re
from typing import Any

# What nobody sees, or what turns, hides or reorders the text around it: controls, surrogates, Unicode's formats (Cf)
# but those with a form of their own (Arabic number signs), line and paragraph separators, blanks that count as
# letters, tags, and selectors of variants.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Some of these are spelling, where they follow what they belong to, once: joiners in scripts that join (Persian,
# Hindi), the break between words of scripts without spaces, Mongolian's selectors, and the parts of an emoji.
_JOINING = (
    "\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1700-\u180a\u1810-\u18af\u1a20-\u1aaf\u1b00-\u1c4f\u1cd0-\u1cff"
    "\ua800-\ua8ff\ua980-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaa7f"
_PICTURES = "\u2100-\u27bf\u2900-\u2bff\U0001f000-\U0001faff"
_IDEOGRAPHS = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SPELT = [
    f"(?<=[{_JOINING}])[\u200c\u200d]",
    f"(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])",
    "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    f"(?<=[#*0-9\xa9\xae\u203c\u2049\u3030\u303d\u3297\u3299{_PICTURES}])[\ufe0e\ufe0f]",
    f"(?<=[\ufe0f{_PICTURES}])\u200d(?=[{_PICTURES}])",
    f"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
    # The flags of England, Scotland and Wales are spelt with tags.
    "(?<=\U0001f3f4)\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f",
]
_HARMFUL = re.compile(f"[{_UNSEEN}]+")
_SPELLING = re.compile(f"(?:{'|'.join(_SPELT)})+")
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~<>&$])")
_WEB = re.compile(r"www(?=\.)", re.IGNORECASE)  # GitHub makes a link of it by itself


def visible(text: Any) -> str:
    """Text whose invisible and direction-turning characters are written out, as `⟨U+202E⟩`."""
    return _HARMFUL.sub(_written_out, str(text).replace("\r\n", "\n"))


def _written_out(found: re.Match[str]) -> str:
    kept = _SPELLING.match(found.string, found.start())
    spelling = kept[0] if kept else ""
    return spelling + "".join(f"⟨U+{ord(char):04X}⟩" for char in found[0][len(spelling) :])


def harmless(value: Any) -> Any:
    """The same object with every text in it made `visible`: names in a file of votes are anybody's."""
    if isinstance(value, dict):
        return {harmless(key): harmless(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(part) for part in value]
    return visible(value) if isinstance(value, str) else value


def markdown(text: Any) -> str:
    """Text as Markdown that renders as that text: on one line, no link, image, table cell, formula or mention in it."""
    line = _MARKDOWN.sub(r"\\\1", " ".join(visible(text).split()))
    return _WEB.sub("\\g<0>\u2060", line.replace("@", "@\u2060").replace("://", ":\u2060//"))


def code(text: Any) -> str:
    """Text as a Markdown code span: a name, a hash."""
    return f"`{' '.join(visible(text).split()).replace('`', 'ˋ').replace('|', '¦')}`"
