"""Windows as they lie in the files, in every layout, and files that are opened once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.vrt import WarpedVRT

from _catalogs import EPSG, LEFT, TOP, write_raster
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.sources.gdal import gdal_env
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.numbers import Wanted
from minecover.sources.open_rasters import OpenRasters
from minecover.sources.reader import open_reader
from minecover.storage.s3 import AMAZON

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

AFFINE = Affine(10, 0, LEFT, 0, -10, TOP)
LAYOUTS: dict[str, dict[str, Any]] = {
    "stripes": {"compress": "lzw"},
    "planar with predictor": {
        "tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate", "predictor": 2,
        "interleave": "band", "count": 2,
    },
    "pixel by pixel": {
        "tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "zstd", "predictor": 2,
        "interleave": "pixel", "count": 2,
    },
    "sparse tiles": {"tiled": True, "blockxsize": 32, "blockysize": 32, "sparse_ok": True},
    "other byte order": {"tiled": True, "blockxsize": 32, "blockysize": 32, "endianness": "big"},
    "plain": {},
}  # fmt: skip


def item(path: Path, shape: tuple[int, int], name: str = "one", **more: Any) -> Item:
    asset = Asset(
        href=path.name, crs=f"EPSG:{EPSG}", transform=tuple(AFFINE)[:6], shape=shape, **more
    )
    return Item(source="s", seasons=("a",), id=name, bounds=(0, 0, 1, 1), assets={"B": asset})


def write(
    path: Path, values: np.ndarray, nodata: float | None = 7, affine: Affine = AFFINE, **layout: Any
) -> None:
    height, width = values.shape
    layout = {"count": 1} | layout
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, dtype=values.dtype, crs=EPSG,
        transform=affine, nodata=nodata, **layout,
    ) as raster:  # fmt: skip
        for band in range(1, layout["count"] + 1):
            raster.write(values if band == layout["count"] else values + 1, band)


def numbers(dtype: str) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 200, (100, 70)).astype(dtype)
    values[:32, :32] = 7 if dtype != "float32" else np.nan
    return values


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_reader_reads_every_layout_alike(tmp_path: Path, layout: str, dtype: str) -> None:
    values = numbers(dtype)
    write(tmp_path / "a.tif", values, **LAYOUTS[layout])
    band = LAYOUTS[layout].get("count")
    one = item(tmp_path / "a.tif", values.shape, band=band)
    box = NativeGrid.of(one.assets["B"]).geobox(Window(20, 81, 9, 70))
    expected = values[20:81, 9:70].astype(np.float32)
    expected[expected == 7] = np.nan
    for kind in ("native", "stackstac", "odc-stac"):
        reader = open_reader(kind, lambda href: str(tmp_path / href))
        found = reader.read([one], ["B"], box)
        assert found.dtype == np.float32
        assert np.array_equal(found[0, 0], expected, equal_nan=True), kind
        assert reader.pixels == expected.size


SOUTH = Affine(10, 0, LEFT, 0, 10, TOP - 1000)
"""Of the same 100 rows from south to north."""


@pytest.mark.parametrize(("layout", "dtype"), [
    ("stripes", "uint16"), ("pixel by pixel", "uint16"), ("sparse tiles", "float32"),
])  # fmt: skip
def test_rows_from_south_to_north_are_read_as_the_same_rows_from_north_to_south(
    tmp_path: Path, layout: str, dtype: str
) -> None:
    values, band = numbers(dtype), LAYOUTS[layout].get("count")
    write(tmp_path / "north.tif", values, **LAYOUTS[layout])
    write(tmp_path / "south.tif", values[::-1], affine=SOUTH, **LAYOUTS[layout])
    items = [item(tmp_path / f"{name}.tif", (100, 70), name, band=band)
             for name in ("north", "south")]  # fmt: skip
    record = items[1].assets["B"].replace(transform=tuple(SOUTH)[:6])
    items[1] = items[1].replace(assets={"B": record})
    grid = NativeGrid.of(record)
    assert grid == NativeGrid.of(items[0].assets["B"])
    assert grid.as_stored == tuple(SOUTH)[:6]
    for kind in ("native", "stackstac", "odc-stac"):
        reader = open_reader(kind, lambda href: str(tmp_path / href))
        found = reader.read(items, ["B"], grid.geobox(Window(20, 81, 9, 70)))
        assert np.array_equal(found[0], found[1], equal_nan=True), kind
        assert np.isfinite(found).any()


def test_masks_of_rows_from_south_to_north_are_turned_too(tmp_path: Path) -> None:
    values = numbers("uint8")[::-1]
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(tmp_path / "a.tif", values, nodata=None, affine=SOUTH)
        with rasterio.open(tmp_path / "a.tif", "r+") as raster:
            raster.write_mask(values != 7)
    one = item(tmp_path / "a.tif", (100, 70), masked=True)
    own = one.assets["B"].replace(transform=tuple(SOUTH)[:6])
    reader = open_reader("native", lambda href: str(tmp_path / href))
    box = NativeGrid.of(own).geobox(Window(0, 100, 0, 70))
    found = reader.read([one.replace(assets={"B": own})], ["B"], box)[0, 0]
    expected = numbers("uint8").astype(np.float32)
    expected[expected == 7] = np.nan
    assert np.array_equal(found, expected, equal_nan=True)


def test_integers_of_16_bits_stay_what_they_are(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", numbers("uint8"))
    write(tmp_path / "b.tif", numbers("uint16"), nodata=None)
    write(tmp_path / "c.tif", numbers("int16"))
    items = [item(tmp_path / f"{name}.tif", (100, 70), name) for name in "abc"]
    box = NativeGrid.of(items[0].assets["B"]).geobox(Window(0, 100, 0, 70))
    reader = open_reader("native", lambda href: str(tmp_path / href))
    wanted = [Wanted(items[:2], ["B"], box), Wanted(items, ["B"], box)]
    integers, mixed = reader.numbers(wanted)
    assert integers.values.dtype == np.uint16
    assert np.array_equal(integers.values[1, 0], numbers("uint16"))
    assert np.array_equal(integers.nodata[:, 0], [7, np.nan], equal_nan=True)
    assert mixed.values.dtype == np.float32
    assert np.isnan(mixed.values[0, 0][numbers("uint8") == 7]).all()
    assert np.array_equal(mixed.floats()[:2], integers.floats(), equal_nan=True)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_file_that_fails_is_named(tmp_path: Path, threads: int) -> None:
    items = [item(tmp_path / f"{n}.tif", (64, 64), str(n)) for n in range(6)]
    for n in (0, 1, 3, 4, 5):
        write_raster(tmp_path / f"{n}.tif", np.ones((64, 64), np.uint16))
    box = NativeGrid.of(items[0].assets["B"]).geobox(Window(0, 64, 0, 64))
    reader = open_reader("native", lambda href: str(tmp_path / href), threads)
    with pytest.raises(DataError, match=r"item 2, asset B: cannot read .*2\.tif"):
        reader.read(items, ["B"], box)
    write_raster(tmp_path / "2.tif", np.full((64, 64), 5, np.uint16))
    assert (reader.read(items, ["B"], box)[2] == 5).all()


def test_rasters_stay_open_until_there_are_too_many_or_they_are_replaced(tmp_path: Path) -> None:
    rasters, paths = OpenRasters(2), [str(tmp_path / f"{n}.tif") for n in range(3)]
    for n, path in enumerate(paths):
        write_raster(Path(path), np.full((64, 64), n, np.uint16))
    with rasters.opened(paths[0]) as first, rasters.opened(paths[0]) as beside:
        assert first is not beside  # one thread at a time
    with rasters.opened(paths[0]) as again:
        assert again in (first, beside)
    with rasters.opened(paths[1]), rasters.opened(paths[2]):
        pass
    assert first.closed
    assert beside.closed
    write_raster(Path(paths[1]), np.full((96, 64), 9, np.uint16))
    with rasters.opened(paths[1]) as new:
        assert new.read(1).shape == (96, 64)
    with pytest.raises(ValueError, match="fails"), rasters.opened(paths[1]) as broken:
        raise ValueError("fails")
    assert broken.closed


def test_a_file_that_became_one_that_names_others_is_not_opened(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", numbers("uint16"))
    one, path = item(tmp_path / "b.tif", (100, 70)), tmp_path / "b.tif"
    with rasterio.open(tmp_path / "a.tif") as raster, WarpedVRT(raster) as warped:
        rasterio.shutil.copy(warped, path, driver="VRT")
    reader = open_reader("native", lambda href: str(tmp_path / href))
    box = NativeGrid.of(one.assets["B"]).geobox(Window(0, 9, 0, 9))
    with pytest.raises(DataError, match=r"item one, asset B: cannot read .*b\.tif"):
        reader.read([one], ["B"], box)
    named = one.replace(assets={"B": one.assets["B"].replace(href="survey:sources.s.path")})
    reader = open_reader("native", lambda href: str(path))
    assert np.isnan(reader.read([named], ["B"], box)).all()  # as its corner is: nodata


def test_blocks_are_decoded_once(tmp_path: Path) -> None:
    """What was read over four blocks is read again, though the file was emptied meanwhile."""
    path, values = tmp_path / "a.tif", numbers("uint16")
    write(path, values, tiled=True, blockxsize=32, blockysize=32, compress="deflate")
    window = ((5, 60), (9, 50))
    with gdal_env(AMAZON, str(path)), rasterio.open(path) as raster:
        first = raster.read(1, window=window)
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
        assert np.array_equal(raster.read(1, window=window), first)
    assert np.array_equal(first, values[5:60, 9:50])
