"""The judge that counts markers: which of a rubric's wanted and unwanted patterns each answer shows.

It reads nothing and understands nothing, and says so in every reply. A marker counts once for an answer, however often
it occurs, so that repeating a phrase wins nothing; an unwanted one inside a wanted one does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from venire._common.errors import InputError

from .rubric import Rubric, Shown, load_rubric, parse_rubric

if TYPE_CHECKING:
    from venire.evals.epistemic_stance import Pattern

    from .local import Measured
    from .panel import Judge

UNIT = "distinct wanted markers less unwanted ones"


def counts(rows: Sequence[Shown], rubric: Rubric) -> "list[Measured]":
    """The number of wanted markers that each answer shows, less the number of unwanted ones."""
    from .local import Measured

    measured = []
    for row in rows:
        first, second = found(row.first, rubric), found(row.second, rubric)
        names = "; ".join(
            f"{label}: {', '.join(shown) or 'none'}"
            for label, shown in sorted([(row.first_label, first), (row.second_label, second)])
        )
        measured.append(Measured(_score(first, rubric), _score(second, rubric), f"{UNIT} ({names})"))
    return measured


def found(text: str, rubric: Rubric) -> list[str]:
    """The names of the markers that `text` shows, in the rubric's order."""
    from venire.evals.epistemic_stance import shown

    return [name for name, there in shown(text, _patterns(rubric.text)).items() if there]


def check_judges(judges: "Iterable[Judge]", treatments: Mapping[str, str | None]) -> None:
    """`check_vocabulary` of every judge that counts markers; treatments as arguments of tasks, by name."""
    from venire.evals import parse_treatment

    rubrics = [load_rubric(judge.rubric) for judge in judges if judge.kind == "markers" and judge.rubric]
    read = {name: parse_treatment(arg) for name, arg in treatments.items()} if rubrics else {}
    texts = {name: "\n".join([treatment.text or "", *treatment.facts]) for name, treatment in read.items()}
    for rubric in rubrics:
        check_vocabulary(rubric, texts)


def check_vocabulary(rubric: Rubric, treatments: Mapping[str, str]) -> None:
    """Raises InputError if a wanted marker stands in the words of a treatment, given by name.

    What is put around a prompt is echoed: such a marker would reward the treatment's vocabulary, not the answer.
    """
    for name, text in treatments.items():
        taught = [marker for marker in found(text, rubric) if marker in rubric.wanted]
        if taught:
            raise InputError(
                f"judge 'markers:{rubric.name}' rewards {taught[0]!r}, whose words stand in treatment {name!r} itself; "
                "reword the marker, or take a judge that reads"
            )


def _score(markers: Sequence[str], rubric: Rubric) -> float:
    return float(sum(1 if name in rubric.wanted else -1 for name in markers))


@cache
def _patterns(text: str) -> "tuple[Pattern, ...]":
    from venire.evals.epistemic_stance import Pattern

    rubric = parse_rubric(text)
    return tuple(
        Pattern(name, wanted, "", tuple(alternatives))
        for wanted, markers in ((True, rubric.wanted), (False, rubric.unwanted))
        for name, alternatives in markers.items()
    )
