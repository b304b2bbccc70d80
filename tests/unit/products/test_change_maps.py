"""From-to maps and the table of transitions, of a story that is known."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from shapely.geometry import box

from mine_story import FOREST, MINE, SHAPE, WATER, story, timeline
from minecover.land_register.parcels import Parcels
from minecover.land_register.register import Register
from minecover.products.change import CHANGE, transition_entries
from minecover.products.product import Publication
from small_map import grid, small_map, survey, written

NAMES = ("2019", "2021", "2023")


@pytest.fixture(scope="module")
def its(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    folder, its_grid = tmp_path_factory.mktemp("change"), grid(SHAPE, 32, crs="EPSG:3035")
    left, bottom, _, top = its_grid.bounds(its_grid.window(its_grid.tiles[0]))
    west = box(left, bottom - 10_000, left + 300, top)  # 30 columns
    units = Parcels(
        ("West",),
        np.array([west], dtype=object),
        pd.DataFrame(),
        np.array([[west] * 3], dtype=object),
    )
    publication = small_map(folder, np.full(SHAPE, FOREST, np.float32), its_grid).publication(
        timeline=timeline(story(), its_grid, NAMES),
        register=Register(None, None, units, 10.0, {}),
    )
    return written(publication, folder / "out", CHANGE)


def table(its: Publication) -> pd.DataFrame:
    return pd.read_csv(its.paths["transitions.csv"], keep_default_na=False)


def hectares(its: Publication, unit: str, first: str, last: str) -> dict[tuple[str, str], float]:
    found = table(its)
    found = found[
        (found["unit"] == unit)
        & (found["from_period"].astype(str) == first)
        & (found["to_period"].astype(str) == last)
        & (found["hectares"] > 0)
    ]
    return {(row["from"], row["to"]): row["hectares"] for _, row in found.iterrows()}


def test_numbers_are_of_before_and_after(its: Publication) -> None:
    codes = story().astype(np.int64)
    for first, last in ((0, 1), (1, 2), (0, 2)):
        with rasterio.open(its.paths[f"change_{NAMES[first]}_{NAMES[last]}.tif"]) as file:
            assert (file.dtypes, file.nodata) == (("uint16",), 0)
            np.testing.assert_array_equal(file.read(1), 100 * codes[first] + codes[last])


def test_hectares_by_pair(its: Publication) -> None:
    """A pixel is 0.01 ha: 400 pixels were grown into, 100 flooded, 21 opened later."""
    assert hectares(its, "", "2019", "2021") == pytest.approx(
        {("forest_and_grass", "forest_and_grass"): 104.0, ("forest_and_grass", "mine"): 4.0,
         ("mine", "water"): 1.0, ("mine", "mine"): 11.0}, abs=2e-4
    )  # fmt: skip
    whole = hectares(its, "", "2019", "2023")
    assert whole["forest_and_grass", "mine"] == pytest.approx(4.21, abs=2e-4)
    assert sum(whole.values()) == pytest.approx(120.0, abs=2e-3)


def test_hectares_by_unit(its: Publication) -> None:
    """30 columns: of the first mine 600 pixels in each period, and all that was flooded."""
    west = hectares(its, "West", "2019", "2021")
    assert west["mine", "water"] == pytest.approx(1.0, abs=2e-4)
    assert west["mine", "mine"] == pytest.approx(6.0, abs=2e-4)
    assert ("forest_and_grass", "mine") not in west
    assert sum(west.values()) == pytest.approx(30.0, abs=1e-3)


def test_shares_are_of_the_class_before(its: Publication) -> None:
    found = table(its)
    row = found[
        (found["unit"] == "")
        & (found["from_period"].astype(str) == "2019")
        & (found["to_period"].astype(str) == "2021")
        & (found["from"] == "mine")
        & (found["to"] == "water")
    ]
    assert float(row["share_of_from"].iloc[0]) == pytest.approx(100 / 1200, abs=1e-5)
    nothing = found[(found["from"] == "water") & (found["from_period"].astype(str) == "2019")]
    assert set(nothing["share_of_from"]) == {""}


def test_legends_name_the_numbers(its: Publication) -> None:
    entries = {
        value: (name, colour) for value, name, colour in transition_entries(survey().classes)
    }
    assert entries[100 * FOREST + MINE] == ("forest_and_grass -> mine", "#5b4a6b")
    assert entries[100 * WATER + WATER][0] == "water"
    assert entries[100 * WATER + WATER][1] != survey().classes[1].colour  # pale
    style = ET.parse(its.paths["change_2019_2021.qml"])
    shown = {int(str(item.get("value"))): item.get("label") for item in style.iter("paletteEntry")}
    assert shown == {value: name for value, (name, _) in entries.items()}
    with rasterio.open(its.paths["change_2019_2021.tif"]) as file:
        assert file.profile["driver"] == "GTiff"
    rows = ET.parse(its.paths["change_2019_2021.tif.aux.xml"]).iter("Row")
    assert {row[1].text for row in rows} == set(shown.values())


def test_without_periods_there_is_none(tmp_path: Path) -> None:
    its_grid = grid(SHAPE, 32)
    publication = small_map(tmp_path, np.full(SHAPE, FOREST, np.float32), its_grid).publication()
    assert CHANGE.files(publication) == ()
