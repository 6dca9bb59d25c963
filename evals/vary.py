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


@solver
def with_settings(inner: Solver, varied: Sequence[str]) -> Solver:
    """`inner`, of whose calls of the model each has those of the sample's settings that are `varied`.

    Others may stand in somebody's metadata for reasons of his own: a question about the weather has a temperature.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        own: Any = {key: state.metadata[key] for key in _OWN if key in varied}
        asked = False

        async def ask(state: TaskState, *rest: Any, **config: Any) -> TaskState:
            nonlocal asked
            asked = True
            return await generate(state, *rest, **{**config, **own})

        if "system" in varied:
            state.messages.insert(0, ChatMessageSystem(content=str(state.metadata["system"])))
        state = await inner(state, ask)
        if own and not asked:
            raise InputError(
                f"robustness: sample {state.sample_id}: this suite's solver asks the model by itself, so "
                f"{', '.join(own)} would not hold; set it for the whole evaluation, and leave `temperatures` and "
                "`lengths` empty"
            )
        return state

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
    """Any suite, ours or another installed Inspect task, over temperatures, lengths, system prompts and repeats.

    Args:
        suite: The suite's task, such as venire/style or inspect_evals/gsm8k. One whose solver asks the model by
            itself, past Inspect's `generate`, ends in an error: the settings would not reach it.
        args: Its own arguments.
        temperatures: Comma-separated, or a list.
        lengths: Of answers in tokens, comma-separated, or a list.
        systems: System prompts, each in its turn.
        repeats: How often each is asked.
        limit: How many of the suite's items, before they are multiplied.
        treatment: A treatment as JSON (see evals/treatments.py).
    """
    if suite == "venire/robustness":
        raise InputError(f"robustness: suite {suite!r}: name the suite to be varied, such as venire/style")
    if limit is not None and limit < 1:
        raise InputError(f"robustness: limit {limit} leaves an empty suite; give 1 or more")
    ours = suite.startswith("venire/")
    made = load_task(suite, {**(args or {}), **({"limit": limit} if ours and limit is not None else {})})
    settings = {
        "temperature": _numbers(temperatures, float),
        "max_tokens": _numbers(lengths, int),
        "system": [systems] if isinstance(systems, str) else systems or [],
    }
    if not ours:
        made = _under_settings(made, limit, [name for name, values in settings.items() if values])
    varied = vary(made, settings["temperature"], settings["max_tokens"], settings["system"], repeats)
    return treat(varied, treatment)


def _under_settings(suite: Task, limit: int | None, varied: Sequence[str]) -> Task:
    """The first samples of somebody else's task, with ids, and a solver that minds what is varied."""
    first = list(suite.dataset)[:limit]
    named = [
        sample if sample.id is not None else sample.model_copy(update={"id": number})
        for number, sample in enumerate(first, start=1)
    ]
    dataset = MemoryDataset(named, name=suite.dataset.name)
    return task_with(suite, dataset=dataset, solver=with_settings(suite.solver, varied))


def _numbers(given: Any, kind: type) -> list[Any]:
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
    try:
        return [kind(part) for part in parts if str(part).strip()]
    except ValueError as error:
        raise InputError(f"robustness: {given!r}: give numbers, separated by commas") from error
