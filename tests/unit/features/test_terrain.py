from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import reference
from minecover.errors import DataError, SurveyError
from minecover.features.terrain import FLAT_ASPECT, Terrain
from minecover.testing import assert_cut_invariant, assert_same_bits

SOUTH, EAST = np.indices((6, 7)).astype(np.float32) * 10


@pytest.mark.parametrize(
    ("elevation", "aspect"),
    [
        (SOUTH, 0.0),
        (-EAST, 90.0),
        (-SOUTH, 180.0),
        (EAST, 270.0),
        (SOUTH - EAST, 45.0),
        (-SOUTH - EAST, 135.0),
        (EAST - SOUTH, 225.0),
        (EAST + SOUTH, 315.0),
    ],
)
def test_aspect_is_where_the_ground_falls_to(elevation: np.ndarray, aspect: float) -> None:
    slope, facing = Terrain()(elevation[None])
    np.testing.assert_allclose(facing, aspect, atol=1e-4)
    steepness = 45.0 if aspect % 90 == 0 else np.degrees(np.arctan(np.sqrt(2)))
    np.testing.assert_allclose(slope, steepness, rtol=1e-6)


def test_flat_ground_faces_nowhere() -> None:
    slope, aspect = Terrain()(np.full((1, 4, 4), 812.5, np.float32))
    assert (slope == 0).all()
    assert (aspect == FLAT_ASPECT).all()


def test_nodata_reaches_its_eight_neighbours() -> None:
    elevation = np.random.default_rng(0).random((1, 9, 9), np.float32)
    elevation[0, 4, 4] = np.nan
    missing = np.zeros((7, 7), bool)
    missing[2:5, 2:5] = True
    for layer in Terrain()(elevation):
        np.testing.assert_array_equal(np.isnan(layer), missing)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(1, 19), min_size=1, max_size=3))
def test_slope_is_horns_and_the_cut_changes_no_bit(seed: int, cuts: list[int]) -> None:
    elevation = np.random.default_rng(seed).normal(900, 40, (1, 22, 22)).astype(np.float32)
    slope, aspect = assert_cut_invariant(Terrain((10.0, 20.0)), elevation, cuts, cuts)
    np.testing.assert_allclose(slope, reference.slope(elevation[0], 10, 20), rtol=1e-6)
    assert ((aspect >= 0) & (aspect < 360)).all()


def test_threads_strides_and_flags_change_no_bit() -> None:
    elevation = np.random.default_rng(0).normal(0, 9, (1, 50, 30)).astype(np.float32)
    expected = Terrain()(elevation)
    turned = np.asfortranarray(elevation)
    turned.flags.writeable = False
    assert_same_bits(Terrain(threads=2)(turned), expected)


def test_slope_agrees_with_a_recorded_one(shared_data: Path) -> None:
    source = shared_data / "multisource" / "worldcereal_preprocessed_inputs.nc"
    read = {}
    for name in ("elevation", "slope"):
        with rasterio.open(f"netcdf:{source}:{name}") as layer:
            read[name] = layer.read(1).astype(np.float32)
    # The elevation is recorded in whole metres, the slope, of a smoother model, in whole degrees:
    # a mean over 5 x 5 px takes the steps out of the one, a degree or two is left of the other.
    smooth = ndimage.uniform_filter(read["elevation"], 5)
    slope = Terrain()(smooth[None])[0]
    error = np.abs(slope - read["slope"][1:-1, 1:-1])[5:-5, 5:-5]
    assert np.median(error) < 1.0
    assert np.percentile(error, 95) < 2.5


@pytest.mark.parametrize(
    "layers",
    [np.zeros((1, 5, 5)), np.zeros((2, 5, 5), np.float32), np.zeros((1, 2, 5), np.float32)],
)
def test_other_input_is_refused(layers: np.ndarray) -> None:
    with pytest.raises(DataError, match="terrain: input"):
        Terrain()(layers)


@pytest.mark.parametrize("resolution", [(0.0, 10.0), (10.0, -1.0), (np.nan, 1.0), (10.0,)])
def test_a_resolution_without_size_is_refused(resolution: tuple[float, ...]) -> None:
    with pytest.raises(SurveyError, match="resolution"):
        Terrain(resolution)
