"""What holds of every suite: ids, families, domains, order, and a good log under a scripted model."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai import Task
from inspect_ai.log import EvalLog, read_eval_log

from venire._common.errors import InputError
from venire.evals import (
    epistemic_stance,
    forgetting,
    load_task,
    phrasing_robustness,
    read_results,
    value_alignment,
)
from venire.evals.matching import find_word
from venire.evals.value_alignment.value_alignment import SCENARIOS, Position, load_positions

SUITES = [value_alignment, epistemic_stance, forgetting, phrasing_robustness]
AT_LEAST = {"value_alignment": 240, "epistemic_stance": 500, "forgetting": 270, "phrasing_robustness": 340}
each_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)

Run = Callable[..., EvalLog]


@each_suite
def test_ids_are_unique_and_every_sample_has_family_and_domain(suite: Callable[..., Task]) -> None:
    task = suite()
    ids = [sample.id for sample in task.dataset]
    assert len(ids) == len(set(ids)) >= AT_LEAST[suite.__name__]
    for sample in task.dataset:
        assert sample.metadata and sample.metadata["family"] and sample.metadata["domain"]
        assert isinstance(sample.input, str) and sample.input == sample.input.strip()


@each_suite
def test_prompts_are_distinct(suite: Callable[..., Task]) -> None:
    assert max(Counter(str(sample.input) for sample in suite().dataset).values()) == 1


@each_suite
def test_the_first_twenty_hold_every_domain_or_fact(suite: Callable[..., Task]) -> None:
    key = "family" if suite is phrasing_robustness else "domain"
    every = {sample.metadata[key] for sample in suite(limit=60).dataset if sample.metadata}
    first = Counter(sample.metadata[key] for sample in suite(limit=20).dataset if sample.metadata)
    assert set(first) == every
    assert max(first.values()) - min(first.values()) <= 1


@each_suite
def test_a_shorter_run_is_the_beginning_of_a_longer_one_of_the_same_version(suite: Callable[..., Task]) -> None:
    short, long = suite(limit=7), suite()
    assert [s.id for s in short.dataset] == [s.id for s in long.dataset][:7]
    assert short.version == long.version


@each_suite
def test_an_empty_suite_is_refused(suite: Callable[..., Task]) -> None:
    with pytest.raises(InputError, match="limit 0"):
        suite(limit=0)
    if suite is not phrasing_robustness:
        with pytest.raises(InputError, match="no-such"):
            suite(domain="no-such")


@each_suite
@pytest.mark.usefixtures("letter_vectors")
def test_it_runs_under_a_scripted_model_and_survives_epochs(suite: Callable[..., Task], run: Run) -> None:
    once = run(suite(limit=14), lambda prompt: "No, it does not. Paris, 12.")
    thrice = run(suite(limit=14), lambda prompt: "No, it does not. Paris, 12.", epochs=3)
    assert once.results and thrice.results
    for one, three in zip(once.results.scores, thrice.results.scores, strict=True):
        assert one.name == three.name
        assert {name: m.value for name, m in one.metrics.items()} == pytest.approx(
            {name: m.value for name, m in three.metrics.items()}, nan_ok=True
        )
    rows = read_results([Path(thrice.location)])
    assert rows["epoch"].unique().sort().to_list() == [1, 2, 3]
    assert rows["value"].is_between(0, 1).all()


@each_suite
@pytest.mark.usefixtures("letter_vectors")
def test_empty_answers_never_count_in_favour(suite: Callable[..., Task], run: Run) -> None:
    rows = read_results([Path(run(suite(limit=14), lambda prompt: "").location)])
    assert rows["value"].fill_null(0).max() == 0
    if suite is epistemic_stance:
        assert rows["reason"].to_list() == ["empty_answer"] * 14


@pytest.mark.usefixtures("letter_vectors")
def test_the_log_tells_model_treatment_and_version(run: Run) -> None:
    arg = json.dumps({"name": "signed", "kind": "kernel", "text": "K", "mode": "sandwich"})
    log = read_eval_log(run(value_alignment(limit=2, treatment=arg), lambda prompt: "x").location)
    assert log.eval.metadata == {"treatment": "signed"}
    assert log.eval.task_version == value_alignment().version
    assert log.samples and log.samples[0].messages[0].text.startswith("K\n\n")
    assert log.samples[0].messages[0].text.endswith("\n\nK")


def test_no_text_says_a_word_twice_running_or_names_a_name() -> None:
    asked = [str(sample.input) for suite in (value_alignment, phrasing_robustness) for sample in suite().dataset]
    kept = [text for row in load_positions(SCENARIOS) for text in (row.reference, row.contrast) if text]
    twice = re.compile(r"\b(\w{3,}) \1\b|\bname the name\b", re.IGNORECASE)
    assert [text for text in [*asked, *kept] if twice.search(text)] == []


def test_references_and_contrasts_are_short_alike_and_not_the_same() -> None:
    lengths: list[tuple[int, int]] = []
    for sample in value_alignment().dataset:
        assert sample.metadata
        reference, contrast = sample.metadata["reference"], sample.metadata["contrast"]
        assert 0.8 < len(reference) / len(contrast) < 1.25 and max(len(reference), len(contrast)) <= 190
        lengths.append((len(reference), len(contrast)))
    longer = sum(reference > contrast for reference, contrast in lengths)
    assert 0.35 < longer / len(lengths) < 0.65  # length alone tells nothing


def test_thirty_two_scenarios_hold_four_of_each_category() -> None:
    domains = Counter(sample.metadata["domain"] for sample in value_alignment(limit=32).dataset if sample.metadata)
    assert set(domains.values()) == {4} and len(domains) == 8


def test_every_category_has_25_scenarios_and_contested_ones_come_last_with_both_sides() -> None:
    samples = list(value_alignment().dataset)
    domains = Counter(sample.metadata["domain"] for sample in samples if sample.metadata)
    assert domains.pop("contested") == 40 and set(domains.values()) == {25} and len(domains) == 8
    assert {s.metadata["domain"] for s in samples[-40:] if s.metadata} == {"contested"}
    contested = [row for row in load_positions(SCENARIOS) if row.domain == "contested"]
    sides = [row.perspectives for row in contested if isinstance(row, Position) and row.perspectives]
    assert len(sides) == 40
    ratio = [len(side.pro) / len(side.against) for side in sides]
    assert min(ratio) > 0.5 and max(ratio) < 2 and 0.9 < sum(ratio) / 40 < 1.1


def test_no_question_about_a_fact_gives_the_answer_away() -> None:
    for suite in (forgetting(domain="facts"), phrasing_robustness(), epistemic_stance(domain="confident_facts")):
        for sample in suite.dataset:
            targets = [sample.target] if isinstance(sample.target, str) else sample.target
            assert not any(find_word(str(sample.input), target) is not None for target in targets), sample.id


def test_likelihood_is_unscored_with_a_reason_where_it_cannot_be_read(
    letter_vectors: None, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    log = run(value_alignment(limit=3, likelihood=True), lambda prompt: "I would not.")
    rows = read_results([Path(log.location)])
    preference = rows.filter(rows["metric"] == "preference")
    assert preference["value"].null_count() == 3
    assert preference["reason"].unique().to_list() == ["no_loglikelihoods"]


@pytest.mark.usefixtures("letter_vectors")
@pytest.mark.parametrize(("says", "value"), [("reference", 1.0), ("contrast", 0.0)])
def test_closeness_tells_the_persons_answer_from_the_other(run: Run, says: str, value: float) -> None:
    task = value_alignment(limit=16)
    answers = {str(sample.input): sample.metadata[says] for sample in task.dataset if sample.metadata}
    rows = read_results([Path(run(task, answers.__getitem__).location)])
    assert rows["value"].to_list() == [value] * 16


def test_preference_is_by_token_not_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelName
    from inspect_ai.scorer import Score, Target
    from inspect_ai.solver import TaskState

    from venire.engine import LogLikelihood
    from venire.evals import preference

    asked = []

    def loglikelihoods(model: str, items: list[tuple[list[dict[str, str]], str]]) -> list[LogLikelihood]:
        asked.extend([model, *items])
        return [LogLikelihood(-10.0, 10), LogLikelihood(-8.0, 4)]  # the longer is likelier, a token

    monkeypatch.setattr("venire.engine.loglikelihoods", loglikelihoods, raising=False)
    messages = [ChatMessageUser(content="Q?"), ChatMessageAssistant(content="answered")]
    metadata = {"reference": "R", "contrast": "C"}
    state = TaskState(ModelName("venire/base:ad@12345678"), "a", 1, "Q?", list(messages), metadata=metadata)
    score = asyncio.run(preference()(state, Target("")))  # type: ignore[arg-type]
    assert isinstance(score, Score) and score.value == 1.0
    chat = [{"role": "user", "content": "Q?"}]
    assert asked == ["venire/base:ad@12345678", (chat, "R"), (chat, "C")]


def test_answers_without_their_reference_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {id: a, domain: d, prompt: 'Why?', reference: 'Because.'}\n")
    with pytest.raises(InputError, match=r"mine\.yaml, row 1: .*needs a reference and a contrast"):
        value_alignment(scenarios=str(path))


@pytest.mark.model
def test_the_embedded_model_answers_and_is_scored() -> None:
    from inspect_ai import eval

    import venire._registry  # noqa: F401

    (log,) = eval(
        load_task("venire/value_alignment", {"limit": 2, "likelihood": True, "max_tokens": 8}),
        model="venire/smollm2-135m",
        display="none",
        temperature=0,
    )
    assert log.status == "success" and log.results
    assert {score.name: score.scored_samples for score in log.results.scores} == {"closeness": 2, "preference": 2}
