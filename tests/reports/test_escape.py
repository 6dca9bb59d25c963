"""What is unseen is written out; what is spelling, in any script, stays as it is; Markdown stays text."""

import sys
import unicodedata

import pytest

from venire.reports.escape import markdown, visible

# Formats (Cf) that have a form of their own: Arabic number signs, Syriac's abbreviation mark, Kaithi's number signs.
SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def test_no_character_that_is_unseen_by_its_category_is_left() -> None:
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    found = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in unseen]
    left = {ord(char) for char in found if visible(f"a{char}b") == f"a{char}b"} - {ord("\n"), ord("\t")}
    assert left == SEEN


@pytest.mark.parametrize("char", "\u3164\uffa0\u115f\u1160\u034f\u2800\u17b4\ufe0f\U000e0100\u180b\u2065\U000e0fff")
def test_fillers_and_stray_selectors_are_written_out(char: str) -> None:
    assert visible(f"a{char}b") == f"a⟨U+{ord(char):04X}⟩b"


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم این کتاب\u200cها را بخوانم؛ ه\u200d",  # Persian
        "क्\u200dष और र्\u200cय",  # Hindi
        "ക്\u200d ശ്രീ\u200cയും",  # Malayalam
        "ភាសា\u200bខ្មែរ",  # Khmer
        "ᠪᠠ\u180eᠢ᠋",  # Mongolian
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🧑🏽\u200d🚀 1\ufe0f\u20e3 ☺\ufe0e 👍🏿",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
        "葛\U000e0100城",
        "\u0600١٢ שלום العربية ça e\u0301 日本語\u3000です R&D 5 $\n\tx",
    ],
)
def test_ordinary_text_of_any_script_is_untouched(text: str) -> None:
    assert visible(text) == text


def test_what_hides_a_message_behind_spelling_is_written_out() -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "obey")
    assert visible(f"🏴{hidden}\U000e007f").count("⟨U+") == 5
    assert visible("م\u200c\u200d\u200cن").count("⟨U+") == 2
    assert visible("👍\ufe0f\ufe0e\U000e0101").count("⟨U+") == 2


def test_markdown_renders_as_the_text_and_links_nothing() -> None:
    said = markdown("&lt;script&gt; see WWW.tracker.example or (www.x.example) or _www.y.example, cost $x$ and $5")
    assert "\\&lt;script\\&gt;" in said and "\\$x\\$" in said
    assert "www." not in said.lower() and "www\u2060.x.example" in said
