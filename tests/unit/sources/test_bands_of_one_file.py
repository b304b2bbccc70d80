"""Several bands in one file, as many people have one GeoTIFF a date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from _catalogs import (
    BANDS,
    EPSG,
    LEFT,
    TOP,
    CatalogWriter,
    cube_names,
    cube_of,
    frozen,
    survey_over,
)
from minecover.errors import DataError

READERS = ("native", "stackstac", "odc-stac")
ORDER = tuple(reversed(BANDS))
"""Of the bands in the file: not the order in which they are asked for."""

ALL = dict.fromkeys(BANDS, "image")
COMMON = {
    "B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B05": "rededge1",
    "B06": "rededge2", "B07": "rededge3", "B8A": "nir08", "B11": "swir16", "B12": "swir22",
}  # fmt: skip

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def one_file(folder: Path, named: bool = False, scl: bool = False) -> tuple[CatalogWriter, dict]:
    """Write one date in one file: the n-th band of `ORDER` has the reflectance n / 20."""
    writer = CatalogWriter(folder)
    document = writer.item(
        "sentinel-2-l2a", "date", "2021-06-10T03:00:00Z", {"image": np.ones((64, 64), np.uint16)},
        **{"s2:processing_baseline": "03.00"},
    )  # fmt: skip
    dn = np.stack([np.full((64, 64), 500 * n, np.uint16) for n in range(1, 11)])
    if scl:
        codes = np.full((1, 64, 64), 4, np.uint16)
        codes[:, :10] = 9
        dn = np.concatenate([dn, codes])
    with rasterio.open(
        folder / "sentinel-2-l2a" / "date" / "image.tif", "w", driver="GTiff", height=64, width=64,
        count=len(dn), dtype="uint16", crs=EPSG, transform=Affine(10, 0, LEFT, 0, -10, TOP),
        nodata=0,
    ) as raster:  # fmt: skip
        raster.write(dn)
        if named:
            raster.descriptions = ORDER
    return writer, document


def check(writer: CatalogWriter, reader: str, assets: dict[str, str], store: Path) -> None:
    sources = {"sentinel2": {"scl": None, "assets": assets}}
    survey = survey_over(writer.write(), catalog={"reader": reader}, sources=sources)
    cube = dict(zip(cube_names(survey), cube_of(survey, store), strict=True))
    for n, band in enumerate(ORDER, start=1):
        assert np.allclose(cube[f"summer_{band}"], n / 20, atol=1e-6), band


@pytest.mark.parametrize("reader", READERS)
def test_by_number(tmp_path: Path, reader: str) -> None:
    writer, _ = one_file(tmp_path)
    numbers = {band: f"image#{n}" for n, band in enumerate(ORDER, start=1)}
    check(writer, reader, numbers, tmp_path / "store")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("assets", [ALL, {band: f"image#{band}" for band in BANDS}])
def test_by_what_the_file_calls_them(tmp_path: Path, reader: str, assets: dict[str, str]) -> None:
    writer, _ = one_file(tmp_path, named=True)
    check(writer, reader, assets, tmp_path / "store")


@pytest.mark.parametrize(
    ("field", "bands"),
    [
        ("eo:bands", [{"name": band} for band in ORDER]),
        ("eo:bands", [{"name": f"x{n}", "common_name": COMMON[b]} for n, b in enumerate(ORDER)]),
        ("bands", [{"name": band, "eo:common_name": COMMON[band]} for band in ORDER]),
        ("bands", [{"description": band} for band in ORDER]),
    ],
)
def test_by_what_the_item_calls_them(
    tmp_path: Path, field: str, bands: list[dict[str, Any]]
) -> None:
    writer, document = one_file(tmp_path)
    document["assets"]["image"][field] = bands
    check(writer, "stackstac", ALL, tmp_path / "store")


def test_each_band_has_its_own_record(tmp_path: Path) -> None:
    writer, document = one_file(tmp_path)
    document["assets"]["image"]["eo:bands"] = [{"name": band} for band in ORDER]
    document["assets"]["image"]["raster:bands"] = [
        {"scale": 0.0001 * n, "offset": 0, "nodata": 500 if n == 1 else 0} for n in range(1, 11)
    ]
    sources = {"sentinel2": {"scl": None, "assets": ALL}}
    (item,) = frozen(survey_over(writer.write(), sources=sources)).found
    for n, band in enumerate(ORDER, start=1):
        asset = item.assets[band]
        assert (asset.band, asset.nodata) == (n, 500 if n == 1 else 0)
        assert asset.scale == pytest.approx(0.0001 * n)


def test_the_mask_may_be_a_band_too(tmp_path: Path) -> None:
    writer, _ = one_file(tmp_path, scl=True)
    assets = {band: f"image#{n}" for n, band in enumerate(ORDER, start=1)}
    sources = {"sentinel2": {"scl": "image#11", "assets": assets}}
    survey = survey_over(writer.write(), sources=sources)
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    assert np.isnan(cube["summer_B04"][:10]).all()
    assert (cube["summer_CLEAR"][10:] == 1).all()


@pytest.mark.parametrize("recorded", [False, True])
def test_what_is_called_nothing_is_refused_with_how_to_name_it(
    tmp_path: Path, recorded: bool
) -> None:
    writer, document = one_file(tmp_path)
    if recorded:
        document["assets"]["image"]["eo:bands"] = [{"name": f"x{n}"} for n in range(10)]
    with pytest.raises(DataError, match=r"item date, asset image.*image#1"):
        frozen(survey_over(writer.write(), sources={"sentinel2": {"scl": None, "assets": ALL}}))
