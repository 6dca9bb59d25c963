"""The judge stage: pairs from logs, the sealed manifest, the exam, then votes, as many as the question needs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, VenireError

if TYPE_CHECKING:
    import polars as pl

    from venire.judges.judging import Judging
    from venire.judges.pairs import Pair
    from venire.judges.statistics.halving import HalvingPlan
    from venire.run import Contender, Run

Say = Callable[[str], None]


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

    tasks = [suite.task for suite in run.experiment.suites if suite.judge]
    if not tasks:
        raise InputError(f"{run.path}: no suite is marked `judge: true`, so there is nothing for the panel to compare")
    return answers.filter(pl.col("suite").is_in(tasks))


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


def open_stage(run: "Run", contenders: Sequence["Contender"]) -> tuple["Judging", Design, list["Contender"]]:
    """Pairs, design and the sealed manifest; what the gate opens again to read the same."""
    from venire.judges.judging import open_judging
    from venire.judges.pairs import make_pairs
    from venire.judges.panel import resolve_panel

    incumbent = run.incumbent()
    candidates = run.candidate_contenders()
    if not candidates:
        raise VenireError(f"{run.folder} holds no candidate yet: train or add one")
    answers = judged_answers(run, answers_of(run, contenders))
    names, seed = [c.name for c in candidates], run.experiment.seed
    pairs = make_pairs(answers, names, incumbent.name, seed=seed)
    design = make_design(run, pairs, len(candidates))
    if design.halving:
        pairs = make_pairs(answers, names, incumbent.name, seed=seed, screen=design.screen)
    panel = resolve_panel(run.experiment.panel)
    judging = open_judging(pairs, panel, run.folder, seed=seed, origins=contenders)
    return judging, design, candidates


def judge(run: "Run", contenders: Sequence["Contender"], say: Say) -> None:
    """The exam, then the screen if there is one, then the deciding votes; writes votes.parquet."""
    judging, design, candidates = open_stage(run, contenders)
    say(f"    sealed: manifest {judging.manifest.sha256[:12]}, {len(judging.manifest.pair_ids)} pairs")
    asker = _Asker(judging, run.experiment.budget.calls, say)
    asker.ask(judging.manifest.ids(use=["anchor"]), "the exam")
    ledger = judging.ledger()
    for exam in ledger.exams.values():
        verdict = "passed" if exam.passed else "failed: shown, not counted"
        say(f"    {exam.judge}: {exam.right} of {exam.n} anchors right, {verdict}")
    names = [c.name for c in candidates]
    if design.halving:
        names = [screen(judging, design, candidates, asker)]
        say(f"    finalist: {names[0]}")
    if len(names) == 1 and run.experiment.policy.stopping:
        confirm(run, judging, design, names[0], asker)
    else:
        asker.ask(judging.manifest.ids(use=["gate"], candidates=names), f"{len(names)} candidates")
    judging.ledger()


class _Asker:
    """Asks the panel about some pairs, says how it goes, and keeps the budget of paid calls."""

    def __init__(self, judging: "Judging", budget: int | None, say: Say) -> None:
        self.judging, self.left, self.say = judging, budget, say

    def ask(self, pairs: Collection[str], what: str) -> bool:
        """Everything not answered yet about `pairs`; False if the budget ended before it was done."""
        from venire.progress import watch

        complete = True
        for name, part in self.judging.manifest.parts.items():
            with watch(f"{what}: {name}", 2 * len(pairs), self.say):
                asked = self.judging.ask([name], pairs)[0]
            if part.judge.is_api and self.left is not None:
                self.left -= asked.new
            if asked.left:
                self.say(f"    {name}: {asked.left} judgements left unasked: the budget of calls is spent")
            complete &= asked.left == 0
        return complete


def screen(judging: "Judging", design: Design, candidates: Sequence["Contender"], asker: _Asker) -> str:
    """Sequential halving on the screen prompts; gives the finalist's name."""
    import numpy as np

    from venire.judges.statistics.halving import finalist, keep_half

    assert design.halving is not None
    names = [c.name for c in candidates]
    alive = np.arange(len(names))
    seen: list[int] = []
    for number, part in enumerate(design.halving.rounds, start=1):
        if len(alive) < 2:
            break
        seen += part.tolist()
        prompts = {design.prompts[i] for i in part}
        wanted = {names[i] for i in alive}
        ids = [p.pair for p in judging.manifest.pairs if p.prompt_id in prompts and p.candidate in wanted]
        asker.ask(list(dict.fromkeys(ids)), f"screen {number} of {len(design.halving.rounds)}")
        means = screen_means(judging.ledger().votes, design, names)
        alive = alive[keep_half(np.nanmean(means[np.ix_(seen, alive)], axis=0), alive)]
    return names[finalist(screen_means(judging.ledger().votes, design, names), design.halving)]


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


def confirm(run: "Run", judging: "Judging", design: Design, finalist: str, asker: _Asker) -> None:
    """The finalist on the deciding prompts, whole families in their frozen order, until the question is settled."""
    from venire.judges.stopping import look

    policy, largest = run.experiment.policy, run.require_lock()["frozen"]["n_max"]
    uses = earlier_uses(run, design)
    order = confirm_order(run, design)
    families = list(dict.fromkeys(design.families[i] for i in order))
    by_prompt = {p.prompt_id: p.pair for p in judging.manifest.pairs if p.candidate == finalist and p.use == "gate"}
    for stop in looks(families):
        wanted = set(families[:stop])
        prompts = [design.prompts[i] for i in order if design.families[i] in wanted]
        complete = asker.ask([by_prompt[p] for p in prompts], f"{len(prompts)} of {len(order)} prompts")
        ledger = judging.ledger()
        exams = {name: exam.passed for name, exam in ledger.exams.items()}
        seen = look(ledger.votes, finalist, prompts, largest, policy, exams=exams, earlier_uses=uses)
        if not complete or seen.stop:
            return


def earlier_uses(run: "Run", design: Design) -> int:
    """How many other runs were decided on prompts that share a family with this run's deciding ones."""
    from venire.registry import Registry

    return Registry().earlier_uses(confirm_families(run, design), run.experiment.name)


def confirm_families(run: "Run", design: Design) -> set[str]:
    """Families of the deciding prompts, by suite and name."""
    return {f"{design.prompts[i].split('/')[0]}/{design.families[i]}" for i in confirm_order(run, design)}


def confirm_order(run: "Run", design: Design) -> list[int]:
    """Indices of the deciding prompts in the order that is fixed beforehand."""
    from venire.judges.statistics.halving import stratified_order

    if design.halving:
        return design.halving.confirm.tolist()
    return stratified_order(design.families, None, run.experiment.seed).tolist()


def looks(families: Sequence[str], first: int = 30, every: int = 8) -> list[int]:
    """After how many families the question is looked at; the e-process is valid at any of them."""
    return [*range(first, len(families), every), len(families)]
