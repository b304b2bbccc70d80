"""A survey's run: the stages in order, each skipped where its result is complete.

A stage's fingerprint is made of the fingerprint of the stage before it, the sections of the survey
that matter to it and its source code. Change any of them and this stage and all after it are done
again; change nothing and rerunning is resuming.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeVar

from minecover.engines.base import TileJob
from minecover.engines.engine import Engine
from minecover.engines.registry import ENGINES
from minecover.engines.report import Report, unreported
from minecover.errors import InvalidatedError, MinecoverError
from minecover.ledger.invalidation import invalidate_tiles, start_over
from minecover.ledger.leases import Lease
from minecover.ledger.markers import TileMarkers
from minecover.ledger.open_tiles import OpenTiles
from minecover.stages.registry import stages_of
from minecover.storage.canonical_json import Json
from minecover.storage.checksums import recording
from minecover.storage.cleanup import sweep
from minecover.survey import Survey
from minecover.workflow.fingerprints import StageFingerprint
from minecover.workflow.guard import Guard
from minecover.workflow.layout import Parts, Target, lay_out
from minecover.workflow.new_scenes import look_up_again
from minecover.workflow.progress import Facts, Progress
from minecover.workflow.stage import Stage, StageContext, Workspace
from minecover.workflow.steps import reported_steps
from minecover.workflow.store_owner import release_store, take_store
from minecover.workflow.tile_log import logging_tiles
from minecover.workflow.tiles import drive, reasons_of, refuse_bad_tiles
from minecover.workflow.waiting import run_exclusively

__all__ = ["Run", "run_survey"]

T = TypeVar("T")


@dataclass(frozen=True)
class Run(Workspace):
    """A survey at work on its store.

    Attributes
    ----------
    progress
        What is reported meanwhile.
    guard
        Decides what may begin.
    """

    progress: Progress
    guard: Guard = field(default_factory=Guard, repr=False, compare=False, kw_only=True)
    _reopened: set[str] = field(default_factory=set, repr=False, compare=False, kw_only=True)

    def until(
        self, last: str, *, again: bool = False, new_scenes: bool = False, latest: bool = False
    ) -> None:
        """Do every stage up to `last` whose result is not complete.

        Parameters
        ----------
        last
            Name of a stage.
        again
            Do `last` also where its result is complete.
        new_scenes
            Look the catalog up again, where that was done; what is made of the same stays.
        latest
            Look it up again for the latest period alone.
        """
        self.stage(last)
        for name in self.order.until(last):
            # a mistake in the points or in a file is named now, not when the cube is done
            for _ in self.stage(name).check(self):
                pass
        new = take_store(self)
        try:
            if again and not new:
                start_over(self.ledger, last, self.invalidation.order)
            if new_scenes or latest:
                look_up_again(self, self.survey.period_names[-1 if latest else 0 :])
            self.restart_if_invalidated(lambda: self._stages_until(last))
        except MinecoverError:
            if new:
                release_store(self)
            raise

    def restart_if_invalidated(self, work: Callable[[], T]) -> T:
        """Work, and begin again where what it builds on was invalidated meanwhile."""
        return self.invalidation.restart_if_invalidated(work, lambda: dict(self.fingerprints()))

    def _stages_until(self, last: str) -> None:
        working = False
        # one at a time: what a stage writes may go into the fingerprint of the next
        for stage, fingerprint in zip(self.stages, self.stage_fingerprints(), strict=True):
            if self.ledger.is_stage_done(stage.name, fingerprint.whole):
                self.progress.already_complete(stage.name)
            else:
                if not working:  # to find a finished run finished takes no walk through its store
                    sweep(self.store)
                working = True
                self._do(stage, fingerprint)
            if stage.name == last:
                return

    def _do(self, stage: Stage, fingerprint: StageFingerprint) -> None:
        def work(lease: Lease | None = None) -> None:
            start = time.perf_counter()
            with recording() as objects, self._reported(stage, lease) as report:
                facts = stage.work(self._context(stage, fingerprint, report))
            seconds = round(time.perf_counter() - start, 2)
            generation = self.invalidation.known[stage.name]
            figures: dict[str, Json] = {"facts": facts, "seconds": seconds, "objects": objects}
            if fingerprint.periods:
                figures["periods"] = dict(fingerprint.periods)
            self.ledger.finish_stage(stage.name, fingerprint.whole, generation, **figures)
            self._look_back(stage.name, fingerprint.whole)

        def alone(lease: Lease) -> None:
            known = self.ledger.stage(stage.name)
            if known is not None:
                # what the marker of other settings vouches for is about to be replaced
                self._end_readers(fingerprint, known.get("periods", {}))
                self.ledger.reopen_stage(stage.name)
            work(lease)

        self.guard.check_stage(self, stage.name)
        self.invalidation.check(stage.name)
        if stage.has_tiles(self.survey):
            work()
        else:
            self.progress.started(stage.name, None, 0)
            drivers = self.ledger.drivers(stage.name, self.survey.engine.lease)
            run_exclusively(
                drivers,
                "stage",
                lambda: self.ledger.is_stage_done(stage.name, fingerprint.whole),
                alone,
            )
        marker = self.ledger.stage(stage.name)
        if marker is None:  # invalidated again, whoever did the stage
            raise InvalidatedError(stage.name, self.store.url)
        self.progress.finished(stage.name, marker["facts"], marker["seconds"])

    def _end_readers(self, fingerprint: StageFingerprint, known: Mapping[str, str]) -> None:
        """End the stages that are made from what a stage replaces; `known`: of each period."""
        changed = fingerprint.changed(known)
        if known and fingerprint.periods and not changed:
            return  # all that is there stays, and more comes
        spared = self.spared_stages(changed) if known and fingerprint.periods else ()
        self.invalidation.replace(fingerprint.stage, fingerprint.whole, itself=False, spared=spared)

    def _reported(self, stage: Stage, lease: Lease | None) -> AbstractContextManager[Report]:
        """Show how far a stage is that one driver does; tiles report themselves."""
        if lease is None:
            return nullcontext(unreported)
        return reported_steps(stage.name, lease, self.progress)

    def _context(
        self, stage: Stage, fingerprint: StageFingerprint, report: Report = unreported
    ) -> StageContext:
        """Put together what a stage's work is given."""
        do_tiles = partial(self._do_tiles, stage, fingerprint)
        whole, periods = fingerprint.whole, fingerprint.periods
        return StageContext(self, stage.name, whole, do_tiles, report, periods)

    def _look_back(self, stage: str, fingerprint: str) -> None:
        """Raise where the marker that was just written is of what is invalidated.

        A driver that comes late opens tiles again that failed, and then looks whether the
        stage is done; this one marks it done and then looks at the tiles: one of the two always
        sees the other.
        """
        self.invalidation.check(stage)
        if stage in self.tile_stages:
            open_tiles = OpenTiles(self.tiles_of(stage))
            markers = self._markers(stage, fingerprint)
            open_tiles.read(markers, "done", "failed")
            if open_tiles.open_count:
                self._invalidate_tiles(markers, [tile.name for tile in open_tiles.open()])

    def _do_tiles(
        self, stage: Stage, fingerprint: StageFingerprint, target: Target, job: TileJob
    ) -> Facts:
        """Work on every tile that is not done; those that failed before are tried again.

        Raises
        ------
        DataError
            The data of tiles is bad, and the survey does not skip such tiles.
        """
        tiles = self.tiles_of(stage.name)
        markers = self._reopened_markers(self.laid_out(stage, fingerprint, target))
        open_tiles = OpenTiles(tiles)
        open_tiles.read(markers, "done")
        self.progress.started(stage.name, len(tiles), len(tiles) - open_tiles.open_count)
        while open_tiles.open_count:
            self.drive(ENGINES[stage.engine(self.survey)], job, markers, open_tiles)
            # the ledger has the last word: a tile may have been given to retry meanwhile
            open_tiles = OpenTiles(tiles)
            open_tiles.read(markers, "done", "failed")
        bad = markers.failed_tiles()
        reasons = reasons_of(markers, bad)
        if bad and (self.survey.engine.bad_tiles == "stop" or len(bad) == len(tiles)):
            refuse_bad_tiles(stage.name, reasons, len(bad))
        return {"tiles": len(tiles), "skipped": reasons}

    def laid_out(self, stage: Stage, fingerprint: StageFingerprint, target: Target) -> TileMarkers:
        """Lay the stage's raster out unless it is whole; return the markers of its tiles."""
        markers = self._markers(stage.name, fingerprint.whole)
        has_periods = stage.by_period or target.all_periods
        parts = Parts(
            len(self.tiles_of(stage.name)),
            fingerprint,
            tuple(self.survey.periods) if has_periods else (),
            self.spared_stages,
        )
        lay_out(self.survey, self.grid, self.invalidation, markers, target, parts)
        # its generation may be a later one now
        return self._markers(stage.name, fingerprint.whole)

    def _markers(self, stage: str, fingerprint: str) -> TileMarkers:
        return TileMarkers(self.store, stage, fingerprint, self.invalidation.known[stage])

    def _reopened_markers(self, markers: TileMarkers) -> TileMarkers:
        """Open the tiles again that failed before this run came to them, once a run."""
        if markers.stage in self._reopened:
            return markers
        self._reopened.add(markers.stage)
        bad = markers.failed_tiles()
        for tile in bad:
            markers.reopen(tile)
        if bad and self.ledger.is_stage_done(markers.stage, markers.fingerprint):
            # another driver ended the stage without them, and may be at the next
            self._invalidate_tiles(markers, bad)
        return markers

    def _invalidate_tiles(self, markers: TileMarkers, names: Sequence[str]) -> NoReturn:
        invalidate_tiles(markers, names, self.invalidation.order)
        raise InvalidatedError(markers.stage, self.store.url)

    def drive(
        self, engine: Engine, job: TileJob, markers: TileMarkers, open_tiles: OpenTiles
    ) -> None:
        """Work on every open tile and report each."""
        settings = self.survey.engine
        # whatever interrupts this: clusters are stopped and tiles given back now, not some day
        with closing(drive(engine, settings, job, markers, open_tiles, self.guard)) as outcomes:
            for outcome in outcomes:
                self.progress.tile(outcome)


def run_survey(
    survey: Survey,
    progress: Progress,
    last: str | None = None,
    *,
    again: bool = False,
    new_scenes: bool = False,
    latest: bool = False,
    guard: Guard | None = None,
    log: str | None = None,
) -> None:
    """Carry a survey out, up to a stage or to its end; what is complete is kept.

    Parameters
    ----------
    survey, progress
        What is wanted, and what is reported meanwhile.
    last
        Name of a stage; None: the survey's last.
    again
        Do the last stage also where its result is complete.
    new_scenes
        Take up what the catalog has more than was looked up.
    latest
        Take up what it has more of the latest period, and leave those before it as they are.
    guard
        Decides what may begin; None: everything.
    log
        File of a line for each tile; see `logging_tiles`.
    """
    stages = stages_of(survey)
    with logging_tiles(log):
        run = Run(survey, stages, progress, guard=guard or Guard())
        run.until(last or stages[-1].name, again=again, new_scenes=new_scenes, latest=latest)
