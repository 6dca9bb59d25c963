"""The gatekeeper: Inspect asks it before each sample, and it lets a pair begin only while the purse covers it.

Imported where a judge is asked, not before: it needs Inspect's hooks to learn what a sample has cost.
"""

from dataclasses import dataclass, field
from typing import Any

import anyio
from inspect_ai.dataset import Sample
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import EvalSample, EvalSpec
from inspect_ai.scorer import SampleScore
from inspect_ai.util import EarlyStop

from .purse import Purse, pay
from .sheets import split_id

_PAUSE_S = 0.02
_watching: "list[Gatekeeper]" = []


@dataclass
class Gatekeeper:
    """Inspect's early stopping for one judge's task: lets pairs begin while the purse covers them, then no more.

    `prices` gives the most that each sample can cost; one that nobody is asked about (identical answers) has none.
    What is in flight is reserved at its longest. Where only that stands in the way, the next pair waits for it.
    """

    purse: Purse
    prices: dict[str, float]
    turned_away: int = 0
    _begun: set[str] = field(default_factory=set)
    _reserved: dict[str, float] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Inspect's: the name that the log shows."""
        return "budget"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Inspect's: None lets the sample begin."""
        sample = str(id)
        if sample not in self.prices:
            return None
        if not await self._begin(split_id(sample)[0]):
            self.turned_away += 1
            return EarlyStop(id=id, epoch=epoch, reason="the budget does not cover it")
        self._running.add(sample)
        return None

    async def _begin(self, pair: str) -> bool:
        """May this pair be asked? Both of its orders are reserved together, so that none is left half asked."""
        both = {name: self.prices[name] for name in (f"{pair}-1", f"{pair}-2") if name in self.prices}
        while pair not in self._begun and not self.turned_away:
            if self.purse.covers(len(both), sum(both.values())):
                self._begun.add(pair)
                self._reserved |= both
                self.purse.reserve(len(both), sum(both.values()))
            elif self._running:
                await anyio.sleep(_PAUSE_S)
            else:
                break
        return pair in self._begun

    async def complete_sample(self, id: str | int, epoch: int, scores: dict[str, SampleScore]) -> None:
        """Inspect's; the cost is known only when the sample ends, see `settle`."""

    async def complete_task(self) -> dict[str, Any]:
        """Inspect's: what the log says of it."""
        return {"turned_away": self.turned_away}

    def settle(self, sample: EvalSample) -> None:
        """A sample has ended: what was reserved for it is given back, what it cost is spent."""
        self._running.discard(str(sample.id))
        reserved = self._reserved.pop(str(sample.id), None)
        if reserved is not None:
            self.purse.reserve(-1, -reserved)
            pay(self.purse, sample)

    def __enter__(self) -> "Gatekeeper":
        _watching.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is reserved still, as after an evaluation that broke off."""
        _watching.remove(self)
        self.purse.reserve(-len(self._reserved), -sum(self._reserved.values()))


@hooks(name="venire_purse", description="Counts what judges cost while they are asked.")
class _Counter(Hooks):
    def enabled(self) -> bool:
        return bool(_watching)

    async def on_sample_end(self, data: SampleEnd) -> None:
        for keeper in _watching:
            keeper.settle(data.sample)
