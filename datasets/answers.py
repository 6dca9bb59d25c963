"""A person's answers beside the questions that are asked: what an older file answered besides them is kept apart."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from .calibration import OTHER, Answer, Calibration, DilemmaAnswer, Phase, Unasked, is_version_1, load_calibration
from .questions import Dilemma, Interview


def load_answers(path: Path, interview: Interview) -> Calibration:
    """The calibration in a file, for these questions. Raises InputError as `load_calibration` does.

    A file of version 1 was made with other questions: its answers to them go to `unasked`, from where they come back
    once their question is among those that are asked. Where it has no answer to these, nothing is moved: they are the
    wrong questions, and `stances` says so.
    """
    calibration = _with_asked(load_calibration(path), interview)
    if not is_version_1(path):
        return calibration
    answers = list(calibration.answers())
    others: list[tuple[Phase, Answer]] = [
        (phase, answer) for phase, answer in answers if not _fits(phase, answer, interview)
    ]
    return calibration if len(others) == len(answers) else _without(calibration, others)


def unasked(calibration: Calibration) -> list[str]:
    """Ids of the questions that were answered and are not asked here."""
    return [entry.answer.id for entry in calibration.unasked]


def unasked_note(ids: Sequence[str]) -> str:
    """A sentence on them; empty where there are none."""
    if not ids:
        return ""
    many = "1 answer is to a question" if len(ids) == 1 else f"{len(ids)} answers are to questions"
    named = ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
    return f"{many} not among these ({named}): kept in the file, not used."


def _fits(phase: Phase, answer: Answer, interview: Interview) -> bool:
    match = interview.find(answer.id)
    if match is None or match[0] != phase:
        return False
    if isinstance(answer, DilemmaAnswer) and isinstance(match[1], Dilemma):
        return answer.choice == OTHER or answer.choice in match[1].options
    return True


def _with_asked(calibration: Calibration, interview: Interview) -> Calibration:
    """The same with what stood apart back in its list, where the question is asked and not yet answered or skipped."""
    kept: list[Unasked] = []
    for entry in calibration.unasked:
        open_ = calibration.answer_to(entry.answer.id) is None and entry.answer.id not in calibration.skipped
        if open_ and _fits(entry.phase, entry.answer, interview):
            calibration = calibration.with_answer(entry.phase, entry.answer)
        else:
            kept.append(entry)
    return calibration.model_copy(update={"unasked": kept})


def _without(calibration: Calibration, others: Iterable[tuple[Phase, Answer]]) -> Calibration:
    for phase, answer in others:
        apart = [*calibration.unasked, Unasked(phase=phase, answer=answer)]
        calibration = calibration.without(answer.id).model_copy(update={"unasked": apart})
    return calibration
