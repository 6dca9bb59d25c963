"""What a judge may not see in an answer, and what it may see but must not obey.

An answer that says who wrote it breaks the blinding; one that speaks to the judge tries to buy its vote. The first is
scrubbed where it is surely self-identification and flagged everywhere; the second is flagged, and fenced by the rubric.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SELF_IDENTIFICATION = "self_identification"
NAME = "name"
INJECTION = "injection"

# Makers and models that assistants call themselves by. They are scrubbed only where an answer speaks of itself:
# elsewhere "Gemini" is a sign of the zodiac and "Claude" a painter.
_KNOWN_WORDS = (
    "chatgpt gpt claude gemini gemma bard llama qwen mistral mixtral deepseek smollm smollm2 phi grok copilot "
    "anthropic openai google deepmind meta alibaba microsoft huggingface"
)
_KNOWN = _KNOWN_WORDS.split()

# Words in the names of contenders that give nobody away.
_PLAIN_WORDS = (
    "plain venire model models base adapter checkpoint step instruct chat stance value values style sft dpo lora "
    "facts kernel system prompt context retrieval the and local vllm mockllm none answer answers training recipes runs"
)
_SAYS_NOTHING = set(_PLAIN_WORDS.split())

# What stands before a name where an answer speaks of itself; `as` counts only with a comma after the name.
_SELF = (
    r"\b(?:i am|i['’]m|i,|my name is|my name['’]s|call me|you(?: are|['’]re) talking to|speaking as|"
    r"(?:written|created|trained|developed|made|built|fine-tuned) by|signed[:,]?)\s+(?:an?\s+|the\s+)?"
)
_AS = r"\bas\s+(?=[^,\n]{1,60},)"

# Phrases that are addressed to a judge, not to the person who asked.
_INJECTIONS = [
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:above|previous|prior|earlier|preceding|instructions?|"
    r"rubric|criteria|rules|other answer|other response)\b",
    r"\b(?:choose|pick|select|prefer|vote for|favou?r|rate|score|rank)\s+(?:me|this (?:answer|response|one)|"
    r"(?:answer|response|option)\s+[ab12])\b",
    r"\b(?:answer|response|option)\s+[ab12]\s+(?:is|wins|must be|should be)\b[^.\n]{0,20}\b(?:better|best|winner|"
    r"win|chosen|preferred)\b",
    r"\b(?:this|my) (?:answer|response) (?:is|wins|deserves|must be|should be)\b[^.\n]{0,20}\b(?:better|best|winner|win"
    r"|chosen|preferred|highest)\b",
    r"\b(?:dear|note to(?: the)?|attention,?|hey|hello,?)\s+(?:the\s+)?(?:judge|grader|evaluator|rater|reviewer)\b",
    r"\b(?:the )?winner\s*[\"']?\s*[:=]",
    r"\byou (?:must|should|will) (?:now )?(?:choose|pick|select|answer|output|reply|say|vote)\b[^.\n]{0,20}\b[ab]\b",
    r"[\"'](?:winner|verdict|preferred|scores?_[ab])[\"']\s*:",
    r"={3,}\s*(?:end of )?(?:answer|question|what the person)|^\s*\[(?:answer [ab]|question)\]\s*$",
    r"^[\W_]*(?:system|developer)(?: (?:message|prompt|note|instructions?|override|update))?[\W_]*:",
    r"\bas (?:the|an?) (?:impartial |ai |llm )*(?:evaluator|grader|rater)\b|\b(?:llm|ai)[- ]judge\b",
    r"\b(?:new|updated|revised|hidden) (?:instructions?|rubric|criteria|system prompt)\b",
    r"</?(?:think|thinking|reasoning)>",
    r"\{\{\s*(?:question|reference|first|second|criteria|instructions)\s*\}\}",
    r"<\|[a-z_]+\|>|\[/?INST\]|\[(?:BEGIN|END)[ _][A-Z ]+\]|</?(?:answer|system|question|reference)\b",
]
_AI = re.compile(r"\b(?:as|i am|i['’]m) an? (?:ai|artificial intelligence|(?:large )?language model)\b", re.IGNORECASE)
_INJECTION = re.compile("|".join(f"(?:{pattern})" for pattern in _INJECTIONS), re.IGNORECASE | re.MULTILINE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


@dataclass(frozen=True)
class Scrubbed:
    """`text` as a judge may see it, and `flags`: which of SELF_IDENTIFICATION, NAME, INJECTION were found."""

    text: str
    flags: tuple[str, ...]


def name_parts(names: Iterable[str]) -> list[str]:
    """The words by which an answer could give away any of `names` (contender names, model ids, paths), longest first.

    `org/Brie-v2-3B:style@1a2b3c4d` gives the whole, its segments and `Brie`; words that say nothing alone (`plain`,
    `step`, `instruct`, …) and words of fewer than three letters are left out.
    """
    parts: set[str] = set()
    for name in names:
        segments = re.split(r"[/:@\\]", name)
        words = [word for segment in segments for word in re.split(r"[-_. ]", segment)]
        parts |= {name, *segments, *(word for word in words if word.isalpha())}
    kept = [part for part in parts if len(part) >= 3 and part.lower() not in _SAYS_NOTHING]
    return sorted(kept, key=lambda part: (-len(part), part))


def scrub(text: str, names: Iterable[str] = ()) -> Scrubbed:
    """`text` without self-identification by any of `names` or by a well-known model's name.

    A name that is also an ordinary word (Brie is a cheese) is only taken out where the answer speaks of itself; a name
    with a digit, slash or hyphen is no ordinary word and is taken out everywhere. What is taken out becomes `[name]`.
    """
    flags: set[str] = set()
    parts = name_parts(names)
    if ids := [part for part in parts if re.search(r"[0-9/@:_-]", part)]:
        text, found = re.subn(_any_of(ids), "[name]", text, flags=re.IGNORECASE)
        flags |= {NAME} if found else set()
    who = rf"{_any_of([*parts, *_KNOWN])}(?:[- ]?\d[\w.]*)?"
    for pattern in (rf"({_SELF}){who}", rf"({_AS}){who}(?=\s*,)"):
        text, found = re.subn(pattern, r"\1[name]", text, flags=re.IGNORECASE)
        flags |= {SELF_IDENTIFICATION} if found else set()
    if parts and re.search(_any_of(parts), text, flags=re.IGNORECASE):
        flags.add(NAME)
    if _AI.search(text):
        flags.add(SELF_IDENTIFICATION)
    if _INJECTION.search(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text))):
        flags.add(INJECTION)
    return Scrubbed(text, tuple(sorted(flags)))


def _any_of(words: Iterable[str]) -> str:
    return r"(?<!\w)(?:" + "|".join(re.escape(word) for word in words) + r")(?!\w)"
