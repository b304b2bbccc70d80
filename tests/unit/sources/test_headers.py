"""Records of items held against the headers of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint

from _catalogs import (
    BANDS,
    EPSG,
    LEFT,
    TOP,
    CatalogWriter,
    cube_of,
    frozen,
    locator_of,
    survey_over,
    write_raster,
)
from minecover.errors import DataError
from minecover.sources.access import FileAccess
from minecover.sources.confirmation import Confirmation
from minecover.sources.header import BY_HEADER, Header, confirmed, read_header
from minecover.sources.item_document import ItemError
from minecover.sources.manifest import Asset

WKT = pyproj.CRS(EPSG).to_wkt()


def rising(shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Numbers that tell every pixel from every other."""
    return (1000 + np.arange(shape[0] * shape[1]).reshape(shape)).astype(np.uint16)


def changed(document: dict[str, Any], key: str, value: object) -> None:
    for asset in document["assets"].values():
        asset[key] = value


STALE = {
    "pixels of 1 m": [1, 0, LEFT, 0, -1, TOP],
    "320 m further east": [10, 0, LEFT + 320, 0, -10, TOP],
    "half a pixel off": [10, 0, LEFT + 5, 0, -10, TOP - 5],
    "the order of GDAL": [LEFT, 10, 0, TOP, 0, -10],
    "numbers that are none": [10, 0, float("nan"), 0, -10, TOP],
    "too few": [10, 0],
}


@pytest.mark.parametrize("transform", STALE.values(), ids=STALE)
def test_the_header_wins_over_a_stale_transform(tmp_path: Path, transform: list[float]) -> None:
    writer = CatalogWriter(tmp_path)
    document = writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    right = frozen(survey_over(writer.write()))
    changed(document, "proj:transform", transform)
    survey = survey_over(writer.write())
    manifest = frozen(survey)
    asset = manifest.found[0].assets["B04"]
    assert asset.transform == (10, 0, LEFT, 0, -10, TOP)
    assert asset.note == BY_HEADER
    assert manifest.found[0].bounds == right.found[0].bounds
    cube = cube_of(survey, tmp_path / "store")
    assert np.array_equal(cube[2], rising().astype(np.float32) * np.float32(1e-4))


@pytest.mark.parametrize("recorded", ["north", "south"])
def test_files_with_rows_from_south_to_north_make_the_same_cube(
    tmp_path: Path, recorded: str
) -> None:
    writer = CatalogWriter(tmp_path)
    document = writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    for path in tmp_path.rglob("*.tif"):
        with rasterio.open(path) as raster:
            numbers, profile = raster.read(), raster.profile
        profile["transform"] = Affine(10, 0, LEFT, 0, 10, TOP - 640)
        with rasterio.open(path, "w", **profile) as raster:
            raster.write(numbers[:, ::-1])
    if recorded == "south":
        changed(document, "proj:transform", [10, 0, LEFT, 0, 10, TOP - 640])
    survey = survey_over(writer.write())
    item = frozen(survey).found[0]
    assert item.assets["B04"].transform == (10, 0, LEFT, 0, 10, TOP - 640)
    assert item.assets["B04"].note == (BY_HEADER if recorded == "north" else "")
    assert item.bounds == (LEFT, TOP - 640, LEFT + 640, TOP)
    cube = cube_of(survey, tmp_path / "store")
    assert np.array_equal(cube[2], rising().astype(np.float32) * np.float32(1e-4))


@pytest.mark.parametrize(
    ("key", "value"),
    [("proj:code", "EPSG:None"), ("proj:code", "EPSG:32650"), ("proj:shape", [32, 64])],
)
def test_the_header_wins_over_another_crs_or_shape(tmp_path: Path, key: str, value: object) -> None:
    writer = CatalogWriter(tmp_path)
    changed(writer.sentinel2("one", "2021-06-10T03:00:00Z", rising()), key, value)
    asset = frozen(survey_over(writer.write())).found[0].assets["B04"]
    assert (asset.crs, asset.shape, asset.note) == (f"EPSG:{EPSG}", (64, 64), BY_HEADER)


