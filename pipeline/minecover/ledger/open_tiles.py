"""What a driver remembers of the tiles of a stage: one byte each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from minecover.geography.grid import Tile
from minecover.ledger.markers import TileMarkers

__all__ = ["OpenTiles", "tile_of"]

_NAME = re.compile(r"(?:([\w-]+)\.)?r(\d+)c(\d+)")
_ABSENT, _OPEN, _SETTLED = 0, 1, 2


class OpenTiles:
    """Which tiles of a stage are open, by period, row and column.

    Memory is a byte a place of the grid and period whatever the number of tiles that are done.

    Parameters
    ----------
    tiles
        Of the stage; all are open.
    """

    def __init__(self, tiles: Sequence[Tile]) -> None:
        self._tiles = tiles
        rows = max((tile.row for tile in tiles), default=-1) + 1
        columns = max((tile.column for tile in tiles), default=-1) + 1
        self._periods: dict[str, int] = {}
        for tile in tiles:
            self._periods.setdefault(tile.period, len(self._periods))
        shape = (len(self._periods), rows, columns)
        self._state = np.full(shape, _ABSENT, dtype=np.uint8)
        for tile in tiles:
            self._state[self._place(tile)] = _OPEN
        self.open_count = len(tiles)

    def settle(self, tile: Tile) -> bool:
        """Close a tile; tell whether it was open."""
        place = self._place(tile)
        if self._state[place] != _OPEN:
            return False
        self._state[place] = _SETTLED
        self.open_count -= 1
        return True

    def settle_names(self, names: Iterable[str]) -> None:
        """Close tiles by name; names that are no tiles of the stage do not count."""
        _, rows, columns = self._state.shape
        for name in names:
            tile = tile_of(name)
            if tile is None or tile.period not in self._periods:
                continue
            if tile.row < rows and tile.column < columns:
                self.settle(tile)

    def read(self, markers: TileMarkers, *states: str) -> None:
        """Close the tiles that the ledger lists as `done` or `failed`."""
        for state in states:
            self.settle_names(name for name, _ in markers.names(state))

    def open(self) -> Iterator[Tile]:
        """Tiles that are open when their turn comes, in order."""
        return (tile for tile in self._tiles if self._state[self._place(tile)] == _OPEN)

    def _place(self, tile: Tile) -> tuple[int, int, int]:
        return self._periods[tile.period], tile.row, tile.column


def tile_of(name: str) -> Tile | None:
    """Read a tile's name; None where it is none."""
    match = _NAME.fullmatch(name)
    return None if match is None else Tile(int(match[2]), int(match[3]), match[1] or "")
