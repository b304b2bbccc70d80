"""Perceptrons read unit by unit: what scikit-learn gives, and the same bits in any company."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from minecover.models.layers_in_order import perceptron_probabilities
from minecover.testing.invariants import assert_same_bits

PIXELS = np.random.default_rng(3).normal(size=(700, 30)).astype(np.float32)


@pytest.fixture(scope="module", params=[2, 5], ids=["two classes", "five classes"])
def estimator(request: pytest.FixtureRequest) -> Any:
    labels = (np.arange(len(PIXELS)) % request.param) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((128, 64), max_iter=3, random_state=0).fit(PIXELS, labels)


def test_it_is_what_scikit_learn_gives(estimator: Any) -> None:
    found = perceptron_probabilities(estimator, PIXELS)
    np.testing.assert_allclose(found, estimator.predict_proba(PIXELS), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 699), count=st.integers(1, 600))
def test_a_pixel_is_read_alike_in_any_company(estimator: Any, first: int, count: int) -> None:
    part = slice(first, first + count)
    whole = perceptron_probabilities(estimator, PIXELS)
    assert_same_bits(perceptron_probabilities(estimator, PIXELS[part]), whole[part])
