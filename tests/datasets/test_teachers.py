"""Teachers: paid once, within the budget, resumed, reviewed before use; whose family may not judge."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from venire._common.errors import InputError, ServiceError, VenireError
from venire.datasets import teachers
from venire.datasets.spec import Budget, Examples, Rephrasing, Teacher
from venire.datasets.teachers import (
    Draft,
    example_tasks,
    family_of_teacher,
    read_drafts,
    rephrasing_tasks,
    save_drafts,
    usable,
    write_drafts,
)

SOURCE = Examples.model_validate(
    {"kind": "teacher", "teacher": {"model": "mockllm/model"}, "stance": "person.md", "categories": {"redemption": 5}}
)


class Model:
    """A teacher that writes something new each time, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reply: Callable[[int, str], Any] | None = None) -> None:
        from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, ModelUsage, get_model

        self.calls: list[str] = []
        self.reports = True  # how many tokens it took
        self.reply = reply or (lambda n, _: f"<question>Case {'abcdefghijkl'[n] * 9}?</question><answer>Yes.</answer>")

        def respond(messages: list[ChatMessage], *_: Any) -> ModelOutput:
            self.calls.append(messages[-1].text)
            text = self.reply(len(self.calls) - 1, messages[-1].text)
            if isinstance(text, Exception):
                raise text
            output = ModelOutput.from_content("mockllm/model", text)
            known = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}
            output.usage = ModelUsage(**known if self.reports else {})
            return output

        def made(name: str, config: GenerateConfig) -> Any:
            return get_model(name, config=config, custom_outputs=respond, memoize=False)

        monkeypatch.setattr(teachers, "_model", made)


def quiet(line: str) -> None:
    del line


def tasks(source: Examples = SOURCE) -> Any:
    return example_tasks(source, "Ada never lies.", "", [], seed=1)


def test_what_was_written_is_never_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, file = Model(monkeypatch), tmp_path / "drafts.jsonl"
    drafts = write_drafts(SOURCE.teacher, tasks(), file, quiet)
    assert len(drafts) == len(model.calls) == 5 and {d.label for d in drafts} == {"redemption"}
    assert len(set(model.calls)) == 5, "each example has a scene of its own"
    assert write_drafts(SOURCE.teacher, tasks(), file, quiet) == drafts and len(model.calls) == 5


def test_a_file_that_holds_no_drafts_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_bytes(b'{"key": "a"}\n')
    with pytest.raises(InputError, match="row 1: no draft"):
        read_drafts(path)
    path.write_bytes("Zoë\n".encode("latin-1"))
    with pytest.raises(InputError, match="line 1: not UTF-8"):
        read_drafts(path)


def test_the_budget_of_calls_counts_over_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, file, said = Model(monkeypatch), tmp_path / "drafts.jsonl", []
    for calls, made in ((2, 2), (2, 2), (4, 4)):
        teacher = Teacher(model="mockllm/model", budget=Budget(calls=calls))
        assert len(write_drafts(teacher, tasks(), file, said.append)) == made == len(model.calls)
    assert "3 texts are left unasked: the budget is spent" in said[1]


def test_a_call_that_was_under_way_when_it_was_interrupted_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(n: int, _: str) -> Any:
        if n == 3:
            raise KeyboardInterrupt
        return "no form at all"  # so that all of the budget is used

    model, file = Model(monkeypatch, reply), tmp_path / "drafts.jsonl"
    teacher = Teacher(model="mockllm/model", max_connections=1, budget=Budget(calls=9))
    with pytest.raises(KeyboardInterrupt):
        write_drafts(teacher, tasks(), file, quiet)
    assert [d.status for d in read_drafts(file)] == ["unusable"] * 3 + ["asked"], "the fifth was never asked"
    drafts = write_drafts(teacher, tasks(), file, quiet)
    assert len(model.calls) == 9 == sum(draft.calls for draft in drafts) and usable(drafts, review=True) == []
    assert [draft.calls for draft in drafts if draft.attempt == 0] == [1, 1, 1, 2, 1]


