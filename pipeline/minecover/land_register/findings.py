"""Mined ground where it should not be: beyond or outside of licences, or in protected areas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.geography.grid import Window
from minecover.land_register.ground import (
    Ground,
    Ids,
    Inside,
    Maps,
    covered,
    fresh_pixels,
    mined_windows,
    mines_in,
)
from minecover.land_register.parcels import Parcels

__all__ = ["NOWHERE", "STEPS", "Box", "Finding", "Key", "Search"]

NOWHERE = -1
"""Stands for no licence."""

STEPS = 1000
"""Probabilities are counted in thousandths."""

Box = tuple[int, int, int, int]
"""First row and column, last row and column of the grid."""

Key = tuple[str, int, int, int]
"""Kind (``beyond``, ``outside``, ``protected``), number of the polygon, mine, period."""


@dataclass
class Finding:
    """Mined ground of one mine where it should not be, in one period.

    Attributes
    ----------
    ground
        What is mined, and what is new.
    sure
        Square millimetres, each times the probability in thousandths that it is mined, of the
        pixels that are far enough from the outline.
    box
        Around its pixels.
    """

    ground: Ground = field(default_factory=Ground)
    sure: int = 0
    box: Box | None = None

    def extend(self, own: BoolArray, window: Window) -> None:
        """Extend the box by pixels of a window, (y, x)."""
        rows, columns = np.nonzero(own)
        rows, columns = rows + window.y0, columns + window.x0
        here = (int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max()))
        known = self.box or here
        self.box = (
            min(known[0], here[0]), min(known[1], here[1]),
            max(known[2], here[2]), max(known[3], here[3]),
        )  # fmt: skip


@dataclass(frozen=True)
class _Part:
    """Ground of a mine in a window where it should not be.

    Attributes
    ----------
    kind, number, mine
        As in `Key`.
    own
        Its pixels, (y, x).
    away
        (pixel,) metres from the outline.
    """

    kind: str
    number: int
    mine: int
    own: BoolArray
    away: Float64Array


@dataclass(frozen=True, eq=False)
class Search:
    """What is searched for such ground.

    Ground of a mine that has at least `least` square millimetres in licences of a period is
    *beyond* the nearest of these; ground of other mines is *outside* of all (`NOWHERE`).

    Attributes
    ----------
    maps, licences, protected
        As they were given to `measure_inside`.
    inside
        What that measured.
    least
        Square millimetres.
    edge
        Metres from an outline within which ground is no evidence.
    """

    maps: Maps
    licences: Parcels | None
    protected: Parcels | None
    inside: Inside
    least: int
    edge: float

    def findings(self) -> Mapping[Key, Finding]:
        """Find all such ground in all periods."""
        found: dict[Key, Finding] = defaultdict(Finding)
        for window in mined_windows(self.maps):
            ids, areas = self.maps.ids(window), self.maps.areas(window)
            fresh, licensed = fresh_pixels(ids), self._licensed(window, len(ids))
            for period in range(len(ids)):
                parts = self._parts(window, ids, licensed, period)
                chances = self._thousandths(window, period) if parts else areas
                for part in parts:
                    one = found[part.kind, part.number, part.mine, period]
                    one.ground.add(areas[part.own], fresh[period][part.own])
                    far = part.away >= self.edge
                    one.sure += int((areas[part.own] * chances[part.own])[far].sum())
                    one.extend(part.own, window)
        return dict(found)

    def pixels(self, key: Key, window: Window) -> BoolArray:
        """Tell which pixels of a window are of a finding, (y, x)."""
        kind, number, mine, period = key
        out = np.zeros(window.shape, dtype=bool)
        ids = self.maps.ids(window)
        for part in self._parts(window, ids, self._licensed(window, len(ids)), period):
            if (part.kind, part.number, part.mine) == (kind, number, mine):
                out |= part.own
        return out

    @cached_property
    def _touched(self) -> dict[tuple[int, int], list[int]]:
        return self.inside.touched(self.least)

    def _thousandths(self, window: Window, period: int) -> Int64Array:
        chances = np.nan_to_num(self.maps.probability(window, period).astype(np.float64))
        return np.round(chances * STEPS).astype(np.int64)

    def _licensed(self, window: Window, periods: int) -> BoolArray:
        """Tell which pixels are in a valid licence; all where there is no register of them."""
        if self.licences is None:
            return np.ones((periods, *window.shape), dtype=bool)
        return covered(self.licences, self.maps.grid, window, periods)

    def _parts(self, window: Window, ids: Ids, licensed: BoolArray, period: int) -> list[_Part]:
        """List what is found in a window in a period."""
        parts = [*self._in_protected(window, ids[period])]
        for mine, own in mines_in(ids[period], ~licensed[period]):
            parts += self._unlicensed(window, mine, period, own)
        return parts

    def _places(self, window: Window, own: BoolArray) -> npt.NDArray[np.object_]:
        """Centres of pixels."""
        x, y = self.maps.grid.centres(window)
        return np.asarray(shapely.points(x[own], y[own]))

    def _in_protected(self, window: Window, ids: Ids) -> Iterator[_Part]:
        if self.protected is None:
            return
        for number, mask in self.protected.over(self.maps.grid, window):
            outline = shapely.boundary(self.protected.shapes[number])
            for mine, own in mines_in(ids, mask):
                away = shapely.distance(self._places(window, own), outline)
                yield _Part("protected", number, mine, own, away)

    def _unlicensed(
        self, window: Window, mine: int, period: int, own: BoolArray
    ) -> Iterator[_Part]:
        """Divide ground of a mine outside of all licences among those that it has ground in."""
        near = self._touched.get((mine, period), [])
        if not near:
            yield _Part("outside", NOWHERE, mine, own, np.full(int(own.sum()), np.inf))
            return
        assert self.licences is not None
        places = self._places(window, own)
        away = shapely.distance(places[None], self.licences.valid_shapes[near, period][:, None])
        nearest = away.argmin(axis=0)  # of equally near ones the first by name
        for position, number in enumerate(near):
            mine_is = nearest == position
            if mine_is.any():
                part = own.copy()
                part[own] = mine_is
                yield _Part("beyond", number, mine, part, away[position][mine_is])
