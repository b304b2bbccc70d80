"""Licences of the simulated mines: some are overrun, one mine has none, one is not used."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from shapely import box

from minecover.demo.frame import ImageGrid
from minecover.demo.history import History
from minecover.demo.noise import stream

__all__ = ["Licence", "draw_licences", "licence_table"]

SPARE = 3  # pixels between a mine and the edge of the licence that it keeps to
UNUSED = 0.08  # side of the licence without a mine, as a share of the district's
TRIES = 200


@dataclass(frozen=True)
class Licence:
    """A rectangle along the pixels of the truth, so that every pixel is inside or outside.

    Attributes
    ----------
    mine
        Number of the mine that it was given to; 0: nothing is mined there.
    rows, columns
        First and last, the last one not included.
    """

    name: str
    mine: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    def inside(self, size: int) -> npt.NDArray[np.bool_]:
        """Mark its pixels of the district."""
        mask = np.zeros((size, size), dtype=bool)
        mask[slice(*self.rows), slice(*self.columns)] = True
        return mask


def draw_licences(history: History) -> list[Licence]:
    """Lay a rectangle around each licensed mine as it is, or will be, when the licence ends."""
    size = history.frame.size
    numbers, dug = history.mine_numbers(), history.moments("dug")
    found: list[Licence] = []
    for mine, course in sorted({plot.mine: plot.course for plot in history.plots}.items()):
        licensed = course.licensed
        own = numbers == mine
        if licensed is None or not own.any():
            continue
        ground = own & (dug <= licensed) if licensed < 1 else own
        spare = SPARE if licensed >= 1 else 0
        rows, columns = (
            (max(int(index.min()) - spare, 0), min(int(index.max()) + 1 + spare, size))
            for index in np.nonzero(ground)
        )
        found.append(Licence(f"L-{len(found) + 1:02}", mine, rows, columns))
    return [*found, *_unused(history, numbers, len(found) + 1)]


def _unused(history: History, numbers: npt.NDArray[np.uint16], count: int) -> list[Licence]:
    """Place a licence where nothing is mined, if there is room."""
    size = history.frame.size
    side = max(4, round(UNUSED * size))
    places = stream(history.seed, "licence").integers(0, size - side, (TRIES, 2)).tolist()
    for row, column in places:
        if not numbers[row : row + side, column : column + side].any():
            return [Licence(f"L-{count:02}", 0, (row, row + side), (column, column + side))]
    return []


def licence_table(licences: list[Licence], grid: ImageGrid, first_year: int) -> gpd.GeoDataFrame:
    """Licences as polygons of the grid's CRS, with what a register says of them."""
    left, top, step = grid.transform.c, grid.transform.f, grid.transform.a
    shapes = [
        box(
            left + step * licence.columns[0], top - step * licence.rows[1],
            left + step * licence.columns[1], top - step * licence.rows[0],
        )
        for licence in licences
    ]  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "licence": [licence.name for licence in licences],
            "holder": [f"Simulated Mining {licence.name[2:]}" for licence in licences],
            "granted": [f"{first_year - 8 + index % 5}-01-01" for index in range(len(licences))],
            "expires": [f"{first_year + 15 + index % 5}-12-31" for index in range(len(licences))],
            "hectares": [round(shape.area / 10_000, 2) for shape in shapes],
        },
        geometry=shapes,
        crs=grid.crs,
    )
