"""Mines followed through periods, as they are published."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely

from mine_story import FOREST, MINE, SHAPE, story, timeline
from minecover.geography.grid import Grid
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.timeline import Codes
from minecover.products.mine_history import MINE_HISTORY
from minecover.products.product import Publication
from small_map import SIMULATED, grid, small_map, written


def published(folder: Path, codes: Codes, its_grid: Grid, **changes: Any) -> Publication:
    names = [str(2019 + 2 * number) for number in range(len(codes))]
    publication = small_map(folder, np.full(SHAPE, FOREST, np.float32), its_grid).publication(
        timeline=timeline(codes, its_grid, names),
        mines=MineSettings(restored=("water",), around_m=50),
        **changes,
    )
    return written(publication, folder / "out", MINE_HISTORY)


@pytest.fixture(scope="module")
def its(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    return published(tmp_path_factory.mktemp("story"), story(), grid(SHAPE, 32, crs="EPSG:3035"))


def rows(its: Publication, mine: int) -> pd.DataFrame:
    table = its.result(MINE_HISTORY).table
    return table[table["mine"] == mine].reset_index(drop=True)


def test_the_story_is_told(its: Publication) -> None:
    first, second, third, fourth = (rows(its, mine) for mine in (1, 2, 3, 4))
    assert first["period"].tolist() == ["2019", "2021", "2023"]
    assert first["area_ha"].tolist() == pytest.approx([9, 15, 15])
    assert first["growth_ha"].tolist() == pytest.approx([9, 6, 0])
    assert first["fresh_ha"].tolist() == pytest.approx([9, 6, 0])
    assert first["ground_ha"].tolist() == pytest.approx([9, 15, 15])
    assert first["probability"].tolist() == pytest.approx([0.8] * 3)
    assert second["probability"].isna().tolist() == [False, True, True]
    assert second["state"].tolist() == ["active", "merged", "merged"]
    assert second["growth_ha"].tolist() == pytest.approx([2, -2, 0])
    assert third["state"].tolist() == ["active", "restored", "restored"]
    assert third["restored_since"].tolist() == ["", "2021", "2021"]
    assert third["within_water"].tolist() == pytest.approx([0, 1, 1])
    assert fourth["period"].tolist() == ["2023"]
    assert fourth["first_disturbed"].tolist() == ["2023"]
    genealogy = its.result(MINE_HISTORY).genealogy
    said = genealogy.loc[genealogy["period"] == "2021", ["mine", "parent", "kind"]]
    told = [tuple(None if pd.isna(v) else v for v in row) for row in said.to_numpy()]
    assert told == [(None, 3, "ended"), (1, 1, "continued"), (1, 2, "merged")]
    # mines have a probability of 0.8, all other ground one of 0.1, over the lowest of ten levels
    sure = genealogy.loc[genealogy["period"] == "2021", "confidence"]
    assert sure.tolist() == pytest.approx([0.7, 0.8, 0.7])


def test_what_is_around_reaches_as_far_as_it_should(its: Publication) -> None:
    # mine 4 is a block of 4 x 5 pixels; 5 pixels around it: its edges and quarter discs
    y, x = np.mgrid[1:6, 1:6]
    corner = (np.hypot(y, x) <= 5).sum()
    assert 4 * corner + 2 * 5 * (4 + 5) > 0
    only = rows(its, 4)
    assert only["around_forest_and_grass"].tolist() == [1.0]
    # mine 2, 10 pixels wide, has mine 1 ten pixels to the west: out of reach
    second = rows(its, 2)
    assert second["around_mine"][0] == 0
    # in the second period it is surrounded by mine 1 on three sides
    ground = np.zeros(SHAPE, bool)
    ground[10:30, 50:60] = True
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = np.hypot(
        np.maximum(np.maximum(10 - yy, yy - 29), 0), np.maximum(np.maximum(50 - xx, xx - 59), 0)
    )
    ring = (away <= 5) & ~ground
    expected = (story()[1][ring] == MINE).mean()
    assert second["around_mine"][1] == pytest.approx(expected)


def test_outlines_are_those_of_the_pixels(its: Publication) -> None:
    frame = gpd.read_file(its.paths["mine_history.gpkg"], layer="mines")
    table = its.result(MINE_HISTORY).table
    assert len(frame) == len(table)
    active = frame[frame["state"] == "active"]
    assert active.geometry.area.to_numpy() / 1e4 == pytest.approx(active["area_ha"].to_numpy())
    assert frame[frame["state"] != "active"].geometry.isna().all()
    parquet = gpd.read_parquet(its.paths["mine_history.parquet"])
    assert parquet.crs == frame.crs
    both = zip(parquet.geometry, frame.geometry, strict=True)
    assert all(one is None if other is None else one.equals(other) for one, other in both)
    csv = pd.read_csv(its.paths["mine_history.csv"], dtype={"period": str})
    assert csv["area_ha"].tolist() == pytest.approx(table["area_ha"].tolist())
    genealogy = pyogrio.read_dataframe(its.paths["mine_history.gpkg"], layer="genealogy")
    assert genealogy["kind"].tolist() == its.result(MINE_HISTORY).genealogy["kind"].tolist()
    with closing(sqlite3.connect(its.paths["mine_history.gpkg"])) as database:
        ((name, text),) = database.execute("SELECT f_table_name, styleQML FROM layer_styles")
    assert name == "mines"
    assert text.count("<category ") == 3


def test_ids_are_by_period(its: Publication) -> None:
    with rasterio.open(its.paths["mine_ids.tif"]) as dataset:
        ids = dataset.read()
        assert dataset.descriptions == ("2019", "2021", "2023")
    assert [np.unique(band).tolist() for band in ids] == [[0, 1, 2, 3], [0, 1], [0, 1, 4]]
    assert ((ids == 1).sum(axis=(1, 2)) == [900, 1500, 1500]).all()


def test_files_are_the_same_whatever_the_tile_and_say_if_data_is_simulated(tmp_path: Path) -> None:
    left, top = 585_420.0, 5_648_240.0
    area = shapely.Polygon([(left, top), (left + 1200, top - 50), (left + 300, top - 990)])
    rng = np.random.default_rng(3)
    codes = story()
    codes[rng.random(codes.shape) < 0.2] = FOREST
    files = []
    for tile in (32, 64):
        folder = tmp_path / str(tile)
        its = published(folder, codes, grid(SHAPE, tile, area), sources=SIMULATED)
        names = ("mine_history.gpkg", "mine_history.parquet", "mine_history.csv",
                 "mine_genealogy.csv")  # fmt: skip
        files.append([its.paths[name].read_bytes() for name in names])
        with rasterio.open(its.paths["mine_ids.tif"]) as dataset:
            files[-1].append(dataset.read().tobytes())
        tags = pyogrio.read_info(its.paths["mine_history.gpkg"], layer="mines")["dataset_metadata"]
        assert tags["SIMULATED"] == "YES"
    assert files[0] == files[1]


def test_without_mines_the_layers_are_empty(tmp_path: Path) -> None:
    codes = np.full((2, *SHAPE), FOREST, dtype=np.uint8)
    its = published(tmp_path, codes, grid(SHAPE, 64))
    assert len(gpd.read_file(its.paths["mine_history.gpkg"], layer="mines")) == 0
    assert len(gpd.read_parquet(its.paths["mine_history.parquet"])) == 0


def test_a_survey_without_periods_has_none_of_it(tmp_path: Path) -> None:
    its_map = small_map(tmp_path, np.full((40, 40), FOREST, np.float32), grid((40, 40), 32))
    assert MINE_HISTORY.files(its_map.publication()) == ()
