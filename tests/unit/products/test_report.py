from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from minecover.accuracy.calibration import reliability
from minecover.products.figures import class_picture, map_frame
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES
from minecover.products.product import Product, Publication
from minecover.products.report import REPORT
from minecover.products.report_tables import STATIC, group_table, ranked_layers, splits
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
    assert len(addresses) == 3
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
        "Times of the stages are not known",
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


def test_the_plan_is_held_against_what_came_of_it(made: Publication) -> None:
    stages = [
        {"stage": "cube", "tiles": 4, "core_hours": 0.04, "planned_core_hours": 0.05},
        {"stage": "select", "seconds": 36, "core_hours": 0.02, "planned_core_hours": 0.025},
        {"stage": "train", "seconds": 9, "core_hours": 0.0001, "planned_core_hours": None},
    ]
    _, page = page_of(made, stages=stages)
    assert "All 0.060 0.075" in page.text
    assert "estimated 25 % more than these stages took" in page.text
    assert "< 0.001 –" in page.text
    _, page = page_of(made, stages=[{"stage": "cube", "seconds": 9}])
    assert "The plan made" not in page.text
    fewer = [{"stage": "cube", "core_hours": 0.5, "planned_core_hours": 0.4}]
    assert "20 % less than" in page_of(made, stages=fewer)[1].text


def test_each_region_has_its_accuracy(made: Publication) -> None:
    accuracy = dict(known_facts()["accuracy"])
    one = {"overall_accuracy": 0.934, "macro_f1": 0.91, "samples": 320}
    one["intervals"] = {"overall_accuracy": {"low": 0.9, "high": 0.95, "method": "bootstrap"}}
    accuracy["regions"] = {"Lüliang & <b>": dict.fromkeys(accuracy["splits"], one)}
    html, page = page_of(made, accuracy=accuracy)
    assert "By region" in page.text
    assert "93.4 % 90.0 % – 95.0 % 0.910 320" in page.text
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
