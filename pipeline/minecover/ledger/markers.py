"""The ledger: what is done, and from what.

A stage, and a tile of a stage, is done when its marker stands in the store under the fingerprint
of what would go into it now. A marker is written after the data it speaks of, so that rerunning
is resuming: whatever died in between is done again and ends in the same bytes.

=========================================  =====================================================
`ledger/STAGE/stage.json`                  the stage is done: fingerprint, figures, seconds
`ledger/STAGE/layout.json`                 whose raster it is: fingerprint, tiles, laid out whole
`ledger/STAGE/editions/NUMBER.json`        what it is made from was withdrawn, and by what
`ledger/withdrawals/NAME.json`             which tiles or stages are being withdrawn now
`ledger/STAGE/drivers/NAME.ATTEMPT.json`   who lays the raster out, or does a stage without tiles
`ledger/STAGE/MARK/done/TILE.json`         the tile is written: figures, seconds, attempt, host
`ledger/STAGE/MARK/failed/TILE.json`       the tile is set aside, with the reason
`ledger/STAGE/MARK/claims/TILE.N.json`     who works on it, and which attempts ended unfinished
=========================================  =====================================================

Names carry the state, so that one listing of a prefix tells it without reading an object a tile.
Folders are flat: a folder a tile would stay behind empty where the store is a local disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minecover.ledger.leases import DEATHS, Leases
from minecover.storage.canonical_json import Json, canonical_json
from minecover.storage.store import Store

__all__ = ["Ledger", "TileMarkers"]

DRIVERS, EDITIONS = "drivers", "editions"


@dataclass(frozen=True)
class Ledger:
    """What is done in one store."""

    store: Store

    def stage(self, stage: str) -> dict[str, Any] | None:
        """Marker of a finished stage, or None; that of an edition that is over does not count."""
        marker: dict[str, Any] | None = self.store.read_json(f"ledger/{stage}/stage.json")
        if marker is None or self.is_over(stage, marker["edition"]):
            return None
        return marker

    def finish_stage(self, stage: str, mark: str, edition: int, **facts: Json) -> None:
        """Mark a stage done, from what its `edition` was made from. `facts` are kept with it."""
        marker = {"fingerprint": mark, "edition": edition, **facts}
        self.store.write_json(f"ledger/{stage}/stage.json", marker)

    def is_stage_done(self, stage: str, mark: str) -> bool:
        """Tell whether the stage is done from what `mark` stands for."""
        marker = self.stage(stage)
        return marker is not None and marker["fingerprint"] == mark

    def edition(self, stage: str) -> int:
        """Count how often what the stage is made from was withdrawn."""
        keys = self.store.names(f"ledger/{stage}/{EDITIONS}")
        return max((int(Path(key).stem) for key in keys), default=0)

    def begin_edition(self, stage: str, number: int, cause: dict[str, str]) -> bool:
        """Begin an edition of a stage; the first to do so is the one that is told True.

        `cause` names stage and fingerprint of what replaced something; empty: it was withdrawn.
        """
        return self.store.create(_edition(stage, number), canonical_json(cause))

    def is_over(self, stage: str, edition: int) -> bool:
        """Tell whether a later edition of the stage was begun."""
        return self.store.read(_edition(stage, edition + 1)) is not None

    def cause(self, stage: str, number: int) -> dict[str, str] | None:
        """Why an edition was begun; None where it was not."""
        cause: dict[str, str] | None = self.store.read_json(_edition(stage, number))
        return cause

    def withdraw_stage(self, stage: str) -> None:
        """Take a stage's marker back; its tiles stand."""
        self.store.remove(f"ledger/{stage}/stage.json")

    def forget(self, stage: str) -> None:
        """Have a stage done from its beginning, every tile of it."""
        self.withdraw_stage(stage)
        self.store.remove(f"ledger/{stage}/layout.json")

    def layout(self, stage: str) -> dict[str, Any] | None:
        """Whose raster a stage has: `fingerprint`, number of `tiles`, whether it is `laid`."""
        layout: dict[str, Any] | None = self.store.read_json(f"ledger/{stage}/layout.json")
        return layout

    def lay(self, stage: str, mark: str, tiles: int, *, laid: bool) -> None:
        """Record that a raster is being laid out, or is laid out whole."""
        layout = {"fingerprint": mark, "tiles": tiles, "laid": laid}
        self.store.write_json(f"ledger/{stage}/layout.json", layout)

    def is_laid(self, stage: str, mark: str) -> bool:
        """Tell whether a stage's raster is whole and of this fingerprint."""
        layout = self.layout(stage)
        return layout is not None and layout["laid"] and layout["fingerprint"] == mark

    def drivers(self, stage: str, lease: float) -> Leases:
        """Claims to what only one driver may do: `layout`, and a stage without tiles, `stage`."""
        return Leases(self.store, f"ledger/{stage}/{DRIVERS}", lease)

    def all_marks(self, stage: str) -> list[TileMarkers]:
        """Find the marks of a stage under every fingerprint it was begun with."""
        names = (folder.rpartition("/")[2] for folder in self.store.folders(f"ledger/{stage}"))
        return [
            TileMarkers(self.store, stage, name)
            for name in names
            if name not in (DRIVERS, EDITIONS)
        ]


