"""Outlines of a class on the map with their area on the ground, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import shapely

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface
from minecover.products.outlines import outline, patches

__all__ = ["LeftOut", "measured_outlines", "to_map"]

BATCH = 5_000
"""Patches measured at once."""

NEAR = 0.9
"""Share of the minimum mapping unit from which a patch is measured by its outline."""

Polygons = npt.NDArray[np.object_]


@dataclass
class LeftOut:
    """Polygons below the minimum mapping unit, and their area together."""

    count: int = 0
    hectares: float = 0.0


def measured_outlines(
    strips: Iterable[BoolArray], surface: Surface, min_area_ha: float, left_out: LeftOut
) -> Iterator[list[tuple[shapely.Polygon, float]]]:
    """Trace the patches of a class and measure them.

    Parameters
    ----------
    strips
        The map from top to bottom in strips of full rows, (y, x): whether a pixel is of the class.
    surface
        Measures on the map's grid.
    min_area_ha
        Minimum mapping unit: smaller polygons are left out.
    left_out
        Counts these.

    Yields
    ------
    Polygons in the grid's CRS with their hectares, in the order in which they end from the top.
    """
    for batch in _batches(patches(strips)):
        polygons = _large(batch, surface, min_area_ha, left_out)
        measured = list(zip(polygons, surface.hectares(polygons).tolist(), strict=True))
        small = [hectares for _, hectares in measured if hectares < min_area_ha]
        left_out.count += len(small)
        for hectares in small:
            left_out.hectares += hectares
        yield [(polygon, hectares) for polygon, hectares in measured if hectares >= min_area_ha]


def _batches(runs: Iterator[Int64Array]) -> Iterator[list[Int64Array]]:
    while batch := list(islice(runs, BATCH)):
        yield batch


def _large(
    batch: list[Int64Array], surface: Surface, min_area_ha: float, left_out: LeftOut
) -> Polygons:
    """Outline the patches that can reach the minimum mapping unit; count the others.

    A patch is judged by its pixels, each as large as the first, which saves outlining the many
    that are nowhere near; those near it are outlined and measured.
    """
    first = np.array([runs[0] for runs in batch], dtype=np.float64)
    pixel = shapely.box(first[:, 0], first[:, 1], first[:, 0] + 1, first[:, 1] + 1)
    pixels = [int((runs[:, 2] - runs[:, 0]).sum()) for runs in batch]
    place = to_map(surface.grid)
    hectares = surface.hectares(shapely.transform(pixel, place)) * pixels
    small = hectares < NEAR * min_area_ha
    left_out.count += int(small.sum())
    left_out.hectares += float(hectares[small].sum())
    outlines = [outline(runs) for runs, skipped in zip(batch, small, strict=True) if not skipped]
    return np.asarray(shapely.transform(np.array(outlines, dtype=object), place))


def to_map(grid: Grid) -> Callable[[Float64Array], Float64Array]:
    """Give the function from pixels, x before y, to the CRS of their grid."""
    affine = grid.geobox.affine
    scale, origin = np.array([affine.a, affine.e]), np.array([affine.c, affine.f])
    return lambda pixels: np.asarray(pixels * scale + origin, dtype=np.float64)
