"""Labels of an old map: drawn away from borders, and kept where they agree with what is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Int64Array
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid, Window
from minecover.label_noise.agreement import agreement_by_class
from minecover.label_review.borrowed_labels import BorrowOptions, borrow_labels
from minecover.samples.class_map import crosswalk_of
from minecover.samples.map_pixels import UNKNOWN, draw_map_pixels
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from small_map import CODES, grid
from small_store import small_store

WALK = "10=forest_and_grass,20=water,21=water,50=mine"
OLD = {2: 10, 3: 20, 7: 50}
"""Code of the survey to code of the map."""


class Done(Run):
    """A run whose stages are taken to be done."""

    def until(self, last: str, **options: bool) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Case:
    run: Done
    true: Int64Array
    folder: Path

    def write(self, codes: Int64Array, name: str = "old.tif") -> Path:
        path = self.folder / name
        height, width = codes.shape
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, count=1, dtype="uint8",
            crs=self.run.grid.crs, transform=self.run.grid.geobox.affine, nodata=0,
        ) as raster:  # fmt: skip
            raster.write(codes.astype(np.uint8), 1)
        return path

    def options(self, path: Path, **more: object) -> BorrowOptions:
        given = {"crosswalk": WALK, "points": 80, "margin": 0, **more}
        return BorrowOptions(path, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Ground whose class the summer's NDVI tells."""
    folder = tmp_path_factory.mktemp("borrow")
    made = small_store(folder)
    ndvi = made.values["features:summer_NDVI"]
    true = np.array(CODES)[np.digitize(ndvi, [-0.33, 0.33])]
    section = {"block": 150, "folds": 2, "path": str(folder / "none.gpkg")}
    survey = made.survey.replace(features={"keep": "all"}, model={"kind": "rf"}, samples=section)
    return Case(Done(survey, (), Silent()), true, folder)


def old_codes(true: Int64Array) -> Int64Array:
    return np.vectorize(OLD.__getitem__)(true)


def test_classes_that_agree_teach_and_others_do_not(case: Case) -> None:
    codes = old_codes(case.true)
    rng = np.random.default_rng(0)
    # of what the map calls water half is anything
    wrong = (codes == 20) & (rng.random(codes.shape) < 0.5)
    codes[wrong] = 10
    codes[(case.true == 2) & (rng.random(codes.shape) < 0.45)] = 20
    path = case.write(codes)
    document, table = borrow_labels(case.run, case.options(path, least=0.75))
    teaches = {name: one["teaches"] for name, one in document["classes"].items()}
    assert teaches == {"forest_and_grass": False, "water": False, "mine": True}
    assert set(table["class"]) == {"mine"}
    mine = document["classes"]["mine"]
    assert mine["drawn"] == mine["compared"] == 80
    assert mine["kept"] == len(table) > 60
    assert mine["interval"][0] < mine["agreement"] <= mine["interval"][1]
    places = gpd.read_file(Path(case.run.store.url) / "products" / "borrowed.gpkg")
    assert set(places["purpose"]) == {"training"}
    columns, rows = ~case.run.grid.geobox.affine @ (places.geometry.x, places.geometry.y)
    assert (codes[np.floor(rows).astype(int), np.floor(columns).astype(int)] == 50).all()


def test_doubtful_points_of_a_class_that_teaches_do_not(case: Case) -> None:
    codes = old_codes(case.true)
    grown = (case.true == 2) & (np.random.default_rng(2).random(codes.shape) < 0.1)
    codes[grown] = 50  # a tenth of the forest was mine once
    _, table = borrow_labels(case.run, case.options(case.write(codes), least=0.5, points=150))
    kept = table[table["class"] == "mine"]
    columns, rows = ~case.run.grid.geobox.affine @ (kept.geometry.x, kept.geometry.y)
    still = case.true[np.floor(rows).astype(int), np.floor(columns).astype(int)] == 7
    assert still.mean() > 0.97
    assert (kept["doubt"] <= 0.5).all()


def test_trusted_points_decide_over_classes_that_have_enough(case: Case) -> None:
    # a map that is all wrong in the same way agrees with itself: only trusted points see it
    turned = np.select([case.true == 2, case.true == 3], [20, 10], 50)
    rows, columns = np.unravel_index(np.arange(0, case.true.size, 40), case.true.shape)
    x, y = case.run.grid.geobox.affine @ (columns + 0.5, rows + 0.5)
    names = {code: name for name, code in case.run.survey.class_codes.items()}
    labels = [names[int(code)] for code in case.true[rows, columns]]
    trusted = case.folder / "trusted.gpkg"
    frame = gpd.GeoDataFrame({"class": labels}, geometry=gpd.points_from_xy(x, y))
    frame.set_crs(case.run.grid.crs).to_file(trusted)
    options = case.options(case.write(turned), trusted=trusted)
    document, table = borrow_labels(case.run, options)
    found = document["classes"]
    assert found["water"]["agreement"] == found["forest_and_grass"]["agreement"] == 0
    assert {one["with"] for one in found.values()} == {"trusted points"}
    assert found["mine"]["agreement"] == 1
    assert set(table["class"]) == {"mine"}


