"""Does an answer look as if it had been cut off?"""

import re

_MARKS = frozenset(".!?…:;)]}\"'”’»*_~`。！？」』）>|")
_LOOSE = re.compile(
    r"(?:,|\b(?:and|or|but|the|a|an|of|to|in|with|for|that|because|und|oder|der|die|das|et|ou|de|y|o))$", re.I
)


def is_cut(text: str, ended: bool) -> bool:
    """An open block of code, a loose end, or, among answers that do end, no end."""
    if text.count("```") % 2:
        return True
    if text.count(" ") < 7:
        return False
    last = text.rsplit("\n", 1)[-1]
    listed = "\n" in text and (last.count(" ") < 7 or re.match(r"\s*(?:[-*•#|]|\d+[.)])", last))
    return bool(_LOOSE.search(text[-12:])) or (ended and not listed and not ends_well(text) and text[-1].isascii())


def ends_well(text: str) -> bool:
    """Does the text end as a sentence, a number, a quotation, a list or an address does?"""
    return text[-1] in _MARKS or text[-1].isdigit() or "://" in text.rsplit(None, 1)[-1]
