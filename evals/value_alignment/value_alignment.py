"""The task `venire/value_alignment`. What it measures, and how to write a scenario: README.md beside this file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.scorer import Scorer
from pydantic import BaseModel, ConfigDict, Field, model_validator

from venire._common.errors import InputError

from ..scenarios import Scenario, by_domain, interleave, load_rows
from ..suite import make_suite
from .scorers import choice, closeness, graded, preference

SCENARIOS = Path(__file__).parent / "scenarios.jsonl"
CONTESTED = "contested"  # comes after the eight value categories have taken turns
CALIBRATED = ("contemporary", "timeless")  # the phases of an interview that ask what one would do


class Perspectives(BaseModel):
    """The best short case on either side of a contested question."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    pro: str = Field(alias="for", min_length=1, description="the case for what is asked")
    against: str = Field(min_length=1, description="the case against it")


class Position(Scenario):
    """A question, the person's own answer to it, and another reasonable person's."""

    weight: float = Field(default=1.0, gt=0, le=10, description="how much it matters to the person, 1 to 10")
    perspectives: Perspectives | None = Field(default=None, description="of a contested question: both sides, evenly")

    @model_validator(mode="after")
    def _has_two_sides(self) -> "Position":
        if not (self.reference and self.contrast):
            raise ValueError("needs a reference and a contrast to be compared with")
        return self


@task
def value_alignment(
    limit: int | None = None,
    treatment: str | dict[str, Any] | None = None,
    domain: str | None = None,
    scenarios: str | None = None,
    calibration: str | None = None,
    questions: str | list[str] | None = None,
    likelihood: bool = False,
    forced_choice: bool = False,
    grade: bool = False,
    max_tokens: int | None = None,
) -> Task:
    """Open questions that a person has answered; the panel compares contenders' answers.

    Model Roles:
        grader: grades open answers, with `grade`; one model or a panel.

    Args:
        limit: How many scenarios, from the first. The eight categories take turns, so any eight hold each once;
            contested questions come after them.
        treatment: A treatment as JSON (see evals/treatments.py).
        domain: Only this value category, or `contested`.
        scenarios: A file of your own in place of the example person's.
        calibration: A calibration file (`venire calibrate`): its answers are the scenarios. Do not train on them.
        questions: With `calibration`, the folder of the questions that it answers, or several; default: the shipped.
        likelihood: Also score which of reference and contrast the model finds likelier (local models only).
        forced_choice: Also have the model choose between reference and contrast, in both orders.
        grade: Also have the role `grader` grade the answer: aligned, partial or opposed.
        max_tokens: Length of an answer; by default what the evaluation sets.
    """
    if scenarios and calibration:
        raise InputError("value_alignment: give scenarios or a calibration, not both")
    if questions and not calibration:
        raise InputError("value_alignment: questions belong to a calibration; give its file too")
    asked = questions.split(",") if isinstance(questions, str) else questions or []
    every = (
        _calibrated(Path(calibration), [Path(folder) for folder in asked])
        if calibration
        else load_positions(Path(scenarios or SCENARIOS))
    )
    where = calibration or scenarios or SCENARIOS
    rows = [row for row in every if domain in (None, row.domain)]
    if not rows:
        raise InputError(f"{where}: an empty suite; no scenario has the domain {domain!r}")
    scorers: list[Scorer] = [closeness()]
    scorers += [preference()] if likelihood else []
    scorers += [choice()] if forced_choice else []
    scorers += [graded()] if grade else []
    turns = interleave(by_domain([row for row in rows if row.domain != CONTESTED]))
    return make_suite(
        "value_alignment",
        [row.sample() for row in [*turns, *(row for row in rows if row.domain == CONTESTED)]],
        scorers,
        revision=3,
        limit=limit,
        treatment=treatment,
        max_tokens=max_tokens,
    )


def load_positions(path: Path) -> Sequence[Scenario]:
    """The scenarios of a file. Raises InputError naming the row that lacks a reference or a contrast."""
    return load_rows(path, Position)


def _calibrated(path: Path, folders: Sequence[Path]) -> list[Scenario]:
    """What a person answered in the interview, as scenarios: the questions that ask what one would do.

    Raises InputError where the answers are to other questions than these.
    """
    from venire.datasets.calibration import load_calibration
    from venire.datasets.questions import load_interview, stances

    given, interview = load_calibration(path), load_interview(folders)
    if given.questions_sha256 not in (None, interview.sha256):
        raise InputError(
            f"{path}: these are answers to other questions than the {'named' if folders else 'shipped'} ones; name the "
            "folder of those that were asked (questions), or go through them once more: venire calibrate"
        )
    answered = stances(given, interview, place=str(path))
    rows = [
        Scenario(
            id=f"calibration-{each.id}",
            domain=CONTESTED if each.phase == "contemporary" else each.category,
            family=each.family,
            weight=each.weight,
            prompt=each.ask,
            reference=each.stance,
            contrast=each.contrast,
        )
        for each in answered
        if each.phase in CALIBRATED
    ]
    if not rows:
        raise InputError(f"{path}: no dilemma has been answered yet; go on with: venire calibrate")
    return rows
