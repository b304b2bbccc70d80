"""A district through the years: its mines, settlements and works as they are in each period."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.calendar import Year
from minecover.demo.courses import Use
from minecover.demo.frame import Frame
from minecover.demo.landscape import draw_country
from minecover.demo.materials import code_of
from minecover.demo.mines import dig_pit, heap_dump, plant, tip_spoil
from minecover.demo.noise import Field, Mask
from minecover.demo.plots import Plot, draw_plots
from minecover.demo.scene import Scene
from minecover.demo.settlements import build_settlements, build_works, quarter
from minecover.demo.site import Ground

__all__ = ["TRANSITIONS", "History"]

#: Classes that land may have turned to from one period to the next.
TRANSITIONS: dict[int, frozenset[int]] = {
    1: frozenset({1, 2, 3, 5, 6}),
    2: frozenset({2, 3}),
    3: frozenset({2, 3, 5, 6}),
    4: frozenset({2, 3, 4, 5, 6}),
    5: frozenset({2, 3, 5, 6}),
    6: frozenset({3, 5, 6}),
}
FIRST_EXTENT = 0.78  # of the settlements' radius in the first period
RIPE = 8.0  # years after which all that was planted looks old


class History:
    """A district of which every period is drawn when it is asked for.

    Attributes
    ----------
    frame, seed, years
        Where it lies, its random numbers, and its periods.
    plots
        Pits and dumps with their dates.
    """

    def __init__(self, frame: Frame, seed: int, years: list[Year]) -> None:
        self.frame, self.seed, self.years = frame, seed, years
        self._country = draw_country(frame, seed)
        grown = self._copy()
        built = build_settlements(grown, seed, self._country.sites, self._country.wet)
        self.plots: list[Plot] = draw_plots(grown, seed, self._country.closed(built))

    def moment(self, year: Year) -> float:
        """Give the time of a period: 0 for the first, 1 for the last."""
        return year.number / (len(self.years) - 1)

    def calendar(self, moments: Field | np.float32) -> Field:
        """Turn moments into years; a period is seen in the middle of its own."""
        first, last = int(self.years[0].name), int(self.years[-1].name)
        return np.asarray(first + 0.5 + moments * (last - first), dtype=np.float32)

    def scene(self, year: Year) -> Scene:
        """Draw the district as it is in a period."""
        scene, moment = self._copy(), self.moment(year)
        extent = FIRST_EXTENT + (1 - FIRST_EXTENT) * moment
        build_settlements(scene, self.seed, self._country.sites, self._country.wet, extent)
        for plot in self.plots:
            for use, inside in _parts(plot.dates.use(moment)):
                self._draw(plot, plot.ground(scene, self.seed), use, inside, moment)
        pits = {
            plot.number: plot.site
            for plot in self.plots
            if plot.is_pit and (plot.dates.dug <= moment).any()
        }
        town = self._country.sites[0]
        build_works(scene, self.seed, pits, town, self._country.wet, self._mined)
        return scene

    def truth(self) -> npt.NDArray[np.uint8]:
        """Classes of all periods, (period, y, x), codes 1 to 6, 10 m.

        Where parts of a pixel change one after another, its majority can turn in a way that no part
        of it did; such a pixel keeps its class until it turns as land may.
        """
        allowed = np.zeros((7, 7), dtype=bool)
        for before, after in TRANSITIONS.items():
            allowed[before, list(after)] = True
        codes = np.empty((len(self.years), self.frame.size, self.frame.size), dtype=np.uint8)
        for number, year in enumerate(self.years):
            seen = self.scene(year).truth()
            last = codes[max(number - 1, 0)] if number else seen
            codes[number] = np.where(allowed[last, seen], seen, last)
        return codes

    def ground(self) -> npt.NDArray[np.uint8]:
        """Classes of the country without settlements and mines, 10 m."""
        return self._country.scene.truth()

    def moments(self, name: str) -> Field:
        """Earliest moment of a change (a field of `Dates`) in each pixel of 10 m, else infinite."""
        side = self.frame.fine
        whole = np.full((side, side), np.inf, dtype=np.float32)
        for plot in self.plots:
            window = whole[plot.site.window(side)]
            np.minimum(window, getattr(plot.dates, name), out=window)
        cells = whole.reshape(side // 2, 2, side // 2, 2)
        return np.asarray(cells.min(axis=(1, 3))[self.frame.inner])

    def mine_numbers(self) -> npt.NDArray[np.uint16]:
        """Give the number of the mine whose ground a pixel of 10 m is at last, 0 where none."""
        side = self.frame.fine
        whole = np.zeros((side, side), dtype=np.uint16)
        for plot in self.plots:
            whole[plot.site.window(side)][np.isfinite(plot.dates.dug)] = plot.mine
        cells = whole.reshape(side // 2, 2, side // 2, 2)
        return np.asarray(cells.max(axis=(1, 3))[self.frame.inner])

    @cached_property
    def _mined(self) -> Mask:
        """Mark the ground of all mines in all periods, with some distance."""
        mined = np.zeros((self.frame.fine, self.frame.fine), dtype=bool)
        for plot in self.plots:
            mined[plot.site.window(self.frame.fine)] |= np.isfinite(plot.dates.dug)
        return np.asarray(ndimage.binary_dilation(mined, iterations=3))

    def _copy(self) -> Scene:
        natural = self._country.scene
        return Scene(self.frame, natural.elevation.copy(), natural.material.copy())

    def _draw(self, plot: Plot, ground: Ground, use: Use, inside: Mask, moment: float) -> None:
        ground.inside = inside
        if use in (Use.DUG, Use.REOPENED):
            ground.depth = _depth(inside)
            (dig_pit if plot.is_pit else heap_dump)(ground, plot.site, self.frame)
        elif use is Use.FILLED:
            tip_spoil(ground, plot.site, self.frame)
        elif use is Use.GREENED:
            plant(ground, plot.site, self.frame, self._grown(plot, moment))
        elif use is Use.FLOODED:
            deep = ndimage.binary_erosion(inside, iterations=3)
            water = np.where(deep, code_of("clear_water"), code_of("turbid_water"))
            ground.material[inside] = water[inside]
            ground.elevation[inside] = ground.elevation[inside].min()
        else:
            ground.material[inside] = quarter(ground, 0.75)[inside]

    def _grown(self, plot: Plot, moment: float) -> Field:
        """Share of what was planted that looks old by now."""
        if plot.course.stalls:
            return np.zeros_like(plot.dates.greened)
        age = self.calendar(np.float32(moment)) - self.calendar(plot.dates.greened)
        return np.asarray(np.clip(age / RIPE, 0, 1), dtype=np.float32)


def _parts(use: npt.NDArray[np.uint8]) -> Iterator[tuple[Use, Mask]]:
    """Give each use that occurs, other than the natural one, and where."""
    for code in Use:
        if code is not Use.NATURAL and (inside := use == code).any():
            yield code, inside


def _depth(inside: Mask) -> Field:
    """How far inside its edge a pixel of an irregular pit lies: from 0 to 1."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    return np.asarray(depth / depth.max(), dtype=np.float32)
