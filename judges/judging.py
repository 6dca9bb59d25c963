"""Judging: seal, ask each judge through Inspect what it has not answered yet, and write the ledger.

Every judge has a folder of logs of its own. What was answered is read from the logs that stand there, also from those
of an evaluation that was killed, and only the rest is asked; a vendor's response is besides in Inspect's cache from the
moment that it came. Stages (exam, screening, confirmation) are calls of `ask` with some of the pairs.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venire._common.errors import InputError, ServiceError, VenireError
from venire._common.opening import lacks_something, plain_message
from venire._common.quiet import unheard

from .anchors import make_anchors
from .keys import missing_key
from .ledger import Ledger, count_spent, finished, judge_folder, write_ledger
from .local import BATCH
from .manifest import Manifest, read_manifest, seal
from .pairs import Pair
from .panel import ANCHORS, Judge, Origin, Panel, needs_reference, priced
from .preferences import Preference
from .prices import register
from .purse import Purse, longest
from .sheets import read_sheet, split_id, write_sheet

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog

Around = Callable[[str, int], AbstractContextManager[None]]
MANIFEST = "manifest.json"
SHEETS = "sheets"


@dataclass(frozen=True)
class Asked:
    """What one call of `ask` did for one judge: samples `new`, `before` (durable already), `left` (to be asked yet)."""

    judge: str
    new: int
    before: int
    left: int


@dataclass(frozen=True)
class Judging:
    """A sealed comparison in a run's folder."""

    run: Path
    manifest: Manifest
    pairs: list[Pair]
    panel: Panel
    purse: Purse = field(default_factory=Purse)

    def budgeted(
        self,
        calls: int | None = None,
        usd: float | None = None,
        root: Path | None = None,
        judges: Iterable[Judge] | None = None,
    ) -> "Judging":
        """The same under a budget, of which the logs that stand there have spent their part.

        `root` holds everything that draws on it; default: this run's folder. Raises InputError if dollars are limited
        and the price of a paid judge among `judges` (default: all) is not known.
        """
        purse = Purse(calls, usd)
        purse.check(self.panel.judges if judges is None else judges)
        for path in sorted((root or self.run).rglob(MANIFEST)):
            manifest = self.manifest if path == self.run / MANIFEST else read_manifest(path)
            for part in manifest.parts.values():
                if part.judge.is_api:
                    count_spent(path.parent, manifest, part.judge.name, purse)
        return replace(self, purse=purse)

    def ask(
        self,
        judges: Collection[str] | None = None,
        pairs: Collection[str] | None = None,
        *,
        repeat: int = 0,
        retry: bool = False,
        around: Around | None = None,
        display: Any = "none",
    ) -> list[Asked]:
        """Ask `judges` (default: all) about `pairs` (ids, default: all), in both orders, what they have not answered.

        `retry` asks again where a call failed (error, timeout). `around` makes a context for each judge that has
        something to answer, from its name and the number of judgements, for telling of the progress. Paid calls end,
        between two pairs, where the purse no longer covers them; the rest is `left`. Raises InputError where a key or
        a provider's package is missing, ServiceError if an evaluation breaks off.
        """
        named = self.panel.judges if judges is None else [self.panel[name] for name in judges]
        self.check_keys(named, pairs, repeat)
        return [self._ask(judge, pairs, repeat, retry, around or _nothing_around, display) for judge in named]

    def check_keys(
        self, judges: Iterable[Judge] | None = None, pairs: Collection[str] | None = None, repeat: int = 0
    ) -> None:
        """Raises InputError before anybody is asked if a judge that is yet to be asked lacks its key."""
        wanted = set(self.manifest.pair_ids if pairs is None else pairs)
        for judge in self.panel.judges if judges is None else judges:
            why = missing_key(judge)
            if why and len(_of(finished(self.run, self.manifest, judge.name, repeat), wanted)) < 2 * len(wanted):
                raise InputError(why)

    def failed(self, judge: str, repeat: int = 0) -> list[str]:
        """Pairs of which a call to this judge failed for a reason that may pass, and was not made good since."""
        stood = finished(self.run, self.manifest, judge, repeat)
        again = stood - finished(self.run, self.manifest, judge, repeat, retry=True)
        return sorted({split_id(sample)[0] for sample in again})

    def _ask(
        self, judge: Judge, pairs: Collection[str] | None, repeat: int, retry: bool, around: Around, display: Any
    ) -> Asked:
        sheet = write_sheet(self.manifest, judge.name, self.pairs, self.run / SHEETS)
        wanted = None if pairs is None else set(pairs)
        ids = [row.id for row in read_sheet(sheet).rows if wanted is None or split_id(row.id)[0] in wanted]
        before = finished(self.run, self.manifest, judge.name, repeat, retry=retry)
        todo = [sample for sample in ids if sample not in before]
        new = 0
        if todo:
            with around(judge.name, len(todo)):
                new = _evaluate(judge, sheet, todo, self.run, repeat, self.purse, display)
        return Asked(judge.name, new, len(ids) - len(todo), len(todo) - new)

    def ledger(self) -> Ledger:
        """Write `votes.parquet` and `ledger.json` from the logs that stand there now."""
        return write_ledger(self.run, self.manifest)


