"""A survey's run: the stages in order, each skipped where its result stands.

A stage's fingerprint is made of the fingerprint of the stage before it, the sections of the survey
that matter to it and its source code. Change any of them and this stage and all after it are done
again; change nothing and rerunning is resuming.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeVar

from minecover.engines.base import TileJob
from minecover.engines.engine import Engine
from minecover.engines.registry import ENGINES
from minecover.errors import MinecoverError, WithdrawnError
from minecover.ledger.invalidation import start_over, withdraw_tiles
from minecover.ledger.leases import Lease
from minecover.ledger.markers import TileMarkers
from minecover.ledger.open_tiles import OpenTiles
from minecover.storage.cleanup import sweep
from minecover.workflow.guard import Guard
from minecover.workflow.layout import Target, lay_out
from minecover.workflow.progress import Facts, Progress
from minecover.workflow.stage import Stage, StageContext, Workspace
from minecover.workflow.store_owner import release_store, take_store
from minecover.workflow.tiles import drive, reasons_of, refuse_bad_tiles
from minecover.workflow.waiting import run_exclusively

__all__ = ["Run"]

T = TypeVar("T")


@dataclass(frozen=True)
class Run(Workspace):
    """A survey at work on its store.

    Attributes
    ----------
    progress
        Is told what goes on.
    guard
        Decides what may begin.
    """

    progress: Progress
    guard: Guard = field(default_factory=Guard, repr=False, compare=False, kw_only=True)
    _reopened: set[str] = field(default_factory=set, repr=False, compare=False, kw_only=True)

    def until(self, last: str, *, again: bool = False) -> None:
        """Do every stage up to `last` whose result does not stand.

        Parameters
        ----------
        last
            Name of a stage.
        again
            Do `last` also where its result stands.
        """
        for stage in self.stages[: self.order.index(last) + 1]:
            # a mistake in the points or in a file is named now, not when the cube is done
            for _ in stage.check(self):
                pass
        new = take_store(self)
        try:
            if again and not new:
                start_over(self.ledger, last, self.invalidation.order)
            self.restart_if_invalidated(lambda: self._stages_until(last))
        except MinecoverError:
            if new:
                release_store(self)
            raise

    def restart_if_invalidated(self, work: Callable[[], T]) -> T:
        """Work, and begin again where what it stands on was withdrawn meanwhile."""
        return self.invalidation.restart_if_invalidated(work, lambda: dict(self.fingerprints()))

    def _stages_until(self, last: str) -> None:
        working = False
        # one at a time: what a stage writes may go into the fingerprint of the next
        for stage, (_, mark) in zip(self.stages, self.fingerprints(), strict=True):
            if self.ledger.is_stage_done(stage.name, mark):
                self.progress.skipped(stage.name)
            else:
                if not working:  # to find a finished run finished takes no walk through its store
                    sweep(self.store)
                working = True
                self._do(stage, mark)
            if stage.name == last:
                return

    def _do(self, stage: Stage, mark: str) -> None:
        def work() -> None:
            start = time.perf_counter()
            facts = stage.work(self._context(stage, mark))
            seconds = round(time.perf_counter() - start, 2)
            edition = self.invalidation.known[stage.name]
            self.ledger.finish_stage(stage.name, mark, edition, facts=facts, seconds=seconds)
            self._look_back(stage.name, mark)

        def alone(claim: Lease) -> None:
            del claim
            if self.ledger.stage(stage.name) is not None:
                # what the marker of other settings speaks of is about to be replaced
                self.invalidation.replace(stage.name, mark, itself=False)
                self.ledger.withdraw_stage(stage.name)
            work()

        self.guard.before(self, stage.name)
        self.invalidation.check(stage.name)
        if stage.has_tiles(self.survey):
            work()
        else:
            self.progress.started(stage.name, None, 0)
            drivers = self.ledger.drivers(stage.name, self.survey.engine.lease)
            run_exclusively(
                drivers, "stage", lambda: self.ledger.is_stage_done(stage.name, mark), alone
            )
        marker = self.ledger.stage(stage.name)
        if marker is None:  # withdrawn again, whoever did the stage
            raise WithdrawnError(stage.name, self.store.url)
        self.progress.finished(stage.name, marker["facts"], marker["seconds"])

    def _context(self, stage: Stage, mark: str) -> StageContext:
        """Put together what a stage's work is given."""
        return StageContext(self, stage.name, mark, partial(self._do_tiles, stage, mark))

    def _look_back(self, stage: str, mark: str) -> None:
        """Raise where the marker that was just written speaks of what is withdrawn.

        A driver that comes late opens tiles again that were set aside, and then looks whether the
        stage is done; this one marks it done and then looks at the tiles: one of the two always
        sees the other.
        """
        self.invalidation.check(stage)
        if stage in self.tile_stages:
            open_tiles = OpenTiles(self.grid.tiles)
            marks = self._marks(stage, mark)
            open_tiles.read(marks, "done", "failed")
            if open_tiles.open_count:
                self._withdraw_tiles(marks, [tile.name for tile in open_tiles.open()])

    def _do_tiles(self, stage: Stage, mark: str, target: Target, job: TileJob) -> Facts:
        """Work on every tile that is not done; those set aside before are tried again.

        Raises
        ------
        DataError
            Tiles were set aside for their data and the survey does not skip such tiles.
        """
        tiles = self.grid.tiles
        marks = self._reopened_marks(self.laid_out(stage.name, mark, target))
        open_tiles = OpenTiles(tiles)
        open_tiles.read(marks, "done")
        self.progress.started(stage.name, len(tiles), len(tiles) - open_tiles.open_count)
        while open_tiles.open_count:
            self.drive(ENGINES[stage.engine(self.survey)], job, marks, open_tiles)
            # the ledger has the last word: a tile may have been given to retry meanwhile
            open_tiles = OpenTiles(tiles)
            open_tiles.read(marks, "done", "failed")
        bad = marks.bad_tiles()
        reasons = reasons_of(marks, bad)
        if bad and (self.survey.engine.bad_tiles == "stop" or len(bad) == len(tiles)):
            refuse_bad_tiles(stage.name, reasons, len(bad))
        return {"tiles": len(tiles), "set_aside": reasons}

    def laid_out(self, stage: str, mark: str, target: Target) -> TileMarkers:
        """Lay the stage's raster out unless it stands; return the marks of its tiles."""
        lay_out(self.survey, self.grid, self.invalidation, self._marks(stage, mark), target)
        return self._marks(stage, mark)

    def _marks(self, stage: str, mark: str) -> TileMarkers:
        return TileMarkers(self.store, stage, mark, self.invalidation.known[stage])

    def _reopened_marks(self, marks: TileMarkers) -> TileMarkers:
        """Open the tiles again that were set aside before this run came to them, once a run."""
        if marks.stage in self._reopened:
            return marks
        self._reopened.add(marks.stage)
        bad = marks.bad_tiles()
        for tile in bad:
            marks.reopen(tile)
        if bad and self.ledger.is_stage_done(marks.stage, marks.mark):
            # another driver ended the stage without them, and may be at the next
            self._withdraw_tiles(marks, bad)
        return marks

    def _withdraw_tiles(self, marks: TileMarkers, names: Sequence[str]) -> NoReturn:
        withdraw_tiles(marks, names, self.invalidation.order)
        raise WithdrawnError(marks.stage, self.store.url)

    def drive(
        self, engine: Engine, job: TileJob, marks: TileMarkers, open_tiles: OpenTiles
    ) -> None:
        """Work on every open tile and tell of each."""
        for outcome in drive(engine, self.survey.engine, job, marks, open_tiles, self.guard):
            self.progress.tile(outcome)
