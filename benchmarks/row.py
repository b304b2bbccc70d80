"""One line of the results table, and how it is measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Row", "in_turns", "show"]


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
        Millions of pixels (or of what `size` counts) a second.
    ratio
        How many times faster than this peer ours is, at the same size or by rate; 1 for ours, and
        for ours on several threads how many times faster than on one.
    aim
        What was aimed for; empty where nothing was.
    note
        What bounds it, how it was run.
    """

    what: str
    size: str
    peer: str
    median_s: float
    rate: float
    ratio: float
    aim: str = ""
    note: str = ""


def in_turns(calls: Sequence[Callable[[], object]], repeats: int = 7) -> list[float]:
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


def show(rows: Sequence[Row]) -> None:
    """Print rows as they go into the results."""
    for row in rows:
        print(
            f"{row.what:34} {row.size:20} {row.peer:26} {row.median_s:10.4g} s "
            f"{row.rate:10.4g} M/s  x{row.ratio:<9.4g} {row.aim:18} {row.note}"
        )
