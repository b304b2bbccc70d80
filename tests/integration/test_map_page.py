"""The map page in a real browser, from `minecover view` and from a plain server of files."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from driven_browser import Tab, driven_browser
from mine_story import story, timeline
from minecover.products import overview
from minecover.products.product import Publication, TrueColour
from minecover.products.publishing import publish
from minecover.products.registry import PUBLISHED
from minecover.samples.sample_set import parquet_bytes
from minecover.stages.shown_layers import pictures_shown
from minecover.storage.names import SAMPLES_FILE
from minecover.storage.raster_array import RasterArray
from minecover.viewing.app import view_application
from pages import ROOT
from served import serving
from small_map import CLASSES, SIMULATED, draw_codes, grid, known_facts, small_map
from small_store import SmallStore, small_store

pytestmark = pytest.mark.integration

AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"

HOSTILE = '<img src="x" onerror="document.body.dataset.hacked = 1">'

SEEN = ("summer_B04", "summer_B03", "summer_B02")

DRAWN = "performance.getEntriesByName('map drawn').length"

ANSWERED = "document.querySelector('#answer .verdict')"


@dataclass(frozen=True)
class Site:
    """A published map, and the addresses of its page."""

    made: SmallStore
    viewed: str
    static: str
    without_ranges: str

    @property
    def codes(self) -> Any:
        return self.made.values["map:landuse"]


def without_ranges(application: ASGIApp) -> ASGIApp:
    """Answer requests as if nobody asked for parts of files."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [pair for pair in scope.get("headers", []) if pair[0] != b"range"]
        await application({**scope, "headers": headers}, receive, send)

    return answer


def labelled(made: SmallStore) -> pd.DataFrame:
    columns = np.arange(40)
    x, y = zip(*(made.grid.geobox.affine @ (c + 0.5, 20.5) for c in columns), strict=True)
    facts = {
        "id": [f"{HOSTILE}{n}" for n in columns], "x": x, "y": y, "row": 20, "col": columns,
        "code": 2, "name": np.where(columns % 2, "water", "mine"),
    }  # fmt: skip
    layers = {
        key.removeprefix("features:"): values[20, :40]
        for key, values in made.values.items()
        if key.startswith("features:")
    }
    return pd.DataFrame({**facts, **layers})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = small_store(tmp_path_factory.mktemp("site"))
    publication = Publication(
        name=made.survey.name, grid=made.grid, classes=made.survey.classes, title=HOSTILE,
        seasons=made.survey.seasons, map=made.store.layers("map.zarr"),
        shown=tuple(pictures_shown(made.store.layers("cube.zarr"), ["summer"])),
        true_colour=TrueColour(made.store.layers("cube.zarr"), SEEN, "summer", "Sentinel-2", ()),
        **known_facts() | {"sources": SIMULATED},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overview, "WHOLE", 32)  # one pixel of 4 x 4 is in the overviews
        publish(made.store, publication, [*PUBLISHED, "true_colour"])
    made.store.write(SAMPLES_FILE, parquet_bytes(labelled(made)))
    files = Starlette(routes=[Mount("/", StaticFiles(directory=f"{made.store.url}/products"))])
    with (
        serving(view_application(made.store)) as viewed,
        serving(files) as static,
        serving(without_ranges(files)) as plain,
    ):
        yield Site(made, f"{viewed}/map/", f"{static}/map/index.html", f"{plain}/map/index.html")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with driven_browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Tab:
    browser.size(1280, 800)
    browser.errors.clear()
    browser.requests.clear()
    return browser


@dataclass(frozen=True)
class View:
    """Where pixels of the map are in the window, after the page's own address."""

    made: SmallStore
    left: float
    top: float
    width: float
    height: float
    x: float
    y: float
    resolution: float

    @classmethod
    def of(cls, tab: Tab, made: SmallStore) -> View:
        link = tab.run("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
        frame = tab.run(
            "(({left, top, width, height}) => [left, top, width, height])"
            "(document.getElementById('map').getBoundingClientRect())"
        )
        return cls(made, *frame, float(link["x"]), float(link["y"]), float(link["r"]))

    def at(self, column: float, row: float) -> tuple[float, float]:
        x, y = self.made.grid.geobox.affine @ (column, row)
        return (
            self.left + self.width / 2 + (x - self.x) / self.resolution,
            self.top + self.height / 2 - (y - self.y) / self.resolution,
        )


def picture(tab: Tab, path: Path) -> Any:
    tab.picture(path)
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))


