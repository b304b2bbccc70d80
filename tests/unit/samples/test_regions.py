"""Regions: which pixel is of which, what is refused, and maps of several models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely.geometry import Polygon, box

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Grid, Window
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.prediction.applicability import Applicability
from minecover.prediction.map_layers import map_arrays, map_attributes
from minecover.samples.regions import Regions, read_regions
from minecover.stages.predict import PredictJob
from minecover.storage.raster_array import names_of, stacked
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid

ENGINE = EngineSettings(training="local", prediction="local", workers=1, threads=1)
LAYERS = ("summer_NDVI", "summer_B4")
LEFT, BOTTOM, RIGHT, TOP = 500000, 5400000, 500700, 5400500
MIDDLE = 500333
CRS = "EPSG:32633"
WEST, EAST = box(LEFT, BOTTOM, MIDDLE, TOP), box(MIDDLE, BOTTOM, RIGHT, TOP)
CORNERLESS = Polygon([(LEFT, BOTTOM), (RIGHT, BOTTOM), (RIGHT, TOP), (LEFT + 200, TOP)])


def write_regions(path: Path, regions: Mapping[str, Polygon], crs: str = CRS) -> Path:
    frame = gpd.GeoDataFrame({"name": list(regions)}, geometry=list(regions.values()), crs=CRS)
    frame.to_crs(crs).to_file(path)
    return path


def survey(tmp_path: Path, area: Polygon | None = None, **model: Any) -> Survey:
    write_regions(tmp_path / "area.gpkg", {"area": area or box(LEFT, BOTTOM, RIGHT, TOP)})
    return Survey.model_validate(
        {
            "name": "small",
            "area": {"path": str(tmp_path / "area.gpkg")},
            "grid": {"crs": CRS, "tile": 32},
            "seasons": {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": {"url": "catalog.json"},
            "classes": [
                {"code": 3, "name": "water", "colour": "#0000ff"},
                {"code": 1, "name": "mine", "colour": "#ff0000"},
                {"code": 2, "name": "forest", "colour": "#00ff00"},
            ],
            "samples": {"path": "samples.gpkg"},
            "engine": ENGINE.model_dump(),
            "model": model,
        }
    )


def regional(tmp_path: Path, regions: Mapping[str, Polygon], **kwargs: Any) -> tuple[Survey, Grid]:
    path = write_regions(tmp_path / "regions.gpkg", regions)
    plan = survey(tmp_path, regions={"path": str(path)}, **kwargs)
    return plan, survey_grid(plan)


def whole(grid: Grid) -> Window:
    return Window(0, grid.shape[0], 0, grid.shape[1])


def test_a_survey_without_regions_is_one(tmp_path: Path) -> None:
    grid = survey_grid(survey(tmp_path))
    regions = read_regions(None, grid)
    assert regions.names == ("",)
    assert regions.prefix(0) == "model/"
    assert not regions.over(grid, whole(grid)).any()


def test_pixels_are_of_the_region_that_holds_their_centre(tmp_path: Path) -> None:
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST})
    regions = read_regions(plan.model.regions, grid)
    assert regions.names == ("east", "west")
    found = regions.over(grid, whole(grid))
    # the centre of pixel 33 is at 500335, east of the border at 500333; that of 32 is west of it
    assert (found[:, :33] == 1).all()
    assert (found[:, 33:] == 0).all()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
def test_regions_come_in_any_crs(tmp_path: Path, crs: str) -> None:
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST})
    same = read_regions(plan.model.regions, grid).over(grid, whole(grid))
    write_regions(tmp_path / "regions.gpkg", {"west": WEST, "east": EAST}, crs)
    there = read_regions(plan.model.regions, grid).over(grid, whole(grid))
    np.testing.assert_array_equal(there, same)


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(st.integers(0, 49), st.integers(1, 50)),
    st.tuples(st.integers(0, 69), st.integers(1, 70)),
)
def test_how_the_grid_is_cut_is_nothing_to_a_pixels_region(
    tmp_path_factory: pytest.TempPathFactory, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    tmp_path = tmp_path_factory.mktemp("cut")
    slanted = Polygon([(LEFT, BOTTOM), (MIDDLE, BOTTOM), (LEFT + 100, TOP), (LEFT, TOP)])
    plan, grid = regional(
        tmp_path, {"a": slanted, "b": box(LEFT, BOTTOM, RIGHT, TOP)}, area=CORNERLESS
    )
    regions = read_regions(plan.model.regions, grid)
    window = Window(rows[0], rows[0] + rows[1], columns[0], columns[0] + columns[1])
    window = window.clip(*grid.shape)
    found = regions.over(grid, window)
    np.testing.assert_array_equal(found, regions.over(grid, whole(grid))[window.slices])
    np.testing.assert_array_equal(found >= 0, grid.area_mask(window))


def test_overlaps_are_of_the_first_region_and_gaps_of_the_nearest(tmp_path: Path) -> None:
    # between the two lie the columns 32 and 33, 330 to 340 m and 335 m being their middle
    west, east = box(LEFT, BOTTOM, LEFT + 331, TOP), box(LEFT + 337, BOTTOM, RIGHT, TOP)
    plan, grid = regional(tmp_path, {"b": west, "c": east, "a": box(LEFT, BOTTOM, LEFT + 50, TOP)})
    found = read_regions(plan.model.regions, grid).over(grid, whole(grid))[0]
    np.testing.assert_array_equal(found, [0] * 5 + [1] * 28 + [2] * 37)


def test_regions_off_the_area_are_left_out(tmp_path: Path) -> None:
    far = box(LEFT + 100_000, BOTTOM, RIGHT + 100_000, TOP)
    touching = box(RIGHT, BOTTOM, RIGHT + 500, TOP)
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST, "far": far, "next": touching})
    assert read_regions(plan.model.regions, grid).names == ("east", "west")


def test_one_region_is_like_none(tmp_path: Path) -> None:
    plan, grid = regional(tmp_path, {"all": box(LEFT, BOTTOM, RIGHT, TOP)})
    regions = read_regions(plan.model.regions, grid)
    assert (regions.names, regions.shapes, regions.prefix(0)) == (("all",), None, "model/")


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ({"west": WEST}, "52% of the area is in no region"),
        ({"west": WEST, "": EAST}, "has no name"),
        ({"far": box(0, 0, 10, 10)}, "no polygon of .* touches the area"),
    ],
)
def test_regions_that_do_not_do_are_refused(
    tmp_path: Path, regions: Mapping[str, Polygon], told: str
) -> None:
    plan, grid = regional(tmp_path, regions)
    with pytest.raises(SurveyError, match=told):
        read_regions(plan.model.regions, grid)


def test_a_file_that_does_not_do_is_refused(tmp_path: Path) -> None:
    path = write_regions(tmp_path / "regions.gpkg", {"west": WEST, "east": EAST})
    plan = survey(tmp_path, regions={"path": str(path), "column": "province"})
    with pytest.raises(SurveyError, match=r"no attribute 'province'; it has name"):
        read_regions(plan.model.regions, survey_grid(plan))
    path.write_text("none")
    with pytest.raises(SurveyError, match=r"model.regions.path: cannot read"):
        read_regions(plan.model.regions, survey_grid(plan))
    with pytest.raises(ValidationError, match="path"):
        survey(tmp_path, regions={"column": "name"})


def test_the_path_is_taken_from_the_surveys_folder(tmp_path: Path) -> None:
    plan = survey(tmp_path, regions={"path": "regions.gpkg"})
    (tmp_path / "survey.yaml").write_text(plan.model_dump_json(exclude_unset=True))
    regions = load(tmp_path / "survey.yaml").model.regions
    assert regions is not None
    assert regions.path == str(tmp_path / "regions.gpkg")


def test_they_are_read_back_from_a_store(tmp_path: Path) -> None:
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST})
    regions, store = read_regions(plan.model.regions, grid), Store(str(tmp_path / "store"))
    with pytest.raises(StoreError, match="run `minecover train` first"):
        Regions.load(store)
    regions.save(store)
    again = Regions.load(store)
    assert again.names == regions.names
    np.testing.assert_array_equal(again.over(grid, whole(grid)), regions.over(grid, whole(grid)))
    store.write("model/regions.json", b'{"names": ["a"], "shapes": ["00"]}')
    with pytest.raises(StoreError, match="damaged"):
        Regions.load(store)


def network(folder: Path, seed: int, classes: tuple[int, ...]) -> Classifier:
    rng = np.random.default_rng(seed)
    labels = (np.arange(60) % len(classes)).astype(np.int64)
    patches = rng.normal(0, 1, (60, 2, 5, 5)).astype(np.float32)
    patches[:, 0] += labels[:, None, None]
    data = TrainingData(patches, labels, LAYERS, classes)
    recipe = ModelSettings(window=5, width=0.125, epochs=2, batch=16, seed=seed)
    return train(recipe, ENGINE, data, None, folder)[0]


def applicability(seed: int) -> Applicability:
    samples = np.random.default_rng(seed).normal(0, 0.8, (60, 2)).astype(np.float32)
    return Applicability.fit(samples, LAYERS, np.array([1.0, 0.4]), np.arange(60) % 3)


def mapped(
    folder: Path, plan: Survey, regions: Regions, models: list[tuple[Classifier, Applicability]]
) -> Float32Array:
    grid, store = survey_grid(plan), Store(str(folder))
    regions.save(store)
    for number, (classifier, area) in enumerate(models):
        classifier.save(store, regions.prefix(number))
        area.save(store, regions.prefix(number))
    raster = store.create_layers("features.zarr", grid, [stacked(LAYERS)], {})
    values = np.random.default_rng(1).normal(0, 1, (2, *grid.shape)).astype(np.float32)
    values[0, 10:14, 20:40] = np.nan
    for tile in grid.tiles:
        raster.write_tile(grid, tile, values[:, *grid.window(tile).slices])
    arrays = map_arrays(plan.prediction, plan.class_codes)
    store.create_layers("map.zarr", grid, arrays, map_attributes(store, plan.prediction))
    job = PredictJob(store.url, plan, str(folder))
    for tile in grid.tiles:
        job(tile)
    return store.layers("map.zarr").read(whole(grid))


def test_each_pixel_is_mapped_by_the_model_of_its_region(tmp_path: Path) -> None:
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST}, area=CORNERLESS)
    regions = read_regions(plan.model.regions, grid)
    east = network(tmp_path / "first", 0, (3, 1, 2)), applicability(5)
    west = network(tmp_path / "second", 1, (3, 2)), applicability(6)
    both = mapped(tmp_path / "both", plan, regions, [east, west])
    alone = mapped(tmp_path / "alone", plan, Regions(), [east])
    number = regions.over(grid, whole(grid))
    names = names_of(map_arrays(plan.prediction, plan.class_codes))
    assert (names[:3], names[-1]) == (("landuse", "entropy", "dissimilarity"), "probability_forest")
    assert np.isnan(both[:, number < 0]).all()
    there = number == 0
    np.testing.assert_allclose(both[3:, there], alone[3:, there], atol=1e-5)
    np.testing.assert_allclose(both[2, there] * east[1].threshold, alone[2, there], rtol=1e-5)
    mine = both[names.index("probability_mine")]
    here = (number == 1) & np.isfinite(both[0])
    assert here.sum() > 1000
    assert (mine[here] == 0).all()  # the western model has never seen one
    assert set(np.unique(both[0][here])) <= {2, 3}
    np.testing.assert_allclose(both[3:, here].sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(
        np.isnan(both[0]) & (number >= 0), np.isnan(alone[0]) & (number >= 0)
    )


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    plan, grid = regional(tmp_path, {"west": WEST, "east": EAST})
    regions = read_regions(plan.model.regions, grid)
    strange = network(tmp_path / "strange", 0, (3, 9)), applicability(5)
    with pytest.raises(DataError, match=r"model/0/: this model is of classes \(3, 9\)"):
        mapped(tmp_path / "store", plan, regions, [strange, strange])
    few = network(tmp_path / "few", 0, (3, 1)), applicability(5)
    with pytest.raises(DataError, match=r"model/: this model is of classes \(3, 1\)"):
        mapped(tmp_path / "one", plan, Regions(), [few])
