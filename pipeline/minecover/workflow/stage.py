"""What a stage is, and the workspace that stages read and write.

A workspace is a survey with its store, grid and ledger. A stage's fingerprint is made of the
fingerprint of the stage before it, what of the survey matters to it, and its code: change any of
them and this stage and all after it are done again; change nothing and rerunning is resuming. Where
a survey names periods, each has fingerprints of its own; see `minecover.workflow.fingerprints`.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from minecover.engines.base import TileJob
from minecover.engines.report import Report, unreported
from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Tiles
from minecover.ledger.invalidation import Invalidation
from minecover.ledger.markers import Ledger
from minecover.ledger.stage_order import Reach, StageOrder
from minecover.settings import Section
from minecover.storage.canonical_json import Json
from minecover.storage.fingerprint import code_version, fingerprint, home_of, module_version
from minecover.storage.names import EARLIER_MANIFEST_FILE, MANIFEST_FILE, manifest_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.cost import StageCost
from minecover.workflow.fingerprints import StageFingerprint
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts

__all__ = ["Remark", "Stage", "StageContext", "Workspace"]


def _no_lines(workspace: Workspace) -> Iterator[str]:
    """Check nothing."""
    del workspace
    return iter(())


def _no_modules(survey: Survey) -> tuple[str, ...]:
    """Use no module of another package."""
    del survey
    return ()


def _whole(survey: Survey) -> bool:
    """Work on no tiles."""
    del survey
    return False


def _always(survey: Survey) -> bool:
    """Have a pod in every survey."""
    del survey
    return True


def _every_period(workspace: Workspace) -> tuple[str, ...]:
    """Read what every period of the survey holds."""
    return workspace.survey.period_names


def _engine_of_tiles(survey: Survey) -> str:
    return survey.engine.tiles


class Remark(str):
    """A line of a check about what does not stop a run, but is worth a look."""

    __slots__ = ()


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    Attributes
    ----------
    name
        Also the command's name.
    purpose
        What it does, in a few words, for `--help`.
    depends_on
        What of the survey its result depends on, beyond the stages before it.
    work
        Does it; returns figures for the ledger and the report.
    code
        Modules and packages of minecover whose code its result depends on, as paths in the package.
    modules
        Modules of other packages that a survey brings into it: a source or a model from elsewhere.
    has_tiles
        Whether a survey works on it tile by tile.
    engine
        Name of the engine on which its tiles are worked on; unless it says otherwise that of
        `engine.tiles`.
    reach
        Tiles of this stage that are done again with a tile of a stage before it: `neighbours`,
        where a tile is made from the same place and a halo around it, or `everything`.
    writes
        Names in the store of what it writes for every pixel of the area.
    check
        Looks at what the stage will need before a run begins; yields a line for each thing that
        is right, a `Remark` for one that is worth a look, and raises what is wrong.
    after
        Of a stage from another package: the stage that it follows.
    settings
        Of a stage from another package: its section of the survey, under `stages.NAME`.
    cost
        How its work grows with the survey; None: nobody knows, and the plan says so.
    own_pod
        Whether it is a Job of its own on Kubernetes in a survey; one that takes seconds there is
        left to the next.
    by_period
        Whether it works on each period of a survey by itself: a tile is then one of a period, and
        `depends_on` is given one period after the other. Else it is done once, and its tiles, where
        it has any, are of all periods.
    reads_first_period
        Of a stage by period: whether what it makes of any of them depends on the first, too.
    periods_read
        Of any other stage: names of the periods that it is made from.
    """

    name: str
    purpose: str
    depends_on: Callable[[Workspace], Json]
    work: Callable[[StageContext], Facts]
    code: tuple[str, ...] = ()
    modules: Callable[[Survey], tuple[str, ...]] = _no_modules
    has_tiles: Callable[[Survey], bool] = _whole
    engine: Callable[[Survey], str] = _engine_of_tiles
    reach: Reach = "everything"
    writes: tuple[str, ...] = ()
    check: Callable[[Workspace], Iterator[str]] = _no_lines
    after: str | None = None
    settings: type[Section] | None = None
    cost: StageCost | None = None
    own_pod: Callable[[Survey], bool] = _always
    by_period: bool = False
    reads_first_period: bool = False
    periods_read: Callable[[Workspace], tuple[str, ...]] = _every_period

    def other_modules(self, survey: Survey) -> tuple[str, ...]:
        """Name the modules of other packages that the stage uses, its own among them."""
        work = home_of(self.work)
        own = work.partition(".")[0] == "minecover"
        return (*self.modules(survey), *(() if own else (work,)))

    def version(self, survey: Survey) -> list[str]:
        """Versions of all code that the stage's result depends on."""
        return [code_version(*self.code), *map(module_version, self.other_modules(survey))]


