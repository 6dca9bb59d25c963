"""Anchor pairs: an answer and a degradation of it, so that the better one is known before anybody is asked.

The intact side is the person's own answer to a judged prompt (without its last sentence where it has three, so that a
judge that is shown the reference is not shown the very text). Up to half of the exam are the person's own preferences,
where some were held out from training: the answer they chose and the one they rejected. The sides are balanced: the
better answer is the candidate in half of the pairs. Who is who stands in the contenders' names, `anchor/intact` against
`anchor/<kind>`.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from venire._common.errors import InputError

from .pairs import Answer, Pair
from .panel import ANCHORS
from .preferences import Preference
from .scrub import scrub
from .seeds import generator, sort_key

PREFIX = "anchor/"
PREFERENCE = "preference"
INTACT = "anchor/intact"
_SHORTEST = 8  # words; a shorter text is not degraded by shuffling it

_EVASION = (
    "That is a complex question with many sides to it. There are good points for and against, and it depends on the "
    "situation. You may wish to speak to a qualified professional."
)


@dataclass(frozen=True)
class _Source:
    prompt_id: str
    family: str
    prompt: str
    reference: str | None
    contrast: str | None
    intact: str
    other: str  # an intact answer to another prompt


def make_anchors(
    pairs: Sequence[Pair], *, seed: int, n: int = ANCHORS, preferences: Sequence[Preference] = ()
) -> list[Pair]:
    """`n` anchor pairs: up to half from `preferences`, the rest from the prompts of `pairs`, degraded in turn.

    Where no person's answer is known (logs made elsewhere) the incumbent's answer is the intact side. Raises InputError
    if there are too few texts of eight words to make `n` different pairs.
    """
    chosen = _chosen(preferences, seed, n // 2)
    planted = _planted(pairs, seed, n - len(chosen))
    # Half of the planted have the better answer as the candidate; the preferences take turns to keep it so.
    return planted + [
        _preferred(len(planted) + i, preference, seed, (len(planted) + i) % 2 == 0)
        for i, preference in enumerate(chosen)
    ]


def most_planted(prompts: int) -> int:
    """How many anchors the texts of so many prompts can give at most: each is degraded in every way once."""
    return prompts * len(_DEGRADE)


def _chosen(preferences: Sequence[Preference], seed: int, most: int) -> list[Preference]:
    """Some of them, by the seed; the same three texts only once."""
    different = {(p.prompt, p.chosen, p.rejected): p for p in reversed(preferences)}
    kept = sorted(different.values(), key=lambda p: sort_key(seed, "preference", p.prompt, p.chosen, p.rejected))
    return kept[:most]


def _preferred(i: int, preference: Preference, seed: int, chosen_is_candidate: bool) -> Pair:
    good = Answer(INTACT, preference.chosen, scrub(preference.chosen).text)
    bad = Answer(PREFIX + PREFERENCE, preference.rejected, scrub(preference.rejected).text)
    return Pair(
        prompt_id=f"{PREFIX}{i + 1:02d}-{PREFERENCE}",
        epoch=0,
        family=f"{PREFIX}{preference.family}",
        domain=PREFIX + PREFERENCE,
        prompt=preference.prompt,
        reference=preference.reference,
        contrast=None,
        candidate=good if chosen_is_candidate else bad,
        incumbent=bad if chosen_is_candidate else good,
        seed=seed,
        use="anchor",
    )


def _planted(pairs: Sequence[Pair], seed: int, n: int) -> list[Pair]:
    chance = generator(seed, "anchors")
    sources = _sources(pairs, chance)
    made: dict[tuple[str, str], Pair] = {}
    intact_first = [i % 2 == 0 for i in range(n)]
    chance.shuffle(intact_first)
    kinds = [kind for kind in _DEGRADE if kind != "contradict" or any(s.contrast for s in sources)]
    tries = ((kinds[i % len(kinds)], sources[(i + i // len(sources)) % len(sources)]) for i in range(20 * n))
    for kind, source in tries if sources else ():
        if len(made) == n:
            break
        worse = "" if (kind, source.prompt_id) in made else _DEGRADE[kind](source, chance)
        if worse and worse != source.intact:
            made[kind, source.prompt_id] = _anchor(len(made), kind, source, worse, seed, intact_first[len(made)])
    if len(made) < n:
        raise InputError(
            f"anchors: only {len(made)} of {n} anchor pairs can be made from {len(sources)} prompts with a reference "
            f"of {_SHORTEST} words or more; give more scenarios a `reference`"
        )
    return list(made.values())


def _sources(pairs: Sequence[Pair], chance: random.Random) -> list[_Source]:
    prompts: dict[str, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.prompt_id, pair.epoch)):
        text = pair.reference or pair.incumbent.shown
        if pair.use != "anchor" and len(text.split()) >= _SHORTEST:
            prompts.setdefault(pair.prompt_id, pair)
    kept = list(prompts.values())
    chance.shuffle(kept)
    texts = [_part_of(pair.reference) if pair.reference else pair.incumbent.shown for pair in kept]
    found = []
    for i, (pair, text) in enumerate(zip(kept, texts, strict=True)):
        elsewhere = [t for other, t in zip(kept, texts, strict=True) if _differ(pair, other)]
        other = elsewhere[i % len(elsewhere)] if elsewhere else ""
        found.append(_Source(pair.prompt_id, pair.family, pair.prompt, pair.reference, pair.contrast, text, other))
    return found


def _differ(pair: Pair, other: Pair) -> bool:
    """Is `other` about something else?"""
    return pair.family != other.family and (pair.domain != other.domain or pair.domain is None)


def _part_of(reference: str) -> str:
    sentences = _sentences(reference)
    return " ".join(sentences[:-1]) if len(sentences) >= 3 else reference


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?])\s+", text.strip()) if sentence]


def _anchor(i: int, kind: str, source: _Source, worse: str, seed: int, intact_is_candidate: bool) -> Pair:
    good, bad = Answer(INTACT, source.intact, source.intact), Answer(PREFIX + kind, worse, worse)
    return Pair(
        prompt_id=f"{PREFIX}{i + 1:02d}-{source.prompt_id}",
        epoch=0,
        family=f"{PREFIX}{source.family}",
        domain=PREFIX + kind,
        prompt=source.prompt,
        reference=source.reference,
        contrast=source.contrast,
        candidate=good if intact_is_candidate else bad,
        incumbent=bad if intact_is_candidate else good,
        seed=seed,
        use="anchor",
    )


# Degradations


def _truncate(source: _Source, chance: random.Random) -> str:
    words = source.intact.split()
    return " ".join(words[: max(3, len(words) // 4)])


def _shuffle(source: _Source, chance: random.Random) -> str:
    words = source.intact.split()
    chance.shuffle(words)
    return " ".join(words)


def _repeat(source: _Source, chance: random.Random) -> str:
    words = source.intact.split()
    start = " ".join(words[:6])
    return " ".join([start] * max(3, len(words) // 6))


def _gibberish(source: _Source, chance: random.Random) -> str:
    letters = "bcdfghjklmnpqrstvwxz"
    return " ".join("".join(chance.choice(letters) for _ in word) for word in source.intact.split())


def _echo(source: _Source, chance: random.Random) -> str:
    return f"You ask: {source.prompt} That is a good question. {source.prompt}"


_DEGRADE: dict[str, Callable[[_Source, random.Random], str]] = {
    "truncate": _truncate,
    "shuffle": _shuffle,
    "repeat": _repeat,
    "off_topic": lambda source, chance: source.other,
    "contradict": lambda source, chance: source.contrast or "",
    "gibberish": _gibberish,
    "evade": lambda source, chance: _EVASION,
    "echo": _echo,
}
