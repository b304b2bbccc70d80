"""Mined ground inside and outside of the polygons of a register, tile by tile.

A pixel is in a polygon where its centre is, and counts with its area on the ground. All sums are
whole numbers, so they are the same however the grid is cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.geography.grid import Grid, Window
from minecover.land_register.parcels import Parcels

__all__ = [
    "Ground", "Ids", "Inside", "Maps", "covered", "fresh_pixels", "measure_inside",
    "mined_windows", "mines_in",
]  # fmt: skip

Ids = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Maps:
    """What is read of a window of the grid.

    Attributes
    ----------
    grid
        Whose tiles are read.
    ids
        Ids of mines, (period, y, x); 0: none.
    areas
        Square millimetres of the pixels, (y, x).
    probability
        Of the classes that are mines, in one period, 0-1, (y, x).
    """

    grid: Grid
    ids: Callable[[Window], Ids]
    areas: Callable[[Window], Int64Array]
    probability: Callable[[Window, int], Float32Array]


@dataclass
class Ground:
    """Square millimetres that are mined, and those of them that were not in the period before."""

    mined: int = 0
    fresh: int = 0

    def add(self, weights: Int64Array, fresh: BoolArray) -> None:
        """Add pixels."""
        self.mined += int(weights.sum())
        self.fresh += int(weights[fresh].sum())


Grounds = dict[tuple[int, ...], Ground]


@dataclass
class Inside:
    """Mined ground by polygon.

    Attributes
    ----------
    licences, protected
        By number of the polygon, mine and position of the period.
    units
        By number of the polygon and position of the period.
    unlicensed
        The same of ground outside of all licences that are valid then.
    """

    licences: Grounds = field(default_factory=lambda: defaultdict(Ground))
    protected: Grounds = field(default_factory=lambda: defaultdict(Ground))
    units: Grounds = field(default_factory=lambda: defaultdict(Ground))
    unlicensed: Grounds = field(default_factory=lambda: defaultdict(Ground))

    def touched(self, least: int) -> dict[tuple[int, int], list[int]]:
        """List the licences that a mine has at least so much ground in, by mine and period.

        Parameters
        ----------
        least
            Square millimetres; a square millimetre at least.
        """
        touched: dict[tuple[int, int], list[int]] = {}
        for (number, mine, period), ground in sorted(self.licences.items()):
            if ground.mined >= max(1, least):
                touched.setdefault((mine, period), []).append(number)
        return touched


def measure_inside(
    maps: Maps, licences: Parcels | None, protected: Parcels | None, units: Parcels | None
) -> Inside:
    """Measure the mined ground inside of polygons; each may be None."""
    inside = Inside()
    for window in mined_windows(maps):
        ids, areas = maps.ids(window), maps.areas(window)
        fresh = fresh_pixels(ids)
        for parcels, sums in ((licences, inside.licences), (protected, inside.protected)):
            for number, period, mask in _valid_over(parcels, maps.grid, window):
                for mine, own in mines_in(ids[period], mask):
                    sums[number, mine, period].add(areas[own], fresh[period][own])
        licensed = covered(licences, maps.grid, window, len(ids))
        for number, mask in units.over(maps.grid, window) if units is not None else ():
            for period, own in enumerate(ids):
                dug = mask & (own > 0)
                inside.units[number, period].add(areas[dug], fresh[period][dug])
                free = dug & ~licensed[period]
                inside.unlicensed[number, period].add(areas[free], fresh[period][free])
    return inside


def mined_windows(maps: Maps) -> Iterator[Window]:
    """Give the windows of the tiles in which anything is mined in any period."""
    for tile in maps.grid.tiles:
        window = maps.grid.window(tile)
        if maps.ids(window).any():
            yield window


def fresh_pixels(ids: Ids) -> BoolArray:
    """Tell what is mined and was not in the period before, (period, y, x); nothing in the first."""
    before = np.concatenate([np.ones_like(ids[:1]), ids[:-1]])
    return np.asarray((ids > 0) & (before == 0), dtype=bool)


def _valid_over(
    parcels: Parcels | None, grid: Grid, window: Window
) -> Iterator[tuple[int, int, BoolArray]]:
    return parcels.valid_over(grid, window) if parcels is not None else iter(())


def covered(parcels: Parcels | None, grid: Grid, window: Window, periods: int) -> BoolArray:
    """Tell which pixels are in a valid polygon, (period, y, x)."""
    inside = np.zeros((periods, *window.shape), dtype=bool)
    for _, period, mask in _valid_over(parcels, grid, window):
        inside[period] |= mask
    return inside


def mines_in(ids: Ids, mask: BoolArray) -> Iterator[tuple[int, BoolArray]]:
    """Give the mines that have pixels of a mask, (y, x), and these pixels."""
    for mine in np.unique(ids[mask & (ids > 0)]).tolist():
        yield int(mine), mask & (ids == mine)
