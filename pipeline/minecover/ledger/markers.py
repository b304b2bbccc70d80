"""The ledger: what is done, and from what.

A stage, and a tile of a stage, is done when its marker is in the store under the fingerprint of
what would go into it now. A marker is written after the data it speaks of, so that rerunning
is resuming: whatever died in between is done again and ends in the same bytes.

=============================================  ==================================================
`ledger/STAGE/stage.json`                      the stage is done: fingerprint, figures, seconds
`ledger/STAGE/layout.json`                     whose raster it is: fingerprint, tiles, whether whole
                                               and, of a survey of periods, a fingerprint of each
`ledger/STAGE/generations/NUMBER.json`         what it is made from was invalidated, and by what
`ledger/STAGE/kept.json`                       tiles that stayed when others were to be done again
`ledger/STAGE/drivers/NAME.ATTEMPT.json`       who lays the raster out, or does a whole stage
`ledger/STAGE/progress.json`                   how far that one is, while it works
`ledger/STAGE/FINGERPRINT/done/TILE.json`      the tile is written: figures, seconds, attempt, host
`ledger/STAGE/FINGERPRINT/failed/TILE.json`    its data is bad: the reason
`ledger/STAGE/FINGERPRINT/leases/TILE.N.json`  who works on it; which attempts ended unfinished
`ledger/invalidations/NAME.json`               which tiles or stages are being invalidated now
=============================================  ==================================================

TILE is a tile's name, as `r0003c0012`; of a period as `2023.r0003c0012`.

Names carry the state, so that one listing of a prefix shows it and no object of a tile is read.
Folders are flat: a folder for each tile would stay behind empty where the store is a local disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minecover.ledger.leases import DEATHS, Leases
from minecover.storage.canonical_json import Json, canonical_json
from minecover.storage.checksums import Objects
from minecover.storage.names import LEDGER, SEGMENT
from minecover.storage.store import Kind, Store

__all__ = ["Ledger", "TileMarkers"]

DRIVERS, GENERATIONS = "drivers", "generations"

STAGE_MARKER = {"fingerprint": str, "generation": int, "facts": dict, "seconds": int | float}
LAYOUT: Mapping[str, Kind] = {"fingerprint": SEGMENT, "tiles": int, "laid": bool}
KEPT = {"fingerprint": str, "tiles": list}
FAILED = {"error": str}
"""What their documents hold at least."""


@dataclass(frozen=True)
class Ledger:
    """What is done in one store."""

    store: Store

    def stage(self, stage: str) -> dict[str, Any] | None:
        """Marker of a finished stage, or None; that of a generation that is over does not count."""
        marker: dict[str, Any] | None = self.store.read_json(_marker(stage), STAGE_MARKER)
        if marker is None or self.is_over(stage, marker["generation"]):
            return None
        return marker

    @contextmanager
    def reading_facts(self, stage: str) -> Iterator[None]:
        """Take what a stage says that it found out; raise `StoreError` where it never said so."""
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise self.store.damaged(_marker(stage), "nothing that can be its facts") from error

    def finish_stage(self, stage: str, fingerprint: str, generation: int, **facts: Json) -> None:
        """Mark a stage done, from what was there in its `generation`; `facts` go with it."""
        marker = {"fingerprint": fingerprint, "generation": generation, **facts}
        self.store.write_json(_marker(stage), marker)

    def is_stage_done(self, stage: str, fingerprint: str) -> bool:
        """Tell whether the stage is done under this fingerprint."""
        marker = self.stage(stage)
        return marker is not None and marker["fingerprint"] == fingerprint

    def generation(self, stage: str) -> int:
        """Count how often what the stage is made from was invalidated."""
        keys = self.store.names(f"{LEDGER}/{stage}/{GENERATIONS}")
        return max((int(Path(key).stem) for key in keys), default=0)

    def begin_generation(self, stage: str, number: int, cause: dict[str, str]) -> bool:
        """Begin a generation of a stage; True for the first who does so.

        `cause` names stage and fingerprint of what replaced something; empty: it was invalidated.
        """
        return self.store.create(_generation(stage, number), canonical_json(cause))

    def is_over(self, stage: str, generation: int) -> bool:
        """Tell whether a later generation of the stage was begun."""
        return self.store.read(_generation(stage, generation + 1)) is not None

    def cause(self, stage: str, number: int) -> dict[str, str] | None:
        """Why a generation was begun; None where it was not."""
        cause: dict[str, str] | None = self.store.read_json(_generation(stage, number), {})
        return cause

    def reopen_stage(self, stage: str) -> None:
        """Remove a stage's marker; those of its tiles stay."""
        self.store.remove(_marker(stage))

    def forget(self, stage: str) -> None:
        """Have a stage done from its beginning, every tile of it."""
        self.reopen_stage(stage)
        self.store.remove(f"{LEDGER}/{stage}/layout.json")

    def layout(self, stage: str) -> dict[str, Any] | None:
        """Whose raster a stage has: `fingerprint`, number of `tiles`, whether it is `laid`.

        While tiles stay from an earlier fingerprint, that is its `before`.
        """
        key = f"{LEDGER}/{stage}/layout.json"
        layout: dict[str, Any] | None = self.store.read_json(key, LAYOUT)
        return layout

    def lay(
        self,
        stage: str,
        fingerprint: str,
        tiles: int,
        *,
        laid: bool,
        before: str | None = None,
        objects: Objects | None = None,
        periods: Mapping[str, str] | None = None,
    ) -> None:
        """Record that a raster is being laid out, or is laid out whole in these objects.

        `periods`: fingerprint of what is done of each period under `before`, where tiles stay from
        it, else under `fingerprint`.
        """
        layout: dict[str, Json] = {"fingerprint": fingerprint, "tiles": tiles, "laid": laid}
        if periods:
            layout["periods"] = dict(periods)
        layout["objects"] = objects or {}
        if before is not None:
            layout["before"] = before
        self.store.write_json(f"{LEDGER}/{stage}/layout.json", layout)

    def is_laid(self, stage: str, fingerprint: str) -> bool:
        """Tell whether a stage's raster is whole and of this fingerprint."""
        layout = self.layout(stage)
        return layout is not None and layout["laid"] and layout["fingerprint"] == fingerprint

    def keep(self, stage: str, fingerprint: str, tiles: Sequence[str]) -> None:
        """Record which tiles stayed as they were when a stage got another fingerprint."""
        kept = {"fingerprint": fingerprint, "tiles": list(tiles)}
        self.store.write_json(f"{LEDGER}/{stage}/kept.json", kept)

    def kept(self, stage: str, fingerprint: str) -> frozenset[str]:
        """Tiles that stayed as they were when a stage got this fingerprint."""
        known: Any = self.store.read_json(f"{LEDGER}/{stage}/kept.json", KEPT)
        if known is None or known["fingerprint"] != fingerprint:
            return frozenset()
        return frozenset(known["tiles"])

    def drivers(self, stage: str, seconds: float) -> Leases:
        """Leases to what only one driver may do: `layout`, and a stage without tiles, `stage`."""
        return Leases(self.store, f"{LEDGER}/{stage}/{DRIVERS}", seconds)

    def all_markers(self, stage: str) -> list[TileMarkers]:
        """Find the markers of a stage under every fingerprint it was begun with."""
        names = (folder.rpartition("/")[2] for folder in self.store.folders(f"{LEDGER}/{stage}"))
        return [
            TileMarkers(self.store, stage, name)
            for name in names
            if name not in (DRIVERS, GENERATIONS)
        ]


