"""What is nodata, by one rule for all sources and readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from _catalogs import EPSG, LEFT, TOP, CatalogWriter, cube_names, cube_of, survey_over
from minecover.sources.values import take_out_nodata

READERS = ("native", "stackstac", "odc-stac")
VOID = slice(0, 20)
"""Columns without data."""

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def with_void(value: float, void: float, dtype: Any) -> np.ndarray:
    array = np.full((64, 64), value, dtype)
    array[:, VOID] = void
    return array


class Ways:
    """Ways to say that pixels hold no data; each takes the item's document and its folder."""

    @staticmethod
    def by_item(document: dict[str, Any], folder: Path, void: float) -> None:
        for asset in document["assets"].values():
            asset["nodata"] = void

    @staticmethod
    def by_its_bands(document: dict[str, Any], folder: Path, void: float) -> None:
        for asset in document["assets"].values():
            asset["raster:bands"] = [{"nodata": void}]

    @staticmethod
    def by_header(document: dict[str, Any], folder: Path, void: float) -> None:
        for path in folder.glob("*.tif"):
            with rasterio.open(path, "r+") as raster:
                raster.nodata = void

    @staticmethod
    def beside_the_file(document: dict[str, Any], folder: Path, void: float) -> None:
        for path in folder.glob("*.tif"):
            Path(f"{path}.aux.xml").write_text(
                f'<PAMDataset><PAMRasterBand band="1"><NoDataValue>{void}</NoDataValue>'
                "</PAMRasterBand></PAMDataset>"
            )

    @staticmethod
    def by_mask_inside(document: dict[str, Any], folder: Path, void: float) -> None:
        _mask(folder, "TRUE")

    @staticmethod
    def by_mask_beside(document: dict[str, Any], folder: Path, void: float) -> None:
        _mask(folder, "FALSE")

    @staticmethod
    def by_opacity(document: dict[str, Any], folder: Path, void: float) -> None:
        for path in folder.glob("*.tif"):
            with rasterio.open(path) as raster:
                array, profile = raster.read(1), raster.profile
            profile.update(count=2, nodata=None)
            with rasterio.open(path, "w", **profile, alpha="YES") as raster:
                raster.write(array, 1)
                opacity = np.full(array.shape, 255, array.dtype)
                opacity[array == array.dtype.type(void)] = 0
                raster.write(opacity, 2)


def _mask(folder: Path, inside: str) -> None:
    for path in folder.glob("*.tif"):
        valid = np.full((64, 64), 255, np.uint8)
        valid[:, VOID] = 0
        options = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside)
        with options, rasterio.open(path, "r+") as raster:
            raster.write_mask(valid)


WAYS = [name for name in vars(Ways) if not name.startswith("_")]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_say_nodata_counts_for_every_source(
    tmp_path: Path, reader: str, way: str
) -> None:
    writer = CatalogWriter(tmp_path)
    written = [
        (
            writer.sentinel2(
                "s2", "2021-06-10T03:00:00Z", with_void(3000, 65535, np.uint16), nodata=None
            ),
            65535,
        ),
        (
            writer.item(
                "sentinel-1-rtc", "s1", "2021-06-10T10:00:00Z",
                dict.fromkeys(("VV", "VH"), with_void(0.1, 7, np.float32)), nodata=None,
            ),
            7,
        ),
        (
            writer.item(
                "dem", "sheet", "2020-01-01T00:00:00Z",
                {"elevation": with_void(1200, -32768, np.int16)}, nodata=None,
            ),
            -32768,
        ),
    ]  # fmt: skip
    for document, void in written:
        getattr(Ways, way)(document, tmp_path / document["collection"] / document["id"], void)
    sources = {"sentinel1": {}, "terrain": {"collection": "dem"}}
    survey = survey_over(writer.write(), catalog={"reader": reader}, sources=sources)
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    for name, right in (("summer_B04", 0.3), ("summer_VV", -10.0), ("elevation", 1200.0)):
        assert np.isnan(cube[name][:, VOID]).all(), name
        assert np.allclose(cube[name][:, VOID.stop :], right, atol=1e-5), name
    assert (cube["summer_CLEAR"][:, VOID] == 0).all()
    assert (cube["summer_CLEAR"][:, VOID.stop :] == 1).all()


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("values", ["linear", "db"])
def test_what_is_not_finite_is_no_backscatter(tmp_path: Path, odd: float, values: str) -> None:
    number = 0.1 if values == "linear" else -10.0
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", np.full((64, 64), 3000, np.uint16))
    rasters = dict.fromkeys(("VV", "VH"), with_void(number, odd, np.float32))
    writer.item("sentinel-1-rtc", "s1", "2021-06-10T10:00:00Z", rasters, nodata=None)
    survey = survey_over(writer.write(), sources={"sentinel1": {"values": values}})
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    assert np.isnan(cube["summer_VV"][:, VOID]).all()
    assert np.allclose(cube["summer_VV"][:, VOID.stop :], -10, atol=1e-5)


def test_codes_of_the_classification_that_are_nodata_are_not_clear(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    scl = with_void(4, 255, np.uint8)
    document = writer.sentinel2(
        "s2", "2021-06-10T03:00:00Z", np.full((64, 64), 3000, np.uint16), rasters={"SCL": scl}
    )
    document["assets"]["SCL"]["nodata"] = 255
    survey = survey_over(writer.write(), sources={"sentinel2": {}})
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    assert np.isnan(cube["summer_B04"][:, VOID]).all()
    assert np.isfinite(cube["summer_B04"][:, VOID.stop :]).all()


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(width=32)),
    st.lists(st.none() | st.floats(width=64), max_size=3),
)
def test_exactly_what_is_nodata_is_taken_out(
    numbers: np.ndarray, nodata: list[float | None]
) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    before = values.copy()
    take_out_nodata(values, numbers, *nodata)
    with np.errstate(over="ignore"):
        known = {float(np.float32(number)) for number in nodata if number is not None}
    for place in np.ndindex(3, 4):
        number = float(numbers[place])
        if not np.isfinite(number) or number in known:
            assert np.isnan(values[place])
        else:
            assert values[place] == before[place]


def test_both_the_mask_and_the_value_of_a_file_count(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    dn = with_void(3000, 9, np.uint16)
    dn[50] = 0
    writer.sentinel2("s2", "2021-06-10T03:00:00Z", dn)
    folder = tmp_path / "sentinel-2-l2a" / "s2"
    _mask(folder, "TRUE")
    with rasterio.open(folder / "B04.tif") as raster:
        assert raster.nodata == 0
        assert raster.transform == Affine(10, 0, LEFT, 0, -10, TOP)
        assert raster.crs.to_epsg() == EPSG
    cube = cube_of(survey_over(writer.write()), tmp_path / "store")
    missing = np.isnan(cube[2])
    assert missing[:, VOID].all()
    assert missing[50].all()
    assert missing.sum() == 64 * 20 + 44
