"""Judge logs that Venire did not make: what a log of Inspect is, and the votes in one that compared two answers.

Three kinds: `sheet`, one of our own judge task on a sheet of ours, run with Inspect's command line, as good as any of
ours once the ledger has checked it; `verdicts`, somebody else's pairwise judging, whose votes are shown and never
counted, as nobody sealed or examined that judge; `answers`, a contender's answers, which the panel can judge.

A `verdicts` log must say in each sample's (or score's) metadata what the labels stand for: `label_mapping`
(`A=candidate;B=incumbent`, or a mapping), or `model_a` and `model_b`. The label A is taken to stand first unless
`first_label` or `candidate_first` says otherwise. The verdict is the score's answer, else what the judge's text says.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venire._common.errors import InputError
from venire._common.files import read_json, write_atomic, write_json
from venire._common.hashing import sha256_file
from venire._common.logs import finished_samples

from .houses import family_of_judge
from .reply import read_reply
from .verdict_text import TIE, parse_verdict

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

LogKind = Literal["sheet", "verdicts", "answers"]
Names = dict[str, str]

FOLDER, NAMES = "imported", "names.json"  # below a run: logs whose votes the ledger reads too
_MAPPINGS = ("label_mapping", "labels", "mapping")
_ORDER_SUFFIX = re.compile(r"[-_](?:1|2|ab|ba|original|swapped|reversed|first|second)$")


def log_files(paths: Iterable[Path]) -> list[Path]:
    """The `.eval` logs that files and folders mean, each once. Raises InputError where there is none."""
    found: list[Path] = []
    for path in paths:
        files = sorted(path.glob("**/*.eval")) if path.is_dir() else [path]
        if not files or not files[0].is_file() or files[0].suffix != ".eval":
            raise InputError(f"log {str(path)!r}: an .eval log, or a folder of such, is wanted")
        found += files
    return list(dict.fromkeys(found))


def kind_of(path: Path) -> LogKind:
    """What a log holds. Raises InputError if it is no Inspect log."""
    log = read_header(path)
    if (log.eval.metadata or {}).get("part_sha256"):
        return "sheet"
    first = next(finished_samples(path), None)
    return "verdicts" if first is not None and _labels_in(_said(first)) else "answers"


def read_header(path: Path) -> "EvalLog":
    """A log without its samples. Raises InputError if it is none."""
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path), header_only=True)
    except Exception as error:  # whatever a damaged zip or a strange JSON makes of it
        raise InputError(f"log {str(path)!r} is no Inspect log: {error}") from error


@dataclass(frozen=True)
class Sides:
    """What a log may call the contenders of a run, each to the contender's name."""

    candidates: Names
    incumbent: Names

    def __post_init__(self) -> None:
        if not self.candidates or not self.incumbent:
            raise ValueError("a comparison has a candidate and an incumbent")


def take_in(run: Path, path: Path, sides: Sides) -> int:
    """Copy somebody else's judge log into the run, for the ledger to read; gives the number of its votes.

    Raises InputError naming the sample whose labels mean nobody in the run.
    """
    votes = len(list(foreign_votes(path, sides)))
    write_json(run / FOLDER / NAMES, asdict(sides))
    write_atomic(run / FOLDER / f"{path.stem}-{sha256_file(path)[:8]}{path.suffix}", path.read_bytes())
    return votes


def imported_votes(
    run: Path, prompts: Mapping[str, tuple[str, str | None]]
) -> tuple[list[dict[str, Any]], list[tuple[Path, str, int]]]:
    """Every vote of every log taken in, as rows of the ledger, and the logs: path, sha256 and number of votes.

    `prompts` are the run's, each with its family and domain; a log's prompts are matched with them by their ends.
    """
    if not (run / FOLDER / NAMES).is_file():
        return [], []
    sides = Sides(**read_json(run / FOLDER / NAMES))
    known = {prompt.rsplit("/", 1)[-1]: prompt for prompt in prompts} | {prompt: prompt for prompt in prompts}
    rows: list[dict[str, Any]] = []
    files = []
    seen: Counter[tuple[Any, ...]] = Counter()
    for path in sorted((run / FOLDER).glob("*.eval")):
        before = len(rows)
        for row in foreign_votes(path, sides):
            prompt = str(known.get(row["prompt_id"], row["prompt_id"]))
            family, domain = prompts.get(prompt, (prompt, None))
            key = (row["judge"], prompt, row["candidate"], row["candidate_first"], row["epoch"])
            place = {"prompt_id": prompt, "family": family, "domain": domain, "log": f"{FOLDER}/{path.name}"}
            rows.append(row | place | {"repeat": seen[key]})
            seen[key] += 1
        files.append((path, sha256_file(path), len(rows) - before))
    return rows, files


