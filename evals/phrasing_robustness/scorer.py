"""Is the fact in the answer, and does that depend on how it was asked?"""

from collections import defaultdict
from statistics import fmean

from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    accuracy,
    grouped,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState

from ..matching import mentions


@metric
def phrasing_gap() -> Metric:
    """Accuracy on trained kinds of phrasing less that on novel kinds; NaN unless both were asked."""

    def gap(scores: list[SampleScore]) -> float:
        trained, novel = (_values(scores, "split", split) for split in ("trained", "novel"))
        return fmean(trained) - fmean(novel) if trained and novel else float("nan")

    return gap


@metric
def all_phrasings() -> Metric:
    """Share of the facts that were right in every phrasing asked (in every epoch); NaN without facts."""

    def share(scores: list[SampleScore]) -> float:
        facts: dict[str, list[float]] = defaultdict(list)
        for each in scores:
            facts[str((each.sample_metadata or {}).get("family"))].append(each.score.as_float())
        return fmean(float(min(values) == 1) for values in facts.values()) if facts else float("nan")

    return share


@metric
def consistency() -> Metric:
    """How often two phrasings of a fact are answered alike, beyond chance (1: always); NaN where undefined."""

    def alike(scores: list[SampleScore]) -> float:
        from venire.judges.statistics.phrasing import consistency as beyond_chance

        facts = [str((each.sample_metadata or {}).get("family")) for each in scores]
        right = [float(each.score.as_float() >= 0.5) for each in scores]
        return beyond_chance(right, facts).corrected if scores else float("nan")

    return alike


def _values(scores: list[SampleScore], key: str, value: str) -> list[float]:
    return [each.score.as_float() for each in scores if (each.sample_metadata or {}).get(key) == value]


@scorer(
    metrics=[
        grouped(accuracy(), "split", all_label="accuracy"),
        stderr(cluster="family"),
        phrasing_gap(),
        all_phrasings(),
        consistency(),
    ]
)
def recalled() -> Scorer:
    """C if the answer gives the fact in whole words, else I."""

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion.strip()
        right = mentions(answer, list(target))
        return Score(value=CORRECT if right else INCORRECT, answer=answer, explanation=f"right: {' or '.join(target)}")

    return score
