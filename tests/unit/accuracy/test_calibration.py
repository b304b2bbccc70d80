"""Temperatures and reliability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from minecover.accuracy.calibration import (
    Recalibration,
    cross_fitted,
    fit_recalibration,
    fit_temperature,
    losses,
    reliability,
    share_shift,
)
from minecover.arrays import Float32Array, Float64Array, Int64Array


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


def biased(
    count: int, temperature: float, biases: tuple[float, ...], seed: int = 0
) -> tuple[Float32Array, Int64Array]:
    """Probabilities that are wrong by a temperature and biases, and labels drawn by the true."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (count, len(biases)))
    truth = softmax(scores / temperature + np.array(biases), axis=1)
    labels = np.array([rng.choice(len(biases), p=row) for row in truth], dtype=np.int64)
    return softmax(scores, axis=1).astype(np.float32), labels


def test_recalibration_finds_what_made_the_labels() -> None:
    biases = (1.0, 0.0, -1.0)
    probabilities, labels = biased(4000, 2.0, biases)
    found = fit_recalibration(probabilities, labels)
    assert found.temperature == pytest.approx(2.0, rel=0.1)
    np.testing.assert_allclose(np.diff(found.biases), np.diff(biases), atol=0.15)
    after, before = (losses(read, labels) for read in (found.apply(probabilities), probabilities))
    assert after.mean() < before.mean()


def test_without_biases_no_point_is_of_another_class() -> None:
    probabilities, labels = biased(4000, 2.0, (2.0, 0.0, -2.0))
    folds = np.arange(4000) % 3
    found = fit_recalibration(probabilities, labels, biased=False)
    assert found.temperature > 1.5
    assert found.biases == (0.0, 0.0, 0.0)
    crossed = cross_fitted(probabilities, labels, folds, biased=False)
    np.testing.assert_array_equal(crossed.argmax(axis=1), probabilities.argmax(axis=1))


def test_few_labels_move_little() -> None:
    probabilities, labels = biased(4000, 2.0, (2.0, 0.0, -2.0))
    few = fit_recalibration(probabilities[:3], labels[:3])
    assert np.abs(few.biases).max() < 1  # one normal deviation, with three labels against it
    certain = np.array([[1.0, 0.0]], dtype=np.float32)
    assert np.isfinite(fit_recalibration(certain, np.array([1])).apply(certain)).all()
    with pytest.raises(ValueError, match="probabilities for 2 labels"):
        fit_recalibration(certain, np.array([1, 0]))


@given(st.floats(0.2, 5), st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_recalibrations_follow_each_other(temperature: float, biases: list[float]) -> None:
    probabilities, _ = biased(20, 1.0, (0.0,) * 4)
    one, two = Recalibration(temperature, tuple(biases)), Recalibration(0.5, (0.0, 1.0, 0.0, -1.0))
    step = two.apply(one.apply(probabilities.astype(np.float32)))
    np.testing.assert_allclose(two.after(one).apply(probabilities), step, atol=2e-3)
    np.testing.assert_allclose(step.sum(axis=1), 1, atol=1e-6)
    plain = Recalibration(temperature, (0.0,) * 4).apply(probabilities)
    assert (plain.argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_a_point_is_recalibrated_by_the_others() -> None:
    probabilities, labels = biased(400, 1.0, (2.0, 0.0, -2.0))
    folds = np.arange(400) % 4
    crossed = cross_fitted(probabilities, labels, folds)
    without = fit_recalibration(probabilities[folds != 2], labels[folds != 2])
    np.testing.assert_array_equal(crossed[folds == 2], without.apply(probabilities[folds == 2]))
    alone = cross_fitted(probabilities, labels, np.zeros(400, dtype=np.int64))
    np.testing.assert_array_equal(alone, probabilities)


def test_how_many_points_a_class_has_says_nothing_of_the_ground() -> None:
    """A third of the points of the first class are labelled, of the others all."""
    probabilities, labels = biased(9000, 1.0, (0.0, 0.0, 0.0))
    kept = (labels > 0) | (np.arange(9000) % 3 == 0)
    learned, here = np.bincount(labels), np.bincount(labels[kept])
    shift = share_shift(here, learned.astype(np.float64))
    found = fit_recalibration(probabilities[kept], labels[kept], shift)
    np.testing.assert_allclose(np.diff(found.biases), 0, atol=0.15)
    blind = fit_recalibration(probabilities[kept], labels[kept])
    assert np.diff(blind.biases)[0] == pytest.approx(np.log(3), abs=0.15)
