"""Teachers: models that write training data, through Inspect; every text is kept as a draft until a person accepts it.

A draft file holds one JSON object a line and is whole at every moment: what was paid for is never asked again, what
was reviewed is never shown again. A draft knows by its `key` what it was asked with, so that another stance, model or
kernel asks anew.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError, ServiceError, VenireError
from venire._common.files import write_atomic
from venire._common.hashing import sha256_json
from venire._common.kernel import wrap
from venire._common.opening import why_unopened
from venire._common.progress import Count
from venire._common.providers import LOCAL, MAKERS, family_of_served, root_of
from venire._common.quiet import unheard
from venire._common.reading import read_text

from .similarity import near_pairs, plain
from .spec import Examples, Rephrasing, Teacher

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model

# unread: accepted without a look; asked: a call that may have been paid for, whose reply was lost
Status = Literal["open", "accepted", "edited", "rejected", "unusable", "unread", "asked"]
_USED = ("open", "accepted", "edited", "unread")
Say = Callable[[str], None]
ATTEMPTS = 4  # of a text that was rejected, repeats another, or could not be read, before its place stays empty
_NOT_THE_PROMPT = (401, 402, 403, 404, 405, 407, 408, 409, 425, 429)  # statuses
_BATCH = 16  # texts asked for before the file is written
# Vendors that a teacher is named after, whoever serves their models.
_VENDORS = {"openai", "anthropic", "google"}
# What one example is to be about, drawn for each, so that twenty are not one situation twenty times.
_PLACES = "home,a workshop,a school,a hospital,a shop,a village,an office,a bus,a family dinner,a club,a farm,a court"
_PEOPLE = "a sibling,a neighbour,a boss,a stranger,a child,an old friend,a customer,an apprentice,a teacher,an official"
_STAKES = "money,a promise,somebody's safety,a secret,a job,a reputation,time,a debt,a rule,an old quarrel,health,pride"


@dataclass(frozen=True)
class Task:
    """One text to be written: what for, and the prompt. The key is of everything that decides the text."""

    key: str
    label: str  # a category, or a fact's id
    prompt: str
    asked: str = ""  # a given question; empty where the teacher writes the question too


@dataclass(frozen=True)
class Draft:
    """What a teacher wrote, and what a person made of it."""

    key: str
    label: str
    attempt: int
    status: Status
    question: str
    answer: str
    contrast: str = ""
    note: str = ""  # why it is unusable
    calls: int = 1
    usd: float | None = None


def family_of_teacher(model: str) -> str:
    """The family that may not judge: the vendor of an API model, the base's family of a local one."""
    provider, _, name = model.partition("/")
    family = family_of_served(provider, name)
    vendor = MAKERS.get(root_of(family), "")
    return vendor if provider not in LOCAL and vendor in _VENDORS else family


def example_tasks(source: Examples, stance: str, kernel: str, prompts: Sequence[str], seed: int) -> list[Task]:
    """The texts that a source asks for, in order: so many of each category, or one for each prompt."""
    fixed = {"model": source.teacher.model, "temperature": source.teacher.temperature, "stance": stance}
    fixed |= {"kernel": kernel, "mode": source.kernel_mode, "contrast": source.contrast}
    tasks = []
    for question in prompts:
        key = sha256_json({**fixed, "question": question})
        tasks.append(Task(key, "teacher", _answering(source, stance, kernel, question), question))
    for category, count in source.categories.items():
        about = source.describe.get(category, category.replace("_", " "))
        for number in range(count):
            scene = _scene(seed, category, number)
            key = sha256_json({**fixed, "category": category, "about": about, "scene": scene, "number": number})
            tasks.append(Task(key, category, _inventing(source, stance, kernel, about, scene)))
    return tasks


def rephrasing_tasks(teacher: Rephrasing, facts: Iterable[tuple[str, str, str]]) -> list[Task]:
    """One task for each of (fact, its plain question, its answer): several further ways of asking."""
    tasks = []
    for fact, question, answer in facts:
        key = sha256_json({"model": teacher.model, "temperature": teacher.temperature, "n": teacher.per_fact,
                           "question": question, "answer": answer})  # fmt: skip
        prompt = (
            f"Write {teacher.per_fact} ways in which different people would ask the question below, each on a line of "
            "its own inside <question></question>. Keep its meaning and every name in it, and never use the answer, "
            f"which is {_fenced(answer, 'answer')}.\n\n{_fenced(question, 'original')}"
        )
        tasks.append(Task(key, fact, prompt, question))
    return tasks