def own(site: Site) -> str:
    return site.viewed.removesuffix("/map/")


def test_pixels_have_the_colours_of_their_classes(site: Site, tab: Tab, tmp_path: Path) -> None:
    tab.open(f"{site.viewed}#show=", DRAWN)
    view, drawn = View.of(tab, site.made), picture(tab, tmp_path / "map.png")
    colours = {item["code"]: bytes.fromhex(str(item["colour"])[1:]) for item in CLASSES}
    height, width = site.codes.shape
    wrong = []
    for row in range(0, height - 8, 3):  # the scale lies over the last rows
        for column in range(8, width, 3):
            x, y = view.at(column + 0.5, row + 0.5)
            code = site.codes[row, column]
            seen = bytes(drawn[int(y), int(x)].tolist())
            if not np.isnan(code) and seen != colours[int(code)]:
                wrong.append((row, column, seen))
    assert not wrong
    assert tab.errors == []
    assert {url.startswith(own(site)) for url in tab.requests} == {True}


def test_the_ground_is_shown_as_it_was_published(site: Site, tab: Tab, tmp_path: Path) -> None:
    tab.open(f"{site.static}#show=&top=ground", DRAWN)
    view, drawn = View.of(tab, site.made), picture(tab, tmp_path / "ground.png")
    with rasterio.open(f"{site.made.store.url}/products/true_colour.tif") as file:
        pixels = file.read()
    for row, column in ((10, 12), (20, 40), (33, 71), (50, 90)):
        x, y = view.at(column + 0.5, row + 0.5)
        assert drawn[int(y), int(x)].tolist() == pixels[:, row, column].tolist()
    assert tab.errors == []


def test_seasons_are_shown_from_afar_by_their_overview(
    site: Site, tab: Tab, tmp_path: Path
) -> None:
    """One pixel of 4 x 4 as bytes; the server gives all of them as soon as one comes near."""
    seen = np.stack([site.made.values[f"cube:{name}"] for name in SEEN])
    with rasterio.open(f"{site.made.store.url}/products/overview_summer.tif") as file:
        pixels, step = file.read((1, 2, 3)).astype(float), file.scales
        low = np.array(file.offsets[:3]) + step[:3]
    tab.open(f"{site.static}#show=&top=true.summer_B04", DRAWN)
    assert "every 4 x 4" in tab.run("document.getElementById('panel').textContent")
    view, drawn = View.of(tab, site.made), picture(tab, tmp_path / "static.png")
    for row, column in ((2, 3), (9, 14), (13, 20)):
        x, y = view.at(4 * column + 2, 4 * row + 2)
        wanted = (pixels[:, row, column] - 1) * 255 / 254
        assert np.abs(drawn[int(y), int(x)] - wanted).max() <= 1
    tab.open(f"{site.viewed}#show=&top=true.summer_B04", DRAWN)
    view, drawn = View.of(tab, site.made), picture(tab, tmp_path / "viewed.png")
    for row, column in ((10, 12), (20, 40), (33, 71), (50, 90)):
        x, y = view.at(column + 0.5, row + 0.5)
        wanted = np.clip((seen[:, row, column] - low) * 255 / 254 / step[:3], 0, 255)
        assert np.abs(drawn[int(y), int(x)] - wanted).max() <= 1
    assert tab.errors == []


def test_from_afar_the_store_is_not_read(tab: Tab, tmp_path: Path) -> None:
    shape = (64, 2304)  # the page goes no farther than to a width of 256 pixels of the screen
    its = small_map(tmp_path, draw_codes(shape), grid(shape, 256))
    cube = its.store.create_layers(
        "cube.zarr", its.grid, (RasterArray("b", SEEN, {"b": SEEN}),), {}
    )
    for tile in its.grid.tiles:
        cube.write_tile(its.grid, tile, np.full((3, *its.grid.window(tile).shape), 1, np.float32))
    pictures = tuple(pictures_shown(cube, ["summer"]))
    names = ["landuse", "overview", "map_page", "item"]
    publish(its.store, its.publication(shown=pictures), names)
    x, y = its.grid.geobox.affine @ (1152, 32)
    with serving(view_application(its.store)) as viewed:
        for metres, asked in ((90, False), (9, True)):
            tab.requests.clear()
            tab.open(f"{viewed}/map/#x={x}&y={y}&r={metres}&show=&top=true.summer_B04", DRAWN)
            assert any("/api/tile" in url for url in tab.requests) == asked
            assert any("/overview_summer.tif" in url for url in tab.requests)
            assert tab.run("document.getElementById('far').hidden")
    publish(its.store, its.publication(), ["landuse", "map_page", "item"])
    with serving(view_application(its.store)) as viewed:
        tab.requests.clear()
        tab.open(f"{viewed}/map/#x={x}&y={y}&r=90&show=&top=true.summer_B04")
        assert not tab.run("document.getElementById('far').hidden")
        assert not any("/api/tile" in url for url in tab.requests)
    assert tab.errors == []


