"""The map page: what it reads says what was published, and degrees and hectares are exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box

from mine_story import story, timeline
from minecover.geography.approximation import grid_polynomials
from minecover.geography.grid import Grid, Window
from minecover.geography.ground_area import Surface
from minecover.products import map_page
from minecover.products.product import TrueColour
from minecover.products.publishing import publish
from minecover.products.registry import PUBLISHED
from small_map import CLASSES, SIMULATED, SmallMap, draw_codes, grid, small_map

WIDE = 400_000.0
"""Metres across and down: a province."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallMap:
    folder = tmp_path_factory.mktemp("page")
    its = small_map(folder, draw_codes((90, 120)), grid((90, 120), 64))
    publish(its.store, its.publication(sources=SIMULATED), PUBLISHED)
    return its


def document(made: SmallMap, name: str) -> Any:
    return json.loads((Path(made.store.url) / "products" / "map" / name).read_text())


def test_the_page_is_published_with_the_licences_of_its_script(made: SmallMap) -> None:
    folder = Path(made.store.url) / "products" / "map"
    assert sorted(path.name for path in folder.iterdir()) == [
        "LICENSES.txt", "index.html", "layers.json", "mines.json", "page.css", "page.js",
    ]  # fmt: skip
    licences = (folder / "LICENSES.txt").read_text()
    for package in ("ol 10.10.0 (BSD-2-Clause)", "geotiff 3.1.0-beta.0 (MIT)", "Permission is"):
        assert package in licences
    item = made.store.read_json("products/item.json")
    assert item["assets"]["map-page"]["href"] == "./map/index.html"


def test_the_page_forbids_what_is_not_its_own(made: SmallMap) -> None:
    page = (Path(made.store.url) / "products" / "map" / "index.html").read_text()
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in page
    assert "unsafe" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_layers_are_those_of_the_map(made: SmallMap) -> None:
    page = document(made, "layers.json")
    assert [item["id"] for item in page["layers"]] == [
        "landuse", "probability.2", "probability.3", "probability.7", "entropy", "applicability",
    ]  # fmt: skip
    assert [item["bands"] for item in page["layers"]] == [[1], [1], [2], [3], [1], [1]]
    assert page["pixels"]["probability"]["bands"] == [1, 2, 3]
    assert (page["threshold"], page["seasons"]) == (0.75, ["summer", "winter"])
    assert page["simulated"] == ["An optical sensor"]
    assert page["sets"] is None
    assert [item["name"] for item in page["classes"]] == [item["name"] for item in CLASSES]
    assert page["grid"]["origin"] == [585_420.0, 5_648_240.0]
    folder = Path(made.store.url) / "products" / "map"
    assert all((folder / item["url"]).exists() for item in page["layers"])


def test_how_many_classes_are_possible_is_a_layer(tmp_path: Path) -> None:
    its = small_map(tmp_path, draw_codes((40, 50)), grid((40, 50), 32))
    least = {"mine": 0.9, "water": 0.25, "forest_and_grass": 0.3}
    sets = {"level": 0.9, "least_probability": least, "coverage": None, "points": 30}
    facts = its.publication(accuracy={"sets": sets})
    publish(its.store, facts, ["landuse", "class_sets", "map_page", "item"])
    page = document(its, "layers.json")
    assert page["sets"] == {"level": 0.9, "least": [0.3, 0.25, 0.9]}  # in the classes' order
    layer = page["layers"][-1]
    assert (layer["id"], layer["url"], layer["kind"]) == ("sets", "../sets.tif", "codes")
    assert [name for _, name in layer["key"]] == ["1 class", "2 classes", "3 classes"]
    assert list(layer["colours"].values()) == [colour for colour, _ in layer["key"]]
    with rasterio.open(Path(its.store.url) / "products" / "sets.tif") as file:
        assert set(np.unique(file.read())) <= {0, *map(int, layer["colours"])}


def test_outlines_are_those_of_the_geopackage(made: SmallMap) -> None:
    mines = document(made, "mines.json")["mines"]
    frame = pyogrio.read_dataframe(
        Path(made.store.url) / "products" / "mines.gpkg", layer="mines", fid_as_index=True
    )
    assert len(mines) == len(frame) > 10
    to_map = made.grid.geobox.affine
    for mine, row in zip(mines, frame.itertuples(index=False), strict=True):
        [part] = mine["parts"]
        rings = [[to_map @ tuple(corner) for corner in ring] for ring in part]
        assert Polygon(rings[0], rings[1:]).equals(row.geometry)
        assert (mine["id"], mine["area_ha"]) == (row.id, row.area_ha)


