"""The judge stage: the sealed manifest, the exam, then votes, as many as the question needs and the budget allows."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from venire.reports.numbers import count

from .design import Design, confirm_order, earlier_uses, open_stage, screen_means

if TYPE_CHECKING:
    from venire.judges.judging import Judging
    from venire.judges.ledger import Ledger
    from venire.judges.panel import Judge
    from venire.run import Contender, Run

Say = Callable[[str], None]
# Below so many votes nobody is taken for unreliable yet.
_ENOUGH_VOTES = 40


def judge(run: "Run", contenders: Sequence["Contender"], say: Say, retry: bool = False) -> None:
    """The exam, then the screen if there is one, then the deciding votes; writes votes.parquet.

    `retry` first asks again where a call had failed. Judges that were added post hoc are not asked here.
    """
    judging, design, candidates = open_stage(run, contenders)
    asker = Asker(run, judging, say)
    asker.introduce()
    try:
        if retry:
            asker.retry()
        _everything(run, judging, design, [c.name for c in candidates], asker)
    finally:
        asker.conclude()


def _everything(run: "Run", judging: "Judging", design: Design, names: list[str], asker: "Asker") -> None:
    """Each step only if the one before was finished: a budget that ends leaves the rest for the next run."""
    if not asker.examine():
        return
    if not asker.counted:
        asker.say("    no judge's votes count: nobody is paid for more, and the gate will hold")
        if design.halving:
            return
    if design.halving:
        finalist = screen(run, judging, design, names, asker)
        if finalist is None:
            return
        names = [finalist]
        asker.say(f"    finalist: {finalist}")
    if len(names) == 1 and run.experiment.policy.stopping:
        confirm(run, judging, design, names[0], asker)
    else:
        asker.ask(judging.manifest.ids(use=["gate"], candidates=names), count(len(names), "candidate"))


class Asker:
    """Asks judges about pairs within the budget, leaves out whom it would be waste to pay, and says what it does."""

    def __init__(self, run: "Run", judging: "Judging", say: Say, judges: Sequence["Judge"] | None = None) -> None:
        """`judges`: who is asked; default: the experiment's panel, as it was sealed."""
        from venire.judges.panel import resolve_panel

        self.run, self.say = run, say
        budget = run.experiment.budget
        panel = resolve_panel(run.experiment.panel)
        self.judges = list(panel.judges if judges is None else judges)
        self.judging = judging.budgeted(budget.calls, budget.usd, run.folder, self.judges)
        self.rotates = panel.screen == "rotate"
        self.asked = self.stood = 0
        self._out: set[str] = set()  # judges that are not paid for more
        self._ledger: Ledger | None = None

    @property
    def names(self) -> list[str]:
        """Whose answers are wanted."""
        return [judge.name for judge in self.judges]

    @property
    def counted(self) -> list[str]:
        """Judges whose votes can count: the exam passed, and no conflict with any candidate."""
        exams = self.ledger().exams
        parts = self.judging.manifest.parts
        return [
            name
            for name in self.names
            if (name not in exams or exams[name].passed)
            and not any(judged.standing == "conflict" for judged in parts[name].standing)
        ]

    def ledger(self) -> "Ledger":
        """The votes as they stand, written to votes.parquet."""
        if self._ledger is None:
            self._ledger = self.judging.ledger()
        return self._ledger

    def introduce(self) -> None:
        """Who judges, at what price, and what is known against them."""
        manifest = self.judging.manifest
        self.say(f"    sealed: manifest {manifest.sha256[:12]}, {count(len(manifest.pair_ids), 'pair')}")
        for judge in self.judges:
            self.say(f"    {judge.name}: {_terms(judge)}")
            terms = {"conflict": "shown, not counted", "shared": "counted, and tagged"}
            for standing, why in dict.fromkeys((s.standing, s.why) for s in manifest.parts[judge.name].standing):
                if standing in terms:
                    self.say(f"        {terms[standing]}: {why}")
        if self.judging.purse.limited:
            self.say(f"    budget, before this: {self.judging.purse.describe()}")
        # Whoever has sat the exam has had its key; if more is to be asked of it, that is checked then.
        self.judging.check_keys(self.judges, manifest.ids(use=["anchor"]))

    def examine(self) -> bool:
        """Put everybody through the exam; False if the budget ended before that was done."""
        anchors = self.judging.manifest.ids(use=["anchor"])
        if not self.ask(anchors, "the exam"):
            return False
        exams = self.ledger().exams
        paid = {judge.name for judge in self.judges if judge.is_api}
        for name in self.names:
            exam = exams.get(name)
            if exam is None:
                continue
            price = f", {_cost(exam.calls, exam.cost_usd)}" if name in paid else ""
            passed = "passed" if exam.passed else "failed: shown, not counted"
            if not exam.passed and name in paid:
                self._out.add(name)
                passed = "failed: not asked further, as its votes would cost money and not count"
            self.say(f"    {name}: {exam.right} of {exam.n} anchors right{price}: {passed}")
        return True

    def retry(self) -> None:
        """Ask again whatever failed, once."""
        for name in self.names:
            pairs = self.judging.failed(name)
            if pairs:
                self._ask(name, pairs, "failed calls again", retry=True)

    def ask(self, pairs: Collection[str], what: str, judges: Collection[str] | None = None, repeat: int = 0) -> bool:
        """Everything not answered yet about `pairs`; False if the budget ended before it was done."""
        self._leave_out_unreliable()
        wanted = [name for name in self.names if (judges is None or name in judges) and name not in self._out]
        complete = [self._ask(name, pairs, what, repeat=repeat) for name in wanted]  # one that is broke stops no other
        return all(complete)

    def _ask(self, name: str, pairs: Collection[str], what: str, *, repeat: int = 0, retry: bool = False) -> bool:
        (asked,) = self.judging.ask([name], pairs, repeat=repeat, retry=retry, around=self._watch(what))
        self._ledger = None if asked.new else self._ledger
        self.asked += asked.new
        self.stood += asked.before
        if asked.left:
            self.say(f"    {name}: {count(asked.left, 'judgement')} left unasked, the budget does not cover them")
        return asked.left == 0

    def _watch(self, what: str) -> Callable[[str, int], AbstractContextManager[None]]:
        from venire.progress import watch

        return lambda name, todo: watch(f"{what}: {name}", todo, self.say)

    def _leave_out_unreliable(self) -> None:
        """A paid judge that will be withdrawn for its invalid votes is not paid for more of them."""
        import polars as pl

        paid = [judge.name for judge in self.judges if judge.is_api and judge.name not in self._out]
        most = self.run.experiment.policy.max_invalid
        if not paid or not self.asked + self.stood:
            return
        votes = self.ledger().votes.filter(
            pl.col("judge").is_in(paid), pl.col("use").is_in(["gate", "screen"]), pl.col("repeat") == 0
        )
        shares = votes.group_by("judge").agg(n=pl.len(), invalid=(pl.col("verdict") == "invalid").mean())
        for name, n, invalid in shares.sort("judge").iter_rows():
            if n >= _ENOUGH_VOTES and invalid > most:
                self._out.add(name)
                self.say(
                    f"    {name}: withdrawn, {invalid:.0%} of its {n} votes are invalid (more than {most:.0%}); it is "
                    "not asked further. Calls that failed are asked again by: venire judge … --retry-invalid"
                )

    def conclude(self) -> None:
        """What it came to; votes.parquet is written whatever happened."""
        ledger, purse = self.ledger(), self.judging.purse
        self.say(f"    judged: {count(self.asked, 'new judgement')}, {count(ledger.votes.height, 'vote')} in all")
        if any(judge.is_api for judge in self.judges):
            self.say(f"    spent so far: {purse.describe()}")
        if purse.refused:
            self.say(
                f"    the budget ended first. Raise `budget` in {self.run.path} (it is not frozen) and run the same "
                "command again: it goes on where it stopped"
            )


