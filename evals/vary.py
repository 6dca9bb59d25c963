"""One suite under many settings: temperatures, lengths, system prompts and repeats, which are no new prompts.

Every sample is asked once for each combination, under an id of its own and its old family, and all of it `repeats`
times (Inspect's epochs). Intervals are taken by family, so asking twenty times narrows the noise of sampling and
nothing else.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from inspect_ai import Epochs, Task, task, task_with
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem
from inspect_ai.solver import Generate, Solver, TaskState, solver

from venire._common.errors import InputError

from .scenarios import load_task
from .treatments import treat

_OWN = ("temperature", "max_tokens")  # generation settings that a sample may carry in its metadata


@solver
def answer() -> Solver:
    """Answers once, with the sample's own `temperature` and `max_tokens` where its metadata has them."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        own: Any = {key: state.metadata[key] for key in _OWN if state.metadata.get(key) is not None}
        if system := state.metadata.get("system"):
            state.messages.insert(0, ChatMessageSystem(content=str(system)))
        return await generate(state, **own)

    return solve


def vary(
    suite: Task,
    temperatures: Sequence[float] = (),
    max_tokens: Sequence[int] = (),
    systems: Sequence[str] = (),
    repeats: int = 1,
) -> Task:
    """`suite` asked under every combination of the settings given; an empty one is left as the evaluation has it.

    Raises InputError for repeats below 1, a negative temperature or a length below 1.
    """
    if repeats < 1 or any(t < 0 for t in temperatures) or any(n < 1 for n in max_tokens):
        raise InputError(
            f"vary: repeats {repeats}, temperatures {list(temperatures)}, max_tokens {list(max_tokens)}: "
            "repeats and lengths are 1 or more, temperatures 0 or more"
        )
    settings: list[dict[str, Any]] = [
        dict(zip(("temperature", "max_tokens", "system"), chosen, strict=True))
        for chosen in product(temperatures or [None], max_tokens or [None], systems or [None])
    ]
    samples = [_varied(sample, one, systems) for sample in suite.dataset for one in settings]
    return task_with(suite, dataset=MemoryDataset(samples, name=suite.dataset.name), epochs=Epochs(repeats, "mean"))


def _varied(sample: Sample, settings: Mapping[str, Any], systems: Sequence[str]) -> Sample:
    given = {key: value for key, value in settings.items() if value is not None}
    metadata = {"family": str(sample.id), **(sample.metadata or {}), **given}
    marks = {key: systems.index(value) if key == "system" else value for key, value in given.items()}
    mark = "-".join(f"{key[0]}{value:g}" for key, value in marks.items())
    return sample.model_copy(update={"id": f"{sample.id}@{mark}" if mark else sample.id, "metadata": metadata})


@task
def robustness(
    suite: str = "venire/style",
    args: dict[str, Any] | None = None,
    temperatures: str | list[float] | float = "0.5,1.0",
    lengths: str | list[int] | int = "256,1024",
    systems: list[str] | str | None = None,
    repeats: int = 3,
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
) -> Task:
    """Any suite of ours over temperatures, lengths, system prompts and repeats.

    Args:
        suite: The suite's task.
        args: Its own arguments.
        temperatures: Comma-separated, or a list.
        lengths: Of answers in tokens, comma-separated, or a list.
        systems: System prompts, each in its turn.
        repeats: How often each is asked.
        limit: How many of the suite's items, before they are multiplied.
        treatment: A treatment as JSON (see evals/treatments.py).
    """
    if not suite.startswith("venire/") or suite == "venire/robustness":
        raise InputError(f"robustness: suite {suite!r}: name one of Venire's own suites, such as venire/style")
    made = load_task(suite, {**(args or {}), **({"limit": limit} if limit is not None else {})})
    asked = [systems] if isinstance(systems, str) else systems or []
    varied = vary(made, _numbers(temperatures, float), _numbers(lengths, int), asked, repeats)
    return treat(varied, treatment)


def _numbers(given: Any, kind: type) -> list[Any]:
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
    try:
        return [kind(part) for part in parts if str(part).strip()]
    except ValueError as error:
        raise InputError(f"robustness: {given!r}: give numbers, separated by commas") from error
