"""Polygons as samples: pixels whole inside, drawn by a seed, and never divided by a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate
from shapely.geometry import MultiPolygon, Point, Polygon, box

from minecover.accuracy.blocks import area_folds, random_folds, spatial_folds
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid, area_grid
from minecover.geography.settings import AreaSettings, GridSettings
from minecover.samples import polygons as polygons_module
from minecover.samples.classes import LandUseClass
from minecover.samples.points import Points, read_points
from minecover.samples.polygons import drawn_pixels
from minecover.samples.settings import SampleSettings

CRS, LEFT, TOP, EDGE = "EPSG:32649", 500_000, 4_400_000, 60
CLASSES = [LandUseClass(code=c, name=n, colour="#000000") for c, n in ((1, "mine"), (2, "other"))]


@pytest.fixture(scope="module")
def grid() -> Grid:
    bbox = (LEFT, TOP - 10 * EDGE, LEFT + 10 * EDGE, TOP)
    return area_grid(AreaSettings(bbox=bbox, crs=CRS), GridSettings(crs=CRS, tile=32))


def read(frame: gpd.GeoDataFrame, folder: Path, grid: Grid, **samples: Any) -> Points:
    frame.to_file(folder / "p.gpkg")
    given: dict[str, Any] = {"path": str(folder / "p.gpkg"), "folds": 2, "polygons": "all"}
    given |= samples
    return read_points(SampleSettings(**given), CLASSES, grid)


def labelled(*features: tuple[str, Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(list(features), columns=["class", "geometry"], crs=CRS)


REST = tuple(
    (name, Point(LEFT + 10 * i + 5, TOP - 595)) for i, name in enumerate(["mine", "other"] * 2)
)
"""Points enough for two folds."""


def square(row: int, col: int, edge: int, inset: float = 0.0) -> Polygon:
    """Polygon of so many whole pixels, grown or shrunk by some metres."""
    x, y = LEFT + 10 * col, TOP - 10 * row
    return box(x + inset, y - 10 * edge + inset, x + 10 * edge - inset, y - inset)


def by_looking_at_each(polygon: Any, grid: Grid) -> list[tuple[int, int]]:
    rows, columns = np.indices(grid.shape)
    x, y = LEFT + 10.0 * columns, TOP - 10.0 * rows
    whole = shapely.covers(polygon, shapely.box(x, y - 10, x + 10, y))
    inside = whole & shapely.covers(grid.area, shapely.points(x + 5, y - 5))
    return [(int(row), int(col)) for row, col in np.argwhere(inside)]


SHAPES = st.builds(
    lambda x, y, width, height, angle, hole: rotate(
        box(x, y, x + width, y + height).difference(Point(x + width / 2, y).buffer(hole)), angle
    ),
    st.floats(LEFT - 50, LEFT + 500), st.floats(TOP - 600, TOP), st.floats(5, 300),
    st.floats(5, 300), st.floats(0, 90), st.floats(0, 60),
).filter(lambda shape: not shape.is_empty)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(SHAPES)
def test_pixels_are_those_that_lie_whole_inside(grid: Grid, shape: Any) -> None:
    small = Grid(grid.geobox, grid.tile_size, grid.area.buffer(-95.0, join_style="mitre"))
    pixels = drawn_pixels(shape, small, None, (0, 0))
    assert list(map(tuple, pixels.tolist())) == by_looking_at_each(shape, small)


@settings(max_examples=20, deadline=None)
@given(SHAPES, st.integers(1, 40), st.integers(0, 3))
def test_drawn_pixels_are_some_of_all(grid: Grid, shape: Any, most: int, seed: int) -> None:
    every = list(map(tuple, drawn_pixels(shape, grid, None, (seed, 5)).tolist()))
    drawn = list(map(tuple, drawn_pixels(shape, grid, most, (seed, 5)).tolist()))
    assert len(drawn) == min(most, len(every))
    assert sorted(set(drawn)) == drawn
    assert set(drawn) <= set(every)
    assert drawn == list(map(tuple, drawn_pixels(shape, grid, most, (seed, 5)).tolist()))


def test_each_pixel_is_drawn_as_often_as_any_other(grid: Grid) -> None:
    """Whole blocks and pixels one by one: 40 x 40 pixels hold both; 5 deviations at most."""
    shape = rotate(square(10, 10, 40), 3)
    every = drawn_pixels(shape, grid, None, (0, 0))
    seen = np.zeros(grid.shape)
    for seed in range(150):
        rows, columns = drawn_pixels(shape, grid, 100, (seed, 0)).T
        seen[rows, columns] += 1
    share = 100 / len(every)
    counts = seen[every[:, 0], every[:, 1]]
    assert counts.sum() == 150 * 100
    assert np.abs(counts - 150 * share).max() < 5 * np.sqrt(150 * share * (1 - share))


def test_polygons_and_points_are_mixed(tmp_path: Path, grid: Grid) -> None:
    frame = labelled(
        ("mine", square(2, 2, 3)),
        ("other", Point(LEFT + 5, TOP - 5)),
        ("mine", MultiPolygon([square(20, 20, 2), square(30, 30, 1)])),
        ("other", square(40, 40, 2, inset=-4)),  # 28 m wide: four pixels whole, others in part
        ("other", square(50, 50, 1, inset=1)),  # 8 m wide
        ("mine", square(200, 2, 3)),  # off the area
        ("other", square(2, 40, 1)),
        ("mine", Point(LEFT + 25, TOP - 25)),  # in a pixel of the first polygon
        ("other", shapely.LineString([(LEFT, TOP), (LEFT + 50, TOP - 50)])),
    )
    found = read(frame, tmp_path, grid)
    places = found.frame.groupby("polygon").apply(
        lambda part: list(zip(part["row"], part["col"], strict=True)), include_groups=False
    )
    assert sorted(map(tuple, places[:-1] if -1 not in places else places.drop(-1))) == [
        ((2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (3, 4), (4, 2), (4, 3), (4, 4)),
        ((2, 40),),
        ((20, 20), (20, 21), (21, 20), (21, 21)),
        ((30, 30),),
        ((40, 40), (40, 41), (41, 40), (41, 41)),
    ]
    assert places[-1] == [(0, 0)]
    assert found.dropped == {
        "not a point": 1, "off the area": 1, "polygon without a whole pixel": 1, "doubled": 1,
    }  # fmt: skip
    centres = found.frame[["x", "y"]].to_numpy() - (LEFT, TOP)
    expected = found.frame[["col", "row"]].to_numpy() * (10, -10) + (5, -5)
    np.testing.assert_allclose(centres, expected, atol=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32650", "EPSG:4547"])
def test_polygons_come_in_any_crs(tmp_path: Path, grid: Grid, crs: str) -> None:
    frame = labelled(("mine", square(2, 2, 20, -1)), ("other", square(30, 30, 9, -1)), *REST)
    here, there = read(frame, tmp_path, grid), read(frame.to_crs(crs), tmp_path, grid)
    columns = ["row", "col", "name", "polygon"]
    pd.testing.assert_frame_equal(here.frame[columns], there.frame[columns])
    assert len(here) == 400 + 81 + 4


def test_a_seed_draws_the_same_of_each(tmp_path: Path, grid: Grid) -> None:
    frame = labelled(("mine", square(2, 2, 20)), ("other", square(30, 30, 3)), *REST)
    first = read(frame, tmp_path, grid, polygons=15)
    assert first.frame["polygon"].value_counts().to_dict() == {0: 15, 1: 9, -1: 4}
    pd.testing.assert_frame_equal(first.frame, read(frame, tmp_path, grid, polygons=15).frame)
    other = read(frame, tmp_path, grid, polygons=15, seed=1).frame
    assert not other[["row", "col"]].equals(first.frame[["row", "col"]])


def test_a_bow_tie_is_two_triangles(tmp_path: Path, grid: Grid) -> None:
    x, y = LEFT + 100, TOP - 100
    bow = Polygon([(x, y), (x + 200, y - 200), (x + 200, y), (x, y - 200)])
    found = read(labelled(("mine", bow), ("other", square(50, 50, 2)), *REST), tmp_path, grid)
    assert (found.frame["polygon"] == 0).sum() == len(by_looking_at_each(bow.buffer(0), grid)) > 50


def test_more_pixels_than_are_taken_are_refused(
    tmp_path: Path, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = labelled(("mine", square(2, 2, 20)), ("other", square(30, 30, 3)), *REST)
    monkeypatch.setattr(polygons_module, "MAX_PIXELS", 399)
    with pytest.raises(DataError, match="a polygon has 400 pixels; at most 399"):
        read(frame, tmp_path, grid)
    assert len(read(frame, tmp_path, grid, polygons=10)) == 19 + 4


def test_a_polygon_counts_once_for_the_folds(tmp_path: Path, grid: Grid) -> None:
    frame = labelled(("mine", square(2, 2, 20)), *((("other", square(30, i, 2))) for i in (0, 9)))
    with pytest.raises(SurveyError, match=r"fewer points than samples\.folds \(2\) of: mine 1"):
        read(frame, tmp_path, grid)


@pytest.mark.parametrize("rule", [0, -3, "some", 2.5])
def test_other_rules_are_refused(rule: object) -> None:
    with pytest.raises(ValueError, match="polygons"):
        SampleSettings(path="p.gpkg", polygons=rule)  # type: ignore[arg-type]


def drawn_frame(seed: int, polygons: bool) -> pd.DataFrame:
    """Points all over a grid, a third of them of eight polygons."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(0, 100, (150, 2)), columns=["row", "col"])
    polygon = np.where(rng.random(150) < 0.3, rng.integers(0, 8, 150), -1)
    frame["code"] = np.where(polygon < 0, rng.integers(1, 4, 150), polygon % 3 + 1)
    return frame.assign(polygon=polygon) if polygons else frame


