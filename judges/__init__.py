"""Pairs and blinding, judges and panels, votes, statistics, the gate.

In the order in which a comparison comes about:

    make_pairs, Pair                                   two contenders' answers to the same prompts
    resolve_panel, Panel, Judge                        who judges; judgeship says who may not, count_calls how often
    open_judging, run_panel, Judging                   seal, ask every judge, go on after a kill
    read_manifest, Manifest                            who bore which label in which place
    pairwise, load_rubric                              the judge task, and what a judge is told
    make_anchors, examine, Exam                        the exam before a judge's votes count
    write_ledger, check_votes, Ledger                  judge logs to votes, every winner derived again
    read_votes, write_votes, import_votes              votes as files, ours or anybody's
    audit_file, Finding, parse_verdict                 what is wrong in a file of votes; the verdict in a raw text
    analyze                                            win rate, agreement, position, length
    decide, GateInputs, Decision, GatePolicy           the gate

Names are loaded on first use (PEP 562), so that `import venire.judges.statistics` pulls in nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis import analyze
    from .anchors import make_anchors
    from .audit import Finding, audit_file
    from .gate import Decision, GateInputs, decide
    from .importers import import_votes
    from .judging import Judging, open_judging, run_panel
    from .ledger import Ledger, check_votes, write_ledger
    from .manifest import Manifest, read_manifest
    from .pairs import Pair, make_pairs
    from .panel import Judge, Panel, count_calls, judgeship, resolve_panel
    from .policy import GatePolicy
    from .qualification import Exam, examine
    from .rubric import load_rubric
    from .tasks import pairwise
    from .verdict_text import parse_verdict
    from .votes import read_votes, write_votes

_HOME = {
    "Pair": "pairs",
    "make_pairs": "pairs",
    "Judge": "panel",
    "Panel": "panel",
    "count_calls": "panel",
    "judgeship": "panel",
    "resolve_panel": "panel",
    "Judging": "judging",
    "open_judging": "judging",
    "run_panel": "judging",
    "Manifest": "manifest",
    "read_manifest": "manifest",
    "load_rubric": "rubric",
    "pairwise": "tasks",
    "make_anchors": "anchors",
    "Exam": "qualification",
    "examine": "qualification",
    "Ledger": "ledger",
    "check_votes": "ledger",
    "write_ledger": "ledger",
    "import_votes": "importers",
    "read_votes": "votes",
    "write_votes": "votes",
    "Finding": "audit",
    "audit_file": "audit",
    "parse_verdict": "verdict_text",
    "analyze": "analysis",
    "Decision": "gate",
    "GateInputs": "gate",
    "decide": "gate",
    "GatePolicy": "policy",
}

__all__ = [
    "Decision",
    "Exam",
    "Finding",
    "GateInputs",
    "GatePolicy",
    "Judge",
    "Judging",
    "Ledger",
    "Manifest",
    "Pair",
    "Panel",
    "analyze",
    "audit_file",
    "check_votes",
    "count_calls",
    "decide",
    "examine",
    "import_votes",
    "judgeship",
    "load_rubric",
    "make_anchors",
    "make_pairs",
    "open_judging",
    "pairwise",
    "parse_verdict",
    "read_manifest",
    "read_votes",
    "resolve_panel",
    "run_panel",
    "write_ledger",
    "write_votes",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
