from __future__ import annotations

import tracemalloc
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import Point, box

from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Tile, Tiles, Window, area_grid
from minecover.geography.settings import AreaSettings, GridSettings
from minecover.survey import Survey
from minecover.survey.grid import survey_grid


def survey(**changes: object) -> Survey:
    base = {
        "name": "here",
        "area": {"bbox": [500_000, 4_400_000, 503_000, 4_402_000], "crs": "EPSG:32649"},
        "grid": {"crs": "EPSG:32649", "tile": 64},
        "seasons": {"summer": ["2022-06-01/2022-08-31"]},
        "catalog": {"url": "catalog.json"},
        "classes": [
            {"code": 1, "name": "a", "colour": "#000000"},
            {"code": 2, "name": "b", "colour": "#ffffff"},
        ],
        "samples": {"path": "samples.gpkg"},
    }
    return Survey.model_validate({**base, **changes})


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 64, 96]))
def test_every_pixel_is_in_exactly_one_tile(height: int, width: int, tile: int) -> None:
    geobox = GeoBox.from_bbox((0, 0, 10 * width, 10 * height), crs="EPSG:32649", resolution=10)
    grid = Grid(geobox, tile, box(0, 0, 10 * width, 10 * height))
    seen = np.zeros(grid.shape, dtype=int)
    for one in grid.tiles:
        seen[grid.window(one).slices] += 1
    assert (seen == 1).all()


def test_only_tiles_that_touch_the_area() -> None:
    geobox = GeoBox.from_bbox((0, 0, 6400, 6400), crs="EPSG:32649", resolution=10)
    area = Point(3200, 3200).buffer(1000)
    grid = Grid(geobox, 64, area)
    touched = set(grid.tiles)
    for tile in Grid(geobox, 64, box(0, 0, 6400, 6400)).tiles:
        overlap = area.intersection(box(*grid.bounds(grid.window(tile)))).area
        assert (tile in touched) == (overlap > 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 900)),
        min_size=1, max_size=6,
    ),
    st.integers(0, 300),
)  # fmt: skip
def test_quartering_finds_the_tiles_that_looking_at_each_finds(
    discs: list[tuple[int, int, int]], hole: int
) -> None:
    geobox = GeoBox.from_bbox((0, 0, 3100, 2900), crs="EPSG:32649", resolution=10)
    parts = [Point(x, y).buffer(radius, 3) for x, y, radius in discs]
    area = shapely.union_all(parts).difference(Point(1500, 1500).buffer(hole))
    grid = Grid(geobox, 32, area)
    one_by_one = [
        tile
        for tile in (Tile(row, column) for row in range(10) for column in range(10))
        if grid.touches(tile)
    ]
    assert list(grid.tiles) == one_by_one


def test_tiles_are_a_sequence_of_their_places() -> None:
    tiles = survey_grid(survey()).tiles
    assert len(tiles) == 4 * 5
    assert tiles[-1] == Tile(3, 4)
    assert list(tiles[1::7]) == [list(tiles)[n] for n in (1, 8, 15)]
    assert tiles[7] in tiles
    assert Tile(9, 9) not in tiles
    with pytest.raises(IndexError):
        tiles[20]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.integers(1, 12))
def test_shares_are_all_tiles_once_and_even(places: set[tuple[int, int]], count: int) -> None:
    tiles = Tiles(np.array(sorted(places)))
    shares = [list(tiles.share(index, count)) for index in range(count)]
    assert sorted(tile for share in shares for tile in share) == list(tiles)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert all(share == sorted(share) for share in shares)


@pytest.mark.parametrize(("columns", "count"), [(6, 2), (6, 3), (8, 4), (5, 5), (10, 2)])
def test_a_share_lies_evenly_over_rows_and_columns(columns: int, count: int) -> None:
    tiles = Tiles(np.argwhere(np.ones((columns, columns), dtype=bool)))
    for index in range(count):
        for place in ("row", "column"):
            held = [getattr(tile, place) for tile in tiles.share(index, count)]
            assert max(np.bincount(held)) < min(columns, columns / count + 3)


def test_a_province_is_laid_quickly_and_its_tiles_take_eight_bytes_each(shared_data: Path) -> None:
    path = shared_data / "areas" / "inner_mongolia.geojson"
    grid = survey_grid(survey(area={"path": str(path)}, grid={"tile": 256}))
    tracemalloc.start()
    assert len(grid.tiles) > 1_150_000 / 2.56**2
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 10 * len(grid.tiles)
    assert grid.crs_name == "Lambert equal area on 45.38N 111.62E"


def test_the_grid_is_snapped_to_whole_pixels() -> None:
    grid = survey_grid(
        survey(area={"bbox": [500_003, 4_400_004, 502_997, 4_401_991], "crs": "EPSG:32649"})
    )
    assert grid.shape == (200, 300)
    assert grid.geobox.boundingbox.left == 500_000


