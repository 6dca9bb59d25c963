"""Syllogisms made from templates, as many valid as invalid, so that neither 'yes' nor 'no' is a strategy.

The words carry no truth of their own ("All weavers are rowers"), so only the form decides.
"""

import random
import re
from dataclasses import dataclass

from venire._common.errors import InputError

from ..matching import plain
from ..scenarios import Scenario

_TRADES = (
    ("weaver", "weavers"), ("rower", "rowers"), ("baker", "bakers"), ("fiddler", "fiddlers"), ("potter", "potters"),
    ("diver", "divers"), ("gardener", "gardeners"), ("cyclist", "cyclists"), ("painter", "painters"),
    ("sailor", "sailors"), ("beekeeper", "beekeepers"), ("dancer", "dancers"), ("plumber", "plumbers"),
    ("hiker", "hikers"), ("singer", "singers"), ("miller", "millers"),
)  # fmt: skip
_STATES = (
    ("the lamp is lit", "the lamp is not lit"), ("the gate is open", "the gate is not open"),
    ("the bell rings", "the bell does not ring"), ("the flag is up", "the flag is not up"),
    ("the pump runs", "the pump does not run"), ("the ferry sails", "the ferry does not sail"),
    ("the light is green", "the light is not green"), ("the kettle whistles", "the kettle does not whistle"),
    ("the dog barks", "the dog does not bark"), ("the road is closed", "the road is not closed"),
    ("the market is on", "the market is not on"), ("the heater is warm", "the heater is not warm"),
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A form of argument. In `premises` and `conclusion`, {a} {b} {c} are classes in the singular and {A} {B} {C} in
    the plural; or, if the form is about `states`, {a} says that a state holds and {A} that it does not."""

    name: str
    valid: bool
    states: bool
    premises: str
    conclusion: str


FORMS = (
    Form("all-all", True, False, "All {A} are {B}. All {B} are {C}.", "all {A} are {C}"),
    Form("shared-class", False, False, "All {A} are {B}. All {C} are {B}.", "all {A} are {C}"),
    Form("all-no", True, False, "All {A} are {B}. No {b} is a {c}.", "no {a} is a {c}"),
    Form("no-all", False, False, "No {a} is a {b}. All {B} are {C}.", "no {a} is a {c}"),
    Form("some-all", True, False, "Some {A} are {B}. All {B} are {C}.", "some {A} are {C}"),
    Form("some-some", False, False, "Some {A} are {B}. Some {B} are {C}.", "some {A} are {C}"),
    Form("modus-ponens", True, True, "If {a}, then {b}. Now {a}.", "{b}"),
    Form("affirmed-consequent", False, True, "If {a}, then {b}. Now {b}.", "{a}"),
    Form("modus-tollens", True, True, "If {a}, then {b}. Now {B}.", "{A}"),
    Form("denied-antecedent", False, True, "If {a}, then {b}. Now {A}.", "{B}"),
    Form("some-all-turned", True, False, "Some {A} are {B}. All {B} are {C}.", "some {C} are {A}"),
    Form("all-all-turned", False, False, "All {A} are {B}. All {B} are {C}.", "all {C} are {A}"),
    Form("no-converse", True, False, "No {a} is a {b}. All {C} are {B}.", "no {c} is a {a}"),
    Form("all-some", False, False, "All {A} are {B}. Some {B} are {C}.", "some {A} are {C}"),
    Form("chain", True, True, "If {a}, then {b}. If {b}, then {c}. Now {a}.", "{c}"),
    Form("chain-back", False, True, "If {a}, then {b}. If {b}, then {c}. Now {c}.", "{a}"),
    Form("either-not", True, True, "Either {a} or {b}, or both. Now {A}.", "{b}"),
    Form("either-both", False, True, "Either {a} or {b}, or both. Now {a}.", "{B}"),
)

# "No" the verdict, not "no weaver is a rower": at an end, before a mark, or before a word that names no class.
_NO = (
    r"\b(?:no(?= ?[^\w\s']|$| (?:it|that|this|these|the|there|because|since|as|we|you|not|all|some)\b)|nope)"
    r"(?!-one\b)"
)
_YES = r"\b(?:yes|yep|yeah)\b"
_END = r"(?=[.,;:!]|$)"
_FOLLOWS = r"(?:it|this|that|which|conclusion) (?:\w+ly |does )*follows?"
_MARKUP = re.compile(r"[*_#>~$\\{}]+|(?<!\w)`+|`+(?!\w)|\byes (?:and|or) no\b", re.IGNORECASE)
_OPENING = re.compile(
    r"\W*(?:(?:that|this|it)(?:'s| is) )?"
    rf"(?:(?P<no>{_NO}|not (?:necessarily|at all)\b|(?:incorrect|false|wrong|invalid|not valid)\b{_END})"
    rf"|(?P<yes>{_YES}|(?:correct|true|right|valid|indeed)\b{_END}))"
)
_NAMED = re.compile(
    r"\b(?:answer|verdict|boxed)\W{0,4}(?:(?:is|would be|must be)\b)?(?: \w+ly)?\W{0,4}"
    rf"(?:(?P<no>{_NO})|(?P<yes>{_YES}))(?!\?)"
)
_SAID = re.compile(
    rf"(?P<no>{_NO}|\b(?:invalid|fallacy|fallacious|non sequitur)\b|\bnot necessarily\b"
    r"|\b(?:is|it's|that's) (?:\w+ly )?(?:incorrect|false|wrong)\b"
    rf"|\b(?:it|this|that|conclusion) (?:does not|doesn't){_END}"
    r"|(?:\bnot|n't|\bcannot|\bnever|\bno one|\bnobody)(?: \w+){0,6} "
    r"(?:yes|follows?|valid|true|correct|supported|conclu\w+|infer\w*|deduc\w+|determin\w+|say|know)\b)"
    rf"|(?P<yes>{_YES}|(?<!whether )(?<!if )(?<!does )\b{_FOLLOWS}\b|\bconclusion (?:\w+ly )?holds\b"
    rf"|\b(?:it|this|that|conclusion) does{_END}|\bcan (?:\w+ly )?(?:be )?(?:conclude|infer|deduce)d?\b"
    r"|\bis (?:\w+ly )?(?:valid\b|a valid (?:argument|conclusion|inference|deduction|syllogism)\b"
    rf"|(?:correct|true)\b{_END}))"
)


def make_syllogisms(count: int, seed: int) -> list[Scenario]:
    """`count` distinct syllogisms, every second one valid, forms in turn; `target` is yes or no.

    The same seed gives the same list, and a longer list begins with the shorter one. Raises InputError below 1.
    """
    if count < 1:
        raise InputError(f"{count} syllogisms were asked for; give 1 or more")
    rng = random.Random(seed)
    made: list[Scenario] = []
    seen: set[str] = set()
    while len(made) < count:
        form = FORMS[len(made) % len(FORMS)]
        chosen = rng.sample(_STATES if form.states else _TRADES, 3)
        fields = dict(zip("aAbBcC", (word for pair in chosen for word in pair), strict=True))
        question = f"Does it follow that {form.conclusion.format(**fields)}? Answer yes or no."
        prompt = f"{form.premises.format(**fields)} {question}"
        if prompt not in seen:
            seen.add(prompt)
            made.append(
                Scenario(
                    id=f"syllogism-{seed}-{len(made) + 1:03d}",
                    domain="reasoning",
                    family=form.name,
                    prompt=prompt,
                    target=["yes" if form.valid else "no"],
                )
            )
    return made


def verdict(response: str) -> str | None:
    """ "yes" or "no", as the response says of whether it follows; None if it says neither, which counts as wrong.

    What it opens with decides; else the answer that it names ("the answer is no"); else what it says last, for what
    comes before is on the way there ("one might think so, but it does not follow"). Marks of Markdown do not matter.
    """
    text = plain(_MARKUP.sub(" ", re.sub(r"\s*\n\s*", ". ", response.strip()))).strip()
    opening = _OPENING.match(text)
    found = [opening] if opening else [*_NAMED.finditer(text)] or [*_SAID.finditer(text)]
    return found[-1].lastgroup if found else None
