from __future__ import annotations

import base64
import csv
import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from PIL import Image
from shapely.geometry import box

from minecover.accuracy.calibration import reliability
from minecover.geography.grid import Grid, Window
from minecover.products.figures import class_picture, map_frame
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES
from minecover.products.page import page_environment
from minecover.products.product import Product, Publication, TrueColour
from minecover.products.qgis_project import PROJECT
from minecover.products.report import REPORT
from minecover.products.report_tables import STATIC, group_table, ranked_layers, splits
from minecover.products.summary import SUMMARY
from small_map import SIMULATED, draw_codes, grid, known_facts, small_map, written

NAMES = ["forest_and_grass", "water", "mine"]
NOTHING: dict[str, Any] = {
    "accuracy": None, "selection": None, "groups": {}, "observations": (),
    "samples": None, "stages": (), "missing": {}, "versions": {},
}  # fmt: skip
VOID = {"meta", "link", "img", "br", "path"}


class Page(HTMLParser):
    """Checks that tags are closed in order; keeps text, tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += " " + " ".join(data.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Publication:
    """The publication of a small map, its rasters and mines written."""
    folder = tmp_path_factory.mktemp("report")
    its_map = small_map(folder, draw_codes((90, 120)), grid((90, 120), 64))
    return written(its_map.publication(), folder / "out", LANDUSE, MINES)


def page_of(made: Publication, **changes: Any) -> tuple[str, Page]:
    """Write the report of a publication, with some of what is known changed."""
    path = made.paths["landuse.tif"].with_name("report.html")
    REPORT.write(replace(made, **changes), {"report.html": path})
    html = path.read_text(encoding="utf-8")
    return html, Page(html)


def test_the_report_needs_nothing_from_outside(made: Publication) -> None:
    html, page = page_of(made)
    assert "script" not in page.tags
    addresses = [value or "" for name, value in page.attributes if name in ("src", "href")]
    assert len(addresses) == 3  # two pictures and an empty icon
    assert all(address.startswith("data:") for address in addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_report_tells_what_was_measured(made: Publication) -> None:
    _, page = page_of(made)
    areas = made.result(LANDUSE)
    water = areas.classes["water"]
    for part in (
        "Spatial blocks",
        "Random split",
        "86.7 %",
        "Neighbours leak into the random split.",
        "Five folds.",
        f"{100 * water.hectares / areas.hectares:.1f} %",
        "summer NDVI",
        "2 of 4 layers were chosen",
        "3 doubled",
        "Used of 33 given",
        "No a radar: VV, VH left out.",
        "2022-06-01 to 2022-08-31",
        "0123abcd",
    ):
        assert part in page.text, part
    assert "SIMULATED" not in page.text


def test_simulated_data_is_called_so(made: Publication) -> None:
    _, page = page_of(made, sources=SIMULATED)
    assert "SIMULATED DATA An optical sensor. The figures" in " ".join(page.text.split())
    assert "An optical sensor, simulated" in page.text
    assert "land-use map of simulated data" in page.text


def test_a_name_does_not_make_data_simulated(made: Publication) -> None:
    _, page = page_of(made, name="simulated_district")
    assert "SIMULATED" not in page.text


def test_without_mines_nothing_is_said_of_them(made: Publication) -> None:
    results = {LANDUSE.name: made.result(LANDUSE)}
    _, page = page_of(made, results=results)
    assert "polygons" not in page.text


def test_the_files_published_with_it_are_named(made: Publication) -> None:
    products: tuple[Product[Any], ...] = (LANDUSE, MINES, REPORT)
    files = tuple(file for product in products for file in product.files(made))
    _, page = page_of(made, files=files)
    assert "probability.tif Probability of each class" in page.text
    assert "mines.gpkg Mines" in page.text
    assert "report.html" not in page.text


def test_missing_parts_are_named(made: Publication) -> None:
    _, page = page_of(made, **NOTHING)
    for part in (
        "was not assessed",
        "No features were ranked",
        "were not counted",
        "The samples were not counted",
        "The stages are not known",
    ):
        assert part in page.text, part


def test_a_split_that_was_not_measured_is_named(made: Publication) -> None:
    accuracy = dict(known_facts()["accuracy"])
    accuracy["splits"] = {"random": accuracy["splits"]["random"], "spatial_blocks": None}
    del accuracy["leakage"]
    _, page = page_of(made, accuracy=accuracy)
    assert "Only one of random split and spatial blocks was measured." in page.text
    assert "Leakage between training and test samples was not measured" in page.text


def test_reliability_is_shown(made: Publication) -> None:
    accuracy = dict(known_facts()["accuracy"])
    measured = reliability(np.array([0.61, 0.95, 0.97]), np.array([False, True, True])).to_dict()
    random = {**accuracy["splits"]["random"], "reliability": measured}
    accuracy["splits"] = {**accuracy["splits"], "random": random}
    _, page = page_of(made, accuracy=accuracy)
    assert "expected calibration error" in page.text
    assert "96.0" in page.text  # mean of 0.95 and 0.97


def test_names_cannot_inject_markup(made: Publication) -> None:
    bad = "<script>alert('x')</script><img src=x onerror=y>"
    ranks = {"ranks": {bad: 1}, "names": [bad], "chosen": [bad], "scores": {}}
    html, page = page_of(
        made,
        selection={"method": bad, **ranks},
        groups={bad: (None, bad)},
        samples={"given": 1, "used": 1, "classes": {bad: 1}, "dropped": {bad: 1}},
        missing={bad: [bad]},
        stages=[{"stage": bad}],
        versions={bad: bad},
        manifest=bad,
        accuracy={**known_facts()["accuracy"], "protocol": bad},
        model=bad,
    )
    assert "<script" not in html
    assert "onerror" not in {name for name, _ in page.attributes}
    assert page.text.count(bad) >= 10


def test_layers_are_ranked_with_their_shares() -> None:
    layers = ranked_layers(known_facts()["selection"], known_facts()["groups"])
    assert [layer.rank for layer in layers] == [1, 2, 3, 4]
    assert [layer.chosen for layer in layers] == [True, True, False, False]
    assert layers[0].relieff == 1.0
    negative = {"ranks": {"a": 1, "b": 2}, "scores": {"relieff": {"a": 2.0, "b": -1.0}}}
    assert [layer.relieff for layer in ranked_layers(negative, {})] == [1.0, 0.0]


def test_layers_are_counted_by_season_and_group() -> None:
    table = group_table(known_facts()["selection"], known_facts()["groups"], ["summer", "winter"])
    assert table is not None
    assert table.seasons == ("summer", "winter", STATIC)
    assert dict(table.rows) == {
        "index": ((1, 1), (1, 1), None),
        "band": ((0, 1), None, None),
        "terrain": (None, None, (0, 1)),
    }


def test_a_confusion_matrix_is_shaded_by_row() -> None:
    first = splits(known_facts()["accuracy"], NAMES)[0]
    assert first.key == "spatial_blocks"
    assert [cell.share for cell in first.matrix[0].cells] == [0.9, 0.1, 0.0]
    assert first.totals == (10, 9, 11)


def test_a_large_map_is_drawn_decimated(tmp_path: Path) -> None:
    shape = (40, 3000)
    its_map = small_map(tmp_path, draw_codes(shape), grid(shape, 256))
    paths = written(its_map.publication(), tmp_path / "out", LANDUSE).paths
    picture = class_picture(paths["landuse.tif"], its_map.survey.classes)
    assert (picture.width, picture.height) == (1400, 19)
    assert math.isclose(picture.decimation, 3000 / 1400)


def test_the_scale_bar_is_a_round_length() -> None:
    frame = map_frame(grid((100, 4000), 256, box(0, 0, 1, 1)))
    assert frame.bar_text == "10 km"
    assert frame.bar_percent == pytest.approx(25)
    frame = map_frame(grid((300, 300), 256))
    assert frame.bar_text == "500 m"
    assert [tick.text for tick in frame.northings] == ["5,646", "5,647", "5,648"]


def test_every_estimate_has_its_interval(made: Publication) -> None:
    _, page = page_of(made)
    text = " ".join(page.text.split())
    assert "Overall accuracy 86.7 % 80.0 – 92.0 % spatial blocks, 30 points" in text
    assert "Kappa 0.800 0.61 – 0.93*" in text
    assert "forest and grass 90.0 % 60.0 – 98.0 %* – 0.900 10" in text
    assert "rests on" not in text


def test_a_headline_from_few_points_says_so(made: Publication) -> None:
    accuracy = dict(known_facts()["accuracy"])
    few = {**accuracy["splits"]["spatial_blocks"], "samples": 12}
    accuracy["splits"] = {**accuracy["splits"], "spatial_blocks": few}
    text = " ".join(page_of(made, accuracy=accuracy)[1].text.split())
    assert "The accuracy rests on 12 points only." in text


@pytest.mark.parametrize("borders", [None, 7])
def test_what_smoothing_gained_is_told(made: Publication, borders: int | None) -> None:
    gain = {
        "window": 5, "applied": True, "helps": False, "points": 40, "plain": 0.9,
        "smoothed": 0.95, "corrected": 3, "worsened": 1,
    }  # fmt: skip
    known = known_facts()["accuracy"]
    measured = known | {"smoothing": gain if borders is None else gain | {"borders": borders}}
    text = " ".join(page_of(made, accuracy=measured)[1].text.split())
    again = "" if borders is None else "and reading borders again over 7 × 7 "
    told = f"Smoothing over 5 × 5 pixels {again}was applied: 90.0 % without and 95.0 % with it"
    assert f"{told} at 40 points of the spatial blocks (3 corrected, 1 made wrong)" in text


def test_what_self_training_came_to_is_told(made: Publication) -> None:
    said = "The model learned from 40 pixels, too, that nobody labelled."
    known = known_facts()["accuracy"] | {"self_training": {"statement": said, "regions": {}}}
    assert said in page_of(made, accuracy=known)[1].text
    assert "nobody labelled" not in page_of(made)[1].text


def test_areas_of_the_ground_are_taken_up(made: Publication) -> None:
    estimate = {"value": 31.4, "standard_error": 1.0, "low": 29.0, "high": 34.1}
    share = {"value": 0.9, "standard_error": 0.1, "low": 0.62, "high": 0.98}
    areas = {
        "classes": NAMES,
        "samples": 291,
        "area_ha": dict.fromkeys(NAMES, estimate),
        "overall_accuracy": share,
        "users_accuracy": dict.fromkeys(NAMES, share),
        "producers_accuracy": dict.fromkeys(NAMES),
        "method": "stratified random sample",
    }
    text = " ".join(page_of(made, areas=areas)[1].text.split())
    assert "291 random points" in text
    assert "water 31.4 29 – 34.1 90.0 % 62.0 – 98.0 % –" in text
    assert "Stratified random sample." in text
    path = made.paths["landuse.tif"].with_name("summary.csv")
    SUMMARY.write(replace(made, areas=areas), {"summary.csv": path})
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    ground = [row for row in rows if row["topic"] == "ground" and row["measure"] == "area"]
    assert [row["class"] for row in ground] == NAMES
    assert {(row["value"], row["low"], row["high"], row["unit"]) for row in ground} == {
        ("31.4", "29", "34.1", "ha")
    }
    overall = next(row for row in rows if row["measure"] == "overall_accuracy")
    assert float(overall["low"]) < float(overall["value"]) < float(overall["high"])


def test_simulated_data_is_called_so_in_tables_and_projects(made: Publication) -> None:
    folder = made.paths["landuse.tif"].parent
    given = replace(made, sources=SIMULATED, title="A title")
    SUMMARY.write(given, {"summary.csv": folder / "simulated.csv"})
    rows = list(csv.DictReader((folder / "simulated.csv").read_text("utf-8-sig").splitlines()))
    assert (rows[0]["measure"], rows[0]["value"]) == ("An optical sensor: simulated", "yes")
    PROJECT.write(given, {"survey.qgs": folder / "simulated.qgs"})
    title = ET.parse(folder / "simulated.qgs").getroot().findtext("title")
    assert title == "A title (simulated data)"


def test_title_and_author_are_shown(made: Publication) -> None:
    html, page = page_of(made, title="东胜区 <2022>", author="测绘院")
    assert "<h1>东胜区 &lt;2022&gt;</h1>" in html
    assert "Made by 测绘院" in page.text
    assert ("content", "测绘院") in page.attributes


class Bands:
    """A raster of three bands that is brighter to the east, and nodata in its first column."""

    def read(self, window: Window, layers: list[str]) -> np.ndarray[Any, Any]:
        height, width = window.shape
        columns = np.arange(window.x0, window.x1, dtype=np.float32)
        values = np.where(columns == 0, np.nan, columns / 1000)
        return np.broadcast_to(values, (len(layers), height, width)).copy()


def test_the_ground_is_shown_with_the_days_of_its_scenes(made: Publication) -> None:
    cube: Any = Bands()
    days = tuple(f"2022-06-{day:02}" for day in range(1, 15))
    shown = TrueColour(cube, ("r", "g", "b"), "summer", "An optical sensor", days)
    html, page = page_of(made, true_colour=shown)
    assert "from scenes of 2022-06-01, 2022-06-02" in " ".join(page.text.split())
    assert "and 2 later days" in page.text
    (found,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        pixels = np.asarray(image.convert("L")).astype(int)
    assert pixels.shape == made.grid.shape
    # 98 of 100 pixels between dark and bright; noise of JPEG aside
    assert (np.diff(pixels[50, 4:]) > -6).all()
    assert pixels[50, 8] < 30 < 225 < pixels[50, -4]


def test_names_of_many_classes_fit(made: Publication) -> None:
    for count, mark in ((13, 'class="matrix dense"'), (40, '<svg class="matrix-picture"')):
        matrix = np.full((count, count), 1) + 20 * np.eye(count, dtype=int)
        names = [f"class {number}" for number in range(count)]
        document = {"splits": {"random": {"matrix": matrix.tolist(), "samples": 9, "classes": {}}}}
        found = splits(document, names)[0]
        assert found.confusions[0].count == 1
        assert len(found.confusions) == 20
        template = page_environment().from_string(
            '{% from "macros.html" import matrix %}{{ matrix(split, codes) }}'
        )
        html = template.render(split=found, codes={name: n for n, name in enumerate(names)})
        assert mark in html
        Page(html.replace("/>", "></rect>"))


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 40_000), st.integers(1, 40_000), st.integers(0, 900_000))
def test_ticks_never_touch(width: int, height: int, off: int) -> None:
    left, top = 100_000.0 + 10 * off, 4_000_000.0
    bounds = (left, top - 10 * height, left + 10 * width, top)
    geobox = GeoBox.from_bbox(bounds, crs="EPSG:32649", shape=(height, width))
    frame = map_frame(Grid(geobox, 256, box(*bounds)))
    drawn = min(250.0, 860.0 * width / height)  # on a phone, or as high as a map may be
    for ticks, length, across in (
        (frame.eastings, drawn, lambda text: 6.2 * len(text)),
        (frame.northings, drawn * height / width, lambda _: 16.0),
    ):
        assert 1 <= len(ticks) <= 5
        places = sorted((tick.place, across(tick.text)) for tick in ticks)
        for (one, first), (other, second) in pairwise(places):
            assert (other - one) / 100 * length >= (first + second) / 2
        for tick in ticks:
            assert -1e-6 <= tick.place <= 100 + 1e-6


def test_each_region_has_its_accuracy(made: Publication) -> None:
    accuracy = dict(known_facts()["accuracy"])
    one = {"overall_accuracy": 0.934, "kappa": None, "macro_f1": 0.91, "samples": 320}
    bounds = {"low": 0.9, "high": 0.95, "method": "bootstrap"}
    one["intervals"] = {"overall_accuracy": bounds, "kappa": None, "macro_f1": None}
    accuracy["regions"] = {"Lüliang & <b>": dict.fromkeys(accuracy["splits"], one)}
    html, page = page_of(made, accuracy=accuracy)
    assert "By region" in page.text
    assert "Spatial blocks 93.4 % 90.0 – 95.0 % – 0.910 320" in " ".join(page.text.split())
    assert "Lüliang &amp; &lt;b&gt;" in html
    _, page = page_of(made)
    assert "By region" not in page.text


def test_the_size_of_blocks_is_explained(made: Publication) -> None:
    samples = known_facts()["samples"] | {"block_metres": 320.0, "warnings": ["class mine is rare"]}
    given = page_of(made, samples=samples)[1].text
    assert "320 m wide." in given
    assert "Class mine is rare." in given
    found = page_of(made, samples=samples | {"autocorrelation_range": 312.4})[1].text
    assert "resemble each other up to 312 m" in found
    assert "too few" not in found
    bounded = page_of(made, samples=samples | {"autocorrelation_range": 1204.0})[1].text
    assert "blocks of that size would leave folds with too few of them" in bounded


def test_skipped_tiles_are_named_with_their_reason(made: Publication) -> None:
    skipped = {"r0001c0002": "B04 is truncated", "r0002c0000": "B08 is missing"}
    _, page = page_of(made, stages=[{"stage": "cube", "tiles": 9, "skipped": skipped}])
    assert "cube: 2 tile(s) were skipped for their data and hold nodata:" in page.text
    assert "r0001c0002 (B04 is truncated); r0002c0000 (B08 is missing)." in page.text
    _, page = page_of(made, stages=[{"stage": "cube", "tiles": 9, "skipped": {}}])
    assert "skipped" not in page.text
