"""The candidate's papers: a model card that the Hub reads, and a promotion record to stand beside the weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from venire._common.errors import InputError
from venire._common.files import read_json, write_atomic, write_json
from venire._common.hashing import sha256_file

from .bench import JudgeRow
from .contenders import lineage_of
from .files import RunFiles
from .model import Report
from .numbers import is_number, plain_json
from .render import render_text
from .words import best_of, deciding_rate

RECORD = "venire.promotion/1"
RECORD_FILE = "promotion.json"
_PARTS = dict.fromkeys(
    ("kind", "sha256", "recipe", "data", "step", "seed", "teacher_families", "trainable_parameters", "adapter_bytes")
)


def write_papers(report: Report, files: RunFiles, folder: Path) -> list[Path]:
    """README.md (the card), promotion.md and promotion.json of the decision's candidate, in `folder`.

    Raises InputError where nothing was decided about a candidate.
    """
    if not files.decision.get("candidate"):
        raise InputError(f"{files.folder}: no candidate was decided on; `venire gate EXPERIMENT` decides")
    record = promotion_record(report, files)
    paths = [folder / name for name in ("README.md", "promotion.md", RECORD_FILE)]
    before = read_json(paths[2]) if paths[2].is_file() else {}
    if before.get("promoted") and before.get("decision") == record["decision"]:
        record["promoted"] = before["promoted"]
    write_atomic(paths[0], model_card(report, files))
    write_atomic(paths[1], render_text("promotion.md", r=report, d=files.decision, record=record))
    write_json(paths[2], record)
    return paths


def folder_of(files: RunFiles) -> Path | None:
    """The folder of the candidate's weights, where this run made them; never one that somebody brought."""
    name = str(files.decision.get("candidate") or "").rpartition("/")[0]
    folder = files.folder / "candidates" / name
    return folder if name and (folder / "lineage.json").is_file() else None


def note_promotion(run: Path, entry: dict[str, Any]) -> Path | None:
    """Put the registry's entry into the record beside the promoted weights; None where this run made none."""
    folder = folder_of(RunFiles(run, decision=read_json(run / "decision.json")))
    if folder is None or not (folder / RECORD_FILE).is_file():
        return None
    promoted = {key: entry[key] for key in ("when", "previous", "reason")}
    write_json(folder / RECORD_FILE, read_json(folder / RECORD_FILE) | {"promoted": plain_json(promoted)})
    return folder / RECORD_FILE


def promotion_record(report: Report, files: RunFiles) -> dict[str, Any]:
    """What was decided, when, against what, by whom and on what: what is needed to check it without the run."""
    decision, lineage, stages = files.decision, lineage_of(files.decision["candidate"], files), files.run.get("stages")
    hashes = {name: decision.get(f"{name}_sha256") for name in ("candidate", "lock", "manifest", "votes")}
    incumbent = next((c for c in files.contenders if c["name"] == decision.get("incumbent")), {})
    return plain_json(
        {
            "format": RECORD,
            "experiment": report.name,
            "decided": next((s["finished"] for s in stages or [] if s["name"] == "gate"), report.finished),
            "outcome": decision["outcome"],
            "sentence": report.verdict.sentence,
            "candidate": decision["candidate"],
            "incumbent": decision.get("incumbent"),
            "incumbent_sha256": incumbent.get("sha256"),
            "win_rate": {k: deciding_rate(files).get(k) for k in ("estimate", "low", "high", "level", "n", "p_value")},
            "win_rate_at_least": report.at_least,
            "alpha": decision.get("alpha"),
            "design": decision.get("design"),
            "components": decision.get("components", []),
            "panel": [_judge(judge) for judge in report.judges],
            "judges_counted": decision.get("counted", []),
            "judges_withdrawn": decision.get("withdrawn", {}),
            "post_hoc": decision.get("post_hoc"),
            "frozen_decision": files.frozen_decision or None,
            "audit": None if report.audit is None else [asdict(finding) for finding in report.audit],
            "not_examined": decision.get("not_examined", []),
            "warnings": [caution.message for caution in report.cautions],
            "sha256": hashes,
            "decision": _sha256(files.folder / "decision.json"),
            "files": _files(files),
            "base": lineage.get("base"),
            "recipe": lineage.get("recipe"),
            "data": lineage.get("data"),
            "teacher_families": lineage.get("teacher_families", []),
            "seed": lineage.get("seed"),
            "step": lineage.get("step"),
            "experiment_seed": files.frozen.get("seed"),
            "versions": lineage.get("versions") or files.run.get("versions") or {},
            "versions_of_the_run": files.run.get("versions") or {},
            "venire_version": decision.get("venire_version"),
            "promoted": None,  # `venire registry promote` fills it
        }
    )


