"""Phrasings: one fact asked for in many ways, by rule; which ways are trained and which are held out.

write_phrasings(fact, count=5, seed=42) -> five questions of trained kinds, the same for the same fact, seed and count;
those for a smaller count are the first of those for a larger one, so that 1, 5, 10, 20 and 30 phrasings compare.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import numpy as np

from .leaks import find_leaks
from .similarity import plain

Embed = Callable[[Sequence[str]], np.ndarray]
# Measured on the shipped facts: every rule of the trained kinds keeps above both.
MIN_COSINE = 0.45
MARGIN = 0.05  # by which another fact's question may be nearer before the phrasing counts as being about that one
# Kinds that ask from far off, by a situation or in three words; every shipped one keeps above both.
FAR_COSINE, FAR_MARGIN = 0.3, 0.15


class Fact(Protocol):
    """What a phrasing is made of. A fact of `datasets/facts.py` is one, and so is a row of a table (`AskedFact`)."""

    @property
    def id(self) -> str:
        """Stable and unique."""
        ...

    @property
    def statement(self) -> str:
        """The fact as a sentence."""
        ...

    @property
    def answer(self) -> str:
        """The short right answer."""
        ...

    @property
    def accept(self) -> list[str]:
        """Other answers that count."""
        ...

    @property
    def noun(self) -> str:
        """What is asked for, as in "What is …?"; empty if unknown."""
        ...

    @property
    def question(self) -> str:
        """A plain whole question; empty if unknown."""
        ...

    @property
    def keywords(self) -> str:
        """The question as somebody in a hurry types it; empty if unknown."""
        ...

    @property
    def cloze(self) -> str:
        """The beginning of a sentence that the answer completes; empty if unknown."""
        ...

    @property
    def indirect(self) -> str:
        """A situation whose question is answered by the fact; empty if unknown."""
        ...


@dataclass(frozen=True)
class AskedFact:
    """A fact of which little more is known than a question and its answer, as in a table."""

    id: str
    question: str
    answer: str
    statement: str
    accept: list[str]
    noun: str = ""
    keywords: str = ""
    cloze: str = ""
    indirect: str = ""
    domain: str = "facts"


@dataclass(frozen=True)
class Template:
    """A way of asking. `{noun}`, `{Noun}`, `{NOUN}`, `{question}`, … stand for the fact's own words."""

    id: str
    kind: str
    text: str

    def write(self, fact: Fact) -> str:
        """The fact asked for in this way; empty if the fact lacks a word that it needs."""
        words = {name: str(getattr(fact, name)) for name in TEXTS}
        needed = re.findall(r"\{(\w+)\}", self.text)
        if not all(words[name.lower()] for name in needed):
            return ""
        made = re.sub(r"\{(\w+)\}", lambda match: _cased(words[match[1].lower()], match[1]), self.text)
        if self.kind == "typo":
            return misspell(made, f"{self.id}:{fact.id}")
        return made.lower().rstrip("?.") if self.id.startswith("lower_") else made


