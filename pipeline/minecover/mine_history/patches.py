"""Patches of mined pixels in every period, and what they share, found tile by tile.

A patch is a set of mined pixels that hang together when those that are solid, which specks are not,
are grown by `reach` pixels: a road through a mine does not make two of it, and a wrong pixel
between two mines does not make one. Tiles are labelled one by one; labels that touch across
an edge, and those of two periods that share pixels, are noted sparsely and resolved at the end.
Patches are numbered by period and then by their first pixel from the north, then from the west,
whatever the tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import scipy.ndimage
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.geography.grid import Grid, Tile, Window
from minecover.geography.ground_area import summed_areas

__all__ = ["Mined", "Patches", "Probability", "find_patches", "grown", "tile_patches"]

SPECK = 4
"""Mined pixels that touch, also at corners, are a speck if they are fewer."""

HALO = SPECK - 1
"""Pixels around a window that decide which of its pixels are solid."""

Mined = Callable[[Window], BoolArray]
"""Tells which pixels of a window, which may leave the grid, are mined: (period, y, x)."""

Probability = Callable[[Window, int], Float32Array]
"""Gives the probability (0-1) that pixels of a window of the grid are mined in a period, (y, x)."""

PARTS = 10_000
"""Of one in which probabilities are added: sums of whole numbers do not depend on the tiles."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of all periods in the order of their numbers.

    Attributes
    ----------
    period
        (patch,) position of their period.
    area
        (patch,) square millimetres.
    first
        (patch,) row-major position in the grid of their first pixel.
    pixels
        (patch,) their number.
    probability
        (patch,) mean probability that its pixels are mined.
    shared
        (pair, 3) patch of a period, patch of a later one, square millimetres of the pixels that
        both have; by earlier and later patch.
    """

    period: Int64Array
    area: Int64Array
    first: Int64Array
    pixels: Int64Array
    probability: Float64Array
    shared: Int64Array
    _reach: int
    _starts: Int64Array
    _members: Int64Array
    _numbers: Int64Array

    def __len__(self) -> int:
        return len(self.period)


@dataclass
class _Notes:
    """What is noted on the way through the tiles, under numbers that are not final."""

    starts: list[list[int]] = field(default_factory=list)
    numbers: list[Int64Array] = field(default_factory=list)
    period: list[Int64Array] = field(default_factory=list)
    area: list[Int64Array] = field(default_factory=list)
    first: list[Int64Array] = field(default_factory=list)
    pixels: list[Int64Array] = field(default_factory=list)
    parts: list[Int64Array] = field(default_factory=list)
    touching: list[Int64Array] = field(default_factory=list)
    shared: list[Int64Array] = field(default_factory=list)
    count: int = 0


def find_patches(
    grid: Grid,
    mined: Mined,
    pixel_areas: Callable[[Window], Int64Array],
    probability: Probability,
    *,
    reach: int,
    least: int,
    least_probability: float,
) -> Patches:
    """Find the patches of all periods and what they share.

    Parameters
    ----------
    grid
        Whose tiles are read, each once.
    mined
        Reads a window; False outside of the area.
    pixel_areas
        Square millimetres of the pixels of a window, (y, x).
    probability
        Reads a window; known where pixels are mined.
    reach
        Pixels by which solid ground grows to find what hangs together; 0: pixels hang together
        along their edges.
    least
        Square millimetres; smaller patches are left out.
    least_probability
        Patches whose mean probability is less are left out, too.
    """
    notes = _Notes()
    edges = _Edges()
    for tile in grid.tiles:
        window = grid.window(tile)
        pixels, labels = _labelled(grid, mined, window, reach)
        counts = labels.max(axis=(1, 2))
        starts = notes.count + np.concatenate([[0], np.cumsum(counts)[:-1]])
        labels = np.where(labels > 0, labels + starts[:, None, None], 0)
        notes.starts.append(starts.tolist())
        notes.count += int(counts.sum())
        notes.touching += edges.meet(tile, labels)
        if counts.any():
            own = np.where(pixels, labels, 0)
            _measure(notes, own, pixel_areas(window), window, grid.shape[1])
            _weigh(notes, own, partial(probability, window))
    return _resolved(notes, reach, least, least_probability)


def tile_patches(patches: Patches, grid: Grid, mined: Mined, number: int) -> Int64Array:
    """Numbers of the patches in a tile, (period, y, x), -1 where there is none.

    Parameters
    ----------
    patches
        As `find_patches` found them on the same grid.
    grid, mined
        As they were given to it.
    number
        Position of the tile among the grid's.
    """
    window = grid.window(grid.tiles[number])
    pixels, labels = _labelled(grid, mined, window, patches._reach)
    labels = np.where(pixels & (labels > 0), labels + patches._starts[number][:, None, None], 0)
    return _looked_up(patches._members, patches._numbers, labels)


def grown(mask: BoolArray, reach: float) -> BoolArray:
    """Grow a mask by a disc: pixels whose centre is at most `reach` pixels from one of it."""
    if reach < 1 or not mask.any():
        return mask
    return np.asarray(scipy.ndimage.distance_transform_edt(~mask) <= reach, dtype=bool)


def _solid(mask: BoolArray) -> BoolArray:
    """Leave out specks: single pixels between two mines, of which a map has many, join them else.

    However thin it is, a bench that links the parts of a mine is no speck.
    """
    labels, _ = scipy.ndimage.label(mask, np.ones((3, 3)))
    large = np.bincount(labels.ravel()) >= SPECK
    large[0] = False
    return np.asarray(large[labels])


def _labelled(grid: Grid, mined: Mined, window: Window, reach: int) -> tuple[BoolArray, Int64Array]:
    """Mined pixels of a window, and labels of grown patches in it from 1, both (period, y, x)."""
    halo = reach + HALO
    padded = mined(window.pad(halo))
    height, width = window.shape
    core = (slice(halo, halo + height), slice(halo, halo + width))
    inside = grid.area_mask(window)
    labels = np.zeros((len(padded), height, width), dtype=np.int64)
    for period, mask in enumerate(padded):
        if mask.any():
            labels[period], _ = scipy.ndimage.label(grown(_solid(mask), reach)[core] & inside)
    return padded[(slice(None), *core)] & (labels > 0), labels


class _Edges:
    """Last rows and columns of the tiles that lie north and west of the next."""

    def __init__(self) -> None:
        self._bottom: dict[int, tuple[int, Int64Array]] = {}
        self._right: tuple[Tile, Int64Array] | None = None

    def meet(self, tile: Tile, labels: Int64Array) -> Iterator[Int64Array]:
        """Give pairs of labels, (pair, 2), that touch across the edges of a tile."""
        row, above = self._bottom.get(tile.column, (-1, labels[:, 0]))
        if row == tile.row - 1:
            yield _pairs(above, labels[:, 0])
        if self._right is not None and self._right[0] == Tile(tile.row, tile.column - 1):
            yield _pairs(self._right[1], labels[:, :, 0])
        self._bottom[tile.column] = (tile.row, labels[:, -1].copy())
        self._right = (tile, labels[:, :, -1].copy())


def _pairs(one: Int64Array, other: Int64Array) -> Int64Array:
    both = (one > 0) & (other > 0)
    return np.unique(np.stack([one[both], other[both]], axis=1), axis=0)


def _measure(
    notes: _Notes, labels: Int64Array, areas: Int64Array, window: Window, width: int
) -> None:
    """Note the area and the first pixel of every label, and what labels of two periods share."""
    rows, columns = np.mgrid[window.y0 : window.y1, window.x0 : window.x1]
    places = rows * width + columns
    for period, own in enumerate(labels):
        here = own > 0
        if not here.any():
            continue
        found, position, inverse = np.unique(own[here], return_index=True, return_inverse=True)
        notes.numbers.append(found)
        notes.period.append(np.full(len(found), period))
        notes.area.append(summed_areas(inverse, areas[here], len(found)))
        notes.first.append(places[here][position])
        notes.pixels.append(np.bincount(inverse, minlength=len(found)))
        for earlier in labels[:period]:
            both = here & (earlier > 0)
            if both.any():
                pairs = np.stack([earlier[both], own[both]], axis=1)
                notes.shared.append(_added(pairs, areas[both]))


def _weigh(notes: _Notes, labels: Int64Array, probability: Callable[[int], Float32Array]) -> None:
    """Note how probable the pixels of every label are, as a sum of whole parts."""
    for period, own in enumerate(labels):
        here = own > 0
        if here.any():
            parts = np.rint(probability(period)[here].astype(np.float64) * PARTS).astype(np.int64)
            _, inverse = np.unique(own[here], return_inverse=True)
            notes.parts.append(summed_areas(inverse, parts, int(inverse.max()) + 1))


def _added(pairs: Int64Array, areas: Int64Array) -> Int64Array:
    """Sum the areas of equal pairs: (pair, 3), sorted."""
    base = pairs[:, 1].max(initial=0) + 1  # one number for each pair sorts as they do, but sooner
    found, inverse = np.unique(pairs[:, 0] * base + pairs[:, 1], return_inverse=True)
    total = np.zeros(len(found), dtype=np.int64)
    np.add.at(total, inverse, areas)
    return np.column_stack([*np.divmod(found, base), total])


def _resolved(notes: _Notes, reach: int, least: int, least_probability: float) -> Patches:
    """Join labels that touch, leave out what is small or improbable, and number the rest."""
    its = notes
    numbers, period, area, first, pixels, parts = (
        np.concatenate([np.zeros(0, dtype=np.int64), *values])
        for values in (its.numbers, its.period, its.area, its.first, its.pixels, its.parts)
    )
    one, other = np.concatenate([np.zeros((0, 2), dtype=np.int64), *notes.touching]).T
    shape = (notes.count + 1, notes.count + 1)
    graph = scipy.sparse.coo_array((np.ones(len(one), dtype=bool), (one, other)), shape)
    _, component = connected_components(graph, directed=False)
    found, member = np.unique(component[numbers], return_inverse=True)
    when, total, size, sure, start = (np.zeros(len(found), dtype=np.int64) for _ in range(5))
    when[member], start[:] = period, np.iinfo(np.int64).max
    np.add.at(total, member, area)
    np.add.at(size, member, pixels)
    np.add.at(sure, member, parts)
    np.minimum.at(start, member, first)
    order = np.lexsort((start, when))
    mean = sure / (PARTS * np.maximum(size, 1))
    order = order[(total[order] >= least) & (mean[order] >= least_probability)]
    final = np.full(len(found), -1, dtype=np.int64)
    final[order] = np.arange(len(order))
    kept = final[member] >= 0
    members, patch_numbers = _sorted(numbers[kept], final[member][kept])
    shared = np.concatenate([np.zeros((0, 3), dtype=np.int64), *notes.shared])
    pairs = _looked_up(members, patch_numbers, shared[:, :2])
    known = (pairs >= 0).all(axis=1)
    return Patches(
        when[order], total[order], start[order], size[order], mean[order],
        _added(pairs[known], shared[known, 2]), reach,
        np.array(notes.starts, dtype=np.int64), members, patch_numbers,
    )  # fmt: skip


def _sorted(keys: Int64Array, values: Int64Array) -> tuple[Int64Array, Int64Array]:
    order = np.argsort(keys)
    return keys[order], values[order]


def _looked_up(keys: Int64Array, values: Int64Array, wanted: Int64Array) -> Int64Array:
    """Values of wanted keys, -1 of those that are not among the sorted keys."""
    if not len(keys):
        return np.full(wanted.shape, -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], -1)
