"""The report before it has a form: one object that the page, the Markdown and the JSON are all made of."""

from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from . import bench, figures, origin
from .bench import JudgeRow
from .cautions import AuditFinding, Caution, audit_findings, cautions
from .charts import Chart, agreement_matrix, forest, gate_chart, headline
from .components import Component, components
from .contenders import without_treatment
from .curves import phrasing_chart, progression_chart, progression_note
from .figures import Coefficient, Estimate, LeftOut, Place, Ranking
from .files import Missing, RunFiles
from .items import suite_logs
from .logs import Log
from .numbers import plain_json
from .origin import CandidateRow, Fact
from .pairs import JudgedPair, PairList, judged_pairs
from .phrasing import PhrasingRow, phrasing_cautions, phrasing_rows
from .progression import Checkpoint, PhrasingPoint, checkpoints, phrasing_points
from .rivals import Rival, rivals
from .suites import Change, Others, changes, others, rates, short
from .words import (
    Verdict,
    agreement_sentence,
    best_of,
    coverage_sentence,
    length_sentence,
    people_sentence,
    retried_sentence,
    sway_sentence,
    verdict,
)

METRICS_BESIDE = 5  # columns of one table


@dataclass(frozen=True)
class Report:
    """Everything the page shows."""

    name: str
    finished: str | None
    candidate: str
    incumbent: str
    finalist: tuple[str | None, str | None]  # both by their whole names
    verdict: Verdict
    gate: list[Component]
    win_rates: list[Estimate]
    at_least: float | None  # the bound for the best of several, in the place of its own rate
    compared: list[Estimate]
    left_out: list[LeftOut]
    agreement: list[Coefficient]
    agreement_sentence: str
    people_sentence: str
    people: dict[str, Any] | None
    ranking: Ranking | None
    judge_pairs: list[dict[str, Any]]
    places: list[Place]
    length_sentence: str
    coverage_sentence: str
    retried_sentence: str
    sway_sentence: str
    judges: list[JudgeRow]
    suites: list[Change]
    other_items: list[Others]
    logs: dict[str, dict[str, list[Log]]]  # contender to suite to the logs of its answers
    candidates: list[CandidateRow]
    metrics: list[str]
    costs: list[Fact]
    provenance: list[Fact]
    cautions: list[Caution]
    audit: list[AuditFinding] | None
    missing: list[Missing]
    checkpoints: list[Checkpoint]
    phrasing: list[PhrasingPoint]
    phrasing_axis: str
    phrasings: list[PhrasingRow]
    pairs: PairList
    rivals: list[Rival]

    @cached_property
    def verdict_plot(self) -> Chart | None:
        """The rate that decides, for the first screen."""
        return headline(f"win rate of {self.candidate} against {self.incumbent}", self.win_rates, self.at_least)

    @cached_property
    def win_rate_plot(self) -> Chart | None:
        """Panel, judges, domains and checks against the line of no preference."""
        return forest("win-rate-plot", f"win rate of {self.candidate} against {self.incumbent}", self.win_rates)

    @cached_property
    def gate_plot(self) -> Chart | None:
        """Each measured requirement by its distance from the bound."""
        return gate_chart(self.gate)

    @cached_property
    def agreement_plot(self) -> Chart | None:
        """Every two judges."""
        return agreement_matrix(self.judge_pairs)

    @cached_property
    def progression_plot(self) -> Chart | None:
        """Gain and damage over the checkpoints."""
        return progression_chart(self.checkpoints)

    @property
    def progression_note(self) -> str:
        """What the progression does not show, and why."""
        return progression_note(self.checkpoints)

    @cached_property
    def phrasing_plot(self) -> Chart | None:
        """Facts in other words."""
        return phrasing_chart(self.phrasing, self.phrasing_axis)

    @cached_property
    def candidates_plot(self) -> Chart | None:
        """Every candidate against the incumbent; None where there is only one."""
        if len(self.compared) < 2:
            return None
        return forest("candidates-plot", f"win rate of each candidate against {self.incumbent}", self.compared)

    @cached_property
    def item_places(self) -> dict[tuple[str, str], str]:
        """(suite, sample) to where its texts stand on the page."""
        every = [(c.suite, item) for c in self.suites for item in (*c.lost_items, *c.gained_items)]
        every += [(block.suite, item) for block in self.other_items for item in block.items]
        return {(suite, item.sample_id): item.anchor for suite, item in reversed(every)}

    def logs_on(self, contender: str | None, suite: str) -> list[Log]:
        """The logs of a contender's answers in a suite, named whole or in short."""
        mine = self.logs.get(contender or "", {})
        return [log for name, logs in mine.items() if suite in (name, short(name)) for log in logs]

    @property
    def rival_rows(self) -> dict[str, str]:
        """Candidate to where its pairs stand on the page."""
        rows = {rival.name: rival.anchor for rival in self.rivals}
        return rows | ({self.finalist[0]: "pairs"} if self.finalist[0] else {})

    @property
    def metric_columns(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Suite to (key of `rates`, metric), so few at a time that their table fits a sheet of paper."""
        split = [(key, *key.partition(" · ")[::2]) for key in self.metrics]
        found = []
        for suite, group in groupby(split, key=lambda part: part[1]):
            named = [(key, metric) for key, _, metric in group]
            found += [(suite, named[i : i + METRICS_BESIDE]) for i in range(0, len(named), METRICS_BESIDE)]
        return found

    @property
    def domains(self) -> list[str]:
        """Domains of the pairs on the page."""
        return sorted({pair.domain for pair in self.pairs.pairs if pair.domain})

    def results(self, pair: JudgedPair) -> str:
        """What each judge, in the order of `judges`, made of a pair: a letter each, `-` where it did not vote."""
        said = {opinion.judge: opinion.result[0] for opinion in pair.opinions}
        return "".join(said.get(judge.name, "-") for judge in self.judges)

    @property
    def tallies(self) -> dict[str, int]:
        """How many pairs bear each tag."""
        tags = [tag for pair in self.pairs.pairs for tag in pair.tags]
        return {tag: tags.count(tag) for tag in sorted(set(tags))}


def make_report(files: RunFiles) -> Report:
    """Put the report together from the files of a run."""
    gate = components(files)
    judges = bench.judges(files)
    excluded = bench.not_counted(judges)
    pairs = judged_pairs(files, excluded)
    suites = changes(files)
    measured = rates(files)
    compared = figures.other_candidates(files)
    best = best_of(files)
    stages = files.run.get("stages") or []
    phrasing, phrasing_axis = phrasing_points(files)
    phrasings = phrasing_rows(files)
    return Report(
        name=str(files.frozen.get("name") or files.folder.name),
        finished=max((stage["finished"] for stage in stages if stage.get("finished")), default=None),
        candidate=without_treatment(files.finalist[0], files),
        incumbent=without_treatment(files.finalist[1], files) if files.finalist[1] else "the incumbent",
        finalist=files.finalist,
        verdict=verdict(files, gate),
        gate=gate,
        win_rates=figures.win_rates(files),
        at_least=best[0] if best else None,
        compared=compared,
        left_out=figures.left_out(files),
        agreement=figures.agreement(files),
        agreement_sentence=agreement_sentence(files),
        people_sentence=people_sentence(files),
        people=files.comparison.get("people"),
        ranking=figures.ranking(files),
        judge_pairs=figures.judge_pairs(files),
        places=figures.places(files),
        length_sentence=length_sentence(files, _mean_lengths(files)),
        coverage_sentence=coverage_sentence(files),
        retried_sentence=retried_sentence(files),
        sway_sentence=sway_sentence(files),
        judges=judges,
        suites=suites,
        other_items=others(files, suites),
        logs=suite_logs(files),
        candidates=origin.candidates(files, compared, measured),
        metrics=list(dict.fromkeys(name for named in measured.values() for name in named)),
        costs=origin.costs(files, judges),
        provenance=origin.provenance(files),
        cautions=cautions(files, gate, judges, suites, pairs) + phrasing_cautions(phrasings),
        audit=audit_findings(files),
        missing=files.missing,
        checkpoints=checkpoints(files, compared),
        phrasing=phrasing,
        phrasing_axis=phrasing_axis,
        phrasings=phrasings,
        pairs=pairs,
        rivals=rivals(files, pairs.pairs, excluded),
    )


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON: every number of the page, verdicts included; texts stay in the page and the logs."""
    data = asdict(report)
    for pair in data["pairs"]["pairs"]:
        for text in ("prompt", "reference", "candidate", "incumbent"):
            pair[text] = {"length": pair[text]["length"]} if pair[text] else None
        for opinion in pair["opinions"]:
            for vote in opinion["votes"]:
                del vote["text"], vote["said"]
    for change in data["suites"]:
        for side in ("lost_items", "gained_items"):
            change[side] = [_without_texts(item) for item in change[side]]
    for block in data["other_items"]:
        block["items"] = [_without_texts(item) | {"metrics": item["metrics"]} for item in block["items"]]
    for rival in data["rivals"]:
        for row in rival["rows"]:
            del row["answer"]
    return plain_json({"format": "venire.report/1", **data})


def _without_texts(item: dict[str, Any]) -> dict[str, Any]:
    """An item as JSON: its values, and where they stand."""
    keep = ("epoch", "before", "after", "log_before", "log_after")
    return {key: item[key] for key in ("sample_id", "domain", "before", "after", "epochs")} | {
        "takes": [{key: take[key] for key in keep} for take in item["takes"]]
    }


def _mean_lengths(files: RunFiles) -> tuple[float, float] | None:
    """Mean characters of the candidate's and the incumbent's answers, each pair once."""
    rows = files.finalist_votes
    if rows is None or not {"len_candidate", "len_incumbent"} <= set(rows.columns):
        return None
    rows = rows.unique("prompt_id").drop_nulls(["len_candidate", "len_incumbent"])
    if rows.is_empty():
        return None
    mine, other = rows["len_candidate"].to_numpy().mean(), rows["len_incumbent"].to_numpy().mean()
    return float(mine), float(other)
