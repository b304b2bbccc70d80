from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from minecover.errors import DataError, SurveyError
from minecover.sources.composite import (
    clear_count,
    geometric_median,
    median_composite,
    sorting_network,
)
from minecover.testing import assert_same_bits


def stack(times: int, seed: int = 0, hidden: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.2, 0.1, (times, 3, 9, 300)).astype(np.float32)
    values[rng.random((times, 1, 9, 300)).repeat(3, axis=1) < hidden] = np.nan
    return values


@pytest.mark.parametrize("times", [1, 2, 3, 4, 7, 12, 33])
@pytest.mark.parametrize("hidden", [0.0, 0.3, 1.0])
def test_the_median_is_numpys(times: int, hidden: float) -> None:
    values = stack(times, hidden=hidden)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmedian(values, axis=0)
    np.testing.assert_array_equal(median_composite(values), expected)


def test_the_median_of_extreme_values_is_one_of_them() -> None:
    ends = np.array([np.inf, 3.4e38, 3.4e38, -np.inf, 1e-45], np.float32).reshape(5, 1, 1, 1)
    assert median_composite(ends)[0, 0, 0] == ends[1, 0, 0, 0]
    assert median_composite(ends[1:3])[0, 0, 0] == ends[1, 0, 0, 0]


@pytest.mark.parametrize("n", range(1, 12))
def test_the_network_sorts_every_sequence_of_zeros_and_ones(n: int) -> None:
    # Knuth's zero-one principle: then it sorts everything.
    values = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    for low, high in sorting_network(n):
        values[:, [low, high]] = np.sort(values[:, [low, high]], axis=1)
    assert (np.diff(values, axis=1) >= 0).all()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 9999), count=st.integers(1, 12), steps=st.sampled_from([0, 4]))
def test_the_geometric_median_is_within_its_tolerance(seed: int, count: int, steps: int) -> None:
    points = np.random.default_rng(seed).random((count, 6))
    if steps and count != 2:
        points = np.round(points * steps) / steps
    points = points.astype(np.float32)
    actual = geometric_median(points[:, :, None, None])[:, 0, 0]
    expected = reference.geometric_median(points.astype(float))
    distances = [np.linalg.norm(points - m, axis=1).sum() for m in (actual, expected)]
    # a centre off by the tolerance, 1e-5, is at most that much further from every point
    assert distances[0] <= distances[1] + 1e-5 * count
    if count > 2:
        np.testing.assert_allclose(actual, expected, atol=5e-5)


def test_only_complete_observations_count() -> None:
    values = stack(6)
    values[0, 1] = np.nan
    np.testing.assert_array_equal(clear_count(values), (~np.isnan(values)).all(axis=1).sum(axis=0))
    assert_same_bits(geometric_median(values), geometric_median(values[1:]))
    nothing = np.full((4, 3, 2, 2), np.nan, np.float32)
    assert np.isnan(geometric_median(nothing)).all()
    assert not clear_count(nothing).any()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), row=st.integers(1, 8), column=st.integers(1, 299))
def test_the_cut_of_the_grid_changes_no_bit(seed: int, row: int, column: int) -> None:
    values = stack(5, seed)
    for compose in (median_composite, geometric_median):
        whole = compose(values)
        assert_same_bits(compose(values[..., :row, column:]), whole[..., :row, column:])
        assert_same_bits(compose(values[..., row:, :column]), whole[..., row:, :column])


def test_threads_strides_and_flags_change_no_bit() -> None:
    values = stack(6)
    turned = np.asfortranarray(values)
    turned.flags.writeable = False
    for compose in (median_composite, geometric_median, clear_count):
        assert_same_bits(compose(turned, threads=2), compose(values))


@pytest.mark.parametrize("compose", [median_composite, geometric_median, clear_count])
@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 1, 3, 3)),
        np.zeros((2, 3, 3), np.float32),
        np.zeros((0, 1, 3, 3), np.float32),
        np.zeros((2, 1, 0, 3), np.float32),
        [0.0],
    ],
)
def test_other_input_is_refused(compose: object, values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"\(time, layer, y, x\) float32"):
        compose(values)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SurveyError, match="tolerance"):
        geometric_median(stack(2), tolerance=0.0)
    with pytest.raises(SurveyError, match="threads"):
        median_composite(stack(2), threads=-1)
