"""Night lights: calibration before interpolation, nodata, negative values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose

from _catalogs import (
    LEFT,
    TOP,
    CatalogWriter,
    frozen,
    locator_of,
    scenes_of,
    source_of,
    survey_over,
    write_raster,
)
from minecover.sources.manifest import Asset, Manifest
from minecover.sources.night_lights import NightLights, NightLightsSettings
from minecover.sources.search import Search
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

ASSET = Asset(href="x", crs="EPSG:32649", transform=(1, 0, 0, 0, -1, 0), shape=(1, 1))


def test_luojia_radiance_is_the_power_of_one_and_a_half() -> None:
    settings = NightLightsSettings(path="x")
    numbers = np.array([[[0, 1, 100, 10000, -5, np.nan]]], np.float32)
    out = NightLights(settings).values(numbers, ASSET)
    assert_allclose(out[0, 0, :4], [0, 1e-10, 1e-7, 1e-4], rtol=1e-6)
    assert np.isnan(out[0, 0, 4:]).all()


def test_values_as_they_are_keep_their_sign() -> None:
    settings = NightLightsSettings(path="x", calibration="none")
    numbers = np.array([[[-0.3, 0.0, 12.0]]], np.float32)
    assert np.array_equal(NightLights(settings).values(numbers, ASSET), numbers)


def over(survey: Survey) -> np.ndarray:
    source = source_of(survey, "night_lights")
    return source.compose(scenes_of(survey, "night_lights"))[0]


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogWriter:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 1000, np.uint16))
    return writer


def test_radiance_is_interpolated_not_dn(catalog: CatalogWriter, tmp_path: Path) -> None:
    numbers = np.array([[0, 100], [0, 100]], np.int32)
    write_raster(tmp_path / "ntl.tif", numbers, left=LEFT, top=TOP, pixel=320.0, nodata=None)
    out = over(survey_over(catalog.write(), sources={"night_lights": {"path": str(tmp_path / "ntl.tif")}}))  # fmt: skip  # noqa: E501
    bright = 100**1.5 * 1e-10
    share = (np.arange(64) + 0.5 - 16) / 32
    assert_allclose(out[32, 16:48], (bright * share[16:48]).astype(np.float32), rtol=1e-5)
    assert_allclose(out[0, 60], bright, rtol=1e-6)


def test_items_of_a_collection_are_averaged_and_nodata_left_out(catalog: CatalogWriter) -> None:
    first, second = np.full((5, 5), 100, np.int32), np.full((5, 5), 400, np.int32)
    second[:, :3] = -1
    for name, numbers in (("a", first), ("b", second)):
        catalog.item(
            "luojia-1", name, "2018-09-01T13:00:00Z", {"dn": numbers}, pixels=130.0, nodata=-1
        )
    out = over(survey_over(catalog.write(), sources={"night_lights": {"collection": "luojia-1"}}))
    assert_allclose(out[30, 5], 1e-7, rtol=1e-6)
    assert_allclose(out[30, 60], (1e-7 + 8e-7) / 2, rtol=1e-6)


def test_real_viirs_keeps_negative_radiance_and_nodata(
    shared_data: Path, catalog: CatalogWriter
) -> None:
    path = shared_data / "rasters" / "viirs_night_lights_burundi.tif"
    section = {"path": str(path), "calibration": "none"}
    survey = survey_over(
        catalog.write(), sources={"night_lights": section}, grid={"crs": "utm", "resolution": 100},
        area={"bbox": (29.2, -3.5, 29.5, -3.3)},
    )  # fmt: skip
    grid = survey_grid(survey)
    search = Search(survey.catalog, survey.seasons, grid, locator_of(survey))
    source = source_of(survey, "night_lights")
    manifest = Manifest(crs=grid.crs, found=tuple(source.find(search)))
    out = source.compose(scenes_of(survey, "night_lights", manifest=manifest))[0]
    with rasterio.open(path) as raster:
        window = raster.window(29.2, -3.5, 29.5, -3.3)
        source = raster.read(1, window=window)
    assert (source < 0).any()
    assert np.nanmin(out) < 0
    assert np.nanmin(out) >= source.min() - 1e-3
    assert np.nanmax(out) <= source.max() + 1e-3


@pytest.mark.parametrize(
    ("numbers", "calibration", "noted"),
    [
        (np.full((2, 2), 12.5, np.float32), "luojia1", True),
        (np.full((2, 2), 12.5, np.float32), "none", False),
        (np.full((2, 2), 400, np.int32), "luojia1", False),
    ],
)
def test_fractions_taken_for_digital_numbers_are_noted(
    catalog: CatalogWriter, tmp_path: Path, numbers: np.ndarray, calibration: str, noted: bool
) -> None:
    path = tmp_path / "ntl.tif"
    write_raster(path, numbers, left=LEFT, top=TOP, pixel=320.0, nodata=None)
    settings = {"path": str(path), "calibration": calibration}
    manifest = frozen(survey_over(catalog.write(), sources={"night_lights": settings}))
    (item,) = (item for item in manifest.found if item.source == "night_lights")
    assert ("night_lights.calibration: none" in item.assets["dn"].note) == noted