def test_a_window_may_leave_the_grid() -> None:
    grid = survey_grid(survey())
    tile = grid.tiles[0]
    halo = grid.window_geobox(grid.window(tile).pad(5))
    assert halo.shape == (74, 74)
    assert halo.boundingbox.left == 500_000 - 50


EDGES = st.tuples(st.integers(-9, 20), st.integers(0, 9))


@given(EDGES, EDGES, EDGES, EDGES)
def test_a_window_is_cut_to_the_pixels_that_both_have(
    y: tuple[int, int], x: tuple[int, int], down: tuple[int, int], across: tuple[int, int]
) -> None:
    window, frame = (
        Window(first, first + height, left, left + width)
        for (first, height), (left, width) in ((y, x), (down, across))
    )
    cut = window.within(frame).shifted(frame.y0, frame.x0)
    rows, columns = (
        [place for place in range(*own) if place in range(*other)]
        for own, other in (
            ((window.y0, window.y1), (frame.y0, frame.y1)),
            ((window.x0, window.x1), (frame.x0, frame.x1)),
        )
    )
    assert list(range(cut.y0, cut.y1)) == rows
    assert list(range(cut.x0, cut.x1)) == columns
    assert min(cut.shape) >= 0
    corner = Window(0, frame.shape[0], 0, frame.shape[1])
    assert window.clip(*frame.shape) == window.within(corner)


def test_equal_area_is_equal_area() -> None:
    grid = survey_grid(
        survey(grid={"crs": "equal-area"}, area={"bbox": [109.9, 39.6, 110.4, 39.9]})
    )
    there = gpd.GeoSeries([grid.area], crs=grid.crs).to_crs("EPSG:6933").area[0]
    assert grid.area.area == pytest.approx(there, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"crs": "EPSG:4326"}}, r"grid\.crs: EPSG:4326 is not a projected CRS in metres"),
        ({"grid": {"crs": "EPSG:999999"}}, r"grid\.crs: 'EPSG:999999' is no known CRS"),
        ({"grid": {"crs": "\ud842"}}, r"grid\.crs: '\\ud842' is no known CRS"),
        ({"area": {"path": "/nowhere.gpkg"}}, r"area\.path: cannot read /nowhere\.gpkg"),
    ],
)
def test_a_grid_that_cannot_be_is_explained(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        survey_grid(survey(**changes))


def test_boundaries_from_a_district_to_a_province(shared_data: Path) -> None:
    counts = {}
    for name in ("dongsheng_district", "shanxi"):
        path = shared_data / "areas" / f"{name}.geojson"
        grid = survey_grid(
            survey(area={"path": str(path)}, grid={"crs": "equal-area", "tile": 2048})
        )
        counts[name] = (grid.area.area / 1e6, len(grid.tiles))
    # official surfaces: 2,160 and 156,700 km²
    assert counts["dongsheng_district"][0] == pytest.approx(2160, rel=0.2)
    assert counts["shanxi"][0] == pytest.approx(156_700, rel=0.03)
    assert counts["shanxi"][1] > 157_000 / (20.48**2)


@pytest.mark.parametrize(
    ("bbox", "crs", "resolution"),
    [
        ((109.8, 39.6, 110.2, 39.9), "EPSG:4326", 0.0001),  # degrees where metres belong
        ((39.6, 109.8, 39.9, 110.2), "EPSG:4326", 10.0),  # latitude before longitude
        ((500_000.0, 4e6, 510_000.0, 4.1e6), "EPSG:4326", 10.0),  # metres where degrees belong
        ((float("-inf"), -1.0, float("inf"), 1.0), "EPSG:4326", 10.0),
        ((0.0, 0.0, 1e300, 1e308), "EPSG:32649", 10.0),
        ((0.0, 0.0, 1e308, 1e308), "EPSG:32649", 1e-320),
    ],
)
def test_a_grid_that_nobody_can_mean_is_refused(
    bbox: tuple[float, float, float, float], crs: str, resolution: float
) -> None:
    area = AreaSettings(bbox=bbox, crs=crs)
    grid = GridSettings(resolution=resolution, crs="auto" if crs == "EPSG:4326" else crs)
    with pytest.raises(SurveyError, match=r"^area: it.* `area\.bbox` is left, bottom, right, top"):
        area_grid(area, grid)


@given(EDGES, EDGES, st.integers(1, 9))
def test_parts_of_a_window_hold_each_of_its_pixels_once(
    y: tuple[int, int], x: tuple[int, int], edge: int
) -> None:
    window = Window(y[0], sum(y), x[0], sum(x))
    seen = np.zeros(window.shape, dtype=int)
    for part in window.parts(edge):
        seen[part.within(window).slices] += 1
        assert max(part.shape) <= edge
    assert (seen == 1).all()
