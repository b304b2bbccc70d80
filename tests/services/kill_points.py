"""Kill a run at every point where it writes, run again, and compare with an undisturbed run.

This process only forks: the object store's threads would not survive it in a child.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import obstore

from minecover.sources.registry import SOURCES
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.runs import forked, rasters


class Countdown:
    """Ends the process at the n-th write, before it or just after it; counts where n is 0."""

    def __init__(self, n: int, after: bool) -> None:
        self.n, self.after, self.count = n, after, 0
        for name in ("put", "delete"):
            setattr(obstore, name, self.counting(getattr(obstore, name)))
        for name in ("put_async", "delete_async"):
            setattr(obstore, name, self.counting_async(getattr(obstore, name)))

    def begin(self) -> int:
        """Number of the write that begins now; writes of one raster run side by side."""
        self.count += 1
        self.strike(self.count, after=False)
        return self.count

    def strike(self, number: int, *, after: bool) -> None:
        if number == self.n and after == self.after:
            os.kill(os.getpid(), signal.SIGKILL)

    def counting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            number = self.begin()
            try:
                return call(*args, **kwargs)
            finally:
                self.strike(number, after=True)

        return counted

    def counting_async(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            number = self.begin()
            try:
                return await call(*args, **kwargs)
            finally:
                self.strike(number, after=True)

        return counted


def drive(store: Path, version: str = "A") -> int:
    Run(tile_survey(str(store), 1, 2), number_stages(version), Silent()).until("features")
    return 0


def writes(store: Path, told: Path) -> int:
    countdown = Countdown(0, after=False)
    drive(store)
    told.write_text(str(countdown.count))
    return 0


def disturbed(store: Path, n: int, after: bool) -> int:
    Countdown(n, after)
    return drive(store)


def fresh(store: Path, origin: Path) -> Path:
    """Have in a folder what a run before left, or nothing."""
    shutil.rmtree(store, ignore_errors=True)
    if origin.exists():
        shutil.copytree(origin, store)
    return store


def killed_at(folder: Path, point: tuple[int, bool]) -> tuple[int, int, dict[str, bytes]]:
    """Kill a run at a write and run again: both exit codes, and what stands at the end."""
    store = fresh(folder / f"disturbed-{os.getpid()}", folder / "before")
    killed = forked(partial(disturbed, store, *point))
    return killed, forked(partial(drive, store)), rasters(store)


def main(folder: Path, before: str) -> None:
    """`before`: settings of a run that was there before, or nothing."""
    list(SOURCES)  # imported and found once, not by every child
    version("minecover")
    survey_grid(tile_survey("unused", 1, 2))
    origin = folder / "before"
    if before:
        assert forked(partial(drive, origin, before)) == 0
    reference, told = fresh(folder / "reference", origin), folder / "told"
    assert forked(partial(writes, reference, told)) == 0
    count = int(told.read_text())
    # what stands after a write stands before the next
    points = [*((n, False) for n in range(1, count + 1)), (count, True)]
    expected = (-signal.SIGKILL, 0, rasters(reference))
    with get_context("fork").Pool(os.cpu_count()) as pool:
        found = pool.map(partial(killed_at, folder), points, chunksize=4)
    wrong = [
        (*point, *one[:2]) for point, one in zip(points, found, strict=True) if one != expected
    ]
    print(json.dumps({"points": count, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
