"""The shipped interview: its counts, its fairness, its schemas, and the example person's answers to it."""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError
from venire._common.hashing import sha256_file
from venire.datasets.calibration import Calibration, load_calibration
from venire.datasets.contradictions import contradictions, leanings
from venire.datasets.leaks import find_leaks
from venire.datasets.questions import SHIPPED, Dilemma, Figure, Framework, Interview, load_interview, schemas, stances

ODILE = SHIPPED.parent / "odile_brandt.json"
CARD = (SHIPPED.parent / "README.md").read_text("utf-8")
VALUES = {
    "family_loyalty": 3,
    "anti_bullying": 3,
    "power_imbalance": 3,
    "pragmatic_compassion": 3,
    "structural_awareness": 2,
    "loyalty_vs_law": 3,
    "redemption": 3,
    "intellectual_humility": 2,
}


@pytest.fixture(scope="module")
def interview() -> Interview:
    return load_interview()


@pytest.fixture(scope="module")
def odile() -> Calibration:
    return load_calibration(ODILE)


def dilemmas(interview: Interview) -> list[Dilemma]:
    return [question for _, question in interview if isinstance(question, Dilemma)]


def test_the_phases_have_their_numbers(interview: Interview) -> None:
    counts = {phase: len(questions) for phase, questions in interview.questions.items()}
    assert {phase: counts[phase] for phase in counts if phase != "priorities"} == {
        "contemporary": 15,
        "timeless": 22,
        "figures": 20,
        "frameworks": 16,
    }
    for phase, count in counts.items():
        assert re.search(rf"{phase}.yaml\) \| {count} \|", CARD), f"the card has another number of {phase}"
    assert f"**{len(interview)}**" in CARD
    timeless = [question for question in interview.questions["timeless"] if isinstance(question, Dilemma)]
    assert Counter(question.category for question in timeless) == VALUES


def test_options_are_of_like_length_and_letters_are_no_position(interview: Interview) -> None:
    usual = Counter(question.usual for question in dilemmas(interview))
    assert max(usual.values()) < 0.5 * sum(usual.values())
    for question in dilemmas(interview):
        lengths = [len(option.stance) for option in question.options.values()]
        assert max(lengths) < 1.5 * min(lengths), f"{question.id}: an option is longer than another by half"
        assert len({option.text for option in question.options.values()}) == len(question.options)


def test_contested_questions_have_both_sides_evenly(interview: Interview) -> None:
    quoted = set()
    for question in interview.questions["contemporary"]:
        assert isinstance(question, Dilemma) and question.views is not None, question.id
        pro, con = question.views.pro, question.views.con
        assert 0.75 < len(pro.argument) / len(con.argument) < 1.34, question.id
        assert all((view.figure, view.work, view.quote) for view in (pro, con))
        assert re.search(r"\d{3}|Letters", pro.work) and re.search(r"\d{3}|Letters", con.work)
        quoted |= {pro.quote, con.quote}
    assert len(quoted) == 30
    for phase, sides in (("figures", ("admired", "doubted")), ("frameworks", ("pro", "con"))):
        for question in interview.questions[phase]:  # type: ignore[index]
            lengths = [len(getattr(question, side)) for side in sides]
            assert 0.75 < lengths[0] / lengths[1] < 1.34, question.id


def test_every_axis_is_leant_on_to_both_ends(interview: Interview) -> None:
    low, high = Counter[str](), Counter[str]()
    for question in dilemmas(interview):
        for option in question.options.values():
            for axis, lean in option.leans.items():
                (low if lean < 0 else high)[axis] += 1
    for axis in interview.axes:
        assert low[axis] >= 2 and high[axis] >= 2, axis


def test_no_two_questions_ask_the_same(interview: Interview) -> None:
    asks = [(question.id, question.ask) for _, question in interview]
    assert len({ask for _, ask in asks}) == len(asks)
    assert all(not find_leaks([a], [b]) for a, b in pairwise(sorted(asks, key=lambda pair: pair[1])))


def test_the_example_person_answers_everything_in_her_own_words(interview: Interview, odile: Calibration) -> None:
    said = stances(odile, interview)
    assert [stance.id for stance in said] == [question.id for _, question in interview]
    assert all(stance.own_words and stance.contrast != stance.stance for stance in said)
    assert len({stance.stance for stance in said}) == len(said)
    assert odile.questions_sha256 == interview.sha256, "the questions have changed since she answered: look again"
    assert not [s.id for s in said if re.search(r"as an ai|language model|it depends|!", s.stance, re.IGNORECASE)]
    longer = sum(len(stance.stance) > len(stance.contrast) for stance in said)
    assert 0.25 < longer / len(said) < 0.75, "length tells whose answer it is"
    assert sha256_file(ODILE) in CARD


def test_she_is_a_person_and_contradicts_herself_somewhere(interview: Interview, odile: Calibration) -> None:
    assert 3 <= len(contradictions(odile, interview)) <= len(interview.axes)
    clear = {leaning.axis.id: leaning.mean for leaning in leanings(odile, interview)}
    assert clear["law_conscience"] > 0.4 and clear["even_weaker"] > 0.4
    assert any(abs(mean) < 0.25 for mean in clear.values())


def test_no_answer_stands_in_a_shipped_suite(interview: Interview, odile: Calibration) -> None:
    from venire.evals.scenarios import load_task, scenario_texts

    names = ("value_alignment", "epistemic_stance", "forgetting", "phrasing_robustness")
    asked = [(f"{name}:{p}", t) for name in names for p, t in scenario_texts(load_task(f"venire/{name}"))]
    mine = [
        (f"{stance.id} {part}", text)
        for stance in stances(odile, interview)
        for part, text in (("ask", stance.ask), ("stance", stance.stance), ("contrast", stance.contrast))
    ]
    assert [str(leak) for leak in find_leaks(mine, asked)] == []


