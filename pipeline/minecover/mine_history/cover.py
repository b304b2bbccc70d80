"""What covers the ground of every mine and the ground around it in each period, tile by tile.

The *ground* of a mine in a period is all that was part of it in that period or one before, so what
is said of a period stays as it is when later ones are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from minecover.arrays import BoolArray, Int64Array
from minecover.geography.grid import Grid, Window
from minecover.mine_history.patches import grown

__all__ = ["Cover", "boxes", "in_core", "measure_cover"]

Ids = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Cover:
    """Square millimetres by mine, the first of which has the id 1.

    Attributes
    ----------
    within, around
        (mine, period, class) of the ground of a mine, and of the ground around it.
    fresh
        (mine, period) that is mined for the first time.
    origin
        (mine, period) mined in a period of the ground of the mine's first patch.
    """

    within: Int64Array
    around: Int64Array
    fresh: Int64Array
    origin: Int64Array


def measure_cover(
    grid: Grid,
    ids: Callable[[Window], Ids],
    classes: Callable[[Window], Ids],
    pixel_areas: Callable[[Window], Int64Array],
    *,
    births: Sequence[int],
    mined: Sequence[int],
    shape: tuple[int, int],
    reach: int,
) -> Cover:
    """Measure what covers the ground of mines.

    Parameters
    ----------
    grid
        Whose tiles are read.
    ids
        Reads ids of mines in a window that may leave the grid, (period, y, x); 0: none.
    classes
        Reads positions of classes in a window of the grid, (period, y, x); -1: nodata.
    pixel_areas
        Square millimetres of the pixels of a window, (y, x).
    births
        Of each mine the position of its first period.
    mined
        Positions of the classes that are mines.
    shape
        Numbers of periods and of classes.
    reach
        Pixels from a mine's ground to which that around it reaches.
    """
    size = (len(births), *shape)
    cover = Cover(*(np.zeros(size, np.int64) for _ in range(2)),
                  *(np.zeros(size[:2], np.int64) for _ in range(2)))  # fmt: skip
    for tile in grid.tiles:
        window = grid.window(tile)
        padded = ids(window.pad(reach))
        if padded.any():
            its_classes, areas = classes(window), pixel_areas(window)
            dug = np.isin(its_classes, mined)
            for mine, place in boxes(padded, reach):
                part = _Part(padded[(slice(None), *place)] == mine, in_core(place, window, reach))
                _add(cover, mine - 1, part, its_classes, areas, reach)
                own = part.inside(part.mask)[births[mine - 1]]
                here = (slice(None), *part.core)
                weighed = (dug[here] & own) * areas[part.core]
                cover.origin[mine - 1] += weighed.sum(axis=(1, 2))
    return cover


@dataclass(frozen=True, eq=False)
class _Part:
    """A mine in a tile.

    Attributes
    ----------
    mask
        (period, y, x) where it is in a box around it.
    box, core
        The same pixels, those of the box that are in the tile, in the box and in the tile.
    """

    mask: BoolArray
    _places: tuple[tuple[slice, slice], tuple[slice, slice]]

    @property
    def core(self) -> tuple[slice, slice]:
        return self._places[1]

    def inside(self, mask: BoolArray) -> BoolArray:
        """Cut the last two axes of a mask of the box to the tile."""
        return mask[(..., *self._places[0])]


def boxes(ids: Ids, reach: int) -> list[tuple[int, tuple[slice, slice]]]:
    """Mines and their boxes in a padded tile, as much wider as the ground around them."""
    found, inverse = np.unique(ids, return_inverse=True)
    places = scipy.ndimage.find_objects(inverse.reshape(ids.shape) + 1)
    return [
        (int(mine), (_wider(box[1], reach, ids.shape[1]), _wider(box[2], reach, ids.shape[2])))
        for mine, box in zip(found, places, strict=True)
        if mine > 0 and box is not None
    ]  # fmt: skip


def _wider(side: slice, reach: int, length: int) -> slice:
    return slice(max(0, side.start - reach), min(length, side.stop + reach))


def in_core(
    place: tuple[slice, slice], window: Window, reach: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Pixels of a box in a padded tile that lie in the tile: in the box, and in the tile."""
    in_box, in_tile = [], []
    for side, length in zip(place, window.shape, strict=True):
        first, last = max(side.start, reach), min(side.stop, reach + length)
        last = max(first, last)
        in_box.append(slice(first - side.start, last - side.start))
        in_tile.append(slice(first - reach, last - reach))
    return (in_box[0], in_box[1]), (in_tile[0], in_tile[1])


def _add(cover: Cover, row: int, part: _Part, classes: Ids, areas: Int64Array, reach: int) -> None:
    """Add what covers the ground of a mine in a tile, period by period."""
    weights = areas[part.core]
    ground = np.zeros(part.mask.shape[1:], dtype=bool)
    near, around = ground, ground
    for period, own in enumerate(part.mask):
        fresh = own & ~ground
        if fresh.any():
            ground = ground | own
            near = grown(ground, reach)
            around = near & ~ground
        cover.fresh[row, period] += int(weights[part.inside(fresh)].sum())
        its_classes = classes[period][part.core]
        for total, mask in ((cover.within, ground), (cover.around, around)):
            counted = part.inside(mask) & (its_classes >= 0)
            total[row, period] += np.bincount(
                its_classes[counted], weights[counted], minlength=total.shape[2]
            ).astype(np.int64)
