"""Temperatures and reliability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from minecover.accuracy.calibration import fit_temperature, reliability
from minecover.arrays import Float64Array, Int64Array


def drawn(temperature: float, n: int = 4000, seed: int = 0) -> tuple[Float64Array, Int64Array]:
    """Labels drawn from probabilities whose scores are then stretched by `temperature`."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (n, 5))
    true = softmax(scores, axis=1)
    labels = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=4)
    return softmax(scores * temperature, axis=1), labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_planted_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.06)


def test_calibration_improves_where_it_should() -> None:
    probabilities, labels = drawn(3.0)
    found = fit_temperature(probabilities, labels)
    calibrated = softmax(np.log(probabilities) / found, axis=1)
    told = calibrated.argmax(axis=1)
    assert (told == probabilities.argmax(axis=1)).all()
    before = reliability(probabilities.max(axis=1), told == labels).error
    after = reliability(calibrated.max(axis=1), told == labels).error
    assert before > 0.15
    assert after < 0.02


def test_certain_and_wrong_costs_much_but_not_infinitely() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert fit_temperature(probabilities, np.array([1, 0, 1])) > 5


def test_reliability_by_hand() -> None:
    confidence = np.array([0.95, 0.91, 0.55, 0.51, 1.0])
    right = np.array([True, False, True, True, True])
    told = reliability(confidence, right)
    assert told.points == (2, 3)
    assert told.accuracy == pytest.approx((1.0, 2 / 3))
    assert told.confidence == pytest.approx((0.53, (0.95 + 0.91 + 1.0) / 3))
    assert told.error == pytest.approx((2 * 0.47 + 3 * (0.953333 - 2 / 3)) / 5, abs=1e-5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_every_point_is_in_one_bin(points: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(part) for part in zip(*points, strict=True))
    told = reliability(confidence, right)
    assert sum(told.points) == len(points)
    assert 0 <= told.error <= 1


def test_nothing_to_look_at_is_an_error() -> None:
    with pytest.raises(ValueError, match="no point"):
        reliability(np.empty(0), np.empty(0, dtype=bool))
    with pytest.raises(ValueError, match="0 labels"):
        fit_temperature(np.empty((0, 2)), np.empty(0, dtype=np.int64))
