"""Reads a run folder: what is there, and what is missing and therefore not on the page."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from venire._common.errors import InputError

from .brought import brought
from .logs import Logs
from .numbers import natural

# What the page loses when a file is not there.
CONSEQUENCES = {
    "experiment.lock": "nothing shows what was frozen before training: seeds, suites, panel and policy are not listed",
    "run.json": "times and the number of threads are not known",
    "decision.json": "there is no decision; `venire gate EXPERIMENT` makes one",
    "analysis.json": "there are no win rates, agreement or position figures; nothing was judged, "
    "no vote counts, or nothing was decided",
    "votes.parquet": "single votes cannot be shown; nothing was judged, or the judge stage has not finished",
    "answers.parquet": "prompts and answers cannot be shown",
    "suites.parquet": "the suites before and after cannot be compared",
    "qualification.json": "the judges' exam results are not known",
    "manifest.json": "the sealed order of the pairs is not linked",
    "candidates/": "where the candidates come from is not known",
}


@dataclass(frozen=True)
class Missing:
    """A file that is not in the run folder, and what the page lacks for it."""

    file: str
    consequence: str


@dataclass(frozen=True)
class RunFiles:
    """The files of one run as they were read; None (or empty) where a file is missing."""

    folder: Path
    lock: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)
    frozen_decision: dict[str, Any] = field(default_factory=dict)  # by the plan, where `decision` is post hoc
    analysis: dict[str, Any] = field(default_factory=dict)
    qualification: dict[str, Any] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    contenders: list[dict[str, Any]] = field(default_factory=list)
    lineages: list[dict[str, Any]] = field(default_factory=list)
    brought: dict[str, dict[str, Any]] = field(default_factory=dict)  # name of weights made elsewhere to what is known
    phrasings: list[dict[str, Any]] = field(default_factory=list)
    suites: pl.DataFrame | None = None
    answers: pl.DataFrame | None = None
    votes: pl.DataFrame | None = None
    missing: list[Missing] = field(default_factory=list)

    @cached_property
    def logs(self) -> Logs:
        """Where the logs of answers and votes are."""
        return Logs(self.folder)

    @property
    def frozen(self) -> dict[str, Any]:
        """What the lock froze."""
        return self.lock.get("frozen", {})

    @property
    def policy(self) -> dict[str, Any]:
        """The gate's policy as it was frozen."""
        return self.frozen.get("gate", {})

    @property
    def plan(self) -> dict[str, Any]:
        """What the lock says beside what it froze: power, counts, what cannot pass."""
        return self.lock.get("plan", {})

    @property
    def exams(self) -> dict[str, dict[str, Any]]:
        """Judge to exam: qualification.json, else what the ledger says."""
        judges = self.ledger.get("judges", {})
        return self.qualification or {name: row["exam"] for name, row in judges.items() if row.get("exam")}

    @property
    def finalist(self) -> tuple[str | None, str | None]:
        """Candidate and incumbent of the decision; without one, of the only comparison, if there is only one."""
        if self.decision.get("candidate"):
            return self.decision["candidate"], self.decision.get("incumbent")
        comparisons = self.analysis.get("comparisons", [])
        if len(comparisons) == 1:
            return comparisons[0]["candidate"], comparisons[0]["incumbent"]
        return None, self.decision.get("incumbent")

    @property
    def finalist_votes(self) -> pl.DataFrame | None:
        """All votes on the decision's comparison; None where there are none."""
        return self.votes_on(*self.finalist)

    def votes_on(self, candidate: str | None, incumbent: str | None) -> pl.DataFrame | None:
        """All votes on a comparison; None where there are none.

        Exams, chats and a judge's second pass (it says how steady the judge is, and is told as that) are left out.
        """
        if self.votes is None or candidate is None:
            return None
        mine = self.votes.filter(pl.col("candidate") == candidate, pl.col("incumbent") == (incumbent or ""))
        if "use" not in mine.columns:
            return mine
        if "repeat" in mine.columns:
            again = (pl.col("use") == "display") & (pl.col("repeat") > 0)
            mine = mine.filter(~again.fill_null(False))
        return mine.filter(~pl.col("use").is_in(["anchor", "informal"]))

    @property
    def comparison(self) -> dict[str, Any]:
        """The analysis of the finalist against the incumbent, or {}."""
        pair = self.finalist
        found = (c for c in self.analysis.get("comparisons", []) if (c["candidate"], c["incumbent"]) == pair)
        return next(found, {})


def read_run(folder: Path) -> RunFiles:
    """Read what stands in a run folder.

    Raises InputError if there is no such folder, if it holds neither a lock nor a decision, or if a file in it is
    broken; a file that is missing is listed, not an error.
    """
    if not folder.is_dir():
        raise InputError(f"run folder {str(folder)!r}: no such folder; `venire run EXPERIMENT` makes one")
    if not any((folder / name).is_file() for name in ("experiment.lock", "decision.json", "analysis.json")):
        raise InputError(
            f"run folder {str(folder)!r} holds no experiment.lock, decision.json or analysis.json; is it a run?"
        )
    lineages = [_json(file) for file in sorted((folder / "candidates").glob("[!.]*/lineage.json"))]
    contenders = _json(folder / "contenders.json") or []
    phrasings = folder / "phrasings.json"
    lock = _json(folder / "experiment.lock")
    bases = (lock.get("frozen") or {}).get("bases")
    files = RunFiles(
        folder=folder,
        lock=lock,
        run=_json(folder / "run.json"),
        decision=_json(folder / "decision.json"),
        frozen_decision=_json(folder / "decision.frozen.json"),
        analysis=_in_order(_json(folder / "analysis.json")),
        qualification=_json(folder / "qualification.json"),
        ledger=_json(folder / "ledger.json"),
        manifest=_json(folder / "manifest.json"),
        contenders=contenders,
        phrasings=_json(phrasings) if phrasings.is_file() else [],
        lineages=sorted(lineages, key=lambda lineage: (str(lineage.get("parent")), lineage.get("step") or 0)),
        brought=brought(contenders, {str(lineage.get("name")) for lineage in lineages}, bases),
        suites=_frame(folder / "suites.parquet"),
        answers=_frame(folder / "answers.parquet"),
        votes=_frame(folder / "votes.parquet"),
    )
    for name, consequence in CONSEQUENCES.items():
        there = _told_of(files) if name.endswith("/") else (folder / name).is_file()
        there = there or (name == "qualification.json" and bool(files.exams))
        if not there:
            files.missing.append(Missing(name, consequence))
    return files


def _told_of(files: RunFiles) -> bool:
    """Is it on record where a candidate comes from: is there a lineage, or weights that somebody brought?"""
    return bool(files.lineages) or any(c.get("path") and Path(c["path"]).is_dir() for c in files.contenders)


def _in_order(analysis: dict[str, Any]) -> dict[str, Any]:
    """The analysis with its comparisons as people count: step 20 before step 100."""
    compared = sorted(
        analysis.get("comparisons", []), key=lambda c: (natural(c["candidate"]), natural(str(c["incumbent"])))
    )
    return analysis | {"comparisons": compared} if compared else analysis


def _json(file: Path) -> Any:
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not valid JSON ({error}); make it again with the stage that writes it") from error


def _frame(file: Path) -> pl.DataFrame | None:
    if not file.is_file():
        return None
    try:
        return pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{file}: not a Parquet file; make it again with the stage that writes it") from error
