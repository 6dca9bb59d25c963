"""Does an answer look as if it had been cut off, or never been written?"""

import re

_MARKS = frozenset(".!?…:;)]}\"'”’»*_~`。！？」』）>|")
_LOOSE = re.compile(
    r"(?:,|\b(?:and|or|but|the|a|an|of|to|in|with|for|that|because|und|oder|der|die|das|et|ou|de|y|o))$", re.I
)
# No end for an answer of any length: "come in" and "vitamin a" are ends, so the words here are few.
_NEVER_LAST = re.compile(
    r"(?:,|\s(?:and|or|but|the|an|because|und|oder)|\b(?:because|but|then|that|if|when|while) (?:i|he|she|we|they))$",
    re.I,
)
_OPEN = re.compile(r"\b(?:is|are|was|were|will|would|should|could|must)$", re.I)  # of a point of a list
_POINT = re.compile(r"\s*(?:[-*•#|]|\d+[.)])")
_FEW, _SOME = 4, 7  # spaces; a text with fewer has too few words to be a sentence
_BLANKS = ".-–—_… "
_STAND_INS = frozenset(
    (
        "n/a",
        "null",
        "nan",
        "nil",
        "todo",
        "tbd",
        "fixme",
        "empty",
        "undefined",
        "placeholder",
        "lorem ipsum",
        "no answer",
    )
)


def is_cut(text: str, ended: bool) -> bool:
    """Nothing but a stand-in, an open block of code, a loose end, or, among answers that do end (`ended`), no end."""
    if text.count("```") % 2 or is_stand_in(text) or _NEVER_LAST.search(text[-24:]):
        return True
    spaces = text.count(" ")
    if "\n" in text and _stops_within_a_list(text):
        return True
    if spaces < _SOME:
        return ended and spaces >= _FEW and bool(_LOOSE.search(text[-12:]))
    last = text.rsplit("\n", 1)[-1]
    listed = "\n" in text and (last.count(" ") < _SOME or _POINT.match(last))
    return bool(_LOOSE.search(text[-12:])) or (ended and not listed and not ends_well(text) and text[-1].isascii())


def is_stand_in(text: str) -> bool:
    """Dots, a dash, or a word such as TODO, in brackets or not, where the answer should be."""
    return not text.strip(_BLANKS) or (len(text) < 20 and text.casefold().strip(" .[](){}<>") in _STAND_INS)


def ends_well(text: str) -> bool:
    """Does the text end as a sentence, a number, a quotation, a list or an address does?"""
    return text[-1] in _MARKS or text[-1].isdigit() or "://" in text.rsplit(None, 1)[-1]


def _stops_within_a_list(text: str) -> bool:
    """The last point is begun and not said: it ends with a verb, or the points before it all end as sentences."""
    *before, last = [line.rstrip() for line in text.split("\n") if line.strip()]
    points = [line for line in before if _POINT.match(line)]
    if not _POINT.match(last) or ends_well(last):
        return False
    return bool(_OPEN.search(last)) or (len(points) >= 2 and all(line[-1] in ".!?" for line in points))
