from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rioxarray  # noqa: F401  (gives arrays their .rio)
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from minecover.errors import StoreError
from minecover.geography.grid import Grid, Tile, Window
from minecover.storage.raster_array import stacked
from minecover.storage.store import Layers, Store


def make_grid(height: int, width: int, tile: int) -> Grid:
    geobox = GeoBox.from_bbox(
        (500_000, 4_000_000, 500_000 + 10 * width, 4_000_000 + 10 * height),
        crs="EPSG:32649",
        resolution=10,
    )
    return Grid(geobox, tile, box(*geobox.boundingbox))


def numbered(grid: Grid, count: int) -> np.ndarray:
    return np.arange(count * grid.shape[0] * grid.shape[1], dtype=np.float32).reshape(
        count, *grid.shape
    )


@pytest.fixture
def raster(tmp_path: Path) -> tuple[Grid, Layers, np.ndarray]:
    grid = make_grid(100, 70, 32)
    names = [f"layer{i}" for i in range(20)]
    arrays = [stacked(names)]
    layers = Store(str(tmp_path)).create_layers("cube.zarr", grid, arrays, {"made": "by test"})
    values = numbered(grid, len(names))
    for tile in grid.tiles:
        layers.write_tile(grid, tile, values[(slice(None), *grid.window(tile).slices)])
    return grid, layers, values


def test_what_tiles_write_is_what_any_window_reads(
    raster: tuple[Grid, Layers, np.ndarray],
) -> None:
    _, layers, values = raster

    @settings(max_examples=30, deadline=None)
    @given(st.integers(-20, 99), st.integers(1, 60), st.integers(-20, 69), st.integers(1, 60))
    def check(y: int, rows: int, x: int, columns: int) -> None:
        window = Window(y, y + rows, x, x + columns)
        padded = np.pad(values, ((0, 0), (80, 80), (80, 80)), constant_values=np.nan)
        expected = padded[:, y + 80 : y + rows + 80, x + 80 : x + columns + 80]
        np.testing.assert_array_equal(layers.read(window), expected)

    check()


def test_beyond_the_grid_it_is_mirrored_where_wanted(
    raster: tuple[Grid, Layers, np.ndarray],
) -> None:
    grid, layers, values = raster
    window = Window(0, grid.shape[0], 0, grid.shape[1]).pad(9)
    expected = np.pad(values, ((0, 0), (9, 9), (9, 9)), mode="reflect")
    np.testing.assert_array_equal(layers.read(window, mirror=True), expected)


def test_layers_are_read_by_name_in_the_order_asked(
    raster: tuple[Grid, Layers, np.ndarray],
) -> None:
    _, layers, values = raster
    window = Window(10, 50, 5, 60)
    chosen = ["layer19", "layer2", "layer9", "layer3"]
    got = layers.read(window, chosen)
    np.testing.assert_array_equal(got, values[[19, 2, 9, 3], 10:50, 5:60])
    with pytest.raises(StoreError, match="no layer missing"):
        layers.read(window, ["missing"])


def test_xarray_opens_it_with_names_coordinates_and_crs(
    raster: tuple[Grid, Layers, np.ndarray], tmp_path: Path
) -> None:
    _, _, values = raster
    with xr.open_zarr(tmp_path / "cube.zarr", decode_coords="all") as opened:
        array = opened["layers"]
        np.testing.assert_array_equal(array.sel(layer="layer7").values, values[7])
        assert float(array.x[0]) == 500_005.0
        assert float(array.y[0]) == 4_000_995.0
        assert array.rio.crs.to_epsg() == 32649


def test_a_tile_is_one_object(raster: tuple[Grid, Layers, np.ndarray], tmp_path: Path) -> None:
    grid, _, _ = raster
    shards = [p for p in (tmp_path / "cube.zarr/layers/c").rglob("*") if p.is_file()]
    assert len(shards) == len(grid.tiles)


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    grid = make_grid(64, 64, 32)
    contents = []
    for name in ("a", "b"):
        layers = Store(str(tmp_path / name)).create_layers("m.zarr", grid, [stacked(["one"])], {})
        for tile in reversed(grid.tiles) if name == "b" else grid.tiles:
            window = grid.window(tile)
            layers.write_tile(grid, tile, numbered(grid, 1)[(slice(None), *window.slices)])
        folder = tmp_path / name
        contents.append(
            {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert contents[0] == contents[1]


def test_create_has_one_winner(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert store.create("leases/a", b"first")
    assert not store.create("leases/a", b"second")
    assert store.read("leases/a") == b"first"


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("products/a.txt", b"before")

    def fail() -> None:
        with store.writing_file("products/a.txt") as path:
            path.write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert store.read("products/a.txt") == b"before"
    assert list(tmp_path.rglob("*half*")) == []
    assert [p.name for p in tmp_path.iterdir()] == ["products"]


def test_a_damaged_document_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("survey.json", b"{half")
    with pytest.raises(StoreError, match=r"survey\.json: damaged"):
        store.read_json("survey.json")


def test_a_missing_raster_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match='run the survey until "cube"'):
        Store(str(tmp_path)).layers("cube.zarr")


def test_only_folders_and_buckets(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="only folders and s3://"):
        Store("ftp://somewhere/else")


def test_a_wrong_shape_is_refused(raster: tuple[Grid, Layers, np.ndarray]) -> None:
    grid, layers, _ = raster
    with pytest.raises(ValueError, match="r0000c0000"):
        layers.write_tile(grid, Tile(0, 0), np.zeros((1, 2, 3), np.float32))


FILL = """
import sys
from minecover.storage.store import Store
from minecover.errors import StoreError
store = Store(sys.argv[1])
store.write("small", b"x" * 1000)
try:
    store.write("large", b"x" * 3_000_000)
except StoreError as error:
    print(error)
    print(store.read("large"), store.read("small") == b"x" * 1000)
"""


def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        done = subprocess.run(
            [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=True
        )
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert "full" in done.stdout
    assert "None True" in done.stdout
