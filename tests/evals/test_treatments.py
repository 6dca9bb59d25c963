"""Treatments: read from an experiment, carried in a task's argument, and put around prompts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.solver import generate, user_message

from venire._common.errors import InputError
from venire.evals import Treatment, load_treatment, parse_treatment, read_facts, treat
from venire.evals.treatments import retrieve

FACTS = ["Her dog is called Biscuit.", "She plays the accordion.", "Her dinghy is called Tuesday."]


def _messages(
    run: Callable[..., EvalLog], treatment: Treatment, prompt: str = "What is {her} dog called?"
) -> list[Any]:
    task = Task(dataset=[Sample(id="a", input=prompt)], solver=generate())
    log = run(treat(task, treatment.to_arg()), lambda _: "x")
    assert log.samples and log.samples[0].input == prompt
    return [(message.role, message.text) for message in log.samples[0].messages[:-1]]


def test_nothing_changes_nothing(run: Callable[..., EvalLog]) -> None:
    assert Treatment().to_arg() is None
    assert _messages(run, load_treatment("plain", {})) == [("user", "What is {her} dog called?")]
    assert load_treatment("bare", {}).to_arg() == '{"kind":"none","name":"bare"}'


def test_a_system_prompt_is_said_word_for_word(run: Callable[..., EvalLog]) -> None:
    messages = _messages(run, load_treatment("s", {"kind": "system", "text": "Be {brief}."}))
    assert messages[0] == ("system", "Be {brief}.")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("prefix", "K\n\nQ"), ("suffix", "Q\n\nK"), ("sandwich", "K\n\nQ\n\nK"), ("double", "K\n\nK\n\nQ")],
)
def test_a_kernel_signs_the_prompt(run: Callable[..., EvalLog], mode: str, expected: str) -> None:
    assert _messages(run, load_treatment("k", {"kind": "kernel", "text": "K", "mode": mode}), "Q") == [
        ("user", expected)
    ]


def test_context_gives_all_facts_and_retrieval_the_nearest(run: Callable[..., EvalLog]) -> None:
    context = _messages(run, Treatment(kind="context", facts=FACTS))[0][1]
    assert context.splitlines() == ["What you know:", *(f"- {fact}" for fact in FACTS)]
    found = _messages(run, Treatment(kind="retrieval", facts=FACTS, k=1, by="words"))[0][1]
    assert found.splitlines()[1:] == ["- Her dog is called Biscuit."]


def test_facts_are_ranked_by_shared_words_and_ties_keep_their_order() -> None:
    assert retrieve("the dinghies of Tuesday", FACTS, 3, "words")[0] == FACTS[2]
    assert retrieve("nothing in common", FACTS, 2, "words") == FACTS[:2]
    assert retrieve("accordions?", FACTS, 1, "words") == [FACTS[1]]
    assert retrieve("x", FACTS, 9, "words") == FACTS


@pytest.mark.usefixtures("letter_vectors")
def test_facts_are_ranked_by_vectors() -> None:
    assert retrieve("acccordioon", FACTS, 1, "embedding") == [FACTS[1]]


def test_a_task_keeps_its_own_setup_which_comes_first(run: Callable[..., EvalLog]) -> None:
    task = Task(dataset=[Sample(id="a", input="Q")], setup=user_message("R"), metadata={"mine": 1})
    treated = treat(task, Treatment(kind="kernel", text="K").to_arg())
    log = run(treated, lambda _: "x")
    assert log.samples and [m.text for m in log.samples[0].messages[:-1]] == ["Q", "K\n\nR"]
    assert log.eval.metadata == {"mine": 1, "treatment": "kernel"}


def test_a_file_is_read_into_the_treatment(tmp_path: Path) -> None:
    (tmp_path / "facts.yaml").write_text("- {id: a, statement: S one.}\n- S two.\n")
    (tmp_path / "kernel.txt").write_text("  K\n")
    raw = {"kind": "retrieval", "file": "facts.yaml", "k": 1}
    treatment = load_treatment("r", raw, tmp_path.joinpath)
    assert treatment.facts == ["S one.", "S two."] and treatment.k == 1 and treatment.file is None
    assert parse_treatment(treatment.to_arg()) == treatment
    assert load_treatment("k", {"kind": "kernel", "file": "kernel.txt"}, tmp_path.joinpath).text == "K"


def test_the_command_line_of_inspect_hands_over_an_object() -> None:
    raw = {"kind": "system", "text": "S"}
    assert parse_treatment(raw) == parse_treatment(json.dumps(raw))
    assert parse_treatment(raw).name == "system" and Treatment().name == "plain"


def test_the_argument_holds_the_content_not_the_path(tmp_path: Path) -> None:
    args = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "facts.txt"
        path.parent.mkdir()
        path.write_text("# note\nS one.\n\nS two.\n")
        args.append(load_treatment("r", {"kind": "context", "file": str(path)}).to_arg())
    assert args[0] == args[1] and str(tmp_path) not in str(args[0])
    assert json.loads(str(args[0])) == {"facts": ["S one.", "S two."], "kind": "context", "name": "r"}


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"kind": "sytem"}, "kind"),
        ({"kind": "system"}, "exactly one of 'text' and 'file'"),
        ({"kind": "system", "text": "S", "file": "f"}, "exactly one of 'text' and 'file'"),
        ({"kind": "system", "text": "S", "mode": "prefix"}, "takes no 'mode'"),
        ({"kind": "context", "facts": ["x"], "k": 2}, "takes no 'k'"),
        ({"kind": "retrieval", "facts": ["x"], "k": 0}, "'k'"),
        ({"text": "S"}, "takes no 'text'"),
        ({"kind": "kernel", "text": "K", "mod": "prefix"}, "'mod'"),
        ({"kind": "system", "file": "nowhere.txt"}, "no such file"),
    ],
)
def test_a_wrong_treatment_is_refused_by_name(raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        load_treatment("mine", raw)
    assert "'mine'" in str(caught.value) and complaint in str(caught.value)


def test_wrong_arguments_and_facts_are_refused(tmp_path: Path) -> None:
    for arg in ("{", "[]", '{"kind":"system"}'):
        with pytest.raises(InputError, match="treatment"):
            parse_treatment(arg)
    path = tmp_path / "facts.yaml"
    path.write_text("- S one.\n- {id: b}\n")
    with pytest.raises(InputError, match="row 2"):
        read_facts(path)
    path.write_text("")
    with pytest.raises(InputError, match="facts are a list"):
        read_facts(path)
    with pytest.raises(InputError, match="read its file"):
        Treatment(kind="system", file="f").to_arg()


def test_facts_in_jsonl_are_one_a_line_and_a_torn_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text('"One\u2028fact."\n{"statement": "Another."}\n', "utf-8")
    assert read_facts(path) == ["One\u2028fact.", "Another."]
    path.write_text('"One fact."\n{"statement": "Ano')
    with pytest.raises(InputError, match=r"facts\.jsonl, line 2: not valid JSON"):
        read_facts(path)


@pytest.mark.parametrize("kind", ["system", "kernel"])
def test_a_text_that_is_not_utf8_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes("Line.\nDéjà vu.".encode("latin-1"))
    with pytest.raises(InputError, match=r"mine\.txt, line 2: not UTF-8"):
        load_treatment("mine", {"kind": kind, "file": str(path)})
    path.write_bytes("One.\r\nTwo: é.\r\n".encode())
    assert load_treatment("mine", {"kind": kind, "file": str(path)}).text == "One.\nTwo: é."