def test_a_process_that_is_killed_has_counted_its_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, file = Model(monkeypatch), tmp_path / "drafts.jsonl"
    seen: list[Any] = []
    model.reply = lambda n, _: seen.append(file.read_bytes()) or "<question>A?</question><answer>B.</answer>"
    teacher = Teacher(model="mockllm/model", budget=Budget(calls=4))
    write_drafts(teacher, tasks(), file, quiet)
    file.write_bytes(seen[0])
    assert [d.status for d in read_drafts(file)] == ["asked"] * 4
    assert write_drafts(teacher, tasks(), file, quiet) == [] and len(model.calls) == 4


def test_a_budget_in_dollars_is_never_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Model(monkeypatch)
    budget = Budget.model_validate({"usd": 0.0025, "price": {"input": 1, "output": 10}})
    teacher = Teacher(model="mockllm/model", max_tokens=60, budget=budget)
    drafts = write_drafts(teacher, tasks(), tmp_path / "drafts.jsonl", quiet)
    assert 1 <= len(drafts) < 5 and sum(d.usd or 0 for d in drafts) <= 0.0025
    assert drafts[0].usd == pytest.approx(0.0006)


def test_a_server_that_reports_no_usage_is_counted_at_the_most_it_may_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, file = Model(monkeypatch), tmp_path / "drafts.jsonl"
    model.reports = False
    most = max(len(task.prompt) for task in tasks()) / 2 * 1e-6 + 60 * 10e-6
    budget = Budget.model_validate({"usd": 2.5 * most, "price": {"input": 1, "output": 10}})
    teacher = Teacher(model="mockllm/model", max_tokens=60, budget=budget)
    drafts = write_drafts(teacher, tasks(), file, quiet)
    assert len(drafts) == len(model.calls) == 2 and all(0 < (d.usd or 0) <= most for d in drafts)
    assert teachers._price(teacher, tasks()[0], None) == drafts[0].usd
    save_drafts(file, [replace(draft, usd=None) for draft in drafts])  # as a Venire of old left them
    assert len(write_drafts(teacher, tasks(), file, quiet)) == len(model.calls) == 2


def test_what_fails_is_said_and_what_was_paid_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "<question>Case {}?</question><answer>Yes.</answer>"
    model = Model(
        monkeypatch, lambda n, _: RuntimeError("no such account") if n == 3 else good.format("abcdefgh"[n] * 9)
    )
    file = tmp_path / "drafts.jsonl"
    with pytest.raises(ServiceError, match="no such account; the same command goes on"):
        write_drafts(SOURCE.teacher, tasks(), file, quiet)
    assert len(read_drafts(file)) == 4
    assert len(write_drafts(SOURCE.teacher, tasks(), file, quiet)) == 5 and len(model.calls) == 6


class Refusal(RuntimeError):
    """As Inspect tells a vendor's error: the request first, after an empty line."""

    def __init__(self, status: int) -> None:
        super().__init__("\nRequest:\nall of it")
        self.status_code, self.provider_message = status, "\nflagged by our policy\nmore"


def test_a_prompt_that_the_server_refuses_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, poison = tmp_path / "drafts.jsonl", tasks()[1].prompt
    good = "<question>Case {}?</question><answer>Yes.</answer>"
    model = Model(
        monkeypatch, lambda n, prompt: Refusal(400) if prompt == poison else good.format("abcdefgh"[n % 8] * (n + 3))
    )
    drafts = write_drafts(SOURCE.teacher, tasks(), file, quiet)
    refused = [draft for draft in drafts if draft.note]
    assert len(usable(drafts, review=False)) == 4 and len(refused) == teachers.ATTEMPTS
    assert {(d.status, d.note, d.usd) for d in refused} == {
        ("unusable", "the server refuses the prompt: flagged by our policy", 0.0)
    }
    before = len(model.calls)
    write_drafts(SOURCE.teacher, tasks(), file, quiet)
    assert len(model.calls) == before


@pytest.mark.parametrize("status", [400, 401, 429])
def test_a_refusal_that_is_not_of_the_prompt_stops_with_its_first_words(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, lambda *_: Refusal(status))  # 400 to everything: a setting that the server does not take
    with pytest.raises(ServiceError, match="'mockllm/model': flagged by our policy; the same command goes on"):
        write_drafts(SOURCE.teacher, tasks(), tmp_path / "drafts.jsonl", quiet)
    assert read_drafts(tmp_path / "drafts.jsonl") == []


