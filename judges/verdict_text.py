"""What a judge's free text says: which label won, a tie, or why there is no verdict in it.

Four kinds of evidence, strongest first; the strongest kind that is present decides, and only within that kind:

    3  marked as final: `[[A]]`, `[[B>A]]`, `Final verdict: B`, `"winner": "A"`, the whole answer being `A`
    2  a named slot: `Winner: [B]`, `**Choice**: A`, `The winner is B`, `Overall, A is better`
    1  prose: `Response B is better`, `I prefer A`, `both are equally good`
    0  none: an error of the provider, a refusal, nothing at all, or text without a verdict

In 3 and 2 the last one stands (a judge that changes its mind says so last). In 1 there is no last word: prose that
points both ways is unparseable. Words are matched as words ("qualities" holds no tie), a negated or conditional
sentence is no verdict ("A is not better than B", "[[A]] if A is better"), and what merely names both labels
("Winner: A or B") is the prompt's own wording come back.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

TIE = "tie"


@dataclass(frozen=True)
class ParsedVerdict:
    """`winner` is a label, `tie`, or None, and then `reason` says why (one of judges.votes.REASONS).

    `evidence` is the text that decided, empty if none did.
    """

    winner: str | None
    reason: str | None = None
    evidence: str = ""


@dataclass(frozen=True)
class _Found:
    level: int
    at: int
    winner: str
    evidence: str


_NOUN = (
    r"(?:response|answer|assistant|model|option|candidate|output|text|version|completion|reply|story|essay|poem|"
    r"passage|sample|writer|author|piece)"
)
# "Choice: both have merit, but …" is no tie yet; "both", "neither" and their like stand alone or say what they mean.
_TIE_WORD = re.compile(
    r"(?:(?:a|an|it'?s\s+a|c\s*[:(,-]*\s*(?:a\s+)?)\s*)?(?:tie|tied|draw|no\s+(?:clear\s+)?winner)\b(?!\s*/|\s+or\b|\|)|"
    r"(?:both|neither|none|equal|equally)\b(?=\s*(?:$|[\]).;:!\"'(]|(?:of\s+them|responses?|answers?)\s*(?:$|[.;!])|"
    r"\w+\s+nor\b|good|(?:responses?\s+|answers?\s+)?(?:are|is)\s+(?:\w+ly\s+)?(?:equal|tied|better|good|bad|fine)))",
    re.IGNORECASE,
)
_JSON_RANK = re.compile(
    r"[\"']model[\"']\s*:\s*[\"']([^\"'\n]{1,40})[\"']\s*,\s*[\"']rank[\"']\s*:\s*1\b|"
    r"[\"']rank[\"']\s*:\s*1\s*,\s*[\"']model[\"']\s*:\s*[\"']([^\"'\n]{1,40})[\"']"
)
_CONDITION = re.compile(r"[\s\"'_\])]*,?\s*\b(?:if|when|should)\b", re.IGNORECASE)
_SLOT = re.compile(
    r"\b(?P<final>(?:final|overall|ultimate)\s+)?"
    r"(?P<name>winner(?:\s+of\s+(?:this|the)\s+(?:comparison|match|pair|two|evaluation|contest))?|(?:overall|better|result)(?=\s*[:=])|verdict|choice|decision|preference|judge?ment|vote|pick|preferred|"
    r"(?:better|best|preferred|winning|stronger)\s+(?:one|" + _NOUN + r"))\b(?:\s+here\b)?[#\"'\]\)\s]{0,4}"
    r"(?P<link>\s*(?:is|was|goes\s+to|would\s+be|must\s+be)\b(?:\s+(?:clearly|tentatively|therefore|thus|hence|for))?\s*[:=]?"
    r"|\s*(?:[:=>]|->|→|—|–|\s-\s)|\s*\n)",
    re.IGNORECASE,
)  # fmt: skip
# `Creativity winner: B` names one criterion's winner; only these words may stand before the slot's name.
_SLOT_OPENERS = re.compile(
    r"(?:^|[^\w\s]|\n|\b(?:the|my|your|our|clear|final|overall|ultimate|so|and|thus|therefore|as|a))[\s#\"']*$",
    re.IGNORECASE,
)
_ANSWER_SLOT = re.compile(r"(?:^|\n)[\s*_#>]*(?:final\s+)?answer[*_]{0,2}\s*[:=]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[\[\s*([^\[\]\n]{1,40}?)\s*\]\]")
_JSON_KEYS = (
    "winner",
    "verdict",
    "choice",
    "preference",
    "preferred",
    "decision",
    "better",
    "best",
    "answer",
    "result",
)
_JSON_PAIR = re.compile(
    r"[\"'](?:final_|overall_)?(?:" + "|".join(_JSON_KEYS) + r")(?:_response|_answer|_model|_label)?[\"']\s*:\s*"
    r"(?:[\"']([^\"'\n]{0,40})[\"']|(null)\b)",
    re.IGNORECASE,
)
_TAGGED = re.compile(
    r"<\s*(?:final_|overall_)?(?:" + "|".join(_JSON_KEYS) + r")\s*>\s*([^<>\n]{1,40}?)\s*</", re.IGNORECASE
)
_ADVERBS = r"(?:(?!hardly\b)\w+ly|much|far|just|still|also|the|my|a\s+bit|a\s+little|somewhat|overall|indeed|so)"
_PRAISE = r"(?:better|superior|stronger|preferable|preferred|winner|best|winning|favou?rite|(?:choice|pick)\b(?!\s+of))"
_BLAME = r"(?:worse|weaker|inferior|worst)"
_WINS = (
    r"(?:wins|won|prevails|outperforms|beats|surpasses|outshines|edges\s+(?:out|ahead)|comes\s+out\s+(?:ahead|on\s+top)|"
    r"takes\s+(?:it|the\s+win|the\s+lead)|gets\s+my\s+vote|deserves\s+(?:the\s+win|to\s+win)|should\s+win|has\s+the\s+edge)"
)
_PREFER = (
    r"\b(?:i|we|i'd|we'd)\s+(?:would\s+|will\s+|\w+ly\s+|must\s+|have\s+to\s+)*"
    r"(?:prefer|choose|chose|pick|picked|favou?r|select|go\s+with|vote(?:\s+for)?|have\s+a\s+(?:\w+\s+)?preference\s+for)\s+"
)
_TIE_PROSE = re.compile(
    r"\b(?:(?:it|this|that)(?:\s+is|\s+was|'s)\s+(?:\w+ly\s+)?(?:a\s+)?(?:tie|draw|tied)|"
    r"(?:call|calling|declare|consider|rate)\s+(?:it|this|them)\s+(?:a\s+|as\s+a\s+)?(?:tie|draw|tied|equal)|"
    r"(?:ends?|results?)\s+in\s+a\s+(?:tie|draw)|too\s+close\s+to\s+call|no\s+clear\s+winner|a\s+tie\s+between|"
    r"(?:both|they|the\s+two|two)\b[^.\n]{0,40}?\b(?:are|were)\s+(?:\w+ly\s+)?"
    r"(?:equally\s+\w+|tied|equal(?!\s+parts)|evenly\s+matched|equivalent|on\s+(?:a\s+)?par)|"
    r"neither\b[^.,\n]{0,40}?\b(?:wins|stands\s+out|(?:is|was)\b[^.,\n]{0,20}\b(?:better|superior|best|stronger))\b)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\bnot\b|n't\b|\bcannot\b|\bnever\b|\bhardly\b|\bif\b|\bwhether\b|\bunless\b|\bwhile\b|\balthough\b|\bthough\b|"
    r"\bwhich\b|\bhad\b|\bcould\b|\bmight\b|\bdoubt\b|\bnor\b|\bdeny\b|\bdespite\b)[^.!?\n;,]*$",
    re.IGNORECASE,
)
_ONLY_THERE = re.compile(
    r"\s*(?:in|at|on|regarding|concerning|with\s+respect\s+to)\s+(?!every|all\b|most|nearly|almost|general|total|"
    r"my\s+(?:view|opinion)|balance|the\s+whole|both)",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\b(?:overall|ultimately|in\s+(?:conclusion|summary|the\s+end)|to\s+conclude|therefore|on\s+balance|"
    r"all\s+(?:things\s+considered|in\s+all)|taken\s+together)\b[^.!?\n]*$",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(r"\b(?:timed?[\s_-]?out|deadline[\s_]?exceeded|timeout(?:error|exception)?)\b", re.IGNORECASE)
_ERROR = re.compile(
    r"\$ERROR\$|\b(?:HTTP(?:/\d\.\d)?|status(?:\s+code)?|error(?:\s+code)?|code)\b[\s:=\"']{0,4}(?:4[0-9]{2}|5[0-9]{2})\b|"
    r"\b(?:4(?:00|01|02|03|04|08|13|22|29)|5(?:00|02|03|04|29))\b[\s:.,-]{1,3}(?:too\s+many\s+requests|bad\s+request|"
    r"unauthori[sz]ed|forbidden|not\s+found|internal|bad\s+gateway|service|gateway|overloaded|resource|payment|client|server|\{)|"
    r"\b(?:too\s+many\s+requests|rate[\s_-]?limit(?:s|ed|_error|error)?\b|insufficient[\s_]quota|quota\s+exceeded|"
    r"exceeded\s+your\s+(?:current\s+)?quota|resource[\s_]?(?:has\s+been\s+)?exhausted|overloaded(?:_error)?|"
    r"internal\s+server\s+error|service\s+unavailable|bad\s+gateway|api[\s_]?(?:connection|status)?[\s_]?error|"
    r"connection\s+(?:error|reset|refused|aborted)|invalid[\s_]api[\s_]key|credit\s+balance\s+is\s+too\s+low|"
    r"traceback\s+\(most\s+recent|\w+(?:Error|Exception)\s*[:(])|[\"']error[\"']\s*:",
    re.IGNORECASE,
)  # fmt: skip
_REFUSAL = re.compile(
    r"\b(?:i|we)(?:\s+am|'m)?\s+(?:(?:really|very|so)\s+)?(?:sorry|cannot|can'?t|can\s+not|won'?t|unable|"
    r"not\s+able|not\s+comfortable|must\s+decline|(?:have\s+to|need\s+to|will|would)\s+(?:decline|refuse)|decline|refuse|"
    r"do\s+not\s+feel\s+comfortable|don'?t\s+feel\s+comfortable)\b|"
    r"\bas\s+an?\s+(?:ai|language\s+model|assistant)\b[^.\n]{0,60}\b(?:cannot|can'?t|unable|not\s+able|do\s+not|don'?t)\b|"
    r"\bcontent[\s_](?:filter|policy)|\bblocked\s+by\s+(?:the\s+)?(?:safety|content)|\bfinish_reason\W+(?:safety|content_filter)",
    re.IGNORECASE,
)  # fmt: skip


def parse_verdict(text: str | None, labels: tuple[str, str] = ("A", "B")) -> ParsedVerdict:
    """The verdict in a judge's raw text, by label.

    >>> parse_verdict("Both have fine qualities.\\nWinner: [B]").winner
    'B'
    >>> parse_verdict("Error code: 429 - rate limit reached").reason
    'error'
    """
    if text is None or not text.strip():
        return ParsedVerdict(None, "empty")
    clean = _clean(text)
    reader = _reader(labels)
    found = sorted(_find(clean, reader), key=lambda item: (item.level, item.at))
    if _is_error_alone(clean, found):
        return ParsedVerdict(None, "timeout" if _TIMEOUT.search(clean[:300]) else "error", clean[:80])
    if not found:
        refused = _REFUSAL.search(clean)
        return ParsedVerdict(None, "refusal" if refused else "parse", refused.group() if refused else "")
    top = [item for item in found if item.level == found[-1].level]
    if top[-1].level == 1 and len({item.winner for item in top}) > 1:
        return ParsedVerdict(None, "parse", " | ".join(item.evidence for item in top[-2:]))
    return ParsedVerdict(top[-1].winner, None, top[-1].evidence)


def read_mapping(mapping: str | None) -> dict[str, str]:
    """`A=incumbent;B=candidate` as a dict from label to side; empty if it is no such mapping."""
    pairs = [part.split("=") for part in (mapping or "").replace(",", ";").split(";") if part.strip()]
    sides = {pair[0].strip(): pair[1].strip().lower() for pair in pairs if len(pair) == 2}
    return sides if sorted(sides.values()) == ["candidate", "incumbent"] else {}


def _clean(text: str) -> str:
    """Plain quotes and colons, no emphasis; a reasoning model's thoughts set aside."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("“", '"').replace("”", '"')
    text = re.sub(r"[*`]+|(?<![A-Za-z0-9])__?|__?(?![A-Za-z0-9])", "", text)
    return without_thoughts(re.sub(r"\\boxed\s*\{\s*(?:\\text\s*\{)?([^{}\n]*)\}+", r"[[\1]]", text))


