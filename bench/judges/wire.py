"""What goes wrong on the way to a vendor, and what becomes of the vote: the real SDKs against a server on loopback.

    python bench/judges/wire.py                                     # a table: every vendor, every fault
    python bench/judges/wire.py --model anthropic/claude-haiku-5-5 --fault rate_limit --fault slow
    python bench/judges/wire.py --serve --fault rate_limit --times 2    # only serve; prints what to export

No key, no network, no cost. With `--serve` any judge of any panel can be sent there, by the variables that it prints;
the judge behind it prefers the answer that brings bread, and says tie where both do or neither.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.judges.helpers import CANDIDATE, INCUMBENT, answers_frame, prefers_bread
from tests.judges.vendors.server import Fault, Kind, Vendors
from venire._common.errors import ServiceError
from venire.judges.judging import run_panel
from venire.judges.pairs import make_pairs
from venire.judges.panel import resolve_panel

MODELS = (
    "openai/gpt-4o",  # chat completions
    "openai/gpt-6-luna",  # responses
    "anthropic/claude-haiku-5-5",
    "google/gemini-3.5-flash-lite",
    "openai-api/loopback/any",
    "vllm/any",
)
WAITED_FOR: tuple[Kind, ...] = ("slow", "trickle")
STOPS: tuple[Kind, ...] = ("bad_key", "no_model")  # nothing that the judge could vote on comes after these


def judged(server: Vendors, model: str, kinds: Sequence[Kind], times: int, patience: int) -> list[tuple[str, str, int]]:
    """(fault, what became of the two votes, calls) for a pair without a fault, and for each kind.

    `patience`: seconds until an attempt counts as too slow.
    """
    server.begin(prefers_bread, {f"case {i}?": Fault(kind, times) for i, kind in enumerate(kinds, start=1)})
    pairs = make_pairs(answers_frame(n=len(kinds) + 1), [CANDIDATE], INCUMBENT, seed=7)
    generation = {"max_retries": 0, "attempt_timeout": patience}
    panel = resolve_panel({"judges": [{"model": model, "generation": generation, "max_connections": 8}]})
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INSPECT_CACHE_DIR"] = f"{folder}/cache"  # the same cases come again, with other faults
        votes = run_panel(pairs, panel, Path(folder), seed=7, anchors=0).votes
    calls = Counter(call.prompt for call in server.calls)
    rows = []
    for i, kind in enumerate(("none", *kinds)):
        mine = votes.filter(votes["prompt_id"] == f"value_alignment/s{i}")
        became = sorted({reason or verdict for verdict, reason in mine.select("verdict", "reason").iter_rows()})
        rows.append((kind, ", ".join(became), sum(n for text, n in calls.items() if f"case {i}?" in text)))
    return rows


def stopped(server: Vendors, model: str, kind: Kind, times: int) -> tuple[tuple[str, str, int], str]:
    """The row of a fault that stops the whole judge, and the sentence that it stops with."""
    try:
        return judged(server, model, [kind], times, 60)[1], ""
    except ServiceError as error:
        return (kind, "stops", len(server.calls)), str(error)


def table(models: list[str], kinds: Sequence[Kind], times: int) -> None:
    """Judge, and print what became of it."""
    with Vendors(prefers_bread) as server:
        os.environ |= server.environment()
        for model in models:
            start = time.monotonic()
            quick: list[Kind] = [kind for kind in kinds if kind not in (*WAITED_FOR, *STOPS)]
            waited: list[Kind] = [kind for kind in kinds if kind in WAITED_FOR]
            rows = judged(server, model, quick, times, 60)
            if waited:
                rows += judged(server, model, waited, times, 5)[1:]
            stops = [stopped(server, model, kind, times) for kind in kinds if kind in STOPS]
            print(f"\n{model}, {time.monotonic() - start:.1f} s; two orders a fault, so 2 calls are one try each")
            print(f"    {'fault':<16}{'votes':<14}{'calls':>5}")
            for (kind, became, calls), told in [*((row, "") for row in rows), *stops]:
                print(f"    {kind:<16}{became:<14}{calls:>5}" + f"\n        {told}" * bool(told))


def serve(kind: Kind | None, times: int, port: int) -> None:
    """Answer until interrupted."""
    with Vendors(prefers_bread, {"": Fault(kind, times)} if kind else {}, port=port) as server:
        for name, value in server.environment().items():
            print(f"export {name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(server.calls)} calls, {len(server.batches.asked)} requests in {server.batches.made} batches")


def main() -> None:
    """Read the arguments and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="an Inspect model name; default: one of each wire format")
    parser.add_argument("--fault", action="append", choices=get_args(Kind), help="default: every kind")
    parser.add_argument("--times", type=int, default=1_000_000, help="how many requests of a prompt get the fault")
    parser.add_argument("--serve", action="store_true", help="only serve, with at most one fault")
    parser.add_argument("--port", type=int, default=0, help="of --serve; default: any that is free")
    args = parser.parse_args()
    if args.serve:
        serve(args.fault[0] if args.fault else None, args.times, args.port)
    else:
        table(args.model or list(MODELS), args.fault or get_args(Kind), args.times)


if __name__ == "__main__":
    main()
