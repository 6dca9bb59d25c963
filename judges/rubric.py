"""Rubrics: a Markdown file with front matter becomes the prompt a judge sees and the form its reply must have.

    name: brie5                      how a panel names it
    title: …                         one line for the report
    criteria: {creativity: …}        scored for both answers before the winner; may be empty
    scale: [1, 5]                    of the criteria
    ties: true                       may the judge say tie
    needs: [reference]               refuses pairs without it
    wants: [reference]               the body shows it where there is one; either key asks for {{reference}} in it
    does_not_count: [length, …]      for the report; the body must say it to the judge
    markers: full                    around question and answers; `short` spares tokens where small models are read
    wanted: {gives_a_reason: […]}    for `markers:` judges: regular expressions that speak for an answer
    unwanted: {disclaims: […]}       likewise, against it

The body's `{{question}}`, `{{reference}}`, `{{first}}`, `{{second}}`, `{{criteria}}` and `{{instructions}}` are
filled in a single pass, so that nothing in an answer is ever expanded.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator

from venire._common.errors import InputError
from venire._common.hashing import sha256_text
from venire._common.reading import first_fault, parse_yaml, read_text

FOLDER = Path(__file__).parent / "rubrics"
_PLACES = {"question", "reference", "first", "second", "criteria", "instructions"}


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    title: str
    criteria: dict[str, str] | list[str] = Field(default_factory=dict)
    scale: tuple[int, int] = (1, 5)
    ties: bool = True
    needs: list[Literal["reference"]] = Field(default_factory=list)
    wants: list[Literal["reference"]] = Field(default_factory=list)
    does_not_count: list[str] = Field(default_factory=list)
    markers: Literal["full", "short"] = "full"
    wanted: dict[str, list[str]] = Field(default_factory=dict)
    unwanted: dict[str, list[str]] = Field(default_factory=dict)

    @field_validator("wanted", "unwanted")
    @classmethod
    def _expressions(cls, markers: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, alternatives in markers.items():
            for alternative in alternatives:
                try:
                    found = re.compile(alternative).search("")
                except re.error as error:
                    raise ValueError(f"marker {name}: {alternative!r} is no regular expression: {error}") from error
                if found:
                    raise ValueError(f"marker {name}: {alternative!r} matches nothing at all, so every answer shows it")
            if not alternatives:
                raise ValueError(f"marker {name}: give at least one regular expression")
        return markers

    @model_validator(mode="after")
    def _apart(self) -> "_FrontMatter":
        if both := sorted(self.wanted.keys() & self.unwanted.keys()):
            raise ValueError(f"marker {both[0]} is both wanted and unwanted")
        return self


class Rubric(_FrontMatter):
    """A rubric: its front matter, the `body` of its prompt, and the whole `text` of its file."""

    body: str
    text: str

    @property
    def sha256(self) -> str:
        """Identity of the rubric: the hash of its file's text."""
        return sha256_text(self.text)

    @property
    def criterion_keys(self) -> dict[str, str]:
        """Criterion to its key in the reply, `writing quality` to `writing_quality`."""
        return {name: re.sub(r"\W+", "_", name) for name in self.criteria}

    @property
    def has_markers(self) -> bool:
        """Can a `markers:` judge count by it?"""
        return bool(self.wanted or self.unwanted)

    @property
    def shows_reference(self) -> bool:
        """Does the judge see what the person answered?"""
        return "{{reference}}" in self.body


class Shown(BaseModel):
    """What one judge is shown in one order: nothing in it tells where an answer came from."""

    model_config = ConfigDict(extra="forbid")

    id: str  # `<pair>-1` for the order asked first, `<pair>-2` for the other
    prompt: str
    reference: str | None
    contrast: str | None  # a conventional answer; for judges that compare with both
    first_label: Literal["A", "B"]  # the label of the first place, the same in both orders
    first: str
    second: str
    flags: list[str]  # what scrub() found in either answer

    @property
    def second_label(self) -> Literal["A", "B"]:
        """The label of the second place."""
        return "B" if self.first_label == "A" else "A"

    @property
    def labelled(self) -> dict[str, str]:
        """Label to answer."""
        return {self.first_label: self.first, self.second_label: self.second}


def load_rubric(name: str) -> Rubric:
    """The rubric in `rubrics/<name>.md`, or in the file `name` if that ends in `.md`."""
    path = Path(name) if name.endswith(".md") else FOLDER / f"{name}.md"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.md")))
        raise InputError(f"rubric {name!r} does not exist; write one of {known}, or the path of a .md file")
    return parse_rubric(read_text(path, "rubric"), str(path))


