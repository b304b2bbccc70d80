"""`minecover point`: what is known of one place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from minecover.commands.app import app
from minecover.errors import MinecoverError
from minecover.layers import Layer, raster_layers
from minecover.storage.names import FORMAT
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid
from small_map import small_map, survey

CONTENTS = (
    Layer("NDVI", "sentinel2", "index", "1", True, "(N - R) / (N + R)"),
    Layer("slope", "terrain", "terrain", "degree", False, "Horn 1981"),
)
PLACE = ("--lon", "15.0007", "--lat", "50.5")
"""In the first column of the grid of `path`."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A survey file whose store has features and a map."""
    box = {"bbox": [15.0, 50.49, 15.02, 50.51]}
    its = survey(area=box, grid={"crs": "EPSG:32633", "tile": 64}, store=str(tmp_path / "store"))
    grid = survey_grid(its)
    codes = np.full(grid.shape, 7, np.float32)
    small_map(tmp_path, codes, grid, its)
    store = Store(its.store)
    array = feature_array(raster_layers(its.seasons, CONTENTS))
    layers = store.create_layers("features.zarr", grid, [array], {})
    values = np.stack([np.full(grid.shape, v, np.float32) for v in (0.25, np.nan, 12.5)])
    for tile in grid.tiles:
        layers.write_tile(grid, tile, values[:, *grid.window(tile).slices])
    store.write_json(
        "survey.json", {"name": "small", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    file = tmp_path / "survey.yaml"
    file.write_text(yaml.safe_dump(its.model_dump(mode="json", exclude_unset=True)))
    return file


def point(path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["point", str(path), *PLACE, *options])


def test_features_by_season_and_the_class(path: Path) -> None:
    shown = point(path)
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert lines[0] == ["feature", "summer", "winter", "all"]
    assert ["NDVI", "0.25", "nodata"] in lines
    assert ["slope", "12.5"] in lines
    assert "class on the map: mine (mine 0." in shown.output


def test_for_machines(path: Path) -> None:
    shown = point(path, "--feature", "NDVI", "--json")
    document = json.loads(shown.output)
    assert document["features"] == {"NDVI": {"summer": 0.25, "winter": None}}
    assert document["map"]["class"] == "mine"
    assert sum(document["map"]["probability"].values()) == pytest.approx(1.0)


def test_an_unknown_feature_and_a_place_elsewhere_are_refused(path: Path) -> None:
    wrong = point(path, "--feature", "NDVX").exception
    assert isinstance(wrong, MinecoverError)
    assert "no NDVX; there are NDVI, slope" in str(wrong)
    elsewhere = CliRunner().invoke(app, ["point", str(path), "--lon", "-70.5", "--lat", "-30"])
    assert isinstance(elsewhere.exception, MinecoverError)
    assert "-70.5, -30 is not on the array" in str(elsewhere.exception)
    assert elsewhere.exception.exit_code == 2
