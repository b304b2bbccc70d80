"""The ledger: what is done, and from what.

A stage, and a tile of a stage, is done when its marker stands in the store and carries the
fingerprint of what would go into it now. A marker is written after the data it speaks of, so
that rerunning is resuming: whatever died in between is done again and ends in the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from minecover.grid import Tile
from minecover.store import Json, Store, canonical_json

__all__ = ["Ledger", "code_version", "fingerprint"]


def fingerprint(*parts: Json) -> str:
    """SHA-256 over the canonical JSON of `parts`, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(canonical_json(part))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@cache
def code_version(*places: str) -> str:
    """Fingerprint of the source files of modules and packages of minecover.

    Parameters
    ----------
    places
        Paths inside the package, as `cube` or `grid.py`.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for place in places:
        path = root / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Ledger:
    """Done markers of one store."""

    store: Store

    def stage(self, stage: str) -> dict[str, Any] | None:
        """Marker of a finished stage, or None."""
        marker: dict[str, Any] | None = self.store.read_json(f"ledger/{stage}/stage.json")
        return marker

    def finish_stage(self, stage: str, mark: str, **facts: Json) -> None:
        """Mark a stage done. `facts` are kept with it."""
        self.store.write_json(f"ledger/{stage}/stage.json", {"fingerprint": mark, **facts})

    def is_stage_done(self, stage: str, mark: str) -> bool:
        """Tell whether the stage is done from what `mark` stands for."""
        marker = self.stage(stage)
        return marker is not None and marker["fingerprint"] == mark

    def tile(self, stage: str, tile: Tile) -> dict[str, Any] | None:
        """Marker of a tile, or None."""
        marker: dict[str, Any] | None = self.store.read_json(_tile_key(stage, tile))
        return marker

    def finish_tile(self, stage: str, tile: Tile, mark: str, facts: dict[str, Any]) -> None:
        """Mark a tile done, or set aside where `facts` has an `error`."""
        self.store.write_json(_tile_key(stage, tile), {"fingerprint": mark, **facts})

    def open_tiles(self, stage: str, mark: str, tiles: Iterable[Tile]) -> list[Tile]:
        """Tiles that are not done from what `mark` stands for; those set aside are open."""
        known = set(self.store.names(f"ledger/{stage}/tiles"))
        return [
            tile
            for tile in tiles
            if _tile_key(stage, tile) not in known or not self._stands(stage, tile, mark)
        ]

    def _stands(self, stage: str, tile: Tile, mark: str) -> bool:
        marker = self.tile(stage, tile)
        return marker is not None and marker["fingerprint"] == mark and "error" not in marker


def _tile_key(stage: str, tile: Tile) -> str:
    return f"ledger/{stage}/tiles/{tile.name}.json"