def test_a_click_says_what_is_there(site: Site, tab: Tab) -> None:
    tab.open(site.viewed)
    milliseconds = []
    for column, row in [(12, 22), (30, 21), (55, 40), (13, 20), (40, 33)]:
        tab.click(*View.of(tab, site.made).at(column + 0.5, row + 0.5))
        tab.wait_for("document.getElementById('answer').dataset.milliseconds")
        names = {item["code"]: str(item["name"]) for item in CLASSES}
        shown = tab.run(f"{ANSWERED}.textContent")
        assert shown.replace(" ", "_") == names[int(site.codes[row, column])]
        milliseconds.append(
            float(tab.run("document.getElementById('answer').dataset.milliseconds"))
        )
        tab.press("Escape")
    assert min(milliseconds) < 300
    assert tab.errors == []


def test_seasons_and_labelled_points_come_from_the_store(site: Site, tab: Tab) -> None:
    x, y = site.made.grid.geobox.affine @ (12.5, 20.5)
    tab.open(f"{site.viewed}#at={x},{y}&show=samples")
    text = tab.run("document.getElementById('answer').textContent")
    assert "Through the seasons" in text
    values = site.made.values["features:summer_NDVI"]
    label = tab.run("document.querySelector('.chart').getAttribute('aria-label')")
    assert f"summer {float(values[20, 12]):.3g}"[:10] in label
    assert f"{HOSTILE}12" in text  # as text, not as markup


def test_names_never_become_markup(site: Site, tab: Tab) -> None:
    x, y = site.made.grid.geobox.affine @ (12.5, 20.5)
    tab.open(f"{site.viewed}#at={x},{y}")
    assert tab.run("document.getElementById('title').textContent") == HOSTILE
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.body.dataset.hacked") is None
    assert tab.errors == []


def test_a_polygon_is_counted_by_class(site: Site, tab: Tab) -> None:
    tab.open(f"{site.static}#show=")
    view = View.of(tab, site.made)
    tab.run(
        "[...document.querySelectorAll('button')].find(b => /Measure/.test(b.textContent)).click()"
    )
    corners = [(10, 10), (50, 10), (50, 41), (10, 41)]
    for corner in (*corners, corners[0]):
        tab.click(*view.at(*corner))
        time.sleep(0.35)  # or two clicks were one double click
    tab.wait_for("document.querySelector('#answer .areas')")
    table = tab.run(
        "[...document.querySelectorAll('.areas tr')].map(row => [...row.children]"
        ".map(cell => cell.textContent))"
    )
    hectares = {name: float(size.removesuffix(" ha").replace(",", "")) for name, size, _ in table}
    inside = site.codes[10:41, 10:50]
    for item in CLASSES:
        wanted = np.count_nonzero(inside == item["code"]) * 0.01
        # corners are clicked to a part of a pixel; ground and map differ by less than 0.1 %
        assert hectares[str(item["name"]).replace("_", " ")] == pytest.approx(wanted, rel=0.04)
    assert tab.errors == []


def test_the_address_keeps_the_view(site: Site, tab: Tab) -> None:
    tab.open(site.viewed)
    tab.run("document.getElementById('top').value = 'true.summer_B04'")
    tab.run("document.getElementById('top').dispatchEvent(new Event('change'))")
    tab.run("document.querySelector('#opacity').value = 60")
    tab.run("document.querySelector('#opacity').dispatchEvent(new Event('input'))")
    tab.wait_for("/top=true.summer_B04/.test(location.hash)")
    kept = tab.run("location.href")
    tab.open(kept)
    assert tab.run("document.getElementById('top').value") == "true.summer_B04"
    assert tab.run("document.getElementById('opacity').value") == "60"
    assert tab.run("location.href") == kept
    assert tab.errors == []


