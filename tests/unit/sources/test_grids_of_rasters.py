"""Rasters in degrees, sheets side by side, and crops that share a corner, in every reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine

from _catalogs import (
    EPSG,
    LEFT,
    TOP,
    CatalogWriter,
    cube_names,
    cube_of,
    survey_over,
    write_raster,
)
from minecover.survey import Survey

READERS = ("native", "stackstac", "odc-stac")
TO_DEGREES = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True)
STEP = 1 / 3600
"""An arc second, some 30 m."""

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def cube(survey: Survey, folder: Path) -> dict[str, np.ndarray]:
    return dict(zip(cube_names(survey), cube_of(survey, folder), strict=True))


@pytest.mark.parametrize("reader", READERS)
def test_crops_that_share_a_corner_are_each_read_whole(tmp_path: Path, reader: str) -> None:
    writer = CatalogWriter(tmp_path)
    small, large = np.full((64, 32), 2000, np.uint16), np.full((64, 64), 4000, np.uint16)
    writer.sentinel2("small", "2021-06-10T03:00:00Z", small)
    writer.sentinel2("large", "2021-06-20T03:00:00Z", large)
    found = cube(survey_over(writer.write(), catalog={"reader": reader}), tmp_path / "store")
    assert (found["summer_CLEAR"][:, :32] == 2).all()
    assert (found["summer_CLEAR"][:, 32:] == 1).all()
    assert np.allclose(found["summer_B04"][:, :32], 0.3)
    assert np.allclose(found["summer_B04"][:, 32:], 0.4)


def plane(longitude: Any, latitude: Any) -> Any:
    """Elevation that rises evenly with longitude and latitude."""
    west, north = TO_DEGREES.transform(LEFT, TOP)
    return 1000 + 4000 * (longitude - west) - 2500 * (latitude - north)


def sheet(writer: CatalogWriter, name: str, west: float, north: float, dx: float) -> None:
    """Write a sheet of 60 arc seconds whose columns may be finer than its rows."""
    rows, columns = 60, round(60 * STEP / dx)
    longitude = west + dx * (np.arange(columns) + 0.5)
    latitude = north - STEP * (np.arange(rows) + 0.5)
    array = plane(*np.meshgrid(longitude, latitude)).astype(np.float32)
    document = writer.item("dem", name, "2021-01-01T00:00:00Z", {"elevation": array}, crs=4326)
    affine = Affine(dx, 0, west, 0, -STEP, north)
    path = writer.folder / "dem" / name / "elevation.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype="float32",
        crs=4326, transform=affine,
    ) as raster:  # fmt: skip
        raster.write(array, 1)
    document["assets"]["elevation"]["proj:transform"] = list(affine)[:6]
    document["bbox"] = [west, north - STEP * rows, west + dx * columns, north]


@pytest.mark.parametrize("reader", READERS)
def test_sheets_in_degrees_are_one_surface(tmp_path: Path, reader: str) -> None:
    """Four sheets around a corner inside the area, the eastern ones with columns half as wide."""
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    west, north = TO_DEGREES.transform(LEFT + 320, TOP - 320)
    for name, x, y, dx in (
        ("north-west", west - 60 * STEP, north + 60 * STEP, STEP),
        ("south-west", west - 60 * STEP, north, STEP),
        ("north-east", west, north + 60 * STEP, STEP / 2),
        ("south-east", west, north, STEP / 2),
    ):
        sheet(writer, name, x, y, dx)
    sources = {"terrain": {"collection": "dem"}}
    survey = survey_over(writer.write(), catalog={"reader": reader}, sources=sources)
    found = cube(survey, tmp_path / "store")["elevation"]
    middle = 10 * (np.arange(64) + 0.5)
    x, y = np.meshgrid(LEFT + middle, TOP - middle)
    right = plane(*TO_DEGREES.transform(x, y))
    # bilinear is exact on a plane; at the seam it leans on the nearer pixel, by less than one
    seam = (np.abs(x - LEFT - 320) < 40) | (np.abs(y - TOP + 320) < 40)
    assert np.isfinite(found).all()
    assert np.abs(found - right)[~seam].max() < 1e-2
    assert np.abs(found - right).max() < 4000 * STEP / 2


@pytest.mark.parametrize("reader", READERS)
def test_a_raster_whose_crs_has_no_number_is_read(tmp_path: Path, reader: str) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    own = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=111 +datum=WGS84 +units=m"
    x, y = pyproj.Transformer.from_crs(EPSG, own, always_xy=True).transform(LEFT + 320, TOP - 320)
    path = tmp_path / "dem.tif"
    write_raster(
        path, np.full((100, 100), 1234, np.float32), left=x - 1500, top=y + 1500, pixel=30.0,
        crs=own, nodata=None,
    )  # fmt: skip
    survey = survey_over(
        writer.write(), catalog={"reader": reader}, sources={"terrain": {"path": str(path)}}
    )
    assert np.allclose(cube(survey, tmp_path / "store")["elevation"], 1234, atol=1e-3)
