"""Sampling design: Olofsson's sizes, fair draws, and a file that comes back as a sample."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy.stats import chisquare
from shapely.geometry import box

from minecover.area_estimation.design import (
    Design,
    allocate,
    allocate_change,
    count_pixels,
    draw,
    sample_size,
    write_design,
)
from minecover.area_estimation.estimators import area_estimates, probability_sample
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid, Window

Codes = npt.NDArray[np.uint8]
PIXELS = {1: 200_000, 2: 150_000, 3: 3_200_000, 4: 6_450_000}
EXPECTED = {1: 0.70, 2: 0.60, 3: 0.90, 4: 0.95}


def class_map(seed: int = 0) -> Codes:
    rng = np.random.default_rng(seed)
    return rng.choice([0, 1, 2, 3], (120, 150), p=[0.1, 0.6, 0.25, 0.05]).astype(np.uint8)


def cut(codes: Codes, edge: int) -> list[tuple[Window, Codes]]:
    height, width = codes.shape
    windows = [
        Window(y, y + edge, x, x + edge).clip(height, width)
        for y in range(0, height, edge)
        for x in range(0, width, edge)
    ]
    return [(window, codes[window.slices]) for window in windows]


def test_olofsson_sample_size() -> None:
    """Olofsson et al. 2014, section 5.1.1 and Table 5: n = 641 for S(O) = 0.01."""
    assert sample_size(PIXELS, EXPECTED, 0.01) == 641


def test_olofsson_proportional_allocation() -> None:
    """Table 5, column Prop."""
    assert allocate(PIXELS, 641, minimum=0) == {1: 13, 2: 10, 3: 205, 4: 413}


def test_rare_classes_get_their_minimum() -> None:
    """The rule of section 5.1.1: the rare classes fixed, the rest by area."""
    assert allocate(PIXELS, 641, minimum=100) == {1: 100, 2: 100, 3: 146, 4: 295}


def test_points_go_where_strata_are_large_and_of_both_kinds() -> None:
    """By hand: 1000 points by 9000 x 0.1, 300 x 0.3 and 100 x 0.5, the last of which get 50."""
    spread = {1: 0.1, 2: 0.3, 3: 0.5}
    points = allocate({1: 9000, 2: 300, 3: 100}, 1000, minimum=50, spread=spread)
    assert points == {1: 864, 2: 86, 3: 50}


def test_minima_of_change_come_on_top_of_what_the_precision_needs() -> None:
    pixels, expected = {1: 90_000, 2: 9_000, 3: 900}, {1: 0.9, 2: 0.5, 3: 0.5}
    points = allocate_change(pixels, expected, 0.01, 50)
    assert sum(points.values()) == sample_size(pixels, expected, 0.01) + 150
    # in proportion to 90,000 x 0.3 and 9,000 x 0.5
    assert points[3] == 50
    assert points[1] / points[2] == pytest.approx(6, rel=0.01)


@given(
    pixels=st.dictionaries(st.integers(1, 20), st.integers(1, 10**6), min_size=1),
    size=st.integers(1, 3000),
    minimum=st.integers(0, 100),
    spread=st.none() | st.lists(st.floats(0.05, 0.5), min_size=21, max_size=21),
)
def test_each_class_gets_its_minimum_and_no_more_than_there_is(
    pixels: dict[int, int], size: int, minimum: int, spread: list[float] | None
) -> None:
    spreads = dict(enumerate(spread)) if spread else None
    needed = sum(min(minimum, count) for count in pixels.values())
    if needed > size:
        with pytest.raises(SurveyError, match="too few"):
            allocate(pixels, size, minimum, spreads)
        return
    result = allocate(pixels, size, minimum, spreads)
    assert all(min(minimum, pixels[s]) <= result[s] <= pixels[s] for s in pixels)
    assert sum(result.values()) == min(size, sum(pixels.values()))


@pytest.mark.parametrize(
    ("expected", "error", "message"),
    [({1: 0.9}, 0.01, "class 2"), (EXPECTED, 0.0, "standard error"), ({1: 1.5}, 0.01, "class 1")],
)
def test_sizes_that_cannot_be_computed_are_refused(
    expected: dict[int, float], error: float, message: str
) -> None:
    with pytest.raises(SurveyError, match=message):
        sample_size(PIXELS, expected, error)


@settings(deadline=None, max_examples=20)
@given(edge=st.integers(7, 160), seed=st.integers(0, 1000))
def test_draw_does_not_depend_on_the_cut(edge: int, seed: int) -> None:
    codes = class_map(seed)
    allocation = {1: 40, 2: 30, 3: 30}
    whole = draw(cut(codes, 200), allocation, width=150, seed=seed)
    tiled = draw(cut(codes, edge), allocation, width=150, seed=seed)
    assert tiled.frame.equals(whole.frame)
    assert tiled.pixels == whole.pixels == count_pixels(cut(codes, edge))


def test_draw_gives_each_stratum_its_points() -> None:
    codes = class_map()
    frame = draw(cut(codes, 64), {1: 40, 2: 30, 3: 20}, width=150, seed=1).frame
    assert frame["code"].value_counts().to_dict() == {1: 40, 2: 30, 3: 20}
    assert (codes[frame["row"], frame["col"]] == frame["code"]).all()
    assert not frame.duplicated(["row", "col"]).any()
    assert frame["code"][:30].nunique() == 3  # not stratum by stratum


def test_draw_is_fair() -> None:
    """Every pixel of a stratum is drawn equally often over many seeds."""
    codes = np.ones((10, 12), dtype=np.uint8)
    hits = np.zeros(codes.shape)
    for seed in range(1500):
        frame = draw([(Window(0, 10, 0, 12), codes)], {1: 12}, width=12, seed=seed).frame
        hits[frame["row"], frame["col"]] += 1
    assert hits.sum() == 18_000
    # without replacement the variance is smaller by (1 - 12/120)
    statistic = chisquare(hits.ravel()).statistic / 0.9
    assert 70 < statistic < 180  # 119 degrees of freedom, 99.9 %


def test_stratum_with_too_few_pixels_is_refused() -> None:
    with pytest.raises(SurveyError, match="stratum 9 has 0 pixels; 5 points cannot be drawn"):
        draw(cut(class_map(), 64), {9: 5}, width=150, seed=0)


def written(folder: Path) -> tuple[Path, Design]:
    codes = class_map()
    design = draw(
        cut(codes, 64), allocate(count_pixels(cut(codes, 64)), 120, 20), width=150, seed=0
    )
    geobox = GeoBox((120, 150), Affine(10, 0, 500_000, 0, -10, 4_401_200), "EPSG:32649")
    grid = Grid(geobox, 64, box(*geobox.boundingbox))
    write_design(
        folder / "design.gpkg", design, grid, {1: "forest", 2: "water", 3: "mine"}, ("reference",)
    )
    return folder / "design.gpkg", design


def test_file_for_qgis(tmp_path: Path) -> None:
    path, design = written(tmp_path)
    table = gpd.read_file(path)
    columns = ["id", "stratum", "pixels", "inclusion", "weight", "reference", "geometry"]
    assert list(table.columns) == columns
    assert table.crs.to_epsg() == 32649
    assert (table["reference"] == "").all()
    np.testing.assert_allclose(table.geometry.x, 500_000 + 10 * (design.frame["col"] + 0.5))
    np.testing.assert_allclose(table.geometry.y, 4_401_200 - 10 * (design.frame["row"] + 0.5))
    totals = table.groupby("stratum")["weight"].sum().round(6).to_dict()
    assert totals == {
        "forest": design.pixels[1],
        "water": design.pixels[2],
        "mine": design.pixels[3],
    }


def test_labelled_file_yields_areas(tmp_path: Path) -> None:
    path, design = written(tmp_path)
    table = gpd.read_file(path)
    with pytest.raises(DataError, match="120 of 120 points have no label"):
        probability_sample(table, path.name)
    table["reference"] = table["stratum"]
    pixels = probability_sample(table, path.name)
    result = area_estimates(
        table["stratum"],
        table["stratum"],
        table["reference"],
        pixels=pixels,
        names=["forest", "water", "mine"],
        pixel_area=100.0,
    )
    assert result.area["mine"].value == pytest.approx(design.pixels[3] / 100)
    assert result.area["mine"].standard_error == 0.0
