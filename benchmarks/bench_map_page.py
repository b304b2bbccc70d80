"""The map page in a real browser: when the map is drawn, how soon a click is answered, memory."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from benchmarks.row import Aim, Row, show
from driven_browser import Tab, driven_browser
from minecover.geography.grid import Grid
from minecover.prediction.map_layers import map_arrays
from minecover.prediction.settings import PredictionSettings
from minecover.products.cog import Raster, writing_cogs
from minecover.products.landuse import MAP
from minecover.products.map_document import map_document
from minecover.products.map_page import DOCUMENT, bundled_files
from minecover.products.product import Publication
from minecover.samples.classes import LandUseClass
from minecover.storage.store import Store
from minecover.viewing.app import view_application
from served import serving

SIDE, TILE, BLOCK = 20_000, 2_048, 2
PAGE = "/map/index.html"

SECONDS = 60
WAY = [*["ArrowRight"] * 60, *["ArrowDown"] * 5, *["ArrowLeft"] * 60, *["ArrowDown"] * 5]
"""Keys by which the map is panned."""

MEGABYTES = 400
"""Of the page's own process, that panning may add."""

CLASSES = tuple(
    LandUseClass(code=code, name=name, colour=colour)
    for code, name, colour in (
        (1, "forest", "#3f7d3a"), (2, "water", "#2f6fb0"), (3, "mine", "#5b4a6b"),
    )
)  # fmt: skip


def publish_map(folder: Path) -> Store:
    """Publish a map of 20,000 x 20,000 pixels: land use alone, in blocks of classes."""
    extent = (300_000, 4_400_000, 300_000 + 10 * SIDE, 4_400_000 + 10 * SIDE)
    geobox = GeoBox.from_bbox(extent, crs="EPSG:32649", resolution=10)
    grid = Grid(geobox, TILE, box(*geobox.boundingbox))
    store = Store(str(folder))
    codes = {item.name: item.code for item in CLASSES}
    arrays = map_arrays(PredictionSettings(applicability=False), codes)
    layers = store.create_layers("map.zarr", grid, arrays, {})  # no pixel is written
    page = folder / "products" / "map"
    page.mkdir(parents=True)
    rng = np.random.default_rng(0)
    raster = Raster.of_codes(page.parent / MAP, lambda dataset: None)
    with writing_cogs(grid, [raster]) as (writer,):
        for tile in grid.tiles:
            window = grid.window(tile)
            coarse = rng.integers(1, 4, (TILE // BLOCK, TILE // BLOCK), dtype=np.uint8)
            drawn = np.kron(coarse, np.ones((BLOCK, BLOCK), np.uint8))
            height, width = window.shape
            writer.write(window, drawn[None, :height, :width])
    for name, path in bundled_files().items():
        shutil.copyfile(path, page / name)
    publication = Publication("wide", grid, CLASSES, {"summer": ("2021-06-01/2021-08-31",)}, layers)
    document = map_document(publication, mines=None, mines_of_periods={})
    document["layers"] = document["layers"][:1]
    document["pixels"] = {"landuse": document["pixels"]["landuse"]}
    store.write_json(f"products/{DOCUMENT}", document)
    return store


def drawn_after(tab: Tab, address: str) -> float:
    """Seconds from asking for the page until the whole window of the map is drawn."""
    tab.call("Network.clearBrowserCache")
    tab.open(address, "performance.getEntriesByName('map drawn').length")
    return float(tab.run("performance.getEntriesByName('map drawn')[0].startTime")) / 1000


def answered_after(tab: Tab) -> float:
    """Seconds from a click until its answer is shown."""
    tab.press("Escape")  # what was answered before
    tab.click(700, 400)
    tab.wait_for("document.getElementById('answer').dataset.milliseconds")
    milliseconds = tab.run("document.getElementById('answer').dataset.milliseconds")
    return float(milliseconds) / 1000


def page_memory(folder: Path) -> float:
    """Megabytes of the largest process that draws pages of the browser with this profile."""
    own = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or [])
    ]
    family = {child for process in own for child in process.children(recursive=True)}
    pages = [each for each in family if any("type=renderer" in word for word in each.cmdline())]
    return max(each.memory_info().rss for each in pages) / 1e6


def panned(tab: Tab, folder: Path) -> tuple[float, float]:
    """Megabytes of the page before a minute of panning at full resolution, and at most in it."""
    tab.run("document.getElementById('map').focus()")
    before = most = page_memory(folder)
    end = time.monotonic() + SECONDS
    for number, key in enumerate(itertools.cycle(WAY)):
        tab.press(key)
        time.sleep(0.1)
        if number % 8 == 0:
            most = max(most, page_memory(folder))
        if time.monotonic() > end:
            break
    return before, most


def run() -> list[Row]:
    """Measure in one browser."""
    size, rows = f"{SIDE:,} x {SIDE:,}", []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = publish_map(folder / "store")
        files = Starlette(routes=[Mount("/", StaticFiles(directory=folder / "store/products"))])
        with (
            driven_browser(folder) as tab,
            serving(view_application(store)) as viewed,
            serving(files) as static,
        ):
            viewed, static = f"{viewed}{PAGE}", f"{static}{PAGE}"
            tab.size(1280, 800)
            drawn_after(tab, static)  # the browser itself has started
            for peer, address in (("minecover view", viewed), ("a server of files", static)):
                seconds = float(np.median([drawn_after(tab, address) for _ in range(5)]))
                aim = Aim("1 s", seconds < 1)
                rows.append(Row("Map drawn", size, peer, seconds, aim=aim))
            seconds = float(np.median([answered_after(tab) for _ in range(5)]))
            rows.append(Row("Click answered", size, peer, seconds, aim=Aim("0.3 s", seconds < 0.3)))
            tab.open(f"{static}#x=301000&y=4590000&r=10")
            before, most = panned(tab, folder)
            added = most - before
            note = f"{before:.0f} MB of the page before, at most {most:.0f} MB while panning"
            aim = Aim(f"{MEGABYTES} MB more", added < MEGABYTES)
            rows.append(Row("Panning", size, peer, SECONDS, aim=aim, note=note))
    return rows


if __name__ == "__main__":
    show(run())
