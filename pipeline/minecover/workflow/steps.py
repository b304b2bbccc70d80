"""The report of a stage without tiles: shown by this run, and in the ledger for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from minecover.engines.report import Report
from minecover.ledger.leases import Lease
from minecover.ledger.steps import Step, StepWriter
from minecover.workflow.progress import Progress

__all__ = ["StageSteps", "reported_steps"]


@dataclass
class StageSteps:
    """Tells the time left of what a stage reports, and passes it on.

    Attributes
    ----------
    show
        Is given every step.
    clock
        Seconds.
    """

    show: Callable[[Step], None]
    clock: Callable[[], float] = time.monotonic
    _what: str = ""
    _first: int = 0
    _began: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, done: int, of: int, what: str, note: str = "") -> None:
        """See `minecover.engines.report.Report`."""
        with self._lock:
            now = self.clock()
            if what != self._what or done < self._first:
                self._what, self._first, self._began = what, done, now
            here = done - self._first
            left = (of - done) * (now - self._began) / here if here else None
            self.show(Step(done, of, what, note, left))


@contextmanager
def reported_steps(stage: str, lease: Lease, progress: Progress) -> Iterator[Report]:
    """Show what a stage reports inside the block, and keep the latest in the ledger."""
    writer = StepWriter(lease.leases.store, stage, lease.token)

    def show(step: Step) -> None:
        writer.latest = step
        progress.step(stage, step)

    with writer.writing():
        yield StageSteps(show)
