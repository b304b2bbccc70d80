"""One line of the results, and how it is measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from minecover.engines.compiled import compiled

__all__ = ["Aim", "Row", "in_turns", "on_two_threads", "show"]

Call = Callable[[], object]

TWO_THREADS = 1.8
_SPINS = 30_000_000


@dataclass(frozen=True)
class Aim:
    """What was aimed for, and whether it was reached."""

    text: str
    met: bool

    @classmethod
    def at_least(cls, least: float, reached: float, unit: str) -> Aim:
        """Aim for a rate or a ratio."""
        return cls(f"{least:,.4g} {unit}", reached >= least)


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    what, size, peer
        What was computed, on what, by whom.
    median_s
        Median time of one call in seconds.
    rate
        Millions of pixels a second; None where nothing is counted in pixels.
    ratio
        How many times faster than this peer ours is, by rate where sizes differ; for ours on two
        threads how many times faster than on one. None for ours.
    aim
        What was aimed for, if anything.
    note
        How it was run, and what bounds it.
    """

    what: str
    size: str
    peer: str
    median_s: float
    rate: float | None = None
    ratio: float | None = None
    aim: Aim | None = None
    note: str = ""


def in_turns(calls: Sequence[Call], repeats: int = 7) -> list[float]:
    """Median seconds of each call, run one after the other, `repeats` rounds after a warm-up."""
    for call in calls:
        call()
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


@compiled
def _spin(turns: int) -> float:
    value = 1.0
    for _ in range(turns):
        value = value * 0.999 + 0.5
    return value


def _spin_twice(threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(_spin, _SPINS) for _ in range(2)]:
            done.result()


def on_two_threads(
    what: str, size: str, one: Call, two: Call, millions: float | None, repeats: int = 7
) -> Row:
    """Measure two threads against one, in turns with what the machine itself allows.

    The ceiling is the gain of two threads over one in arithmetic that touches no memory: what
    other work on the machine, the hypervisor and the clock leave.
    """
    single, double, spin_one, spin_two = in_turns(
        [one, two, lambda: _spin_twice(1), lambda: _spin_twice(2)], repeats
    )
    ratio, ceiling = single / double, spin_one / spin_two
    note = (
        f"one thread in the same turns: {single:.4g} s; the machine's own ceiling: "
        f"{ceiling:.2f} x, of which this is {ratio / ceiling:.0%}"
    )
    return Row(
        what, size, "minecover, 2 threads", double, millions and millions / double, ratio,
        Aim.at_least(TWO_THREADS, ratio, "x one thread"), note,
    )  # fmt: skip


def show(rows: Sequence[Row]) -> None:
    """Print rows, one a line."""
    for row in rows:
        rate = "" if row.rate is None else f"{row.rate:.4g} Mpx/s"
        ratio = "" if row.ratio is None else f"x {row.ratio:.4g}"
        aim = "" if row.aim is None else f"{row.aim.text} {'met' if row.aim.met else 'MISSED'}"
        print(
            f"{row.what:28} {row.size:20} {row.peer:26} {row.median_s:10.4g} s "
            f"{rate:14} {ratio:10} {aim:22} {row.note}",
            flush=True,
        )
