"""Pixels that a model is surest of, as further samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minecover.models.data import TrainingData
from minecover.models.self_training import Unlabelled, surest, with_pixels


def probabilities_of(classes: list[int], sure: list[float]) -> np.ndarray:
    """Of three classes: that of the pixel has what it is sure by, the others share the rest."""
    out = np.repeat((1 - np.array(sure, np.float32))[:, None] / 2, 3, axis=1)
    out[np.arange(len(classes)), classes] = sure
    return out


def test_of_each_class_the_surest_come_first() -> None:
    read = probabilities_of([0, 1, 0, 1, 2, 1], [0.9, 0.5, 0.8, 0.6, 0.4, 0.7])
    assert surest(read, np.array([1, 2, 3])).tolist() == [0, 5, 3, 4]
    assert surest(read, np.array([0, 9, 0])).tolist() == [5, 3, 1]


def test_how_the_last_digits_were_rounded_decides_nothing() -> None:
    read = probabilities_of([0, 0, 0], [0.7000001, 0.7000003, 0.7000002])
    assert surest(read, np.array([2, 0, 0])).tolist() == [0, 1]


def test_nothing_is_chosen_of_nothing() -> None:
    assert len(surest(np.empty((0, 3), np.float32), np.array([2, 2, 2]))) == 0


@given(st.integers(0, 2**32), st.integers(0, 12), st.floats(0.05, 1.0))
def test_classes_weigh_together_what_their_labelled_samples_weighed(
    seed: int, added: int, weight: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1, 2], rng.integers(0, 3, 9)])
    own = rng.uniform(0.5, 2, 12).astype(np.float32)
    data = TrainingData(np.zeros((12, 1, 1, 1), np.float32), labels, ("a",), (1, 2, 3), own)
    pixels = Unlabelled(np.ones((20, 1, 1, 1), np.float32))
    rows, classes = rng.permutation(20)[:added], rng.integers(0, 3, added)
    joint = with_pixels(data, pixels, rows, classes, weight)
    assert joint.weights is not None
    assert len(joint.patches) == len(joint.labels) == 12 + added
    assert joint.patches[:, 0, 0, 0].tolist() == [0] * 12 + [1] * added
    np.testing.assert_allclose(
        np.bincount(joint.labels, joint.weights, minlength=3),
        np.bincount(labels, own, minlength=3),
        rtol=1e-5,
    )
    for number in range(3):  # within a class a pixel weighs so much of what a sample does
        fresh = joint.weights[12:][classes == number]
        one = (joint.weights[:12] / own)[labels == number][0]
        np.testing.assert_allclose(fresh, weight * one, rtol=1e-5)


def test_pixels_without_a_value_are_left_out() -> None:
    patches = np.zeros((3, 2, 3, 3), np.float32)
    patches[0, 1, 1, 1], patches[1, 1, 0, 0] = np.nan, np.nan
    pixels = Unlabelled(patches)
    assert pixels.is_complete.tolist() == [False, True, True]  # nodata around it is no matter
    assert len(pixels.part(pixels.is_complete).patches) == 2
    assert pixels.centres.shape == (3, 2)
