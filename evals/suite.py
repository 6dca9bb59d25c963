"""What every suite's task does alike: take the first samples, ask, score, and stand under a treatment."""

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Scorer

from venire._common.errors import InputError
from venire._common.hashing import sha256_json

from .scenarios import sample_content
from .treatments import treat
from .vary import answer


def make_suite(
    name: str,
    samples: Sequence[Sample],
    scorer: Scorer | Sequence[Scorer],
    *,
    revision: int,
    limit: int | None = None,
    treatment: str | Mapping[str, Any] | None = None,
    max_tokens: int | None = None,
) -> Task:
    """A suite's task over its first `limit` samples.

    Its version is `<revision>-<hash>`: raise `revision` when scoring changes; the hash is that of all samples, so that
    an evaluation is never taken for finished after its file has changed. Raises InputError for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"suite {name!r}: limit {limit} leaves an empty suite; give 1 or more")
    content = sha256_json([sample_content(sample) for sample in samples])
    task = Task(
        dataset=MemoryDataset(list(samples[:limit]), name=name),
        solver=[answer()],
        scorer=scorer if isinstance(scorer, Scorer) else list(scorer),
        config=GenerateConfig(max_tokens=max_tokens),
        version=f"{revision}-{content[:8]}",
    )
    return treat(task, treatment)