def test_polygons_of_classes_teach_as_a_map_does(case: Case) -> None:
    rng = np.random.default_rng(3)
    rows, columns = (rng.choice(size, 150) for size in case.true.shape)
    names = {code: name for name, code in case.run.survey.class_codes.items()}
    labels = np.array([names[int(code)] for code in case.true[rows, columns]], dtype=object)
    forest = labels == "forest_and_grass"
    labels[forest] = rng.permuted(rng.choice(list(names.values()), forest.sum()))
    x, y = case.run.grid.geobox.affine @ (columns + 0.5, rows + 0.5)
    pixels = gpd.points_from_xy(x, y).buffer(5.01, cap_style="square")
    path = case.folder / "fields.gpkg"
    gpd.GeoDataFrame({"class": labels}, geometry=pixels, crs=case.run.grid.crs).to_file(path)
    document, table = borrow_labels(case.run, BorrowOptions(path, points=5, least=0.6))
    found = document["classes"]
    assert not found["forest_and_grass"]["teaches"]
    assert found["mine"]["teaches"]
    assert set(table["class"]) <= {"mine", "water"}


def test_a_map_with_which_nothing_agrees_is_refused(case: Case) -> None:
    noise = np.random.default_rng(1).choice([10, 20, 50], case.true.shape)
    with pytest.raises(DataError, match=r"no class agrees by 0.8 \(forest_and_grass 0\."):
        borrow_labels(case.run, case.options(case.write(noise)))
    with pytest.raises(DataError, match=r"0 pixels of 0 class\(es\) lie 3 pixels from all borders"):
        borrow_labels(case.run, case.options(case.write(noise), margin=3))
    missing = case.folder / "missing.tif"
    with pytest.raises(DataError, match=r"missing.tif: cannot read it as a raster"):
        borrow_labels(case.run, case.options(missing))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10=quarry", "'10=quarry': give each code.*the classes are forest_and_grass, water"),
        ("10", "'10': give each code"),
        ("10=mine,10=water", "'10=water': give each code of the map once"),
    ],
)
def test_crosswalks_that_cannot_be_understood(text: str, said: str) -> None:
    classes = {"forest_and_grass": 2, "water": 3, "mine": 7}
    with pytest.raises(SurveyError, match=said):
        crosswalk_of(text, classes)
    assert crosswalk_of("10=mine, 11 = mine", classes) == {10: 7, 11: 7}


def test_options_of_rasters_are_not_those_of_polygons() -> None:
    with pytest.raises(SurveyError, match="one: give --classes, as 10=forest"):
        BorrowOptions(Path("old.tif"))
    with pytest.raises(SurveyError, match="polygons, whose column says the classes"):
        BorrowOptions(Path("old.gpkg"), crosswalk="10=mine")
    with pytest.raises(SurveyError, match="--least 2: give at least 1"):
        BorrowOptions(Path("old.gpkg"), least=2)


@settings(max_examples=15, deadline=None)
@given(tile=st.integers(5, 40), margin=st.integers(0, 2), seed=st.integers(0, 2**32))
def test_pixels_do_not_depend_on_tiles_and_lie_away_from_borders(
    tile: int, margin: int, seed: int
) -> None:
    codes = np.kron(np.array([[2, 3, UNKNOWN], [7, 2, 2]]), np.ones((12, 9), np.int64))
    codes = codes.astype(np.int64)

    def read(window: Window) -> Int64Array:
        return codes[window.slices]

    def drawn(its: Grid) -> list[tuple[int, ...]]:
        table = draw_map_pixels(read, its, (2, 3, 7), 20, margin=margin, seed=seed)
        return [tuple(row) for row in table.to_numpy()]

    found = drawn(grid(codes.shape, tile))
    assert found == drawn(grid(codes.shape, 64))
    assert len(found) == len(set(found)) == 60
    for row, column, code in found:
        y, x = (slice(max(0, n - margin), n + margin + 1) for n in (row, column))
        assert (codes[y, x] == code).all()


def test_agreement_counts_each_class_by_itself() -> None:
    labels = np.array([0, 0, 0, 0, 2])
    found = agreement_by_class(labels, np.array([True, True, True, False, False]), 3)
    assert (found[0].compared, found[0].share) == (4, 0.75)
    # Wilson 1927 by hand: n 4, p 0.75, z 1.96
    assert (found[0].low, found[0].high) == pytest.approx((0.3006, 0.9544), abs=1e-3)
    assert found[1].compared == 0
    assert found[2].share == 0
