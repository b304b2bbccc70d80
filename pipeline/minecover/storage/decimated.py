"""Every so many pixels one of a raster, read block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minecover.arrays import Float32Array
from minecover.geography.grid import Window
from minecover.storage.raster import Raster

__all__ = ["read_every"]

BLOCK = 512
"""Edge of what is read at once."""


def read_every(raster: Raster, names: Sequence[str], window: Window, step: int) -> Float32Array:
    """Read the middle pixel of each square of `step` by `step`.

    Parameters
    ----------
    raster
        Is read whole under the window: an overview costs as much as all its pixels, once.
    names
        Of layers.
    window
        On the grid, the first of its squares at its corner.
    step
        A power of two, at most 512.

    Returns
    -------
    (layer, y, x), of squares at the window's end, too; NaN where their middle lies beyond it.
    """
    height, width = (-(-size // step) for size in window.shape)
    out = np.full((len(names), height, width), np.nan, dtype=np.float32)
    for block in window.parts(BLOCK):
        part = raster.read(block, names)[:, step // 2 :: step, step // 2 :: step]
        y, x = (block.y0 - window.y0) // step, (block.x0 - window.x0) // step
        out[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return out
