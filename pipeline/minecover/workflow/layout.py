"""Lay the rasters of a stage out, once, whoever else is at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from minecover.errors import TryAgainError
from minecover.geography.grid import Grid
from minecover.ledger.invalidation import Invalidation, start_over
from minecover.ledger.leases import Lease
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.open_tiles import tile_of
from minecover.storage.checksums import objects_of, recording
from minecover.storage.raster_array import RasterArray
from minecover.survey import Survey
from minecover.workflow.fingerprints import StageFingerprint
from minecover.workflow.waiting import pause, run_exclusively

__all__ = ["Kept", "Parts", "Target", "lay_out"]

AT_ONCE = 16
"""Markers that are copied at once: a bucket takes its time for each."""


@dataclass(frozen=True)
class Kept:
    """Tiles that stay as they are where a stage's fingerprint is another than theirs.

    Attributes
    ----------
    before
        Fingerprint under which they were done, by period; of a survey that names none by the empty
        name that of the stage.
    tiles
        Gives their names; asked only where the raster is of that fingerprint.
    """

    before: Mapping[str, str]
    tiles: Callable[[], Collection[str]]


@dataclass(frozen=True)
class Parts:
    """What of a stage's raster is told apart.

    Attributes
    ----------
    tiles
        How many there are, over all periods.
    fingerprint
        Of the stage, and of its periods where it works on each by itself.
    periods
        Names of the periods that its raster holds; none: the survey names none.
    spared
        Names the stages that are made of none of some periods.
    """

    tiles: int
    fingerprint: StageFingerprint
    periods: tuple[str, ...] = ()
    spared: Callable[[Collection[str]], Collection[str]] = frozenset


@dataclass(frozen=True)
class Target:
    """A raster that a tile stage writes.

    Attributes
    ----------
    name, arrays, attributes
        Of the raster.
    beside
        Others that are laid out with it.
    kept
        Tiles that need not be done again; None: all are.
    all_periods
        Of a stage that does not work period by period: whether its tiles write all periods.
    """

    name: str
    arrays: tuple[RasterArray, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Target, ...] = ()
    kept: Kept | None = None
    all_periods: bool = False


@dataclass(frozen=True)
class _Standing:
    """Tiles that stay.

    Attributes
    ----------
    before
        Fingerprint of the raster as it was.
    periods
        Fingerprint of each period then.
    stays
        Tells by its name whether a tile stays.
    """

    before: str
    periods: Mapping[str, str]
    stays: Callable[[str], bool]


def lay_out(
    survey: Survey,
    grid: Grid,
    invalidation: Invalidation,
    markers: TileMarkers,
    target: Target,
    parts: Parts,
) -> None:
    """Lay a stage's rasters out unless they are whole and of this fingerprint.

    One driver does so and others wait. Markers of tiles that were written into the rasters that
    were there before are deleted with them, and so is the stage's own: going back to earlier
    settings must not find them. What reads the old rasters now is over. Where tiles are kept, the
    rasters stay, and of the markers those of these tiles. Periods that come after those that are
    there are added to the rasters; where nothing else changes, no stage is over that reads the
    others.

    Raises
    ------
    TryAgainError
        This driver was away for longer than its lease, and another laid them out meanwhile.
    """
    layout = _Layout(survey, grid, invalidation, markers, target, parts)
    drivers = invalidation.ledger.drivers(markers.stage, survey.engine.lease)
    run_exclusively(drivers, "layout", layout.is_done, layout.lay)


@dataclass(frozen=True)
class _Layout:
    """The rasters of a stage, as one driver lays them out."""

    survey: Survey
    grid: Grid
    invalidation: Invalidation
    markers: TileMarkers
    target: Target
    parts: Parts

    @property
    def targets(self) -> tuple[Target, ...]:
        """All rasters."""
        return (self.target, *self.target.beside)

    def is_done(self) -> bool:
        """Tell whether all rasters are whole and of this fingerprint."""
        laid = self.invalidation.ledger.is_laid(self.markers.stage, self.markers.fingerprint)
        return laid and all(self._is_raster(target) for target in self.targets)

    def lay(self, lease: Lease) -> None:
        """Lay the rasters out under a lease."""
        ledger, stage = self.invalidation.ledger, self.markers.stage
        lay = partial(ledger.lay, stage, self.markers.fingerprint, self.parts.tiles)
        standing, known = self._standing(), ledger.layout(stage)
        if known is not None:
            self._end_readers(known, standing)
        kept = known if standing is not None else None
        objects = objects_of(kept or {}, f"{ledger.store.url}: {stage}") or {}
        if standing is None:
            lay(laid=False)
        else:
            lay(laid=False, before=standing.before, objects=objects, periods=standing.periods)
        _wait_for_workers(ledger, stage, self.survey.engine.lease)
        ledger.reopen_stage(stage)
        if standing is not None:
            self._keep(standing)
        for old in ledger.all_markers(stage):
            if standing is None or old.fingerprint != self.markers.fingerprint:
                old.delete()
        with recording() as written:
            for target in self.targets:
                _refuse_when_lost(lease)
                if standing is None:
                    self._create(target)
                else:
                    self._adopt(target)
        if lease.is_lost():
            # tiles that another's workers wrote meanwhile went with the raster: they are open again
            start_over(ledger, stage, self.invalidation.order)
        _refuse_when_lost(lease)
        lay(laid=True, objects={**objects, **written}, periods=self.parts.fingerprint.periods)

    def _end_readers(self, known: Mapping[str, Any], standing: _Standing | None) -> None:
        """End the stages that are made from what is replaced."""
        spared: Collection[str] = ()
        if standing is not None and standing.periods:
            changed = self.parts.fingerprint.changed(standing.periods)
            if not changed:
                return  # all that is there stays
            spared = self.parts.spared(changed)
        stage, fingerprint = self.markers.stage, self.markers.fingerprint
        self.invalidation.replace(stage, fingerprint, itself=True, spared=spared)

    def _standing(self) -> _Standing | None:
        """Find the tiles that stay, None where all are done again."""
        layout = self.invalidation.ledger.layout(self.markers.stage)
        if layout is None:
            return None
        # what another driver had begun to keep
        before = layout["fingerprint"] if layout["laid"] else layout.get("before")
        if before is None:
            return None
        ours = (before, self.markers.fingerprint)
        if not all(self._fits(target, ours) for target in self.targets):
            return None
        return self._kept(before, layout.get("periods", {}))

    def _kept(self, before: str, known: Mapping[str, str]) -> _Standing | None:
        """Find the tiles of periods that are as they were, and those that `Target.kept` names."""
        ours, kept = self.parts.fingerprint.periods, self.target.kept
        if not ours and not known:
            known = {"": before}
        same = {name for name, key in ours.items() if known.get(name) == key}
        others = {} if kept is None else {**kept.before}
        partly = {name for name, key in others.items() if known.get(name) == key} - same
        if not (same or partly):
            return None
        tiles = kept.tiles() if kept is not None and partly else ()

        def stays(name: str) -> bool:
            tile = tile_of(name)
            period = None if tile is None else tile.period
            return period in same or (period in partly and name in tiles)

        return _Standing(before, known if ours else {}, stays)

    def _fits(self, target: Target, fingerprints: Collection[str]) -> bool:
        """Tell whether a raster is of one of some fingerprints, and its other attributes fit."""
        if self._fingerprint_of(target) not in fingerprints:
            return False
        layers = self.markers.store.layers(target.name)
        if layers.periods != self.parts.periods[: len(layers.periods)]:
            return False  # a period before others changes the place of those after it
        known = layers.attributes
        return all(known.get(name) == value for name, value in target.attributes.items())

    def _keep(self, standing: _Standing) -> None:
        """Give the markers of kept tiles to the new fingerprint."""
        old = replace(self.markers, fingerprint=standing.before)
        stay = [name for name, _ in old.names("done") if standing.stays(name)]

        def keep(name: str) -> None:
            facts = old.done(name)
            if facts is not None:
                self.markers.finish(name, facts)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(keep, stay):
                pass
        known = sorted(name for name, _ in self.markers.names("done"))
        self.invalidation.ledger.keep(self.markers.stage, self.markers.fingerprint, known)

    def _adopt(self, target: Target) -> None:
        """Have a raster of an earlier fingerprint be one of this, with all its periods."""
        if self.parts.periods:
            self._create(target, grow=True)
        else:
            layers = self.markers.store.layers(target.name)
            layers.record({"fingerprint": self.markers.fingerprint})

    def _create(self, target: Target, *, grow: bool = False) -> None:
        own = {"fingerprint": self.markers.fingerprint, "survey": self.survey.name}
        self.markers.store.create_layers(
            target.name,
            self.grid,
            target.arrays,
            {**own, **target.attributes},
            self.parts.periods,
            grow=grow,
        )

    def _is_raster(self, target: Target) -> bool:
        return self._fingerprint_of(target) == self.markers.fingerprint

    def _fingerprint_of(self, target: Target) -> object:
        store = self.markers.store
        if store.read(f"{target.name}/zarr.json") is None:
            return None
        return store.layers(target.name).attributes.get("fingerprint")


def _refuse_when_lost(lease: Lease) -> None:
    if lease.is_lost():
        raise TryAgainError(
            f"{lease.key}: this driver did not answer for longer than its lease, and another took "
            "its work over; run again"
        )


def _wait_for_workers(ledger: Ledger, stage: str, seconds: float) -> None:
    """Let workers of another run end the tiles they are at; they take up no other."""
    for markers in ledger.all_markers(stage):
        leases = markers.leases(seconds)
        for key, _ in ledger.store.entries(leases.prefix):
            while (lease := leases.state(key)) is not None and lease.live:
                time.sleep(pause(seconds))