@dataclass(frozen=True)
class Workspace:
    """A survey with its store, grid and ledger.

    Attributes
    ----------
    survey
        What is wanted.
    stages
        In the order in which they run.
    manifest
        Name in the store of the items of a survey of one period.
    period
        Of which its survey is, where that is one of several; see `in_period`.
    earlier
        Periods of which the items count that were there before new scenes were taken up.
    """

    survey: Survey
    stages: Sequence[Stage] = field(repr=False)
    manifest: str = field(default=MANIFEST_FILE, kw_only=True)
    period: str = field(default="", kw_only=True)
    earlier: frozenset[str] = field(default=frozenset(), kw_only=True)

    @cached_property
    def store(self) -> Store:
        """The survey's store."""
        return Store(self.survey.store)

    @cached_property
    def grid(self) -> Grid:
        """The survey's grid."""
        return survey_grid(self.survey)

    @cached_property
    def ledger(self) -> Ledger:
        """What is done."""
        return Ledger(self.store)

    @cached_property
    def invalidation(self) -> Invalidation:
        """What is known of others who replace what this run builds on."""
        invalidation = Invalidation(self.ledger, self.order)
        invalidation.refresh()
        return invalidation

    @property
    def order(self) -> StageOrder:
        """Names of the stages in order, and how far a tile reaches into each."""
        return StageOrder({stage.name: stage.reach for stage in self.stages})

    @property
    def tile_stages(self) -> tuple[str, ...]:
        """Names of the stages that the survey works on tile by tile."""
        return tuple(stage.name for stage in self.stages if stage.has_tiles(self.survey))

    def stage(self, name: str) -> Stage:
        """Find a stage by its name.

        Raises
        ------
        SurveyError
            There is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise SurveyError(
            f"this survey has no stage {name!r}; it has {', '.join(self.order.names)}"
        )

    def in_period(self, period: str) -> Workspace:
        """Give the workspace of one period alone, as if the survey had no other.

        `period`: its name; empty, where the survey names none.
        """
        file = EARLIER_MANIFEST_FILE if period in self.earlier else MANIFEST_FILE
        survey, manifest = self.survey.in_period(period), manifest_of(period, file)
        part = Workspace(survey, self.stages, manifest=manifest, period=period)
        vars(part)["grid"] = self.grid  # one grid for all
        return part

    def tiles_of(self, stage: str) -> Tiles:
        """Tiles that a stage works on: those of its grid, in each period where it tells them apart.

        See `Stage.by_period`.
        """
        periods = tuple(self.survey.periods)
        by_period = bool(periods) and self.stage(stage).by_period
        return self.grid.tiles.in_periods(periods) if by_period else self.grid.tiles

    def fingerprint(self, name: str) -> str:
        """Fingerprint of a stage: everything its result depends on."""
        return self.stage_fingerprint(name).whole

    def stage_fingerprint(self, name: str) -> StageFingerprint:
        """Fingerprint of a stage, and of what it makes of each period."""
        self.stage(name)
        return next(found for found in self.stage_fingerprints() if found.stage == name)

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Fingerprint of one stage after the other."""
        return ((found.stage, found.whole) for found in self.stage_fingerprints())

    def stage_fingerprints(self) -> Iterator[StageFingerprint]:
        """Give one stage after the other: what a stage writes may go into the next fingerprint."""
        version = importlib.metadata.version("minecover")
        if self.survey.periods:
            yield from self._by_period(version)
            return
        last, part = version, self.in_period("") if self.earlier else self
        for stage in self.stages:
            code = stage.version(self.survey)
            last = fingerprint(last, stage.name, stage.depends_on(part), code)
            yield StageFingerprint(stage.name, last)

    def _by_period(self, version: str) -> Iterator[StageFingerprint]:
        parts = {name: self.in_period(name) for name in self.survey.periods}
        first = self.survey.period_names[0]
        own, model = dict.fromkeys(parts, version), version
        for stage in self.stages:
            code = stage.version(self.survey)
            if stage.by_period:
                common = [model, own[first]] if stage.reads_first_period else [model]
                own = {
                    name: fingerprint(own[name], *common, stage.name, stage.depends_on(part), code)
                    for name, part in parts.items()
                }
                yield StageFingerprint(stage.name, fingerprint(list(own.items())), own)
            else:
                read = [own[name] for name in stage.periods_read(self)]
                model = fingerprint(model, read, stage.name, stage.depends_on(self), code)
                yield StageFingerprint(stage.name, model)

    def spared_stages(self, changed: Collection[str]) -> frozenset[str]:
        """Name the stages that are made of none of the periods that changed."""
        spared = set()
        for stage in self.stages:
            if stage.by_period:
                continue
            if not set(changed).isdisjoint(stage.periods_read(self)):
                break  # what follows is made from it
            spared.add(stage.name)
        return frozenset(spared)

    def facts(self) -> dict[str, Facts]:
        """Figures and seconds of every finished stage, for the report."""
        markers = {stage.name: self.ledger.stage(stage.name) for stage in self.stages}
        return {name: marker for name, marker in markers.items() if marker is not None}


@dataclass(frozen=True)
class StageContext:
    """What a stage's work is given.

    Attributes
    ----------
    workspace
        The survey with its store, grid and ledger.
    stage, fingerprint
        The stage's name, and everything its result depends on.
    periods
        The same for each period by itself; empty: the stage does not tell them apart.
    do_tiles
        Works on every tile that is not done: lays the raster out, runs the job on the stage's
        engine, and returns the figures of the stage.
    report
        Is told how far a stage without tiles is.
    """

    workspace: Workspace
    stage: str
    fingerprint: str
    do_tiles: Callable[[Target, TileJob], Facts]
    report: Report = unreported
    periods: Mapping[str, str] = field(default_factory=dict)
