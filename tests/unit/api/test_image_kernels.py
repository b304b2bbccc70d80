"""Kernels on DataArrays: the bits of the kernels and of a run, whatever the chunks."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rioxarray  # noqa: F401 - brings the accessor
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import box

import minecover as mc
from _indices import BSI, registered
from minecover.api.datasets import open_raster
from minecover.errors import DataError, SurveyError
from minecover.features.computed import ComputedFeatures
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import PAPER_BANDS
from minecover.features.terrain import Terrain
from minecover.features.texture import Texture
from minecover.features.texture_range import texture_range
from minecover.geography.grid import Grid
from minecover.sources.composite import geometric_median, median_composite
from minecover.storage.raster_array import cube_arrays
from minecover.storage.store import Store
from minecover.testing import assert_same_bits
from small_map import survey

RANGE = (0.05, 0.45)
FEATURES = FusedIndices.outputs


def image(**sizes: int) -> xr.DataArray:
    """Reflectance with gaps, coordinates, a CRS and attributes."""
    rng = np.random.default_rng(len(sizes))
    values = rng.uniform(-0.02, 0.6, tuple(sizes.values())).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    coords: dict[str, Any] = {
        "y": 3_000_000.0 - 10 * np.arange(sizes["y"]),
        "x": 500_000.0 + 10 * np.arange(sizes["x"]),
        "platform": "Sentinel-2A",
    }
    if "band" in sizes:
        coords["band"] = list(PAPER_BANDS[: sizes["band"]])
    attrs = {"units": "1", "long_name": "reflectance", "processing": "05.11"}
    array = xr.DataArray(values, coords, tuple(sizes), "reflectance", attrs)
    return array.rio.write_crs("EPSG:32649")


def cuts(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    edges = draw(st.sets(st.integers(1, size - 1), max_size=4)) if size > 1 else set()
    return tuple(np.diff([0, *sorted(edges), size]).tolist())


@st.composite
def chunked(draw: st.DrawFn, **others: int) -> xr.DataArray:
    """An image of any size, in any chunks along all its dims in any order."""
    sizes = {**others, "y": draw(st.integers(1, 40)), "x": draw(st.integers(1, 40))}
    order = draw(st.permutations(list(sizes)))
    chunks = {dim: cuts(draw, size) for dim, size in sizes.items()}
    return image(**sizes).transpose(*order).chunk(chunks)


def assert_lazy_and_equal(lazy: xr.DataArray, at_once: xr.DataArray) -> None:
    assert lazy.chunks is not None
    assert at_once.chunks is None
    assert_same_bits(lazy.compute(scheduler="synchronous").values, at_once.values)
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), at_once)


@settings(max_examples=25)
@given(chunked(season=3), st.sampled_from([3, 5, 9, 15]), st.sampled_from(["mean", "each"]))
def test_texture_in_any_chunks(band: xr.DataArray, window: int, directions: str) -> None:
    texture = partial(mc.texture, window=window, value_range=RANGE, directions=directions)
    at_once = texture(band.compute())
    assert_lazy_and_equal(texture(band), at_once)
    kernel = Texture(*RANGE, window=window, directions=directions)
    for season in range(3):
        alone = band.isel(season=season).transpose("y", "x").values
        padded = np.pad(alone, window // 2, constant_values=np.nan)
        assert_same_bits(at_once[season].values, kernel(padded[np.newaxis]))


@settings(max_examples=25)
@given(
    chunked(season=2, band=10),
    st.lists(st.sampled_from([*FEATURES, "BSI"]), min_size=1, unique=True),
    st.sampled_from(["zhang2014", "swir1_green"]),
    st.sampled_from(["shi2019", "nedkov2017"]),
)
def test_indices_in_any_chunks(bands: xr.DataArray, names: list[str], ndri: str, cap: str) -> None:
    with registered(BSI):
        at_once = mc.indices(bands.compute(), names, ndri=ndri, tasselled_cap=cap)
        assert_lazy_and_equal(mc.indices(bands, names, ndri=ndri, tasselled_cap=cap), at_once)
    assert at_once.dims == ("season", "feature", "y", "x")
    assert at_once["feature"].values.tolist() == names
    for season in range(2):
        layers = bands.isel(season=season).transpose("band", "y", "x").values
        together = dict(zip(FEATURES, FusedIndices(ndri, cap)(layers), strict=True))
        chosen = layers[[PAPER_BANDS.index(band) for band in BSI.bands]]
        together["BSI"] = BSI(chosen)[0]
        expected = np.stack([together[name] for name in names])
        assert_same_bits(at_once[season].values, expected)


@settings(max_examples=15)
@given(chunked(season=2))
def test_terrain_in_any_chunks(elevation: xr.DataArray) -> None:
    at_once = mc.terrain(elevation.compute(), (10, 20))
    assert_lazy_and_equal(mc.terrain(elevation, (10, 20)), at_once)
    for season in range(2):
        padded = np.pad(elevation.isel(season=season).transpose("y", "x").values, 1, "edge")
        assert_same_bits(at_once[season].values, Terrain((10, 20))(padded[np.newaxis]))


@settings(max_examples=12)
@given(chunked(time=5, platform_pair=2, band=3))
def test_composites_in_any_chunks(stack: xr.DataArray) -> None:
    dims = ("time", "platform_pair", "band", "y", "x")
    median, joint = mc.composite(stack.compute()), mc.composite(stack.compute(), "geometric_median")
    assert_lazy_and_equal(mc.composite(stack), median)
    assert_lazy_and_equal(mc.composite(stack, "geometric_median"), joint)
    values = stack.transpose(*dims).values
    for pair in range(2):
        alone = median.transpose(*dims[1:])[pair].values
        assert_same_bits(alone, median_composite(values[:, pair]))
        assert_same_bits(joint[pair].values, geometric_median(values[:, pair]))


GRID = Grid(
    GeoBox.from_bbox((0, 0, 900, 750), crs="EPSG:32649", resolution=10), 32, box(0, 0, 900, 750)
)


def in_tiles(run: ComputedFeatures, prefix: str, features: xr.DataArray) -> np.ndarray:
    """The same features as a run computes them, tile by tile."""
    wanted = [prefix + name for name in features["feature"].values]
    values = np.empty(features.shape, np.float32)
    for tile in GRID.tiles:
        window = GRID.window(tile)
        values[:, *window.slices] = run.compute(window, wanted)[0]
    return values


def test_a_cube_gives_the_features_of_the_tiles_of_a_run(tmp_path: Path) -> None:
    with registered(BSI):
        its = survey(sources={"terrain": {}}, features={"indices": ["BSI", "EVI", "NDRI"]})
        catalogue, store = its.feature_catalogue(), Store(str(tmp_path))
        arrays = cube_arrays(catalogue.seasons, catalogue.cube)
        stored = store.create_layers("cube.zarr", GRID, arrays, {})
        values = image(layer=len(stored.names), y=75, x=90).values
        for tile in GRID.tiles:
            stored.write_tile(GRID, tile, values[:, *GRID.window(tile).slices])
        bounds = texture_range(catalogue, GRID, stored)
        run = ComputedFeatures.of(catalogue, GRID, stored, bounds)
        cube = open_raster(store, "cube.zarr")
        indices = mc.indices(cube["reflectance"], ["BSI", "EVI", "NDRI", *FEATURES[-3:]])
        textures = mc.texture(cube["reflectance"].sel(band="B08"))
        for features in (indices, textures):
            for season in catalogue.seasons:
                expected = in_tiles(run, f"{season}_", features.sel(season=season))
                assert_same_bits(features.sel(season=season).values, expected)
    assert textures.attrs["texture_range"] == list(bounds)
    terrain = mc.terrain(cube["elevation"])
    assert_same_bits(terrain.values, in_tiles(run, "", terrain))
    assert terrain.rio.crs == indices.rio.crs == GRID.geobox.crs.to_wkt()


@pytest.mark.parametrize("lazy", [False, True])
def test_coordinates_crs_and_attributes_are_kept(lazy: bool) -> None:
    stack = image(time=3, band=10, y=20, x=30).assign_coords(
        wavelength=("band", np.arange(10.0)), lit=(("y", "x"), np.ones((20, 30)))
    )
    stack = stack.chunk(y=7) if lazy else stack
    bands = mc.composite(stack)
    assert (bands.name, bands.attrs, bands.dims) == ("reflectance", stack.attrs, stack.dims[1:])
    assert set(bands.coords) == set(stack.coords)
    made = (mc.indices(bands), mc.texture(bands.sel(band="B08")), mc.terrain(bands[0]))
    for features in made:
        assert features.dims == ("feature", "y", "x")
        assert features.rio.crs == stack.rio.crs
        assert features.rio.transform() == stack.rio.transform()
        assert features.attrs["processing"] == "05.11"
        assert not {"long_name", "units"} & set(features.attrs)
        assert {"lit", "platform", "spatial_ref"} <= set(features.coords)
        assert "wavelength" not in features.coords or "band" in bands.sel(band="B08").coords
    assert made[0]["feature"].values.tolist() == list(FEATURES[:7])
    assert made[1]["units"].values.tolist() == ["1", "nat", "level^2", "1", "1"]
    assert made[1].sel(feature="GLCM_ENT")["units"].item() == "nat"
    assert made[2]["feature"].values.tolist() == ["slope", "aspect"]


def test_dims_of_other_names_and_orders() -> None:
    bands = image(band=10, y=12, x=11)
    expected = mc.indices(bands, ["NDVI", "EVI"])
    for rows, columns in (("latitude", "longitude"), ("lat", "lon")):
        named = bands.rename(y=rows, x=columns).transpose(columns, "band", rows)
        found = mc.indices(named, ["NDVI", "EVI"])
        assert found.dims == ("feature", rows, columns)
        assert_same_bits(found.values, expected.values)
    assert_same_bits(mc.indices(bands[::-1], ["NDVI", "EVI"]).values, expected.values)
    assert_same_bits(
        mc.indices(bands.sel(band=["B08", "B04"]), "NDVI")[0].values, expected[0].values
    )


def test_the_range_of_texture_is_found_or_given() -> None:
    band = image(season=2, y=30, x=40)
    found = mc.texture(band)
    low, high = np.nanpercentile(band.values, [1, 99])
    np.testing.assert_allclose(found.attrs["texture_range"], [low, high])
    again = mc.texture(band[0].chunk(y=9), value_range=found.attrs["texture_range"])
    assert_same_bits(again.values, found[0].values)
    assert mc.texture(band, percentiles=(10, 90)).attrs["texture_range"] != [low, high]
    with pytest.raises(DataError, match=r"mc\.texture: band has no valid .* give value_range"):
        mc.texture(band.where(False))


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4", "int16", "uint8"])
def test_other_types_become_float32(dtype: str) -> None:
    numbers = (image(y=20, x=20) * 200).fillna(7).astype(dtype)
    expected = mc.texture(numbers.astype(np.float32), value_range=(0, 120))
    assert_same_bits(mc.texture(numbers, value_range=(0, 120)).values, expected.values)
    lazy = mc.texture(numbers.chunk(y=6), value_range=(0, 120))
    assert lazy.dtype == np.float32
    assert_same_bits(lazy.values, expected.values)


@pytest.mark.parametrize("dtype", ["int32", "uint64", "bool", "complex64", "object", "<M8[ns]"])
def test_types_that_float32_cannot_hold_are_refused(dtype: str) -> None:
    band = xr.DataArray(np.zeros((9, 9)).astype(dtype), dims=("y", "x"))
    for call in (mc.texture, mc.terrain):
        with pytest.raises(
            DataError, match=rf"mc\.{call.__name__}: \w+ holds {re.escape(str(band.dtype))}; give"
        ):
            call(band)


def test_nodata_that_attributes_declare() -> None:
    elevation = image(y=9, x=9)
    filled = elevation.fillna(-9999.0).assign_attrs(_FillValue=-9999.0)
    expected = mc.terrain(elevation, 10)
    assert_same_bits(mc.terrain(filled, 10).values, expected.values)
    assert "_FillValue" not in mc.terrain(filled, 10).attrs
    with pytest.raises(DataError, match=r"mc\.terrain: elevation holds int16.*elevation != 0"):
        mc.terrain(elevation.fillna(0).astype(np.int16).assign_attrs(nodata=0), 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: mc.indices(b.values), r"mc\.indices: bands is a ndarray; give an xarray"),
        (lambda b: mc.indices(b.to_dataset("band")), r"bands is a Dataset; .*to_dataarray"),
        (lambda b: mc.indices(b[0]), r"bands has dims y, x; it needs band too"),
        (lambda b: mc.indices(b.drop_vars("band")), r"bands has no names: bands\.assign_coords"),
        (lambda b: mc.indices(b[:3], ["EVI"]), r"no B08, which EVI .* it holds B02, B03, B04: "),
        (lambda b: mc.indices(b[[0, 0, 3]], ["RRI"]), r"has 2 B02, which RRI"),
        (lambda b: mc.indices(b.fillna(0).astype("uint16")), r"bands holds uint16, digital"),
        (lambda b: mc.indices(b * 10_000), r"bands hold values about [23],\d+, digital numbers"),
        (lambda b: mc.indices(b.rename(y="row")), r"dims band, row, x; rows and .*row='y'"),
        (lambda b: mc.indices(b[:, :0]), r"mc\.indices: bands is empty"),
        (lambda b: mc.composite(b), r"mc\.composite: stack has dims band, y, x; it needs time too"),
        (lambda b: mc.composite(b[0], "geometric_median"), "it needs time and band"),
        (lambda b: mc.texture(b.rename(band="feature")), "mc.texture: .*feature"),
        (lambda b: mc.texture(b), r"^mc\.texture: band has several bands, .*value_range"),
        (lambda b: mc.terrain(b.drop_vars("spatial_ref")), r"elevation has no CRS; give res"),
        (lambda b: mc.terrain(b.rio.write_crs(4326)), r"the CRS EPSG:4326, which is not in metres"),
        (lambda b: mc.terrain(b[:, ::-1]), r"south at the top: give elevation\.sortby\('y', asc"),
        (lambda b: mc.terrain(b[:, [0, 1, 7]]), r"no evenly spaced coordinates y and x; give"),
    ],
)  # fmt: skip
def test_images_that_are_none_are_refused(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call(image(band=10, y=20, x=20))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: mc.texture(b, window=4), r"^mc\.texture: window is 4; give an odd number"),
        (lambda b: mc.texture(b, levels=100), r"^mc\.texture: levels is 100; give 8 to 64"),
        (lambda b: mc.texture(b, distance=5), r"^mc\.texture: distance is 5; give 1 to 4"),
        (lambda b: mc.texture(b, directions="all"), r"^mc\.texture: directions is 'all'; choose"),
        (lambda b: mc.texture(b, value_range=(1, 0)), r"^mc\.texture: value_range is \(1, 0\);"),
        (lambda b: mc.texture(b, value_range=[2]), r"^mc\.texture: value_range is \[2\]"),
        (lambda b: mc.texture(b, percentiles=(9, 1)), r"^mc\.texture: percentiles are \(9, 1\);"),
        (lambda b: mc.indices(b, ["NVDI"]), r"^mc\.indices: no spectral index 'NVDI'; there"),
        (lambda b: mc.indices(b, []), r"^mc\.indices: names has none; give each"),
        (lambda b: mc.indices(b, ["EVI", "EVI"]), r"^mc\.indices: names has EVI; give each"),
        (lambda b: mc.indices(b, ndri="x"), r"^mc\.indices: ndri is 'x'; choose one of zhang2014"),
        (lambda b: mc.composite(b, "mean"), r"^mc\.composite: method is 'mean'; choose one"),
        (lambda b: mc.composite(b, tolerance=0), r"^mc\.composite: tolerance is 0; give a pos"),
        (lambda b: mc.terrain(b, 0), r"^mc\.terrain: resolution is \(0\.0, 0\.0\); give"),
        (lambda b: mc.texture(b, value_range=2), r"^mc\.texture: value_range is 2; give two"),
        (lambda b: mc.texture(b, window="5"), r"^mc\.texture: window "),
        (lambda b: mc.indices(b, None), r"^mc\.indices: names=None: give a list of names"),
        (lambda b: mc.composite(b, tolerance=None), r"^mc\.composite: tolerance=None: give a num"),
        (lambda b: mc.terrain(b, "10"), r"^mc\.terrain: resolution='10': give a number"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_their_argument(call: Any, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        call(image(band=10, y=20, x=20))


@pytest.mark.parametrize("lazy", [False, True])
def test_digital_numbers_are_refused_where_most_of_the_image_is_fill(lazy: bool) -> None:
    bands = (image(band=10, y=200, x=200) * 10_000).fillna(0)
    bands[:, :, :150] = 0
    bands = bands.chunk(y=100, x=200) if lazy else bands
    with pytest.raises(DataError, match=r"^mc\.indices: bands hold values about") as caught:
        mc.indices(bands, ["NDVI"]).compute()
    assert str(caught.value).count("mc.indices") == 1


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_values_are_nodata(lazy: bool, infinite: float) -> None:
    stack = image(time=3, band=10, y=20, x=20)
    missing = stack.isnull()
    given = stack.where(~missing, infinite)
    given = given.chunk(y=7, x=9) if lazy else given
    if not lazy:
        before = given.copy(deep=True)
    for call in (
        lambda one: mc.indices(one[0], FEATURES),
        lambda one: mc.texture(one[0, 3], value_range=RANGE),
        lambda one: mc.texture(one[0, 3], percentiles=(0, 100)),
        lambda one: mc.terrain(one[0, 3]),
        mc.composite,
        lambda one: mc.composite(one, "geometric_median"),
    ):
        assert_same_bits(call(given).values, call(stack).values)
    if not lazy:
        xr.testing.assert_identical(given, before)
