"""The judge task, `venire/pairwise`: one judge, one sample per pair and order, read from a blinded sheet.

    inspect eval venire/pairwise --model openai/gpt-… -T sheet=runs/<name>/sheets/openai-gpt-….jsonl

The model under evaluation is the judge. A judge that measures runs with model `none` (`venire/…` where it is an LLM
that is read by its token probabilities), and its solver writes what it measured as the reply.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import CachePolicy, ContentText, GenerateConfig, ModelOutput, ResponseSchema
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import JSONSchema, json_schema

from venire._common.errors import ServiceError
from venire._common.hashing import sha256_file

from .local import Batched, measure_for
from .panel import Judge, Kind
from .reply import Judgment, describe_failure, hindrance, read_reply, rejects_form
from .rubric import Rubric, Shown, asked_model, fence, parse_rubric, render
from .scrub import INJECTION
from .sheets import Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

# What a call may cost before its vote is invalid; a judge's `generation` goes before it. Inspect's default is to try
# for ever. A failed attempt is followed by another after 3, 6, 12, … seconds, `max_retries` times, and none begins when
# `timeout` seconds have passed. Thinking counts towards `max_tokens`; from 8192 on Anthropic's SDK would stream.
# Without `reasoning_summary: none` a reasoning model's first call is preceded by one that asks whether it summarises.
LIMITS: dict[str, Any] = {
    "max_retries": 5,
    "timeout": 600,
    "attempt_timeout": 120,
    "max_tokens": 8000,
    "reasoning_summary": "none",
}
# Vendors answer a batch within a day, or say that it expired. Inspect waits for ever for some that fail as a whole.
BATCH_LIMITS: dict[str, Any] = {"max_retries": 2, "timeout": None, "attempt_timeout": 26 * 3600}
# A small model that rambles is cut off earlier.
LOCAL_LIMITS: dict[str, Any] = {"max_tokens": 2048}

# Where a measured sample keeps its own seconds: Inspect's clock counts the waiting for its batch too.
SECONDS = "seconds"

_sheets: dict[str, Path] = {}


def bind(path: Path) -> str:
    """Make the sheet known by its sha256 in this process: a log then names content, and no path."""
    sha = sha256_file(path)
    _sheets[sha] = path
    return sha


@task
def pairwise(sheet: str, repeat: int = 0) -> Task:
    """One judge's verdicts on the pairs of a sheet, in both orders.

    Args:
        sheet: path of a judge's sheet, or the sha256 of one that this process has bound.
        repeat: 0, 1, …: the same judge asked again. Every repeat is a call of its own.
    """
    read = read_sheet(_sheets.get(sheet) or Path(sheet))
    judge = read.head.judge
    return Task(
        dataset=MemoryDataset([_sample(read, row) for row in read.rows], name="blinded pairs"),
        solver=replies(judge.name, read.head.rubric if "response_schema" not in judge.generation else None)
        if judge.kind == "model"
        else measures(judge.kind, judge.model, judge.margin or 0.0, read.head.rubric),
        scorer=verdict(read.head.rubric),
        config=_config(judge, repeat),
        metadata={
            "judge": judge.name,
            "kind": judge.kind,
            "rubric": judge.rubric,
            "rubric_sha256": judge.rubric_sha256,
            "margin": judge.margin,
            "manifest_sha256": read.head.manifest_sha256,
            "part_sha256": read.head.part_sha256,
            "sheet_sha256": read.sha256,
            "repeat": repeat,
            "attempts_to_sway": sum(INJECTION in row.flags for row in read.rows),  # samples with such an answer
        },
        display_name=f"judge {judge.name}",
        version=1,
    )


def _sample(sheet: Sheet, row: Shown) -> Sample:
    prompt = render(sheet.rubric, row) if sheet.rubric else _readable(row)
    return Sample(id=row.id, input=prompt, metadata=row.model_dump(exclude={"id"}))


def _readable(row: Shown) -> str:
    """What a judge that measures was given, for a person who reads the log."""
    blocks = [("Question", row.prompt), ("What the person answered", row.reference), ("Contrast", row.contrast)]
    blocks += [(f"Answer {row.first_label}", row.first), (f"Answer {row.second_label}", row.second)]
    return "\n\n".join(fence(title, text, row.id[:8]) for title, text in blocks if text is not None)


def _config(judge: Judge, repeat: int) -> GenerateConfig:
    if judge.kind != "model":
        return GenerateConfig()
    cache = CachePolicy(expiry=None, per_epoch=False, scopes={"repeat": str(repeat), "weights": judge.weights or ""})
    limits = LIMITS | (BATCH_LIMITS if judge.in_batches else {}) | ({} if judge.is_api else LOCAL_LIMITS)
    return GenerateConfig.model_validate(limits | {"cache": cache} | judge.generation)


def form_of(rubric: Rubric) -> ResponseSchema:
    """The form of the reply that a vendor is asked to keep to."""
    return ResponseSchema(name="verdict", json_schema=_closed(rubric), strict=True)


def _closed(rubric: Rubric) -> JSONSchema:
    """The form of the reply, and no other keys at any level, as strict modes want it."""
    schema = json_schema(asked_model(rubric))
    for part in (schema, *(schema.properties or {}).values()):
        if part.properties:
            part.additionalProperties = False
    return schema


def shown_of(metadata: "Mapping[str, Any]", sample_id: str) -> Shown:
    """What a sample of a judge's log was shown."""
    return Shown.model_validate({name: metadata.get(name) for name in Shown.model_fields} | {"id": sample_id})


