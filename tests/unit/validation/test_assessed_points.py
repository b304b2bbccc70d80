"""What held-out points say of their labels."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array, Int64Array
from minecover.validation.assessed_points import AssessedPoints
from minecover.validation.holdout import over_classes

CODES = {"forest": 2, "water": 3, "mine": 7}


def assessed(reference: Int64Array, probabilities: Float32Array) -> AssessedPoints:
    count, codes = len(reference), np.array(list(CODES.values()))
    mapped = codes[probabilities.argmax(axis=1)]
    return AssessedPoints(
        rows=np.arange(count), reference=reference, mapped=mapped, plain=mapped, smoothed=mapped,
        apart=np.ones(count, bool), confidence=probabilities.max(axis=1),
        probabilities=probabilities, map_probabilities=probabilities,
        blocks=np.arange(count) // 4,
        region=np.full(count, "", object), readings=np.zeros((count, 0, 3), np.float32),
    )  # fmt: skip


def test_a_class_that_a_model_does_not_know_has_no_probability() -> None:
    read = np.array([[0.25, 0.75], [1, 0]], dtype=np.float32)
    laid = over_classes(read, (7, 2), tuple(CODES.values()))
    np.testing.assert_array_equal(laid, [[0.75, 0, 0.25], [0, 0, 1]])


def test_labels_that_sure_models_speak_against_are_counted_by_class() -> None:
    """Of ten labels of each of two classes one is of the other; of water there are none."""
    true = np.repeat([0, 2], 10)
    label = true.copy()
    label[[4, 15]] = [2, 0]
    reference = np.array([2, 3, 7])[label]
    found = assessed(reference, np.eye(3, dtype=np.float32)[true]).wrong_labels(CODES)
    assert found is not None
    assert found["rate"] == 0.1
    assert found["low"] <= 0.1 <= found["high"]
    assert found["classes"] == {"forest": 0.1, "water": None, "mine": 0.1}
    assert found["joint"]["forest"] == {"forest": 0.45, "water": 0.0, "mine": 0.05}


def test_nothing_is_known_of_no_points() -> None:
    none = assessed(np.zeros(0, np.int64), np.zeros((0, 3), np.float32))
    assert none.wrong_labels(CODES) is None
