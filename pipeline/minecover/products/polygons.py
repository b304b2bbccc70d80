"""Mines as polygons in a GeoPackage, with their area on the ground.

Every class that the survey marks as `mine` is traced over the whole of ``landuse.tif``, strip by
strip (see `minecover.products.outlines`), and written in batches, so memory grows with the width
of the map and the largest mine, not with the area. Equal maps give equal bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
import rasterio
import shapely
from rasterio.windows import Window as RasterWindow

from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface
from minecover.products.outlines import outline, patches
from minecover.samples.classes import LandUseClass

__all__ = ["LAYER", "Mine", "MineSummary", "write_mines"]

LAYER = "mines"
"""Layer of the GeoPackage."""

STRIP = 256
"""Rows of the map read at once."""

BATCH = 5_000
"""Patches measured and written at once."""

LARGEST = 10
"""Mines named in the report."""

NEAR = 0.9
"""Share of the minimum mapping unit from which a patch is measured by its outline."""

Polygons = npt.NDArray[np.object_]
Boxes = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]


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


def write_mines(
    path: Path,
    landuse: Path,
    grid: Grid,
    classes: Sequence[LandUseClass],
    *,
    min_area_ha: float = 0.1,
    date: str,
    strip: int = STRIP,
) -> MineSummary:
    """Trace the mines of a map into a GeoPackage.

    Parameters
    ----------
    path
        The GeoPackage; layer `mines` with columns `id` (from 1, in the order in which polygons
        end from north to south), `class` and `area_ha`.
    landuse
        The published map, class codes.
    grid
        The map's grid.
    classes
        Those with `mine` are traced.
    min_area_ha
        Minimum mapping unit: smaller polygons are left out, and counted.
    date
        Day that the GeoPackage gives as its last change, YYYY-MM-DD: the survey's, not the
        clock's, so that equal maps give equal bytes.
    strip
        Rows read at once; without influence on the result.

    Raises
    ------
    StoreError
        The file does not hold every polygon that was written to it.
    """
    summary, surface = MineSummary(min_area_ha), Surface(grid)
    with _change_date(date):
        _write(path, [], grid, first=1)
        for item in (item for item in classes if item.mine):
            for batch in _batches(patches(_strips(landuse, item.code, strip))):
                polygons = _large(batch, surface, summary)
                kept = _measured(polygons, item.name, surface, summary)
                if kept:
                    _write(path, kept, grid, first=summary.count - len(kept) + 1)
    found = pyogrio.read_info(path, layer=LAYER)["features"]
    if found != summary.count:
        raise StoreError(
            f"{path.name}: {found} of {summary.count} polygons arrived; check the disk of the "
            "store and its room, and run again"
        )
    return summary


def _strips(landuse: Path, code: int, rows: int) -> Iterator[npt.NDArray[np.bool_]]:
    with rasterio.open(landuse) as dataset:
        for y in range(0, dataset.height, rows):
            height = min(rows, dataset.height - y)
            window = RasterWindow(0, y, dataset.width, height)
            yield dataset.read(1, window=window) == code


def _batches(runs: Iterator[Boxes]) -> Iterator[list[Boxes]]:
    while batch := list(islice(runs, BATCH)):
        yield batch


def _large(batch: list[Boxes], surface: Surface, summary: MineSummary) -> Polygons:
    """Outline the patches that can reach the minimum mapping unit; count the others.

    A patch is judged by its pixels, each as large as the first, which saves outlining the many
    that are nowhere near; those near it are outlined and measured.
    """
    first = np.array([runs[0] for runs in batch], dtype=np.float64)
    pixel = shapely.box(first[:, 0], first[:, 1], first[:, 0] + 1, first[:, 1] + 1)
    pixels = [int((runs[:, 2] - runs[:, 0]).sum()) for runs in batch]
    to_map = _to_map(surface.grid)
    hectares = surface.hectares(shapely.transform(pixel, to_map)) * pixels
    small = hectares < NEAR * summary.min_area_ha
    summary.left_out += int(small.sum())
    summary.hectares_left_out += float(hectares[small].sum())
    outlines = [outline(runs) for runs, skipped in zip(batch, small, strict=True) if not skipped]
    return np.asarray(shapely.transform(np.array(outlines, dtype=object), to_map))


def _to_map(grid: Grid) -> Callable[[Points], Points]:
    affine = grid.geobox.affine
    scale, origin = np.array([affine.a, affine.e]), np.array([affine.c, affine.f])
    return lambda pixels: np.asarray(pixels * scale + origin, dtype=np.float64)


Row = tuple[shapely.Polygon, str, float]


def _measured(polygons: Polygons, name: str, surface: Surface, summary: MineSummary) -> list[Row]:
    rows: list[Row] = []
    for polygon, hectares in zip(polygons, surface.hectares(polygons).tolist(), strict=True):
        if hectares < summary.min_area_ha:
            summary.left_out += 1
            summary.hectares_left_out += hectares
            continue
        summary.count += 1
        summary.hectares += hectares
        point = polygon.representative_point()
        mine = Mine(hectares, summary.count, name, point.x, point.y)
        summary.largest = heapq.nlargest(LARGEST, [*summary.largest, mine])
        rows.append((polygon, name, round(hectares, 4)))
    return rows


def _write(path: Path, rows: list[Row], grid: Grid, *, first: int) -> None:
    frame = gpd.GeoDataFrame(
        {
            "id": np.arange(first, first + len(rows), dtype=np.int64),
            "class": np.array([row[1] for row in rows], dtype=object),
            "area_ha": np.array([row[2] for row in rows], dtype=np.float64),
        },
        geometry=[row[0] for row in rows],
        crs=grid.crs,
    )
    pyogrio.write_dataframe(
        frame, path, layer=LAYER, driver="GPKG", geometry_type="Polygon", append=path.exists()
    )


@contextmanager
def _change_date(date: str) -> Iterator[None]:
    """Let a GeoPackage say `date` where it would say the time of the clock."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{date}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
