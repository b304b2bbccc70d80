"""Bounds of what ground can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import DataError
from minecover.sources.manifest import Asset, Item
from minecover.sources.plausible import (
    check_backscatter,
    check_brightness,
    check_reflectance,
)

GRID = {"crs": "EPSG:32649", "transform": (10, 0, 0, 0, -10, 0), "shape": (10, 100)}
ITEM = Item(
    source="a-source",
    seasons=("summer",),
    id="x",
    bounds=(0, 0, 1, 1),
    decision="a reason",
    assets={"B02": Asset(href="a.tif", **GRID)},
)


def image(share: float, odd: float, usual: float, valid: int = 1000) -> np.ndarray:
    """One band of 1000 pixels, `share` of the valid ones odd."""
    values = np.full(1000, np.nan, np.float32)
    values[:valid] = usual
    values[: round(share * valid)] = odd
    return np.random.default_rng(0).permutation(values).reshape(1, 10, 100)


@given(st.floats(-0.049, 1.99), st.floats(0, 1))
def test_what_ground_and_clouds_have_passes(odd: float, share: float) -> None:
    check_reflectance(image(share, odd, 0.2), ["B02"], ITEM)


@pytest.mark.parametrize("odd", [-0.06, 2.1, 3000.0, -999.7])
def test_a_tenth_beyond_the_bounds_is_refused(odd: float) -> None:
    check_reflectance(image(0.09, odd, 0.2), ["B02"], ITEM)
    with pytest.raises(DataError, match=r"item x, band B02: 11%.*a reason.*a-source\.offsets"):
        check_reflectance(image(0.11, odd, 0.2), ["B02"], ITEM)


def test_of_few_pixels_nothing_is_concluded() -> None:
    check_reflectance(image(1, -1, 0.2, valid=99), ["B02"], ITEM)
    check_backscatter(image(1, -10, 0.2, valid=99), ITEM, "VV", decibels=False)
    with pytest.raises(DataError):
        check_reflectance(image(1, -1, 0.2, valid=100), ["B02"], ITEM)


def test_an_image_without_any_light_is_reflectance_scaled_twice() -> None:
    with pytest.raises(DataError, match=r"item x: no pixel.*a reason.*data_type float32"):
        check_brightness(False, 100, ITEM)
    check_brightness(False, 99, ITEM)  # of so few nothing is concluded
    check_brightness(True, 1000, ITEM)  # a lake at night


@pytest.mark.parametrize(
    ("numbers", "decibels", "setting"),
    [
        (image(0.9, -12.0, 1.0), False, "values: db"),
        (image(0.5, 0.02, 0.3), True, "values: linear"),
    ],
)
def test_decibels_and_power_are_told_apart(
    numbers: np.ndarray, decibels: bool, setting: str
) -> None:
    check_backscatter(numbers, ITEM, "VV", decibels=not decibels)
    with pytest.raises(DataError, match=rf"item x, asset VV.*sources\.a-source\.{setting}"):
        check_backscatter(numbers, ITEM, "VV", decibels=decibels)


@pytest.mark.parametrize("border", [0.0, -9999.0, -32768.0])
def test_a_border_that_nobody_records_is_no_decibels(border: float) -> None:
    check_backscatter(image(0.95, border, 0.1), ITEM, "VV", decibels=False)


@pytest.mark.parametrize("decibels", [False, True])
@pytest.mark.parametrize(
    ("numbers", "side"),
    [
        (np.random.default_rng(0).normal(180, 40, 1000), "above 1[78]"),  # amplitudes of a GRD
        (np.random.default_rng(0).normal(-1250, 200, 1000), "below -12"),  # decibels x 100
    ],
)
def test_numbers_that_are_no_backscatter_are_refused(
    numbers: np.ndarray, side: str, decibels: bool
) -> None:
    values = numbers.astype(np.float32)
    with pytest.raises(DataError, match=rf"item x, asset VV.*{side}.*sentinel-1-rtc.*raster:bands"):
        check_backscatter(values, ITEM, "VV", decibels=decibels)
    ground = np.random.default_rng(1).normal(-12, 5, 3000).astype(np.float32)
    mixed = np.concatenate([values, ground if decibels else 10 ** (ground / 10)])
    check_backscatter(mixed, ITEM, "VV", decibels=decibels)  # a town, or a border warped with it


@pytest.mark.parametrize("decibels", [False, True])
def test_nothing_but_a_border_that_nobody_records_is_nodata(decibels: bool) -> None:
    check_backscatter(image(1, -9999.0, 0), ITEM, "VV", decibels=decibels)
