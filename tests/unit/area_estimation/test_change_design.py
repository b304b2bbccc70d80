"""Designs by what changed: from the maps of two periods to points, and back to areas of change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from minecover.area_estimation.workflow import DesignOptions, draw_design, estimate_areas
from minecover.commands.accuracy import change_areas_table
from minecover.errors import DataError, StoreError, SurveyError
from minecover.prediction.map_layers import map_arrays
from minecover.stages.registry import stages_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from small_map import SEASONS, grid, survey

FOREST, WATER, MINE = 2, 3, 7
SHAPE = (90, 120)
YEARS = ("2019", "2023")
OPTIONS = DesignOptions(0.02, minimum=30, expected=0.9)
PIXEL = 0.01
"""Hectares."""

READ_AS_MINE = "unchanged, read as forest_and_grass -> mine"


def maps() -> dict[str, np.ndarray]:
    """A mine that grows by 600 pixels, and two pixels of water that it takes."""
    before = np.full(SHAPE, FOREST, dtype=np.float32)
    before[10:40, 10:40] = MINE
    before[70, 100:102] = WATER
    after = before.copy()
    after[10:40, 40:60] = MINE
    after[70, 100:102] = MINE
    return dict(zip(YEARS, (before, after), strict=True))


class SmallRun(Run):
    """A run whose maps lie in its store."""


def stored(folder: Path, **changes: object) -> SmallRun:
    later = {
        name: [part.replace("202", "201") for part in parts] for name, parts in SEASONS.items()
    }
    periods = {"2019": {"seasons": later}, "2023": {"seasons": SEASONS}}
    its: Survey = survey(periods=periods, store=str(folder / "store"),
                         samples={"path": str(folder / "s.gpkg")}, **changes)  # fmt: skip
    its_grid = grid(SHAPE, 64, crs="EPSG:3035")
    store, arrays = Store(its.store), map_arrays(its.prediction, its.class_codes)
    for name in ("map.zarr", "readings.zarr"):
        layers = store.create_layers(name, its_grid, arrays, {}, YEARS)
        for year, codes in maps().items():
            drawn = codes.copy()
            if name == "readings.zarr" and year == "2023":
                drawn[80:85, 20:40] = MINE  # 100 pixels that no other period bears out
            whole = np.repeat(drawn[None], len(layers.names), axis=0)
            for tile in its_grid.tiles:
                window = its_grid.window(tile)
                part = whole[(slice(None), *window.slices)]
                layers.write_tile(its_grid, replace(tile, period=year), part)
    run = SmallRun(its, stages_of(its), Silent())
    run.__dict__["grid"] = its_grid
    return run


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return stored(tmp_path)


def products(run: Run) -> Path:
    return Path(run.survey.store) / "products"


def labelled(run: Run, path: Path) -> Path:
    """Give the labels of someone who finds the map right, but for the 100 pixels: all are mines."""
    frame = gpd.read_file(products(run) / "design.gpkg")
    document = run.store.read_json("products/design.json")
    names = {code: name for name, code in run.survey.class_codes.items()}
    for year, codes in maps().items():
        true = codes.copy()
        if year == "2023":
            true[80:85, 20:40] = MINE
        frame[f"class_{year}"] = [names[int(true[p["row"], p["col"]])] for p in document["points"]]
    frame.to_file(path, driver="GPKG", layer="design")
    return path


def test_strata_are_transitions_and_what_is_unsure(run: SmallRun) -> None:
    document = draw_design(run, OPTIONS)
    assert document["periods"] == list(YEARS)
    pixels = {name: item["pixels"] for name, item in document["strata"].items()}
    assert pixels == {
        READ_AS_MINE: 100,
        "forest_and_grass -> forest_and_grass": 90 * 120 - 900 - 600 - 2 - 100,
        "forest_and_grass -> mine": 600,
        "mine -> mine": 900,
        "other changes": 2,
    }
    points = {name: item["points"] for name, item in document["strata"].items()}
    assert points["other changes"] == 2  # water that became a mine, taken whole
    assert points[READ_AS_MINE] == points["forest_and_grass -> mine"] == 30
    # the large stratum has its part of the points
    assert points["forest_and_grass -> forest_and_grass"] > 100
    frame = gpd.read_file(products(run) / "design.gpkg")
    assert (frame[["class_2019", "class_2023"]].fillna("") == "").all().all()
    style = (products(run) / "design.qml").read_text()
    assert 'name="class_2019"' in style
    assert 'name="class_2023"' in style


def test_labels_become_areas_of_change(run: SmallRun, tmp_path: Path) -> None:
    draw_design(run, OPTIONS)
    areas = estimate_areas(run, labelled(run, tmp_path / "labelled.gpkg"))
    pair = areas["change"]["pairs"][0]
    # the map has 6.02 ha of new mines; the points find the hectare that it left out, too
    gained = pair["gained_ha"]["mine"]
    assert gained["value"] == pytest.approx(7.02)
    assert gained["low"] < 7.02 < gained["high"]
    assert pair["lost_ha"]["water"]["value"] == pytest.approx(2 * PIXEL)
    assert pair["transitions"]["users_accuracy"]["forest_and_grass -> mine"]["value"] == 1
    # of the latest period, as of a map of one
    assert areas["mapped_ha"]["mine"] == pytest.approx(15.02)
    assert areas["area_ha"]["mine"]["value"] == pytest.approx(16.02)
    assert areas == run.store.read_json("products/areas.json")
    assert change_areas_table(areas).row_count == 3


def test_the_table_has_a_row_for_each_question(run: SmallRun, tmp_path: Path) -> None:
    draw_design(run, OPTIONS)
    estimate_areas(run, labelled(run, tmp_path / "labelled.gpkg"))
    table = pd.read_csv(products(run) / "areas_of_change.csv", keep_default_na=False)
    row = table[(table["what"] == "gained") & (table["name"] == "mine")].iloc[0]
    assert (row["unit"], str(row["from_period"]), str(row["to_period"])) == ("", "2019", "2023")
    assert row["value_ha"] == pytest.approx(7.02, abs=1e-4)
    assert (table["low_ha"] <= table["value_ha"]).all()
    assert (table["value_ha"] <= table["high_ha"]).all()


def test_areas_are_by_unit_of_the_register(tmp_path: Path) -> None:
    left, _, _, top = grid(SHAPE, 64, crs="EPSG:3035").area.bounds
    shapes = [box(left, top - 900, left + 400, top), box(left + 400, top - 900, left + 1200, top)]
    units = gpd.GeoDataFrame({"name": ["West", "East"]}, geometry=shapes, crs="EPSG:3035")
    units.to_file(tmp_path / "units.gpkg")
    path = str(tmp_path / "units.gpkg")
    run = stored(
        tmp_path,
        registers={"units": {"path": path}, "licences": {"path": path, "where": {"name": "West"}}},
    )
    draw_design(run, OPTIONS)
    change = estimate_areas(run, labelled(run, tmp_path / "labelled.gpkg"))["change"]
    found = change["units"]
    assert change["licences"] == {"West": found["West"], "outside all": found["East"]}
    # the mine of the west has grown by 6 ha beyond the only licence, and every point there says so
    beyond = {year: own["area_ha"] for year, own in change["beyond"]["West"]["periods"].items()}
    assert [beyond[year]["value"] for year in YEARS] == [0, pytest.approx(6.0)]
    assert beyond["2019"]["low"] == 0 < beyond["2019"]["high"]
    assert beyond["2023"]["low"] < 6 < beyond["2023"]["high"]
    west, east = (
        found[name]["pairs"][0]["gained_ha"]["mine"]["value"] for name in ("West", "East")
    )
    # all that was grown into lies east of column 40, the hectare that was left out west of it
    assert west == pytest.approx(1.0)
    assert east == pytest.approx(6.02)


def test_one_period_is_drawn_from_as_a_map(run: SmallRun) -> None:
    document = draw_design(run, replace(OPTIONS, periods=("2019",)))
    assert document["periods"] == ["2019"]
    assert document["strata"]["mine"]["pixels"] == 900
    assert "reference" in gpd.read_file(products(run) / "design.gpkg").columns


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        (("2019", "2024"), "the periods of the survey are: 2019, 2023"),
        (("2023", "2019"), "in the order of time"),
        (("2019", "2019"), "name each once"),
    ],
)
def test_periods_that_are_none_are_refused(
    run: SmallRun, periods: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SurveyError, match=message):
        draw_design(run, replace(OPTIONS, periods=periods))


def test_a_missing_label_of_one_period_is_refused(run: SmallRun, tmp_path: Path) -> None:
    draw_design(run, OPTIONS)
    path = labelled(run, tmp_path / "labelled.gpkg")
    frame = gpd.read_file(path)
    frame.loc[3, "class_2019"] = ""
    frame.to_file(path, driver="GPKG", layer="design")
    with pytest.raises(DataError, match=r"1 of \d+ points have no label in column class_2019"):
        estimate_areas(run, path)
    frame.to_file(products(run) / "design.gpkg", driver="GPKG", layer="design")
    with pytest.raises(StoreError, match="are labelled; move it"):
        draw_design(run, OPTIONS)
