"""After the comparison is finished: one more judge, or a judge a second time. Nothing is generated again."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from venire._common.errors import InputError, VenireError
from venire._common.files import read_json

from .design import open_stage
from .judge import Asker

if TYPE_CHECKING:
    from venire.judges.judging import Judging
    from venire.run import Contender, Run

Say = Callable[[str], None]


def add(run: "Run", contenders: Sequence["Contender"], name: str, say: Say) -> None:
    """Have one more judge, `name`, sit its exam and judge what the panel has judged. Nobody else is asked."""
    from venire.judges.keys import missing_key
    from venire.judges.panel import parse_judge, resolve_panel

    judge = parse_judge(name)
    panel = [member.name for member in resolve_panel(run.experiment.panel).judges]
    if judge.name in panel:
        raise InputError(f"judge {judge.name!r} is on the panel already: {', '.join(panel)}")
    _require_votes(run, panel)
    if why := missing_key(judge):  # before it is sealed: a seal is for good
        raise InputError(why)
    judging, _, _ = open_stage(run, contenders, [judge])
    asker = Asker(run, judging, say, [judge])
    asker.introduce()
    try:
        if asker.examine():
            asker.ask(judged_pairs(judging, panel), "what the panel judged")
    finally:
        asker.conclude()
    say(
        f"    {judge.name} was not on the panel that was frozen, so the next decision is post hoc; it is made by: "
        f"venire gate {run.path}"
    )


def retest(run: "Run", contenders: Sequence["Contender"], name: str, say: Say) -> dict[str, Any]:
    """Ask a judge again what it has judged, and say how often it said the same. These votes decide nothing."""
    judging, _, _ = open_stage(run, contenders)
    judge = judging.panel[name]
    pairs = judged_pairs(judging, [judge.name])
    if not pairs:
        raise VenireError(f"judge {name!r} has judged nothing yet: judge first with: venire judge {run.path}")
    asker = Asker(run, judging, say, [judge])
    asker.introduce()
    try:
        asker.ask(pairs, "a second pass", repeat=1)
    finally:
        asker.conclude()
    found = read_json(run.folder / "ledger.json")["judges"][judge.name]["retest"]
    if found is None:
        say(f"    {judge.name}: no second vote yet")
        return {"judge": judge.name}
    share = "no vote is valid in both passes"
    if found["share"] is not None:
        share = (
            f"the same verdict {found['same']} of {found['n']} times on {found['prompts']} prompts: "
            f"{found['share']:.1%}, 95% {found['low']:.1%} to {found['high']:.1%}"
        )
    say(f"    {judge.name} against itself: {share}; {found['invalid']} not valid in both passes")
    return {"judge": judge.name} | found


def judged_pairs(judging: "Judging", judges: Sequence[str]) -> list[str]:
    """The deciding pairs that at least one of `judges` has judged in its first pass, in the manifest's order."""
    from venire.judges.sheets import split_id

    votes = judging.ledger().votes.filter(
        pl.col("judge").is_in(judges), pl.col("repeat") == 0, pl.col("use") != "anchor"
    )
    judged = {split_id(sample)[0] for sample in votes["sample_id"]}
    return [pair for pair in judging.manifest.ids(use=["gate"]) if pair in judged]


def _require_votes(run: "Run", panel: list[str]) -> None:
    file = run.folder / "votes.parquet"
    votes = pl.read_parquet(file) if file.is_file() else None
    if votes is None or votes.filter(pl.col("judge").is_in(panel), pl.col("use") != "anchor").is_empty():
        raise VenireError(f"{run.folder} holds no judged comparison yet: judge first with: venire judge {run.path}")
