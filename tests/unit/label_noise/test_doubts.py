"""The order in which labels are looked at again."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from minecover.label_noise.doubts import doubts_of
from minecover.label_noise.neighbours import neighbour_shares


def test_the_doubt_is_that_of_model_and_neighbours_together() -> None:
    """Means (0.7, 0.2, 0.1) and (0.3, 0.5, 0.2), so margins 0.5 and -0.2, both labelled 0."""
    labels = np.array([0, 0])
    model = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]])
    shares = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2]])
    found = doubts_of(labels, model, shares)
    np.testing.assert_allclose(found.doubt, [0.25, 0.6])
    np.testing.assert_array_equal(found.likely, [1, 1])
    np.testing.assert_allclose(found.labelled, [0.6, 0.5])
    np.testing.assert_allclose(found.other, [0.3, 0.3])
    np.testing.assert_allclose(found.disagreeing, [0.2, 0.9])
    np.testing.assert_array_equal(found.order, [1, 0])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 12))
def test_doubt_is_above_a_half_exactly_where_another_class_is_likelier(
    seed: int, classes: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    model, shares = (rng.dirichlet(np.ones(classes), count) for _ in range(2))
    found = doubts_of(labels, model, shares)
    both, rows = model + shares, np.arange(count)
    np.testing.assert_array_equal(found.doubt > 0.5, both[rows, found.likely] > both[rows, labels])
    assert (found.likely != labels).all()
    assert ((found.doubt >= 0) & (found.doubt <= 1)).all()
    assert (np.diff(found.doubt[found.order]) <= 0).all()


def test_nearer_neighbours_count_more() -> None:
    """Of the point at 0 those at distance 1 and 2, in any unit: weights 1 and 1/2."""
    values = np.array([[0.0], [1.0], [-2.0], [40.0]], dtype=np.float32)
    labels = np.array([0, 1, 0, 1])
    shares = neighbour_shares(values, labels, 2, count=2)
    np.testing.assert_allclose(shares[0], [1 / 3, 2 / 3])
    np.testing.assert_allclose(shares, neighbour_shares(1000 * values, labels, 2, count=2))


def test_a_point_is_no_neighbour_of_itself_and_alike_points_are_none_of_it() -> None:
    values = np.zeros((3, 2), dtype=np.float32)
    shares = neighbour_shares(values, np.array([0, 1, 1]), 2, count=5)
    np.testing.assert_allclose(shares, [[0, 1], [0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(neighbour_shares(values[:1], np.array([0]), 2), [[0, 0]])


@pytest.mark.parametrize("kind", ["any other", "that of the nearest"])
def test_turned_labels_come_first(kind: str) -> None:
    """Of 5 % that are turned at least four fifths are among the first 8 %."""
    rng = np.random.default_rng(7)
    true = rng.integers(0, 4, 1200)
    centres = rng.normal(size=(4, 6)) * 2.2
    values = (centres[true] + rng.normal(size=(1200, 6))).astype(np.float32)
    distance = ((values[:, None] - centres) ** 2).sum(axis=2)
    labels, rows = true.copy(), rng.choice(1200, 60, replace=False)
    if kind == "any other":
        labels[rows] = (true[rows] + rng.integers(1, 4, 60)) % 4
    else:
        distance[np.arange(1200), true] = np.inf
        labels[rows] = distance[rows].argmin(axis=1)
        distance = ((values[:, None] - centres) ** 2).sum(axis=2)
    logits = np.exp(-distance / 4)
    model = logits / logits.sum(axis=1, keepdims=True)
    order = doubts_of(labels, model, neighbour_shares(values, labels, 4)).order
    assert np.isin(rows, order[:96]).mean() >= 0.8
