"""Places that nobody labelled, drawn over an area from seed and place alone.

Drawn are cells of ground, and a few pixels of each: a raster is then read at so many places,
however large the area is, and the pixels do not depend on how it is cut into tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from minecover.arrays import BoolArray, Int64Array
from minecover.geography.pixel_numbers import pixel_numbers

__all__ = ["draw_unlabelled"]

CELL = 8
"""Edge of a cell in pixels."""

CELLS, EACH = 1024, 4
"""Cells that are drawn at most, and pixels of each."""

BAND = 64
"""Rows of cells that are looked at together."""

STREAM = 7
"""Beside the seed, so that other draws of the same seed are others."""

Usable = Callable[[Int64Array, Int64Array], BoolArray]


def draw_unlabelled(shape: tuple[int, int], usable: Usable, seed: int) -> pd.DataFrame:
    """Draw pixels in up to `CELLS` cells, each cell as likely as any other.

    Parameters
    ----------
    shape
        Rows and columns of the grid.
    usable
        Tells of pixels by their rows and columns, all inside the grid, which may be drawn.
    seed
        The same seed draws the same pixels.

    Returns
    -------
    Columns row, col and cell, cell by cell in the order of the grid; cells without a usable pixel
    are not drawn.
    """
    height, width = (-(-size // CELL) for size in shape)
    held, limit = np.empty((0, 4), dtype=np.uint64), np.uint64(2**64 - 1)
    for top in range(0, height, BAND):
        cells = np.arange(top * width, min(top + BAND, height) * width, dtype=np.uint64)
        keys = pixel_numbers(cells, (seed, STREAM))
        near = keys <= limit  # others are drawn before these
        pixels = _pixels(cells[near].astype(np.int64), width, shape, seed)
        pixels = pixels[usable(pixels[:, 1], pixels[:, 2])]
        fresh = np.column_stack(
            [pixel_numbers(pixels[:, 0].astype(np.uint64), (seed, STREAM)), pixels]
        )
        held = np.concatenate([held, fresh.astype(np.uint64)])
        drawn = np.unique(held[:, 0])[:CELLS]
        held = held[np.isin(held[:, 0], drawn)]
        limit = drawn[-1] if len(drawn) == CELLS else limit
    frame = pd.DataFrame(held[:, 1:].astype(np.int64), columns=["cell", "row", "col"])
    return frame.sort_values(["cell", "row", "col"], ignore_index=True)[["row", "col", "cell"]]


def _pixels(cells: Int64Array, width: int, shape: tuple[int, int], seed: int) -> Int64Array:
    """Draw pixels of cells, (n, 3): cell, row and column, each pixel once."""
    numbers = pixel_numbers(cells.astype(np.uint64), (seed, STREAM, 1))
    parts = []
    for turn in range(EACH):
        within = ((numbers >> np.uint64(16 * turn)) % np.uint64(CELL * CELL)).astype(np.int64)
        rows = cells // width * CELL + within // CELL
        columns = cells % width * CELL + within % CELL
        parts.append(np.column_stack([cells, rows, columns]))
    pixels = np.unique(np.concatenate(parts), axis=0)
    inside = (pixels[:, 1] < shape[0]) & (pixels[:, 2] < shape[1])
    return np.asarray(pixels[inside])
