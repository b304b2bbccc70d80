"""Boosted trees read by masks of their leaves: the bits of scikit-learn, in any company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from minecover.models.leaf_masks import LeafMasks
from minecover.testing.invariants import assert_same_bits

EXACT = np.random.default_rng(5).normal(size=(700, 12))
"""Fitted to in double precision, so that thresholds are no numbers of single precision."""
PIXELS = EXACT.astype(np.float32)
SUM = PIXELS[:, :3].sum(axis=1) * PIXELS[:, 3]


def fitted(classes: int, leaves: int | None, **parameters: Any) -> Any:
    labels = np.digitize(SUM, np.quantile(SUM, np.arange(1, classes) / classes))
    estimator = HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=leaves, min_samples_leaf=2, random_state=0, **parameters
    )
    return estimator.fit(EXACT, labels)


@pytest.fixture(scope="module", params=[(2, 8), (5, 8), (3, 32), (5, 2)])
def estimator(request: pytest.FixtureRequest) -> Any:
    return fitted(*request.param)


def probabilities(estimator: Any, pixels: np.ndarray[Any, Any]) -> Any:
    masks = LeafMasks.of(estimator)
    assert masks is not None
    return estimator._loss.predict_proba(masks.scores(pixels))


def test_it_has_the_bits_of_scikit_learn_also_at_a_threshold(estimator: Any) -> None:
    assert_same_bits(probabilities(estimator, PIXELS), estimator.predict_proba(PIXELS))
    trees = [tree.nodes for round_ in estimator._predictors for tree in round_]
    above = [np.float32(tree["num_threshold"][0]) > tree["num_threshold"][0] for tree in trees]
    assert 0 < np.mean(above) < 1
    near = np.repeat(PIXELS[:1], 3 * len(trees), axis=0)
    for number, tree in enumerate(trees):  # every pixel comes to its first node
        at = np.float32(tree["num_threshold"][0])
        ends = (np.nextafter(at, np.float32(-np.inf)), at, np.nextafter(at, np.float32(np.inf)))
        near[3 * number : 3 * number + 3, tree["feature_idx"][0]] = ends
    assert_same_bits(probabilities(estimator, near), estimator.predict_proba(near))


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 699), count=st.integers(1, 600))
def test_a_pixel_is_read_alike_in_any_company(estimator: Any, first: int, count: int) -> None:
    part = slice(first, first + count)
    whole = probabilities(estimator, PIXELS)
    assert_same_bits(probabilities(estimator, PIXELS[part]), whole[part])


def test_trees_that_it_cannot_read_are_left_to_scikit_learn() -> None:
    assert LeafMasks.of(fitted(3, None)) is None
    codes = PIXELS.copy()
    codes[:, 0] = np.digitize(PIXELS[:, 0], [-1, 0, 1])
    by_category = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0])
    assert LeafMasks.of(by_category.fit(codes, codes[:, 0] % 2)) is None
