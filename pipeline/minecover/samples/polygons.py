"""Pixels of labelled polygons: those that lie whole inside, all of them or some drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry import box

from minecover.arrays import BoolArray, Int64Array
from minecover.errors import DataError
from minecover.geography.grid import Grid, Window

__all__ = ["MAX_PIXELS", "drawn_pixels"]

LEAF = 16
"""Edge in pixels of a block whose pixels are looked at one by one."""

MAX_PIXELS = 2_000_000
"""More pixels than this are not taken of a polygon."""

Block = tuple[Window, BoolArray | None]
"""Pixels of a window: all of them, or those of a mask."""


def drawn_pixels(
    polygon: shapely.Geometry, grid: Grid, most: int | None, seed: tuple[int, int]
) -> Int64Array:
    """Draw pixels that lie whole inside a polygon and have their centre in the area.

    Parameters
    ----------
    polygon
        In the grid's CRS.
    grid
        The survey's.
    most
        Pixels to draw at most, each as likely as any other; None: all are taken.
    seed
        Of the survey, and number of the polygon: the same two draw the same pixels.

    Returns
    -------
    (n, 2) rows and columns in order.

    Raises
    ------
    DataError
        All are to be taken and there are more than `MAX_PIXELS`.
    """
    shapely.prepare(polygon)
    shapely.prepare(grid.area)
    blocks = list(_blocks(polygon, grid, _window(polygon, grid)))
    counts = np.array([_count(block) for block in blocks], dtype=np.int64)
    total = int(counts.sum())
    if most is None and total > MAX_PIXELS:
        raise DataError(
            f"samples.polygons: a polygon has {total:,} pixels; at most {MAX_PIXELS:,} are taken: "
            "give the number to draw of each instead of `all`"
        )
    chosen = np.arange(total)
    if most is not None and most < total:
        chosen = np.random.default_rng(seed).choice(total, most, replace=False)
    return _pixels(blocks, counts, np.sort(chosen))


def _window(polygon: shapely.Geometry, grid: Grid) -> Window:
    """Pixels of the grid that the bounds of a polygon touch."""
    left, bottom, right, top = polygon.bounds
    inverse = ~grid.geobox.affine
    (x0, y0), (x1, y1) = inverse @ (left, top), inverse @ (right, bottom)
    edges = np.floor([y0, y1, x0, x1]).astype(np.int64)
    window = Window(int(edges[0]), int(edges[1]) + 1, int(edges[2]), int(edges[3]) + 1)
    return window.clip(*grid.shape)


def _blocks(polygon: shapely.Geometry, grid: Grid, window: Window) -> Iterator[Block]:
    """Blocks of pixels whole inside, quartered where an outline runs."""
    height, width = window.shape
    if not (height and width):
        return
    frame = box(*grid.bounds(window))
    if polygon.covers(frame) and grid.area.covers(frame):
        yield window, None
    elif height <= LEAF and width <= LEAF:
        inside = _inside(polygon, grid, window)
        if inside.any():
            yield window, inside
    elif polygon.intersects(frame) and grid.area.intersects(frame):
        for part in _halves(window):
            yield from _blocks(polygon, grid, part)


def _halves(window: Window) -> tuple[Window, Window]:
    height, width = window.shape
    if height >= width:
        middle = window.y0 + height // 2
        return (
            Window(window.y0, middle, window.x0, window.x1),
            Window(middle, window.y1, window.x0, window.x1),
        )
    middle = window.x0 + width // 2
    return (
        Window(window.y0, window.y1, window.x0, middle),
        Window(window.y0, window.y1, middle, window.x1),
    )


def _inside(polygon: shapely.Geometry, grid: Grid, window: Window) -> BoolArray:
    """Tell which pixels of a window lie whole in a polygon, and by their centre in the area."""
    x, y = grid.centres(window)
    half = grid.resolution / 2
    pixels = shapely.box(x - half, y - half, x + half, y + half)
    return np.asarray(shapely.covers(polygon, pixels) & grid.area_mask(window), dtype=bool)


def _count(block: Block) -> int:
    window, inside = block
    return window.shape[0] * window.shape[1] if inside is None else int(inside.sum())


def _pixels(blocks: list[Block], counts: Int64Array, chosen: Int64Array) -> Int64Array:
    """Rows and columns of the pixels of blocks by their number, in the order of the grid."""
    found = [np.empty((0, 2), dtype=np.int64)]
    ends = np.cumsum(counts)
    for (window, inside), end, count in zip(blocks, ends, counts, strict=True):
        own = chosen[(chosen >= end - count) & (chosen < end)] - (end - count)
        rows, columns = (
            np.divmod(own, window.shape[1])
            if inside is None
            else (index[own] for index in np.nonzero(inside))
        )
        found.append(np.column_stack([rows + window.y0, columns + window.x0]))
    pixels = np.concatenate(found)
    return np.asarray(pixels[np.lexsort((pixels[:, 1], pixels[:, 0]))], dtype=np.int64)