def open_judging(
    pairs: Sequence[Pair],
    panel: Panel,
    run: Path,
    *,
    seed: int,
    origins: Sequence[Origin] = (),
    anchors: int = ANCHORS,
    preferences: Sequence[Preference] = (),
) -> Judging:
    """Seal `pairs` and `anchors` anchor pairs for the panel in the folder `run`, or go on with what is sealed there.

    A panel with more judges than were sealed adds them and touches no other. A judge that was added before and is not
    named now stays on the panel.
    """
    if not pairs:
        raise InputError("judging: there is no pair to judge; mark a suite with `judge: true`")
    everything = [*pairs, *(make_anchors(pairs, seed=seed, n=anchors, preferences=preferences) if anchors else [])]
    _check_preferences(panel, preferences)
    manifest = seal(everything, panel.judges, run / MANIFEST, seed=seed, origins=origins)
    named = {judge.name for judge in panel.judges}
    others = [priced(part.judge) for name, part in manifest.parts.items() if name not in named]
    return Judging(run, manifest, everything, panel.model_copy(update={"judges": [*panel.judges, *others]}))


def _check_preferences(panel: Panel, preferences: Sequence[Preference]) -> None:
    """Before anything is sealed: judges that compare with the person's own answer need one in every preference."""
    bare = next((preference for preference in preferences if not preference.reference), None)
    needy = next((judge for judge in panel.judges if needs_reference(judge)), None)
    if bare and needy:
        raise InputError(
            f"{bare.place}: no `reference`, and judge {needy.name!r} compares answers with the person's own; give "
            "every row what the person would say (not the chosen answer itself), or leave `anchors.preferences` out"
        )


def run_panel(
    pairs: Sequence[Pair],
    panel: Panel,
    run: Path,
    *,
    seed: int,
    origins: Sequence[Origin] = (),
    anchors: int = ANCHORS,
    display: Any = "none",
) -> Ledger:
    """Everything at once: seal, ask every judge about every pair, write the ledger. Run again, it goes on."""
    judging = open_judging(pairs, panel, run, seed=seed, origins=origins, anchors=anchors)
    judging.ask(display=display)
    return judging.ledger()


def _nothing_around(judge: str, todo: int) -> AbstractContextManager[None]:
    return nullcontext()


def _of(samples: Collection[str], pairs: Collection[str]) -> list[str]:
    """Those samples that are of these pairs."""
    return [sample for sample in samples if split_id(sample)[0] in pairs]


def _evaluate(judge: Judge, sheet: Path, samples: list[str], run: Path, repeat: int, purse: Purse, display: Any) -> int:
    """One Inspect evaluation of `judge` on these samples, each on disk as soon as it is judged. Gives their number."""
    from inspect_ai import eval as inspect_eval
    from inspect_ai import task_with

    from .gatekeeper import Gatekeeper
    from .tasks import bind, pairwise

    task = pairwise(sheet=bind(sheet), repeat=repeat)
    prices = _longest(judge, task, samples)
    if prices and not purse.covers(min(2, len(prices)), 0.0):
        purse.refused += len(prices)
        samples = [sample for sample in samples if sample not in prices]
    if not samples:
        return 0
    logs = judge_folder(run, judge.slug)
    logs.mkdir(parents=True, exist_ok=True)
    if judge.is_api:
        register(judge.model, judge.price)
    try:
        with Gatekeeper(purse, prices) as keeper, unheard() if display == "none" else nullcontext():
            done = inspect_eval(
                task_with(task, early_stopping=keeper) if prices else task,
                model=judge.model if judge.is_llm else None,
                sample_id=samples,
                log_dir=str(logs),
                log_format="eval",
                log_buffer=1 + len(samples) // 1000,  # a log is rewritten whole whenever samples are added
                log_realtime=False,
                log_shared=False,
                fail_on_error=False,
                max_samples=_at_once(judge, len(samples)),
                max_connections=judge.max_connections if judge.kind == "model" and not judge.in_batches else None,
                display=display,
                score_display=False,
                ctl_server=False,
            )
    except Exception as error:
        if not lacks_something(error):
            raise
        raise InputError(f"judge {judge.name!r}: {plain_message(error)}") from error
    purse.refused += keeper.turned_away
    if not done:  # an interrupt: Inspect gives no log of what it cancelled
        raise KeyboardInterrupt
    _check(judge, done[0])
    return sum(sample.error is None for sample in done[0].samples or [])


def _longest(judge: Judge, task: "Task", samples: Collection[str]) -> dict[str, float]:
    """The most that each paid call can cost; samples that cost nothing (local, or identical answers) are not in it."""
    from .tasks import LIMITS, shown_of

    if not judge.is_api:
        return {}
    most, wanted = int(judge.generation.get("max_tokens") or LIMITS.get("max_tokens") or 0), set(samples)
    found = {}
    for sample in task.dataset:
        shown = shown_of(sample.metadata or {}, str(sample.id))
        if shown.id in wanted and shown.first != shown.second:
            found[shown.id] = longest(judge, str(sample.input), most)
    return found


def _at_once(judge: Judge, samples: int) -> int:
    """How many samples may be under way: all of them where they go to the vendor as one batch."""
    if judge.in_batches:
        return samples
    return judge.max_connections if judge.kind == "model" else 2 * BATCH


def _check(judge: Judge, log: "EvalLog") -> None:
    if log.status == "cancelled":
        raise VenireError(f"judge {judge.name!r} was stopped; run the same command again to go on")
    if log.status != "success":
        reason = log.error.message if log.error else log.status
        raise ServiceError(f"judge {judge.name!r} broke off: {reason}; run the same command again to go on")
    failed = [sample.error.message for sample in log.samples or [] if sample.error]
    if failed:
        raise ServiceError(
            f"judge {judge.name!r} could not be asked about {len(failed)} samples, the first: {failed[0]}; "
            "run the same command again to go on"
        )
