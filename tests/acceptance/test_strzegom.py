"""The main job on real input: the quarries of Strzegom, at a size that CI can afford.

`make acceptance` runs the survey as it stands, with the networks of its file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from pystac import Item
from rio_cogeo.cogeo import cog_validate

from minecover.stages.registry import stages_of
from minecover.survey import Survey, load
from minecover.workflow.run import Run

pytestmark = pytest.mark.integration

SMALL = {
    "model": {
        "width": 0.25,
        "window": 7,
        "epochs": 10,
        "options": {"models": ["resnet50", "seasons", "boosting"]},
    },
    "selection": {"keep": 40, "trees": 100},
    "engine": {"training": "local", "prediction": "local"},
}


class Silent:
    """Nobody is told."""

    def started(self, stage: str, tiles: int | None, done: int) -> None: ...
    def tile(self, outcome: object) -> None: ...
    def step(self, stage: str, step: object) -> None: ...
    def finished(self, stage: str, facts: dict[str, Any], seconds: float) -> None: ...
    def already_complete(self, stage: str) -> None: ...


@pytest.fixture(scope="module")
def survey(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """The survey file with small networks, run from catalog to report."""
    document = load(Path(__file__).with_name("strzegom.yaml")).model_dump()
    for section, changes in SMALL.items():
        document[section] |= changes
    document["store"] = str(tmp_path_factory.mktemp("strzegom") / "store")
    survey = Survey.model_validate(document)
    Run(survey, stages_of(survey), Silent()).until("publish")
    return survey


@pytest.fixture(scope="module")
def products(survey: Survey) -> Path:
    return Path(survey.store) / "products"


def test_the_map_agrees_with_the_reference_of_the_west(products: Path, shared_data: Path) -> None:
    with rasterio.open(products / "landuse.tif") as opened:
        landuse = opened.read(1)
    with rasterio.open(shared_data / "strzegom/labels_west.tif") as opened:
        labels = opened.read(1)
    labelled = labels > 0
    assert (landuse > 0).all()  # every pixel of the area has a class
    assert (landuse[labelled] == labels[labelled]).mean() > 0.96


def test_accuracy_is_measured_without_the_neighbours(products: Path) -> None:
    accuracy = json.loads((products / "accuracy.json").read_bytes())
    blocked = accuracy["splits"]["spatial_blocks"]
    assert blocked["overall_accuracy"] > 0.85
    assert accuracy["splits"]["random"]["overall_accuracy"] > 0.93
    assert accuracy["leakage"]["statement"]


def test_products_are_valid(products: Path, survey: Survey) -> None:
    for name in ("landuse.tif", "probability.tif", "entropy.tif", "applicability.tif"):
        assert cog_validate(products / name)[0], name
    item = Item.from_file(str(products / "item.json"))
    item.stac_extensions = []  # their schemas are on the network; the core schema comes with pystac
    assert item.validate()
    mines = gpd.read_file(products / "mines.gpkg", layer="mines")
    assert 20 < mines["area_ha"].sum() < 300
    assert set(mines["class"]) == {"mine"}
    report = (products / "report.html").read_text()
    assert "SIMULATED" not in report
    assert "night lights" in report.lower()  # said to be missing


def test_probabilities_are_probabilities(products: Path) -> None:
    with rasterio.open(products / "probability.tif") as opened:
        probability = opened.read()
    assert np.isfinite(probability).all()
    np.testing.assert_allclose(probability.sum(axis=0), 1.0, atol=1e-3)
