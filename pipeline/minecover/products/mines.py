"""Mines as polygons in a GeoPackage, with their area on the ground.

Every class that the survey marks as `mine` is traced over the whole of ``landuse.tif``, strip by
strip (see `minecover.products.measured_outlines`), and written in batches, so memory grows with the
width of the map and the largest mine, not with the area. Equal maps give equal bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio.windows import Window as RasterWindow

from minecover.arrays import BoolArray
from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface
from minecover.products.measured_outlines import LeftOut, measured_outlines
from minecover.products.product import File, Product, Publication
from minecover.simulated import TAG

__all__ = ["MINES", "Mine", "MineSummary", "Mines"]

FILE = File("mines.gpkg", "Mines", "application/geopackage+sqlite3", "mines")

MAP = "landuse.tif"

LAYER = "mines"
"""Layer of the GeoPackage."""

STRIP = 256
"""Rows of the map read at once."""

LARGEST = 10
"""Mines named in the report."""


@dataclass(frozen=True, order=True)
class Mine:
    """One mine as the report names it; `x` and `y` lie inside it, in the grid's CRS."""

    hectares: float
    identifier: int
    class_name: str
    x: float
    y: float


@dataclass
class MineSummary:
    """What was written, and what was too small for it.

    Attributes
    ----------
    count, hectares
        Polygons written and their area.
    left_out, hectares_left_out
        Polygons below the minimum mapping unit and their area.
    min_area_ha
        The minimum mapping unit, hectares.
    largest
        The largest mines, largest first.
    """

    min_area_ha: float
    count: int = 0
    hectares: float = 0.0
    left_out: int = 0
    hectares_left_out: float = 0.0
    largest: list[Mine] = field(default_factory=list)


class Mines(Product[MineSummary]):
    """Outlines of the mines; its result is how many there are, and the largest.

    The layer `mines` has columns `id` (from 1, in the order in which polygons end from north to
    south), `class` and `area_ha`.

    Parameters
    ----------
    min_area_ha
        Minimum mapping unit: smaller polygons are left out, and counted.
    strip
        Rows read at once; without influence on the result.
    """

    name = "mines"
    requires = ("landuse",)

    def __init__(self, *, min_area_ha: float = 0.1, strip: int = STRIP) -> None:
        self.min_area_ha = min_area_ha
        self.strip = strip

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the GeoPackage, whatever the map."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> MineSummary:
        """Trace the classes that are mines.

        Raises
        ------
        StoreError
            The file does not hold every polygon that was written to it.
        """
        path, grid = paths[FILE.name], publication.grid
        summary, surface, left_out = MineSummary(self.min_area_ha), Surface(grid), LeftOut()
        # the day of the survey, not of the clock: equal maps give equal bytes
        with _change_date(publication.days[1]):
            layer = _Layer(path, grid, publication.simulated)
            layer.append([])
            for item in (item for item in publication.classes if item.mine):
                strips = _strips(publication.paths[MAP], item.code, self.strip)
                for batch in measured_outlines(strips, surface, self.min_area_ha, left_out):
                    layer.append(_rows(batch, item.name, summary))
        summary.left_out, summary.hectares_left_out = left_out.count, left_out.hectares
        found = pyogrio.read_info(path, layer=LAYER)["features"]
        if found != summary.count:
            raise StoreError(
                f"{path.name}: {found} of {summary.count} polygons arrived; check the disk of the "
                "store and its free space, and run again"
            )
        return summary


MINES = Mines()


def _strips(landuse: Path, code: int, rows: int) -> Iterator[BoolArray]:
    with rasterio.open(landuse) as dataset:
        for y in range(0, dataset.height, rows):
            height = min(rows, dataset.height - y)
            window = RasterWindow(0, y, dataset.width, height)
            yield dataset.read(1, window=window) == code


Row = tuple[shapely.Polygon, str, float]


def _rows(batch: list[tuple[shapely.Polygon, float]], name: str, summary: MineSummary) -> list[Row]:
    """Rows of the layer, each counted in the summary."""
    rows: list[Row] = []
    for polygon, hectares in batch:
        summary.count += 1
        summary.hectares += hectares
        point = polygon.representative_point()
        mine = Mine(hectares, summary.count, name, point.x, point.y)
        summary.largest = heapq.nlargest(LARGEST, [*summary.largest, mine])
        rows.append((polygon, name, round(hectares, 4)))
    return rows


@dataclass
class _Layer:
    """The layer of the GeoPackage, to which polygons are appended."""

    path: Path
    grid: Grid
    simulated: tuple[str, ...]
    count: int = 0

    def append(self, rows: list[Row]) -> None:
        if self.path.exists() and not rows:
            return
        first, self.count = self.count + 1, self.count + len(rows)
        frame = gpd.GeoDataFrame(
            {
                "id": np.arange(first, self.count + 1, dtype=np.int64),
                "class": np.array([row[1] for row in rows], dtype=object),
                "area_ha": np.array([row[2] for row in rows], dtype=np.float64),
            },
            geometry=[row[0] for row in rows],
            crs=self.grid.crs,
        )
        new = not self.path.exists()
        tags = {TAG: "YES", f"{TAG}_SOURCES": ", ".join(self.simulated)}
        pyogrio.write_dataframe(
            frame,
            self.path,
            layer=LAYER,
            driver="GPKG",
            geometry_type="Polygon",
            append=not new,
            dataset_metadata=tags if new and self.simulated else None,
        )


@contextmanager
def _change_date(date: str) -> Iterator[None]:
    """Let a GeoPackage say `date` where it would say the time of the clock."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{date}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