def screen(run: "Run", judging: "Judging", design: Design, names: list[str], asker: Asker) -> str | None:
    """Sequential halving on the screen prompts; gives the finalist's name, None if the budget ended before."""
    import numpy as np

    from venire.judges.rotation import rotate
    from venire.judges.statistics.halving import finalist, keep_half, screened_means

    assert design.halving is not None
    counted, alive, seen = asker.counted, np.arange(len(names)), []
    turns = (
        rotate(counted, design.screen, run.experiment.seed)
        if asker.rotates
        else dict.fromkeys(asker.names, design.screen)
    )
    for number, part in enumerate(design.halving.rounds, start=1):
        if len(alive) < 2:
            break
        seen += part.tolist()
        prompts, wanted = {design.prompts[i] for i in part}, {names[i] for i in alive}
        what = f"screen {number} of {len(design.halving.rounds)}"
        complete = [
            asker.ask(_ids(judging, prompts & set(mine), wanted), what, judges=[name]) for name, mine in turns.items()
        ]
        if not all(complete):
            return None
        means = screen_means(asker.ledger().votes, design, names)
        alive = alive[keep_half(screened_means(means[np.ix_(seen, alive)]), alive)]
    return names[finalist(screen_means(asker.ledger().votes, design, names), design.halving)]


def _ids(judging: "Judging", prompts: Collection[str], candidates: Collection[str]) -> list[str]:
    found = [p.pair for p in judging.manifest.pairs if p.prompt_id in prompts and p.candidate in candidates]
    return list(dict.fromkeys(found))


def confirm(run: "Run", judging: "Judging", design: Design, finalist: str, asker: Asker) -> None:
    """The finalist on the deciding prompts, whole families in their frozen order, until the question is settled."""
    import polars as pl

    from venire.judges.stopping import look

    policy, largest = run.experiment.policy, run.require_lock()["frozen"]["n_max"]
    uses = earlier_uses(run, design)
    order = confirm_order(run, design)
    families = list(dict.fromkeys(design.families[i] for i in order))
    for stop in looks(families):
        wanted = set(families[:stop])
        prompts = [design.prompts[i] for i in order if design.families[i] in wanted]
        ids = _ids(judging, set(prompts), {finalist})
        if not asker.ask(ids, f"{len(prompts)} of {count(len(order), 'prompt')}"):
            return
        ledger = asker.ledger()
        exams = {name: exam.passed for name, exam in ledger.exams.items()}
        votes = ledger.votes.filter(pl.col("judge").is_in(asker.names))  # not of judges that were added post hoc
        seen = look(votes, finalist, prompts, largest, policy, exams=exams, earlier_uses=uses)
        if seen.stop and stop < len(families):
            asker.say(
                f"    settled after {seen.prompts} of {len(order)} prompts: the other {len(order) - len(prompts)} need "
                "not be judged"
            )
            return


def looks(families: Sequence[str], first: int = 30, every: int = 8) -> list[int]:
    """After how many families the question is looked at; the e-process is valid at any of them."""
    return [*range(first, len(families), every), len(families)]


def _terms(judge: "Judge") -> str:
    if not judge.is_api:
        return "local, free"
    if judge.price is None:
        return "paid, at a price that is not known here (`price` in the panel gives it)"
    batch = ", in batches" if judge.in_batches else ""
    return f"paid, ${judge.price.input:g} in and ${judge.price.output:g} out per million tokens{batch}"


def _cost(calls: int, usd: float | None) -> str:
    from venire.judges.purse import dollars

    return count(calls, "call") + ("" if usd is None else f" for {dollars(usd)}")
