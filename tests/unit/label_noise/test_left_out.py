"""The most doubtful labels are left out, as many as are surely wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import DataError
from minecover.label_noise.left_out import JudgedLabels, judge_labels

CLASSES, COUNT, BLOCKS = 3, 240, 24


class Points(NamedTuple):
    values: Float32Array
    true: Int64Array
    blocks: Int64Array

    def judged(self, labels: Int64Array, threads: int = 1) -> JudgedLabels:
        folds = self.blocks % 3
        return judge_labels(self.values, labels, folds, self.blocks, seed=0, threads=threads)


def points(spread: float = 0.12) -> Points:
    """Draw points of three classes around (0, 0), (1, 0) and (0, 1)."""
    rng = np.random.default_rng(5)
    true = np.arange(COUNT) % CLASSES
    centres = np.array([[0, 0], [1, 0], [0, 1]])
    values = (centres[true] + rng.normal(0, spread, (COUNT, 2))).astype(np.float32)
    return Points(values, true.astype(np.int64), rng.integers(0, BLOCKS, COUNT))


def turned(true: Int64Array, share: float) -> tuple[Int64Array, BoolArray]:
    rng = np.random.default_rng(6)
    rows = rng.choice(COUNT, round(share * COUNT), replace=False)
    labels, here = true.copy(), np.zeros(COUNT, dtype=bool)
    labels[rows], here[rows] = (true[rows] + rng.integers(1, CLASSES, len(rows))) % CLASSES, True
    return labels, here


def test_the_most_doubtful_go_as_many_as_are_surely_wrong() -> None:
    own = points()
    labels, wrong = turned(own.true, 0.2)
    judged = own.judged(labels)
    out, doubt = judged.left_out, judged.doubts.doubt
    assert out.sum() == int(judged.noise.low * COUNT)
    assert 0.1 < out.mean() < 0.2
    assert doubt[out].min() >= doubt[~out & judged.doubtful].max(initial=0.5)
    assert out[wrong].mean() > 0.6
    assert out[~wrong].mean() < 0.01
    told = judged.to_dict(("a", "b", "c"), labels)
    assert told["left_out"] == sum(told["by_class"].values()) == int(out.sum())
    assert told["by_class"]["a"] == int((out & (labels == 0)).sum())


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_hardly_any_right_label_goes_where_few_are_wrong(share: float) -> None:
    own = points()
    labels, wrong = turned(own.true, share)
    judged = own.judged(labels)
    assert not judged.left_out[~wrong].any()
    assert judged.left_out.sum() <= wrong.sum()


def test_a_class_that_models_do_not_know_stays() -> None:
    """Of class 2 two in three look like the other two classes; a fifth of the others is wrong."""
    own = points()
    labels, _ = turned(own.true, 0.2)
    values = own.values.copy()
    unknown = np.flatnonzero(labels == 2)[: (2 * int((labels == 2).sum())) // 3]
    values[unknown] = np.random.default_rng(7).normal(0, 0.12, (len(unknown), 2))
    values[unknown[::2], 0] += 1
    judged = Points(values, own.true, own.blocks).judged(labels)
    assert judged.doubts.doubt[unknown].mean() > 0.5
    assert not judged.doubtful[labels == 2].any()
    assert judged.doubtful[labels < 2].any()


def test_threads_do_not_change_which() -> None:
    own = points(spread=0.4)
    labels, _ = turned(own.true, 0.2)
    one, two = own.judged(labels), own.judged(labels, threads=2)
    np.testing.assert_array_equal(one.doubtful, two.doubtful)
    assert one.noise.low == two.noise.low


def test_labels_of_one_class_cannot_be_doubted() -> None:
    own = points()
    labels = (own.blocks % 3 == 1).astype(np.int64)  # without fold 1 all are of class 0
    with pytest.raises(DataError, match="without fold 1 all points are of one class"):
        own.judged(labels)
