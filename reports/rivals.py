"""The other candidates' pairs, in short: what the panel and each judge made of every answer, and where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass

from .files import RunFiles
from .items import suite_logs
from .logs import Log
from .pairs import JudgedPair, pairs_of

MOST_ROWS = 2000  # on the page, all candidates together
BEGINNING = 200  # characters of an answer that are shown


@dataclass(frozen=True)
class RivalPair:
    """A pair of another candidate. `number`: the finalist's on the same prompt, None if it has none on the page.

    `results`: of each of the candidate's judges, None where it did not vote.
    """

    prompt_id: str
    epoch: int
    pair_id: str | None
    number: int | None
    panel: float | None
    results: list[str | None]
    answer: str


@dataclass(frozen=True)
class Rival:
    """A candidate that was not decided on: `rows` of its `total` pairs, its judges, and the logs that all stand in."""

    name: str
    anchor: str
    judges: list[str]
    rows: list[RivalPair]
    total: int
    answer_logs: list[Log]
    judge_logs: list[Log]


def rivals(files: RunFiles, shown: list[JudgedPair], excluded: Iterable[str]) -> list[Rival]:
    """Every compared candidate but the finalist; where there are too many pairs, the first of each by prompt."""
    comparisons = files.analysis.get("comparisons", [])
    others = [(c["candidate"], c["incumbent"]) for c in comparisons]
    others = [pair for pair in others if pair != files.finalist]
    numbers = {(pair.prompt_id, pair.epoch): pair.number for pair in shown}
    logs = suite_logs(files)
    found = []
    for place, (candidate, incumbent) in enumerate(others, start=1):
        votes = files.votes_on(candidate, incumbent)
        if votes is None or votes.is_empty():
            continue
        keys = [name for name in ("prompt_id", "epoch") if name in votes.columns]
        pairs = pairs_of(files, candidate, incumbent, excluded, max(1, MOST_ROWS // len(others)))
        judges = sorted(votes["judge"].unique())
        paths = votes["log"].drop_nulls().unique().sort() if "log" in votes.columns else []
        judge_logs = [log for path in paths if (log := files.logs.find(path))]
        prompts = {pair.prompt_id.partition("/")[0] for pair in pairs}
        judged = [mine for suite, mine in logs.get(candidate, {}).items() if suite.rpartition("/")[2] in prompts]
        answers = [log for mine in judged for log in mine]
        rows = [_row(pair, judges, numbers) for pair in pairs]
        found.append(
            Rival(candidate, f"rows-{place}", judges, rows, votes.select(keys).n_unique(), answers, judge_logs)
        )
    return found


def _row(pair: JudgedPair, judges: list[str], numbers: dict[tuple[str, int], int]) -> RivalPair:
    said = {opinion.judge: opinion.result for opinion in pair.opinions}
    answer = " ".join(pair.candidate.shown.split()) if pair.candidate else ""
    return RivalPair(
        prompt_id=pair.prompt_id,
        epoch=pair.epoch,
        pair_id=pair.pair_id,
        number=numbers.get((pair.prompt_id, pair.epoch)),
        panel=pair.panel,
        results=[said.get(judge) for judge in judges],
        answer=answer[:BEGINNING] + "…" * (len(answer) > BEGINNING),
    )
