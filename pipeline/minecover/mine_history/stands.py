"""Ground that was mined once, and undisturbed ground around it that is like it, tile by tile.

A *stand* is the ground of one mine that was mined last in one period, and not in the last one of
all: it was given up at one time. Its reference is ground within a distance of the mine that had
one and the same class of cover in every period, was never mined, and has elevation and slope as the
stands of the mine have them. Indices are counted in classes of `WIDTH`, so that quantiles of any
number of pixels are had from whole numbers, the same however the grid is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.geography.grid import Grid, Window
from minecover.mine_history.cover import boxes, in_core
from minecover.mine_history.patches import grown

__all__ = ["Counts", "Ground", "Reference", "Stand", "count_indices", "quantiles", "stands_of"]

BINS = 400

WIDTH = 2 / BINS
"""Of a class of an index, which is within -1 to 1; what is beyond counts with the last."""

DEVIATIONS = 2.0
"""Standard deviations of the relief of stands within which that of their reference lies."""

NEAR_METRES, NEAR_DEGREES = 20.0, 3.0
"""Elevation and slope within which relief is alike in any case."""

TENTHS = 10
"""Elevation and slope are summed in tenths."""

Ids = npt.NDArray[np.integer]

Stand = tuple[int, int]
"""Id of the mine, and position of the period in which its ground was mined last."""


@dataclass(frozen=True)
class Ground:
    """What is read of a window that may leave the grid.

    Attributes
    ----------
    grid
        Whose tiles are read.
    ids
        Ids of mines, (period, y, x).
    codes
        Class codes, (period, y, x), 0 where nodata.
    areas
        Square millimetres of the pixels of a window of the grid, (y, x).
    relief
        Elevation and slope, (2, y, x), NaN where unknown; None: there is no terrain.
    indices
        In one period, (layer, y, x), NaN where unknown.
    """

    grid: Grid
    ids: Callable[[Window], Ids]
    codes: Callable[[Window], npt.NDArray[np.uint8]]
    areas: Callable[[Window], Int64Array]
    relief: Callable[[Window], Float32Array] | None
    indices: Callable[[Window, int], Float32Array]


@dataclass(frozen=True, eq=False)
class Reference:
    """What undisturbed ground is like that stands are compared with.

    Attributes
    ----------
    codes
        Of classes that cover it.
    reach
        Pixels from the stands of a mine to which it lies.
    """

    codes: tuple[int, ...]
    reach: int


@dataclass(frozen=True, eq=False)
class Counts:
    """Pixels by class of an index.

    Attributes
    ----------
    areas
        Square millimetres of each stand.
    stands
        By stand (period, layer, bin).
    reference
        By mine (period, layer, bin).
    """

    areas: dict[Stand, int]
    stands: dict[Stand, Int64Array]
    reference: dict[int, Int64Array]


def stands_of(ids: Ids) -> tuple[Ids, Ids]:
    """Tell of which stand pixels are.

    Parameters
    ----------
    ids
        (period, y, x).

    Returns
    -------
    Ids of the mines, 0 where there is no stand, and positions of the periods, (y, x) both.
    """
    periods = len(ids)
    last = periods - 1 - np.argmax(ids[::-1] > 0, axis=0)
    mine = np.take_along_axis(ids, last[None], axis=0)[0]
    return np.where(last < periods - 1, mine, 0), last


def count_indices(
    ground: Ground, reference: Reference, periods: int, layers: int, *, least: int
) -> Counts:
    """Count the indices of stands and of their reference.

    Parameters
    ----------
    ground
        What is read.
    reference
        What it is like.
    periods, layers
        Their numbers.
    least
        Square millimetres; smaller stands are passed over.
    """
    areas, relief = _measure(ground)
    large = {stand: area for stand, area in areas.items() if area >= max(1, least)}
    shape = (periods, layers, BINS)
    counts = Counts(
        large,
        {stand: np.zeros(shape, dtype=np.int64) for stand in large},
        {mine: np.zeros(shape, dtype=np.int64) for mine, _ in large},
    )
    for tile in ground.grid.tiles:
        window = ground.grid.window(tile)
        parts: list[tuple[Stand | int, BoolArray]] = []
        parts += _stand_parts(ground, window, large)
        parts += _reference_parts(ground, reference, window, relief, set(counts.reference))
        for period in range(periods) if parts else ():
            values = ground.indices(window, period)
            for key, own in parts:
                total = counts.reference[key] if isinstance(key, int) else counts.stands[key]
                for layer, index in enumerate(values):
                    total[period, layer] += _binned(index[own])
    return counts


def _measure(ground: Ground) -> tuple[dict[Stand, int], dict[int, _Relief]]:
    """Measure stands, and the relief of those of each mine."""
    areas: dict[Stand, int] = {}
    relief: dict[int, _Relief] = {}
    for tile in ground.grid.tiles:
        window = ground.grid.window(tile)
        mine, last = stands_of(ground.ids(window))
        if not mine.any():
            continue
        weights = ground.areas(window)
        for stand, own in _each(mine, last):
            areas[stand] = areas.get(stand, 0) + int(weights[own].sum())
        for number in np.unique(mine[mine > 0]).tolist() if ground.relief is not None else ():
            assert ground.relief is not None
            relief.setdefault(number, _Relief()).add(ground.relief(window)[:, mine == number])
    return areas, relief


def _each(mine: Ids, last: Ids) -> list[tuple[Stand, BoolArray]]:
    found = np.unique(np.stack([mine[mine > 0], last[mine > 0]], axis=1), axis=0).tolist()
    return [((m, period), (mine == m) & (last == period)) for m, period in found]


class _Relief:
    """Sums of elevation and slope in whole tenths."""

    def __init__(self) -> None:
        self._sums = np.zeros((3, 2), dtype=np.int64)

    def add(self, values: Float32Array) -> None:
        """Add (2, pixel) values."""
        known = values[:, np.isfinite(values).all(axis=0)].astype(np.float64)
        tenths = np.round(known * TENTHS).astype(np.int64)
        self._sums += np.stack(
            [np.full(2, tenths.shape[1]), tenths.sum(axis=1), (tenths**2).sum(axis=1)]
        )

    def alike(self, values: Float32Array) -> BoolArray:
        """Tell which of (2, y, x) values are within the relief that was added."""
        count, total, squares = self._sums.astype(np.float64)
        if not count[0]:
            return np.ones(values.shape[1:], dtype=bool)
        mean = total / count
        spread = np.sqrt(np.maximum(squares / count - mean**2, 0)) / TENTHS
        most = np.maximum(DEVIATIONS * spread, (NEAR_METRES, NEAR_DEGREES))
        away = np.abs(values - (mean / TENTHS)[:, None, None])
        return np.asarray((away <= most[:, None, None]).all(axis=0), dtype=bool)


def _stand_parts(
    ground: Ground, window: Window, large: dict[Stand, int]
) -> list[tuple[Stand, BoolArray]]:
    mine, last = stands_of(ground.ids(window))
    return [(stand, own) for stand, own in _each(mine, last) if stand in large]


def _reference_parts(
    ground: Ground,
    reference: Reference,
    window: Window,
    relief: dict[int, _Relief],
    mines: set[int],
) -> list[tuple[int, BoolArray]]:
    """Give the reference of every mine with pixels in a window."""
    reach = reference.reach
    padded = ground.ids(window.pad(reach))
    near, _ = stands_of(padded)
    if not np.isin(near, list(mines)).any():
        return []
    codes = ground.codes(window)
    core = (slice(reach, reach + window.shape[0]), slice(reach, reach + window.shape[1]))
    still = (codes == codes[0]).all(axis=0) & np.isin(codes[0], reference.codes)
    still &= ~(padded[(slice(None), *core)] > 0).any(axis=0)
    heights = ground.relief(window) if ground.relief is not None and still.any() else None
    parts = []
    for mine, place in boxes(near[None], reach) if still.any() else ():
        if mine not in mines:
            continue
        in_box, in_tile = in_core(place, window, reach)
        own = np.zeros(window.shape, dtype=bool)
        own[in_tile] = grown(near[place] == mine, reach)[in_box]
        own &= still
        if heights is not None:
            own &= relief[mine].alike(heights)
        if own.any():
            parts.append((mine, own))
    return parts


def _binned(values: Float32Array) -> Int64Array:
    known = values[np.isfinite(values)].astype(np.float64)
    places = np.floor((known + 1) / WIDTH).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


def quantiles(counts: Int64Array, shares: Sequence[float]) -> Float64Array:
    """Give quantiles of what was counted, (..., bin) to (share, ...); NaN of nothing.

    Within a class values are taken to be spread evenly.
    """
    total = counts.sum(axis=-1, keepdims=True)
    below = np.cumsum(counts, axis=-1)
    out = []
    for share in shares:
        wanted = share * total
        place = np.minimum((below < wanted).sum(axis=-1), BINS - 1)
        own = np.take_along_axis(counts, place[..., None], axis=-1)[..., 0]
        before = np.take_along_axis(below, place[..., None], axis=-1)[..., 0] - own
        part = (wanted[..., 0] - before) / np.maximum(own, 1)
        value = -1 + WIDTH * (place + np.clip(part, 0, 1))
        out.append(np.where(total[..., 0] > 0, value, np.nan))
    return np.stack(out)
