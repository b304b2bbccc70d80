"""Areas of classes in every period, and what turned into what, counted on the maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float64Array, Int64Array
from minecover.geography.grid import Grid
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface, summed_areas
from minecover.mine_history.timeline import Timeline
from minecover.samples.classes import LandUseClass
from minecover.transitions.from_to import Codes

__all__ = ["PeriodAreas", "measure_periods", "transition_areas"]


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
    codes, surface = [item.code for item in classes], Surface(grid)
    steps = len(timeline) - 1
    areas = np.zeros((len(timeline), 256), dtype=np.int64)
    pairs = np.zeros((2, steps + 1, len(codes), len(codes)), dtype=np.int64)
    for tile in grid.tiles:
        window = grid.window(tile)
        maps, pixels = timeline.codes(window), surface.pixel_areas(window)
        areas += np.stack([summed_areas(own, pixels, 256) for own in maps])
        known = np.isin(maps, codes).all(axis=0)
        changed = known & (maps != maps[0]).any(axis=0)
        for number, (first, last) in enumerate([*_steps(steps), (0, steps)]):
            for kind, weights in enumerate((pixels, np.where(changed, pixels, 0))):
                pairs[kind, number] += transition_areas(maps[first], maps[last], codes, weights)
    hectares = pairs / SQUARE_MILLIMETRES
    own_areas = areas[:, codes] / SQUARE_MILLIMETRES
    return PeriodAreas(own_areas, hectares[0, :steps], hectares[1, :steps], hectares[0, steps])


def _steps(count: int) -> list[tuple[int, int]]:
    return [(number, number + 1) for number in range(count)]


def transition_areas(
    before: Codes, after: Codes, codes: Sequence[int], areas: Int64Array
) -> Int64Array:
    """Sum areas by class before and class after, (class, class) in the order of `codes`.

    Parameters
    ----------
    before, after
        Class codes below 256; pixels of another code in either are left out.
    codes
        Of the classes.
    areas
        Square millimetres, of the same shape.
    """
    size = len(codes) + 1
    position = np.zeros(256, dtype=np.int64)
    position[codes] = np.arange(1, size)
    both = position[before] * size + position[after]
    return summed_areas(both, areas, size**2).reshape(size, size)[1:, 1:]
