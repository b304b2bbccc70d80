"""Recovery of ground that was mined once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.mine_history.recovery import recovery_of
from minecover.mine_history.stands import (
    Counts,
    Ground,
    Reference,
    count_indices,
    quantiles,
    stands_of,
)
from small_map import grid

YEARS = np.array([2015.5, 2017.5, 2019.5, 2021.5])
FOREST, BARE, MINE = 1, 4, 5
SHAPE = (70, 90)


def course(*median: float, reference: float = 0.8, spread: float = 0.0, last: int = 0):  # noqa: ANN201
    middle = np.array(median)
    own = np.stack([middle - spread, middle, middle + spread])
    return recovery_of(own, np.full(len(median), reference), YEARS[: len(median)], last)


def test_years_are_read_between_periods() -> None:
    # deficits 0.6, 0.3, 0.06, 0: shares 0, 0.5, 0.9, 1; 0.8 lies 3/4 of the way from 2 to 4 years
    found = course(0.2, 0.5, 0.74, 0.8)
    assert found.share.tolist() == pytest.approx([0, 0.5, 0.9, 1])
    assert found.state == "recovered"
    assert found.years is not None
    assert found.years.value == pytest.approx(3.5)
    assert not found.years.projected


def test_quartiles_of_the_ground_are_ends_of_the_interval() -> None:
    # the faster quarter has shares 0.1, 0.6, 1.0, the slower one -0.1, 0.4, 0.8
    found = course(0.2, 0.5, 0.74, 0.8, spread=0.06)
    assert found.years is not None
    assert found.years.low == pytest.approx(2 + 2 * 0.2 / 0.4)
    assert found.years.high == pytest.approx(4.0)


def test_a_year_of_drought_does_not_look_like_a_relapse() -> None:
    own = np.array([0.2, 0.5, 0.44, 0.8])
    reference = np.array([0.8, 0.8, 0.5, 0.8])
    found = recovery_of(np.stack([own] * 3), reference, YEARS, 0)
    assert found.share.tolist() == pytest.approx([0, 0.5, 0.9, 1])


def test_what_is_not_there_yet_is_projected() -> None:
    # shares 0, 0.2, 0.4, 0.6 in steps of two years: 0.8 after eight
    found = course(0.0, 0.16, 0.32, 0.48)
    assert found.state == "recovering"
    assert found.years is not None
    assert found.years.projected
    assert found.years.value == pytest.approx(8)


@pytest.mark.parametrize(
    ("median", "last", "state"),
    [
        ((0.2, 0.5, 0.5, 0.51), 0, "stalled"),
        ((0.2, 0.8, 0.8, 0.5), 0, "relapsed"),
        ((0.2, 0.8, 0.8, 0.1), 0, "declined"),
        ((0.2, -0.4, -0.4, -0.4), 0, "declined"),
        ((0.2, 0.2, 0.2, 0.5), 2, "too early"),
        ((0.2, 0.2, 0.2, 0.79), 2, "recovered"),
        ((0.79, 0.8, 0.8, 0.8), 0, "no contrast"),
        ((np.nan, 0.8, 0.8, 0.8), 0, "no contrast"),
        ((0.2, np.nan, 0.5, 0.7), 0, "recovered"),
    ],
)
def test_states(median: tuple[float, ...], last: int, state: str) -> None:
    assert course(*median, last=last).state == state


def test_what_does_not_recover_has_no_years() -> None:
    years = course(0.2, 0.1, 0.1, 0.1).years
    assert years is not None
    assert np.isnan(years.value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_quantiles_of_counts_are_those_of_the_values(values: list[float], share: float) -> None:
    places = np.clip(np.floor((np.array(values) + 1) * 200).astype(int), 0, 399)
    found = float(quantiles(np.bincount(places, minlength=400), (share,))[0])
    known = np.sort(values)
    place = min(int(np.ceil(share * len(values))) - 1, len(values) - 1)
    assert abs(found - known[max(place, 0)]) <= 1 / 200 + 1e-6


def test_a_stand_is_ground_that_was_given_up_at_one_time() -> None:
    ids = np.array([[[1, 1, 0, 2]], [[1, 0, 0, 3]], [[0, 0, 0, 3]]])
    mine, last = stands_of(ids)
    assert mine.tolist() == [[1, 1, 0, 0]]
    assert last[0, :2].tolist() == [1, 0]


def counted(its_grid: Grid, seed: int = 0) -> Counts:
    """A mine of 20 x 20 pixels of which the west is given up; forest around, high in the north."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((2, *SHAPE), dtype=np.int64)
    ids[0, 30:50, 25:45] = 1
    ids[1, 30:50, 35:45] = 1
    codes = np.full((2, *SHAPE), FOREST, dtype=np.uint8)
    codes[ids > 0] = MINE
    codes[1, 30:50, 25:35] = BARE
    codes[1, :, 60:] = BARE  # cleared: no reference
    relief = np.zeros((2, *SHAPE), dtype=np.float32)
    relief[0, :20] = 100
    index = rng.uniform(-1, 1, (2, 1, *SHAPE)).astype(np.float32)
    index[:, :, ::7] = np.nan

    def cut(values: Float32Array, window: Window) -> Float32Array:
        out = np.zeros((*values.shape[:-2], *window.shape), dtype=values.dtype)
        inside = window.clip(*SHAPE)
        out[(..., *inside.within(window).slices)] = values[(..., *inside.slices)]
        return out

    ground = Ground(
        its_grid, lambda w: cut(ids, w), lambda w: cut(codes, w),
        lambda w: np.full(w.shape, 10**8, dtype=np.int64), lambda w: cut(relief, w),
        lambda w, period: cut(index[period], w),
    )  # fmt: skip
    return count_indices(ground, Reference((FOREST,), 12), 2, 1, least=10**8)


def test_counts_are_the_same_however_the_grid_is_cut() -> None:
    one, other = (counted(grid(SHAPE, tile)) for tile in (32, 96))
    assert one.areas == other.areas == {(1, 0): 200 * 10**8}
    np.testing.assert_array_equal(one.stands[1, 0], other.stands[1, 0])
    np.testing.assert_array_equal(one.reference[1], other.reference[1])


def test_the_reference_is_near_undisturbed_and_of_like_relief() -> None:
    found = counted(grid(SHAPE, 32))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = np.hypot(
        np.maximum(np.maximum(30 - y, y - 49), 0), np.maximum(np.maximum(25 - x, x - 34), 0)
    )
    mined = (y >= 30) & (y < 50) & (x >= 25) & (x < 45)
    expected = (away <= 12) & ~mined & (y >= 20) & (x < 60) & (y % 7 > 0)
    assert found.reference[1].sum(axis=-1).tolist() == [[expected.sum()]] * 2
    given_up = (y >= 30) & (y < 50) & (x >= 25) & (x < 35) & (y % 7 > 0)
    assert found.stands[1, 0].sum(axis=-1).tolist() == [[given_up.sum()]] * 2
