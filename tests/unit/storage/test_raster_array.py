"""The arrays of a store, and what other libraries see of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import odc.geo.xr  # noqa: F401  (registers .odc)
import pytest
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
import zarr
import zarr_cm
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rio_tiler.io.xarray import XarrayReader

from _catalogs import whole_of
from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Window
from minecover.layers import Layer, Variable, raster_layers
from minecover.storage.layers import Layers
from minecover.storage.raster_array import (
    RasterArray,
    cube_arrays,
    feature_array,
    names_of,
    stacked,
)
from minecover.storage.store import Store
from minecover.storage.zarr_arrays import CHUNK_LAYERS, leading_chunks

SEASONS = ("spring", "summer", "autumn")
REFLECTANCE = Variable("reflectance", "surface reflectance", "band")
BANDS = tuple(
    Layer(name, "optics", "band", "1", True, "", name, variable=REFLECTANCE)
    for name in ("B02", "B03", "B04", "B08")
)
CLEAR = Layer("CLEAR", "optics", "count", "1", True, "clear observations")
ELEVATION = Layer("elevation", "terrain", "terrain", "m", False, "height above the sea")
RASTERS = ("cube.zarr", "features.zarr", "map.zarr")


def arrays_of_store() -> dict[str, tuple[RasterArray, ...]]:
    contents = (*BANDS, CLEAR, ELEVATION)
    return {
        "cube.zarr": cube_arrays(SEASONS, contents),
        "features.zarr": (feature_array(raster_layers(SEASONS, contents)),),
        "map.zarr": (
            RasterArray("landuse", ("landuse",)),
            stacked(("probability_a", "probability_b"), "probability", "class"),
        ),
    }


def written(folder: Path, grid: Grid) -> dict[str, tuple[Layers, np.ndarray]]:
    store, rng, out = Store(str(folder)), np.random.default_rng(0), {}
    for name, arrays in arrays_of_store().items():
        layers = store.create_layers(name, grid, arrays, {"made": "by test"})
        values = rng.random((len(names_of(arrays)), *grid.shape)).astype(np.float32)
        values[:, 3:5, 7:9] = np.nan
        for tile in grid.tiles:
            layers.write_tile(grid, tile, values[:, *grid.window(tile).slices])
        out[name] = store.layers(name), values
    return out


@pytest.fixture(scope="module")
def grid() -> Grid:
    box = GeoBox.from_bbox((500_000, 4_000_000, 500_700, 4_001_000), "EPSG:32649", resolution=10)
    return Grid(box, 32, box.extent.geom)


@pytest.fixture(scope="module")
def store(
    grid: Grid, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, tuple[Layers, np.ndarray]]]:
    folder = tmp_path_factory.mktemp("store")
    return folder, written(folder, grid)


Stored = tuple[Path, dict[str, tuple[Layers, np.ndarray]]]


def test_the_cube_has_a_season_axis() -> None:
    reflectance, clear, elevation = cube_arrays(SEASONS, (*BANDS, CLEAR, ELEVATION))
    assert reflectance.dimensions == ("season", "band", "y", "x")
    assert reflectance.axes["band"] == ("B02", "B03", "B04", "B08")
    assert reflectance.layers[4:6] == ("summer_B02", "summer_B03")
    assert (clear.dimensions, clear.layers[1]) == (("season", "y", "x"), "summer_CLEAR")
    assert (elevation.dimensions, elevation.layers) == (("y", "x"), ("elevation",))
    assert elevation.attributes == {"long_name": "height above the sea", "units": "m"}


def test_an_array_that_would_hide_another_is_refused() -> None:
    again = Layer("L1", "other", "band", "1", True, "", variable=Variable("reflectance", "mine"))
    with pytest.raises(SurveyError, match=r"called reflectance \(mine\)"):
        cube_arrays(SEASONS, (*BANDS, again))
    axis = Layer("L1", "other", "band", "1", True, "", variable=Variable("band", "mine"))
    with pytest.raises(SurveyError, match="called band"):
        cube_arrays(SEASONS, (*BANDS, axis))
    with pytest.raises(ValueError, match="2 names for a shape of"):
        RasterArray("landuse", ("a", "b"))


def test_layers_are_read_by_name_whatever_array_they_are_in(store: Stored) -> None:
    layers, values = store[1]["cube.zarr"]
    names = layers.names

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.sampled_from(names), min_size=1, max_size=9),
        st.integers(0, 60),
        st.integers(0, 40),
    )
    def check(wanted: list[str], y: int, x: int) -> None:
        window = Window(y, y + 40, x, x + 30)
        expected = values[[names.index(name) for name in wanted]][:, y : y + 40, x : x + 30]
        np.testing.assert_array_equal(layers.read(window, wanted), expected)

    check()
    np.testing.assert_array_equal(whole_of(layers), values)


@given(st.lists(st.integers(1, 40), max_size=3))
def test_inner_chunks_hold_few_layers_and_cover_all(shape: list[int]) -> None:
    chunks = leading_chunks(shape)
    assert len(chunks) == len(shape)
    assert all(1 <= part <= length for part, length in zip(chunks, shape, strict=True))
    assert np.prod(chunks, dtype=int) <= CHUNK_LAYERS


def opened(store: Stored) -> list[xr.DataArray]:
    """Every array of every raster, opened plainly."""
    folder, _ = store
    return [array for name in RASTERS for array in xr.open_zarr(folder / name).data_vars.values()]


def test_xarray_rioxarray_and_odc_geo_see_where_it_lies(store: Stored, grid: Grid) -> None:
    arrays = opened(store)
    assert len(arrays) == 3 + 1 + 2
    for array in arrays:
        assert array.rio.crs.to_epsg() == 32649, array.name
        assert array.rio.transform() == grid.geobox.affine
        geobox = array.odc.geobox
        assert isinstance(geobox, GeoBox)
        assert (geobox.affine, geobox.shape) == (grid.geobox.affine, grid.geobox.shape)
        assert geobox.crs == grid.geobox.crs


def test_a_pixel_is_the_same_by_names_of_seasons_and_bands(store: Stored) -> None:
    folder, rasters = store
    layers, values = rasters["cube.zarr"]
    cube = xr.open_zarr(folder / "cube.zarr")
    expected = values[layers.names.index("autumn_B04"), 20, 30]
    picked = cube["reflectance"].sel(season="autumn", band="B04")
    assert float(picked[20, 30]) == expected
    assert float(picked.sel(x=cube.x[30], y=cube.y[20])) == expected
    features = xr.open_zarr(folder / "features.zarr")["features"]
    assert set(features.coords) >= {"layer", "season", "feature", "source", "unit"}
    summer = features.isel(layer=(features.season == "summer").values)
    assert list(summer.feature.values) == ["B02", "B03", "B04", "B08", "CLEAR"]
    assert str(features.sel(layer="elevation").season.values) == ""


def layers_of_store(store: Stored) -> Iterator[tuple[xr.DataArray, np.ndarray]]:
    """Every layer of every array, opened plainly, with what was written."""
    folder, rasters = store
    for name, arrays in arrays_of_store().items():
        group, values = xr.open_zarr(folder / name), iter(rasters[name][1])
        for array in arrays:
            for place in np.ndindex(array.shape):
                yield group[array.name][place], next(values)


def test_every_reader_sees_the_same_pixel_of_every_layer(store: Stored, grid: Grid) -> None:
    row, column = 20, 30
    x, y = 500_005.0 + 10 * column, 4_000_995.0 - 10 * row
    for layer, values in layers_of_store(store):
        expected = values[row, column]
        assert float(layer.sel(x=x, y=y)) == expected
        with XarrayReader(layer) as reader:
            assert reader.crs.to_epsg() == 32649
            assert reader.transform == grid.geobox.affine
            assert float(reader.point(x, y, coord_crs=reader.crs).array[0]) == expected
        assert float(layer.rio.clip_box(x - 8, y - 8, x + 8, y + 8).sel(x=x, y=y)) == expected
        across, down = layer.odc.geobox.wld2pix(x, y)
        assert float(layer[int(down), int(across)]) == expected


def test_groups_and_arrays_follow_the_zarr_conventions(store: Stored, grid: Grid) -> None:
    for name in RASTERS:
        group = zarr.open_group(store[0] / name, mode="r")
        nodes = [group, *(array for _, array in group.arrays() if array.ndim > 1)]
        for node in nodes:
            attributes = dict(node.attrs)
            zarr_cm.validate_all(attributes)
            zarr_cm.spatial.validate(attributes)
            zarr_cm.geo_proj.validate(attributes)
            assert zarr_cm.spatial.detect(attributes) == "r3"
            # what the validator passes over: order, shape and place
            assert attributes["proj:code"] == "EPSG:32649"
            assert attributes["spatial:transform"] == list(grid.geobox.affine)[:6]
            assert attributes["spatial:shape"] == list(grid.shape)
            assert attributes["spatial:bbox"] == list(grid.geobox.boundingbox.bbox)
            assert attributes["spatial:dimensions"] == ["y", "x"]
        for _, array in group.arrays():
            if array.ndim > 1:
                assert array.attrs["coordinates"].split()[-1] == "spatial_ref"
                assert array.attrs["grid_mapping"] == "spatial_ref"
                assert array.metadata.dimension_names[-2:] == ("y", "x")
