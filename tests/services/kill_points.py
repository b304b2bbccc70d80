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
from itertools import product
from pathlib import Path
from typing import Any

import obstore

from minecover.run import Run
from minecover.testing.stages import Silent, number_stages, tile_survey
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
    Run(tile_survey(str(store), 1, 2), Silent(), number_stages(version)).until("features")
    return 0


def writes(store: Path, told: Path) -> int:
    countdown = Countdown(0, after=False)
    drive(store)
    told.write_text(str(countdown.count))
    return 0


def disturbed(store: Path, n: int, after: bool) -> int:
    Countdown(n, after)
    return drive(store)


def main(folder: Path, before: str) -> None:
    """`before`: settings of a run that was there before, or nothing."""

    origin = folder / "before"
    if before:
        assert forked(partial(drive, origin, before)) == 0

    def fresh(name: str) -> Path:
        store = folder / name
        shutil.rmtree(store, ignore_errors=True)
        if before:
            shutil.copytree(origin, store)
        return store

    reference, told = fresh("reference"), folder / "told"
    assert forked(partial(writes, reference, told)) == 0
    expected, points = rasters(reference), int(told.read_text())
    store, wrong = folder / "disturbed", []
    for n, after in product(range(1, points + 1), (False, True)):
        fresh(store.name)
        killed = forked(partial(disturbed, store, n, after))
        resumed = forked(partial(drive, store))
        if killed != -signal.SIGKILL or resumed != 0 or rasters(store) != expected:
            wrong.append([n, after, killed, resumed])
    print(json.dumps({"points": points, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
