"""Reading windows of all periods with a network, block by block, in bounded memory.

How libraries round depends on the shape of what they multiply. So blocks are of one size and lie
where multiples of it are on the grid: a pixel has the same bits whatever window it is read in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.threads import side_by_side
from minecover.geography.grid import Window
from minecover.storage.raster import Raster

__all__ = ["BlockReader", "read_periods"]


class BlockReader(Protocol):
    """Reads blocks of all periods."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that it reads."""

    @property
    def halo(self) -> int:
        """Pixels on every side that a pixel is judged by."""

    @property
    def edge(self) -> int:
        """Edge of a block in pixels."""

    def read(self, block: Float32Array) -> Float32Array:
        """Read (period, layer, edge + 2 halo, edge + 2 halo) to (period, class, edge, edge)."""


def read_periods(
    reader: BlockReader, periods: Sequence[Raster], window: Window, *, threads: int = 1
) -> Float32Array:
    """Read a window in all periods.

    Parameters
    ----------
    reader
        Of blocks.
    periods
        Features of each period.
    window
        Inside the grid.
    threads
        That read blocks side by side; the result does not depend on it.

    Returns
    -------
    (period, class, y, x) float32 probabilities.
    """
    halo, edge = reader.halo, reader.edge

    def row(y: int) -> Float32Array:
        x0, x1 = window.x0 // edge * edge, -(-window.x1 // edge) * edge
        strip = Window(y, y + edge, x0, x1).pad(halo)
        seen = np.stack([raster.read(strip, reader.layers, mirror=True) for raster in periods])
        starts = range(0, x1 - x0, edge)
        blocks = [seen[..., start : start + edge + 2 * halo] for start in starts]
        read = np.concatenate(side_by_side(reader.read, blocks, threads), axis=-1)
        rows = slice(max(window.y0 - y, 0), min(window.y1 - y, edge))
        return read[..., rows, window.x0 - x0 : window.x1 - x0]

    first = window.y0 // edge * edge
    return np.concatenate([row(y) for y in range(first, window.y1, edge)], axis=-2)
