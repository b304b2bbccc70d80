"""What became of a mutated document: a success, a message, or a defect."""

from __future__ import annotations

import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from minecover.errors import MinecoverError

__all__ = ["Outcomes"]

SECONDS = 20
"""Of the processor, after which a document is endless."""

WAITING = 600
"""Seconds after which one is that only waits, on a machine that has other work, too."""

GROWTH = 300 * 2**10
"""KiB that the process may grow by for one document."""


TIMERS = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
"""Timers, and the signals that they send."""


class Endless(BaseException):
    """A document takes longer than `SECONDS`; no handler for errors catches it."""


_at_work = False


def _give_up(*_: object) -> None:
    if _at_work:  # what is found is judged in peace
        raise Endless


def _limited(work: Callable[[], object]) -> None:
    global _at_work
    _at_work = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
    finally:
        _at_work = False


@dataclass
class Outcomes:
    """Counts of outcomes, and the defects by their kind, each with its first document."""

    counts: Counter[str] = field(default_factory=Counter)
    defects: dict[str, list[str]] = field(default_factory=dict)
    longest: float = 0.0

    def __iadd__(self, other: Outcomes) -> Outcomes:
        self.counts += other.counts
        for kind, cases in other.defects.items():
            self.defects.setdefault(kind, []).extend(cases)
        self.longest = max(self.longest, other.longest)
        return self

    def judge(self, where: str, change: str, work: Callable[[], object]) -> None:
        """Run on one mutated document."""
        begun, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = {number: signal.signal(number, _give_up) for number in TIMERS.values()}
        # again and again: a library may swallow what is raised in one of its callbacks
        limits = {signal.ITIMER_PROF: SECONDS, signal.ITIMER_REAL: WAITING}
        set_before = {timer: signal.setitimer(timer, limits[timer], 1) for timer in TIMERS}
        try:
            _limited(work)
            self.counts["accepted"] += 1
        except MinecoverError as error:
            self.counts["refused"] += 1
            if error.exit_code not in (2, 75):
                self._defect(f"exit code {error.exit_code}", where, change, error)
            elif not str(error).strip() or len(str(error)) > 4000:
                self._defect(f"a message of {len(str(error))} characters", where, change, error)
        except (Exception, Endless) as error:
            self._defect(_kind(error), where, change, error)
        finally:
            for timer, (left, interval) in set_before.items():
                signal.setitimer(timer, left, interval)
            for number, handler in before.items():
                signal.signal(number, handler)
        self.longest = max(self.longest, time.monotonic() - begun)
        if (grown := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) > GROWTH:
            self._defect(f"{where} takes memory", where, f"{change} {grown >> 10} MiB", None)

    def _defect(self, kind: str, where: str, change: str, error: BaseException | None) -> None:
        self.counts["defects"] += 1
        self.defects.setdefault(kind, []).append(f"{where}: {change}: {error!r:.300}")


def _kind(error: BaseException) -> str:
    """Type of an exception, and the last line of the package that it went through."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/minecover/" in frame.filename
    ]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    place = last.filename.rpartition("/minecover/")[2]
    return f"{type(error).__name__} at {place}:{last.lineno} {last.name}"
