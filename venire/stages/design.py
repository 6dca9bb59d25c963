"""The design of the judging: which answers are compared, by whom, who is screened on what, in which order confirmed.

All of it follows from the lock and the logs, so that the judge stage and the gate read the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from venire.judges.judging import Judging
    from venire.judges.pairs import Pair
    from venire.judges.panel import Judge, Panel
    from venire.judges.preferences import Preference
    from venire.judges.statistics.halving import HalvingPlan
    from venire.run import Contender, Run


@dataclass(frozen=True)
class Design:
    """How one of the candidates is chosen: fixed by the lock's numbers, before a vote is seen.

    `halving` is None where all candidates meet on all prompts (maxT, or there is only one).
    """

    prompts: list[str]
    families: list[str]
    halving: "HalvingPlan | None"

    @property
    def screen(self) -> list[str]:
        """Prompts that choose the finalist; the rest decides about it."""
        return [self.prompts[i] for i in self.halving.screen] if self.halving else []


def answers_of(run: "Run", contenders: Sequence["Contender"]) -> "pl.DataFrame":
    """Every answer of the run with its contender's name. Raises VenireError if nothing was evaluated."""
    from venire.evals.results import read_answers

    from .evaluate import eval_logs, with_contender

    logs = eval_logs(run)
    if not logs:
        raise VenireError(f"{run.eval_logs} holds no log: evaluate first with: venire eval {run.path}")
    return with_contender(read_answers(logs), contenders)


def judged_answers(run: "Run", answers: "pl.DataFrame") -> "pl.DataFrame":
    """The answers of the suites that the panel compares. Raises InputError if no suite is judged."""
    import polars as pl

    return answers.filter(pl.col("suite").is_in(judged_suites(run)))


def judged_suites(run: "Run") -> list[str]:
    """The suites that the panel compares. Raises InputError if there is none."""
    tasks = [suite.task for suite in run.experiment.suites if suite.judge]
    if not tasks:
        raise InputError(
            f"{run.path}: no suite is marked `judge: true`, so there is nothing for the panel to compare and "
            "nothing to decide; mark one, or use `venire plan`, `train`, `eval` and `curve`, which need no judges "
            "(`venire run` does the first three where neither `panel` nor `gate` nor a suite asks for a decision)"
        )
    return tasks


def only_measured(run: "Run") -> bool:
    """Does the experiment ask for no decision: no judged suite, no panel, no gate, and no suite that the gate reads?"""
    suites, asked = run.experiment.suites, {"panel", "gate"} & run.experiment.model_fields_set
    return not asked and not any(suite.judge or suite.thresholds or suite.non_inferiority for suite in suites)


def make_design(run: "Run", pairs: Sequence["Pair"], candidates: int) -> Design:
    """Halving where enough prompts are judged and there is something to choose, else all on all."""
    from venire.judges.statistics.halving import halving_plan

    first = {pair.prompt_id: pair for pair in pairs}
    prompts = list(first)
    families = [first[p].family for p in prompts]
    halve = candidates > 1 and len(prompts) >= run.experiment.policy.halving_from
    domains = [first[p].domain or "all" for p in prompts]
    plan = halving_plan(families, candidates, domains, run.experiment.seed) if halve else None
    return Design(prompts, families, plan)


def open_stage(
    run: "Run", contenders: Sequence["Contender"], added: Sequence["Judge"] = ()
) -> tuple["Judging", Design, list["Contender"]]:
    """Pairs, design and the sealed manifest; what the gate opens again to read the same. `added`: judges post hoc."""
    from venire.judges.judging import open_judging
    from venire.judges.pairs import make_pairs
    from venire.judges.panel import resolve_panel

    incumbent = run.incumbent()
    candidates = run.candidate_contenders()
    if not candidates:
        same = "".join(f" ({c.name} is the incumbent itself)" for c in run.left_out())
        raise VenireError(f"{run.folder} holds no candidate yet{same}: train or add one")
    answers = judged_answers(run, answers_of(run, contenders))
    names, seed = [c.name for c in candidates], run.experiment.seed
    merged = sealed_merged(run.folder, answers)
    pairs = make_pairs(answers, names, incumbent.name, seed=seed, merged=merged)
    design = make_design(run, pairs, len(candidates))
    if design.halving:
        pairs = make_pairs(answers, names, incumbent.name, seed=seed, screen=design.screen, merged=merged)
    panel = resolve_panel(run.experiment.panel)
    judging = open_judging(
        pairs,
        panel.model_copy(update={"judges": [*panel.judges, *added]}),
        run.folder,
        seed=seed,
        origins=contenders,
        anchors=panel.anchors.n,
        preferences=preferences_of(panel),
    )
    return judging, design, candidates


def sealed_merged(folder: "Path", answers: "pl.DataFrame") -> bool:
    """Were families that suites share by chance sealed here as one, as they were before they were told apart?"""
    from venire.judges.manifest import read_manifest
    from venire.judges.pairs import chance_families

    shared, file = chance_families(answers), folder / "manifest.json"
    return bool(shared) and file.is_file() and any(pair.family in shared for pair in read_manifest(file).pairs)


def preferences_of(panel: "Panel") -> list["Preference"]:
    """The person's own preferences that the exam is to hold, read from the file that the panel names."""
    from venire.experiment import find_file
    from venire.judges.preferences import load_preferences

    if panel.anchors.preferences is None:
        return []
    return load_preferences(find_file(panel.anchors.preferences, "panel.anchors.preferences"))


def screen_means(votes: "pl.DataFrame", design: Design, names: Sequence[str]) -> Any:
    """Panel means (prompts, candidates) of the screen votes that count; NaN where nothing was judged."""
    import numpy as np
    import polars as pl

    from venire.judges.votes import complete_orders, value

    table = np.full((len(design.prompts), len(names)), np.nan)
    counted = complete_orders(votes.filter((pl.col("use") == "screen") & (pl.col("verdict") != "invalid")))
    by_judge = counted.group_by("prompt_id", "candidate", "judge").agg(y=value().mean())
    place = {prompt: i for i, prompt in enumerate(design.prompts)}
    for prompt, name, y in by_judge.group_by("prompt_id", "candidate").agg(pl.col("y").mean()).iter_rows():
        if name in names:
            table[place[prompt], list(names).index(name)] = y
    return table


def earlier_uses(run: "Run", design: Design) -> int:
    """How many uses before this run's own were decided on prompts that share a family with its deciding ones."""
    from venire.registry import Registry

    return Registry().earlier_uses(confirm_families(run, design), run.experiment.name, run.require_lock()["sha256"])


def confirm_families(run: "Run", design: Design) -> set[str]:
    """Families of the deciding prompts, by suite and name."""
    deciding = [(design.prompts[i].split("/")[0], design.families[i]) for i in confirm_order(run, design)]
    return {f"{suite}/{family.removeprefix(f'{suite}/')}" for suite, family in deciding}


def confirm_order(run: "Run", design: Design) -> list[int]:
    """Indices of the deciding prompts in the order that is fixed beforehand."""
    from venire.judges.statistics.halving import stratified_order

    if design.halving:
        return design.halving.confirm.tolist()
    return stratified_order(design.families, None, run.experiment.seed).tolist()