@pytest.mark.parametrize("seed", range(6))
def test_no_split_divides_a_polygon(seed: int) -> None:
    frame = drawn_frame(seed, polygons=True)
    blocks = spatial_folds(frame, edge=10, folds=4, seed=seed)
    areas = area_folds(frame.assign(block=blocks.block), 4, seed)
    for split in (blocks, areas, random_folds(frame, 4, seed)):
        told = pd.DataFrame({"fold": split.fold, "block": split.block, "own": frame["polygon"]})
        for polygon, part in told.groupby("own"):
            assert polygon == -1 or part[["fold", "block"]].nunique().tolist() == [1, 1]
        assert set(split.fold) == {0, 1, 2, 3}


@pytest.mark.parametrize("seed", range(4))
def test_points_alone_are_divided_as_ever(seed: int) -> None:
    bare = drawn_frame(seed, polygons=False)
    alone = bare.assign(polygon=-1)
    splits = [(random_folds(frame, 3, seed), spatial_folds(frame, edge=5, folds=3, seed=seed))
              for frame in (alone, bare)]  # fmt: skip
    for first, second in zip(*splits, strict=True):
        np.testing.assert_array_equal(first.fold, second.fold)
        np.testing.assert_array_equal(first.block, second.block)
    order = np.random.default_rng(seed).permutation(len(bare))
    dealt = order[np.argsort(bare["code"].to_numpy()[order], kind="stable")]
    expected = np.empty(len(bare), dtype=np.int64)
    expected[dealt] = np.arange(len(bare)) % 3
    np.testing.assert_array_equal(splits[1][0].fold, expected)
    np.testing.assert_array_equal(splits[1][0].block, np.arange(len(bare)))