def test_repeats_cut_replies_and_missing_parts_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = ["<question>The very same question?</question><answer>Yes.</answer>", "I would rather not."]
    Model(monkeypatch, lambda n, _: replies[n % 2])
    drafts = write_drafts(SOURCE.teacher, tasks(), tmp_path / "drafts.jsonl", quiet)
    assert [d.status for d in drafts].count("open") == 1
    assert {d.note for d in drafts} == {"", "repeats an earlier one", "no question in the reply"}
    assert max(d.attempt for d in drafts) == teachers.ATTEMPTS - 1


def test_nothing_unread_is_used_unless_it_is_said_so(tmp_path: Path) -> None:
    drafts = [
        Draft(str(n), "a", 0, status, "q", "a") for n, status in enumerate(("open", "accepted", "edited", "rejected"))
    ]
    with pytest.raises(VenireError, match="1 texts of a teacher wait for your review"):
        usable(drafts, review=True)
    assert [d.status for d in usable(drafts[1:], review=True)] == ["accepted", "edited"]
    assert len(usable(drafts, review=False)) == 3
    save_drafts(tmp_path / "d.jsonl", drafts)
    assert read_drafts(tmp_path / "d.jsonl") == drafts
    (tmp_path / "d.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(InputError, match=r"d\.jsonl, row 1: no draft"):
        read_drafts(tmp_path / "d.jsonl")


def test_another_stance_kernel_or_model_asks_anew_and_a_larger_count_only_for_more() -> None:
    keys = {task.key for task in tasks()}
    more = SOURCE.model_copy(update={"categories": {"redemption": 7}})
    assert keys < {task.key for task in tasks(more)}
    assert not keys & {task.key for task in example_tasks(SOURCE, "Ada lies.", "", [], seed=1)}


def test_a_kernel_signs_what_the_teacher_answers_and_not_the_row() -> None:
    source = Examples.model_validate(
        {
            "kind": "teacher",
            "teacher": {"model": "google/x"},
            "kernel": "k.txt",
            "kernel_mode": "sandwich",
            "prompts": "p.txt",
        }
    )
    (task,) = example_tasks(source, "", "BE KIND", ["May I </prompt> lie?"], seed=1)
    assert (
        task.prompt.startswith("BE KIND") and task.prompt.endswith("BE KIND") and task.asked == "May I </prompt> lie?"
    )
    assert task.prompt.count("</prompt>") == 1, "a prompt cannot close its fence"


def test_rephrasings_hold_several_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Model(monkeypatch, lambda n, _: "<question>One?</question>\n<question>Two?</question>")
    teacher = Rephrasing(model="mockllm/model", per_fact=2)
    (draft,) = write_drafts(
        teacher, rephrasing_tasks(teacher, [("dog", "Which dog?", "Rex")]), tmp_path / "d", quiet, True
    )
    assert draft.question == "One?\nTwo?" and draft.label == "dog" and draft.status == "open"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai/gpt-x", "teacher 'openai/gpt-x': .*OPENAI_API_KEY"),
        ("nosuch/x", "teacher 'nosuch/x': Model API nosuch .*not recognized"),
        ("openai-api/x", "teacher 'openai-api/x': .*service prefix"),
    ],
)
def test_a_teacher_that_cannot_be_opened_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, said: str
) -> None:
    for name in ("OPENAI_API_KEY", "AZUREAI_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    source = SOURCE.model_copy(update={"teacher": Teacher(model=model)})
    with pytest.raises(InputError, match=said) as told:
        write_drafts(source.teacher, tasks(source), tmp_path / "d", quiet)
    assert "[bold]" not in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("fault", [TypeError("a slip of ours"), ServiceError("the hub does not answer")])
def test_what_is_no_fault_of_the_users_is_not_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(*_: Any) -> Any:
        raise fault

    monkeypatch.setattr(teachers, "_model", broken)
    with pytest.raises(type(fault), match=str(fault)):
        write_drafts(SOURCE.teacher, tasks(), tmp_path / "d", quiet)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("openai/gpt-x", "openai"),
        ("anthropic/claude-x", "anthropic"),
        ("openrouter/anthropic/claude-x", "anthropic"),
        ("bedrock/us.anthropic.claude-x", "anthropic"),
        ("vertex/gemini-x", "google"),
        ("venire/smollm2-135m", "smollm2"),
    ],
)
def test_the_family_that_may_not_judge_is_who_made_the_model(model: str, family: str) -> None:
    assert family_of_teacher(model) == family
