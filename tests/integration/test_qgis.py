"""QGIS itself opens what is published: its styles, and the colours that it draws."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from PIL import Image

from minecover.products.publishing import publish
from minecover.products.registry import PRODUCTS
from small_map import SmallMap, draw_codes, grid, small_map

PYTHON = "/usr/bin/python3"
"""Debian's, whose modules those of QGIS are."""

SCRIPT = Path(__file__).with_name("qgis_pictures.py")
SCALE = 4
THRESHOLD = 0.75

pytestmark = pytest.mark.integration

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Opened:
    """What QGIS made of a publication: facts by file, and pictures."""

    made: SmallMap
    facts: dict[str, Any]
    folder: Path

    def pixels(self, name: str) -> Pixels:
        """Colour in the middle of each pixel of the map, (y, x, 3)."""
        with Image.open(self.folder / f"{name}.png") as image:
            drawn = np.asarray(image.convert("RGB"))
        return drawn[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]

    def values(self, name: str, band: int = 1) -> Pixels:
        """Values of a published raster."""
        with rasterio.open(Path(self.made.store.url) / "products" / name) as dataset:
            return np.asarray(dataset.read(band))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    environment.pop("PYTHONPATH", None)
    there = (
        Path(PYTHON).exists()
        and not subprocess.run(
            [PYTHON, "-c", "import qgis.core"], env=environment, capture_output=True, check=False
        ).returncode
    )
    if not there:
        pytest.skip("no QGIS: python3-qgis of Debian is not installed (make system)")
    folder = tmp_path_factory.mktemp("qgis")
    made = small_map(folder, draw_codes((60, 80), scale=12), grid((60, 80), 64), None, THRESHOLD)
    publish(made.store, made.publication(title="矿区 <1>"), PRODUCTS.own_names())
    pictures = folder / "pictures"
    pictures.mkdir()
    done = subprocess.run(
        [PYTHON, str(SCRIPT), f"{made.store.url}/products", str(pictures)],
        env=environment | {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return Opened(made, json.loads(done.stdout), pictures)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def between(values: Pixels, stops: dict[float, str]) -> Pixels:
    """Colours of values on a ramp, by its stops."""
    colours = np.array([rgb(colour) for colour in stops.values()], dtype=float)
    parts = [np.interp(values, list(stops), colours[:, part]) for part in range(3)]
    return np.stack(parts, axis=-1)


def assert_alike(drawn: Pixels, wanted: Pixels, known: Pixels) -> None:
    assert known.sum() > 4000
    assert np.abs(drawn[known].astype(float) - wanted[known]).max() <= 2
    assert (drawn[~known] == 255).all()


def test_every_layer_opens_in_the_crs_of_the_map(opened: Opened) -> None:
    layers = {name: fact for name, fact in opened.facts.items() if "." in name}
    assert len(layers) == 6
    assert all(fact["valid"] and fact["crs"] == "EPSG:32633" for fact in layers.values())


@pytest.mark.parametrize("name", ["landuse.tif", "project-minecover-landuse"])
def test_the_map_has_the_surveys_colours(opened: Opened, name: str) -> None:
    codes = opened.values("landuse.tif")
    wanted = np.zeros((*codes.shape, 3))
    for item in opened.made.survey.classes:
        wanted[codes == item.code] = rgb(item.colour)
    assert_alike(opened.pixels(name), wanted, codes > 0)
    assert list(opened.facts["landuse.tif"]["legend"]) == ["forest_and_grass", "water", "mine"]


@pytest.mark.parametrize("name", ["probability.tif", "project-minecover-probability"])
def test_the_probability_is_that_of_the_mine(opened: Opened, name: str) -> None:
    assert opened.facts["probability.tif"]["shown"] == [3]
    assert opened.facts["probability.tif"]["bands"][2] == "Band 3: mine"
    values = opened.values("probability.tif", 3)
    stops = {0: "#f7f4f2", 1 / 3: "#d9d3ea", 2 / 3: "#a294c6", 1: "#5b4b8a"}
    assert_alike(opened.pixels(name), between(values, stops), np.isfinite(values))
    assert opened.facts["project"]["layers"]["minecover-probability"]["name"].endswith("mine")


@pytest.mark.parametrize("name", ["entropy.tif", "project-minecover-entropy"])
def test_entropy_is_shown_from_certain_to_undecided(opened: Opened, name: str) -> None:
    values = opened.values("entropy.tif")
    colours = ("#0b0724", "#57157e", "#b5367a", "#fb8761", "#fcfdbf")
    stops = {np.log2(3) * place / 4: colour for place, colour in enumerate(colours)}
    assert_alike(opened.pixels(name), between(values, stops), np.isfinite(values))


@pytest.mark.parametrize("name", ["applicability.tif", "project-minecover-applicability"])
def test_what_is_not_applicable_is_one_colour(opened: Opened, name: str) -> None:
    values = opened.values("applicability.tif")
    red = (opened.pixels(name) == rgb("#c2452d")).all(axis=-1)
    np.testing.assert_array_equal(red, values > THRESHOLD)
    legend = opened.facts["applicability.tif"]["legend"]
    assert legend["outside the area of applicability"] == "#c2452d"


@pytest.mark.parametrize("name", ["mines.gpkg", "project-minecover-mines"])
def test_outlines_have_colours_labels_and_figures(opened: Opened, name: str) -> None:
    facts = opened.facts["mines.gpkg"]
    assert facts["features"] > 3
    assert {"id", "class", "area_ha", "perimeter_m", "lon", "lat", "probability"} <= set(
        facts["fields"]
    )
    assert '"area_ha"' in facts["labels"]
    drawn, is_mine = opened.pixels(name), opened.values("landuse.tif") == 7
    # away from the outlines themselves, and from mines too small to be in the layer
    inner = is_mine[1:-1, 1:-1] & is_mine[:-2, 1:-1] & is_mine[2:, 1:-1]
    inner &= is_mine[1:-1, :-2] & is_mine[1:-1, 2:]
    assert inner.sum() > 500
    assert (drawn[1:-1, 1:-1][inner] == rgb("#5b4a6b")).all()
    assert (opened.pixels("mines.gpkg-labels") != opened.pixels("mines.gpkg")).any()


def test_outlines_of_all_classes_have_the_colours_of_each(opened: Opened) -> None:
    found = {tuple(colour) for colour in opened.pixels("polygons.gpkg").reshape(-1, 3).tolist()}
    assert {rgb(item.colour) for item in opened.made.survey.classes} <= found


def test_the_project_opens_everything(opened: Opened) -> None:
    project = opened.facts["project"]
    assert (project["title"], project["crs"]) == ("矿区 <1>", "EPSG:32633")
    assert project["shown"] == ["minecover-mines", "minecover-landuse"]
    assert len(project["layers"]) == 6
    assert all(layer["valid"] for layer in project["layers"].values())