def parse_rubric(text: str, where: str = "rubric") -> Rubric:
    """A rubric from its file's text. Raises InputError naming `where` if the text is none."""
    match = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if match is None:
        raise InputError(f"{where}: a rubric begins with front matter between two lines of ---")
    try:
        front = _FrontMatter.model_validate(parse_yaml(match[1], f"{where}, front matter"))
    except ValidationError as error:
        key, message, _ = first_fault(error)
        raise InputError(f"{where}: the front matter is wrong: {key}: {message}") from error
    body = match[2].strip()
    places = set(re.findall(r"\{\{(\w+)\}\}", body))
    if missing := {"question", "first", "second"} - places:
        raise InputError(f"{where}: the body lacks {{{{{sorted(missing)[0]}}}}}")
    if unknown := places - _PLACES:
        raise InputError(f"{where}: {{{{{sorted(unknown)[0]}}}}} is none of {', '.join(sorted(_PLACES))}")
    for key in ("needs", "wants"):
        if "reference" in getattr(front, key) and "reference" not in places:
            raise InputError(f"{where}: it {key} the reference, and its body lacks {{{{reference}}}}")
    return Rubric(**front.model_dump(), body=body, text=text)


def render(rubric: Rubric, shown: Shown) -> str:
    """The prompt: the rubric's body with question, reference and answers fenced in it."""
    # The mark is of a hash over the answers, so that no answer can contain it.
    mark = shown.id[:8] if rubric.markers == "full" else ""
    criteria = rubric.criteria if isinstance(rubric.criteria, dict) else dict.fromkeys(rubric.criteria, "")
    values = {
        "question": fence("Question", shown.prompt, mark),
        "reference": fence("What the person answered", shown.reference, mark) if shown.reference else "",
        "first": fence(f"Answer {shown.first_label}", shown.first, mark),
        "second": fence(f"Answer {shown.second_label}", shown.second, mark),
        "criteria": "\n".join(f"- {name}: {what}" if what else f"- {name}" for name, what in criteria.items()),
        "instructions": _instructions(rubric),
    }
    return re.sub(r"\{\{(\w+)\}\}(\n*)", lambda m: values[m[1]] + m[2] if values[m[1]] else "", rubric.body).strip()


def fence(title: str, text: str, mark: str) -> str:
    """`text` between markers that it cannot imitate; without a mark, after a heading that it cannot."""
    if not mark:
        return f"[{title}]\n{neutralise(text)}"
    return f"=== {title} ({mark}) ===\n{neutralise(text)}\n=== End of {title} ({mark}) ==="


def neutralise(text: str) -> str:
    """`text` whose own markers and chat-template tokens no longer read as such; words stay as they are."""
    text = re.sub(r"={3,}", lambda m: " ".join(m[0]), text)
    text = re.sub(
        r"<(?=\||/?s>|/?(?:think|thinking|reasoning|system|answer|question)\b)", "< ", text, flags=re.IGNORECASE
    )
    return re.sub(r"\[(?=/?INST\]|/?SYS|(?:Question|What the person answered|Answer [AB])\])", "[ ", text)


def _instructions(rubric: Rubric) -> str:
    low, high = rubric.scale
    winner = '"A", "B" or "tie"' if rubric.ties else '"A" or "B"'
    lines = ["Reply with one JSON object and nothing else, its keys in this order:"]
    if rubric.criteria:
        keys = ", ".join(f'"{key}"' for key in rubric.criterion_keys.values())
        lines += [f'- "scores_A" and "scores_B": for each of {keys} a whole number from {low} to {high}']
    lines += [f'- "winner": {winner}', '- "reason": one or two sentences']
    return "\n".join(lines)


def reply_model(rubric: Rubric) -> type[BaseModel]:
    """What a reply is checked by: scores first, then the winner, then the reason.

    More lenient than `asked_model`: a tie is read as one even where the rubric offers none, and a reason may lack.
    """
    return _reply_model(tuple(rubric.criterion_keys.values()), rubric.scale, True, "")


def asked_model(rubric: Rubric) -> type[BaseModel]:
    """What a vendor is asked to fill in. Everything is required: OpenAI's strict mode refuses a form with defaults."""
    return _reply_model(tuple(rubric.criterion_keys.values()), rubric.scale, rubric.ties, ...)


@cache
def _reply_model(keys: tuple[str, ...], scale: tuple[int, int], ties: bool, reason: Any) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    if keys:
        grade = Literal[tuple(range(scale[0], scale[1] + 1))]  # pyright: ignore[reportInvalidTypeForm]
        grades: dict[str, Any] = dict.fromkeys(keys, (grade, ...))
        scores = create_model("Scores", **grades)
        fields |= {"scores_A": (scores, ...), "scores_B": (scores, ...)}
    winner = Literal["A", "B", "tie"] if ties else Literal["A", "B"]
    return create_model("Reply", **fields, winner=(winner, ...), reason=(str, reason))
