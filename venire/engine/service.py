"""The one worker that owns the model: jobs come from any thread or event loop, and are answered without polling."""

import gc
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters import AdapterRef
    from .bases import Base
    from .batch import Batch, Row

Start = Callable[["Batch"], "Row | None"]


class Service:
    """Serves one base at a time; jobs for another base wait until the present one has nothing left to do."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._jobs: OrderedDict[str, deque[tuple[Base, Start, Callable[[BaseException], None]]]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._batch: Batch | None = None

    def submit(self, base: "Base", start: Start, failed: Callable[[BaseException], None]) -> None:
        """Run `start(batch)` on the worker; it may give a row to generate. `failed` hears of any error."""
        with self._wake:
            self._jobs.setdefault(base.identity, deque()).append((base, start, failed))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="venire-engine", daemon=True)
                self._thread.start()
            self._wake.notify()

    def generate(self, base: "Base", adapter: "AdapterRef | None", row: "Row") -> None:
        """Queue a row under an adapter; `row.done` is called on the worker when it ends."""

        def start(batch: "Batch") -> "Row":
            if adapter is not None:
                row.adapter = batch.load_adapter(adapter)
            return row

        self.submit(base, start, lambda error: row.done(row, error))

    def call(self, base: "Base", work: Callable[["Batch"], Any]) -> Any:
        """Run `work(batch)` between two steps of the batch and wait for what it gives. Not for an event loop."""
        future: Future[Any] = Future()

        def start(batch: "Batch") -> None:
            future.set_result(work(batch))

        self.submit(base, start, future.set_exception)
        return future.result()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._jobs and not (self._batch and self._batch.busy):
                    self._wake.wait()
                jobs = self._take()
            for base, start, failed in jobs:
                self._start(base, start, failed)
            batch = self._batch
            if batch is not None and batch.busy:
                try:
                    batch.step()
                except BaseException as error:
                    batch.fail(error)

    def _take(self) -> list[tuple["Base", Start, Callable[[BaseException], None]]]:
        """All jobs of the present base, or, once it is idle, of the base that has waited longest."""
        present = self._batch.base.identity if self._batch else None
        if present in self._jobs:
            return list(self._jobs.pop(present))
        if self._jobs and not (self._batch and self._batch.busy):
            return list(self._jobs.popitem(last=False)[1])
        return []

    def _start(self, base: "Base", start: Start, failed: Callable[[BaseException], None]) -> None:
        try:
            row = start(self._load(base))
            if row is not None and self._batch is not None:
                self._batch.add(row)
        except BaseException as error:
            failed(error)

    def _load(self, base: "Base") -> "Batch":
        if self._batch is None or self._batch.base.identity != base.identity:
            from .batch import Batch, check_device

            self._batch = None  # before the next base is read: two never stand in memory together
            gc.collect()
            self._batch = Batch(base, check_device(os.environ.get("VENIRE_DEVICE", "auto")))
        return self._batch


service = Service()
