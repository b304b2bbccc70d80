"""Pixels drawn by weight, and of those the ones that differ."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from minecover.active_learning.candidates import draw_candidates
from minecover.active_learning.spread import spread
from minecover.active_learning.teaching import teaching_weight
from minecover.geography.grid import Window

SHAPE = (13, 17)


def tiles(weights: np.ndarray, edge: int) -> list[tuple[Window, np.ndarray]]:
    height, width = weights.shape
    windows = [
        Window(y, min(y + edge, height), x, min(x + edge, width))
        for y in range(0, height, edge)
        for x in range(0, width, edge)
    ]
    return [(window, weights[window.slices]) for window in windows]


def weights_of(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = rng.random(SHAPE).astype(np.float32)
    weights[rng.random(SHAPE) < 0.2] = np.nan
    weights[rng.random(SHAPE) < 0.2] = 0
    return weights


@settings(max_examples=25)
@given(st.integers(1, 20), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_candidates_do_not_depend_on_the_cut(edge: int, seed: int, count: int) -> None:
    weights = weights_of(seed)
    whole = draw_candidates([(Window(0, 13, 0, 17), weights)], count, width=17, seed=seed)
    cut = draw_candidates(tiles(weights, edge)[::-1], count, width=17, seed=seed)
    assert whole.equals(cut)
    assert len(whole) == min(count, int((np.nan_to_num(weights) > 0).sum()))
    assert not whole.duplicated(["row", "col"]).any()
    np.testing.assert_array_equal(whole["weight"], weights[whole["row"], whole["col"]])


def test_a_pixel_of_twice_the_weight_is_drawn_twice_as_often() -> None:
    """One of two pixels, weights 1 and 2: the second in two draws of three."""
    weights = np.array([[1.0, 2.0]], dtype=np.float32)
    window = Window(0, 1, 0, 2)
    second = [
        draw_candidates([(window, weights)], 1, width=2, seed=seed)["col"][0] for seed in range(900)
    ]
    assert np.mean(second) == pytest.approx(2 / 3, abs=4 * np.sqrt(2 / 9 / 900))


def test_nothing_is_drawn_of_certain_ground() -> None:
    weights = np.array([[0.0, np.nan]], dtype=np.float32)
    assert draw_candidates([(Window(0, 1, 0, 2), weights)], 3, width=2, seed=0).empty


def test_one_candidate_of_each_group_the_heaviest_first() -> None:
    values = np.array([[0.0], [0.1], [0.2], [10.0], [10.1], [10.2], [30.0]])
    weights = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 0.5])
    np.testing.assert_array_equal(spread(values, weights, 3, seed=0), [4, 1, 6])
    np.testing.assert_array_equal(spread(values, weights, 9, seed=0), range(7))


def test_the_centre_of_a_group_leans_to_what_weighs_more() -> None:
    values, weights = np.array([[0.0], [0.4], [1.0]]), np.array([1.0, 1.0, 50.0])
    np.testing.assert_array_equal(spread(values, weights, 1, seed=0), [2])


def test_alike_candidates_give_as_many_as_they_are_different() -> None:
    values = np.array([[0.0], [0.0], [0.0], [1.0], [1.0]])
    assert len(spread(values, np.ones(5), 3, seed=0)) >= 2


def test_the_unlike_weigh_most_whatever_the_model_believes() -> None:
    entropy = np.array([0.0, 1.0, 2.0, 0.0, np.nan], dtype=np.float32)
    unlike = np.array([0.1, 0.1, 0.1, 0.9, 0.9], dtype=np.float32)
    np.testing.assert_array_equal(
        teaching_weight(entropy, 2.0, unlike, 0.5), np.array([0, 0.5, 1, 1, np.nan], np.float32)
    )
    np.testing.assert_array_equal(
        teaching_weight(entropy, 2.0), np.array([0, 0.5, 1, 0, np.nan], np.float32)
    )
