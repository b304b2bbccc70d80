"""Patches around points: those of the whole array, each pixel read once."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from minecover.arrays import Float32Array, Int64Array
from minecover.geography.grid import Grid
from minecover.samples.patches import extract
from minecover.samples.points import Points, drop_nodata
from minecover.storage.raster_array import stacked
from minecover.storage.store import Layers, Store


def stored(folder: Path, layers: int = 10, seed: int = 0) -> tuple[Layers, Float32Array]:
    """A raster of 4 x 3 tiles, the last column and row cut, and its values in one array."""
    geobox = GeoBox((160, 200), Affine(10, 0, 500_000, 0, -10, 4_400_000), "EPSG:32649")
    grid = Grid(geobox, 64, box(*geobox.boundingbox))
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(layers, *grid.shape)).astype(np.float32)
    values[:, 40:80, 60:100] = np.nan
    store = Store(str(folder / "store"))
    raster = store.create_layers("f.zarr", grid, [stacked([f"l{i}" for i in range(layers)])], {})
    for tile in grid.tiles:
        raster.write_tile(grid, tile, values[:, *grid.window(tile).slices])
    return raster, values


def points_at(rows: Int64Array, columns: Int64Array) -> Points:
    frame = pd.DataFrame({"x": 0.0, "y": 0.0, "row": rows, "col": columns, "code": 3})
    return Points(frame.assign(name="forest"), {})


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layers, Float32Array]:
    return stored(tmp_path_factory.mktemp("raster"))


@settings(deadline=None, max_examples=25)
@given(
    places=st.lists(st.tuples(st.integers(0, 159), st.integers(0, 199)), max_size=12),
    window=st.sampled_from([1, 3, 9, 35]),
    budget=st.sampled_from([1, 2**20, 2**26]),
)
def test_patches_are_those_of_the_whole_array(
    raster: tuple[Layers, Float32Array],
    places: list[tuple[int, int]],
    window: int,
    budget: int,
) -> None:
    layers, values = raster
    rows, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T
    half, names = window // 2, ["l7", "l0", "l3"]
    padded = np.pad(values[[7, 0, 3]], ((0, 0), (half, half), (half, half)), mode="reflect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minecover.storage.layers.READ_BYTES", budget)
        found = extract(points_at(rows, columns), layers, window, names)
    assert found.shape == (len(places), 3, window, window)
    for patch_found, row, column in zip(found, rows, columns, strict=True):
        expected = padded[:, row : row + window, column : column + window]
        np.testing.assert_array_equal(patch_found, expected)


def test_no_pixel_is_read_twice(
    raster: tuple[Layers, Float32Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, values = raster
    reads = np.zeros(values.shape[1:], dtype=int)
    plain = Layers.read

    def counted(self: Layers, window: Any, names: Any = None, *, mirror: bool) -> Any:
        reads[window.slices] += 1
        return plain(self, window, names, mirror=mirror)

    monkeypatch.setattr(Layers, "read", counted)
    monkeypatch.setattr("minecover.storage.layers.READ_BYTES", 1)
    rng = np.random.default_rng(0)
    extract(points_at(rng.integers(8, 152, 300), rng.integers(8, 192, 300)), layers, 17)
    assert reads.max() == 1


def test_even_windows_have_no_centre(raster: tuple[Layers, Any]) -> None:
    with pytest.raises(ValueError, match="odd"):
        extract(points_at(np.array([1]), np.array([1])), raster[0], 4)


@pytest.mark.parametrize("window", [1, 9])
def test_nodata_is_dropped_and_counted(raster: tuple[Layers, Float32Array], window: int) -> None:
    points = points_at(np.array([5, 60, 39, 79]), np.array([5, 80, 99, 99]))
    kept, patches = drop_nodata(points, extract(points, raster[0], window))
    assert kept.dropped == {"on nodata": 2}
    assert kept.frame["row"].tolist() == [5, 39]
    assert len(patches) == 2
    flat = extract(points, raster[0], 1)[:, :, 0, 0]
    assert drop_nodata(points, flat)[0].dropped == {"on nodata": 2}