def without_thoughts(text: str) -> str:
    """`text` without what a reasoning model thought before it answered."""
    outside = re.sub(r"<(think|thinking|reasoning)>.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    outside = re.sub(r"^.*</think>", " ", outside, flags=re.DOTALL)  # some servers drop the opening tag
    return re.sub(r"<think>.*$", " ", outside, flags=re.DOTALL).strip()


class _Labels:
    """Reads a label, a tie, or neither, at the start of a piece of text."""

    def __init__(self, labels: tuple[str, str]) -> None:
        self.labels = labels
        self.fold = labels[0].lower() != labels[1].lower()  # AlpacaEval's `m` and `M` differ by case alone
        one = "|".join(re.escape(label) for label in labels)
        self.case = f"(?i:{one})" if self.fold else f"(?:{one})"
        self.upper = f"(?:{one})"
        # In prose a bare label stands as written, in capitals: "a" and sentence-opening "A" are usually articles.
        self.named = (  # it begins where a word does, which spares a try of every noun at every character
            rf"(?<!\w)(?:(?i:the\s+)?(?i:{_NOUN})\s+[\"\[(]*(?P<n>{self.case})(?!\w)[\"\])]*"
            rf"|(?P<b>{self.upper})(?!\w)[\")\]]?)(?:'s\s+(?i:{_NOUN}))?"
        )
        self.relation = re.compile(rf"\s*({self.case})\s*(>+|<+|=+|≻|≺|≈)\s*({self.case})(?!\w)")
        self.opening = re.compile(rf"[\s\"'_\[(<]*(?:the\s+)?(?:{_NOUN}\s*)?[\"'_\[(#]*", re.IGNORECASE)
        self.both = re.compile(
            rf"[\s\"'_\])]*(?:/|\||,|,?\s*\b(?:or|and)\b)\s*[\"'_\[(]*(?:{_NOUN}\s+)?(?:{self.case})\b", re.IGNORECASE
        )
        self.label = re.compile(rf"({self.case})(?!\w|'\w)")
        self.goes_on = re.compile(
            r"\s*(?:$|[^\w\s]|\n|(?:is|wins|won|was|because|since|as|due|has|over|by|for|with|but|though|although|"
            r"overall|here|better|than|definitely|clearly|slightly|narrowly|on|in)\b)"
        )

        be = r"(?i:\s+(?:is|was|seems|appears|feels|remains)|'s)\s+(?:(?i:" + _ADVERBS + r")\s+){0,3}"
        wins = rf"\s+(?:(?i:{_ADVERBS})\s+){{0,2}}(?i:{_WINS})\b"
        better_is = rf"(?i:\b{_PRAISE}(?:\s+(?:one|{_NOUN}))?\s+(?:is|was|would\s+be)\s+)"
        self.prose = [  # what is found, and whether the label that it names wins
            (re.compile(self.named + be + rf"(?i:{_PRAISE})\b"), True),
            (re.compile(self.named + be + rf"(?i:{_BLAME})\b"), False),
            (re.compile(self.named + wins), True),
            (re.compile(self.named + r"\s+(?i:loses|lost)\b"), False),
            (re.compile(rf"(?i:{_PREFER})" + self.named + r"(?!\w)"), True),
            (re.compile(r"(?i:\bin\s+favou?r\s+of\s+)" + self.named + r"(?!\w)"), True),
            (re.compile(better_is + self.named + r"(?!\w)"), True),
            (_TIE_PROSE, True),
        ]

    def other(self, label: str) -> str:
        return self.labels[1] if label == self.labels[0] else self.labels[0]

    def canonical(self, text: str) -> str:
        if not self.fold:
            return text
        return next(label for label in self.labels if label.lower() == text.lower())

    def read(self, text: str) -> str | None:
        """What a slot's content names. `text` is what follows the slot's colon, to the end of the line."""
        if whole := re.fullmatch(rf"[\s\"'\[(]*({self.case})[\s\"'\])]*", text):
            return self.canonical(whole.group(1))
        if relation := self.relation.match(text.lstrip(" \t\"'_[(")):
            left, sign, right = (part.upper() if self.fold else part for part in relation.groups())
            if left == right:
                return None
            winner = left if sign[0] in ">≻" else right
            return TIE if sign[0] in "=≈" else self.canonical(winner)
        rest = text[self.opening.match(text).end() :]  # type: ignore[union-attr]  # it matches nothing too
        opened = text[: len(text) - len(rest)]
        if _TIE_WORD.match(rest):
            return TIE
        found = self.label.match(rest)
        if not found:
            return None
        after = rest[found.end() :]
        if self.both.match(after) or _CONDITION.match(after) or re.match(r"\s+is\s+not\b|\s+isn't\b", after):
            return None  # "A or B", "A/B", "A if …": the prompt's own words; "A is not …"
        # A bare label needs a sign that it is one: "Verdict: A close call", "the winner is a matter of taste".
        bare = not re.search(rf"[\"'_\[(]\s*$|{_NOUN}\W*$", opened, re.IGNORECASE)
        lower = found.group() != self.canonical(found.group())
        if bare and (not self.goes_on.match(after) or (lower and re.match(r"\s+\w", after))):
            return None
        winner = self.canonical(found.group())
        return self.other(winner) if re.match(rf"\s+(?:is|was)\s+(?:{_ADVERBS}\s+)*{_BLAME}\b", after) else winner


@lru_cache
def _reader(labels: tuple[str, str]) -> _Labels:
    return _Labels(labels)


def _find(text: str, reader: _Labels) -> list[_Found]:
    found = [*_bare(text, reader), *_json(text, reader), *_bracketed(text, reader), *_slots(text, reader)]
    strongest = max((item.level for item in found), default=0)
    if strongest == 3:
        return found
    # Prose comes to 2 at most, so before the last such verdict none can decide; it is the slowest to look for.
    last = max((item.at for item in found if item.level == 2), default=0)
    return [*found, *_prose(text, reader, last)]


def _bare(text: str, reader: _Labels) -> Iterator[_Found]:
    """The whole answer, or its last line, is nothing but a verdict."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line, level in ((text, 3), (lines[-1] if lines else "", 2)):
        core = line.strip(" \t\r\n\"'`*_[](){}.!#>-")
        whole = re.fullmatch(rf"(?:(?i:the\s+)?(?i:{_NOUN})\s+)?[\"'*\[(]*({reader.case})", core)
        if whole:
            yield _Found(level, len(text), reader.canonical(whole.group(1)), core)
        elif re.fullmatch(
            r"(?:it(?:'s| is) )?(?:a |an )?(?:tie|draw|neither|both|equal|no (?:clear )?winner)", core, re.IGNORECASE
        ):
            yield _Found(level, len(text), TIE, core)
        elif reader.relation.fullmatch(core) and (winner := reader.read(core)):
            yield _Found(level, len(text), winner, core)


def _json(text: str, reader: _Labels) -> Iterator[_Found]:
    """`"winner": "A"`, also in an object that was cut off; AlpacaEval's `"model": "m", "rank": 1`; `<answer>A</…`."""
    for found in _JSON_PAIR.finditer(text):
        winner = reader.read(found.group(1)) if found.group(1) else None
        if winner:
            yield _Found(3, found.start(), winner, found.group())
    for found in _TAGGED.finditer(text):
        if winner := reader.read(found.group(1)):
            yield _Found(3, found.start(), winner, found.group())
    for found in _JSON_RANK.finditer(text):
        winner = reader.read(found.group(1) or found.group(2))
        if winner:
            yield _Found(3, found.start(), winner, found.group())


def _bracketed(text: str, reader: _Labels) -> Iterator[_Found]:
    """`[[A]]`, `[[C]]` (FastChat's tie), `[[A>>B]]` (Arena-Hard), `[[7, 8]]` (FastChat's two ratings)."""
    for found in _BRACKETS.finditer(text):
        if re.match(r"[\s\"'`*_]*,?\s*(?:if|when|for|or|/)\b", text[found.end() :], re.IGNORECASE):
            continue  # the instructions, echoed
        inner = found.group(1)
        ratings = re.fullmatch(r"(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)", inner)
        if ratings:
            gap = float(ratings.group(1)) - float(ratings.group(2))
            winner = TIE if abs(gap) <= 0.1 else reader.labels[0 if gap > 0 else 1]
        elif inner.upper() == "C" and "C" not in reader.labels:
            winner = TIE
        else:
            winner = reader.read(inner)
        if winner:
            yield _Found(3, found.start(), winner, found.group())


def _slots(text: str, reader: _Labels) -> Iterator[_Found]:
    for found in (*_SLOT.finditer(text), *_ANSWER_SLOT.finditer(text)):
        before = text[: found.start()]
        named = found.re is _SLOT
        if named and not found.group("final") and not _SLOT_OPENERS.search(before[-40:]):
            continue
        prose = named and not re.search(r"[:=\n>→—–-]\s*$", found.group("link"))
        if prose and _NEGATED.search(_sentence_before(before)):
            continue
        content = text[found.end() : found.end() + 120].lstrip("\n")
        winner = reader.read(content.split("\n", 1)[0])
        if winner:
            final = named and found.group("final")
            yield _Found(3 if final else 2, found.start(), winner, (found.group() + content[:20]).strip())


def _prose(text: str, reader: _Labels, start: int) -> Iterator[_Found]:
    for pattern, wins in reader.prose:
        for found in pattern.finditer(text, start):
            before, after = _sentence_before(text[: found.start()]), text[found.end() :]
            label = next((v for k, v in found.groupdict().items() if v and k in "nb"), None)
            if _NEGATED.search(before) or _ONLY_THERE.match(after) or after.lstrip()[:1] == "?":
                continue
            winner = TIE if label is None else reader.canonical(label)
            if not wins:
                winner = reader.other(winner)
            concludes = _CONCLUDES.search(before) or re.match(r"[^.!?\n]{0,10}\boverall\b", after)
            yield _Found(2 if concludes else 1, found.start(), winner, found.group())


def _sentence_before(before: str) -> str:
    """What stands before, from the last end of a sentence on."""
    return re.split(r"[.!?;]\s|\n", before[-200:])[-1]


def _is_error_alone(text: str, found: list[_Found]) -> bool:
    """Does the text open like a provider's error, with no slot filled in? A judge may well discuss a rate limit."""
    if found and found[-1].level >= 2:
        return False
    opening = text[:300]
    matched = _ERROR.search(opening) or (_TIMEOUT.search(opening) if not found else None)
    return bool(matched and (matched.start() < 120 or not found))


def verdict_of(parsed: ParsedVerdict, mapping: dict[str, str]) -> str | None:
    """The verdict in the vote table's words, or None where the mapping does not know the label."""
    if parsed.winner is None:
        return "invalid"
    return TIE if parsed.winner == TIE else mapping.get(parsed.winner)
