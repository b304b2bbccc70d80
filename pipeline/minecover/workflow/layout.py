"""Lay the rasters of a stage out, once, whoever else is at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from minecover.errors import TryAgainError
from minecover.geography.grid import Grid
from minecover.ledger.invalidation import Invalidation, start_over
from minecover.ledger.leases import Lease
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.storage.checksums import objects_of, recording
from minecover.storage.raster_array import RasterArray
from minecover.survey import Survey
from minecover.workflow.waiting import pause, run_exclusively

__all__ = ["Kept", "Target", "lay_out"]

AT_ONCE = 16
"""Markers that are copied at once: a bucket takes its time for each."""


@dataclass(frozen=True)
class Kept:
    """Tiles that stay as they are where a stage's fingerprint is another than theirs.

    Attributes
    ----------
    before
        Fingerprint under which they were done.
    tiles
        Gives their names; asked only where the raster is of that fingerprint.
    """

    before: str
    tiles: Callable[[], Collection[str]]


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
    """

    name: str
    arrays: tuple[RasterArray, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Target, ...] = ()
    kept: Kept | None = None


def lay_out(
    survey: Survey, grid: Grid, invalidation: Invalidation, markers: TileMarkers, target: Target
) -> None:
    """Lay a stage's rasters out unless they are whole and of this fingerprint.

    One driver does so and others wait. Markers of tiles that were written into the rasters that
    were there before are deleted with them, and so is the stage's own: going back to earlier
    settings must not find them. What reads the old rasters now is over. Where tiles are kept, the
    rasters stay, and of the markers those of these tiles.

    Raises
    ------
    TryAgainError
        This driver was away for longer than its lease, and another laid them out meanwhile.
    """
    layout = _Layout(survey, grid, invalidation, markers, target)
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
        fingerprint, tiles = self.markers.fingerprint, len(self.grid.tiles)
        before = self._before()
        known = ledger.layout(stage)
        if known is not None:
            self.invalidation.replace(stage, fingerprint, itself=True)
        kept = known if before is not None else None
        objects = objects_of(kept or {}, f"{ledger.store.url}: {stage}") or {}
        ledger.lay(stage, fingerprint, tiles, laid=False, before=before, objects=objects)
        _wait_for_workers(ledger, stage, self.survey.engine.lease)
        ledger.reopen_stage(stage)
        if before is not None:
            self._keep(before)
        for old in ledger.all_markers(stage):
            if before is None or old.fingerprint != fingerprint:
                old.delete()
        with recording() as written:
            for target in self.targets:
                _refuse_when_lost(lease)
                if before is None:
                    self._create(target)
                else:
                    self._adopt(target)
        if lease.is_lost():
            # tiles that another's workers wrote meanwhile went with the raster: they are open again
            start_over(ledger, stage, self.invalidation.order)
        _refuse_when_lost(lease)
        ledger.lay(stage, fingerprint, tiles, laid=True, objects={**objects, **written})

    def _before(self) -> str | None:
        """Fingerprint under which tiles were done that are kept, None where none are."""
        kept = self.target.kept
        layout = self.invalidation.ledger.layout(self.markers.stage)
        if kept is None or layout is None:
            return None
        # what another driver had begun to keep
        known = layout["fingerprint"] if layout["laid"] else layout.get("before")
        ours = (kept.before, self.markers.fingerprint)
        whole = all(self._fits(target, ours) for target in self.targets)
        return kept.before if known == kept.before and whole else None

    def _fits(self, target: Target, fingerprints: Collection[str]) -> bool:
        """Tell whether a raster is of one of some fingerprints, and its other attributes fit."""
        if self._fingerprint_of(target) not in fingerprints:
            return False
        known = self.markers.store.layers(target.name).attributes
        return all(known.get(name) == value for name, value in target.attributes.items())

    def _keep(self, before: str) -> None:
        """Give the markers of kept tiles to the new fingerprint."""
        assert self.target.kept is not None
        old, tiles = replace(self.markers, fingerprint=before), self.target.kept.tiles()
        stay = [name for name, _ in old.names("done") if name in tiles]

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
        """Have a raster of an earlier fingerprint be one of this."""
        layers = self.markers.store.layers(target.name)
        layers.record({"fingerprint": self.markers.fingerprint})

    def _create(self, target: Target) -> None:
        own = {"fingerprint": self.markers.fingerprint, "survey": self.survey.name}
        attributes = {**own, **target.attributes}
        self.markers.store.create_layers(target.name, self.grid, target.arrays, attributes)

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