def foreign_votes(path: Path, sides: Sides) -> Iterator[dict[str, Any]]:
    """The votes in somebody else's judge log, for display."""
    log = read_header(path)
    for sample in finished_samples(path):
        yield _row(log, path, sample, sides)


def _said(sample: "EvalSample") -> dict[str, Any]:
    """A sample's metadata and its scores'."""
    found = dict(sample.metadata or {})
    for score in (sample.scores or {}).values():
        found = (score.metadata or {}) | found
    return found


def _labels_in(said: Mapping[str, Any]) -> dict[str, str]:
    """Label to whatever the log calls a contender; empty if it does not say."""
    for key in _MAPPINGS:
        value = said.get(key)
        if isinstance(value, Mapping) and {"A", "B"} <= {str(label).upper() for label in value}:
            return {str(label).upper(): str(name) for label, name in value.items()}
        if isinstance(value, str) and (found := _parsed_mapping(value)):
            return found
    if said.get("model_a") and said.get("model_b"):
        return {"A": str(said["model_a"]), "B": str(said["model_b"])}
    return {}


def _parsed_mapping(text: str) -> dict[str, str]:
    found = dict(re.findall(r"\b([AB])\s*[=:]\s*([^;,]+)", text))
    return {label: name.strip() for label, name in found.items()} if found.keys() == {"A", "B"} else {}


def _row(log: "EvalLog", path: Path, sample: "EvalSample", named: Sides) -> dict[str, Any]:
    where = f"{path}, sample {sample.id}"
    said = _said(sample)
    sides, candidate, champion = _sides(_labels_in(said), named, where)
    label, reason = _verdict(sample)
    verdict = "invalid" if label is None else "tie" if label == TIE else sides[label]
    prompt = str(said.get("prompt_id") or said.get("question_id") or _ORDER_SUFFIX.sub("", str(sample.id)))
    usage = sample.output.usage if sample.output else None
    return {
        "prompt_id": prompt,
        "candidate": candidate,
        "incumbent": champion,
        "judge": f"{FOLDER}:{log.eval.model}",  # nobody of the panel, though it may be the same model
        "judge_family": family_of_judge(log.eval.model),
        "candidate_first": _candidate_first(said, sides),
        "verdict": verdict,
        "reason": reason if label is None else None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_usd": usage.total_cost if usage else None,
        "seconds": sample.working_time,
        "sample_id": f"{path.stem}/{sample.id}",
        "judgment": (sample.output.completion or sample.output.error) if sample.output else None,
        "label_mapping": f"A={sides['A']};B={sides['B']}",
        "epoch": sample.epoch - 1,
        "use": "display",
    }


def _sides(labels: dict[str, str], named: Sides, where: str) -> tuple[dict[str, str], str, str]:
    """Label to side of the comparison, and the two contenders."""
    if not labels:
        raise InputError(f"{where}: its metadata does not say what the labels stand for; `label_mapping` would")
    champion = next(iter(named.incumbent.values()))
    only = set(named.candidates.values())
    names = {"incumbent": champion, **named.incumbent, **named.candidates}
    if len(only) == 1:
        names["candidate"] = next(iter(only))
    meant = {label: names.get(labels[label]) for label in ("A", "B")}
    stranger = next((labels[label] for label, name in meant.items() if name is None), None)
    if stranger is not None or champion not in meant.values() or meant["A"] == meant["B"]:
        raise InputError(
            f"{where}: its labels stand for {labels['A']!r} and {labels['B']!r}; one must be the incumbent "
            f"{champion!r} and the other of {sorted(only)}, by name or by model"
        )
    sides = {label: "incumbent" if name == champion else "candidate" for label, name in meant.items()}
    candidate = next(name for name in meant.values() if name is not None and name != champion)
    return sides, candidate, champion


def _candidate_first(said: Mapping[str, Any], sides: dict[str, str]) -> bool:
    if isinstance(said.get("candidate_first"), bool):
        return bool(said["candidate_first"])
    return sides[str(said.get("first_label") or "A").upper()[:1]] == "candidate"


def _verdict(sample: "EvalSample") -> tuple[str | None, str | None]:
    """The label that won (or `tie`), or None and why."""
    for score in (sample.scores or {}).values():
        if score.answer and (found := parse_verdict(score.answer)).winner:
            return found.winner, None
    if sample.error is not None:
        return None, "error"
    judged = read_reply(
        sample.output.completion,
        sample.output.stop_reason if sample.output.choices else "stop",
        None,
        failure=sample.output.error,
    )
    return judged.label, judged.invalid