# A kind that the suite `phrasing_robustness` asks in has its name there; a test holds them equal.
TEMPLATES: tuple[Template, ...] = tuple(
    Template(*row)
    for row in (
        ("what_is", "what_is", "What is {noun}?"),
        ("tell_me", "tell_me", "Please tell me {noun}."),
        ("do_you_know", "do_you_know", "Do you happen to know {noun}?"),
        ("could_you_say", "what_is", "Could you say what {noun} is?"),
        ("i_want_to_know", "tell_me", "I want to know {noun}."),
        ("asked", "plain", "{question}"),
        ("whats", "what_is", "What's {noun}?"),
        ("say_what", "what_is", "Can you say what {noun} is?"),
        ("any_idea", "do_you_know", "Any idea what {noun} is?"),
        ("would_you_know", "do_you_know", "Would you know {noun}?"),
        ("give_me", "tell_me", "Give me {noun}."),
        ("like_to_know", "tell_me", "I'd like to know {noun}."),
        ("remind_me", "tell_me", "Remind me of {noun}."),
        ("kind_as_to", "polite", "Would you be so kind as to tell me {noun}?"),
        ("sorry", "polite", "Sorry to bother you, but what is {noun}?"),
        ("may_i", "polite", "If I may ask, what is {noun}?"),
        ("thanks", "polite", "What is {noun}? Thanks in advance!"),
        ("could_you", "polite", "Could you please state {noun}?"),
        ("hello", "polite", "Hello! {question}"),
        ("quick", "lead_in", "Quick question: {question}"),
        ("let_me_ask", "lead_in", "Let me ask you something. {question}"),
        ("wonder", "lead_in", "I wonder what {noun} is."),
        ("trying", "lead_in", "I am trying to remember {noun}. Help me?"),
        ("help", "lead_in", "Can you help? {question}"),
        ("somebody", "indirect", "Somebody asked me this: {question}"),
        ("not_sure", "lead_in", "Not sure whom to ask. {question}"),
        ("answer_this", "lead_in", "Could you answer this? {question}"),
        ("please_answer", "polite", "{question} A short answer will do, thank you."),
        ("if_you_know", "polite", "{question} Tell me if you know."),
        ("forgot", "lead_in", "I forgot {noun}. What is it?"),
        ("mixing_up", "lead_in", "I keep mixing it up: what is {noun}?"),
        ("form_to_fill", "indirect", "I am filling in a form and have to give {noun}. What do I write?"),
        ("friend", "indirect", "A friend asked me for {noun}. What should I say?"),
        ("argument", "lead_in", "Settle an argument for us: {question}"),
        ("colon", "reordered", "{Noun}: what is it?"),
        ("comma", "reordered", "{Noun}, please?"),
        ("do_you_know_last", "reordered", "What is {noun}, do you know?"),
        ("about", "reordered", "About {noun}: what is it exactly?"),
        ("is_what", "reordered", "{Noun} is what?"),
        ("lower_case", "case", "what is {noun}"),
        ("lower_question", "case", "{question}"),
        ("capitals", "case", "WHAT IS {NOUN}?"),
        ("shouted_question", "case", "{QUESTION}"),
        ("fragment", "fragment", "{keywords}"),
        ("fragment_mark", "fragment", "{keywords}?"),
        ("typo", "typo", "What is {noun}?"),
        ("typo_question", "typo", "{question}"),
        ("cloze", "cloze", "Complete this: {cloze}"),
        ("finish", "cloze", "Finish the sentence. {cloze}"),
        ("indirect", "indirect", "{indirect}"),
    )
)
# The kinds that the suite calls novel; a model that is to be measured by it must not have been trained on them.
HELD_OUT = ("fragment", "typo", "cloze", "indirect", "case")
FAR = ("fragment", "cloze", "indirect")
DRESS = ("typo", "case")  # a trained question spelt otherwise: the spelling is held out, the words are not
SUITE_TRAINED = ("what_is", "tell_me", "do_you_know", "could_you_say", "i_want_to_know")  # its trained templates
TEXTS = ("noun", "question", "keywords", "cloze", "indirect")  # of a fact, from which phrasings are made
KINDS = tuple(dict.fromkeys(template.kind for template in TEMPLATES))


@dataclass(frozen=True)
class Phrasing:
    """One way of asking for one fact. `template` is the rule's id, or `model:<name>` where a model wrote it."""

    fact: str
    template: str
    kind: str
    text: str


def write_phrasings(
    fact: Fact, count: int, seed: int, held_out: Sequence[str] = HELD_OUT, say: Callable[[str], str] = str
) -> list[Phrasing]:
    """At most `count` questions for `fact` of the kinds that are not held out, no two alike.

    Which come first is drawn by seed and the fact's id. `say` rewrites a text, e.g. puts a first name for a full one:
    training must ask in other words than a suite that was made from the same fact. Phrasings that would still quote
    the suite's are left out.
    """
    own = [t for t in TEMPLATES if t.kind not in held_out]
    own.sort(key=lambda template: sha256(f"{seed}:{fact.id}:{template.id}".encode()).digest())
    asked = suite_questions(fact) + [p.text for p in write_held_out(fact, held_out) if p.kind not in DRESS]
    made = [Phrasing(fact.id, t.id, t.kind, say(text)) for t in own if (text := t.write(fact))]
    dropped = quoting([phrasing.text for phrasing in made], asked)
    return distinct((p for at, p in enumerate(made) if at not in dropped and not gives_away(p.text, fact)), count)


