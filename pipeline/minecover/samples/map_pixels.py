"""Pixels of an old map drawn class by class, away from its borders."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import maximum_filter, minimum_filter

from minecover.arrays import Int64Array
from minecover.geography.grid import Grid, Window

__all__ = ["UNKNOWN", "draw_map_pixels"]

UNKNOWN = -1
"""Class of a pixel that the map says nothing of."""

Keys = npt.NDArray[np.uint64]


def draw_map_pixels(
    read: Callable[[Window], Int64Array],
    grid: Grid,
    classes: Collection[int],
    count: int,
    *,
    margin: int,
    seed: int,
) -> pd.DataFrame:
    """Draw as many pixels of each class, each as likely as any other of it.

    Drawn are the pixels whose number is least, a number that is mixed of seed, row and column: the
    tiles are gone through one by one, and which pixels are drawn does not depend on them.

    Parameters
    ----------
    read
        Reads classes of a window inside the grid, (y, x); `UNKNOWN` where there is none.
    grid
        The survey's.
    classes
        That are drawn from.
    count
        Pixels of each class at most.
    margin
        Pixels in every direction that must be of the same class: borders of maps are their least
        certain part.
    seed
        The same seed draws the same pixels.

    Returns
    -------
    row, col, code, in the order of the grid.
    """
    found = {code: np.zeros((0, 3), np.uint64) for code in sorted(classes)}
    for tile in grid.tiles:
        window = grid.window(tile)
        rows, columns, codes = _inner(read, grid, window, margin)
        keys = _mixed(rows * grid.shape[1] + columns, seed)
        for code, known in found.items():
            own = np.flatnonzero(codes == code)
            fresh = np.column_stack([keys[own], rows[own], columns[own]]).astype(np.uint64)
            both = np.concatenate([known, fresh])
            found[code] = both[np.argsort(both[:, 0], kind="stable")[:count]]
    parts = [
        pd.DataFrame(drawn[:, 1:].astype(np.int64), columns=["row", "col"]).assign(code=code)
        for code, drawn in found.items()
    ]
    return pd.concat(parts).sort_values(["row", "col"], ignore_index=True)


def _inner(
    read: Callable[[Window], Int64Array], grid: Grid, window: Window, margin: int
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Rows, columns and classes of the pixels of a window that lie away from borders."""
    wide = window.pad(margin)
    inside = wide.clip(*grid.shape)
    codes = np.full(wide.shape, UNKNOWN, np.int64)
    codes[inside.within(wide).slices] = read(inside)
    if margin:
        edge = 2 * margin + 1
        same = minimum_filter(codes, edge) == maximum_filter(codes, edge)
        codes = np.where(same, codes, UNKNOWN)
    own = codes[window.within(wide).slices]
    rows, columns = np.nonzero((own != UNKNOWN) & grid.area_mask(window))
    return rows + window.y0, columns + window.x0, own[rows, columns]


def _mixed(numbers: Int64Array, seed: int) -> Keys:
    """Mix numbers with a seed, so that any part of them is as good as drawn (splitmix64)."""
    with np.errstate(over="ignore"):
        keys = numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(factor)
        return keys ^ (keys >> np.uint64(31))
