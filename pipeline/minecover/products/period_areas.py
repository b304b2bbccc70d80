"""Areas of classes in every period, and what turned into what, counted on the maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float64Array, Int64Array
from minecover.geography.grid import Grid
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.mine_history.timeline import Codes, Timeline
from minecover.samples.classes import LandUseClass

__all__ = ["PeriodAreas", "measure_periods"]


@dataclass(frozen=True, eq=False)
class PeriodAreas:
    """Hectares of classes, in the order of the survey's.

    Attributes
    ----------
    areas
        (period, class), whatever the other periods hold.
    steps
        (step, class before, class after) from each period to the next, where both are known.
    changed
        The same of ground that is known in all periods and is not of one class in all.
    overall
        (class before, class after) from the first period to the last.
    """

    areas: Float64Array
    steps: Float64Array
    changed: Float64Array
    overall: Float64Array


def measure_periods(timeline: Timeline, grid: Grid, classes: Sequence[LandUseClass]) -> PeriodAreas:
    """Measure areas and transitions, tile by tile.

    Parameters
    ----------
    timeline
        Maps of two periods or more.
    grid
        Whose tiles are read, each once.
    classes
        Of the survey; other codes are not known.
    """
    count, surface = len(classes), Surface(grid)
    position = np.full(256, count)
    position[[item.code for item in classes]] = np.arange(count)
    steps = len(timeline) - 1
    areas = np.zeros((len(timeline), count + 1), dtype=np.int64)
    pairs = np.zeros((2, steps + 1, count + 1, count + 1), dtype=np.int64)
    for tile in grid.tiles:
        window = grid.window(tile)
        places = position[timeline.codes(window)]
        pixels = surface.pixel_areas(window)
        areas += np.stack([_summed(own, pixels, count + 1) for own in places])
        known = (places < count).all(axis=0)
        changed = known & (places != places[0]).any(axis=0)
        for number, (first, last) in enumerate([*_steps(steps), (0, steps)]):
            both = places[first] * (count + 1) + places[last]
            for kind, weights in enumerate((pixels, np.where(changed, pixels, 0))):
                sums = _summed(both, weights, (count + 1) ** 2)
                pairs[kind, number] += sums.reshape(count + 1, count + 1)
    hectares = pairs[:, :, :count, :count] / SQUARE_MILLIMETRES
    own_areas = areas[:, :count] / SQUARE_MILLIMETRES
    return PeriodAreas(own_areas, hectares[0, :steps], hectares[1, :steps], hectares[0, steps])


def _steps(count: int) -> list[tuple[int, int]]:
    return [(number, number + 1) for number in range(count)]


def _summed(places: Codes | Int64Array, weights: Int64Array, length: int) -> Int64Array:
    # exact: a tile has less than 2^53 square millimetres
    flat = np.bincount(places.ravel(), weights=weights.ravel(), minlength=length)
    return flat.astype(np.int64)
