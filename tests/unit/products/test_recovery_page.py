"""Recovery of once mined ground, as it is published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mine_story import FOREST, MINE, SHAPE, WATER, timeline
from minecover.errors import SurveyError
from minecover.mine_history.settings import MineSettings
from minecover.products.mine_history import MINE_HISTORY
from minecover.products.product import Publication
from minecover.products.recovery import RECOVERY
from small_map import SIMULATED, grid, small_map, written


def published(folder: Path, **settings: object) -> Publication:
    """A mine whose west is given up after the first of three periods and turns green."""
    codes = np.full((3, *SHAPE), FOREST, dtype=np.uint8)
    codes[:, 40:60, 40:60] = MINE
    codes[1:, 40:60, 40:50] = WATER
    ndvi = np.full((3, *SHAPE), 0.8, dtype=np.float32)
    ndvi[:, 40:60, 40:60] = 0.2
    ndvi[1, 40:60, 40:50] = 0.5
    ndvi[2, 40:60, 40:50] = 0.74
    still = np.zeros_like(ndvi)
    layers = {"summer_NDVI": ndvi, "winter_NDVI": still, "elevation": still, "slope": still}
    its_grid = grid(SHAPE, 64, crs="EPSG:3035")
    mines = {"reference": ("forest_and_grass",), "reference_m": 200.0, **settings}
    publication = small_map(folder, np.full(SHAPE, FOREST, np.float32), its_grid).publication(
        timeline=timeline(codes, its_grid, ("2019", "2021", "2023"), layers),
        mines=MineSettings.model_validate(mines), sources=SIMULATED,
    )  # fmt: skip
    return written(publication, folder / "out", MINE_HISTORY, RECOVERY)


def test_recovery_is_told_by_stand_layer_and_period(tmp_path: Path) -> None:
    its = published(tmp_path)
    table = pd.read_csv(its.paths["recovery.csv"], dtype={"given_up": str, "period": str})
    assert len(table) == 2 * 3
    summer = table[table["layer"] == "summer_NDVI"]
    assert set(summer["given_up"]) == {"2019"}
    assert summer["area_ha"].tolist() == pytest.approx([2] * 3)
    assert summer["median"].tolist() == pytest.approx([0.2, 0.5, 0.74], abs=0.005)
    assert summer["reference"].tolist() == pytest.approx([0.8] * 3, abs=0.005)
    # shares 0, 1/2, 0.9 in steps of two years: 0.8 after three and a half
    assert summer["years"].tolist() == pytest.approx([3.5] * 3, abs=0.1)
    assert set(summer["state"]) == {"recovered"}
    assert set(table.loc[table["layer"] == "winter_NDVI", "state"]) == {"no contrast"}
    page = its.paths["recovery.html"].read_text()
    assert page.count("<svg") == 2
    assert "SIMULATED DATA" in page
    assert "mined until 2019" in page


def test_an_index_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"mines\.indices: the features have no layer of NBR"):
        published(tmp_path, indices=("NBR",))


def test_without_classes_of_undisturbed_ground_nothing_is_followed(tmp_path: Path) -> None:
    its_map = small_map(tmp_path, np.full(SHAPE, FOREST, np.float32), grid(SHAPE, 64))
    assert RECOVERY.files(its_map.publication()) == ()
