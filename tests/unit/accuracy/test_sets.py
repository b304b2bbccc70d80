"""Sets of classes that hold the true one."""

from __future__ import annotations

import numpy as np
import pytest

from minecover.accuracy.sets import class_sets, least_probabilities, set_document
from minecover.arrays import Float32Array, Int64Array


def drawn(count: int, seed: int = 0) -> tuple[Float32Array, Int64Array]:
    """Probabilities of three classes, the last of them rare, and labels drawn by them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet((1.0, 0.8, 0.2), count)
    labels = (rng.random((count, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=2)
    return probabilities.astype(np.float32), labels.astype(np.int64)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_every_class_is_covered_at_the_level(level: float) -> None:
    least = least_probabilities(*drawn(20_000), level)
    probabilities, labels = drawn(20_000, seed=1)
    chosen = class_sets(probabilities, least)
    assert chosen.any(axis=1).all()
    for number in range(3):
        own = labels == number
        # the most probable class is always in: never less, and of these hardly more
        assert level - 0.02 < chosen[own, number].mean() < level + 0.06


def test_too_few_points_take_a_class_into_every_set() -> None:
    probabilities = np.array([[0.9, 0.1]] * 8 + [[0.2, 0.8]] * 9, dtype=np.float32)
    labels = np.array([0] * 8 + [1] * 9)
    least = least_probabilities(probabilities, labels, 0.9)
    assert least[0] == 0  # 9 x 0.1 is below 1
    assert least[1] == np.float32(0.8)  # 10 x 0.1 is 1: the lowest of all
    chosen = class_sets(probabilities, least)
    assert chosen.tolist() == [[True, False]] * 8 + [[True, True]] * 9
    assert not class_sets(np.array([np.nan, np.nan], dtype=np.float32), least).any()


def test_coverage_is_tested_at_other_blocks() -> None:
    probabilities, labels = drawn(3000)
    names, blocks = ("a", "b", "c"), np.arange(3000) // 30
    document = set_document(probabilities, labels, blocks, names, 0.9)
    coverage = document["coverage"]
    assert isinstance(coverage, dict)
    assert 0.87 < coverage["low"] < coverage["value"] < coverage["high"] < 0.95
    alone = set_document(probabilities, labels, np.zeros(3000, np.int64), names, 0.9)
    assert alone["coverage"] is None
    assert alone["least_probability"] == document["least_probability"]
    # of a place where another truth holds nothing is known from the others
    labels[:600] = 2
    spoiled = set_document(probabilities, labels, np.arange(3000) // 600, names, 0.9)
    assert isinstance(spoiled["coverage"], dict)
    assert spoiled["coverage"]["value"] < 0.9
