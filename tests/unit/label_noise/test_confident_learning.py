"""How many labels are wrong, by estimate, against labels that were turned on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from minecover.arrays import Float64Array, Int64Array
from minecover.label_noise.confident_learning import confident_joint, noise_rate


def certain(true: Int64Array, classes: int) -> Float64Array:
    """Probabilities of a model that is always right and sure."""
    return np.eye(classes)[true]


def unsure(true: Int64Array, classes: int, rng: np.random.Generator) -> Float64Array:
    """Probabilities of a model that is mostly right: those of the truth are raised."""
    logits = rng.normal(size=(len(true), classes)) + 3.5 * np.eye(classes)[true]
    shares = np.exp(logits)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def turned(true: Int64Array, classes: int, share: float, rng: np.random.Generator) -> Int64Array:
    labels = true.copy()
    rows = rng.choice(len(true), round(share * len(true)), replace=False)
    labels[rows] = (true[rows] + rng.integers(1, classes, len(rows))) % classes
    return labels


def test_a_sure_model_counts_each_turned_label() -> None:
    """Of three points labelled 0 one is of class 1, of three labelled 1 none is of another."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    joint = confident_joint(labels, certain(np.array([0, 0, 1, 1, 1, 1]), 2))
    np.testing.assert_array_equal(joint, [[2, 1], [0, 3]])
    found = noise_rate(labels, certain(np.array([0, 0, 1, 1, 1, 1]), 2), np.arange(6))
    assert found.rate == pytest.approx(1 / 6)
    np.testing.assert_allclose(found.by_class, [1 / 3, 0])
    np.testing.assert_allclose(found.joint, np.array([[2, 1], [0, 3]]) / 6)


def test_a_class_without_labels_takes_no_points() -> None:
    true = np.array([0, 0, 0, 2, 2, 2])
    probabilities = np.array([[0.5, 0.3, 0.2]] * 3 + [[0.2, 0.3, 0.5]] * 3)
    joint = confident_joint(true, probabilities)
    np.testing.assert_array_equal(joint, np.diag([3, 0, 3]))
    found = noise_rate(true, probabilities, np.arange(6))
    assert found.rate == 0
    np.testing.assert_array_equal(found.by_class, [0, np.nan, 0])


def test_labels_of_one_class_are_right() -> None:
    labels = np.full(5, 1)
    np.testing.assert_array_equal(confident_joint(labels, np.full((5, 2), 0.5)), np.diag([0, 5]))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.15])
def test_the_share_of_turned_labels_lies_in_the_interval(share: float) -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(0, 4, 2000)
    labels = turned(true, 4, share, rng)
    found = noise_rate(labels, unsure(true, 4, rng), rng.integers(0, 60, 2000))
    assert found.low <= found.rate <= found.high
    assert found.low - 0.01 <= share <= found.high + 0.01
    assert found.high - found.low < 0.05


def test_points_that_err_together_widen_the_interval() -> None:
    """Wrong labels of few blocks are less certain a share than as many scattered ones."""
    rng = np.random.default_rng(1)
    true, block = rng.integers(0, 3, 900), np.repeat(np.arange(30), 30)
    labels = np.where(block < 3, (true + 1) % 3, true)
    probabilities = certain(true, 3)
    together = noise_rate(labels, probabilities, block)
    apart = noise_rate(labels, probabilities, np.arange(900))
    assert together.rate == apart.rate == pytest.approx(0.1)
    assert together.high - together.low > 3 * (apart.high - apart.low)
