from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import hypothesis.extra.numpy as hnp
import numpy as np
import pyogrio
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Grid
from minecover.products.landuse import LANDUSE
from minecover.products.mines import Mines, MineSummary
from minecover.products.outlines import outline, patches
from small_map import SIMULATED, draw_codes, grid, small_map, written

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14))


def strips(mask: BoolArray, rows: int) -> Iterator[BoolArray]:
    return (mask[y : y + rows] for y in range(0, len(mask), rows))


def mines_of(
    folder: Path,
    codes: Float32Array,
    its_grid: Grid,
    min_area_ha: float = 0.0,
    **changes: Any,
) -> tuple[Path, MineSummary]:
    mines = Mines(min_area_ha=min_area_ha)
    publication = small_map(folder, codes, its_grid).publication(**changes)
    publication = written(publication, folder / "out", LANDUSE, mines)
    return publication.paths["mines.gpkg"], publication.result(mines)


@settings(max_examples=200, deadline=None)
@given(MASKS, st.integers(1, 15))
def test_outlines_are_those_of_the_whole_raster(mask: BoolArray, rows: int) -> None:
    found = [outline(boxes) for boxes in patches(strips(mask, rows))]
    assert all(shapely.is_valid(polygon) for polygon in found)
    # GDAL's polygonizer on the raster in one piece is the reference
    traced = rasterio.features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
    expected = [shapely.geometry.shape(geometry) for geometry, _ in traced]
    assert len(found) == len(expected)
    assert sum(polygon.area for polygon in found) == mask.sum()
    for polygon in found:
        inside = shapely.Point(polygon.representative_point())
        twin = next(other for other in expected if other.contains(inside))
        assert polygon.symmetric_difference(twin).area == 0


@settings(max_examples=100, deadline=None)
@given(MASKS, st.integers(1, 15), st.integers(1, 15))
def test_outlines_are_identical_however_they_are_cut(mask: BoolArray, one: int, other: int) -> None:
    first, second = (
        [shapely.to_wkt(outline(boxes)) for boxes in patches(strips(mask, rows))]
        for rows in (one, other)
    )
    assert first == second


def test_an_outline_has_corners_only() -> None:
    mask = np.zeros((6, 9), bool)
    mask[1:5, 1:8] = True
    mask[2:4, 3:5] = False
    (boxes,) = patches([mask])
    polygon = outline(boxes)
    assert len(polygon.exterior.coords) == 5
    assert [len(ring.coords) for ring in polygon.interiors] == [5]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_the_file_is_the_same_whatever_the_tile(seed: int) -> None:
    shape = (45, 70)
    codes = draw_codes(shape, seed)
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for tile in (32, 64):
            path, _ = mines_of(Path(folder) / str(tile), codes, grid(shape, tile))
            files.append(path.read_bytes())
    assert files[0] == files[1]


def test_areas_add_up_to_the_pixels_in_an_equal_area_grid(tmp_path: Path) -> None:
    shape = (90, 110)
    codes = draw_codes(shape)
    path, summary = mines_of(tmp_path, codes, grid(shape, 32, crs="EPSG:3035"))
    frame = gpd.read_file(path, layer="mines")
    hectares = (codes == 7).sum() * 0.01
    assert summary.hectares == pytest.approx(hectares, rel=1e-12)
    assert frame["area_ha"].sum() == pytest.approx(hectares, rel=1e-6)
    assert frame.crs.to_epsg() == 3035
    assert frame["id"].tolist() == list(range(1, len(frame) + 1))
    assert set(frame["class"]) == {"mine"}
    assert frame.geometry.area.to_numpy() / 1e4 == pytest.approx(frame["area_ha"].to_numpy())


def test_the_minimum_mapping_unit_leaves_out_and_counts(tmp_path: Path) -> None:
    shape = (90, 110)
    codes = draw_codes(shape)
    _, everything = mines_of(tmp_path / "all", codes, grid(shape, 64))
    path, summary = mines_of(tmp_path / "large", codes, grid(shape, 64), min_area_ha=0.2)
    areas = gpd.read_file(path)["area_ha"]
    assert areas.min() >= 0.2
    assert summary.left_out > 0
    assert summary.count + summary.left_out == everything.count
    assert summary.hectares + summary.hectares_left_out == pytest.approx(everything.hectares)
    assert [mine.hectares for mine in summary.largest] == pytest.approx(
        sorted(areas, reverse=True)[:10], abs=1e-4
    )


def test_a_map_without_mines_has_an_empty_layer(tmp_path: Path) -> None:
    path, summary = mines_of(tmp_path, np.full((40, 40), 2, np.float32), grid((40, 40), 32))
    frame = gpd.read_file(path, layer="mines")
    assert (len(frame), summary.count) == (0, 0)
    assert list(frame.columns) == ["id", "class", "area_ha", "geometry"]


def test_mines_of_simulated_data_say_so_in_equal_bytes(tmp_path: Path) -> None:
    files = []
    for folder in ("one", "other"):
        path, _ = mines_of(
            tmp_path / folder, draw_codes((60, 60)), grid((60, 60), 32), sources=SIMULATED
        )
        found = pyogrio.read_info(path, layer="mines")["dataset_metadata"]
        assert found == {"SIMULATED": "YES", "SIMULATED_SOURCES": "An optical sensor"}
        files.append(path.read_bytes())
    assert files[0] == files[1]
