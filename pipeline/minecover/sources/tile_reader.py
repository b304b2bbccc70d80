"""Windows of tiled files: which bytes are read, inflated and laid into place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from obstore.exceptions import BaseError

from minecover.engines.compiled import compiled, read_only
from minecover.geography.grid import Window
from minecover.sources.kept_tiles import kept_tiles
from minecover.sources.tiff import Read, TiffTiles

__all__ = ["TILE_ERRORS", "TiledFile"]

_INFLATING: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # of its stubs

TILE_ERRORS = (BaseError, OSError, RuntimeError, ValueError, _INFLATING)
"""What a tile that cannot be fetched or inflated raises."""

RANGE_BYTES = 2 * 2**20
"""Bytes that are fetched at once, but for a single tile: neighbours lie one after the other."""

GAP_BYTES = 2**14
"""Bytes between two tiles that are fetched with them rather than by another request."""

Pixels = npt.NDArray[Any]
Place = tuple[int, int]


@dataclass(frozen=True)
class TiledFile:
    """A file whose tiles are read here.

    Attributes
    ----------
    key
        Of the file as it is now, for the tiles that are kept.
    tiles
        Where they lie.
    read
        Gives its bytes.
    """

    key: tuple[object, ...]
    tiles: TiffTiles
    read: Read

    def read_window(self, window: Window, out: npt.NDArray[np.uint16]) -> None:
        """Read a window.

        Parameters
        ----------
        window
            Of the file, nowhere beyond it.
        out
            (y, x) of the window.

        Raises
        ------
        Exception
            One of `TILE_ERRORS`: a tile is not there, or cannot be inflated.
        """
        missing = []
        for place in self._places(window):
            kept = kept_tiles().get((*self.key, place), self.tiles.dtype)
            if kept is None:
                missing.append(place)
            else:
                self._lay(kept, place, window, out)
        for run in self._runs(missing):
            start = int(self.tiles.offsets[run[0]])
            data = memoryview(self.read(start, self._end(run[-1])))
            for place in run:
                first = int(self.tiles.offsets[place]) - start
                pixels = self._inflated(data[first : first + int(self.tiles.sizes[place])])
                self._lay(pixels, place, window, out)
                if not self._is_whole(place, window):
                    kept_tiles().keep((*self.key, place), pixels)

    def _places(self, window: Window) -> Iterator[Place]:
        """Rows and columns of the tiles that a window touches."""
        height, width = self.tiles.tile
        for row in range(window.y0 // height, -(-window.y1 // height)):
            for column in range(window.x0 // width, -(-window.x1 // width)):
                yield row, column

    def _runs(self, places: Sequence[Place]) -> Iterator[list[Place]]:
        """Tiles that are fetched together, in the order of the file."""
        sizes = [int(self.tiles.sizes[place]) for place in places]
        if min(sizes, default=1) < 1:
            raise ValueError("a tile was never written")
        if max(sizes, default=1) > self._bytes + self._bytes // 64 + 1024:
            raise ValueError("a tile is larger than its numbers")
        run: list[Place] = []
        for place in sorted(places, key=lambda place: int(self.tiles.offsets[place])):
            if run:
                gap = int(self.tiles.offsets[place]) - self._end(run[-1])
                size = self._end(place) - int(self.tiles.offsets[run[0]])
                if not 0 <= gap <= GAP_BYTES or size > RANGE_BYTES:
                    yield run
                    run = []
            run.append(place)
        if run:
            yield run

    def _end(self, place: Place) -> int:
        return int(self.tiles.offsets[place] + self.tiles.sizes[place])

    def _inflated(self, data: memoryview) -> Pixels:
        """Numbers of a tile one after the other, or differences of them."""
        raw: bytes | memoryview = data
        if self.tiles.deflated:
            stream = isal_zlib.decompressobj()
            raw = stream.decompress(data, self._bytes)  # and no more, whatever it holds
            if not stream.eof:
                raw += stream.decompress(stream.unconsumed_tail, 1)
            if not stream.eof:
                raise ValueError("a tile goes on beyond its numbers, or ends before")
        if len(raw) != self._bytes:
            raise ValueError(f"a tile has {len(raw)} bytes of {self._bytes}")
        return np.frombuffer(raw, self.tiles.dtype)

    @property
    def _bytes(self) -> int:
        """Bytes of a tile's numbers."""
        height, width = self.tiles.tile
        return height * width * self.tiles.dtype.itemsize

    def _lay(self, pixels: Pixels, place: Place, window: Window, out: Pixels) -> None:
        """Lay what a window wants of a tile into its place."""
        (row, column), (height, width) = place, self.tiles.tile
        top, left = row * height, column * width
        y0, y1 = max(window.y0, top), min(window.y1, top + height)
        x0, x1 = max(window.x0, left), min(window.x1, left + width)
        _copy_tile(
            read_only(pixels).reshape(height, width), (y0 - top, x0 - left), (y1 - y0, x1 - x0),
            self.tiles.differences, 2 ** (8 * self.tiles.dtype.itemsize) - 1,
            out, (y0 - window.y0, x0 - window.x0),
        )  # fmt: skip

    def _is_whole(self, place: Place, window: Window) -> bool:
        """Tell whether a window wants all that a tile has of the image."""
        (row, column), (height, width) = place, self.tiles.tile
        bottom = min((row + 1) * height, self.tiles.shape[0])
        right = min((column + 1) * width, self.tiles.shape[1])
        rows = window.y0 <= row * height and bottom <= window.y1
        return rows and window.x0 <= column * width and right <= window.x1


@compiled
def _copy_tile(
    pixels: Pixels,
    corner: Place,
    shape: Place,
    differences: bool,
    mask: int,
    out: npt.NDArray[np.uint16],
    at: Place,
) -> None:
    """Copy a part of a tile.

    Parameters
    ----------
    pixels
        (y, x) of the tile.
    corner, shape
        Where in it the part begins, and its rows and columns.
    differences
        See `TiffTiles`.
    mask
        Largest number, beyond which sums of differences begin anew.
    out
        (y, x).
    at
        Where in it the part goes.
    """
    (top, left), (rows, columns) = corner, shape
    for y in range(rows):
        row, into = pixels[top + y], out[at[0] + y, at[1] : at[1] + columns]
        if not differences:
            for x in range(columns):
                into[x] = row[left + x]
            continue
        total = np.uint32(0)
        for x in range(left):
            total += row[x]
        for x in range(columns):
            total += row[left + x]
            into[x] = total & mask
