"""Whether a store still holds what was written: every object that the ledger lists, read whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from minecover.errors import StoreError
from minecover.ledger.invalidation import (
    current_markers,
    invalidate,
    invalidate_tiles,
    start_over,
)
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.stage_order import StageOrder
from minecover.storage.checksums import Objects, objects_of
from minecover.storage.store import Store

__all__ = ["Damage", "StageCheck", "redo", "verify"]

READERS = 8
"""Objects read at once."""

AT_ONCE = 1000
"""Markers handed to the readers at once."""


@dataclass(frozen=True)
class Damage:
    """An object that is not what was written.

    Attributes
    ----------
    stage, tile
        That wrote it; no tile: the stage as a whole.
    key
        In the store.
    reason
        What is wrong with it.
    """

    stage: str
    tile: str | None
    key: str
    reason: str


@dataclass(frozen=True)
class StageCheck:
    """What was read of a stage.

    Attributes
    ----------
    stage
        Its name.
    objects, size
        How many objects of it were read, and their bytes.
    unknown
        Markers of an earlier version, which list no objects.
    damages
        Objects that are not what was written.
    """

    stage: str
    objects: int
    size: int
    unknown: int
    damages: tuple[Damage, ...]


def verify(store: Store, stages: Sequence[str]) -> Iterator[StageCheck]:
    """Read what the stages wrote, stage by stage; nothing is changed."""
    ledger = Ledger(store)
    with ThreadPoolExecutor(READERS) as pool:
        for stage in stages:
            counts: Counter[str] = Counter()
            damages: list[Damage] = []
            markers = _markers(ledger, stage)
            while some := list(islice(markers, AT_ONCE)):  # a survey may have a million of them
                for found in pool.map(_check, some):
                    counts += found.counts
                    damages += found.damages
            yield StageCheck(
                stage, counts["objects"], counts["bytes"], counts["unknown"], tuple(damages)
            )


def redo(store: Store, damages: Sequence[Damage], order: StageOrder) -> dict[str, list[str]]:
    """Have what is damaged done again by the next run, and what was made from it.

    Returns
    -------
    Tiles by stage; none of a stage that is done again as a whole.
    """
    ledger = Ledger(store)
    chosen: dict[str, set[str]] = {}
    for damage in damages:
        tiles = chosen.setdefault(damage.stage, set())
        tiles |= {damage.tile} if damage.tile else set()
    whole = {damage.stage for damage in damages if damage.tile is None}
    for stage in order.names:
        markers = current_markers(ledger, stage)
        if stage in whole or (stage in chosen and markers is None):
            start_over(ledger, stage, order)
            chosen = {**chosen, stage: set()}
            break  # all that follows is made from it
        if stage in chosen and markers is not None:
            invalidate(ledger, order.since(stage))
            invalidate_tiles(markers, chosen[stage], order)
    return {stage: sorted(chosen[stage]) for stage in order.names if stage in chosen}


@dataclass(frozen=True)
class _Marker:
    """What a marker lists; a tile's is read when its turn comes."""

    ledger: Ledger
    stage: str
    document: dict[str, Any] | None = None
    markers: TileMarkers | None = None
    tile: str | None = None

    def objects(self) -> Objects | None:
        """List the objects; None: the marker is of an earlier version, which lists none."""
        found = self.document
        if self.markers is not None and self.tile is not None:
            found = self.markers.done(self.tile) or {"objects": {}}
        return objects_of(found or {}, self.stage)


@dataclass(frozen=True)
class _Found:
    counts: Counter[str]
    damages: tuple[Damage, ...]


def _markers(ledger: Ledger, stage: str) -> Iterator[_Marker]:
    for document in (ledger.stage(stage), ledger.layout(stage)):
        if document is not None:
            yield _Marker(ledger, stage, document)
    markers = current_markers(ledger, stage)
    if markers is not None:
        for tile, _ in markers.names("done"):
            yield _Marker(ledger, stage, markers=markers, tile=tile)


def _check(marker: _Marker) -> _Found:
    """Read every object that a marker lists."""
    store, counts, damages = marker.ledger.store, Counter[str](), []
    try:
        objects = marker.objects()
    except StoreError:
        key = f"ledger/{marker.stage}/.../{marker.tile}.json"
        return _Found(counts, (Damage(marker.stage, marker.tile, key, "its marker is damaged"),))
    if objects is None:
        return _Found(Counter(unknown=1), ())
    for key, (size, value) in objects.items():
        found = store.checksum(key)
        counts += Counter(objects=1, bytes=0 if found is None else found[0])
        reason = _difference(found, size, value)
        if reason is not None:
            damages.append(Damage(marker.stage, marker.tile, key, reason))
    return _Found(counts, tuple(damages))


def _difference(found: tuple[int, str] | None, size: int, value: str) -> str | None:
    if found is None:
        return "it is gone"
    if found[0] != size:
        return f"it has {found[0]:,} bytes of {size:,}"
    return None if found[1] == value else "it has other bytes than were written"