def test_what_changed_between_periods(tab: Tab, tmp_path: Path) -> None:
    codes = story()
    its = small_map(tmp_path, codes[-1].astype(np.float32), grid(codes.shape[1:], 64))
    facts = its.publication(timeline=timeline(codes, its.grid, ("2019", "2021", "2023")))
    products = ["landuse", "mines", "change", "mine_history", "period_maps", "map_page", "item"]
    publish(its.store, facts, products)
    x, y = its.grid.geobox.affine @ (45.5, 20.5)  # forest that became a mine
    with serving(StaticFiles(directory=f"{its.store.url}/products")) as static:
        tab.open(f"{static}/map/index.html#top=change.2019.2023&at={x},{y}")
        answer = tab.run("document.getElementById('answer').textContent")
        assert "2019forest and grass2021mine2023mine" in answer
        assert "Mine 1 in 2023" in answer
        tab.run("document.getElementById('period').value = 0")
        tab.run("document.getElementById('period').dispatchEvent(new Event('input'))")
        tab.wait_for("!/Mine 1 in/.test(document.getElementById('answer').textContent)")
        left, top = (tab.run(f"document.getElementById('map').getBoundingClientRect().{side}")
                     for side in ("left", "top"))  # fmt: skip
        tab.press("Escape")
        time.sleep(0.3)
        drawn = picture(tab, tmp_path / "change.png")[int(top) :, int(left) :].reshape(-1, 3)
    colours = {bytes(colour) for colour in drawn}
    mine, forest = (bytes.fromhex(str(CLASSES[n]["colour"])[1:]) for n in (2, 0))
    assert (mine in colours, forest in colours) == (True, False)  # forest stayed, and is pale
    assert tab.errors == []


def test_a_class_can_be_left_out(site: Site, tab: Tab, tmp_path: Path) -> None:
    tab.open(f"{site.viewed}#show=")
    tab.run("document.querySelector('.legend input').click()")
    tab.wait_for("/off=2/.test(location.hash)")
    time.sleep(0.5)
    drawn = {
        bytes(colour) for colour in picture(tab, tmp_path / "off.png")[200:, 300:].reshape(-1, 3)
    }
    colours = [bytes.fromhex(str(item["colour"])[1:]) for item in CLASSES]
    assert [colour in drawn for colour in colours] == [False, True, True]


def test_without_a_mouse(site: Site, tab: Tab) -> None:
    tab.open(site.viewed)
    before = tab.run("location.hash")
    tab.run("document.getElementById('map').focus()")
    tab.press("ArrowRight")
    tab.wait_for(f"location.hash !== {before!r}")
    tab.press("Enter")
    tab.wait_for("!document.getElementById('answer').hidden")
    tab.press("Escape")
    tab.wait_for("document.getElementById('answer').hidden")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_is_accessible(site: Site, tab: Tab, width: int, dark: bool) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there: `make page` installs it")
    x, y = site.made.grid.geobox.affine @ (12.5, 20.5)
    tab.size(width, 800, dark=dark)
    tab.open(f"{site.viewed}#at={x},{y}&under=true.summer_B04")
    if width == 400:
        tab.run("document.getElementById('toggle').click()")
    tab.run(AXE.read_text())
    found = tab.run(
        "axe.run().then(({violations}) => violations.filter(v => v.impact !== 'minor')"
        ".map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))"
    )
    assert found == []
    assert tab.run("document.documentElement.scrollWidth") <= width


def test_it_needs_nothing_but_a_server_of_files(site: Site, tab: Tab) -> None:
    x, y = site.made.grid.geobox.affine @ (30.5, 21.5)
    tab.open(f"{site.static}#at={x},{y}")
    tab.wait_for(ANSWERED)
    assert "minecover view" in tab.run("document.getElementById('answer').textContent")
    assert tab.errors == []
    assert not [url for url in tab.requests if "/api/" in url]


def test_a_server_without_ranges_is_named_as_the_reason(site: Site, tab: Tab) -> None:
    tab.open(site.without_ranges, "document.getElementById('trouble')?.hidden === false")
    assert "HTTP ranges" in tab.run("document.getElementById('trouble').textContent")