def test_land_use_of_every_period_is_published(tmp_path: Path) -> None:
    codes = story()
    its_grid = grid(codes.shape[1:], 64)
    its = small_map(tmp_path, codes[-1].astype(np.float32), its_grid)
    names = ("2019", "2021", "2023")
    facts = its.publication(timeline=timeline(codes, its_grid, names))
    names_of_products = ["landuse", "change", "mine_history", "period_maps", "map_page", "item"]
    publish(its.store, facts, names_of_products)
    page = document(its, "layers.json")
    changes = {item["id"]: item for item in page["layers"] if item["group"] == "Change"}
    assert list(changes) == ["change.2019.2021", "change.2021.2023", "change.2019.2023"]
    assert changes["change.2019.2023"]["url"] == "../change_2019_2023.tif"
    assert changes["change.2019.2023"]["colours"]["207"] == CLASSES[2]["colour"]
    found = {name: document(its, file)["mines"] for name, file in page["mines_of_periods"].items()}
    mined = {name: sorted(one["mine"] for one in mines) for name, mines in found.items()}
    assert mined == {"2019": [1, 2, 3], "2021": [1], "2023": [1, 4]}
    [part] = found["2023"][1]["parts"]
    assert sorted(map(tuple, part[0][:-1])) == [(100, 80), (100, 84), (105, 80), (105, 84)]
    assert page["periods"] == list(names)
    places = page["layers"][0]["periods"]
    assert places == page["pixels"]["landuse"]["periods"]
    assert places["2021"] == {"url": "../landuse_periods.tif", "bands": [2]}
    with rasterio.open(Path(its.store.url) / "products" / "landuse_periods.tif") as file:
        np.testing.assert_array_equal(file.read(), codes)
        assert file.descriptions == names
        assert file.nodata == 0


class Bands:
    """A cube of three bands that get brighter to the east; nothing was seen in the first column."""

    def read(self, window: Window, layers: list[str]) -> np.ndarray[Any, Any]:
        columns = np.arange(window.x0, window.x1, dtype=np.float32)
        values = np.where(columns == 0, np.nan, columns)
        return np.broadcast_to(values, (len(layers), *window.shape)).copy()


def test_the_ground_is_a_picture_of_bytes(tmp_path: Path) -> None:
    its = small_map(tmp_path, draw_codes((70, 102)), grid((70, 102), 64))
    cube: Any = Bands()
    shown = TrueColour(cube, ("red", "green", "blue"), "summer", "An optical sensor", ())
    facts = its.publication(true_colour=shown, sources=SIMULATED)
    publish(its.store, facts, ["landuse", "true_colour", "map_page", "item"])
    [layer] = [item for item in document(its, "layers.json")["layers"] if item["id"] == "ground"]
    assert (layer["url"], layer["title"]) == ("../true_colour.tif", "True colour, summer")
    with rasterio.open(Path(its.store.url) / "products" / "true_colour.tif") as file:
        pixels = file.read()
        assert (file.nodata, file.tags()["SIMULATED"]) == (0, "YES")
        assert [each.name for each in file.colorinterp] == ["red", "green", "blue"]
    # columns 1 to 101: the 2nd and 98th percentile are 3 and 99
    for column, value in ((0, 0), (1, 1), (3, 1), (51, 128), (99, 255), (101, 255)):
        assert set(pixels[:, :, column].ravel()) == {value}


def test_without_its_script_the_other_products_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(map_page.BUNDLED, "missing.js", "text/javascript")
    its = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32))
    with pytest.warns(UserWarning, match="run `make page` in the checkout"):
        keys = publish(its.store, its.publication(), PUBLISHED)
    assert "products/report.html" in keys
    assert not any("/map/" in key for key in keys)


def wide_grid(crs: str, left: float, top: float) -> Grid:
    geobox = GeoBox.from_bbox((left, top - WIDE, left + WIDE, top), crs=crs, resolution=10)
    return Grid(geobox, 256, box(*geobox.boundingbox))


GRIDS = {
    "Ordos": wide_grid("EPSG:32649", 300_000, 4_600_000),
    # 180° E runs through it
    "Fiji": wide_grid("EPSG:32760", 600_000, 8_200_000),
    "an equal-area grid": wide_grid("EPSG:3035", 4_000_000, 3_200_000),
}


@pytest.mark.parametrize("name", GRIDS)
def test_degrees_and_hectares_are_those_of_the_projection(name: str) -> None:
    its = GRIDS[name]
    fit = grid_polynomials(its)
    places = np.random.default_rng(7).integers(0, 39_999, (500, 2))
    left, _, _, top = its.geobox.boundingbox
    x, y = left + 10 * places[:, 0], top - 10 * places[:, 1]
    u, v = ((each - fit["centre"][n]) / fit["half"][n] for n, each in enumerate((x + 5, y - 5)))
    longitude, latitude, hectares = (
        np.polynomial.chebyshev.chebval2d(u, v, np.array(fit[key]))
        for key in ("longitude", "latitude", "hectares")
    )
    to_degrees = pyproj.Transformer.from_crs(its.crs, "EPSG:4326", always_xy=True)
    exact = to_degrees.transform(x + 5, y - 5)
    assert np.abs((longitude - exact[0] + 180) % 360 - 180).max() < 1e-7
    assert np.abs(latitude - exact[1]).max() < 1e-7
    pixels = shapely.box(x, y - 10, x + 10, y)
    assert np.abs(hectares / Surface(its).hectares(pixels) - 1).max() < 1e-6
