"""What every fault needs: a fresh store, the undisturbed run to compare with, and the books.

Runs are processes of their own, forked from this one, which itself never touches a store: the
threads of the storage library would not survive in a child.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from chaos.tallies import Tally
from minecover.errors import MinecoverError
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from services.kill_points import Countdown
from services.runs import differing, forked, rasters

ROWS, COLUMNS = 3, 3
SECONDS = 0.01
"""Of the stubbed kernel of a tile."""


def drive(store: Path | str) -> int:
    """Run the stubbed stages; the exit code of the command line."""
    try:
        survey = tile_survey(str(store), ROWS, COLUMNS)
        Run(survey, number_stages(seconds=SECONDS), Silent()).until("features")
    except MinecoverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


class Bench:
    """The undisturbed run, and what became of the disturbed ones.

    Parameters
    ----------
    folder
        Empty; holds every store.
    seed
        Of all choices.
    deadline
        Of `time.monotonic`, after which no fault is begun.
    """

    def __init__(self, folder: Path, seed: int, deadline: float) -> None:
        self.folder, self.rng, self.deadline = folder, random.Random(seed), deadline
        self.seed = seed
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        begun = time.monotonic()
        assert forked(partial(drive, folder / "reference")) == 0
        self.undisturbed = time.monotonic() - begun
        self.expected = rasters(folder / "reference")
        files = [path for path in (folder / "reference").rglob("*") if path.is_file()]
        self.pages = sum(-(-path.stat().st_size // 4096) for path in files)
        self.points = self._count_writes()

    def _count_writes(self) -> int:
        told = self.folder / "told"

        def count() -> int:
            countdown = Countdown(0, after=False)
            drive(self.folder / "counted")
            told.write_text(str(countdown.count))
            return 0

        assert forked(count) == 0
        return int(told.read_text())

    def fresh(self) -> Path:
        """Place of a store that is not there yet."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return self.folder / "store"

    def note(self, kind: str, since: float, same: bool, faults: int = 1, told: str = "") -> None:
        """Count faults: seconds from the last to the end of the run that followed."""
        tally = self.tallies[kind]
        tally.faults += faults
        tally.differences += not same
        tally.stall = max(tally.stall, time.monotonic() - since)
        if not same:
            tally.notes.append(told)

    def lack(self, kind: str, reason: str) -> None:
        """Tell why a kind is not injected here."""
        self.tallies[kind].notes = [f"not injected: {reason}"]

    def wrong(self, store: Path) -> list[str]:
        """Objects of a store that are not those of the undisturbed run."""
        return differing(rasters(store), self.expected)

    def resumed(self, kind: str, store: Path, told: str, faults: int = 1) -> None:
        """Run to the end and compare."""
        since = time.monotonic()
        code = forked(partial(drive, store))
        wrong = self.wrong(store)
        same = code == 0 and not wrong
        self.note(kind, since, same, faults, f"{told}, then {code}; {wrong}")

    @property
    def faults(self) -> int:
        """Injected so far."""
        return sum(tally.faults for tally in self.tallies.values())