def test_a_crs_that_cannot_be_understood_stands_back_for_one_that_can(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    document = writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    before = frozen(survey_over(writer.write()))
    document["properties"] |= {"proj:code": "EPSG:None", "proj:wkt2": WKT}
    assert frozen(survey_over(writer.write())) == before


def header(**changes: Any) -> Header:
    return Header(
        **{"crs": WKT, "transform": (10, 0, LEFT, 0, -10, TOP), "shape": (64, 64)} | changes
    )


def asset(**changes: Any) -> Asset:
    grid = {"crs": f"EPSG:{EPSG}", "transform": (10, 0, LEFT, 0, -10, TOP), "shape": (64, 64)}
    return Asset(href="a.tif", **grid | changes)


@given(st.floats(-2e4, 2e4), st.floats(-2e4, 2e4))
def test_a_record_counts_as_far_as_it_places_the_file(right: float, down: float) -> None:
    """Off by less than a hundredth of a pixel of 10 m it is rounding, and stays as it is."""
    recorded = asset(transform=(10, 0, LEFT + right, 0, -10, TOP - down))
    made = confirmed(recorded, header(), "item x")
    if max(abs(right), abs(down)) < 0.09:
        assert made is recorded
    elif max(abs(right), abs(down)) > 0.11:
        assert made.transform == (10, 0, LEFT, 0, -10, TOP)
        assert made.note == BY_HEADER


def test_a_header_without_crs_leaves_the_record_alone() -> None:
    bare = header(crs=None, transform=(1, 0, 0, 0, 1, 0))
    assert confirmed(asset(), bare, "item x") == asset()


def test_several_bands_that_nobody_tells_apart_are_refused() -> None:
    with pytest.raises(ItemError, match=r"item x: a\.tif has 2 bands \(1 red, 2 -\)"):
        confirmed(asset(), header(bands=("red", "")), "item x")


@pytest.mark.parametrize(("band", "number"), [(1, 1), (2, 2), ("nir", 2)])
def test_a_band_is_found_by_number_or_name(band: int | str, number: int) -> None:
    assert confirmed(asset(band=band), header(bands=("red", "nir")), "item x").band == number


@pytest.mark.parametrize("band", [0, 3, "blue", "red"])
def test_a_band_that_the_file_lacks_or_has_twice_is_refused(band: int | str) -> None:
    with pytest.raises(ItemError, match=rf"none is {band}"):
        confirmed(asset(band=band), header(bands=("red", "red")), "item x")


def test_a_band_of_opacity_is_no_second_band(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=8, width=8, count=2, dtype="uint8", crs=EPSG,
        transform=Affine(10, 0, LEFT, 0, -10, TOP), alpha="YES",
    ) as raster:  # fmt: skip
        raster.write(np.full((2, 8, 8), 255, np.uint8))
    found = read_header(str(path), "a.tif", "item x")
    assert (len(found.bands), found.masked) == (1, True)


def grd(path: Path) -> None:
    """Write a raster in the geometry of the radar: columns run from east to west."""
    to_degrees = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True)
    points = []
    for row, column in ((0, 0), (0, 64), (64, 0), (64, 64)):
        x, y = to_degrees.transform(LEFT + 640 - 10 * column, TOP - 10 * row)
        points.append(GroundControlPoint(row=row, col=column, x=x, y=y, z=0))
    with rasterio.open(
        path, "w", driver="GTiff", height=64, width=64, count=1, dtype="uint16"
    ) as raster:
        raster.write(rising(), 1)
        raster.gcps = (points, rasterio.CRS.from_epsg(4326))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # of writing it
@pytest.mark.parametrize("recorded", [True, False], ids=["a made-up grid", "no grid"])
def test_ground_control_points_are_no_grid(tmp_path: Path, recorded: bool) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    power = np.full((64, 64), 0.1, np.float32)
    radar = writer.item("sentinel-1-grd", "grd", "2021-06-11T03:00:00Z", {"VV": power, "VH": power})
    for key in ("VV", "VH"):
        grd(tmp_path / "sentinel-1-grd" / "grd" / f"{key}.tif")
        if not recorded:
            del radar["assets"][key]["proj:transform"]
    sources = {"sentinel1": {"collection": "sentinel-1-grd"}}
    with pytest.raises(DataError, match=r"grd, asset VV.*ground control points.*sentinel-1-rtc"):
        frozen(survey_over(writer.write(), sources=sources))


def test_scale_and_offset_of_the_surveys_own_file_are_its_headers(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    path = tmp_path / "dem.tif"
    write_raster(path, np.full((64, 64), 1500, np.int16), nodata=None)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (0.5,), (100.0,)
    survey = survey_over(writer.write(), sources={"terrain": {"path": str(path)}})
    cube = cube_of(survey, tmp_path / "store")
    assert (cube[-1] == 1500 * 0.5 + 100).all()


def test_files_far_away_are_held_against_their_records_when_they_are_read(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    survey = survey_over(writer.write())
    manifest = frozen(survey)
    (item,) = manifest.found
    stale = {
        key: asset.replace(transform=(10, 0, LEFT + 320, 0, -10, TOP))
        for key, asset in item.assets.items()
    }
    confirm = Confirmation(FileAccess(locator_of(survey)), threads=2)
    assert confirm([item]) == (item,)
    assert confirm.by_header == 0
    (right,) = confirm([item.replace(assets=stale)])
    assert {asset.transform for asset in right.assets.values()} == {(10, 0, LEFT, 0, -10, TOP)}
    assert confirm.by_header == len(BANDS)


def test_a_file_far_away_that_is_gone_is_named_before_it_is_read(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("one", "2021-06-10T03:00:00Z", rising())
    survey = survey_over(writer.write())
    manifest = frozen(survey)
    (tmp_path / "sentinel-2-l2a" / "one" / "B05.tif").unlink()
    with pytest.raises(DataError, match=r"item one, asset B05: cannot read .*one/B05\.tif"):
        Confirmation(FileAccess(locator_of(survey)))(manifest.found)