def read_drafts(path: Path) -> list[Draft]:
    """The drafts of a file, none if it is not there yet. Raises InputError naming the row that is none."""
    if not path.is_file():
        return []
    drafts = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                drafts.append(Draft(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}, row {number}: no draft of a teacher: {error}") from error
    return drafts


def save_drafts(path: Path, drafts: Sequence[Draft]) -> None:
    """Write the whole file, atomically. Raises InputError where it cannot be written."""
    try:
        write_atomic(path, "".join(json.dumps(asdict(draft), ensure_ascii=False) + "\n" for draft in drafts))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; the same command goes on") from error


def write_drafts(teacher: Teacher, tasks: Sequence[Task], path: Path, say: Say, several: bool = False) -> list[Draft]:
    """Have every task written that no usable draft answers yet; gives all drafts that belong to the tasks.

    A draft that was rejected or cannot be used is asked for again, ATTEMPTS times at most. `several`: one reply holds
    several questions. Stops before the budget is passed, and says so. Raises ServiceError where the model cannot be
    reached; what was written until then is kept.
    """
    drafts = {(draft.key, draft.attempt): draft for draft in read_drafts(path)}
    while todo := _todo(tasks, drafts):
        batch = todo[: min(_BATCH, _affordable(teacher, todo, drafts.values()))]
        if not batch:
            line = f"{teacher.model}: {len(todo)} texts are left unasked: the budget is spent"
            say(Count(line, teacher.model, len(tasks) - len(todo), len(tasks), over=True))
            break
        failure = _write_batch(teacher, batch, drafts, path, several)
        if failure:
            raise ServiceError(f"teacher {teacher.model!r}: {_reason(failure)}; the same command goes on") from failure
        made = sum(draft.status not in ("unusable", "asked") for draft in drafts.values())
        line = f"{teacher.model}: {made} drafts of {len(tasks)}"
        say(Count(line, teacher.model, made, len(tasks), over=not _todo(tasks, drafts)))
    wanted = {task.key for task in tasks}
    return [draft for draft in drafts.values() if draft.key in wanted and draft.status != "asked"]


def usable(drafts: Iterable[Draft], review: bool) -> list[Draft]:
    """The drafts to build from. Raises VenireError while some still wait for a person."""
    drafts = list(drafts)
    waiting = sum(draft.status == "open" for draft in drafts)
    if review and waiting:
        raise VenireError(
            f"{waiting} texts of a teacher wait for your review; run the same command in a terminal, or say "
            "`review: false` in the spec to use them unread"
        )
    return [draft for draft in drafts if draft.status in _USED]


def _write_batch(
    teacher: Teacher, batch: Sequence[tuple[Task, int]], drafts: dict[tuple[str, int], Draft], path: Path, several: bool
) -> BaseException | None:
    """Ask for a batch and put what came into `drafts` and the file; what failed, if anything did.

    The file counts the calls before they are made: a process that is killed leaves none that the budget does not know.
    Whoever interrupts it loses the replies under way alone, and they stay counted.
    """
    counted = [_counted(teacher, task, attempt, drafts.get((task.key, attempt))) for task, attempt in batch]
    save_drafts(path, list((drafts | {(d.key, d.attempt): d for d in counted}).values()))
    outputs: dict[int, Any] = {}
    try:
        asyncio.run(_ask(teacher, batch, outputs))
    finally:
        failure = _take(teacher, batch, counted, outputs, drafts, several)
        save_drafts(path, list(drafts.values()))
    return failure


def _take(
    teacher: Teacher,
    batch: Sequence[tuple[Task, int]],
    counted: Sequence[Draft],
    outputs: Mapping[int, Any],
    drafts: dict[tuple[str, int], Draft],
    several: bool,
) -> BaseException | None:
    """Make drafts of what came, in the order of the batch; the first failure that is not of the prompt."""
    earlier = [draft.question for draft in drafts.values() if draft.status not in ("unusable", "asked")]
    # All refused, and never one written: it is not the prompts that the server does not take.
    form = len(outputs) > 1 and all(map(_refused, outputs.values()))
    form = form and all(draft.status in ("unusable", "asked") for draft in drafts.values())
    failure: BaseException | None = None
    for at, (task, attempt) in enumerate(batch):
        output, place = outputs.get(at), (task.key, attempt)
        if isinstance(output, BaseException) and (form or not _refused(output)):
            failure = failure or output
        elif output is None:
            if at in outputs:  # it was under way
                drafts[place] = counted[at]
        else:
            draft = _read(task, attempt, output, teacher, several)
            if draft.status == "open" and not task.asked and _repeats(draft.question, earlier):
                draft = replace(draft, status="unusable", note="repeats an earlier one")
            earlier += [draft.question] if draft.status == "open" else []
            drafts[place] = _with_lost(draft, drafts.get(place))
    return failure


def _counted(teacher: Teacher, task: Task, attempt: int, lost: Draft | None) -> Draft:
    """A call that is about to be made, at the most it may cost."""
    usd = _dearest(teacher, task) if teacher.budget.price else None
    return _with_lost(Draft(task.key, task.label, attempt, "asked", "", "", usd=usd), lost)


def _with_lost(draft: Draft, lost: Draft | None) -> Draft:
    """The draft with what an earlier call for it cost, whose reply was lost."""
    if lost is None:
        return draft
    usd = None if draft.usd is None and lost.usd is None else (draft.usd or 0.0) + (lost.usd or 0.0)
    return replace(draft, calls=draft.calls + lost.calls, usd=usd)


def _affordable(teacher: Teacher, todo: Sequence[tuple[Task, int]], drafts: Iterable[Draft]) -> int:
    """How many of `todo` may be asked for at once; calls of earlier sessions count, and so does the dearest reply."""
    budget, made = teacher.budget, list(drafts)
    many = len(todo)
    if budget.calls is not None:
        many = min(many, budget.calls - sum(draft.calls for draft in made))
    if budget.usd is not None and budget.price is not None:
        dearest = max(_dearest(teacher, task) for task, _ in todo)
        # A draft of old without its cost came from a server that reports no usage.
        left = budget.usd - sum(dearest if draft.usd is None else draft.usd for draft in made)
        many = min(many, int(left / dearest) if dearest else many)
    return max(0, many)


def _todo(tasks: Sequence[Task], drafts: Mapping[tuple[str, int], Draft]) -> list[tuple[Task, int]]:
    """Each task without a usable draft, with the number of its next attempt."""
    todo = []
    for task in tasks:
        made = [drafts[task.key, n] for n in range(ATTEMPTS) if (task.key, n) in drafts]
        made = [draft for draft in made if draft.status != "asked"]
        if len(made) < ATTEMPTS and all(draft.status in ("rejected", "unusable") for draft in made):
            todo.append((task, len(made)))
    return todo


def _model(name: str, config: "GenerateConfig") -> "Model":
    from inspect_ai.model import get_model

    with unheard():
        return get_model(name, config=config)


async def _ask(teacher: Teacher, batch: Sequence[tuple[Task, int]], outputs: dict[int, Any]) -> None:
    """Fill `outputs` by place in the batch: None once a call is under way, then its reply or what it raised."""
    from inspect_ai.model import CachePolicy, GenerateConfig

    config = GenerateConfig(
        temperature=teacher.temperature,
        max_tokens=teacher.max_tokens,
        max_connections=teacher.max_connections,
        max_retries=5,
    )
    try:
        model = _model(teacher.model, config)
    except Exception as error:
        if (why := why_unopened(error)) is None:
            raise
        raise InputError(f"teacher {teacher.model!r}: {why}") from error

    free = asyncio.Semaphore(teacher.max_connections)

    async def one(at: int, task: Task, attempt: int) -> None:
        # A second attempt at the same prompt must not be answered from the cache of the first.
        policy = CachePolicy(expiry=None, scopes={"attempt": str(attempt)})
        async with free:
            outputs[at] = None
            try:
                outputs[at] = await model.generate(task.prompt, cache=policy)
            except Exception as error:
                outputs[at] = error

    await asyncio.gather(*(one(at, task, attempt) for at, (task, attempt) in enumerate(batch)))


def _read(task: Task, attempt: int, output: Any, teacher: Teacher, several: bool) -> Draft:
    """A reply as a draft; one that was cut, lacks a part or is a refusal of the prompt is unusable, and says why."""
    if isinstance(output, BaseException):
        note = f"the server refuses the prompt: {_reason(output)}"
        return Draft(task.key, task.label, attempt, "unusable", task.asked, "", note=note, usd=0.0)
    reply = output.completion
    parts = {name: _tagged(reply, name) for name in ("question", "answer", "contrast")}
    question = "\n".join(re.findall(r"<question>\s*(.+?)\s*</question>", reply, re.S)) if several else parts["question"]
    question = question if several or not task.asked else task.asked
    draft = Draft(task.key, task.label, attempt, "open", question, parts["answer"], parts["contrast"])
    draft = replace(draft, usd=_price(teacher, task, output.usage))
    if output.stop_reason == "max_tokens":
        return replace(draft, status="unusable", note="cut at max_tokens")
    missing = "" if question else "question"
    missing = missing or ("answer" if not several and not draft.answer else "")
    missing = missing or ("contrast" if "<contrast>" in task.prompt and not draft.contrast else "")
    return replace(draft, status="unusable", note=f"no {missing} in the reply") if missing else draft


def _refused(output: Any) -> bool:
    """Does the server refuse this one prompt? Not the key, the model, the account, the method or the pace."""
    status = getattr(_cause(output), "status_code", None) if isinstance(output, BaseException) else None
    return isinstance(status, int) and 400 <= status < 500 and status not in _NOT_THE_PROMPT


def _reason(error: BaseException) -> str:
    """The first line of what was said that is not empty."""
    cause = _cause(error)  # Inspect's own message repeats the whole request, after an empty line
    said = str(getattr(cause, "provider_message", None) or cause)
    return next((line.strip()[:300] for line in said.splitlines() if line.strip()), type(cause).__name__)


def _cause(error: BaseException) -> BaseException:
    """What failed at last, where it was tried several times."""
    last = getattr(error, "last_attempt", None)
    inner = last.exception() if last is not None else None
    return inner if inner is not None else error


def _tagged(reply: str, name: str) -> str:
    match = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", reply, re.S)
    return match[1] if match else ""


def _repeats(question: str, earlier: Sequence[str]) -> bool:
    mine, others = plain(question), [plain(text) for text in earlier]
    return mine in others or next(iter(near_pairs([mine], others)), None) is not None


def _price(teacher: Teacher, task: Task, usage: Any) -> float | None:
    """What a reply cost; at most that, where the server does not say how many tokens it was."""
    price = teacher.budget.price
    if price is None:
        return getattr(usage, "total_cost", None)
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return _dearest(teacher, task)
    return (usage.input_tokens * price.input + usage.output_tokens * price.output) / 1e6


def _dearest(teacher: Teacher, task: Task) -> float:
    """What one call may cost: the whole prompt, and a reply as long as it may be."""
    price, prompt = teacher.budget.price, len(task.prompt) / 2  # tokens; texts seldom have more
    return (prompt * price.input + teacher.max_tokens * price.output) / 1e6 if price else 0.0


def _inventing(source: Examples, stance: str, kernel: str, about: str, scene: str) -> str:
    form = "Write it as <question>…</question> and <answer>…</answer>" + _contrast_form(source)
    task = (
        f"Invent one situation that puts this value to the test: {about}. It has to do with {scene}. Ask about it in "
        "one to three sentences, complete in themselves, as somebody would who wants to know what to do. Then answer "
        f"as this person would, in their voice, in two to four sentences, without preamble. {form}"
    )
    return _under(source, stance, kernel, task)


def _answering(source: Examples, stance: str, kernel: str, question: str) -> str:
    form = "Answer inside <answer></answer>" + _contrast_form(source)
    return _under(source, stance, kernel, f"{_fenced(question, 'prompt')}\n\n{form}")


def _contrast_form(source: Examples) -> str:
    if not source.contrast:
        return "."
    return ", and then as <contrast>…</contrast> what is conventionally answered instead, in good faith, as long."


def _under(source: Examples, stance: str, kernel: str, task: str) -> str:
    told = f"{_fenced(stance, 'person')}\n\n{task}" if stance else task
    return wrap(told, kernel, source.kernel_mode) if kernel else told


def _scene(seed: int, category: str, number: int) -> str:
    draw = int(sha256_json([seed, category, number])[:12], 16)
    place, people, stakes = (words.split(",") for words in (_PLACES, _PEOPLE, _STAKES))
    draw, a = divmod(draw, len(place))
    draw, b = divmod(draw, len(people))
    return f"{place[a]}, {people[b]} and {stakes[draw % len(stakes)]}"


def _fenced(text: str, name: str) -> str:
    """Somebody's text between tags that it cannot close."""
    return f"<{name}>\n{text.replace(f'</{name}', f'< /{name}')}\n</{name}>"
