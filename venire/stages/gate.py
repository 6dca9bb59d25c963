"""The gate stage: votes, suites and the frozen policy to decision.json, with everything it rests on by hash."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from venire._common.errors import VenireError
from venire._common.files import read_json, write_atomic, write_json, write_parquet
from venire._common.hashing import sha256_file

from . import plan as planning
from .design import Design, answers_of, confirm_families, confirm_order, earlier_uses, open_stage
from .evaluate import eval_logs, with_contender

if TYPE_CHECKING:
    import polars as pl

    from venire.judges.judging import Judging
    from venire.judges.ledger import Ledger
    from venire.judges.manifest import Manifest
    from venire.run import Contender, Run


FROZEN = "decision.frozen.json"


def gate(
    run: "Run", contenders: Sequence["Contender"], say: Callable[[str], None], post_hoc: str | None = None
) -> dict[str, Any]:
    """Decide, and write decision.json, analysis.json, qualification.json, suites.parquet and answers.parquet."""
    import polars as pl

    from venire.judges.analysis import analyze
    from venire.judges.gate import GateInputs, Hashes, PostHoc, decide

    lock = run.require_lock()
    judging, design, candidates = open_stage(run, contenders)
    ledger = judging.ledger()
    if ledger.votes.height == 0:
        raise VenireError(f"{run.folder} holds no vote yet: judge first with: venire judge {run.path}")
    suites = write_frames(run, contenders)
    changed = planning.changes(lock["frozen"], planning.describe(run)) + joined(judging, ledger)
    changed += shortened(contenders)
    finalist = chosen(design, ledger, [c.name for c in candidates])
    inputs = GateInputs(
        votes=ledger.votes,
        policy=run.experiment.policy,
        candidates=[c.name for c in candidates],
        incumbent=run.incumbent().name,
        finalist=finalist if design.halving else None,
        order=deciding_order(run, design, len(candidates)),
        n_max=lock["frozen"]["n_max"],
        panel=[name for name in judging.manifest.parts if name not in judging.manifest.added],
        sealed={(p.candidate, p.prompt_id, p.epoch) for p in judging.manifest.pairs if p.use == "gate"},
        suites=suites,
        exams={name: exam.passed for name, exam in ledger.exams.items()},
        conflicts=conflicts(judging.manifest),
        integrity=broken(run, contenders),
        leaks=[str(leak) for leak in planning.leaks(run)],
        audit=audit_findings(ledger.votes),
        post_hoc=PostHoc(tuple(changed), post_hoc),
        earlier_uses=earlier_uses(run, design),
        seed=run.experiment.seed,
        hashes=Hashes(
            lock["sha256"],
            judging.manifest.sha256,
            sha256_file(run.folder / "votes.parquet"),
            {c.name: c.sha256 for c in candidates},
        ),
    )
    decision = decide(inputs).to_dict()
    keep_frozen(run, decision, say)
    if not ledger.votes.filter(pl.col("use") == "gate").is_empty():
        write_json(run.folder / "analysis.json", analyze(ledger.votes, seed=run.experiment.seed))
    exams = {name: exam.to_dict() for name, exam in ledger.exams.items()}
    write_json(run.folder / "qualification.json", exams)
    write_json(run.folder / "decision.json", decision)
    run.write_contenders(list(contenders))
    record_use(run, design, lock)
    say(f"    {decision['outcome']}: {decision['candidate']} against {decision['incumbent']}")
    return decision


def joined(judging: "Judging", ledger: "Ledger") -> list[str]:
    """Judges who joined after the panel was sealed and have voted, as a departure from the lock."""
    voted = set(ledger.votes["judge"])
    added = [name for name in judging.manifest.added if name in voted]
    return [f"panel (judges added afterwards: {', '.join(added)})"] if added else []


def shortened(contenders: Sequence["Contender"]) -> list[str]:
    """Weights that were trained with `--quick`, as a departure from what was to be trained."""
    from venire.lineages import lineage

    found = [contender.name for contender in contenders if lineage(contender).get("quick")]
    return [f"training (with --quick, a tenth of the steps: {', '.join(found)})"] if found else []


def keep_frozen(run: "Run", decision: dict[str, Any], say: Callable[[str], None]) -> None:
    """A decision by the frozen plan is not overwritten by one post hoc: it stays beside it, as decision.frozen.json."""
    path = run.folder / "decision.json"
    if decision["post_hoc"] and path.is_file() and not read_json(path).get("post_hoc"):
        write_atomic(run.folder / FROZEN, path.read_bytes())
        say(f"    post hoc: the decision by the frozen plan stays in {run.folder / FROZEN}")


def write_frames(run: "Run", contenders: Sequence["Contender"]) -> "pl.DataFrame":
    """Every score and every answer with its contender, and what phrasings say, beside the votes; gives the scores."""
    from venire.evals.phrasing_robustness.analysis import phrasings
    from venire.evals.results import read_results
    from venire.lineages import seed_groups

    suites = with_contender(read_results(eval_logs(run)), contenders)
    write_parquet(run.folder / "suites.parquet", suites)
    answers = answers_of(run, contenders)
    write_parquet(run.folder / "answers.parquet", answers)
    write_json(run.folder / "phrasings.json", phrasings(suites, answers, seed_groups(contenders)))
    return suites


def chosen(design: Design, ledger: "Ledger", names: list[str]) -> str | None:
    """Whom the screen chose; None where there was no screen."""
    from venire.judges.statistics.halving import finalist

    from .design import screen_means

    if design.halving is None:
        return None
    return names[finalist(screen_means(ledger.votes, design, names), design.halving)]


def deciding_order(run: "Run", design: Design, candidates: int) -> list[str] | None:
    """The deciding prompts in their frozen order where judging could stop early; None under maxT."""
    if design.halving is None and candidates > 1:
        return None
    return [design.prompts[i] for i in confirm_order(run, design)]


def conflicts(manifest: "Manifest") -> dict[tuple[str, str], str]:
    """(candidate, judge) to why that judge's votes on that candidate are shown, not counted."""
    return {
        (judged.candidate, part.judge.name): judged.why
        for part in manifest.parts.values()
        for judged in part.standing
        if judged.standing == "conflict"
    }


def broken(run: "Run", contenders: Sequence["Contender"]) -> list[str]:
    """Hashes that do not match: weights that changed since they were judged, votes that are not the ledger's."""
    from pathlib import Path

    from venire.engine import adapter_sha256

    found = [
        f"{contender.name}: the weights in {contender.path} are not those that were evaluated"
        for contender in contenders
        if contender.path and adapter_sha256(Path(contender.path)) != contender.sha256
    ]
    record = json.loads((run.folder / "ledger.json").read_text("utf-8"))
    if record["votes_sha256"] != sha256_file(run.folder / "votes.parquet"):
        found.append("votes.parquet is not what the judge logs give")
    return found


def audit_findings(votes: "pl.DataFrame") -> list[Any]:
    """What an audit of the deciding votes finds."""
    import polars as pl

    from venire.judges.audit import audit

    return audit(votes.filter(pl.col("use").is_in(["gate", "screen"])))


def record_use(run: "Run", design: Design, lock: dict[str, Any]) -> None:
    """A confirm set is used when it has decided something, whatever it decided."""
    from venire.registry import Registry

    Registry().record_use(run.experiment.name, confirm_families(run, design), lock["sha256"])
