"""Elevation from files and collections, in any CRS, across seams, with holes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, reproject

from _catalogs import (
    LEFT,
    TOP,
    CatalogWriter,
    locator_of,
    scenes_of,
    source_of,
    survey_over,
    write_raster,
)
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid
from minecover.sources.manifest import Manifest
from minecover.sources.search import Search
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def of(survey: Survey) -> np.ndarray:
    return source_of(survey, "terrain").compose(scenes_of(survey, "terrain"))[0]


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogWriter:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    return writer


def heights(seed: int = 0, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    return np.random.default_rng(seed).normal(1300, 40, shape).astype(np.float32)


def test_two_sheets_are_interpolated_across_their_seam(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    whole = heights(shape=(30, 40))
    write_raster(tmp_path / "dem.tif", whole, left=LEFT - 90, top=TOP + 90, pixel=30.0)
    for name, cut, left in (("w", whole[:, :15], LEFT - 90), ("e", whole[:, 15:], LEFT + 360)):
        catalog.item(
            "nasadem", name, "2000-02-20T00:00:00Z", {"elevation": cut},
            left=left, top=TOP + 90, pixels=30.0,
        )  # fmt: skip
    path = catalog.write()
    sheets = of(survey_over(path, sources={"terrain": {"collection": "nasadem"}}))
    file = of(survey_over(path, sources={"terrain": {"path": str(tmp_path / "dem.tif")}}))
    assert np.isfinite(file).all()
    assert np.allclose(sheets, file, atol=1e-3)


@pytest.mark.parametrize(
    "crs", ["EPSG:32650", "+proj=laea +lat_0=39.7 +lon_0=111 +datum=WGS84 +units=m"]
)
def test_a_file_may_have_any_crs_even_one_without_a_number(
    catalog: CatalogWriter, tmp_path: Path, crs: str
) -> None:
    import pyproj

    survey = survey_over(catalog.write(), sources={"terrain": {"path": str(tmp_path / "dem.tif")}})
    grid = survey_grid(survey)
    to = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True)
    left, bottom, right, top = to.transform_bounds(LEFT, TOP - 640, LEFT + 640, TOP)
    shape = (int((top - bottom) / 30) + 6, int((right - left) / 30) + 6)
    write_raster(
        tmp_path / "dem.tif", heights(shape=shape),
        left=left - 60, top=top + 60, pixel=30.0, crs=crs,
    )  # fmt: skip
    expected = gdal_bilinear(tmp_path / "dem.tif", grid)
    out = of(survey)
    assert np.isfinite(out).all()
    assert np.abs(out - expected).max() < 0.01


def gdal_bilinear(path: Path, grid: Grid) -> np.ndarray:
    out = np.full(grid.shape, np.nan, np.float32)
    with rasterio.open(path) as raster:
        reproject(
            raster.read(1), out, src_transform=raster.transform, src_crs=raster.crs,
            src_nodata=raster.nodata, dst_nodata=np.nan, dst_transform=grid.geobox.affine,
            dst_crs=grid.crs, resampling=Resampling.bilinear, tolerance=0, XSCALE=1, YSCALE=1,
        )  # fmt: skip
    return out


@pytest.mark.parametrize(
    ("name", "bbox"),
    [
        ("dem_los_angeles.tif", (-118.03, 33.97, -118.01, 33.99)),
        ("dem_with_holes.tif", (42.9502, 40.45, 42.97, 40.47)),
    ],
)
def test_real_elevation_agrees_with_gdal_and_keeps_its_holes(
    shared_data: Path, catalog: CatalogWriter, name: str, bbox: tuple[float, ...]
) -> None:
    path = shared_data / "rasters" / name
    survey = survey_over(
        catalog.write(), sources={"terrain": {"path": str(path)}}, area={"bbox": bbox},
        grid={"crs": "utm"},
    )  # fmt: skip
    grid = survey_grid(survey)
    search = Search(survey.catalog, survey.seasons, grid, locator_of(survey))
    source = source_of(survey, "terrain")
    manifest = Manifest(crs=grid.crs, found=tuple(source.find(search)))
    out = source.compose(scenes_of(survey, "terrain", manifest=manifest))[0]
    expected = gdal_bilinear(path, grid)
    both = np.isfinite(out) & np.isfinite(expected)
    assert both.mean() > 0.9 * np.isfinite(expected).mean()
    # GDAL's positions lie within hundredths of a pixel of PROJ's, on slopes of 26 m a pixel;
    # beside a hole it takes any weight that is left
    assert np.percentile(np.abs(out - expected)[both], 95) < 0.05
    assert (np.isnan(out) != np.isnan(expected)).mean() < 0.02
    assert np.isnan(out).any() == (name == "dem_with_holes.tif")


def test_a_missing_asset_and_collection_name_their_settings(catalog: CatalogWriter) -> None:
    with pytest.raises(SurveyError, match=r"sources\.terrain\.collection.*'nasadem'"):
        of(survey_over(catalog.write(), sources={"terrain": {}}))
    catalog.item("nasadem", "n", "2000-02-20T00:00:00Z", {"dem": heights(shape=(64, 64))})
    with pytest.raises(DataError, match=r"missing: elevation.*dem.*sources\.terrain\.asset"):
        of(survey_over(catalog.write(), sources={"terrain": {}}))


def test_a_file_without_a_crs_is_refused(catalog: CatalogWriter, tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=4, width=4, count=1, dtype="float32",
        transform=rasterio.Affine(30, 0, LEFT, 0, -30, TOP),
    ) as raster:  # fmt: skip
        raster.write(np.ones((4, 4), np.float32), 1)
    with pytest.raises(DataError, match="has no CRS"):
        of(survey_over(catalog.write(), sources={"terrain": {"path": str(path)}}))


def test_a_file_that_is_replaced_in_mid_run_is_noticed(
    catalog: CatalogWriter, tmp_path: Path
) -> None:
    path = tmp_path / "dem.tif"
    write_raster(path, heights(), left=LEFT - 90, top=TOP + 90, pixel=30.0)
    survey = survey_over(catalog.write(), sources={"terrain": {"path": str(path)}})
    source, scenes = source_of(survey, "terrain"), scenes_of(survey, "terrain")
    source.compose(scenes)
    write_raster(path, heights(1), left=LEFT - 90, top=TOP + 90, pixel=30.0)
    with pytest.raises(DataError, match=r"item terrain.*dem\.tif is not the file"):
        source.compose(scenes)
