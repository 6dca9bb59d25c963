"""Where it all comes from: candidates with their lineage, cost and time, seeds, versions, hashes."""

import re
from dataclasses import dataclass
from typing import Any

from .bench import JudgeRow
from .contenders import lineage_of
from .figures import Estimate
from .files import RunFiles
from .numbers import count, duration, listing, money, percent
from .suites import Rate


@dataclass(frozen=True)
class CandidateRow:
    """One contender: what it is made of, its win rate, its suites. `role`: finalist, incumbent, candidate or other."""

    name: str
    role: str
    kind: str
    base: str
    sha256: str | None
    recipe: str | None
    data: str | None
    teachers: list[str]
    step: int | None
    epoch: float | None
    seed: int | None
    trainable: int | None
    bytes: int | None
    seconds: float | None
    cost_usd: float | None
    metrics: dict[str, Any]
    win_rate: Estimate | None
    rates: dict[str, Rate]


@dataclass(frozen=True)
class Fact:
    """One line of a list: what, and its value; `exact` if the value is to be set in a fixed-width face."""

    what: str
    value: str
    exact: bool = False


def candidates(files: RunFiles, compared: list[Estimate], rates: dict[str, dict[str, Rate]]) -> list[CandidateRow]:
    """Every contender that was compared or that ran a suite: the incumbent, the finalist, the others by step."""
    candidate, incumbent = files.finalist
    found = {c["name"]: c for c in files.contenders}
    names = dict.fromkeys([*(c.label for c in compared), *found, *rates, *(n for n in (incumbent, candidate) if n)])
    win = {estimate.label: estimate for estimate in compared}
    rows = [_candidate(name, found.get(name, {}), win.get(name), rates.get(name, {}), files) for name in names]
    order = {"incumbent": 0, "finalist": 1, "candidate": 2, "other": 3}
    return sorted(rows, key=lambda row: (order[row.role], row.recipe or "", row.step or 0, row.name))


def _candidate(
    name: str, about: dict[str, Any], win: Estimate | None, rates: dict[str, Rate], files: RunFiles
) -> CandidateRow:
    lineage = lineage_of(name, files)
    candidate, incumbent = files.finalist
    role = "finalist" if name == candidate else "incumbent" if name == incumbent else "candidate" if win else "other"
    base, data, recipe = lineage.get("base") or {}, lineage.get("data") or {}, lineage.get("recipe") or {}
    rows = f"{count(data.get('rows'), 'row')}" if data.get("rows") else ""
    return CandidateRow(
        name=name,
        role=role,
        kind=str(lineage.get("kind") or about.get("kind") or "base"),
        base=f"{base['model_id']} @ {str(base.get('revision'))[:12]}" if base else str(about.get("base") or ""),
        sha256=lineage.get("sha256") or about.get("sha256"),  # of a base: its hub id and revision
        recipe=recipe.get("name") if isinstance(recipe, dict) else str(recipe),
        data=", ".join(part for part in (str(data.get("path") or ""), rows) if part) or None,
        teachers=list(lineage.get("teacher_families") or about.get("teachers") or []),
        step=lineage.get("step"),
        epoch=lineage.get("epoch"),
        seed=lineage.get("seed"),
        trainable=lineage.get("trainable_parameters"),
        bytes=lineage.get("adapter_bytes"),
        seconds=lineage.get("seconds"),
        cost_usd=lineage.get("cost_usd"),
        metrics={k: v for k, v in (lineage.get("metrics") or {}).items() if "loss" in k or "accurac" in k},
        win_rate=win,
        rates=rates,
    )


def costs(files: RunFiles, judges: list[JudgeRow]) -> list[Fact]:
    """Time by stage, votes, tokens and money, of training and of vendors."""
    stages = files.run.get("stages") or []
    facts = [Fact(f"Stage {stage['name']}", duration(stage.get("seconds"))) for stage in stages]
    if stages:
        facts.append(Fact("All stages", duration(sum(stage.get("seconds") or 0 for stage in stages))))
    if files.votes is not None:
        facts.append(Fact("Votes, exams and other candidates included", count(files.votes.height, "vote")))
    return facts + _trained(files) + _paid(files, judges)


