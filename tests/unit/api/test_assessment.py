"""Assessments in Python, as tables."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.accuracy.estimates import block_interval, estimates
from minecover.accuracy.tables import accuracy_table
from minecover.api.assessment import assess
from minecover.area_estimation.estimators import area_estimates
from minecover.errors import DataError, SurveyError

NAMES = ["mine", "water", "forest"]
CODES = {"water": 3, "mine": 1, "forest": 7}


def labels(count: int = 400, seed: int = 0, right: float = 0.8) -> tuple[pd.Series, pd.Series]:
    rng = np.random.default_rng(seed)
    truth = pd.Series(rng.choice(NAMES, count))
    other = pd.Series(rng.choice(NAMES, count))
    return truth, truth.where(rng.random(count) < right, other)


def test_the_values_are_those_of_the_assess_stage() -> None:
    truth, predicted = labels()
    found = assess(truth, predicted, classes=CODES)
    expected = estimates(truth.map(CODES).to_numpy(), predicted.map(CODES).to_numpy(), CODES)
    for name in ("overall_accuracy", "kappa", "macro_f1"):
        assert found.table.loc[(name, "all"), "value"] == getattr(expected, name)
    for name, item in expected.classes.items():
        for measure in ("users_accuracy", "producers_accuracy", "f1"):
            assert found.table.loc[(measure, name), "value"] == getattr(item, measure)
        assert found.table.loc[("users_accuracy", name), "points"] == item.mapped
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    assert list(found.matrix.index) == list(CODES)
    assert found.matrix.index.name == "reference"
    assert found.areas is None


def test_the_table_is_laid_out_as_that_of_a_run() -> None:
    truth, predicted = (labels.map(CODES).to_numpy() for labels in labels())
    expected = accuracy_table(estimates(truth, predicted, CODES).to_dict())
    found = assess(truth, predicted, classes=CODES).table.loc[expected.index]
    assert list(found.columns) == list(expected.columns)
    shares = expected.dropna().index
    pd.testing.assert_frame_equal(found.loc[shares], expected.loc[shares])


def test_names_codes_and_lists_are_the_same() -> None:
    truth, predicted = labels()
    by_name = assess(truth, predicted, classes=CODES)
    by_code = assess(truth.map(CODES).to_numpy(), predicted.map(CODES), classes=CODES)
    mixed = assess(list(truth), predicted.map(CODES).to_numpy(), classes=CODES)
    for other in (by_code, mixed):
        pd.testing.assert_frame_equal(by_name.table, other.table)
        pd.testing.assert_frame_equal(by_name.matrix, other.matrix)
    assert list(assess(truth, predicted).matrix.index) == sorted(NAMES)


@settings(deadline=None, max_examples=15)
@given(
    count=st.integers(5, 300),
    seed=st.integers(0, 50),
    right=st.floats(0.1, 1),
    blocks=st.booleans(),
)
def test_values_lie_within_their_intervals(
    count: int, seed: int, right: float, blocks: bool
) -> None:
    truth, predicted = labels(count, seed, right)
    groups = np.arange(count) % 7 if blocks else None
    found = assess(truth, predicted, blocks=groups)
    known = found.table.dropna()
    # a bootstrap of few points may lie a hair beside
    assert (known["low"] <= known["value"] + 0.05).all()
    assert (known["value"] <= known["high"] + 0.05).all()


def test_intervals_of_shares_are_wilsons() -> None:
    truth = ["a"] * 10 + ["b"] * 10
    found = assess(truth, truth)
    assert found.table.loc[("overall_accuracy", "all"), "high"] == 1.0
    # 20 of 20: 1 / (1 + z² / n)
    low = 1 / (1 + 1.959964**2 / 20)
    assert found.table.loc[("overall_accuracy", "all"), "low"] == pytest.approx(low, abs=1e-6)
    assert found.table.loc[("users_accuracy", "a"), "low"] == pytest.approx(
        1 / (1 + 1.959964**2 / 10), abs=1e-6
    )


def test_blocks_that_are_alike_widen_the_intervals() -> None:
    rng = np.random.default_rng(0)
    block = np.arange(600) // 30
    right = rng.random(20)[block] < 0.5
    truth = np.array(["a"] * 600)
    predicted = np.where(right, "a", "b")
    apart, together = (
        assess(truth, predicted, blocks=b).table.loc[("overall_accuracy", "all")]
        for b in (None, block)
    )
    width = [row["high"] - row["low"] for row in (apart, together)]
    assert width[1] > 3 * width[0]
    low, high = block_interval(right, block)
    assert together["low"] == pytest.approx(low, abs=0.03)
    assert together["high"] == pytest.approx(high, abs=0.03)


def test_strata_give_the_accuracy_and_areas_of_the_whole() -> None:
    truth, predicted = labels()
    pixels = {"mine": 1000, "water": 5000, "forest": 90_000}
    found = assess(truth, predicted, classes=CODES, strata=predicted, pixels=pixels)
    expected = area_estimates(
        list(predicted), list(predicted), list(truth),
        pixels=pixels, names=tuple(CODES), pixel_area=100.0,
    )  # fmt: skip
    assert found.areas is not None
    assert found.areas["area_ha"].sum() == pytest.approx(960.0)
    for name, item in expected.area.items():
        assert found.areas.loc[name, "area_ha"] == item.value
        assert found.areas.loc[name, "high_ha"] == item.high
    overall = found.table.loc[("overall_accuracy", "all")]
    assert overall["value"] == expected.overall_accuracy.value
    users = expected.users_accuracy["mine"]
    assert users is not None
    assert found.table.loc[("users_accuracy", "mine"), "low"] == users.low


def landuse() -> xr.DataArray:
    codes = np.repeat([[3.0], [1.0], [np.nan]], 4, axis=1).astype(np.float32)
    coords = {"y": [25.0, 15.0, 5.0], "x": [5.0, 15.0, 25.0, 35.0]}
    attrs = {"flag_values": [3, 1], "flag_meanings": "water mine"}
    array = xr.DataArray(codes, coords, ("y", "x"), attrs=attrs)
    return array.rio.write_crs("EPSG:32633").chunk(x=2)


def on_map(x: list[float], y: list[float], names: list[str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"class": names}, geometry=gpd.points_from_xy(x, y), crs="EPSG:32633")


def test_a_map_is_read_at_the_points() -> None:
    points = on_map([1, 39, 12, 22], [29, 21, 19, 12], ["water", "mine", "mine", "mine"])
    found = assess(points, landuse())
    np.testing.assert_array_equal(found.matrix, [[1, 0], [1, 2]])
    assert list(found.matrix.columns) == ["water", "mine"]
    unnamed = landuse().drop_attrs(deep=False)
    codes = points.assign(**{"class": points["class"].map({"water": 3, "mine": 1})})
    assert list(assess(codes, unnamed).matrix.index) == ["1", "3"]


@pytest.mark.parametrize(
    ("truth", "predicted", "how", "message"),
    [
        (["a", "b"], ["a"], {}, "predicted: 1 of them for 2 points"),
        (["a", "b"], ["a", "b"], {"blocks": [1]}, "blocks: 1 of them for 2 points"),
        (["a", "b"], ["a", "c"], {"classes": {"a": 1, "b": 2}}, "c: none of the classes"),
        (["a", None], ["a", "a"], {}, "1 of 4 points have no class"),
        (["a", "b"], ["a", "b"], {"strata": ["a", "b"]}, "strata and pixels belong together"),
        (["a", "b"], ["a", "b"], {"strata": ["a", "b"], "pixels": {"a": 5, "b": 5}},
         "strata: fewer than 2 points in the strata a .*; label more points there"),
        (pd.Series(["a", "b"]), pd.Series(["a", "b"], [1, 0]), {}, "another index than"),
        ([], [], {}, "truth has no points"),
        (on_map([5], [25], ["mine"])[:0], landuse(), {}, "truth has no points"),
        (["a"], landuse().to_dataset(name="landuse"), {}, "give predicted\\['landuse'\\]"),
        (["a", "b"], ["a", "b"], {"seed": None}, "seed=None: give a whole number"),
        (["water"], landuse(), {}, "a GeoDataFrame"),
        (on_map([100], [5], ["mine"]), landuse(), {}, "1 of 1 points lie off the map"),
        (on_map([5], [5], ["mine"]), landuse(), {}, "1 of 1 points lie where the map is nodata"),
        (on_map([5], [25], ["road"]), landuse(), {}, "road: none of the classes"),
    ],
)  # fmt: skip
def test_impossible_arguments_are_refused(
    truth: Any, predicted: Any, how: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, SurveyError), match=f"^mc.assess: .*{message}"):
        assess(truth, predicted, **how)


def test_it_shows_itself_in_a_notebook() -> None:
    html = assess(*labels())._repr_html_()
    assert html.count("<table") == 3  # measures of all classes, of each, and the matrix
    assert "overall accuracy" in html
