"""Treatments: what is put around a prompt (a system prompt, a kernel, facts), as Inspect solvers."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, Self

from inspect_ai import Task, task_with
from inspect_ai.model import ChatMessageSystem
from inspect_ai.solver import Generate, Solver, TaskState, solver
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from venire._common.errors import InputError
from venire._common.hashing import canonical_json
from venire._common.kernel import KernelMode, wrap
from venire._common.reading import first_fault, parse_yaml, read_text

from .matching import words
from .scenarios import read_lines

Kind = Literal["none", "system", "kernel", "context", "retrieval"]
_NEEDS: dict[Kind, tuple[str, ...]] = {
    "none": (),
    "system": ("text",),
    "kernel": ("text", "mode"),
    "context": ("facts",),
    "retrieval": ("facts", "k", "by"),
}
_COMMON = """a an and are as at be been by can did do does for from had has have he her his i in is it its me my of on
or she that the their they this to was what when where which who whom whose why will with you your"""
_COMMON_WORDS = frozenset(_COMMON.split())


class Treatment(BaseModel):
    """What is put around every prompt of a suite. Empty is nothing at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", description="what the experiment calls it; default: its kind, or plain")
    kind: Kind = Field(default="none", description="system, kernel, context (all facts) or retrieval (k facts)")
    text: str | None = Field(default=None, min_length=1, description="the system prompt or the kernel")
    file: str | None = Field(default=None, description="where the text or the facts are read from")
    mode: KernelMode = Field(default="prefix", description="on which side of the prompt the kernel stands")
    facts: list[str] = Field(default=[], description="one sentence each")
    k: int = Field(default=3, ge=1, description="how many facts are retrieved for a prompt")
    by: Literal["embedding", "words"] = Field(default="embedding", description="how facts are found")

    @model_validator(mode="before")
    @classmethod
    def _is_named(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and not raw.get("name"):
            return {**raw, "name": "plain" if raw.get("kind", "none") == "none" else str(raw["kind"])}
        return raw

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        content = "facts" if "facts" in _NEEDS[self.kind] else "text" if "text" in _NEEDS[self.kind] else None
        if content and bool(getattr(self, content)) == bool(self.file):
            raise ValueError(f"kind {self.kind!r} needs exactly one of {content!r} and 'file'")
        allowed = {*_NEEDS[self.kind], "name", "kind", *(("file",) if content else ())}
        if stray := sorted(self.model_fields_set - allowed):
            raise ValueError(f"kind {self.kind!r} takes no {stray[0]!r}")
        return self

    def to_arg(self) -> str | None:
        """The treatment as a task's `treatment` argument: JSON that holds its whole content. None for nothing.

        Raises InputError if its file has not been read (`load_treatment` reads it).
        """
        if self.file:
            raise InputError(f"treatment {self.name!r}: read its file {self.file!r} first, with load_treatment")
        if self.kind == "none" and self.name == "plain":
            return None
        return canonical_json({**self.model_dump(include={*_NEEDS[self.kind], "name", "kind"})})


def load_treatment(name: str, raw: Mapping[str, Any], find: Callable[[str], Path] = Path) -> Treatment:
    """The treatment that an experiment calls `name`, with what its file holds read in; `find` locates the file.

    Raises InputError for unknown keys, a key its kind does not take, or an unreadable file.
    """
    treatment = _validate({**raw, "name": name}, f"treatment {name!r}")
    if not treatment.file:
        return treatment
    path = find(treatment.file)
    if not path.is_file():
        raise InputError(f"treatment {name!r}: no such file {str(path)!r}")
    if "facts" in _NEEDS[treatment.kind]:
        content: dict[str, Any] = {"facts": read_facts(path)}
    else:
        content = {"text": read_text(path, f"treatment {name!r}").replace("\r\n", "\n").strip()}
    kept = {key: value for key, value in raw.items() if key != "file"}
    return _validate({**kept, **content, "name": name}, f"treatment {name!r}, file {str(path)!r}")


def parse_treatment(arg: str | Mapping[str, Any] | None) -> Treatment:
    """The treatment in a task's argument: the JSON of `Treatment.to_arg`, or what `inspect eval -T` made of it.

    Raises InputError if it is none.
    """
    if arg is None:
        return Treatment()
    try:
        raw = json.loads(arg) if isinstance(arg, str) else arg
    except ValueError as error:
        raise InputError(f"treatment {arg!r}: not valid JSON: {error}") from error
    if not isinstance(raw, Mapping):
        raise InputError(f"treatment {arg!r}: a treatment is an object of keys such as kind and text")
    return _validate(raw, "treatment")


def read_facts(path: Path) -> list[str]:
    """Facts, one sentence each: the lines of a text file, or the rows of YAML, JSON or JSONL.

    A row is a sentence or an object with `statement`. Raises InputError naming the row that is neither.
    """
    text = read_text(path, "facts")
    if path.suffix in (".yaml", ".yml", ".json"):
        rows = parse_yaml(text, str(path))
    elif path.suffix == ".jsonl":
        rows = list(read_lines(path, text))
    else:
        rows = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path}: facts are a list of sentences, or of rows with 'statement'")
    facts: list[str] = []
    for number, row in enumerate(rows, start=1):
        fact = row.get("statement") if isinstance(row, dict) else row
        if not isinstance(fact, str) or not fact.strip():
            raise InputError(f"{path}, row {number}: a fact is a sentence, or a row with 'statement'")
        facts.append(fact.strip())
    return facts