def _trained(files: RunFiles) -> list[Fact]:
    """What training cost by the price it was given: a training's last candidate has what all its steps cost."""
    last: dict[str, dict[str, Any]] = {}
    for lineage in sorted(files.lineages, key=lambda lineage: lineage.get("step") or 0):
        if lineage.get("cost_usd") is not None:
            last[re.sub(r"-step\d+$", "", str(lineage["name"]))] = lineage
    by_price: dict[float | None, list[dict[str, Any]]] = {}
    for lineage in last.values():
        by_price.setdefault(lineage.get("usd_per_hour"), []).append(lineage)
    return [_spent(price, lineages) for price, lineages in by_price.items()]


def _spent(price: float | None, lineages: list[dict[str, Any]]) -> Fact:
    what = "Training, as it was priced" if price is None else f"Training at {money(price)} an hour of one device"
    took = duration(sum(lineage.get("seconds") or 0 for lineage in lineages))
    paid = money(sum(lineage["cost_usd"] for lineage in lineages))
    return Fact(what, f"{paid} for {count(len(lineages), 'training')} of {took}")


def _paid(files: RunFiles, judges: list[JudgeRow]) -> list[Fact]:
    """What vendors were paid: as the ledger counts all calls, else as the votes do; and the exams' share of it."""
    counted = files.ledger.get("paid") or {}
    ours = [judge for judge in judges if not judge.imported]  # what others paid for their votes is theirs
    priced = [judge.cost_usd for judge in ours if judge.cost_usd is not None]
    facts = []
    if counted.get("calls"):
        facts.append(Fact("Paid to vendors, exams included", _of_calls(counted)))
    elif priced:
        facts.append(Fact("Paid to vendors, as far as recorded", money(sum(priced))))
    elif judges:
        facts.append(Fact("Paid to vendors", "no price recorded (local judges cost none)"))
    exams = [judge for judge in ours if judge.exam_cost is not None]
    if exams:
        calls = count(sum(judge.exam_calls or 0 for judge in exams), "call")
        facts.append(Fact("Of this, for exams", f"{money(sum(judge.exam_cost or 0 for judge in exams))} for {calls}"))
    return facts


def _of_calls(paid: dict[str, Any]) -> str:
    calls, unpriced = paid["calls"], paid.get("unpriced") or 0
    if unpriced >= calls:
        return f"{count(calls, 'call')} whose price is not known"
    said = f"{money(paid.get('cost_usd'))} for {count(calls - unpriced, 'call')}"
    return f"{said}, and {count(unpriced, 'call')} more whose price is not known" if unpriced else said


def provenance(files: RunFiles) -> list[Fact]:
    """Seeds, versions, device and hashes."""
    frozen, run, decision = files.frozen, files.run, files.decision
    facts = [Fact("Experiment", str(frozen.get("name") or files.folder.name))]
    facts += [Fact("Seed", str(frozen["seed"]), True)] if "seed" in frozen else []
    bases = frozen.get("bases") or {}
    named = bases.items() if isinstance(bases, dict) else [(str(base), "") for base in bases]
    facts += [Fact(f"Base {name}" if identity else "Base", str(identity or name), True) for name, identity in named]
    facts += [
        Fact(f"Suite {suite['name']}", f"{suite.get('n')} items, {suite.get('sha256')}", True)
        for suite in frozen.get("suites") or []
    ]
    hashes = [
        ("Lock", files.lock.get("sha256") or decision.get("lock_sha256")),
        ("Manifest", decision.get("manifest_sha256")),
        ("Votes", decision.get("votes_sha256")),
        ("Candidate's weights", decision.get("candidate_sha256")),
        ("Experiment file", run.get("experiment_sha256")),
    ]
    facts += [Fact(name, str(value), True) for name, value in hashes if value]
    facts += [Fact("Threads", str(run["threads"]))] if run.get("threads") else []
    versions = run.get("versions") or files.lock.get("versions") or {}
    versions = versions or ({"venire": decision["venire_version"]} if decision.get("venire_version") else {})
    facts += [Fact("Versions", ", ".join(f"{name} {version}" for name, version in versions.items()))] * bool(versions)
    return facts


def exam_words(row: JudgeRow) -> str:
    """A judge's exam in a clause."""
    if row.exam_n is None:
        return "no exam"
    verdict = "passed" if row.exam_passed else "failed"
    missed = [f"{kind} {right} of {n}" for kind, (right, n) in row.exam_kinds.items() if right < n]
    detail = f"; not all of {listing(missed)}" if missed and row.exam_right else ""
    return f"{verdict}: {row.exam_right} of {row.exam_n} right, lower bound {percent(row.exam_low)}{detail}"
