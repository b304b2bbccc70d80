from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minecover.features.gaps import fill_from_others, fill_gaps

GAPPY = arrays(
    np.float32,
    (2, 24, 20),
    elements=st.sampled_from([np.float32(np.nan), np.float32(0.25), np.float32(0.5)]),
)


@settings(max_examples=40, deadline=None)
@given(GAPPY, st.integers(0, 3), st.integers(1, 10), st.integers(1, 10))
def test_filling_does_not_depend_on_the_cut(
    layers: np.ndarray, reach: int, row: int, column: int
) -> None:
    whole = fill_gaps(layers, reach)
    part = fill_gaps(layers[:, row : row + 8 + 2 * reach, column : column + 6 + 2 * reach], reach)
    inside = whole[:, row : row + 8, column : column + 6]
    np.testing.assert_array_equal(part, inside[:, : part.shape[1], : part.shape[2]])


@settings(max_examples=30, deadline=None)
@given(GAPPY)
def test_what_was_observed_stays(layers: np.ndarray) -> None:
    filled = fill_gaps(layers, 2)
    before = layers[:, 2:-2, 2:-2]
    seen = np.isfinite(before)
    np.testing.assert_array_equal(filled[seen], before[seen])


def test_a_gap_is_filled_as_far_as_the_reach_and_no_farther() -> None:
    layers = np.full((1, 11, 11), np.nan, np.float32)
    layers[0, :, :3] = 7.0
    filled = fill_gaps(layers, 2)[0]
    assert (filled[:, :3] == 7.0).all()  # columns 2 to 4 of the input: one seen, two filled
    assert np.isnan(filled[:, 3:]).all()


@pytest.mark.parametrize("reach", [0, 1])
def test_nothing_is_made_of_nothing(reach: int) -> None:
    assert np.isnan(fill_gaps(np.full((1, 9, 9), np.nan, np.float32), reach)).all()


def test_gaps_of_a_layer_take_the_mean_of_the_others() -> None:
    nan = np.nan
    layers = [np.array([row], np.float32) for row in ([0.2, nan, nan, nan], [0.4, 0.5, 0.3, nan])]
    layers.append(np.array([[0.6, 0.7, nan, nan]], np.float32))
    filled, gaps = fill_from_others(layers)
    np.testing.assert_allclose(filled[0], [[0.2, 0.6, 0.3, nan]], rtol=1e-6)
    np.testing.assert_allclose(filled[2], [[0.6, 0.7, 0.3, nan]], rtol=1e-6)
    assert gaps.sum(axis=(1, 2)).tolist() == [2, 0, 1]
