"""Rates that are learned from readings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array, Float64Array
from minecover.transitions.learning import Chain, learn
from minecover.transitions.matrix import rates, steps_between
from minecover.transitions.settings import ChangeSettings

NAMES = ["forest", "mine", "restored"]
NEVER = ChangeSettings(transitions={"mine -> forest": 0.0, "forest -> restored": 0.0,
                                    "restored -> forest": 0.0})  # fmt: skip
EQUAL = np.full(3, 1 / 3)
START = Chain(rates(NEVER, NAMES), EQUAL)
YEARS = [2.0, 1.0, 3.0]


def truth(pixels: int) -> tuple[Float64Array, Float64Array, np.ndarray]:
    """Rates, first shares, and courses that follow them, (period, pixel)."""
    rng = np.random.default_rng(3)
    true = np.array([[-0.03, 0.03, 0.0], [0.0, -0.12, 0.12], [0.0, 0.02, -0.02]])
    first = np.array([0.7, 0.2, 0.1])
    course = [rng.choice(3, pixels, p=first)]
    for step in steps_between(true, YEARS):
        edges = step.cumsum(axis=1)[course[-1]]
        course.append((rng.random(pixels)[:, None] > edges).sum(axis=1).clip(0, 2))
    return true, first, np.array(course)


def read(course: np.ndarray, right: float) -> Float32Array:
    """Calibrated readings that are right so often, and else of any other class."""
    rng = np.random.default_rng(4)
    other = (course + rng.integers(1, 3, course.shape)) % 3
    shown = np.where(rng.random(course.shape) < right, course, other)
    given = np.full((len(course), 3, course.shape[1]), (1 - right) / 2, dtype=np.float32)
    np.put_along_axis(given, shown[:, None], np.float32(right), axis=1)
    return given


@pytest.mark.parametrize("right", [1.0, 0.85])
def test_rates_by_the_year_and_first_shares_are_found(right: float) -> None:
    true, first, course = truth(20_000)
    found = learn(read(course, right), START, EQUAL, YEARS)
    np.testing.assert_allclose(found.rates, true, atol=0.012)
    np.testing.assert_allclose(found.first, first, atol=0.02)
    assert (found.rates[true == 0] == 0).all()  # what never happens never does
    np.testing.assert_allclose(found.rates.sum(axis=1), 0, atol=1e-12)


def test_a_period_that_saw_nothing_says_nothing() -> None:
    true, first, course = truth(20_000)
    given = read(course, 0.95)
    given[2, :, ::2] = np.nan
    found = learn(given, START, EQUAL, YEARS)
    np.testing.assert_allclose(found.rates, true, atol=0.012)
    np.testing.assert_allclose(found.first, first, atol=0.02)


def test_readings_twice_as_sure_count_half() -> None:
    """The square of a likelihood to the power of a half is that likelihood."""
    given = read(truth(2_000)[2], 0.85)
    squares = given**2 / (given**2).sum(axis=1, keepdims=True)
    plain, halved = learn(given, START, EQUAL, YEARS), learn(squares, START, EQUAL, YEARS, 0.5)
    np.testing.assert_allclose(halved.rates, plain.rates, atol=2e-6)
    np.testing.assert_allclose(halved.first, plain.first, atol=2e-6)


def test_of_few_pixels_little_is_learned() -> None:
    """One pixel that turns at once does not outweigh what was known."""
    given = read(np.array([[0], [1]]), 0.99)
    found = learn(given, START, EQUAL, [1.0])
    np.testing.assert_allclose(found.rates, START.rates, atol=0.02)
    none = learn(np.zeros((2, 3, 0), np.float32), START, EQUAL, [1.0])
    np.testing.assert_array_equal(none.rates, START.rates)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_what_is_learned_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = rng.dirichlet(np.full(3, 0.4), (3, 40)).astype(np.float32).transpose(0, 2, 1)
    found = learn(np.ascontiguousarray(given), START, EQUAL, [1.0, 2.5])
    off = found.rates[~np.eye(3, dtype=bool)]
    assert (off >= 0).all()
    assert found.first.sum() == pytest.approx(1)
    assert (found.first > 0).all()
