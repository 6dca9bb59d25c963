"""What Inspect logs say, as two frames: one row a score, and one row an answer. Works for any Inspect task."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.scorer import value_to_float

from venire._common.errors import InputError
from venire._common.logs import finished_samples

from .scenarios import input_text

_KEY: dict[str, Any] = {
    "suite": pl.String,  # the task's full name: "venire/forgetting", "inspect_evals/gsm8k"
    "model": pl.String,  # the Inspect name: "venire/<base>" or "venire/<base>:<adapter>@<hash8>"
    "treatment": pl.String,  # what the experiment calls it; "plain" for none
    "sample_id": pl.String,
    "epoch": pl.Int64,  # from 1
}

RESULTS_SCHEMA = pl.Schema(
    {
        **_KEY,
        "metric": pl.String,  # a scorer's name, or the key of a score that has several
        "value": pl.Float64,  # 0 to 1 in every suite of ours (C is 1, P .5, I and N 0); null: unscored, with a reason
        "reason": pl.String,  # why it is unscored; null where there is a value
        "family": pl.String,  # paraphrases share it; default: the sample's id
        "domain": pl.String,  # default: "all"
    }
)

ANSWERS_SCHEMA = pl.Schema(
    {
        **_KEY,
        "prompt": pl.String,  # as the suite asks it, without the treatment
        "answer": pl.String,  # "" if there is none
        "stop_reason": pl.String,  # "stop", "max_tokens", …; "error" if the sample failed
        "family": pl.String,
        "domain": pl.String,
        "reference": pl.String,  # the person's own answer; null outside judged suites
        "contrast": pl.String,  # a conventional answer; null outside judged suites
        "output_tokens": pl.Int64,  # null if the provider did not say; 0 or more
        "seconds": pl.Float64,  # of the sample, waiting included; null if unknown
        "log": pl.String,  # path of the log
        "metadata": pl.String,  # the sample's metadata as JSON
    }
)

_KEY_COLUMNS = list(_KEY)
_to_float = value_to_float()


class _Said(NamedTuple):
    """What one sample of a log says."""

    key: tuple[Any, ...]
    failed: bool
    results: list[dict[str, Any]]
    answer: dict[str, Any]


def read_results(logs: Iterable[Path]) -> pl.DataFrame:
    """Every score in `logs`, in the columns of `RESULTS_SCHEMA`, sorted.

    Where two logs hold the same sample (an evaluation that was taken up again), the newer log counts. A sample that
    failed before it was scored has no row, and neither has a metric that does not apply to a sample (NaN under its key
    in a score of several). Raises InputError for a file that is no Inspect log.
    """
    rows = [row for said in _newest(logs) for row in said.results]
    return pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row").sort([*_KEY_COLUMNS, "metric"])


def read_answers(logs: Iterable[Path]) -> pl.DataFrame:
    """Every answer in `logs`, in the columns of `ANSWERS_SCHEMA`, sorted. Logs are taken as in `read_results`."""
    rows = [said.answer for said in _newest(logs)]
    return pl.DataFrame(rows, schema=ANSWERS_SCHEMA, orient="row").sort(_KEY_COLUMNS)


def _newest(logs: Iterable[Path]) -> Iterable[_Said]:
    paths = list(logs)
    headers = [_header(path) for path in paths]
    # `created` is in whole seconds; of two logs of one second, the file written last is the newer.
    order = sorted(range(len(paths)), key=lambda i: (headers[i].eval.created, paths[i].stat().st_mtime_ns))
    newest: dict[tuple[Any, ...], _Said] = {}
    for i in order:
        written = paths[i].stat()
        for said in _said(paths[i], written.st_mtime_ns, written.st_size):
            earlier = newest.get(said.key)
            if earlier is None or not said.failed or earlier.failed:
                newest[said.key] = said
    return newest.values()


@lru_cache(maxsize=1024)
def _said(path: Path, mtime_ns: int, size: int) -> list[_Said]:
    """All that a log says. The stages of a run read the same logs many times, and a sample takes milliseconds."""
    log = _header(path)
    return [
        _Said(
            key=tuple(_key(log, sample).values()),
            failed=sample.error is not None,
            results=list(_result_rows(log, sample)),
            answer=_answer_row(log, sample),
        )
        for sample in finished_samples(path)
    ]


def _header(path: Path) -> EvalLog:
    if not path.is_file():
        raise InputError(f"log {str(path)!r}: no such file")
    try:
        return read_eval_log(path, header_only=True)
    except Exception as error:  # whatever a damaged zip or a strange JSON makes of it
        raise InputError(f"log {str(path)!r} is no Inspect log: {error}") from error


def _key(log: EvalLog, sample: EvalSample) -> dict[str, Any]:
    return {
        "suite": log.eval.task_registry_name or log.eval.task,
        "model": log.eval.model,
        "treatment": (log.eval.metadata or {}).get("treatment", "plain"),
        "sample_id": str(sample.id),
        "epoch": sample.epoch,
    }


def _result_rows(log: EvalLog, sample: EvalSample) -> Iterator[dict[str, Any]]:
    shared = {**_key(log, sample), **_place(sample)}
    scores = sample.scores or {}
    keys = Counter(key for score in scores.values() if isinstance(score.value, dict) for key in score.value)
    for scorer, score in scores.items():
        if not isinstance(score.value, dict):
            value = _number(score.value)
            reason = (str(score.reason) if score.reason else "unscored") if value is None else None
            yield {**shared, "metric": scorer, "value": value, "reason": reason}
            continue
        for key, part in score.value.items():
            if (value := _number(part)) is not None:
                metric = f"{scorer}/{key}" if keys[key] > 1 or key in scores else key
                yield {**shared, "metric": metric, "value": value, "reason": None}


def _number(value: Any) -> float | None:
    if isinstance(value, str) and value not in ("C", "I", "P", "N") and not _is_numeric(value):
        return None
    if not isinstance(value, str | bool | int | float):
        return None
    number = _to_float(value)
    return None if math.isnan(number) else number


def _is_numeric(text: str) -> bool:
    return text.lower() in ("yes", "no", "true", "false") or text.replace(".", "", 1).lstrip("-").isdigit()


def _place(sample: EvalSample) -> dict[str, str]:
    metadata = sample.metadata or {}
    return {
        "family": str(metadata.get("family") or sample.id),
        "domain": str(metadata.get("domain") or "all"),
    }


def _answer_row(log: EvalLog, sample: EvalSample) -> dict[str, Any]:
    metadata = sample.metadata or {}
    usage = sample.output.usage if sample.output else None
    return {
        **_key(log, sample),
        **_place(sample),
        "prompt": input_text(sample.input),
        "answer": sample.output.completion if sample.output else "",
        "stop_reason": "error" if sample.error else str(sample.output.stop_reason),
        "reference": metadata.get("reference"),
        "contrast": metadata.get("contrast"),
        "output_tokens": usage.output_tokens if usage else None,
        "seconds": sample.total_time,
        "log": log.location,
        "metadata": json.dumps(metadata, ensure_ascii=False, sort_keys=True, default=str),
    }