def _edition(stage: str, number: int) -> str:
    return f"ledger/{stage}/{EDITIONS}/{number:06d}.json"


@dataclass(frozen=True)
class TileMarkers:
    """What is known of the tiles of a stage under one fingerprint.

    Attributes
    ----------
    store, stage, mark
        Where; `mark` is the stage's fingerprint.
    edition
        Of the stage, in which tiles are worked on.
    """

    store: Store
    stage: str
    mark: str
    edition: int = 0

    @property
    def prefix(self) -> str:
        """Everything below it is of this stage and fingerprint."""
        return f"ledger/{self.stage}/{self.mark}"

    def claims(self, lease: float) -> Leases:
        """Claims to the tiles."""
        return Leases(self.store, f"{self.prefix}/claims", lease, DEATHS)

    def done(self, tile: str) -> dict[str, Any] | None:
        """Marker of a finished tile, or None."""
        marker: dict[str, Any] | None = self.store.read_json(self._key("done", tile))
        return marker

    def failed(self, tile: str) -> dict[str, Any] | None:
        """Marker of a tile that is set aside, or None."""
        marker: dict[str, Any] | None = self.store.read_json(self._key("failed", tile))
        return marker

    def finish(self, tile: str, facts: dict[str, Any]) -> bool:
        """Mark a tile done; the first to do so is the one that is told True."""
        return self.store.create(self._key("done", tile), canonical_json(facts))

    def set_aside(self, tile: str, error: str, facts: dict[str, Any]) -> None:
        """Mark a tile set aside, with the reason."""
        self.store.write_json(self._key("failed", tile), {**facts, "error": error})

    def names(self, state: str) -> Iterator[tuple[str, float]]:
        """Tiles that are `done` or `failed`, each with the time of its marker, streamed."""
        for key, written in self.store.entries(f"{self.prefix}/{state}"):
            yield key.rpartition("/")[2].removesuffix(".json"), written

    def bad_tiles(self) -> list[str]:
        """Tiles that are set aside and were not finished by anybody since, in order."""
        return sorted(name for name, _ in self.names("failed") if self.done(name) is None)

    def reason(self, tile: str) -> str | None:
        """Why a tile is set aside, or None where it is not."""
        marker = self.failed(tile)
        return None if marker is None else str(marker["error"])

    def reopen(self, tile: str) -> None:
        """Have a tile done again, as if it had never been tried."""
        self.store.remove(self._key("done", tile))
        self.store.remove(self._key("failed", tile))
        claims = self.claims(0)
        if not claims.is_held(tile):
            claims.clear(tile)

    def delete(self) -> None:
        """Forget every tile."""
        self.store.delete(self.prefix)

    def _key(self, state: str, tile: str) -> str:
        return f"{self.prefix}/{state}/{tile}.json"