def _marker(stage: str) -> str:
    return f"{LEDGER}/{stage}/stage.json"


def _generation(stage: str, number: int) -> str:
    return f"{LEDGER}/{stage}/{GENERATIONS}/{number:06d}.json"


@dataclass(frozen=True)
class TileMarkers:
    """What is known of the tiles of a stage under one fingerprint.

    Attributes
    ----------
    store, stage, fingerprint
        Where, and the fingerprint of the stage.
    generation
        Of the stage, in which tiles are worked on.
    """

    store: Store
    stage: str
    fingerprint: str
    generation: int = 0

    @property
    def prefix(self) -> str:
        """Everything below it is of this stage and fingerprint."""
        return f"{LEDGER}/{self.stage}/{self.fingerprint}"

    def leases(self, seconds: float) -> Leases:
        """Leases to the tiles."""
        return Leases(self.store, f"{self.prefix}/leases", seconds, DEATHS)

    def done(self, tile: str) -> dict[str, Any] | None:
        """Marker of a finished tile, or None."""
        marker: dict[str, Any] | None = self.store.read_json(self._key("done", tile), {})
        return marker

    def failed(self, tile: str) -> dict[str, Any] | None:
        """Marker of a tile that failed, or None."""
        marker: dict[str, Any] | None = self.store.read_json(self._key("failed", tile), FAILED)
        return marker

    def finish(self, tile: str, facts: dict[str, Any]) -> bool:
        """Mark a tile done; True for the first who does so."""
        return self.store.create(self._key("done", tile), canonical_json(facts))

    def fail(self, tile: str, error: str, facts: dict[str, Any]) -> None:
        """Mark a tile failed, with the reason."""
        self.store.write_json(self._key("failed", tile), {**facts, "error": error})

    def names(self, state: str) -> Iterator[tuple[str, float]]:
        """Tiles that are `done` or `failed`, each with the time of its marker, streamed."""
        for key, written in self.store.entries(f"{self.prefix}/{state}"):
            yield key.rpartition("/")[2].removesuffix(".json"), written

    def failed_tiles(self) -> list[str]:
        """Tiles that failed and were not finished by anybody since, in order."""
        return sorted(name for name, _ in self.names("failed") if self.done(name) is None)

    def reason(self, tile: str) -> str | None:
        """Why a tile failed, or None where it did not."""
        marker = self.failed(tile)
        return None if marker is None else str(marker["error"])

    def reopen(self, tile: str) -> None:
        """Have a tile done again, as if it had never been tried."""
        self.store.remove(self._key("done", tile))
        self.store.remove(self._key("failed", tile))
        leases = self.leases(0)
        if not leases.is_held(tile):
            leases.clear(tile)

    def delete(self) -> None:
        """Forget every tile."""
        self.store.delete(self.prefix)

    def _key(self, state: str, tile: str) -> str:
        return f"{self.prefix}/{state}/{tile}.json"