def write_held_out(fact: Fact, held_out: Sequence[str] = HELD_OUT) -> list[Phrasing]:
    """Every question for `fact` of the kinds that are held out: what to measure with, never to train on."""
    made = (Phrasing(fact.id, t.id, t.kind, t.write(fact)) for t in TEMPLATES if t.kind in held_out)
    return distinct((p for p in made if p.text), None)


def distinct(phrasings: Iterable[Phrasing], count: int | None) -> list[Phrasing]:
    """The first `count` that are not the same question again but for letter case where case is not the point."""
    kept: dict[str, Phrasing] = {}
    for phrasing in phrasings:
        if count is not None and len(kept) >= count:
            break
        kept.setdefault(phrasing.text if phrasing.kind == "case" else plain(phrasing.text), phrasing)
    return list(kept.values())


def suite_questions(fact: Fact) -> list[str]:
    """How the suite `phrasing_robustness` asks for this fact in kinds that are trained."""
    return [text for t in TEMPLATES if t.id in SUITE_TRAINED and (text := t.write(fact))]


def quoting(texts: Sequence[str], asked: Sequence[str]) -> set[int]:
    """Which of `texts` leak into one of `asked`: are the same, nearly so, or quote half of it."""
    found = find_leaks([(str(at), text) for at, text in enumerate(texts)], [("", one) for one in asked])
    same = {plain(one) for one in asked}
    return {int(leak.train) for leak in found} | {at for at, text in enumerate(texts) if plain(text) in same}


def gives_away(text: str, fact: Fact) -> bool:
    """Does the question hold the answer?"""
    words = f" {plain(text)} "
    return any(f" {plain(answer)} " in words for answer in (fact.answer, *fact.accept) if plain(answer))


def lost_keywords(text: str, fact: Fact, say: Callable[[str], str] = str) -> list[str]:
    """The words of the question without which it is not about this fact any more, and that `text` lacks.

    Names and numbers must all stand; of the other words two thirds must, whole or in another form ("swims", "swim").
    """
    asked = say(fact.noun or fact.question)
    said = plain(text).split()
    words = [(word, plain(word)) for word in re.findall(r"[\w'’-]+", asked)]
    first = words[0][0] if words and not fact.noun else ""
    names = [p for word, p in words if (word[:1].isupper() and word != first) or any(c.isdigit() for c in word)]
    missing = [name for name in names if not any(_same_word(name, other) for other in said)]
    others = [p for _, p in words if p and p not in _COMMON and p not in names]
    gone = [word for word in others if not any(_same_word(word, other) for other in said)]
    return missing + (gone if len(gone) * 3 > len(others) else [])


def astray(facts: Sequence[Fact]) -> dict[tuple[str, str], str]:
    """(fact's id, which of its texts) of each text that is about something else, and why, by words alone.

    What a rule makes of a fact's text is about the fact if the text is. It must share a word with another of the fact's
    texts, and not be made of the words of one text of another fact. A misspelling is made later, so it loses none.
    """
    words = {fact.id: {name: _matter(getattr(fact, name)) for name in (*TEXTS, "statement")} for fact in facts}
    owners: dict[str, set[str]] = defaultdict(set)
    for fact, own in words.items():
        for word in set().union(*(own[name] for name in TEXTS)):
            owners[word].add(fact)
    found: dict[tuple[str, str], str] = {}
    for fact, own in words.items():
        for name in (name for name in TEXTS if own[name]):
            if not any(own[at] for at in TEXTS if at != name):
                continue  # of a question alone, the statement may be the bare answer
            shared = _shared(own, name, own[name])
            others = set.intersection(*(owners[word] for word in own[name])) - {fact}
            if not shared:
                found[fact, name] = "it shares no word with the rest of the fact"
            elif theirs := [other for other in sorted(others) if _is_text_of(words[other], own[name], shared)]:
                found[fact, name] = f"all its words are those of the fact {theirs[0]!r}"
    return found


