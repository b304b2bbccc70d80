"""Which licence ground would be beyond if it were mined, wherever the map has a mine or not.

An estimate of what is beyond a licence needs to know of every pixel, mined or not, whether it
counts. It does where it is outside of all licences that are valid then, and the nearest mapped mine
is one with ground in the licence; of several such licences in the nearest one, as for what is
counted on the map (`minecover.land_register.findings.Search`). So ground beside a mine that the map
missed counts as beyond its licence, and a mine of its own elsewhere does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from minecover.arrays import Int64Array
from minecover.geography.grid import Grid, Window
from minecover.land_register.ground import Ids
from minecover.land_register.parcels import Parcels

__all__ = ["BeyondDomains"]


@dataclass(frozen=True, eq=False)
class BeyondDomains:
    """Says of places which licence they are beyond.

    Attributes
    ----------
    grid, licences
        The survey's.
    ids
        Reads ids of mines in a window, which may leave the grid, (period, y, x); 0: none.
    touched
        Mine and position of a period to the licences that the mine has ground in.
    reach
        Pixels within which a mine is near.
    """

    grid: Grid
    licences: Parcels
    ids: Callable[[Window], Ids]
    touched: Mapping[tuple[int, int], Sequence[int]]
    reach: int

    def at(self, row: Int64Array, col: Int64Array, periods: Sequence[int]) -> list[list[str]]:
        """Name the licence that each pixel is beyond; empty for none.

        Parameters
        ----------
        row, col
            (pixel,) their places.
        periods
            Positions of the periods.

        Returns
        -------
        For each of the periods the names by pixel.
        """
        names: list[list[str]] = [[] for _ in periods]
        for y, x in zip(row.tolist(), col.tolist(), strict=True):
            near = self.ids(Window(y, y + 1, x, x + 1).pad(self.reach))
            place = shapely.points(*(self.grid.geobox.affine @ (x + 0.5, y + 0.5)))
            for found, period in zip(names, periods, strict=True):
                found.append(self._name(place, self._nearest(near[period]), period))
        return names

    def _nearest(self, near: Ids) -> int:
        """Id of the mine nearest to the middle of a window; of equally near ones the lowest."""
        rows, columns = np.nonzero(near)
        away = (rows - self.reach) ** 2 + (columns - self.reach) ** 2
        close = away <= self.reach**2
        if not close.any():
            return 0
        return int(near[rows, columns][away == away[close].min()].min())

    def _name(self, place: shapely.Point, mine: int, period: int) -> str:
        numbers = list(self.touched.get((mine, period), ()))
        shapes = self.licences.valid_shapes[:, period]
        if not numbers or shapely.intersects(shapes, place).any():
            return ""
        return self.licences.names[numbers[int(shapely.distance(shapes[numbers], place).argmin())]]
