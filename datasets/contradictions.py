"""What a calibration adds up to: where its answers lean, and which of them pull against each other.

Both come from the questions' `leans` along named axes. A contradiction is no fault to be mended: people hold on to two
things at once. It is pointed out, so that whoever trains on it knows that both are meant.
"""

from collections import defaultdict
from dataclasses import dataclass

from .calibration import OTHER, Answer, Calibration, DilemmaAnswer, FigureAnswer, FrameworkAnswer, PriorityAnswer
from .questions import Axis, Dilemma, Interview, Question, leans_of

SURE = 6  # of 10: an answer that is held less firmly contradicts nothing
SHARP = 7  # the least force of a contradiction, as of a slight lean that is held with 7 of 10
FEW = 3  # answers; an axis with fewer says nothing about a person


@dataclass(frozen=True)
class Lean:
    """One answer's place on one axis. `sure` is how firmly it is held, 1 to 10."""

    question: Question
    answer: Answer
    lean: int
    sure: int

    @property
    def force(self) -> int:
        """How strongly it pulls, from 1 to 20."""
        return abs(self.lean) * self.sure


@dataclass(frozen=True)
class Leaning:
    """Where the answers lean on one axis, all together: `mean` from -1 (all to `low`) to 1 (all to `high`)."""

    axis: Axis
    mean: float
    answers: int

    def __str__(self) -> str:
        if abs(self.mean) < 0.2:
            return f"between {self.axis.low} and {self.axis.high}"
        to, other = (self.axis.high, self.axis.low) if self.mean > 0 else (self.axis.low, self.axis.high)
        return f"{'clearly ' if abs(self.mean) >= 0.6 else ''}{to} rather than {other}"


@dataclass(frozen=True)
class Contradiction:
    """Two answers that lean to opposite ends of an axis, each held firmly, one of them at least to a dilemma."""

    axis: Axis
    low: Lean
    high: Lean

    @property
    def force(self) -> int:
        """How sharply they contradict: as the weaker of the two pulls."""
        return min(self.low.force, self.high.force)


def leanings(calibration: Calibration, interview: Interview) -> list[Leaning]:
    """Where the answers lean on each axis that three of them or more touch, the clearest first."""
    found = []
    for name, leans in _by_axis(calibration, interview).items():
        if len(leans) >= FEW:
            whole = sum(2 * lean.sure for lean in leans)
            mean = sum(lean.lean * lean.sure for lean in leans) / whole
            found.append(Leaning(interview.axes[name], mean, len(leans)))
    return sorted(found, key=lambda leaning: (-abs(leaning.mean), leaning.axis.id))


def contradictions(calibration: Calibration, interview: Interview) -> list[Contradiction]:
    """The sharpest contradiction of each axis, if it has one, the sharpest first."""
    found = []
    for name, leans in _by_axis(calibration, interview).items():
        firm = [lean for lean in leans if lean.sure >= SURE]
        pairs = [
            Contradiction(interview.axes[name], low, high)
            for low in firm
            for high in firm
            if low.lean < 0 < high.lean and Dilemma in (type(low.question), type(high.question))
        ]
        pairs = [pair for pair in pairs if pair.force >= SHARP]
        if pairs:
            found.append(max(pairs, key=lambda pair: (pair.force, pair.low.force + pair.high.force)))
    return sorted(found, key=lambda pair: (-pair.force, pair.axis.id))


def in_short(question: Question, answer: Answer) -> str:
    """What was answered, in a line, as the question put it."""
    if isinstance(answer, DilemmaAnswer):
        if answer.choice == OTHER:
            return answer.other
        return question.options[answer.choice].text if isinstance(question, Dilemma) else answer.choice
    if isinstance(answer, PriorityAnswer):
        return answer.answer
    if isinstance(answer, FigureAnswer):
        return "speaks to me" if answer.resonates else "does not speak to me"
    return f"{answer.rating} of 10"


def _by_axis(calibration: Calibration, interview: Interview) -> dict[str, list[Lean]]:
    found: dict[str, list[Lean]] = defaultdict(list)
    for _, answer in calibration.answers():
        match = interview.find(answer.id)
        for name, lean in (leans_of(match[1], answer) if match else {}).items():
            if match and lean:
                found[name].append(Lean(match[1], answer, lean, _sure(answer)))
    return found


def _sure(answer: Answer) -> int:
    if isinstance(answer, FigureAnswer):
        return answer.emotional_weight or 5
    if isinstance(answer, FrameworkAnswer):
        return answer.rating if answer.rating >= SURE else 11 - answer.rating
    return answer.certainty
