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
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.waiting import pause, run_exclusively

__all__ = ["Target", "lay_out"]


@dataclass(frozen=True)
class Target:
    """A raster that a tile stage writes: its name, layers and attributes, and others beside it."""

    name: str
    layers: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Target, ...] = ()


def lay_out(
    survey: Survey, grid: Grid, invalidation: Invalidation, marks: TileMarkers, target: Target
) -> None:
    """Lay a stage's rasters out unless they are whole and of this fingerprint.

    One driver does so and others wait. Marks of tiles that were written into the rasters that
    were there before are deleted with them, and so is the stage's own: going back to earlier
    settings must not find them. What reads the old rasters now is over.

    Raises
    ------
    TryAgainError
        This driver was away for longer than its lease, and another laid them out meanwhile.
    """
    store, ledger, stage, mark = marks.store, invalidation.ledger, marks.stage, marks.mark
    tiles, lease = len(grid.tiles), survey.engine.lease
    attributes, targets = {"fingerprint": mark, "survey": survey.name}, (target, *target.beside)

    def laid() -> bool:
        return ledger.is_laid(stage, mark) and all(_is_raster(store, one, mark) for one in targets)

    def lay(claim: Lease) -> None:
        if ledger.layout(stage) is not None:
            invalidation.replace(stage, mark, itself=True)
        ledger.lay(stage, mark, tiles, laid=False)
        _wait_for_workers(ledger, stage, lease)
        ledger.withdraw_stage(stage)
        for old in ledger.all_marks(stage):
            old.delete()
        for one in targets:
            _refuse_when_lost(claim)
            store.create_layers(one.name, grid, one.layers, {**attributes, **one.attributes})
        if claim.is_lost():
            # tiles that another's workers wrote meanwhile went with the raster: they are open again
            start_over(ledger, stage, invalidation.order)
        _refuse_when_lost(claim)
        ledger.lay(stage, mark, tiles, laid=True)

    run_exclusively(ledger.drivers(stage, lease), "layout", laid, lay)


def _refuse_when_lost(claim: Lease) -> None:
    if claim.is_lost():
        raise TryAgainError(
            f"{claim.key}: this driver did not answer for longer than its lease, and another took "
            "its work over; run again"
        )


def _is_raster(store: Store, target: Target, mark: str) -> bool:
    if store.read(f"{target.name}/zarr.json") is None:
        return False
    return store.layers(target.name).attributes.get("fingerprint") == mark


def _wait_for_workers(ledger: Ledger, stage: str, lease: float) -> None:
    """Let workers of another run end the tiles they are at; they take up no other."""
    for marks in ledger.all_marks(stage):
        claims = marks.claims(lease)
        for key, _ in ledger.store.entries(claims.prefix):
            while (standing := claims.standing(key)) is not None and standing.live:
                time.sleep(pause(lease))
