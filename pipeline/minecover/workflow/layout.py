"""Lay the rasters of a stage out, once, whoever else is at work."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from minecover.errors import TryAgainError
from minecover.geography.grid import Grid
from minecover.ledger.invalidation import Invalidation, start_over
from minecover.ledger.leases import Lease
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.storage.raster_array import RasterArray
from minecover.survey import Survey
from minecover.workflow.waiting import pause, run_exclusively

__all__ = ["Target", "lay_out"]


@dataclass(frozen=True)
class Target:
    """A raster that a tile stage writes: its name, arrays and attributes, and others beside it."""

    name: str
    arrays: tuple[RasterArray, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Target, ...] = ()


def lay_out(
    survey: Survey, grid: Grid, invalidation: Invalidation, markers: TileMarkers, target: Target
) -> None:
    """Lay a stage's rasters out unless they are whole and of this fingerprint.

    One driver does so and others wait. Markers of tiles that were written into the rasters that
    were there before are deleted with them, and so is the stage's own: going back to earlier
    settings must not find them. What reads the old rasters now is over.

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
        if ledger.layout(stage) is not None:
            self.invalidation.replace(stage, fingerprint, itself=True)
        ledger.lay(stage, fingerprint, tiles, laid=False)
        _wait_for_workers(ledger, stage, self.survey.engine.lease)
        ledger.reopen_stage(stage)
        for old in ledger.all_markers(stage):
            old.delete()
        for target in self.targets:
            _refuse_when_lost(lease)
            self._create(target)
        if lease.is_lost():
            # tiles that another's workers wrote meanwhile went with the raster: they are open again
            start_over(ledger, stage, self.invalidation.order)
        _refuse_when_lost(lease)
        ledger.lay(stage, fingerprint, tiles, laid=True)

    def _create(self, target: Target) -> None:
        own = {"fingerprint": self.markers.fingerprint, "survey": self.survey.name}
        attributes = {**own, **target.attributes}
        self.markers.store.create_layers(target.name, self.grid, target.arrays, attributes)

    def _is_raster(self, target: Target) -> bool:
        store = self.markers.store
        if store.read(f"{target.name}/zarr.json") is None:
            return False
        known = store.layers(target.name).attributes.get("fingerprint")
        return known == self.markers.fingerprint


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
