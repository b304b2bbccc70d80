"""Outlines of classes in a GeoPackage, with their figures and a style for QGIS inside.

Every class is traced over the whole of ``landuse.tif``, strip by strip (see
`minecover.products.measured_outlines`), and written in batches, so memory grows with the width of
the map and the largest patch, not with the area. Equal maps give equal bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
from rasterio.windows import Window as RasterWindow

from minecover.arrays import BoolArray
from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface
from minecover.products.landuse import MAP, threshold_of
from minecover.products.measured_outlines import LeftOut, measured_outlines
from minecover.products.patch_figures import COLUMNS, PatchFigures
from minecover.products.product import File, Product, Publication
from minecover.products.vector_style import add_style, polygon_style
from minecover.samples.classes import LandUseClass
from minecover.simulated import simulation_tags

__all__ = ["MINES", "VERSION", "ClassOutlines", "Mine", "MineSummary", "Mines", "change_date"]

STRIP = 256
"""Rows of the map read at once."""

VERSION = "1.2"
"""Of GeoPackage: programs of earlier years, QGIS 3.22 among them, warn of later ones."""

LARGEST = 10
"""Patches named in the report."""


@dataclass(frozen=True, order=True)
class Mine:
    """One patch as the report names it, with the columns of the layer."""

    area_ha: float
    id: int
    class_name: str
    perimeter_m: float
    lon: float
    lat: float
    probability: float
    doubtful: float


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
        The largest patches, largest first.
    """

    min_area_ha: float
    count: int = 0
    hectares: float = 0.0
    left_out: int = 0
    hectares_left_out: float = 0.0
    largest: list[Mine] = field(default_factory=list)

    def add(self, rows: pd.DataFrame) -> None:
        """Count rows of the layer."""
        self.count += len(rows)
        self.hectares += float(rows["area_ha"].sum())
        fields = ["area_ha", "id", "class", "perimeter_m", "lon", "lat", "probability", "doubtful"]
        found = (Mine(*row) for row in rows[fields].itertuples(index=False))
        self.largest = heapq.nlargest(LARGEST, [*self.largest, *found])


class ClassOutlines(Product[MineSummary]):
    """Outlines of some classes; its result is how many there are, and the largest.

    The layer has columns `id` (from 1, class after class, in the order in which polygons end from
    north to south), `class`, `area_ha` and those of `minecover.products.patch_figures`.

    Parameters
    ----------
    name
        Of the product, its file and its layer.
    title
        What it holds.
    strip
        Rows read at once; without influence on the result.
    """

    requires = ("landuse",)

    def __init__(self, name: str, title: str, *, strip: int = STRIP) -> None:
        self.name, self.strip = name, strip
        self.file = File(f"{name}.gpkg", title, "application/geopackage+sqlite3", name)

    def classes(self, publication: Publication) -> Sequence[LandUseClass]:
        """List the classes that are outlined."""
        return publication.classes

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the GeoPackage, whatever the map."""
        del publication
        return (self.file,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> MineSummary:
        """Trace the classes.

        Raises
        ------
        StoreError
            The file does not hold every polygon that was written to it.
        """
        path, smallest = paths[self.file.name], publication.mines.min_area_ha
        summary, left_out = MineSummary(smallest), LeftOut()
        day, classes = publication.days[1], self.classes(publication)
        # the day of the survey, not of the clock: equal maps give equal bytes
        with change_date(day):
            layer = _Layer(path, self.name, publication.grid, publication.simulated)
            for item in classes:
                for batch in self._measured(publication, item, left_out):
                    summary.add(layer.append(batch, item.name))
            add_style(path, self.name, polygon_style(classes, labels=True), day)
        summary.left_out, summary.hectares_left_out = left_out.count, left_out.hectares
        found = pyogrio.read_info(path, layer=self.name)["features"]
        if found != summary.count:
            raise StoreError(
                f"{path.name}: {found} of {summary.count} polygons arrived; check the disk of the "
                "store and its free space, and run again"
            )
        return summary

    def _measured(
        self, publication: Publication, item: LandUseClass, left_out: LeftOut
    ) -> Iterator[gpd.GeoDataFrame]:
        """Trace a class and measure its patches, batch by batch."""
        surface = Surface(publication.grid)
        band = publication.classes.index(item) + 1
        threshold = threshold_of(publication.map)
        figures = PatchFigures(publication.paths, surface, band, threshold)
        strips = _strips(publication.paths[MAP], item.code, self.strip)
        for batch in measured_outlines(strips, surface, publication.mines.min_area_ha, left_out):
            if batch:
                polygons = [polygon for polygon, _ in batch]
                table = figures.table(polygons)
                table.insert(0, "area_ha", np.array([hectares for _, hectares in batch]))
                yield gpd.GeoDataFrame(table, geometry=polygons, crs=publication.grid.crs)


class Mines(ClassOutlines):
    """Outlines of the classes that the survey marks as `mine`."""

    def __init__(self, *, strip: int = STRIP) -> None:
        super().__init__("mines", "Mines", strip=strip)

    def classes(self, publication: Publication) -> Sequence[LandUseClass]:
        """List those that are mines."""
        return [item for item in publication.classes if item.mine]


MINES = Mines()


def _strips(landuse: Path, code: int, rows: int) -> Iterator[BoolArray]:
    with rasterio.open(landuse) as dataset:
        for y in range(0, dataset.height, rows):
            height = min(rows, dataset.height - y)
            window = RasterWindow(0, y, dataset.width, height)
            yield dataset.read(1, window=window) == code


class _Layer:
    """The layer of the GeoPackage, to which polygons are appended; it is there from the start."""

    def __init__(self, path: Path, name: str, grid: Grid, simulated: tuple[str, ...]) -> None:
        self.path, self.name, self.count = path, name, 0
        tags = simulation_tags(simulated)
        empty = np.zeros(0, dtype=np.float64)
        columns = {"area_ha": empty, **dict.fromkeys(COLUMNS, empty)}
        frame = gpd.GeoDataFrame(columns, geometry=[], crs=grid.crs)
        self._write(self._named(frame, ""), dataset_metadata=tags, VERSION=VERSION)

    def append(self, rows: gpd.GeoDataFrame, class_name: str) -> pd.DataFrame:
        """Add patches of a class; returns them with their numbers."""
        named = self._named(rows, class_name)
        self.count += len(rows)
        self._write(named.assign(area_ha=named["area_ha"].round(4)), append=True)
        numbered: pd.DataFrame = named
        return numbered

    def _named(self, rows: gpd.GeoDataFrame, class_name: str) -> gpd.GeoDataFrame:
        numbers = np.arange(self.count + 1, self.count + len(rows) + 1, dtype=np.int64)
        names = np.full(len(rows), class_name, dtype=object)
        named = rows.assign(**{"id": numbers, "class": names})
        ordered: gpd.GeoDataFrame = named[["id", "class", *rows.columns]]
        return ordered

    def _write(self, frame: gpd.GeoDataFrame, **options: Any) -> None:  # noqa: ANN401
        pyogrio.write_dataframe(
            frame, self.path, layer=self.name, driver="GPKG", geometry_type="Polygon", **options
        )


@contextmanager
def change_date(date: str) -> Iterator[None]:
    """Let a GeoPackage say `date` where it would say the time of the clock."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{date}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