def _shared(words: Mapping[str, set[str]], name: str, text: set[str]) -> int:
    """How many of the words of `text`, a fact's `name`, stand in the fact's other texts."""
    rest = set().union(*(other for at, other in words.items() if at != name))
    return sum(any(_same_word(word, other) for other in rest) for word in text)


def _is_text_of(words: Mapping[str, set[str]], text: set[str], shared: int) -> bool:
    """Is `text` as good as one of this fact's, whose other texts share more than `shared` of its words?"""
    return any(
        text <= words[at] and len(words[at]) <= len(text) + 1 and _shared(words, at, text) > shared for at in TEXTS
    )


def without(fact: Fact, names: Container[str]) -> Fact:
    """The fact without some of its texts: nothing is made of those."""
    texts = {name: "" if name in names else getattr(fact, name) for name in TEXTS}
    return AskedFact(id=fact.id, answer=fact.answer, statement=fact.statement, accept=fact.accept, **texts)


def _matter(text: str) -> set[str]:
    """The words of a text that say what it is about."""
    return {word for word in plain(re.sub(r"['’]s\b", "", text)).split() if word not in _COMMON}


def unfaithful(facts: Sequence[Fact], phrasings: Sequence[Phrasing], embed: Embed) -> dict[int, str]:
    """Index of each phrasing that does not ask for its own fact any more, and why, by the distance of its meaning.

    A phrasing stands for its fact if its sentence vector is near the plain question's, and no other fact's plain
    question is clearly nearer.
    """
    if not phrasings:
        return {}
    row = {fact.id: i for i, fact in enumerate(facts)}
    plainly = embed([fact.question or f"What is {fact.noun}?" for fact in facts])
    asked = embed([phrasing.text for phrasing in phrasings])
    found: dict[int, str] = {}
    for i, phrasing in enumerate(phrasings):
        scores = plainly @ asked[i]
        own, best = scores[row[phrasing.fact]], int(scores.argmax())
        least, margin = (FAR_COSINE, FAR_MARGIN) if phrasing.kind in FAR else (MIN_COSINE, MARGIN)
        if own < least:
            found[i] = f"its meaning is far from the question (cosine {own:.2f}, at least {least:.2f} is asked)"
        elif scores[best] > own + margin:
            found[i] = f"it is nearer to the fact {facts[best].id!r} (cosine {scores[best]:.2f} against {own:.2f})"
    return found


def misspell(text: str, seed: str, rate: float = 0.3) -> str:
    """`text` in lower case without its end mark, with about `rate` of its longer words misspelt (one at least).

    A misspelling swaps two inner letters, drops one, or doubles one. The same seed gives the same text.
    """
    rng = random.Random(seed)
    words = text.lower().rstrip("?.!").split()
    long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for i in rng.sample(long, max(1, round(rate * len(long)))) if long else []:
        words[i] = _slip(words[i], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
    return rng.choice([slip for slip in (swapped, dropped, doubled) if slip != word])


def _cased(text: str, name: str) -> str:
    """`{Noun}` begins with a capital, `{NOUN}` is in capitals."""
    if name.isupper():
        return text.upper()
    return text[:1].upper() + text[1:] if name[0].isupper() else text


def _same_word(one: str, other: str) -> bool:
    """Equal, or of one stem: the shorter is all but the last letters of the longer."""
    if one == other:
        return True
    shared = len(one) if other.startswith(one) else len(other) if one.startswith(other) else 0
    return shared >= 4 and abs(len(one) - len(other)) <= 3


_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by did do does for from had has have he her hers his how i in is it its many much my "
        "name named of on or our she that the their them there they this to was we were what when where which who "
        "whom whose why with you your called",
    )
)