def test_polygons_of_which_none_gives_a_point_are_told_so(tmp_path: Path, grid: Grid) -> None:
    narrow = square(3, 3, 1, inset=2.0)
    with pytest.raises(SurveyError, match=r"no polygon .* gives a point; dropped: 1 polygon with"):
        read(labelled(("mine", narrow)), tmp_path, grid, polygons="all")


@pytest.mark.parametrize("polygons", [25, "all"])
def test_no_pixel_of_two_classes_is_drawn(tmp_path: Path, grid: Grid, polygons: object) -> None:
    """Of two squares of 8 x 8 that share 8 x 4 pixels, and a point in one of them."""
    stray = Point(LEFT + 25, TOP - 25)
    frame = labelled(("mine", square(0, 0, 8)), ("other", square(0, 4, 8)), ("other", stray), *REST)
    found = read(frame, tmp_path, grid, polygons=polygons)
    drawn = found.frame[found.frame["row"] < 8]
    assert drawn.loc[drawn["name"] == "mine", "col"].max() < 4
    assert drawn.loc[drawn["name"] == "other", "col"].min() >= 8
    assert found.dropped["contradictory"] > 0
    assert len(found) + sum(found.dropped.values()) == len(REST) + 1 + (
        2 * 64 if polygons == "all" else 2 * 25
    )