def treat(task: Task, arg: str | Mapping[str, Any] | None) -> Task:
    """`task` under a treatment: set up before its own solver, and named in the log's metadata as `treatment`."""
    treatment = parse_treatment(arg)
    metadata = {**(task.metadata or {}), "treatment": treatment.name}
    if treatment.kind == "none":
        return task_with(task, metadata=metadata)
    before = task.setup if isinstance(task.setup, Sequence) else [task.setup] if task.setup else []
    return task_with(task, setup=[*before, treated(treatment.to_arg())], metadata=metadata)


@solver
def treated(treatment: str | None = None) -> Solver:
    """Puts a treatment (the JSON of `Treatment.to_arg`) around the sample's messages."""
    given = parse_treatment(treatment)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if given.kind == "kernel":
            prompt = state.user_prompt
            prompt.text = wrap(prompt.text, given.text or "", given.mode)
        elif given.kind != "none":
            state.messages.insert(0, ChatMessageSystem(content=await _system_text(given, state.input_text)))
        return state

    return solve


async def _system_text(treatment: Treatment, question: str) -> str:
    if treatment.kind != "retrieval":
        return system_text(treatment, question)
    from anyio.to_thread import run_sync

    return await run_sync(partial(system_text, treatment, question))  # embedding takes its time


def system_text(treatment: Treatment, question: str) -> str:
    """What a treatment says before a question, as a system prompt; "" for a kernel, which wraps the question itself."""
    match treatment.kind:
        case "system":
            return treatment.text or ""
        case "context":
            facts: Sequence[str] = treatment.facts
        case "retrieval":
            facts = retrieve(question, treatment.facts, treatment.k, treatment.by)
        case _:
            return ""
    return "\n".join(["What you know:", *(f"- {fact}" for fact in facts)])


def retrieve(question: str, facts: Sequence[str], k: int, by: Literal["embedding", "words"]) -> list[str]:
    """The `k` facts nearest to `question`, nearest first: by sentence vectors, or by words in common.

    Of equally near facts the one listed earlier comes first.
    """
    if by == "words":
        asked = _content_words(question)
        nearness = [float(len(asked & _content_words(fact))) for fact in facts]
    else:
        from venire.engine import embed

        nearness = (_fact_vectors(tuple(facts)) @ embed([question])[0]).tolist()
    order = sorted(range(len(facts)), key=lambda i: (-nearness[i], i))
    return [facts[i] for i in order[:k]]


@lru_cache(maxsize=8)
def _fact_vectors(facts: tuple[str, ...]) -> Any:
    from venire.engine import embed

    return embed(list(facts))


def _content_words(text: str) -> set[str]:
    """Words without the commonest, possessives and plurals folded."""
    found = set()
    for word in words(text).split():
        stem = word.removesuffix("'s")
        if stem not in _COMMON_WORDS:
            found.add(stem.removesuffix("s") if len(stem) > 3 else stem)
    return found


def _validate(raw: Mapping[str, Any], where: str) -> Treatment:
    try:
        return Treatment.model_validate(raw)
    except ValidationError as error:
        key, message, _ = first_fault(error)
        raise InputError(f"{where}{f', key {key!r}' if key else ''}: {message}") from error
