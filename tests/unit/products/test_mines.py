from __future__ import annotations

import sqlite3
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
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
from minecover.geography.ground_area import Surface
from minecover.mine_history.settings import MineSettings
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES, MineSummary
from minecover.products.outlines import outline, patches
from minecover.products.patch_figures import COLUMNS, PatchFigures
from minecover.products.polygons import POLYGONS
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
    publication = small_map(folder, codes, its_grid).publication(
        mines=MineSettings(min_area_ha=min_area_ha), **changes
    )
    publication = written(publication, folder / "out", LANDUSE, MINES)
    return publication.paths["mines.gpkg"], publication.result(MINES)


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
    areas = gpd.read_file(path, layer="mines")["area_ha"]
    assert areas.min() >= 0.2
    assert summary.left_out > 0
    assert summary.count + summary.left_out == everything.count
    assert summary.hectares + summary.hectares_left_out == pytest.approx(everything.hectares)
    assert [mine.area_ha for mine in summary.largest] == pytest.approx(
        sorted(areas, reverse=True)[:10], abs=1e-4
    )


def test_a_map_without_mines_has_an_empty_layer(tmp_path: Path) -> None:
    path, summary = mines_of(tmp_path, np.full((40, 40), 2, np.float32), grid((40, 40), 32))
    frame = gpd.read_file(path, layer="mines")
    assert (len(frame), summary.count) == (0, 0)
    assert list(frame.columns) == ["id", "class", "area_ha", *COLUMNS, "geometry"]


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


def test_figures_of_an_outline_are_those_of_its_pixels(tmp_path: Path) -> None:
    codes = np.full((40, 50), 2, np.float32)
    codes[5:15, 10:30] = 7  # 10 x 20 pixels
    codes[8:10, 12:14] = 3  # with a hole of 2 x 2
    its_map = small_map(tmp_path, codes, grid((40, 50), 32))
    publication = written(
        its_map.publication(mines=MineSettings(min_area_ha=0.5)), tmp_path / "out", LANDUSE, MINES
    )
    frame = gpd.read_file(publication.paths["mines.gpkg"], layer="mines")
    assert len(frame) == 1
    row = frame.iloc[0]
    inside = codes == 7
    probability = np.round(its_map.probability[2] * 4096) / 4096
    assert row["probability"] == pytest.approx(probability[inside].mean(), abs=1e-4)
    assert its_map.dissimilarity is not None
    doubt = (probability < 0.6) | (np.round(its_map.dissimilarity * 4096) / 4096 > 0.75)
    assert row["doubtful"] == pytest.approx(doubt[inside].mean(), abs=1e-4)
    # edges of the grid are 0.04 to 0.1 % off metres of the ground in its zone
    assert row["perimeter_m"] == pytest.approx(10 * (2 * (10 + 20) + 8), rel=1e-3)
    assert (row["min_x"], row["max_x"]) == (585_520, 585_720)
    assert (row["min_y"], row["max_y"]) == (5_648_240 - 150, 5_648_240 - 50)
    centre = frame.geometry.centroid.to_crs(4326).iloc[0]
    assert (row["lon"], row["lat"]) == pytest.approx((centre.x, centre.y), abs=1e-6)


def test_figures_do_not_depend_on_the_rows_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication = small_map(tmp_path, draw_codes((90, 70)), grid((90, 70), 32)).publication()
    made = written(publication, tmp_path / "out", LANDUSE, MINES)
    frame = gpd.read_file(made.paths["mines.gpkg"], layer="mines")
    figures = PatchFigures(made.paths, Surface(made.grid), 3, 0.75)
    for rows in (7, 90):
        monkeypatch.setattr("minecover.products.patch_figures.ROWS", rows)
        again = figures.table(list(frame.geometry))
        for name in COLUMNS:
            np.testing.assert_array_equal(again[name], frame[name])


def test_the_style_is_in_the_file_and_all_classes_are_outlined_on_request(tmp_path: Path) -> None:
    codes = draw_codes((60, 60))
    publication = small_map(tmp_path, codes, grid((60, 60), 32)).publication(
        mines=MineSettings(min_area_ha=0.0)
    )
    files = []
    for folder in ("one", "other"):
        made = written(publication, tmp_path / folder, LANDUSE, POLYGONS)
        files.append(made.paths["polygons.gpkg"].read_bytes())
    assert files[0] == files[1]
    path = made.paths["polygons.gpkg"]
    frame = gpd.read_file(path, layer="polygons")
    assert frame["id"].tolist() == list(range(1, len(frame) + 1))
    for item in publication.classes:
        hectares = frame.loc[frame["class"] == item.name, "area_ha"].sum()
        assert hectares == pytest.approx((codes == item.code).sum() * 0.01, rel=2e-3)
    with closing(sqlite3.connect(path)) as database:
        style = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles"))
        kept = database.execute("SELECT f_table_schema, update_time FROM layer_styles").fetchone()
    assert kept[0] == ""
    assert kept[1].startswith(publication.days[1])
    categories = ET.fromstring(style["polygons"]).findall("renderer-v2/categories/category")
    assert [category.get("value") for category in categories] == [
        item.name for item in publication.classes
    ]
