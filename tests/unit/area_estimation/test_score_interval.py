"""Intervals of means over strata: by hand for one stratum, what must hold, and their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from minecover.area_estimation.bounds import area_bounds, difference_bounds
from minecover.area_estimation.score_interval import mean_interval, ratio_interval
from minecover.arrays import Float64Array

MANY = 1e12
"""Pixels of a stratum of which points are no part."""

SHARE = np.array([1.0, 0.0])
Z, ONE_SIDED = 1.959964, 1.644854


def of_strata(*strata: tuple[float, float, float]) -> tuple[float, float]:
    """Interval by points of the kind, points and pixels of each stratum."""
    found, points, pixels = np.array(strata, dtype=np.float64).T
    return mean_interval(SHARE, np.array([found, points - found]), points, pixels)


@pytest.mark.parametrize(
    ("found", "points", "low"),
    # one of 40 is rare: none of 40 allows for more than it, so the lower end is that of one side
    [(0, 40, Z), (1, 40, ONE_SIDED), (40, 40, Z), (12, 40, Z), (30, 1000, Z)],
)
def test_an_interval_of_one_stratum_by_hand(found: int, points: int, low: float) -> None:
    """Gart & Nam's score at the ends, with Laud's half correction for continuity."""
    ends = of_strata((found, points, MANY))
    for side, end, z in zip((1, -1), ends, (low, Z), strict=True):
        if end == pytest.approx(found / points, abs=1e-12):  # all points agree
            continue
        error = np.sqrt(end * (1 - end) / points)
        skewness = (1 - 2 * end) / np.sqrt(points * end * (1 - end))
        off = side * (found / points - end) - 0.25 / points
        assert off / error == pytest.approx(z + side * (z**2 - 1) * skewness / 6, abs=1e-6)


def test_none_of_many_points_is_no_more_than_a_rule_of_three() -> None:
    low, high = of_strata((0, 500, MANY))
    assert low == 0
    # of 3.0 / n 5 % of samples would have none, of 3.7 / n 2.5 %
    assert 3.0 < 500 * high < 3.7
    # a hundred pixels of which half were seen to be none
    assert of_strata((0, 50, 100))[1] < of_strata((0, 50, MANY))[1]


def test_a_stratum_cut_in_two_is_the_same() -> None:
    whole = of_strata((12, 60, MANY))
    parts = of_strata((4, 20, MANY / 3), (8, 40, 2 * MANY / 3))
    assert parts == pytest.approx(whole, abs=1e-9)


def test_what_no_point_has_shown_lies_where_a_point_stands_for_most() -> None:
    light, heavy = (30, 100, 1e4), (0, 100, 1e6)
    low, high = of_strata(light, heavy)
    alone = of_strata((0, 100, MANY))[1] * 1e6 / 1.01e6
    assert high == pytest.approx(0.3 * 1e4 / 1.01e6 + alone, rel=0.01)
    # the lower end is of the points that there are; it may miss more often, for the upper end,
    # which always allows for some of the heavy stratum, never does
    assert of_strata(light)[0] * 1e4 / 1.01e6 < low < 0.3 * 1e4 / 1.01e6
    heavier = of_strata(light, (0, 100, 1e9))[0] * (1e9 + 1e4)
    assert low * 1.01e6 == pytest.approx(heavier, rel=1e-4)


STRATA = st.lists(
    st.tuples(st.integers(2, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 5000)),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=40)
@given(STRATA)
def test_gains_less_losses_are_losses_less_gains(
    strata: list[tuple[int, int, int, int]],
) -> None:
    points, more, less, others = np.array(strata, dtype=np.float64).T
    more = np.minimum(more, points)
    less, pixels = np.minimum(less, points - more), points + others
    value = float((pixels * (more - less) / points).sum() / pixels.sum())
    low, high = difference_bounds(value, more, less, points, pixels)
    assert -1 <= low <= value <= high <= 1
    back = difference_bounds(-value, less, more, points, pixels)
    assert back == pytest.approx((-high, -low), abs=1e-8)
    turned = difference_bounds(value, more[::-1], less[::-1], points[::-1], pixels[::-1])
    assert turned == pytest.approx((low, high), abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(STRATA)
def test_more_points_that_show_the_same_make_it_narrower(
    strata: list[tuple[int, int, int, int]],
) -> None:
    points, found, _, others = np.array(strata, dtype=np.float64).T
    found, pixels = np.minimum(found, points), 5 * points + others
    value = float((pixels * found / points).sum() / pixels.sum())
    low, high = area_bounds(value, found, points, pixels)
    closer = area_bounds(value, 4 * found, 4 * points, pixels)
    assert low - 1e-9 <= closer[0] <= value <= closer[1] <= high + 1e-9
    assert closer[1] - closer[0] < high - low


@pytest.mark.parametrize("points", [20, 100])
def test_one_stratum_is_covered_as_often_as_it_says(points: int) -> None:
    """Exactly: all that so many points can show, by how often they do."""
    ends = np.array([of_strata((found, points, MANY)) for found in range(points + 1)])
    shares = np.linspace(0.002, 0.5, 400)
    held = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    covered = (binom.pmf(np.arange(points + 1)[:, None], points, shares) * held).sum(axis=0)
    assert covered.min() > 0.93
    enough = points * shares >= 5
    assert covered[enough].max() < 0.982
    assert 0.95 < covered[enough].mean() < 0.97
    # of rare kinds one end alone misses, in 5 % of samples at most
    assert 0.96 < covered[points * shares < 2].mean() < 0.97


def covered(truth: Float64Array, points: Float64Array, jump: Float64Array) -> float:
    """Share of the samples whose interval holds the truth, of shares within strata."""
    pixels = points * jump * 1e6
    drawn = np.random.default_rng(7).binomial(
        points.astype(int)[:, None], truth[:, None], (len(points), 1000)
    )
    value = float((pixels * truth).sum() / pixels.sum())
    samples, times = np.unique(drawn.T, axis=0, return_counts=True)
    likely = np.argsort(-times)[:250]
    held = 0
    for found in samples[likely].astype(np.float64):
        low, high = mean_interval(SHARE, np.array([found, points - found]), points, pixels)
        held += times[likely][(samples[likely] == found).all(axis=1)][0] * (low <= value <= high)
    return held / times[likely].sum()


@pytest.mark.parametrize(
    ("expected", "jump"),
    [
        # a point of the second stratum stands for as much as fifty of the first
        ((30.0, 0.3), (1.0, 50.0)),
        ((30.0, 6.0), (1.0, 50.0)),
        ((8.0, 1.5), (1.0, 1.5)),
    ],
)
def test_strata_are_covered_as_often_as_they_say(
    expected: tuple[float, float], jump: tuple[float, float]
) -> None:
    points = np.array([60.0, 300.0])
    share = covered(np.array(expected) / points, points, np.array(jump))
    assert share > 0.93
    assert share < 0.975


@pytest.mark.parametrize("found", [0, 20, 50])
def test_a_ratio_of_what_fills_a_stratum_is_a_share_of_it(found: int) -> None:
    counts = np.array([[found], [50 - found], [0]], dtype=np.float64)
    possible = np.array([[True], [True], [False]])
    whole = ratio_interval(counts, possible, np.array([50.0]), np.array([MANY]))
    assert whole == pytest.approx(of_strata((found, 50, MANY)), abs=1e-5)


def test_a_ratio_allows_for_what_no_point_has_shown() -> None:
    """Producer's: 48 of 50 points of a stratum of 1,000; of 99,000 others none of 500."""
    counts = np.array([[48, 0], [0, 0], [2, 500]], dtype=np.float64)
    possible = np.array([[True, False], [False, True], [True, True]])
    low, high = ratio_interval(counts, possible, np.array([50.0, 500.0]), np.array([1e3, 99e3]))
    assert high == 1
    # up to 3.4 / 500 of them may be of the class
    assert low == pytest.approx(960 / (960 + 99e3 * 3.4 / 500), abs=0.05)


def test_ratios_hold_the_truth_as_often_as_they_say() -> None:
    """Producer's accuracy of 0.9: simulated samples of two strata."""
    rng = np.random.default_rng(4)
    points, pixels = np.array([60.0, 300.0]), np.array([2e4, 9.8e5])
    possible = np.array([[True, False], [False, True], [True, True]])
    truth = 0.9 * 2e4 / (0.9 * 2e4 + 0.01 * 9.8e5)
    held = 0
    for both, alone in zip(rng.binomial(60, 0.9, 30), rng.binomial(300, 0.01, 30), strict=True):
        counts = np.array([[both, 0], [0, alone], [60 - both, 300 - alone]], dtype=np.float64)
        low, high = ratio_interval(counts, possible, points, pixels)
        held += low <= truth <= high
    # fewer than 26 of 30 have a chance of one in a hundred
    assert held >= 26
