"""Patches of layers around points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minecover.arrays import Float32Array, Int64Array
from minecover.geography.grid import Window
from minecover.samples.points import Points
from minecover.storage.raster import Raster

__all__ = ["extract"]


def extract(
    points: Points, layers: Raster, window: int, names: Sequence[str] | None = None
) -> Float32Array:
    """Read the patch around each point.

    The raster is gone through block by block, so that each is read, or computed, once however
    many patches share it. Beside the result, of 4 · n · layers · window² bytes, one block is held.

    Parameters
    ----------
    points
        n points on the grid of `layers`.
    layers
        The raster.
    window
        Edge of a patch in pixels, odd.
    names
        Layers wanted, in this order; None: all.

    Returns
    -------
    (n, layers, window, window) float32; NaN where nodata, mirrored beyond the grid.
    """
    if window % 2 == 0 or window < 1:
        raise ValueError(f"window is {window}; it must be odd")
    count = len(layers.names) if names is None else len(names)
    out = np.full((len(points), count, window, window), np.nan, dtype=np.float32)
    corners = points.frame[["row", "col"]].to_numpy(dtype=np.int64) - window // 2
    edge = layers.block_edge(count)
    for block, members in _patches_by_block(corners, window, edge):
        y0, x0 = np.maximum(corners[members].min(axis=0), block * edge)
        y1, x1 = np.minimum(corners[members].max(axis=0) + window, (block + 1) * edge)
        part = Window(int(y0), int(y1), int(x0), int(x1))
        values = layers.read(part, names, mirror=True)
        for member in members:
            _paste(out[member], corners[member], values, part)
    return out


def _patches_by_block(
    corners: Int64Array, window: int, edge: int
) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Blocks (row, column) in order, each with the patches that reach into it."""
    first, last = corners // edge, (corners + window - 1) // edge
    reach = int((last - first).max(initial=0)) + 1
    pairs = []
    for step in np.ndindex(reach, reach):
        block = first + np.array(step)
        within = np.flatnonzero((block <= last).all(axis=1))
        pairs.append(np.column_stack([block[within], within]))
    table = np.concatenate(pairs)
    table = table[np.lexsort(table.T[::-1])]
    starts = np.flatnonzero((np.diff(table[:, :2], axis=0) != 0).any(axis=1)) + 1
    for group in np.split(table, starts):
        if len(group):
            yield group[0, :2], group[:, 2]


def _paste(patch: Float32Array, corner: Int64Array, values: Float32Array, part: Window) -> None:
    window = patch.shape[-1]
    top, left = int(corner[0]), int(corner[1])
    y0, y1 = max(top, part.y0), min(top + window, part.y1)
    x0, x1 = max(left, part.x0), min(left + window, part.x1)
    if y0 < y1 and x0 < x1:
        patch[:, y0 - top : y1 - top, x0 - left : x1 - left] = values[
            :, y0 - part.y0 : y1 - part.y0, x0 - part.x0 : x1 - part.x0
        ]
