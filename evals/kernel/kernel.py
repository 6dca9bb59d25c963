"""The task `venire/kernel`: every question under every signing in every language. What it can show: README.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from pydantic import Field

from venire._common.errors import InputError
from venire._common.hashing import sha256_json
from venire._common.kernel import KernelMode, wrap

from ..scenarios import Row, by_domain, interleave, load_rows
from ..suite import make_suite
from .outcomes import outcome, quality, refuse_vocabulary

HERE = Path(__file__).parent
PROMPTS = HERE / "prompts.jsonl"
LANGUAGES = ("en", "ru", "zh")
# Which text signs a prompt, and where it stands.
SIGNINGS: dict[str, tuple[str, KernelMode | None]] = {
    "unsigned": ("", None),
    "prefix": ("kernel", "prefix"),
    "double": ("kernel", "double"),
    "sandwich": ("kernel", "sandwich"),
    "second": ("axioms", "prefix"),
    "system": ("system", None),
}


class KernelPrompt(Row):
    """One question in three languages, each written by hand to ask the same."""

    en: str = Field(min_length=1, description="in English")
    ru: str = Field(min_length=1, description="in Russian")
    zh: str = Field(min_length=1, description="in Chinese")


@solver
def signed(kernel_text: str, axioms_text: str, system_text: str) -> Solver:
    """Puts around the prompt what the sample's `signing` says."""
    texts = {"kernel": kernel_text, "axioms": axioms_text, "system": system_text}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        name, mode = SIGNINGS[str(state.metadata["signing"])]
        if mode:
            state.user_prompt.text = wrap(state.user_prompt.text, texts[name], mode)
        elif name:
            state.messages.insert(0, ChatMessageSystem(content=texts[name]))
        return state

    return solve


@task
def kernel(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    languages: str | list[str] = "en,ru,zh",
    signings: str | list[str] = "unsigned,prefix,double,sandwich,second,system",
    kernel_file: str | None = None,
    axioms_file: str | None = None,
    system_file: str | None = None,
    prompts: str | None = None,
    grade: bool = False,
    max_tokens: int | None = None,
) -> Task:
    """Questions that a filter may stop, unsigned and signed with a kernel, in English, Russian and Chinese.

    Model Roles:
        grader: says what became of a question and how well it was served, with `grade`; one model or a panel.

    Args:
        limit: How many questions, from the first, each under every signing; the languages take turns.
        treatment: A treatment as JSON, put around everything else (see evals/treatments.py).
        domain: Only this one of the seven categories.
        languages: Of en, ru, zh.
        signings: Of unsigned, prefix, double, sandwich, second, system.
        kernel_file: A kernel of your own.
        axioms_file: A second kernel of your own.
        system_file: A system prompt of your own.
        prompts: A file of your own.
        grade: Have the role `grader` read the answers in place of the patterns, and rate them from 0 to 10.
        max_tokens: Length of an answer; by default what the evaluation sets.
    """
    asked, under = _chosen(languages, LANGUAGES, "languages"), _chosen(signings, SIGNINGS, "signings")
    every = load_rows(Path(prompts) if prompts else PROMPTS, KernelPrompt)
    rows = [row for row in interleave(by_domain(every)) if domain in (None, row.domain)]
    if not rows:
        raise InputError(f"kernel: no domain {domain!r}; there are {', '.join(sorted({row.domain for row in every}))}")
    texts = [
        _text(given, shipped)
        for given, shipped in ((kernel_file, "kernel.md"), (axioms_file, "axioms.md"), (system_file, "system.md"))
    ]
    if not grade:
        refuse_vocabulary(texts)
    units = [(row, asked[(i + turn) % len(asked)]) for turn in range(len(asked)) for i, row in enumerate(rows)]
    scorers: list[Scorer] = [outcome(grade), quality()] if grade else [outcome()]
    made = make_suite(
        "kernel",
        [_sample(row, language, signing, texts) for row, language in units for signing in under],
        scorers,
        revision=2,
        limit=None if limit is None else limit * len(under),
        treatment=treatment,
        max_tokens=max_tokens,
    )
    made.setup = [signed(*texts), *(made.setup if isinstance(made.setup, list) else [])]
    return made


def _chosen(given: str | list[str], known: Any, what: str) -> list[str]:
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise InputError(f"kernel: {what}: {name!r} is none of {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise InputError(f"kernel: {what}: name each once, and at least one")
    return names


def _text(given: str | None, shipped: str) -> str:
    path = Path(given) if given else HERE / shipped
    if not path.is_file():
        raise InputError(f"kernel: no such file {str(path)!r}")
    return path.read_text("utf-8").strip()


def _sample(row: KernelPrompt, language: str, signing: str, texts: Sequence[str]) -> Sample:
    named: dict[str, str] = dict(zip(("kernel", "axioms", "system"), texts, strict=True))
    text = named.get(SIGNINGS[signing][0], "")
    return Sample(
        id=f"{row.id}.{language}.{signing}",
        input=getattr(row, language),
        metadata={
            "family": row.id,
            "domain": row.domain,
            "language": language,
            "signing": signing,
            "unit": f"{row.id}.{language}",
            "text": sha256_json(text)[:12],  # another kernel is another suite
        },
    )