def test_the_committed_schemas_are_those_of_the_models() -> None:
    for name, schema in schemas().items():
        committed = json.loads((SHIPPED.parent / name).read_text("utf-8"))
        assert committed == json.loads(json.dumps(schema)), f"{name}: run python -m venire.datasets.questions"


def test_a_changed_answer_changes_its_stance_alone(interview: Interview, odile: Calibration) -> None:
    answer = odile.phase2_timeless[0]
    other = answer.model_copy(update={"choice": "B", "reasoning": ""})
    before, after = (stances(c, interview) for c in (odile, odile.with_answer("timeless", other)))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [b.id for _, b in changed] == [answer.id]
    question = interview.find(answer.id)
    assert question is not None and isinstance(question[1], Dilemma)
    assert changed[0][1].stance == question[1].options["B"].stance and not changed[0][1].own_words
    assert changed[0][1].contrast == question[1].options[question[1].options["B"].contrast].stance


QUESTION = """
- id: kite
  title: Kite
  ask: Climb?
  why: To see.
  category: kindness
  text: A kite hangs in a tree.
  options:
    A: {text: Climb, stance: I climb., contrast: B}
    B: {text: Leave, stance: I leave it., contrast: A}
  usual: B
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("contrast: B", "contrast: C", "option A stands against C"),
        ("    B:", "    C:", "letters run from A without a gap"),
        ("usual: B", "usual: D", "usual is D"),
        ("why: To see.", "", "row 1, key 'why'"),
        ("stance: I climb.,", "stance: I climb., leans: {mood: 1},", "leans along 'mood'"),
        ("- id: kite", "- id: [", "line 4: not valid YAML"),
        ("- id: kite", "- id: street-cameras", "id 'street-cameras' is already used"),
    ],
)
def test_a_wrong_question_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "contemporary.yaml").write_text(QUESTION.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError, match=re.escape(says)):
        load_interview([SHIPPED, tmp_path])


def test_questions_of_ones_own_are_added(tmp_path: Path, interview: Interview) -> None:
    (tmp_path / "contemporary.yaml").write_text(QUESTION, "utf-8")
    assert len(load_interview([SHIPPED, tmp_path])) == len(interview) + 1
    assert len(load_interview([tmp_path])) == 1
    with pytest.raises(InputError, match="no folder with"):
        load_interview([tmp_path / "nothing"])


def test_an_answer_without_reasons_says_what_its_option_says(tmp_path: Path) -> None:
    (tmp_path / "contemporary.yaml").write_text(QUESTION, "utf-8")
    kite: dict[str, Any] = {"dilemma_id": "kite", "choice": "Other", "certainty": 3, "emotional_weight": 4}
    raw = {"username": "Ann", "calibration_date": "2026-03-02", "phase1_contemporary": [kite | {"other": "I sing."}]}
    stance = stances(Calibration.model_validate(raw), load_interview([tmp_path]))[0]
    assert (stance.stance, stance.contrast, stance.weight, stance.certainty) == ("I sing.", "I leave it.", 4, 3)
    assert (stance.category, stance.family, stance.ask) == ("kindness", "kite", "Climb?")


LONG = "when I was six my grandmother sewed one through a winter, and it hung in the elm behind the school, and a "


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"choice": "A", "reasoning": "My father did it for me once."}, "I climb. My father did it for me once."),
        ({"choice": "B", "reasoning": "no idea"}, "I leave it. no idea"),
        ({"choice": "A", "reasoning": "Of course I climb, he is six."}, "Of course I climb, he is six."),
        ({"choice": "Other", "other": "I ring", "reasoning": "He is six."}, "I ring. He is six."),
        ({"choice": "Other", "other": "I ring", "reasoning": "I ring, he is six."}, "I ring, he is six."),
        ({"choice": "A", "reasoning": f"I'd climb: {LONG}man got it."}, f"I'd climb: {LONG}man got it."),
        ({"choice": "A", "reasoning": f"Up it. And {LONG}man got it."}, f"Up it. And {LONG}man got it."),
        ({"choice": "A", "reasoning": f"Because {LONG}man got it."}, f"I climb. Because {LONG}man got it."),
    ],
)
def test_what_was_decided_is_said_before_the_reason(given: Any, said: str, tmp_path: Path) -> None:
    (tmp_path / "contemporary.yaml").write_text(QUESTION, "utf-8")
    kite: dict[str, Any] = {"dilemma_id": "kite", "certainty": 3, "emotional_weight": 4}
    raw = {"username": "Ann", "calibration_date": "2026-03-02", "phase1_contemporary": [kite | given]}
    (stance,) = stances(Calibration.model_validate(raw), load_interview([tmp_path]))
    assert stance.stance == said and stance.own_words
    assert stance.option_words == (given["choice"] != "Other" and said != given["reasoning"])


def test_a_short_reason_for_a_figure_or_framework_follows_what_was_taken(tmp_path: Path, interview: Interview) -> None:
    figure, framework = (next(q for p, q in interview if p == phase) for phase in ("figures", "frameworks"))
    raw = {
        "username": "Ann",
        "calibration_date": "2026-03-02",
        "phase4_resonant_figures": [{"figure": figure.id, "resonates": False, "reasoning": "A bore."}],
        "phase5_frameworks": [{"framework": framework.id, "rating": 9, "reasoning": "Sums."}],
    }
    one, other = stances(Calibration.model_validate(raw), interview)
    assert isinstance(figure, Figure) and one.stance == f"{figure.doubted} A bore."
    assert isinstance(framework, Framework) and other.stance == f"{framework.pro} Sums." and other.option_words
