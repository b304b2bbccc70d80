"""Rasters of named layers on a survey's grid, whether they are stored or computed when read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from minecover.arrays import Float32Array, Int64Array
from minecover.errors import StoreError
from minecover.geography.grid import Window

__all__ = ["Raster", "positions_of", "read_window"]


class Raster(Protocol):
    """Named layers, (layer, y, x) float32 with NaN as nodata, of which windows are read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in order."""

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the layers by name; a layer that is not there has none that is known."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""

    def block_edge(self, count: int) -> int:
        """Edge in pixels of the blocks in which so many layers are best read."""

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        """Read a window, also one that leaves the grid.

        Parameters
        ----------
        window
            In pixels of the grid.
        names
            Layers wanted, in this order; None: all.
        mirror
            Beyond the grid, repeat it mirrored at its outermost pixels, which a neighbourhood can
            make more of than of nothing; else NaN there.

        Returns
        -------
        (layer, y, x) float32, a new array.

        Raises
        ------
        StoreError
            A layer is not there.
        """


def positions_of(names: Sequence[str], known: Sequence[str], where: str) -> list[int]:
    """Positions of layers among those there are.

    Raises
    ------
    StoreError
        A layer is not there; `where` names the raster.
    """
    missing = [name for name in names if name not in known]
    if missing:
        raise StoreError(f"{where}: no layer {', '.join(missing)}")
    return [known.index(name) for name in names]


def read_window(
    shape: tuple[int, int],
    count: int,
    window: Window,
    read: Callable[[Window], Float32Array],
    *,
    mirror: bool,
) -> Float32Array:
    """Read a window that may leave the grid by reading the part of the grid that it needs.

    Parameters
    ----------
    shape
        Rows and columns of the grid.
    count
        Layers that `read` gives.
    window
        In pixels of the grid.
    read
        Reads a window inside the grid, (layer, y, x).
    mirror
        As in `Raster.read`.
    """
    if window == window.clip(*shape):
        return read(window)
    rows = _positions(window.y0, window.y1, shape[0], mirror=mirror)
    columns = _positions(window.x0, window.x1, shape[1], mirror=mirror)
    inside = np.ix_(rows >= 0, columns >= 0)
    rows, columns = rows[rows >= 0], columns[columns >= 0]
    empty = partial(np.full, (count, *window.shape), np.nan, dtype=np.float32)
    if not (rows.size and columns.size):
        return empty()
    part = Window(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
    values = read(part)
    picked = np.ix_(rows - part.y0, columns - part.x0)
    out = empty()  # after `read`, whose own needs are over now
    # layer by layer: a copy of all of them would be as large as what was read
    for layer, given in zip(out, values, strict=True):
        layer[inside] = given[picked]
    return out


def _positions(start: int, stop: int, size: int, *, mirror: bool) -> Int64Array:
    """Where the pixels of one axis are in the grid; -1: nowhere."""
    index: Int64Array = np.arange(start, stop)
    if mirror and size > 1:
        period = 2 * (size - 1)
        folded = np.abs(index) % period
        index = np.minimum(folded, period - folded)
    else:
        index = np.where((index >= 0) & (index < size), index, -1)
    return index
