"""Intervals that stay within what they measure, and are never without width for few points."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from minecover.accuracy.intervals import Intervals, difference_interval, intervals
from minecover.accuracy.scores import (
    effective_points,
    kappa_of_accuracy,
    mean_of_independent,
    paired_difference,
    wilson,
)

CODES = {"forest": 4, "water": 1, "mine": 9}
WHOLE = ("overall_accuracy", "kappa", "macro_f1")
PARTS = ("users_accuracy", "producers_accuracy", "f1")


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilsons_is_that_of_scipy(right: int, more: int) -> None:
    points = right + more
    expected = binomtest(right, points).proportion_ci(method="wilson")
    assert wilson(right / points, points) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("points", [8, 12])
def test_few_points_that_are_all_right_are_no_certainty(points: int) -> None:
    codes = np.tile([4, 1], points // 2)
    for blocks in (None, np.arange(points), np.arange(points) // 2):
        found = intervals(codes, codes, CODES, blocks)
        independent = points if blocks is None else len(np.unique(blocks))
        overall = found.overall_accuracy
        assert overall.method == "score"
        # all of n: 1 / (1 + z²/n), with as many as there are blocks
        assert overall.low == pytest.approx(1 / (1 + 1.959964**2 / independent), abs=1e-6)
        assert overall.high == 1.0
        # chance agrees with half: kappa = 2 accuracy - 1
        assert found.kappa[:2] == pytest.approx((2 * overall.low - 1, 1.0))
        assert found.macro_f1.low < 0.95
        assert math.isnan(found.f1[2].low)


def test_no_points_have_no_interval() -> None:
    none = np.array([], dtype=np.int64)
    found = intervals(none, none, CODES, none).to_dict(tuple(CODES))
    assert found["overall_accuracy"] is None
    assert found["classes"]["mine"] == dict.fromkeys(PARTS)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 120),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.sampled_from([None, 1, 4, 50]),
)
def test_all_lie_within_what_they_measure(
    points: int, seed: int, right: float, size: int | None
) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.choice([4, 1, 9], points)
    mapped = np.where(rng.random(points) < right, reference, rng.choice([4, 1, 9], points))
    blocks = None if size is None else np.arange(points) // size
    found = intervals(reference, mapped, CODES, blocks)
    listed = [getattr(found, name) for name in WHOLE]
    listed += [item for name in PARTS for item in getattr(found, name)]
    for item in (item for item in listed if math.isfinite(item.low)):
        least = -1 if item is found.kappa else 0
        assert least <= item.low < item.high <= 1
    assert found.overall_accuracy.low <= (reference == mapped).mean() <= found.overall_accuracy.high
    json.dumps(found.to_dict(tuple(CODES)), allow_nan=False)


def coverage(blocks: int, size: int, right: float, alike: float) -> float:
    """How often the interval of a share covers it, where points of a block are alike."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        level = np.clip(rng.normal(right, alike, blocks), 0, 1)
        hit = rng.random((blocks, size)) < level[:, None]
        sums = hit.sum(axis=1).astype(float)
        share = hit.mean()
        effective = effective_points(sums, np.full(blocks, float(size)), share * (1 - share))
        low, high = wilson(share, effective)
        covered += low <= right <= high
    return covered / 300


def test_few_blocks_are_covered_as_often_as_they_should() -> None:
    assert coverage(blocks=6, size=5, right=0.8, alike=0.0) >= 0.94
    assert coverage(blocks=6, size=20, right=0.8, alike=0.1) >= 0.92
    assert coverage(blocks=3, size=4, right=0.9, alike=0.0) >= 0.95


def test_points_that_are_alike_count_by_block() -> None:
    # 10 blocks of 4, each all right or all wrong: 10 points but for what few blocks cost
    sums, sizes = np.array([4.0] * 7 + [0.0] * 3), np.full(10, 4.0)
    found = effective_points(sums, sizes, 0.7 * 0.3)
    assert 6 < found < 10
    assert effective_points(sizes, sizes, 0.0) == 10
    assert effective_points(sums[:1], sizes[:1], 0.2) == 1


def test_many_points_have_a_bootstrap() -> None:
    rng = np.random.default_rng(1)
    reference = rng.choice([4, 1, 9], 2000)
    mapped = np.where(rng.random(2000) < 0.8, reference, 4)
    found = intervals(reference, mapped, CODES, np.arange(2000))
    assert {getattr(found, name).method for name in WHOLE} == {"bootstrap"}
    share = (reference == mapped).mean()
    expected = wilson(share, 2000)
    assert found.overall_accuracy[:2] == pytest.approx(expected, abs=0.004)
    producers = wilson((mapped == 9)[reference == 9].mean(), int((reference == 9).sum()))
    assert found.producers_accuracy[2][:2] == pytest.approx(producers, abs=0.01)
    # the closed form of kappa, chance taken as known, is near the bootstrap's
    measured: Intervals = intervals(reference[:60], mapped[:60], CODES, np.arange(60) // 12)
    assert measured.kappa.method == "score"


def test_a_class_that_few_points_have_is_not_certain_among_many() -> None:
    reference = np.repeat([4, 1, 9], [150, 142, 8])
    mapped = reference.copy()
    mapped[:20] = 1
    found = intervals(reference, mapped, CODES, np.arange(300) // 4)
    assert found.overall_accuracy.method == "bootstrap"
    assert found.producers_accuracy[2].method == "score"
    assert found.producers_accuracy[2].low < 0.8


def test_kappa_follows_from_the_accuracy() -> None:
    assert kappa_of_accuracy((0.75, 1.0), 0.5) == (0.5, 1.0)
    assert kappa_of_accuracy((0.0, 0.64), 0.6) == pytest.approx((-1.0, 0.1))
    assert math.isnan(kappa_of_accuracy((1.0, 1.0), 1.0)[0])


def test_a_mean_of_parts_is_surer_than_each() -> None:
    nan = float("nan")
    low, high = mean_of_independent([0.8, 0.8, nan], [(0.6, 0.9), (0.6, 0.9), (nan, nan)])
    assert (low, high) == pytest.approx((0.8 - 0.2 / math.sqrt(2), 0.8 + 0.1 / math.sqrt(2)))


def test_equal_predictions_may_differ_by_what_few_points_hide() -> None:
    same = np.ones(12, dtype=bool)
    low, high, method = difference_interval(same, same, np.arange(12) // 2)
    # none of 6 blocks differs: Agresti & Min add half a point to each cell
    assert (low, high) == pytest.approx((-1.959964 / 8, 1.959964 / 8))
    assert method == "score"
    assert paired_difference([1.0] * 5, 5)[1] <= 1