@solver
def replies(judge: str, rubric: str | None = None) -> Solver:
    """Ask the model. A call that fails for good is an invalid vote with its reason, and stops nothing else.

    With a rubric's text the vendor is asked to keep to its form; one that rejects the form is asked without it.
    """
    form = form_of(parse_rubric(rubric)) if rubric else None

    async def ask(state: TaskState, generate: Generate) -> TaskState:
        nonlocal form
        if form is not None:
            try:
                return await generate(state, response_schema=form)
            except Exception as error:
                if not rejects_form(error):
                    raise
                if form is not None:
                    logger.info("judge %s takes no form for its reply: it is read from its text", judge)
                form = None
        return await generate(state)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        shown = shown_of(state.metadata, str(state.sample_id))
        if shown.first == shown.second:
            return _not_asked(state, judge)
        try:
            return await ask(state, generate)
        except Exception as error:  # whatever a provider raises when its retries are used up
            if why := hindrance(error):
                raise ServiceError(why) from error
            return _failed(state, judge, error)

    return solve


@solver
def measures(kind: Kind, model: str, margin: float, rubric: str | None = None) -> Solver:
    """Measure both answers with a local model, in batches with the samples beside it."""
    batched = Batched(measure_for(kind, model, parse_rubric(rubric) if rubric else None))

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        shown = shown_of(state.metadata, str(state.sample_id))
        if shown.first == shown.second:
            return _not_asked(state, model)
        try:
            measured, state.metadata[SECONDS] = await batched(shown)
        except Exception as error:  # a text too long for the model, or the engine's own trouble
            return _failed(state, model, error)
        state.output = ModelOutput.from_content(model, measured.reply(shown, margin))
        state.messages.append(state.output.message)
        return state

    return solve


def _not_asked(state: TaskState, model: str) -> TaskState:
    """Twice the same text is a tie, without a call."""
    state.output = ModelOutput.from_content(model, '{"winner": "tie", "reason": "identical answers: not asked"}')
    return state


def _failed(state: TaskState, model: str, error: Exception) -> TaskState:
    failure = describe_failure(error)
    logger.warning("judge %s, sample %s: %s", model, state.sample_id, failure)
    state.output = ModelOutput.from_content(model, "", stop_reason="unknown", error=failure)
    return state


def judgment_of(output: ModelOutput, shown: Shown, rubric: Rubric | None) -> Judgment:
    """The judgment in a sample's raw output: what the scorer writes and the ledger derives again."""
    return read_reply(
        output.completion,
        _stop_reason(output),
        rubric,
        failure=output.error,
        identical=shown.first == shown.second,
    )


def _stop_reason(output: ModelOutput) -> str:
    """Why it stopped. A part marked as a refusal is one, in whatever words."""
    if not output.choices:
        return "stop"
    content = output.message.content
    refused = isinstance(content, list) and any(isinstance(part, ContentText) and part.refusal for part in content)
    return "content_filter" if refused else output.stop_reason


@scorer(metrics=[mean()])
def verdict(rubric: str | None) -> Scorer:
    """1 for the first place, 0 for the second, ½ for a tie, unscored if invalid: the mean shows position bias.

    The label stands in the answer. Who wrote what is not known here.
    """
    parsed = parse_rubric(rubric) if rubric else None

    async def score(state: TaskState, target: Target) -> Score:
        shown = shown_of(state.metadata, str(state.sample_id))
        found = judgment_of(state.output, shown, parsed)
        details = {"scores": found.scores} if found.scores else {}
        if found.label is None:
            return Score.unscored(reason=found.invalid, explanation=found.why, metadata=details)
        value = 0.5 if found.label == "tie" else float(found.label == shown.first_label)
        return Score(value=value, answer=found.label, explanation=found.why, metadata=details)

    return score