def _judge(judge: JudgeRow) -> dict[str, Any]:
    """A member of the panel: what it is, whether its votes counted and why, and how it did in its exam."""
    row = asdict(judge)
    keys = ("name", "family", "kind", "status", "why", "added", "votes", "exam_right", "exam_n", "exam_passed")
    return {key: row[key] for key in keys}


def _files(files: RunFiles) -> dict[str, str]:
    """The sha256 of what was frozen, of every log, and of what else was voted on, by path inside the run."""
    sources = {str(source["path"]): str(source["sha256"]) for source in files.ledger.get("sources", [])}
    logs = sorted((files.folder / "logs" / "eval").glob("*.eval"))
    named = [files.folder / name for name in ("experiment.lock", "manifest.json", "votes.parquet", "analysis.json")]
    found = {file.relative_to(files.folder).as_posix(): _sha256(file) for file in [*named, *logs]}
    return {path: sha for path, sha in (found | sources).items() if sha}


def _sha256(file: Path) -> str | None:
    return sha256_file(file) if file.is_file() else None


def model_card(report: Report, files: RunFiles) -> str:
    """The card: metadata with results as the Hub reads them, then what a person should know."""
    from huggingface_hub import ModelCardData

    lineage = lineage_of(files.decision["candidate"], files)
    base = (lineage.get("base") or {}).get("model_id")
    kind = lineage.get("kind")
    data = ModelCardData(
        base_model=base,
        library_name={"adapter": "peft", "full": "transformers"}.get(str(kind)),
        pipeline_tag="text-generation",
        tags=["venire", "values", *(["lora"] if kind == "adapter" else [])],
        model_name=report.candidate,
        eval_results=_results(report, files) or None,
    )
    known = _PARTS | lineage  # of weights made elsewhere, not all of it is
    text = render_text("card.md", r=report, d=files.decision, lineage=known if lineage else {}, base=base)
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def _results(report: Report, files: RunFiles) -> list[Any]:
    """The win rate and every metric that has a say, as the Hub's results."""
    from huggingface_hub import EvalResult

    def result(kind: str, dataset: str, metric: str, value: float, name: str, args: dict[str, Any]) -> EvalResult:
        return EvalResult(
            task_type="text-generation",
            dataset_type=kind,
            dataset_name=dataset,
            metric_type=metric,
            metric_value=round(value, 4),
            metric_name=name,
            metric_args=plain_json(args),
        )

    found = []
    rate = deciding_rate(files)
    if is_number(rate.get("estimate")):
        judged = next((s for s in files.frozen.get("suites", []) if s.get("judge")), {"task": "judged prompts"})
        args = {key: rate.get(key) for key in ("low", "high", "level", "n")}
        name = f"win rate against {report.incumbent} (blind panel, both orders, ties one half)"
        value = rate["estimate"]
        if best := best_of(files):  # the best one's own mean is raised by having been chosen
            value, tried = best
            name += f", lower bound that holds for the best of {tried or 'several'} candidates"
            args |= {"low": round(value, 4), "uncorrected": rate["estimate"]}
        found.append(result("judged", judged["task"], "win_rate", value, name, args))
    for change in report.suites:
        if not change.telling:
            continue
        after = asdict(change.after)
        args = {key: after[key] for key in ("low", "high", "n")} | {"incumbent": round(change.before.estimate, 4)}
        found.append(result(change.suite, change.suite, change.metric, change.after.estimate, change.metric, args))
    return found
