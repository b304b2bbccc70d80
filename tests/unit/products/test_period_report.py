"""What the report shows of the periods: areas and transitions, flows, mines in time, pictures."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mine_story import FOREST, MINE, SHAPE, WATER, story, timeline
from minecover.mine_history.timeline import Codes
from minecover.products.figures import period_pictures
from minecover.products.landuse import LANDUSE
from minecover.products.mine_history import MINE_HISTORY
from minecover.products.mines import MINES
from minecover.products.period_areas import measure_periods
from minecover.products.period_charts import flow_chart, mine_bars
from minecover.products.report import REPORT
from small_map import grid, known_facts, small_map, survey, written

CLASSES = survey().classes
NAMES = ("2019", "2021", "2023")
EQUAL = "EPSG:3035"


def test_areas_and_transitions_of_a_known_story() -> None:
    codes = story()
    codes[1, 99, 0] = 0  # not known in one period
    measured = measure_periods(
        timeline(codes, grid(SHAPE, 32, crs=EQUAL), NAMES), grid(SHAPE, 32, crs=EQUAL), CLASSES
    )
    # forest, water, mine; a pixel of an equal-area grid of 10 m is 0.01 ha
    assert measured.areas[0] == pytest.approx([108.0, 0.0, 12.0])
    assert measured.areas[1] == pytest.approx([103.99, 1.0, 15.0])
    assert measured.steps[0] == pytest.approx(
        np.array([[103.99, 0, 4.0], [0, 0, 0], [0, 1.0, 11.0]])
    )
    assert measured.steps[1] == pytest.approx(
        np.array([[103.78, 0, 0.21], [0, 1.0, 0], [0, 0, 15.0]])
    )
    assert measured.overall == pytest.approx(
        np.array([[103.79, 0, 4.21], [0, 0, 0], [0, 1.0, 11.0]])
    )
    # of what changed: 400 pixels grown into, 21 opened later, 100 flooded
    assert measured.changed.sum(axis=(1, 2)) == pytest.approx([5.21, 5.21])
    assert measured.changed[0, 0] == pytest.approx([0.21, 0, 4.0])


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=5)
def test_areas_do_not_depend_on_the_tiles(seed: int) -> None:
    codes = (
        np.random.default_rng(seed).choice([0, FOREST, WATER, MINE], (3, 70, 90)).astype(np.uint8)
    )
    one, other = (grid((70, 90), tile) for tile in (32, 96))
    whole = measure_periods(timeline(codes, one, NAMES), one, CLASSES)
    cut = measure_periods(timeline(codes, other, NAMES), other, CLASSES)
    for name, values in vars(whole).items():
        assert (values == getattr(cut, name)).all(), name


def _heights(path: str) -> tuple[float, float]:
    """Heights of a band where it leaves and where it arrives, from its path."""
    numbers = [float(value) for value in re.findall(r"-?[\d.]+", path)]
    _, top, *_, right_top, right_bottom = numbers[:9]
    return numbers[-1] - top, right_bottom - right_top


@given(
    st.integers(1, 4).flatmap(
        lambda steps: st.lists(
            st.lists(st.floats(0, 50), min_size=9, max_size=9), min_size=steps, max_size=steps
        )
    )
)
@settings(deadline=None, max_examples=40)
def test_a_flow_chart_keeps_areas(shares: list[list[float]]) -> None:
    # the same ground in all steps: what a class holds goes on by some shares
    held, steps = np.array([30.0, 50.0, 20.0]), []
    for row in shares:
        share = np.array(row).reshape(3, 3) + 0.1
        step = held[:, None] * share / share.sum(axis=1, keepdims=True)
        steps.append(step)
        held = step.sum(axis=0)
    chart = flow_chart(np.array(steps), [str(n) for n in range(len(steps) + 1)], CLASSES)
    assert chart is not None
    assert chart.hectares == pytest.approx(100)
    scale = (chart.height - 2 * 14) / 100
    for node in chart.nodes:
        assert node.height == pytest.approx(node.hectares * scale)
        assert -1e-6 <= node.y <= chart.height - node.height + 1e-6
    for flow in chart.flows:
        leaving, arriving = _heights(flow.path)
        hectares = float(flow.text.split(": ")[1].removesuffix(" ha"))
        assert leaving == pytest.approx(arriving, abs=0.03)
        assert leaving == pytest.approx(hectares * scale, abs=0.25)
    places = {place for place, _ in chart.periods}
    assert {node.x for node in chart.nodes} == places


def test_nothing_changed_is_no_chart() -> None:
    assert flow_chart(np.zeros((2, 3, 3)), NAMES, CLASSES) is None


def test_the_ground_of_mines_is_drawn_on_one_scale() -> None:
    table = pd.DataFrame(
        {
            "mine": [1, 1, 2], "period": ["2019", "2021", "2021"],
            "state": ["active", "restored", "active"], "area_ha": [8.0, 0.0, 5.0],
            "ground_ha": [10.0, 20.0, 5.0], "first_disturbed": ["2019", "2019", "2021"],
            "restored_since": ["", "2021", ""],
            "within_forest_and_grass": [0.2, 1.0, np.nan], "within_water": [0.0, 0.0, 0.0],
            "within_mine": [0.8, 0.0, 1.0],
        }
    )  # fmt: skip
    one, two = mine_bars(table, ("2019", "2021"), CLASSES, 8)
    assert (one.mine, one.state, one.restored_since) == (1, "restored", "2021")
    assert [len(mine.bars) for mine in (one, two)] == [2, 1]
    first, second = one.bars
    assert [(item.name, height) for item, _, height in first[3]] == [
        ("mine", pytest.approx(0.4 * one.height)),
        ("forest_and_grass", pytest.approx(0.1 * one.height)),
    ]
    assert sum(height for *_, height in second[3]) == pytest.approx(one.height)
    assert second[2] == "0.0"
    assert two.bars[0][0] == second[0]  # a later mine begins in its own period
    assert sum(height for *_, height in two.bars[0][3]) == pytest.approx(one.height / 4)
    assert len(mine_bars(table, ("2019", "2021"), CLASSES, 1)) == 1


def test_pictures_of_periods_are_the_maps() -> None:
    codes = story()
    its = grid(SHAPE, 32)
    pictures = period_pictures(timeline(codes, its, NAMES), its, CLASSES)
    for picture, own in zip(pictures, codes, strict=True):
        raw = base64.b64decode(picture.address.split(",")[1])
        image = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
        for item in CLASSES:
            colour = tuple(bytes.fromhex(item.colour[1:]))
            assert (image[own == item.code] == colour).all()
        assert (picture.width, picture.height) == SHAPE[::-1]


def test_a_large_picture_takes_every_so_many_pixels() -> None:
    codes = np.zeros((2, 60, 1000), dtype=np.uint8)
    codes[:, ::3, ::3] = WATER
    its = grid((60, 1000), 64)
    first, _ = period_pictures(timeline(codes, its, NAMES[:2]), its, CLASSES)
    raw = base64.b64decode(first.address.split(",")[1])
    image = np.asarray(Image.open(io.BytesIO(raw)))
    assert image.shape == (20, 334)
    assert (image == WATER).all()


def _report(folder: Path, codes: Codes, **changes: Any) -> str:
    its = grid(SHAPE, 64)
    years = [str(2019 + 2 * number) for number in range(len(codes))]
    publication = small_map(folder, codes[-1].astype(np.float32), its).publication(
        timeline=timeline(codes, its, years), **changes
    )
    written(publication, folder / "out", LANDUSE, MINES, MINE_HISTORY, REPORT)
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_the_periods(tmp_path: Path) -> None:
    html = _report(tmp_path, story())
    assert html.count('alt="land-use map of') == 3
    assert "forest and grass to mine" in html
    assert 'class="flows"' in html
    assert "ground of mine 1 by period" in html
    assert "2019 to 2023, ha" in html


def test_the_report_says_how_accurate_the_combined_maps_are(tmp_path: Path) -> None:
    bounds = {"intervals": {"overall_accuracy": {"low": 0.8123, "high": 0.9876}}}
    one = {"overall_accuracy": 0.9345, "by_itself": 0.8767, "samples": 31, **bounds}
    whole = {**one, "corrected": 3, "worsened": 1, "p_value": 0.625, "periods": {"2021": one}}
    right = {"value": 0.7654, "low": 0.7, "high": 0.8}
    areas = {"classes": [], "samples": 9, "method": "a sample", "overall_accuracy": right,
             "change": {"periods": {"2019": {"overall_accuracy": right}}}}  # fmt: skip
    accuracy = known_facts()["accuracy"] | {"combined": {"splits": {"spatial_blocks": whole}}}
    html = _report(tmp_path, story(), accuracy=accuracy, areas=areas)
    html = html[html.index("Overall accuracy of the map of each period") :]
    rows = re.findall(r'<tr><th scope="row">(\d{4})</th>(.*?)</tr>', html)[:3]
    cells = {name: re.sub(r"<small>.*?</small>", "", row) for name, row in rows}
    found = {name: re.findall(r"<td>(.*?)</td>", row) for name, row in cells.items()}
    assert [[cell.replace("\u00a0", "") for cell in found[year]] for year in NAMES] == [
        ["–", "–", "–", "76.5%"], ["87.7%", "93.5%", "31", "–"], ["–", "–", "–", "–"],
    ]  # fmt: skip
    assert "3 are right and 1 are wrong" in html


def test_the_report_says_what_a_design_estimates_of_change(tmp_path: Path) -> None:
    def hectares(value: float) -> dict[str, dict[str, float]]:
        one = {"value": value, "low": value - 1, "high": value + 2.25}
        return {item.name: one for item in CLASSES}

    short = {"from": "2019", "to": "2021", "gained_ha": {}, "lost_ha": {}, "net_ha": {}}
    whole = {"from": "2019", "to": "2023", "gained_ha": hectares(12.5), "lost_ha": hectares(16),
             "net_ha": hectares(-3.5)}  # fmt: skip
    right = {"value": 0.7654, "low": 0.7, "high": 0.8}
    areas = {"classes": [], "samples": 9, "method": "a sample", "overall_accuracy": right,
             "change": {"periods": {}, "pairs": [short, whole]}}  # fmt: skip
    html = _report(tmp_path, story(), areas=areas)
    table = html[html.index("Gained and lost on the ground, 2019 to 2023, ha") :]
    table = table[: table.index("</table>")]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", table)
    assert len(rows) == len(CLASSES)
    assert re.findall(r"<td>(.*?)</td>", rows[0]) == [
        "12.5<small>11.5 to 14.8</small>", "16<small>15 to 18.2</small>",
        "-3.50<small>-4.50 to -1.25</small>",
    ]  # fmt: skip


def test_one_period_is_no_change(tmp_path: Path) -> None:
    assert 'class="periods"' not in _report(tmp_path, story()[:1])
